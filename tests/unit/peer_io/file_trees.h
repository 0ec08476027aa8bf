/* SPDX-License-Identifier: MIT
 *
 * Folders that a test makes, and what it expects of those that were received.
 */
#ifndef TESTS_PEER_IO_FILE_TREES_H
#define TESTS_PEER_IO_FILE_TREES_H

#include <dirent.h>
#include <sys/stat.h>

#include "tests/unit/peer_io/file_desk.h"

enum {
    PATH_ROOM = 1024
};

struct place {
    char source[SCRATCH_PATH], dir[SCRATCH_PATH];
};

static inline void make_place(const struct scratch *s, struct place *p)
{
    scratch_path(s, "tree", p->source);
    scratch_path(s, "in", p->dir);
    assert_int_equal(mkdir(p->source, 0755), 0);
    assert_int_equal(mkdir(p->dir, 0700), 0);
}

static inline void path_in(const char *dir, const char *name, char out[PATH_ROOM])
{
    assert_true(snprintf(out, PATH_ROOM, "%s/%s", dir, name) < PATH_ROOM);
}

static inline void make_folder(const char *dir, const char *name, unsigned mode)
{
    char path[PATH_ROOM];
    path_in(dir, name, path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static inline void make_file(const char *dir, const char *name, const char *text, unsigned mode)
{
    char path[PATH_ROOM];
    path_in(dir, name, path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

/* mode 0: any */
static inline void check_file(const char *dir, const char *name, const char *text, unsigned mode)
{
    char path[PATH_ROOM], is[256] = "";
    struct stat st;
    path_in(dir, name, path);
    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
        fail_msg("%s is not there", path);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    is[fread(is, 1, sizeof is - 1, f)] = '\0';
    fclose(f);
    if (strcmp(is, text) != 0)
        fail_msg("%s has %s", path, is);
    if (mode && (st.st_mode & 07777) != mode)
        fail_msg("%s has the mode %o", path, st.st_mode & 07777);
}

static inline void check_folder(const char *dir, const char *name, unsigned mode)
{
    char path[PATH_ROOM];
    struct stat st;
    path_in(dir, name, path);
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        fail_msg("%s is not there", path);
    if ((st.st_mode & 07777) != mode)
        fail_msg("%s has the mode %o", path, st.st_mode & 07777);
}

static inline unsigned count_in(const char *path)
{
    unsigned n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

#endif
