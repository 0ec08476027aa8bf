/* SPDX-License-Identifier: MIT
 *
 * Every resume token that a daemon gave out, over all its lives, and what it was given for. The server oracle keeps a table of
 * them where the daemon keeps none and reads its own seal.
 */
#ifndef SIM_TOKENS_H
#define SIM_TOKENS_H

#include "tests/sim/seats.h"

struct token {
    char id[PEER_ID_MAX + 1], room[ROOM_ID_MAX + 1];
    uint64_t incarnation, life, stay, expires;
    unsigned turn; /* how many resumes led to it */
    bool made;     /* its room was made over HTTP */
    json_t *self;
    UT_hash_handle hh;
    char text[];
};

/* The token that this seat was given now, after `turn` resumes. */
void tokens_add(struct token **all, const char *text, const struct seat *s, uint64_t life, unsigned turn);
/* NULL if it was never given out; text may be NULL. */
struct token *tokens_find(struct token *all, const char *text);
void tokens_free(struct token **all);

#endif
