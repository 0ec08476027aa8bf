/* SPDX-License-Identifier: MIT
 *
 * Memory that runs out once, in the middle of some core's step. Whatever else the simulator allocates never fails.
 */
#ifndef SIM_SHORT_MEMORY_H
#define SIM_SHORT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* Of the allocations that cores of peers make from now on the one of this number fails, from 1; 0: none does. */
void short_memory_begin(uint64_t number);
/* What follows is a core's doing, or not any more. */
void short_memory_core(bool entered);
/* It has failed. */
bool short_memory_failed(void);
/* Allocations that cores have made since short_memory_begin, and those of the whole program that are not freed. */
uint64_t short_memory_count(void);
long short_memory_live(void);

#endif
