/* SPDX-License-Identifier: MIT
 *
 * What the core says and does to connections: the one place where effects are made. A reply is written in the dialect
 * of whoever hears it.
 */
#ifndef SERVER_CORE_SAY_H
#define SERVER_CORE_SAY_H

#include "server/core/state.h"

/* "<node>.<random>" in `space`, as a span. */
struct span say_peer_id(const struct core *c, const struct member *m, char space[PEER_ID_MAX]);
/* The same of one that is no other node's. */
struct span say_own_id(const struct core *c, const struct member *m, char space[PEER_ID_MAX]);

/* core->text, emptied: for an answer over HTTP. */
struct buf *say_text(struct core *c);
/* What was written there; NULL when out of memory. */
struct frame *say_body(struct core *c);

/* The dialect of this number, of a session or a member. */
const struct dialect *say_dialect(const struct core *c, uint8_t dialect);
/* Whether it has words for such a reply. */
bool say_has_words(const struct core *c, uint8_t dialect, enum reply_type type);
/* A reply in that dialect; NULL when out of memory. */
struct frame *say_frame(struct core *c, uint8_t dialect, const struct reply *r);
/* Whether the dialect has no words for it. */
static inline bool say_is_nothing(const struct frame *frame)
{
    return frame->len == 0;
}
/* One reply for many, of different dialects: written once in each that is spoken. */
struct said {
    struct frame *in[DIALECTS_MAX]; /* owned; NULL: nobody speaks it, or it is not written yet */
};
/* Writes it in the dialects of those members of the room (NULL: there is none yet) who have a connection; false, with
 * nothing kept, when out of memory. */
bool say_prepare(struct core *c, const struct room *room, const struct reply *r, struct said *said);
/* Sends what was prepared to them, and frees it. The room has the same members still. */
void say_prepared(struct core *c, const struct room *room, struct said *said);
void say_unprepare(struct said *said);
/* Sends one who hears it, written when the first of its dialect does; say_unprepare frees it when all have heard. */
void say_shared(struct core *c, struct session *s, const struct reply *r, struct said *said);

/* Takes the frame; NULL (memory ran out before) condemns the reader as a lost one does: false. */
bool say_send(struct core *c, struct session *s, struct frame *frame);
/* The same for what say_frame made: nothing is sent if the dialect has no words for it. */
void say_reply(struct core *c, struct session *s, struct frame *frame);
void say(struct core *c, struct session *s, const struct reply *r);
/* To all members but `except` and those away; max_room_members bounds how many. */
void say_to_room(struct core *c, const struct room *room, const struct member *except, const struct reply *r);
void say_error(struct core *c, struct session *s, const struct reply_error *e);

/* What it asked for with this `ref` was done: tells it, if its dialect has words for that. */
void say_ref_done(struct core *c, struct session *s, struct span ref);
static inline void say_done(struct core *c, struct session *s, struct span ref)
{
    if (ref.n)
        say_ref_done(c, s, ref);
}

/* Each returns false when memory ran out: the session is condemned. */
bool say_close(struct core *c, struct session *s, uint16_t code, const char *reason);
/* Its pong is to bring this number. */
bool say_ping(struct core *c, struct session *s, uint32_t number);
bool say_pause(struct core *c, struct session *s);
bool say_resume(struct core *c, struct session *s);

/* Closes a connection that never became a session. */
void say_refusal(struct core *c, struct conn_id conn, enum error e);

#endif
