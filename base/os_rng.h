/* SPDX-License-Identifier: MIT
 *
 * The system's generator behind the rng port. Files named os_* touch the system: no core links them.
 */
#ifndef BASE_OS_RNG_H
#define BASE_OS_RNG_H

#include "base/rng.h"

/* getrandom(2); aborts if the kernel has none to give, which no supported system does after boot. */
struct rng os_rng(void);

#endif
