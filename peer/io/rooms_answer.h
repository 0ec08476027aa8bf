/* SPDX-License-Identifier: MIT
 *
 * What a daemon answers about rooms over HTTP (usherd(8), HTTP), read out of the answer's body. Pure.
 */
#ifndef PEER_IO_ROOMS_ANSWER_H
#define PEER_IO_ROOMS_ANSWER_H

#include <jansson.h>

#include "base/span.h"
#include "peer/include/usher.h"

struct rooms_answer {
    json_t *tree;             /* owned: all texts are its */
    struct usher_room *rooms; /* owned */
    size_t count;
    const char *owner_token; /* NULL: it has none */
};

/* A list of rooms. False, and out is empty, if that is not what it is, or memory is short. */
bool rooms_answer_list(struct rooms_answer *out, struct span body);
/* A room that was made, and its owner token: one that may stand in a header. */
bool rooms_answer_made(struct rooms_answer *out, struct span body);
/* The words of a refusal: code and message are borrowed from out. */
bool rooms_answer_error(struct rooms_answer *out, struct span body, const char **code, const char **message);
/* Takes a zeroed one too. */
void rooms_answer_done(struct rooms_answer *out);

/* Whether it may stand behind Authorization: Bearer (RFC 6750 section 2.1), and is at most TOKEN_MAX bytes. */
bool rooms_token_valid(const char *token);

#endif
