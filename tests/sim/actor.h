/* SPDX-License-Identifier: MIT
 *
 * A client of the native dialect that does what a story tells it and nothing of its own accord but answer pings.
 */
#ifndef SIM_ACTOR_H
#define SIM_ACTOR_H

#include <jansson.h>

#include "tests/sim/run.h"

enum {
    ACTOR_WAIT_MS = 5000
};

struct actor {
    struct run *r;
    unsigned host;
    struct wire *wire; /* NULL: offline */
    bool open, mute;   /* welcomed; pongs are not sent */
    uint16_t closed;   /* the code of its last close */
    char id[PEER_ID_MAX + 1], token[RESUME_TOKEN_MAX + 1];
    json_t *said;          /* the last message, but for relayed ones */
    json_int_t tag;        /* of the last relayed one; they must count up */
    unsigned heard, moves; /* relayed messages, and news of others, since it connected */
    uint32_t ping;         /* the number of the last one that came */
    unsigned pings;        /* that it did not answer */
};

void actor_init(struct actor *a, struct run *r);
void actor_done(struct actor *a);

/* Each waits until the daemon answered, and fails after ACTOR_WAIT_MS. */
void actor_connect(struct actor *a);
void actor_join(struct actor *a, const char *room);
/* The answer: `peers`, `resumed` or `error`; borrowed until the next one. */
const json_t *actor_ask_join(struct actor *a, const char *room, const char *password, const char *token);
const json_t *actor_ask_resume(struct actor *a, const char *token);
/* With its newest token, where it must succeed; on a new connection if it has none. */
const json_t *actor_resume(struct actor *a);

/* These do not wait. */
void actor_say(struct actor *a, struct span text);
void actor_relay(struct actor *a, const struct actor *to, json_int_t tag, size_t bytes);
/* No packet more comes from it; its machine answers with resets unless it is `gone` with it. */
void actor_vanish(struct actor *a, bool gone);
/* Waits for the close of its connection. */
void actor_wait_closed(struct actor *a);
const char *actor_text(const struct actor *a, const char *name); /* a member of `said` */

#endif
