/* SPDX-License-Identifier: MIT
 *
 * Clients that chose a name: what one says to another's name reaches it. Names are apart for each key. A name is held by a
 * secret, so that its client may come again while an old connection of its own still looks alive; nobody else can.
 *
 * What is said to a name that nobody has is a letter: it is kept for LETTER_MS, since whoever had that name may be about to
 * come again. Then its sender is told. Letters are bounded: LETTERS_EACH of one sender, LETTERS_TO_BYTES_MAX for one name,
 * LETTERS_MAX and LETTERS_BYTES_MAX in all, of which an address may have one part in LETTERS_SHARE: so nobody takes the
 * place of all others' letters.
 */
#ifndef SERVER_CORE_NAMED_H
#define SERVER_CORE_NAMED_H

#include "server/core/state.h"

/* For the table of names. */
uint32_t named_hash(const void *named);
/* The session, which is READY, takes this name, or is told why not and closed. */
void named_take(struct core *c, struct session *s, const struct client_name *name);
/* The session, which is NAMED, says this to another: a MESSAGE_FORWARD with a name. */
void named_forward(struct core *c, struct session *s, const struct request *r);
/* ---- for bus_names.c ---- */

/* The session, which is READY, has the name from now on. */
void named_give(struct core *c, struct session *s, const struct client_name *name);
/* It is told why it has no name, and closed. */
void named_refuse(struct core *c, struct session *s, const struct reply *r);
/* As named_forward, of what no other node has an ear for. */
void named_forward_here(struct core *c, struct session *s, const struct request *r);
/* Something said to a name by one of another node; and the name is another node's from now on. Nothing if nobody has it. */
void named_hear(struct core *c, struct span key, struct span to, struct span from, struct span bytes);
void named_lose(struct core *c, struct span key, struct span id);
/* The name of a session that is NAMED, which lives as long. */
struct client_name named_of(const struct session *s);

/* It is told to close, or freed: nothing but its name is changed. Nothing if it has none. */
void named_leave(struct core *c, struct session *s);
/* Writes the names of a key as a JSON array, 10,000 at most. */
void named_list(const struct core *c, struct span key, struct buf *out);
/* Tells the senders of letters that were kept for too long; and when that is due next. */
void named_tick(struct core *c);
uint64_t named_due(const struct core *c);
/* Frees the letters and the table, when all sessions are gone. */
void named_done(struct core *c);

#endif
