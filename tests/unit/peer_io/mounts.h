/* SPDX-License-Identifier: MIT
 *
 * Mounts that only this test sees, where the system lets it: as root, or in a user namespace of its own.
 */
#ifndef TESTS_PEER_IO_MOUNTS_H
#define TESTS_PEER_IO_MOUNTS_H

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "tests/unit/peer_io/scratch.h"

static inline void mounts_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    if (fd >= 0 && write(fd, text, strlen(text)) < 0)
        perror(path);
    if (fd >= 0)
        close(fd);
}

/* To be called before there are threads. False: there can be none. */
static inline bool mounts_begin(void)
{
    char ids[64];
    unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return false;
        snprintf(ids, sizeof ids, "%u %u 1", uid, uid);
        mounts_write("/proc/self/uid_map", ids);
        mounts_write("/proc/self/setgroups", "deny");
        snprintf(ids, sizeof ids, "%u %u 1", gid, gid);
        mounts_write("/proc/self/gid_map", ids);
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* Whether mounts_begin was true; each program of tests asks once. */
static bool mounts;

/* A disk of so many MiB at this folder. It goes with umount2(path, MNT_DETACH). */
static inline bool mounts_small(const char *path, unsigned mib)
{
    char options[64];
    snprintf(options, sizeof options, "size=%um,mode=700", mib);
    return mount("small", path, "tmpfs", 0, options) == 0;
}

/* Instead of scratch.h's: in memory where that can be, so that nobody else's writing is waited for when this syncs. */
static inline int mounts_setup(void **state)
{
    if (scratch_setup(state) != 0)
        return -1;
    const struct scratch *d = *state;
    return !mounts || mounts_small(d->path, 512) ? 0 : -1;
}

static inline int mounts_teardown(void **state)
{
    const struct scratch *d = *state;
    if (mounts)
        umount2(d->path, MNT_DETACH);
    return scratch_teardown(state);
}

static inline bool mounts_read_only(const char *path)
{
    return mount(path, path, NULL, MS_BIND, NULL) == 0 &&
           mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0;
}

#endif
