/* SPDX-License-Identifier: MIT
 *
 * A key for tokens: one file, one key, one algorithm.
 *
 *     alg: HS256            one of HS256 HS384 HS512 RS256 ES256
 *     kid: 2026-spring      1 to 64 of A-Z a-z 0-9 . _ -
 *
 *     base64 of the secret, or the PEM of a public key (of a private one where tokens are made)
 */
#ifndef SERVER_ADAPTERS_TOKEN_KEY_H
#define SERVER_ADAPTERS_TOKEN_KEY_H

#include <jwt.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "base/span.h"

enum {
    KEY_FILE_MAX = 16 * 1024,
    KID_MAX = 64
};

struct token_key {
    jwt_alg_t alg;
    char kid[KID_MAX + 1];
    unsigned char *bytes; /* owned: the secret, or PEM text with its NUL */
    int n;                /* without the NUL */
    EVP_PKEY *pair;       /* owned: what the PEM holds; NULL for a secret */
};

/* False with the sentence in e, which never shows what the key is. maker: a private key is expected where the
 * algorithm has one. The key must be zeroed; free it with token_key_done either way. */
bool token_key_load(struct token_key *k, const char *path, bool maker, struct err *e);
void token_key_done(struct token_key *k);

/* "HS256"; the algorithm of this name among those that we take, or JWT_ALG_INVAL. */
const char *token_alg_name(jwt_alg_t alg);
jwt_alg_t token_alg_find(struct span name);
bool token_alg_is_secret(jwt_alg_t alg);

#endif
