/* SPDX-License-Identifier: MIT
 *
 * Topics: sessions subscribe to names, and what is published under one reaches all of them. They are no rooms: nobody
 * is shown, nobody has a seat, and a room of the same name has nothing to do with it. What one session may cost is
 * bounded as with rooms: TOPICS_MAX of its own, max_room_members in each, max_rooms of them, apart from rooms, and
 * TOPICS_PER_ADDRESS of those made from one address.
 */
#ifndef SERVER_CORE_TOPIC_H
#define SERVER_CORE_TOPIC_H

#include "server/core/state.h"

/* For the table of topics. */
uint32_t topic_hash(const void *topic);
/* NULL if nobody has subscribed to it. */
struct topic *topic_find(const struct core *c, struct span name);
/* The session, which is READY or SUBSCRIBED, is SUBSCRIBED with this topic, if it was not before; or an error, with a
 * sentence in *problem if the table's is not exact enough. The name is of 1 to TOPIC_MAX bytes. */
enum error topic_join(struct core *c, struct session *s, struct span name, const char **problem);
/* Nothing if it did not. After its last topic the session is READY. */
void topic_leave(struct core *c, struct session *s, struct span name);
/* It is told to close, or freed: nothing but its topics is changed. */
void topic_leave_all(struct core *c, struct session *s);

#endif
