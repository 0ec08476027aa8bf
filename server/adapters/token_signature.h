/* SPDX-License-Identifier: MIT */
#ifndef SERVER_ADAPTERS_TOKEN_SIGNATURE_H
#define SERVER_ADAPTERS_TOKEN_SIGNATURE_H

#include "server/adapters/token_key.h"

/* Whether these bytes are a signature over the text by the key and its one algorithm (RFC 7518 section 3). */
bool token_signature_good(
    const struct token_key *k, struct span text, const unsigned char *signature, size_t signature_n);

#endif
