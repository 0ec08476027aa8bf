/* SPDX-License-Identifier: MIT
 *
 * Memory that runs out when a test wants it to: malloc and its kin are this program's own and hand on to the next in
 * line, which works with the sanitizers too. Included by one file of a program.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct {
    long countdown; /* allocations until one fails; -1: never */
    bool for_good;  /* and all after it */
    long failed;
    long made; /* allocations, of those that may fail */
    bool no_realloc;
    long freed; /* calls of free */
    long live;  /* allocations that are not freed yet */
} faults = {.countdown = -1};

/* jansson's lexer takes no notice when its buffer cannot grow (lex_save in load.c, up to 2.14.1 at least): a byte is left
 * out of a name or a text, or the end of one is looked for behind the buffer. Nobody who calls it can help that. (Not inlined: what has variables on the stack is nothing to run before ASan has
 * begun, which itself allocates.) */
static __attribute__((noinline)) bool fault_is_lexer(const void *caller, size_t n)
{
    Dl_info info;
    return n >= 32 && (n & (n - 1)) == 0 && dladdr(caller, &info) && info.dli_fname &&
           strstr(info.dli_fname, "libjansson");
}

static bool fault_is_due(const void *caller, size_t n)
{
    faults.made++;
    if (faults.countdown < 0)
        return false;
    if (faults.countdown > 0) {
        faults.countdown--;
        return false;
    }
    if (fault_is_lexer(caller, n))
        return false;
    faults.failed++;
    if (!faults.for_good)
        faults.countdown = -1;
    errno = ENOMEM;
    return true;
}

/* ISO C has no cast from dlsym's pointer to a function's. */
static void fault_find_next(const char *name, void *fn)
{
    void *next = dlsym(RTLD_NEXT, name);
    memcpy(fn, &next, sizeof next);
}

static void *fault_counted(void *made)
{
    faults.live += made != NULL;
    return made;
}

void *malloc(size_t n)
{
    static void *(*next)(size_t);
    if (!next)
        fault_find_next("malloc", &next);
    return fault_is_due(__builtin_return_address(0), n) ? NULL : fault_counted(next(n));
}

void *calloc(size_t n, size_t size)
{
    static void *(*next)(size_t, size_t);
    if (!next)
        fault_find_next("calloc", &next);
    return fault_is_due(__builtin_return_address(0), n) ? NULL : fault_counted(next(n, size));
}

void *realloc(void *p, size_t n)
{
    static void *(*next)(void *, size_t);
    if (!next)
        fault_find_next("realloc", &next);
    if (faults.no_realloc || fault_is_due(__builtin_return_address(0), n))
        return NULL;
    return p ? next(p, n) : fault_counted(next(p, n));
}

void free(void *p)
{
    static void (*next)(void *);
    static bool looking;
    if (looking)
        return; /* dlsym forgets what it said before us */
    looking = !next;
    if (!next)
        fault_find_next("free", &next);
    looking = false;
    faults.freed++;
    faults.live -= p != NULL;
    next(p);
}

/* libc's own call the malloc of libc. */
char *strndup(const char *text, size_t n)
{
    size_t length = strnlen(text, n);
    char *copy = malloc(length + 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *strdup(const char *text)
{
    return strndup(text, strlen(text));
}

#endif
