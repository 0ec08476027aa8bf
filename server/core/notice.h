/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_NOTICE_H
#define SERVER_CORE_NOTICE_H

#include "server/core/state.h"

/* Something that an operator should hear of; written at most once a second for each kind. The reason is static text;
 * the address, or NULL, is of the connection it happened to. */
void notice(struct core *c, enum notice kind, const char *reason, const struct address *address);
/* Likewise of a connection: with its address, its number, its peer id and its room, as far as it has them. */
void notice_session(struct core *c, enum notice kind, const char *reason, const struct session *s);

#endif
