/* SPDX-License-Identifier: MIT
 *
 * The names of clients that chose one, as shown over HTTP.
 */
#ifndef SERVER_CORE_NAME_LIST_H
#define SERVER_CORE_NAME_LIST_H

#include "server/core/state.h"

/* The names of a key, of at most CHOSEN_KEY_MAX bytes, as a JSON array: a reference to it, the caller's. NULL when out of
 * memory. */
struct frame *name_list_get(struct core *c, struct span key);
/* All lists are made anew when somebody asks for them next. */
void name_list_forget(struct core *c);

#endif
