/* SPDX-License-Identifier: MIT
 *
 * A path may only name what lies below the folder once every link is followed, and nothing whose name begins with a dot; a
 * folder is nothing, and so is all that is no regular file. The kernel keeps the walk below the folder (openat2(2)). It
 * refuses absolute links, also those that lead back into the folder; for them, and where openat2 is missing or forbidden,
 * the path is freed of its links first and then walked without following any, so that a folder which is swapped for a link
 * meanwhile ends the walk. The folder is opened anew for each file: it may itself be a link to the version of the day.
 *
 * What a path names is looked at (O_PATH) before it is opened: opening a FIFO lets its writers go on, opening a device may
 * set it off.
 *
 * `app.js.br` and `app.js.gz` are twins of `app.js`: its content, compressed before it was put there. A twin counts if it
 * is not older than its original; one that was forgotten when the original was replaced is as good as none.
 */
#include "server/io/web_find.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol/message.h"

static const char ROOM[] = "/room/";

/* ---- names ---- */

bool web_is_room(const char *path)
{
    return strncmp(path, ROOM, sizeof ROOM - 1) == 0 && room_id_valid(span_of(path + sizeof ROOM - 1));
}

const char *web_name(const char *path)
{
    if (strcmp(path, "/") == 0)
        return WEB_INDEX;
    if (web_is_room(path))
        return WEB_ROOM;
    if (*path != '/')
        return NULL;
    for (const char *at = path; *at; at++)
        if (*at == '\\' || (*at == '/' && (at[1] == '.' || at[1] == '/' || at[1] == '\0')))
            return NULL;
    return path + 1;
}

static bool is_hash(const char *from, size_t n)
{
    size_t i = 0;
    while (i < n && strchr("0123456789abcdef", from[i]))
        i++;
    return n == WEB_HASH_LEN && i == n;
}

bool web_is_hashed(const char *name)
{
    const char *slash = strrchr(name, '/');
    for (const char *dot = strchr(slash ? slash : name, '.'), *next; dot; dot = next) {
        next = strchr(dot + 1, '.');
        if (next && is_hash(dot + 1, (size_t)(next - dot - 1)))
            return true;
    }
    return false;
}

struct web_type {
    const char *suffix, *type;
    bool text; /* it is worth a twin */
};

static const struct web_type OTHER = {"", "application/octet-stream", false};

static const struct web_type *type_of(const char *name)
{
    static const struct web_type TYPES[] = {
        {".html", "text/html; charset=utf-8", true},
        {".js", "text/javascript; charset=utf-8", true},
        {".mjs", "text/javascript; charset=utf-8", true},
        {".css", "text/css; charset=utf-8", true},
        {".json", "application/json", true},
        {".webmanifest", "application/manifest+json", true},
        {".txt", "text/plain; charset=utf-8", true},
        {".svg", "image/svg+xml", true},
        {".png", "image/png", false},
        {".jpg", "image/jpeg", false},
        {".webp", "image/webp", false},
        {".ico", "image/vnd.microsoft.icon", true},
        {".woff2", "font/woff2", false},
        {".wasm", "application/wasm", true},
        {".mp3", "audio/mpeg", false},
        {".mp4", "video/mp4", false},
        {".webm", "video/webm", false},
    };
    const char *suffix = strrchr(name, '.');
    for (size_t i = 0; suffix && i < sizeof TYPES / sizeof *TYPES; i++)
        if (strcmp(TYPES[i].suffix, suffix) == 0)
            return &TYPES[i];
    return &OTHER;
}

/* ---- the way there ---- */

struct folder {
    const char *path;
    int fd; /* of O_PATH */
};

/* Closes one of O_PATH, and keeps errno. */
static void let_go(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
}

/* A path without links, from the folder down. Writes into it. */
static int walk(int top, char *path, int flags)
{
    int folder = top;
    for (char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        *slash = '\0';
        int next = openat(folder, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder != top)
            let_go(folder);
        if (next < 0)
            return -1;
        folder = next;
    }
    int fd = openat(folder, path, flags | O_NOFOLLOW);
    if (folder != top)
        let_go(folder);
    return fd;
}

