/* SPDX-License-Identifier: MIT
 *
 * Memory that runs out when a test wants it to. malloc and its kin are the program's own and hand on to the next in line,
 * which works with the sanitizers too. One file a program includes this.
 */
#ifndef TESTS_UNIT_MEMORY_H
#define TESTS_UNIT_MEMORY_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct {
    long countdown; /* allocations until one fails; -1: never */
    bool for_good;  /* and all after it */
    long made, failed;
} faults = {.countdown = -1};

static bool fails(void)
{
    faults.made++;
    if (faults.countdown < 0)
        return false;
    if (faults.countdown > 0) {
        faults.countdown--;
        return false;
    }
    faults.failed++;
    if (!faults.for_good)
        faults.countdown = -1;
    return true;
}

/* ISO C has no cast from dlsym's pointer to a function's. */
static void find_next(const char *name, void *fn)
{
    void *next = dlsym(RTLD_NEXT, name);
    memcpy(fn, &next, sizeof next);
}

void *malloc(size_t n)
{
    static void *(*next)(size_t);
    if (!next)
        find_next("malloc", &next);
    return fails() ? NULL : next(n);
}

void *calloc(size_t n, size_t size)
{
    static void *(*next)(size_t, size_t);
    if (!next)
        find_next("calloc", &next);
    return fails() ? NULL : next(n, size);
}

void *realloc(void *p, size_t n)
{
    static void *(*next)(void *, size_t);
    if (!next)
        find_next("realloc", &next);
    return fails() ? NULL : next(p, n);
}

#endif
