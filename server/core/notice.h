/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_NOTICE_H
#define SERVER_CORE_NOTICE_H

#include "server/core/state.h"

/* Something that an operator should hear of; written at most once a second for each kind. The reason is static text;
 * the address, or NULL, is of the connection it happened to. */
void notice(struct core *c, enum notice kind, const char *reason, const struct address *address);
/* Likewise of a connection: with its address, its number, its peer id and its room, as far as it has them. */
void notice_session(struct core *c, enum notice kind, const char *reason, const struct session *s);
/* A limit refused something of this connection (NULL: of one that is gone), closed or paused it: counted, and noticed. */
void notice_limit(struct core *c, enum limit limit, enum notice kind, const struct session *s);
/* Writes what was only counted, when its second is over; and when that is next, or UINT64_MAX. */
void notice_tick(struct core *c);
uint64_t notice_due(const struct core *c);

#endif
