/* SPDX-License-Identifier: MIT
 *
 * One line a name: the id, a space, the name as a JSON string (a name may hold anything, a newline too). A new name is
 * appended with one write; a later line wins over an earlier one of the same name. Where that leaves too many lines,
 * the whole file is written anew in one step.
 */
#include "peer/io/known.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define HASH_FUNCTION HASH_OAT /* the default one falls through its cases, which clang warns of */
#include <uthash.h>

#include "base/buf.h"
#include "base/os_file.h"
#include "peer/io/state.h"
#include "protocol/envelope.h"
#include "protocol/write.h"

#define FILE_NAME "known"
enum {
    LINE_MAX_BYTES = ENVELOPE_PERSON_MAX + DISPLAY_NAME_MAX * 6 + 4, /* each byte as \u00xx at worst */
    LINES_MAX = 2 * KNOWN_MAX,
    FILE_MAX = LINES_MAX * LINE_MAX_BYTES
};

struct entry {
    char name[DISPLAY_NAME_MAX + 1];
    char id[ENVELOPE_PERSON_MAX + 1];
    UT_hash_handle hh;
};

struct known {
    char dir[STATE_PATH_MAX + 1];
    struct entry *entries; /* by name, in order of insertion */
    size_t lines;          /* in the file */
    size_t unread;         /* of them could not be read */
    bool torn;             /* the last one has no end: what is appended begins a line of its own */
};

static bool put(struct known *k, const char *name, const char *id)
{
    struct entry *e;
    HASH_FIND_STR(k->entries, name, e);
    if (e)
        HASH_DEL(k->entries, e);
    else
        e = calloc(1, sizeof *e);
    if (!e)
        return false;
    snprintf(e->name, sizeof e->name, "%s", name);
    snprintf(e->id, sizeof e->id, "%s", id);
    HASH_ADD_STR(k->entries, name, e);
    if (HASH_COUNT(k->entries) > KNOWN_MAX) {
        struct entry *oldest = k->entries;
        HASH_DEL(k->entries, oldest);
        free(oldest);
    }
    return true;
}

static bool take_line(struct known *k, struct span line)
{
    const char *space = span_find(line, ' ');
    if (!space)
        return false;
    struct span id = {line.p, (size_t)(space - line.p)};
    if (!person_id_valid(id))
        return false;
    json_t *name = json_loadb(space + 1, line.n - id.n - 1, JSON_DECODE_ANY, NULL);
    bool ok = json_is_string(name) && json_string_length(name) <= DISPLAY_NAME_MAX;
    if (ok) {
        char text[ENVELOPE_PERSON_MAX + 1];
        snprintf(text, sizeof text, "%.*s", (int)id.n, id.p);
        put(k, json_string_value(name), text);
    }
    json_decref(name);
    return ok;
}

static void take_lines(struct known *k, struct span text)
{
    while (text.n > 0) {
        const char *end = span_find(text, '\n');
        size_t n = end ? (size_t)(end - text.p) : text.n;
        k->unread += !take_line(k, (struct span){text.p, n});
        k->lines++;
        k->torn = end == NULL;
        text.p += n + (end != NULL);
        text.n -= n + (end != NULL);
    }
}

static void add_line(struct buf *out, const char *name, const char *id)
{
    buf_printf(out, "%s ", id);
    write_string(out, span_of(name));
    buf_byte(out, '\n');
}

static bool write_anew(struct known *k, struct err *err)
{
    struct buf out;
    buf_init(&out, FILE_MAX);
    for (struct entry *e = k->entries; e; e = e->hh.next)
        add_line(&out, e->name, e->id);
    bool ok = !out.failed ? os_file_replace(k->dir, FILE_NAME, buf_view(&out), err) : err_set(err, "out of memory");
    if (ok) {
        k->lines = HASH_COUNT(k->entries);
        k->torn = false;
    }
    buf_done(&out);
    return ok;
}

static bool append(struct known *k, const char *name, const char *id, struct err *err)
{
    char file[STATE_PATH_MAX + 16];
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES + 1);
    if (k->torn)
        buf_byte(&line, '\n');
    add_line(&line, name, id);
    snprintf(file, sizeof file, "%s/" FILE_NAME, k->dir);
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = !line.failed && fd >= 0 && write(fd, line.p, line.len) == (ssize_t)line.len;
    if (!ok)
        err_set(err, "cannot write %.180s: %s", file, strerror(errno));
    if (fd >= 0)
        close(fd);
    buf_done(&line);
    k->lines += ok;
    k->torn = k->torn && !ok;
    return ok;
}

struct known *known_open(const char *dir, struct err *err)
{
    struct known *k = calloc(1, sizeof *k);
    char *text = malloc(FILE_MAX);
    size_t n = 0;
    if (!k || !text) {
        err_set(err, "out of memory");
        goto fail;
    }
    snprintf(k->dir, sizeof k->dir, "%s", dir);
    enum state_read got = state_read(dir, FILE_NAME, false, text, FILE_MAX, &n, err);
    if (got == STATE_FAILED)
        goto fail;
    take_lines(k, (struct span){text, n});
    free(text);
    return k;
fail:
    free(text);
    known_free(k);
    return NULL;
}

size_t known_unread(const struct known *k)
{
    return k->unread;
}

void known_free(struct known *k)
{
    if (!k)
        return;
    struct entry *e, *next;
    HASH_ITER (hh, k->entries, e, next) {
        HASH_DEL(k->entries, e);
        free(e);
    }
    free(k);
}

void known_each(const struct known *k, void (*each)(void *user, struct span name, struct span id), void *user)
{
    for (const struct entry *e = k->entries; e; e = e->hh.next)
        each(user, span_of(e->name), span_of(e->id));
}

bool known_remember(struct known *k, const char *name, const char *id, struct err *err)
{
    struct entry *e;
    if (strlen(name) > DISPLAY_NAME_MAX || !person_id_valid(span_of(id)))
        return true;
    HASH_FIND_STR(k->entries, name, e);
    if (e && strcmp(e->id, id) == 0)
        return true;
    if (!put(k, name, id))
        return err_set(err, "out of memory");
    return k->lines >= LINES_MAX ? write_anew(k, err) : append(k, name, id, err);
}
