/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_ALIVE_H
#define SERVER_CORE_ALIVE_H

#include "server/core/state.h"

/* From now on the session waits for this (WATCH_NONE: for nothing). */
void alive_watch(struct core *c, struct session *s, enum watch watch);
/* Whether what it sends is read. */
bool alive_is_read(const struct session *s);
/* Reading it stopped, or has to stay so: it is looked at in PAUSE_MS; and it is read again. */
void alive_pause(struct core *c, struct session *s);
void alive_go_on(struct core *c, struct session *s);
/* It gave a sign of life. */
void alive_heard(struct core *c, struct session *s);
/* A pong came, with this number; whether it is the answer to the last ping. */
bool alive_pong(struct core *c, struct session *s, uint32_t number);
/* Does all that is due. */
void alive_tick(struct core *c);
/* Closes those that lost something for want of memory, as far as there is memory now. */
void alive_pay(struct core *c);
/* When alive_tick or alive_pay has something to do, or UINT64_MAX. */
uint64_t alive_due(const struct core *c);

#endif
