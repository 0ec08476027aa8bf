/* SPDX-License-Identifier: MIT
 *
 * What is done upon each message of a client: one file a message, one row in on_frame.c. `check` looks and says which
 * error the client gets, `apply` does it; the session is READY or JOINED, the message's members have been checked.
 */
#ifndef SERVER_CORE_ON_H
#define SERVER_CORE_ON_H

#include "server/core/state.h"

/* What a client asked for, and what was found about it. */
struct asked {
    struct request request;
    const char *problem;     /* set by check, besides its error: a sentence more exact than the table's, or NULL */
    uint64_t retry_after_ms; /* set by check: when it may be tried again; 0: that is not known */
    struct member *reader;   /* set by the check of relayed messages; of resume and connect: who comes back, or NULL */
    struct resume_token token; /* set by the check of resume and connect */
    char resume_token_space[RESUME_TOKEN_PLAIN_MAX];
    bool proven; /* join-room: its password was hashed and is the room's, of: */
    uint64_t incarnation;
    bool elsewhere;       /* set by the check of resume: the bus is asked for the seat */
    bool returns;         /* set by the check of connect: to its seat, as resume would */
    bool waited;          /* its password or token was delayed before */
    const char *wrong;    /* set by check: what it shows and is none of ours; static text, or NULL */
    struct claims claims; /* set by the check of join-room */
};

struct handler {
    /* Whether it may be looked at now; else it was answered, or waits. NULL: always. */
    bool (*gate)(struct core *c, struct session *s, const struct asked *r);
    enum error (*check)(const struct core *c, const struct session *s, struct asked *r); /* NULL: always fine */
    void (*apply)(struct core *c, struct session *s, const struct asked *r);             /* NULL: nothing to do */
};

extern const struct handler on_join, on_leave, on_relay, on_resume, on_report, on_ping, on_subscribe, on_unsubscribe,
    on_publish, on_forward, on_connect, on_disconnect;

/* What resume does with its token, for connect: ERROR_NONE if the seat may be taken, and then to be applied. */
enum error on_resume_check(const struct core *c, const struct session *s, struct asked *r, struct span token);
void on_resume_apply(struct core *c, struct session *s, const struct asked *r);

/* The hash of a join's password is there: hash is NULL if it could not be made. */
struct pending;
void on_join_hashed(struct core *c, const struct pending *e, const uint8_t *hash);
/* The answer of the bus to a join, and to a resume, is there. */
void on_join_answered(struct core *c, const struct pending *e, const struct core_bus_answer *a);
void on_resume_answered(struct core *c, const struct pending *e, const struct core_bus_answer *a);

/* What a client said, read in its dialect. */
enum error on_read(const struct core *c, const struct session *s, struct span bytes, struct request *r);

/* A message was delayed for its password or token, and is looked at now. */
void on_delayed(struct core *c, const struct pending *e);

/* A whole text message came in. */
void on_frame(struct core *c, struct session *s, struct span bytes, bool urgent);
/* A WebSocket pong with this number, or a ping, came in. */
void on_pong(struct core *c, struct session *s, uint32_t number);
void on_control(struct core *c, struct session *s);
/* A message that io could not hand over. */
void on_unreadable(struct core *c, struct session *s, enum error e, const char *problem);

#endif
