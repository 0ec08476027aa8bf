/* SPDX-License-Identifier: MIT
 *
 * What is shown of rooms over HTTP.
 */
#ifndef SERVER_CORE_ROOM_LIST_H
#define SERVER_CORE_ROOM_LIST_H

#include "server/core/state.h"

/* One room, as a JSON object. */
void room_list_write(const struct core *c, struct buf *out, const struct room *room);
/* The list of all that are to be listed: one more reference to it, the caller's. NULL when out of memory. */
struct frame *room_list_get(struct core *c);
/* The room comes, goes, or has another number of members. */
void room_list_changes(struct core *c, const struct room *room);
/* The list is made anew when somebody asks for it next. */
void room_list_forget(struct core *c);

#endif
