/* SPDX-License-Identifier: MIT
 *
 * A batch that is sent again after a break has files that had arrived before it. They are found by their name, looked at if
 * their size can be right, and hashed. What cannot be read is not there.
 *
 * A folder has one root with its list, and so with the modes of what is in it: one that was received under a umask that took
 * some of them away has another root than it was sent with, and is not found.
 */
#include "peer/io/file_there.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
    PATH_ROOM = 4096 + FILE_NAME_MAX + 2
};

static void notice_nothing(void *ctx, const char *sentence)
{
    (void)ctx;
    (void)sentence; /* nobody offers it */
}

/* The name may be the file's; nothing is opened yet, and no link is followed. */
static bool may_be(const struct file_there *t, const struct stat *st)
{
    return t->tree ? S_ISDIR(st->st_mode) : S_ISREG(st->st_mode) && (uint64_t)st->st_size == t->size;
}

/* The next name. False: there is nothing under it, and so under none behind it. */
static bool next_name(struct file_there *t)
{
    char path[PATH_ROOM];
    struct stat st;
    if (t->tried == FILE_THERE_NAMES_TRIED)
        return false;
    if (t->tried++ == 0)
        file_name_copy(t->name, t->found);
    else
        file_name_numbered(t->name, t->tried - 1, FILE_NAME_BASE_MAX, t->found);
    if (fstatat(t->dir, t->found, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    snprintf(path, sizeof path, "%.4096s/%.255s", t->path, t->found);
    t->source = may_be(t, &st) ? file_source_new(path) : NULL;
    return true;
}

static bool is_it(const struct file_there *t)
{
    return t->source->tree == t->tree && t->source->size == t->size &&
           memcmp(t->source->root, t->root, sizeof t->root) == 0;
}

void file_there_step(struct file_there *t, bool *whole)
{
    struct file_problem ignored = {0};
    bool hashed = false;
    *whole = false;
    if (!t->source) {
        *whole = !next_name(t);
        return;
    }
    bool ok = file_source_step(t->source, notice_nothing, NULL, &hashed, &ignored);
    bool may =
        ok && (!t->source->hashes || t->source->size == t->size); /* a folder's size is known when it is listed */
    if (may && !hashed)
        return;
    *whole = may && is_it(t);
    if (*whole)
        return;
    file_source_free(t->source);
    t->source = NULL;
}

void file_there_done(struct file_there *t)
{
    file_source_free(t->source);
    t->source = NULL;
}
