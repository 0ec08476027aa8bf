/* SPDX-License-Identifier: MIT */
#include "peer/io/file_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

int64_t file_disk_read(int fd, void *bytes, size_t n, uint64_t at)
{
    size_t have = 0;
    while (have < n) {
        ssize_t got = pread(fd, (char *)bytes + have, n - have, (off_t)(at + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (int64_t)have;
}

bool file_disk_write(int fd, const void *bytes, size_t n, uint64_t at)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = pwrite(fd, (const char *)bytes + done, n - done, (off_t)(at + done));
        if (put < 0 && errno != EINTR)
            return false;
        done += put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* Where the file system cannot rename so, a second name is given and the first taken away; a folder has only one
 * name, so there it is looked first, which is the best that can be had. */
bool file_disk_rename(int dir, const char *from, const char *to)
{
    if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    if (linkat(dir, from, dir, to, 0) == 0)
        return unlinkat(dir, from, 0) == 0;
    struct stat st;
    if (errno != EPERM && errno != EOPNOTSUPP)
        return false;
    if (fstatat(dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return errno == ENOENT && renameat(dir, from, dir, to) == 0;
}

bool file_disk_is_ours(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_nlink == 1 && st->st_uid == geteuid();
}

uint64_t file_disk_free(int fd)
{
    struct statvfs fs;
    if (fstatvfs(fd, &fs) != 0)
        return UINT64_MAX;
    return (uint64_t)fs.f_bavail * fs.f_frsize;
}

bool file_disk_punch(int fd, uint64_t at, uint64_t n)
{
    return n == 0 || fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)n) == 0;
}

bool file_disk_mode(int fd, unsigned mode)
{
    return fchmod(fd, mode) == 0 || errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS;
}

unsigned file_disk_permitted(unsigned mode)
{
    char text[4096];
    unsigned mask = 077; /* a kernel before 4.7 does not tell */
    int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
    int64_t n = fd >= 0 ? file_disk_read(fd, text, sizeof text - 1, 0) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *line = strstr(text, "\nUmask:");
    if (line)
        mask = (unsigned)strtoul(line + strlen("\nUmask:"), NULL, 8);
    return mode & 0777 & ~mask;
}

void file_disk_size(uint64_t bytes, char out[16])
{
    static const char *const UNITS[] = {"KB", "MB", "GB", "TB", "PB"};
    uint64_t unit = 1000;
    size_t i = 0;
    if (bytes < 1000) {
        snprintf(out, 16, "%u bytes", (unsigned)bytes);
        return;
    }
    for (; bytes / unit >= 1000 && i < 4; i++)
        unit *= 1000;
    snprintf(out, 16, "%u.%u %s", (unsigned)(bytes / unit), (unsigned)(bytes % unit / (unit / 10)), UNITS[i]);
}

static bool remove_entries(int folder, unsigned depth)
{
    DIR *d = fdopendir(folder); /* which owns it then */
    bool ok = d != NULL;
    if (!d)
        close(folder);
    for (struct dirent *e; ok && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            ok = file_disk_remove(dirfd(d), e->d_name, depth);
    int error = errno;
    if (d)
        closedir(d);
    errno = error;
    return ok;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as depth */
bool file_disk_remove(int dir, const char *name, unsigned depth)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return false;
    int folder = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return false;
    fchmod(folder, 0700); /* its own mode may have been given to it already */
    if (depth == 0) {
        close(folder);
        errno = ELOOP;
        return false;
    }
    return remove_entries(folder, depth - 1) && unlinkat(dir, name, AT_REMOVEDIR) == 0;
}
