/* SPDX-License-Identifier: MIT
 *
 * Files are replaced whole (base/os_file.h). A key that is damaged is an error and is not made anew: that would
 * silently make everything worthless that was signed with it.
 */
#include "server/adapters/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os_file.h"

enum {
    FILE_PATH_MAX = STATE_PATH_MAX + 64,
    READ_SIZE = 64 * 1024
};

bool state_dir_path(const char *setting, char path[STATE_PATH_MAX])
{
    const char *systemd = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (!home || !*home) { /* an environment that was emptied */
        const struct passwd *user = getpwuid(getuid());
        home = user ? user->pw_dir : NULL;
    }
    int n = -1;
    if (*setting)
        n = snprintf(path, STATE_PATH_MAX, "%s", setting);
    else if (systemd && *systemd)
        n = snprintf(path, STATE_PATH_MAX, "%.*s", (int)strcspn(systemd, ":"), systemd);
    else if (xdg && *xdg)
        n = snprintf(path, STATE_PATH_MAX, "%s/usherd", xdg);
    else if (home && *home)
        n = snprintf(path, STATE_PATH_MAX, "%s/.local/state/usherd", home);
    return n > 0 && n < STATE_PATH_MAX;
}

/* mkdir -p: folders that are there already are fine. */
static bool make(char *path)
{
    for (char *at = path + 1; *at; at++)
        if (*at == '/') {
            *at = '\0';
            int made = mkdir(path, 0700);
            *at = '/';
            if (made < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
                return false;
        }
    struct stat is;
    return (mkdir(path, 0700) == 0 || errno == EEXIST) && stat(path, &is) == 0 && S_ISDIR(is.st_mode) &&
           access(path, R_OK | W_OK | X_OK) == 0;
}

static bool refuse_none(struct err *e)
{
    return err_set(e, "server.state_dir is empty and neither STATE_DIRECTORY nor XDG_STATE_HOME nor HOME names a "
                      "folder: set it to one that the daemon may write to");
}

static bool refuse_folder(const char *path, int error, struct err *e)
{
    return err_set_errno(e, error,
        "the state folder %.200s cannot be used: %s: set server.state_dir to one that the daemon may "
        "write to",
        path, strerror(error));
}

bool state_dir_open(const char *setting, char path[STATE_PATH_MAX], struct err *e)
{
    if (!state_dir_path(setting, path))
        return refuse_none(e);
    return make(path) || refuse_folder(path, errno == EEXIST ? ENOTDIR : errno, e);
}

/* Takes the last folder off: `/a/b` becomes `/a`, `/a` becomes `/`, `a` becomes `.`. */
static void go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        memcpy(path, ".", sizeof ".");
    else if (slash == path)
        path[1] = '\0';
    else
        *slash = '\0';
}

/* 0, or the errno of making something there: a folder that may be written to by its mode may still take nothing, as /proc.
 * A file without a name leaves no trace; where there is no such thing, a folder is made and removed. A full disk is no
 * fault of the path. */
static int try_to_make(const char *folder)
{
    char path[FILE_PATH_MAX];
    int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    else if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT) {
        snprintf(path, sizeof path, "%s/usherd-XXXXXX", folder);
        fd = mkdtemp(path) ? rmdir(path) : -1;
    }
    return fd >= 0 || errno == ENOSPC || errno == EDQUOT ? 0 : errno;
}

/* 0, or the errno of the nearest folder that is there, in which the others would be made. */
static int look_at(char *path)
{
    int need = R_OK | W_OK | X_OK;
    for (;;) {
        struct stat is;
        if (stat(path, &is) == 0) {
            if (!S_ISDIR(is.st_mode))
                return ENOTDIR;
            return access(path, need) == 0 ? try_to_make(path) : errno;
        }
        if (errno != ENOENT)
            return errno;
        go_up(path);
        need = W_OK | X_OK;
    }
}

bool state_dir_test(const char *setting, struct err *e)
{
    char path[STATE_PATH_MAX], above[STATE_PATH_MAX];
    if (!state_dir_path(setting, path))
        return refuse_none(e);
    memcpy(above, path, sizeof above);
    int error = look_at(above);
    return error == 0 || refuse_folder(path, error, e);
}

static void path_of(char out[FILE_PATH_MAX], const char *dir, const char *name, const char *suffix)
{
    snprintf(out, FILE_PATH_MAX, "%s/%s%s", dir, name, suffix);
}

int state_dir_lock(const char *dir, struct err *e)
{
    char path[FILE_PATH_MAX];
    path_of(path, dir, STATE_LOCK_FILE, "");
    struct err why = {.text = ""};
    int fd = os_file_open(path, O_RDWR | O_CREAT, "a file, or none", &why);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0 && errno == EWOULDBLOCK)
        err_set_errno(e, errno,
            "the state folder %.200s is in use by another usherd: stop that one, or give this one a folder of its own "
            "with server.state_dir",
            dir);
    else if (fd < 0 && why.error == ENOENT) /* nothing can be made there: no file is lacking */
        refuse_folder(dir, ENOENT, e);
    else if (fd < 0)
        err_set_errno(e, why.error, "cannot lock %.200s: %s", path, why.text);
    else
        err_set_errno(e, errno, "cannot lock %.200s: %s%s", path, strerror(errno), os_file_advice(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool read_fd(int fd, struct buf *out)
{
    for (;;) {
        char *room = buf_reserve(out, READ_SIZE);
        ssize_t n = room ? read(fd, room, READ_SIZE) : -1;
        if (n <= 0)
            return n == 0;
        out->len += (size_t)n;
    }
}

bool state_dir_read(const char *dir, const char *name, size_t max, struct buf *out, struct err *e)
{
    char path[FILE_PATH_MAX];
    path_of(path, dir, name, "");
    buf_init(out, max + READ_SIZE);
    struct err why;
    int fd = os_file_open(path, O_RDONLY, "a file, or none", &why);
    if (fd < 0)
        return why.error == ENOENT || err_set_errno(e, why.error, "cannot read %.200s: %s", path, why.text);
    bool ok = read_fd(fd, out);
    int error = errno;
    close(fd);
    if (ok && out->len <= max)
        return true;
    err_set(e, "cannot read %.200s: %s", path, out->failed || ok ? "it is too long" : strerror(error));
    buf_done(out);
    return false;
}

bool state_dir_key(
    const char *dir, const char *name, const struct rng *rng, uint8_t key[STATE_KEY_BYTES], struct err *e)
{
    struct buf text;
    if (!state_dir_read(dir, name, STATE_KEY_BYTES, &text, e))
        return false;
    size_t n = text.len;
    if (n == STATE_KEY_BYTES)
        memcpy(key, text.p, STATE_KEY_BYTES);
    bool exists = text.p != NULL;
    buf_done(&text);
    if (n == STATE_KEY_BYTES)
        return true;
    if (exists)
        return err_set(e, "%.200s/%s is damaged: a key has 32 bytes; remove it to have a new one made", dir, name);
    rng->fill(rng->ctx, key, STATE_KEY_BYTES);
    return os_file_replace(dir, name, (struct span){(const char *)key, STATE_KEY_BYTES}, e);
}
