/* SPDX-License-Identifier: MIT
 *
 * What the judge is made of; only the judge_*.c files include it.
 */
#ifndef SIM_JUDGE_INNER_H
#define SIM_JUDGE_INNER_H

#include "tests/sim/desk.h"
#include "tests/sim/judge.h"
#include "tests/sim/seats.h"
#include "tests/sim/tokens.h"

struct used_id {
    char id[PEER_ID_MAX + 1];
    uint64_t left; /* the life in which a seat of this id that came from an earlier one was left again */
    UT_hash_handle hh;
};

struct judge {
    struct world *w;
    struct core_settings settings;
    struct seats seats;
    struct token *tokens;
    struct used_id *used;
    struct desk desk;
    size_t hashing;       /* passwords under way */
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

/* ---- judge_may.c: what is right ---- */
bool judge_keeps(const struct judge *j);                            /* seats of broken connections, now */
size_t judge_capacity(const struct judge *j, const struct room *r); /* 0: no limit */
void judge_may_join(struct judge *j, bool hashed, bool proven);
void judge_may_resume(struct judge *j);
bool judge_may_fail(const struct judge *j, enum error e);

/* ---- judge_moves.c: who comes and goes ---- */
void judge_left(struct judge *j, const struct seat *s); /* it has no seat any more */
void judge_leave(struct judge *j, struct seat *s, const char *reason);
void judge_lose(struct judge *j, struct caller *c, const char *why);
void judge_expire(struct judge *j);
bool judge_is_behind(const struct judge *j); /* what is over was not done yet: only so much is in one step */
size_t judge_batch(const struct judge *j);   /* so much of each kind */
void judge_close(struct judge *j, struct caller *c, const struct core_effect *e);
void judge_depart(struct judge *j, struct caller *c, uint16_t code); /* by its own Close; 0: without one */

/* ---- judge_rest.c: what is asked over HTTP ---- */
void judge_request(struct judge *j);
void judge_create_hashed(struct judge *j, struct asked *a);
void judge_stored(struct judge *j);
void judge_answer_stored(struct judge *j); /* some of those who waited for that */
void judge_store(struct judge *j, const struct core_effect *e);
void judge_response(struct judge *j, const struct core_effect *e);
void judge_desk(struct judge *j);

/* ---- judge_lapse.c: what lapses by the wall clock ---- */
void judge_clock(struct judge *j);                                     /* at each event */
void judge_credentials(struct judge *j, struct caller *c, bool again); /* are in what is said; again: in ice-servers */
void judge_lapse(struct judge *j, struct caller *c);                   /* whether it holds what has lapsed */

/* ---- judge_said.c: what is said ---- */
void judge_said(struct judge *j, struct caller *c, struct frame *frame);
const char *judge_text(const struct judge *j, const char *name); /* a string member of what is said */
json_t *judge_relayed(const struct judge *j);                    /* what the reader of this relay gets; owned */

#endif
