/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RATE_LIMIT_H
#define SERVER_CORE_RATE_LIMIT_H

#include "server/core/state.h"

/* A frame of the session was dealt with: stops reading it if that was more than its rate allows. */
void rate_limit_frame(struct core *c, struct session *s);
/* A paused session's time has come: reads it again if tokens returned. */
void rate_limit_look(struct core *c, struct session *s);

#endif
