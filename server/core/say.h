/* SPDX-License-Identifier: MIT
 *
 * What the core says and does to connections: the one place where effects are made. A reply is written into
 * core->text (say_text gives it empty), then sent with say_reply or say_to_room.
 */
#ifndef SERVER_CORE_SAY_H
#define SERVER_CORE_SAY_H

#include "protocol/reply.h"
#include "server/core/state.h"

/* "<node>.<random>" in `space`, as a span. */
struct span say_peer_id(const struct core *c, const struct member *m, char space[PEER_ID_MAX]);

/* core->text, emptied. */
struct buf *say_text(struct core *c);
/* The frame of what was written to core->text; NULL when out of memory. */
struct frame *say_frame(struct core *c);
/* The same without a WebSocket header, for an answer over HTTP. */
struct frame *say_body(struct core *c);

/* Takes the frame; NULL (memory ran out before) condemns the reader as a lost one does. */
void say_send(struct core *c, struct session *s, struct frame *frame);
/* Sends what was written to core->text. */
void say_reply(struct core *c, struct session *s);
/* Takes the frame (or NULL), shared by all members but `except` and those away; max_room_members
 * bounds how many. */
void say_to_room(struct core *c, const struct room *room, const struct member *except, struct frame *frame);
void say_error(struct core *c, struct session *s, const struct reply_error *e);

/* Each returns false when memory ran out: the session is condemned. */
bool say_close(struct core *c, struct session *s, uint16_t code, const char *reason);
/* Its pong is to bring this number. */
bool say_ping(struct core *c, struct session *s, uint32_t number);
bool say_pause(struct core *c, struct session *s);
bool say_resume(struct core *c, struct session *s);

/* Closes a connection that never became a session. */
void say_refusal(struct core *c, struct conn_id conn, enum error e);

#endif
