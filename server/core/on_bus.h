/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_ON_BUS_H
#define SERVER_CORE_ON_BUS_H

#include "server/core/state.h"

/* A message on our node's channel. Nothing unless the node is in its cluster. */
void on_bus_message(struct core *c, struct span message);

#endif
