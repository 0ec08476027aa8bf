/* SPDX-License-Identifier: MIT
 *
 * The normal path: make the directory, open `lock` in it, take its flock(2), which the kernel drops with the process,
 * however that ends. Nothing here resets what it cannot read: an identity that is lost is a person that is gone, so
 * each failure is a sentence that says what to do. Rejected: a file with a process id in it, which outlives crashes.
 */
#include "peer/io/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os_file.h"

static bool path_of(char *out, size_t n, struct err *err, const char *dir, const char *name)
{
    int need = snprintf(out, n, "%s/%s", dir, name);
    return (need > 0 && (size_t)need < n) || err_set(err, "the path of the state directory is too long: %.80s…", dir);
}

bool state_default(char path[STATE_PATH_MAX + 1], struct err *err)
{
    const char *home = getenv("XDG_STATE_HOME");
    if (home && *home == '/') /* the XDG base directory specification: a relative path is to be ignored */
        return path_of(path, STATE_PATH_MAX + 1, err, home, "usher");
    home = getenv("HOME");
    if (!home || !*home)
        return err_set(err, "neither XDG_STATE_HOME nor HOME is set: name a state directory with --state");
    return path_of(path, STATE_PATH_MAX + 1, err, home, ".local/state/usher");
}

bool state_make_dir(const char *path, struct err *err)
{
    char part[STATE_PATH_MAX + 1];
    snprintf(part, sizeof part, "%s", path);
    for (char *p = part + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            if (mkdir(part, 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
                return err_set(err, "cannot make the directory %.160s: %s", part, strerror(errno));
            *p = '/';
        }
    if (mkdir(part, 0700) != 0 && errno != EEXIST)
        return err_set(err, "cannot make the state directory %.160s: %s", path, strerror(errno));
    struct stat st;
    if (stat(path, &st) != 0)
        return err_set(err, "cannot use the state directory %.160s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return err_set(err, "the state directory %.160s is not a directory", path);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return err_set(
            err, "others may write to the state directory %.120s: say chmod 700 %.80s, or name another", path, path);
    return true;
}

enum locked {
    LOCKED,
    IN_USE,
    LOCK_FAILED
};

static enum locked lock_dir(struct state *s, struct err *err)
{
    char file[STATE_PATH_MAX + 16];
    snprintf(file, sizeof file, "%s/lock", s->path);
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        err_set(err, "cannot write in the state directory %.160s: %s", s->path, strerror(errno));
        return LOCK_FAILED;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        bool in_use = errno == EWOULDBLOCK;
        err_set(err,
            in_use ? "another process uses the state directory %.160s" : "cannot lock the state directory %.160s",
            s->path);
        close(fd);
        return in_use ? IN_USE : LOCK_FAILED;
    }
    s->lock = fd;
    return LOCKED;
}

static bool open_named(struct state *s, const char *dir, struct err *err)
{
    if (strlen(dir) > STATE_PATH_MAX || !*dir)
        return err_set(err, "the state directory's name is empty or too long");
    snprintf(s->path, sizeof s->path, "%s", dir);
    return state_make_dir(s->path, err) && lock_dir(s, err) == LOCKED;
}

static bool open_free(struct state *s, struct err *err)
{
    char first[STATE_PATH_MAX + 1];
    if (!state_default(first, err))
        return false;
    for (int i = 1; i <= STATE_DIRS_MAX; i++) {
        int need = snprintf(s->path, sizeof s->path, i > 1 ? "%s-%d" : "%s", first, i);
        if (need < 0 || (size_t)need >= sizeof s->path)
            return err_set(err, "the path of the state directory is too long");
        s->fallback = i > 1;
        enum locked got = state_make_dir(s->path, err) ? lock_dir(s, err) : LOCK_FAILED;
        if (got != IN_USE)
            return got == LOCKED;
    }
    return err_set(err, "%d state directories are in use already: name one with --state", STATE_DIRS_MAX);
}

bool state_open(struct state *s, const char *dir, struct err *err)
{
    memset(s, 0, sizeof *s);
    s->lock = -1;
    return dir ? open_named(s, dir, err) : open_free(s, err);
}

void state_close(struct state *s)
{
    if (s->lock >= 0)
        close(s->lock);
    s->lock = -1;
}

static ssize_t read_all(int fd, char *room, size_t room_n)
{
    size_t have = 0;
    for (;;) {
        ssize_t got = read(fd, room + have, room_n - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || have + (size_t)got == room_n)
            return got < 0 ? -1 : (ssize_t)(have + (size_t)got);
        have += (size_t)got;
    }
}

static bool check_secret(int fd, const char *file, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set(err, "cannot read %.180s: %s", file, strerror(errno));
    if (st.st_uid != geteuid())
        return err_set(err, "%.180s belongs to another user", file);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return err_set(err, "others may read %.120s: say chmod 600 %.80s", file, file);
    return true;
}

enum state_read state_read(
    const char *dir, const char *name, bool secret, char *room, size_t room_n, size_t *n, struct err *err)
{
    char file[STATE_PATH_MAX + 64];
    if (!path_of(file, sizeof file, err, dir, name))
        return STATE_FAILED;
    struct err why;
    int fd = os_file_open(file, O_RDONLY | O_NOFOLLOW, "a file, or none", &why);
    if (fd < 0) {
        if (why.error == ENOENT)
            return STATE_ABSENT;
        err_set(err, "cannot read %.180s: %s", file, why.text);
        return STATE_FAILED;
    }
    ssize_t got = -1;
    if (!secret || check_secret(fd, file, err)) {
        got = read_all(fd, room, room_n);
        if (got < 0)
            err_set(err, "cannot read %.180s: %s", file, strerror(errno));
        else if ((size_t)got == room_n)
            err_set(err, "%.180s is larger than it may be", file);
    }
    close(fd);
    if (got < 0 || (size_t)got == room_n)
        return STATE_FAILED;
    *n = (size_t)got;
    return STATE_READ;
}
