/* SPDX-License-Identifier: MIT
 *
 * What the server oracle is made of; only the server_oracle_*.c files include it.
 */
#ifndef SIM_SERVER_ORACLE_INNER_H
#define SIM_SERVER_ORACLE_INNER_H

#include "tests/sim/pending.h"
#include "tests/sim/server_oracle.h"
#include "tests/sim/seats.h"
#include "tests/sim/tokens.h"

struct used_id {
    char id[PEER_ID_MAX + 1];
    uint64_t left; /* the life in which a seat of this id that came from an earlier one was left again */
    UT_hash_handle hh;
};

struct told_room;
struct told_peer;

struct server_oracle {
    struct world *w;
    struct core_settings settings;
    struct seats seats;
    struct token *tokens;
    struct used_id *used;
    struct pending pending;
    struct {
        struct told_room *rooms;
        struct told_peer *peers;
    } told;               /* what a receiver of webhooks believes; uthash */
    size_t hashing;       /* passwords being hashed */
    uint64_t life, began; /* which start of the daemon this is, and when it began to listen */
    uint64_t relayed, unkept, last_sweep, drain_since;
    bool listening, draining, drained;
    int64_t wall_lead; /* of the wall clock over ours, and whether that was ever another in this life: */
    bool wall_stepped;
    uint64_t return_after; /* as the last server-draining said */
    /* the step being judged */
    const struct core *core;
    const struct core_event *event;
    const struct core_effects *fx;
    struct claim claim;
    struct caller *self;
    const struct frame *parsed; /* the frame that `said` was read from */
    json_t *said;
    struct seat *taken;              /* its old connection was closed for a resume */
    struct claims claims;            /* of the join's token */
    uint32_t may;                    /* 1 << enum error of the refusals of this join or resume that are right */
    uint64_t wait_ms;                /* of a good token: its seat is kept by who has it for so long; 0: it is not */
    bool either;                     /* though it may succeed as well */
    bool free, over_rate;            /* the pong that was asked for; above message_rate */
    bool asks_hash, hashes, limited; /* its password is to be hashed first, and is; a rate-limited was said */
    unsigned answers, relays, welcomes;
    enum error error; /* sent to self, ERROR_NONE if none */
};

/* ---- server_oracle_may.c: what is right ---- */
bool server_oracle_keeps(const struct server_oracle *j); /* seats of broken connections, now */
size_t server_oracle_capacity(const struct server_oracle *j, const struct room *r); /* 0: no limit */
void server_oracle_may_join(struct server_oracle *j, bool hashed, bool proven);
void server_oracle_may_resume(struct server_oracle *j);
bool server_oracle_may_fail(const struct server_oracle *j, enum error e);

/* ---- server_oracle_moves.c: who comes and goes ---- */
void server_oracle_left(struct server_oracle *j, const struct seat *s); /* it has no seat any more */
void server_oracle_leave(struct server_oracle *j, struct seat *s, const char *reason);
void server_oracle_lose(struct server_oracle *j, struct caller *c, const char *why);
void server_oracle_expire(struct server_oracle *j);
void server_oracle_expire_seats(struct server_oracle *j);
bool server_oracle_is_behind(
    const struct server_oracle *j); /* what is over was not done yet: only so much is in one step */
size_t server_oracle_batch(const struct server_oracle *j); /* so much of each kind */
void server_oracle_close(struct server_oracle *j, struct caller *c, const struct core_effect *e);
void server_oracle_depart(
    struct server_oracle *j, struct caller *c, uint16_t code); /* by its own Close; 0: without one */

/* ---- server_oracle_rest.c: what is asked over HTTP ---- */
void server_oracle_request(struct server_oracle *j);
void server_oracle_create_hashed(struct server_oracle *j, struct asked *a);
void server_oracle_stored(struct server_oracle *j);
void server_oracle_answer_stored(struct server_oracle *j); /* some of those who waited for that */
void server_oracle_store(struct server_oracle *j, const struct core_effect *e);
void server_oracle_response(struct server_oracle *j, const struct core_effect *e);
void server_oracle_pending(struct server_oracle *j);

/* ---- server_oracle_lapse.c: what lapses by the wall clock ---- */
void server_oracle_clock(struct server_oracle *j); /* at each event */
/* Credentials are in what is said; again: in ice-servers. */
void server_oracle_credentials(struct server_oracle *j, struct caller *c, bool again);
void server_oracle_lapse(struct server_oracle *j, struct caller *c); /* whether it holds what has lapsed */

/* ---- server_oracle_webhooks.c: what webhooks are told ---- */
void server_oracle_webhook(struct server_oracle *j, const struct core_effect *e);
void server_oracle_webhooks_restore(struct server_oracle *j); /* rooms of an earlier life, which were told then */
void server_oracle_webhooks_agree(struct server_oracle *j);   /* at the end of a step */
void server_oracle_webhooks_reset(struct server_oracle *j);

/* ---- server_oracle_said.c: what is said ---- */
void server_oracle_said(struct server_oracle *j, struct caller *c, struct frame *frame);
const char *server_oracle_text(const struct server_oracle *j, const char *name); /* a string member of what is said */
json_t *server_oracle_relayed(const struct server_oracle *j); /* what the reader of this relay gets; owned */

#endif