static int open_without_links(const struct folder *top, const char *name, int flags)
{
    char real[PATH_MAX], wanted[PATH_MAX], found[PATH_MAX];
    if (!realpath(top->path, real))
        return -1;
    size_t depth = strcmp(real, "/") == 0 ? 0 : strlen(real);
    int n = snprintf(wanted, sizeof wanted, "%s/%s", real, name);
    errno = ENAMETOOLONG;
    if (n < 0 || (size_t)n >= sizeof wanted || !realpath(wanted, found))
        return -1;
    if (strncmp(found, real, depth) == 0 && found[depth] == '/')
        return walk(top->fd, found + depth + 1, flags);
    errno = ENOENT;
    return -1;
}

static int open_below(const struct folder *top, const char *name, int flags)
{
    struct open_how how = {.flags = (uint64_t)(unsigned)flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, top->fd, name, &how, sizeof how);
    /* EXDEV: a link leads out, or is absolute. EPERM: a sandbox that does not know openat2. EAGAIN: something was renamed
     * while it walked. */
    if (fd < 0 && (errno == EXDEV || errno == ENOSYS || errno == EPERM || errno == EAGAIN))
        return open_without_links(top, name, flags);
    return fd;
}

/* Whether a regular file is there; errno if not. */
static bool look(const struct folder *top, const char *name, struct stat *is)
{
    int fd = open_below(top, name, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool regular = fstat(fd, is) == 0 && S_ISREG(is->st_mode);
    close(fd);
    errno = ENOENT;
    return regular;
}

static int open_regular(const struct folder *top, const char *name, struct stat *is)
{
    /* Nothing waits, should it be a FIFO by now. */
    int fd = open_below(top, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, is) == 0 && S_ISREG(is->st_mode))
        return fd;
    close(fd);
    errno = ENOENT;
    return -1;
}

/* ---- the file and its twins ---- */

static bool twin_name(const char *name, enum coding coding, char out[PATH_MAX])
{
    static const char *const SUFFIXES[CODINGS] = {[CODING_BR] = ".br", [CODING_GZIP] = ".gz", [CODING_IDENTITY] = ""};
    int n = snprintf(out, PATH_MAX, "%s%s", name, SUFFIXES[coding]);
    return n >= 0 && n < PATH_MAX;
}

static bool older(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static unsigned find_twins(const struct folder *top, const char *name, const struct stat *original)
{
    unsigned twins = 0;
    char twin[PATH_MAX];
    struct stat is;
    for (enum coding c = 0; c < CODING_IDENTITY; c++)
        if (twin_name(name, c, twin) && look(top, twin, &is) && !older(&is.st_mtim, &original->st_mtim))
            twins |= 1u << c;
    return twins;
}

/* An errno that says that nothing is there to be had, rather than that it cannot be had now. */
static bool is_absence(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG;
}

static int find_in(const struct folder *top, const char *name, struct span accept_encoding, struct web_found *found)
{
    char chosen[PATH_MAX];
    const struct web_type *type = type_of(name);
    found->type = type->type;
    bool there = look(top, name, &found->is);
    if (there && type->text)
        found->twins = find_twins(top, name, &found->is);
    while (there && found->fd < 0) {
        found->coding = coding_choose(accept_encoding, found->twins);
        found->fd = twin_name(name, found->coding, chosen) ? open_regular(top, chosen, &found->is) : -1;
        if (found->coding == CODING_IDENTITY)
            break;
        if (found->fd < 0)
            found->twins &= ~(1u << found->coding); /* gone meanwhile, or not to be read */
    }
    if (found->fd >= 0)
        return 0;
    if (!is_absence(errno))
        found->problem = "a file of server.web_root cannot be opened";
    return errno;
}

int web_find(const char *root, const char *name, struct span accept_encoding, struct web_found *found)
{
    *found = (struct web_found){.fd = -1, .coding = CODING_IDENTITY};
    const struct folder top = {root, open(root, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (top.fd < 0) {
        found->problem = "the folder of server.web_root cannot be opened";
        return errno;
    }
    int error = find_in(&top, name, accept_encoding, found);
    close(top.fd);
    return error;
}

void web_etag(const struct web_found *found, char out[WEB_ETAG_MAX])
{
    static const char *const MARKS[CODINGS] = {[CODING_BR] = "-br", [CODING_GZIP] = "-gz", [CODING_IDENTITY] = ""};
    const struct stat *is = &found->is;
    snprintf(out, WEB_ETAG_MAX, "\"%" PRIx64 "-%" PRIx64 "%08lx-%" PRIx64 "%s\"", (uint64_t)is->st_size,
        (uint64_t)is->st_mtim.tv_sec, (unsigned long)is->st_mtim.tv_nsec, (uint64_t)is->st_ino, MARKS[found->coding]);
}
