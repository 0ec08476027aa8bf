/* SPDX-License-Identifier: MIT
 *
 * Tokens (JSON Web Tokens, RFC 7519): checked with the keys of the settings, and made for trying. Claims: `room` (a
 * room's id, or what ids begin with and `*`), `name` (shown instead of displayName, not empty), `sub` (shown to nobody), `exp`,
 * `nbf`, `iat`, `admin`. The header's `typ` is for the application, and may be anything.
 */
#ifndef SERVER_IO_TOKEN_H
#define SERVER_IO_TOKEN_H

#include "base/err.h"
#include "server/core/core.h"
#include "server/io/token_key.h"

struct token_keys;

struct token_settings {
    const char *const *files;      /* of keys */
    const char *const *algorithms; /* that keys may name; none: all */
    const char *const *admins;     /* subjects that are admin without the claim; borrowed */
    size_t file_count, algorithm_count, admin_count;
    uint64_t leeway_s; /* how far the clocks of those who make tokens may be off (RFC 7519 section 4.1.4) */
};

/* NULL with the sentence in e, which shows no key. */
struct token_keys *token_keys_new(const struct token_settings *s, struct err *e);
/* Takes NULL. */
void token_keys_free(struct token_keys *keys);
size_t token_keys_count(const struct token_keys *keys);
/* The first that is a secret; NULL if there is none. */
const struct token_key *token_keys_secret(const struct token_keys *keys);

/* NULL and the claims if the token is good, whose `expires` has the leeway in it; else a static sentence on why not, which may be shown to whoever sent it.
 * keys is a struct token_keys: see struct core_ports. */
const char *token_verify(void *keys, struct span token, uint64_t unix_seconds, struct claims *claims);

/* The token that makes these claims, or NULL; free it with free(). The key is a maker's (see token_key_load). */
char *token_make(const struct token_key *key, const struct claims *claims, uint64_t unix_seconds);

#endif
