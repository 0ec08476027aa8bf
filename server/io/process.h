/* SPDX-License-Identifier: MIT */
#ifndef SERVER_IO_PROCESS_H
#define SERVER_IO_PROCESS_H

#include "server/io/metrics.h"

/* What the kernel tells of this process; what it does not tell stays 0. start_seconds is the caller's. */
struct process_stats process_look(void);

#endif
