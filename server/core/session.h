/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_SESSION_H
#define SERVER_CORE_SESSION_H

#include "protocol/reply.h"
#include "server/core/state.h"

/* The session of this very generation; NULL if there is none. */
struct session *session_find(const struct core *c, struct conn_id conn);

/* Whether it is welcomed, and not told to close: what it says is heard. */
static inline bool session_listens(const struct session *s)
{
    return s->state == SESSION_READY || s->state == SESSION_JOINED || s->state == SESSION_SUBSCRIBED ||
           s->state == SESSION_NAMED;
}

/* Whether it is in c->unjoined: in no room, though it should be in one soon or say CONNECT, and not told to close. */
bool session_waits_to_join(const struct session *s);

/* A socket was accepted: a session, or a refusal. */
void session_open(struct core *c, struct conn_id conn, const struct address *address);
/* The address of its client is known now: it counts, or is refused. */
void session_address(struct core *c, struct session *s, const struct address *address);
/* It asks something over HTTP: the time for joining a room is no matter to it. */
void session_asks(struct core *c, struct session *s);
/* It is part of another connection: its address gets back what it took. */
void session_belongs(struct core *c, struct session *s);
/* Its handshake is done: gives it its peer id and welcomes it, in its dialect; or gives it the name that it chose
 * (NULL: it chose none). */
void session_welcome(struct core *c, struct session *s, const struct dialect *dialect, const struct client_name *name);
/* Of a dialect that `connects`: its client said so, and is told who it is: m, its member now or in this step. pid: the one
 * that it had, for nothing of what it was is lost; n = 0: it gets a new one. */
void session_connect(struct core *c, struct session *s);
void session_say_connected(struct core *c, struct session *s, const struct member *m, struct span pid);
/* It takes that back: its room is left, and it may connect again. */
void session_disconnect(struct core *c, struct session *s);
/* Goes on as this member, which is in a room and has no connection; the one that it was, in no room, is freed. */
void session_join(struct core *c, struct session *s, struct member *m);
/* The one setter of the state. */
void session_move(struct core *c, struct session *s, enum session_state to);

/* Answers with an error that the connection survives, unless it makes too many of them. */
void session_refuse(struct core *c, struct session *s, const struct reply_error *e);
/* Says a fatal error, then ends it with the error's close code. */
void session_fail(struct core *c, struct session *s, const struct reply_error *e, enum departure why);
/* It is in no room, and was told to close; or (`said` is false) could not be told so. */
void session_await_gone(struct core *c, struct session *s, bool said);
/* Closes the connection and tells its room, now; the reason is static text. */
void session_end(struct core *c, struct session *s, uint16_t code, const char *reason, enum departure why);
/* It broke RFC 6455: says so in the log, and ends it. The problem is static text. */
void session_violates(struct core *c, struct session *s, uint16_t code, const char *problem);
/* It does not read: likewise. */
void session_slow(struct core *c, struct session *s);
/* Its client's Close frame came. Answers it, and takes it out of its room, once nothing is owed to it any more. */
void session_closed(struct core *c, struct session *s, uint16_t close_code);
/* What was owed to the connection is answered, or was not for it: goes on with its Close, if that came. */
void session_answered(struct core *c, struct conn_id conn);
/* The socket is gone: frees the session. */
void session_gone(struct core *c, struct session *s, uint16_t close_code);
/* Frees without a word. */
void session_free(struct core *c, struct session *s);

/* The number of this dialect among those that were spoken so far. */
uint8_t session_dialect(struct core *c, const struct dialect *d);

#endif
