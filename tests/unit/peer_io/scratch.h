/* SPDX-License-Identifier: MIT
 *
 * A private directory for one test, gone after it.
 */
#ifndef TESTS_PEER_IO_SCRATCH_H
#define TESTS_PEER_IO_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SCRATCH_PATH = 256
};
struct scratch {
    char path[64];
};

static inline int scratch_setup(void **state)
{
    struct scratch *d = calloc(1, sizeof *d);
    strcpy(d->path, "/tmp/usher-test-XXXXXX");
    *state = d;
    return mkdtemp(d->path) ? 0 : -1;
}

static inline int scratch_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline int scratch_teardown(void **state)
{
    struct scratch *d = *state;
    int failed = nftw(d->path, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(d);
    return failed;
}

static inline void scratch_path(const struct scratch *d, const char *name, char out[SCRATCH_PATH])
{
    snprintf(out, SCRATCH_PATH, "%s/%s", d->path, name);
}

static inline void scratch_write(const struct scratch *d, const char *name, const char *text, unsigned mode)
{
    char path[SCRATCH_PATH];
    scratch_path(d, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

#endif
