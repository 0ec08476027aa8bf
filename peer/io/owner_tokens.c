/* SPDX-License-Identifier: MIT
 *
 * The file is read and, where it changes, replaced whole, under the flock(2) of a file beside it: a script may make rooms in
 * parallel, and the directory's own lock is for as long as somebody is in a room. Lines that cannot be read stay as they are.
 */
#include "peer/io/owner_tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/os_file.h"
#include "peer/io/state.h"
#include "protocol/limits.h"

#define FILE_NAME "rooms"
enum {
    LINE_BYTES_MAX = OWNER_SERVER_MAX + ROOM_ID_MAX + OWNER_TOKEN_MAX + 3,
    FILE_MAX = OWNER_TOKENS_MAX * LINE_BYTES_MAX
};

struct file {
    char *text; /* owned */
    size_t n;
    int lock; /* descriptor whose flock we have; -1: none */
};

static bool file_lock(struct file *f, const char *dir, struct err *err)
{
    char path[STATE_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/" FILE_NAME ".lock", dir);
    f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f->lock < 0)
        return err_set(err, "cannot write %.180s: %s%s", path, strerror(errno), os_file_advice(errno));
    while (flock(f->lock, LOCK_EX) != 0)
        if (errno != EINTR)
            return err_set(err, "cannot lock %.180s: %s", path, strerror(errno));
    return true;
}

static void file_close(struct file *f)
{
    if (f->text)
        OPENSSL_cleanse(f->text, f->n);
    free(f->text);
    if (f->lock >= 0)
        close(f->lock);
}

/* Its text is empty if there is no such file. */
static bool file_read(struct file *f, const char *dir, struct err *err)
{
    f->text = malloc(FILE_MAX);
    if (!f->text)
        return err_memory(err);
    return state_read(dir, FILE_NAME, true, f->text, FILE_MAX, &f->n, err) != STATE_FAILED;
}

static struct span file_text(const struct file *f)
{
    return (struct span){f->text, f->text ? f->n : 0};
}

static bool file_open(struct file *f, const char *dir, struct err *err)
{
    *f = (struct file){.lock = -1};
    if (state_make_dir(dir, err) && file_lock(f, dir, err) && file_read(f, dir, err))
        return true;
    file_close(f);
    return false;
}

/* The next line, without its end, off the front of rest. */
static bool next_line(struct span *rest, struct span *line)
{
    if (rest->n == 0)
        return false;
    const char *end = span_find(*rest, '\n');
    *line = (struct span){rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t used = line->n + (end != NULL);
    *rest = (struct span){rest->p + used, rest->n - used};
    return true;
}

/* The token, if this is the line of that server and room; else of no bytes. */
static struct span token_of(struct span line, const char *server, const char *room)
{
    char head[OWNER_SERVER_MAX + ROOM_ID_MAX + 3];
    int n = snprintf(head, sizeof head, "%s %s ", server, room);
    if (n < 0 || (size_t)n >= sizeof head || line.n <= (size_t)n || memcmp(line.p, head, (size_t)n) != 0)
        return (struct span){NULL, 0};
    return (struct span){line.p + n, line.n - (size_t)n};
}

/* The file as it is without that line, and with one for the token if there is one. */
static bool file_replace(
    struct file *f, const char *dir, const char *server, const char *room, const char *token, struct err *err)
{
    struct span rest = file_text(f), line;
    size_t kept = token != NULL;
    struct buf out;
    buf_init(&out, FILE_MAX);
    while (next_line(&rest, &line))
        kept += token_of(line, server, room).n == 0;
    rest = file_text(f);
    while (next_line(&rest, &line)) {
        if (token_of(line, server, room).n > 0)
            continue;
        if (kept-- > OWNER_TOKENS_MAX)
            continue;
        buf_span(&out, line);
        buf_byte(&out, '\n');
    }
    if (token)
        buf_printf(&out, "%s %s %s\n", server, room, token);
    bool ok = out.failed ? err_memory(err) : os_file_replace(dir, FILE_NAME, buf_view(&out), err);
    if (out.p)
        OPENSSL_cleanse(out.p, out.len);
    buf_done(&out);
    return ok;
}

bool owner_tokens_keep(const char *dir, const char *server, const char *room, const char *token, struct err *err)
{
    struct file f;
    if (strlen(server) > OWNER_SERVER_MAX || strlen(room) > ROOM_ID_MAX || strlen(token) > OWNER_TOKEN_MAX)
        return err_set(err, "the server, the room or the token is longer than can be kept");
    if (!file_open(&f, dir, err))
        return false;
    bool ok = file_replace(&f, dir, server, room, token, err);
    file_close(&f);
    return ok;
}

bool owner_tokens_forget(const char *dir, const char *server, const char *room, struct err *err)
{
    struct file f;
    if (!file_open(&f, dir, err))
        return false;
    struct span rest = file_text(&f), line;
    bool there = false;
    while (!there && next_line(&rest, &line))
        there = token_of(line, server, room).n > 0;
    bool ok = !there || file_replace(&f, dir, server, room, NULL, err);
    file_close(&f);
    return ok;
}

bool owner_tokens_find(
    const char *dir, const char *server, const char *room, char out[OWNER_TOKEN_MAX + 1], struct err *err)
{
    struct file f = {.lock = -1};
    *out = '\0';
    bool ok = file_read(&f, dir, err);
    struct span rest = file_text(&f), line;
    while (next_line(&rest, &line)) {
        struct span token = token_of(line, server, room);
        if (token.n > 0 && token.n <= OWNER_TOKEN_MAX)
            snprintf(out, OWNER_TOKEN_MAX + 1, "%.*s", (int)token.n, token.p);
    }
    file_close(&f);
    return ok;
}
