/* SPDX-License-Identifier: MIT
 *
 * The normal path of an offer: it is shown with its number, accepted, a row tells how far it is, and a line where it is. What
 * is sent is offered to one person, or to everybody who is or comes here. Names of files are as others chose them: they are
 * made harmless, and stand behind words of usher's own.
 */
#include "peer/cli/chat_files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "peer/cli/path_word.h"
#include "peer/cli/plain.h"
#include "peer/cli/progress.h"

enum {
    REF_BYTES = 24
};

enum file_state {
    FILE_READ,    /* ours: it is read before it is offered */
    FILE_OFFERED, /* nobody has accepted yet */
    FILE_ACTIVE,
    FILE_DONE,
    FILE_ENDED /* declined, cancelled or failed */
};

struct chat_file {
    unsigned number;
    bool ours;
    char *id;   /* owned; NULL: it has none yet */
    char *who;  /* owned: whose offer it is, or to whom; NULL: to everybody */
    char *name; /* owned, harmless */
    uint64_t done, size;
    enum file_state state;
    bool again; /* of theirs, that was broken off: it may be accepted once more */
    struct speed speed;
};

struct chat_files {
    GPtrArray *all; /* of struct chat_file, owned, in the order of their numbers */
    unsigned last;  /* number */
};

static void file_free(gpointer data)
{
    struct chat_file *f = data;
    g_free(f->id);
    g_free(f->who);
    g_free(f->name);
    g_free(f);
}

struct chat_files *chat_files_new(void)
{
    struct chat_files *f = g_new0(struct chat_files, 1);
    f->all = g_ptr_array_new_with_free_func(file_free);
    return f;
}

void chat_files_free(struct chat_files *f)
{
    if (!f)
        return;
    g_ptr_array_unref(f->all);
    g_free(f);
}

static struct chat_file *file_at(const struct chat *c, guint i)
{
    return g_ptr_array_index(c->files->all, i);
}

/* NULL: as many as may be are offered or under way. */
static struct chat_file *add_file(struct chat *c, bool ours, const char *name, const char *who)
{
    struct chat_files *all = c->files;
    for (guint i = 0; all->all->len >= CHAT_FILES_MAX && i < all->all->len; i++)
        if (file_at(c, i)->state >= FILE_DONE)
            g_ptr_array_remove_index(all->all, i);
    if (all->all->len >= CHAT_FILES_MAX)
        return NULL;
    struct chat_file *f = g_new0(struct chat_file, 1);
    f->number = ++all->last;
    f->ours = ours;
    f->name = plain_text(name, FALSE);
    f->who = g_strdup(who);
    g_ptr_array_add(all->all, f);
    return f;
}

static struct chat_file *find_by_id(const struct chat *c, const char *id)
{
    for (guint i = 0; id && i < c->files->all->len; i++)
        if (g_strcmp0(file_at(c, i)->id, id) == 0)
            return file_at(c, i);
    return NULL;
}

static void make_ref(const struct chat_file *f, char ref[REF_BYTES])
{
    g_snprintf(ref, REF_BYTES, "file-%u", f->number);
}

static struct chat_file *find_by_ref(const struct chat *c, const char *wanted)
{
    char ref[REF_BYTES];
    for (guint i = 0; wanted && i < c->files->all->len; i++) {
        make_ref(file_at(c, i), ref);
        if (file_at(c, i)->ours && strcmp(ref, wanted) == 0)
            return file_at(c, i);
    }
    return NULL;
}

static const char *to_whom(struct chat *c, const struct chat_file *f)
{
    return f->who ? chat_call(c, f->who) : "everybody";
}

/* ---- what happens ---- */

static void offered_to_us(struct chat *c, const struct usher_event *e)
{
    char size[PROGRESS_TEXT_MAX];
    if (find_by_id(c, e->id))
        return;
    struct chat_file *f = add_file(c, false, e->name ? e->name : "file", e->from);
    if (!f) {
        usher_decline_file(c->client.usher, e->id);
        chat_say(c, "! %s offers more files than can be listed: it was declined.", chat_call(c, e->from));
        return;
    }
    f->id = g_strdup(e->id);
    f->size = e->size;
    f->state = FILE_OFFERED;
    progress_size(e->size, size);
    chat_say(c, "* %s offers %s%s (%s): /accept %u or /decline %u", chat_call(c, e->from),
        g_strcmp0(e->kind, "folder") == 0 ? "the folder " : "", f->name, size, f->number, f->number);
}

static void offered_by_us(struct chat *c, struct chat_file *f, const char *id)
{
    f->id = g_strdup(id);
    f->state = FILE_OFFERED;
    chat_say(c, "* File %u: %s is offered to %s.", f->number, f->name, to_whom(c, f));
}

/* Of ours, after it was broken off there: it was accepted once more. */
static void moved(struct chat *c, struct chat_file *f, const struct usher_event *e)
{
    if (f->state == FILE_DONE || (f->state == FILE_ENDED && !f->ours))
        return;
    f->state = FILE_ACTIVE;
    f->size = e->size;
    f->done = MIN(e->count, e->size);
    speed_add(&f->speed, (uint64_t)g_get_monotonic_time() / 1000, f->done);
    chat_status(c);
}

static void arrived(struct chat *c, struct chat_file *f, const struct usher_event *e)
{
    char size[PROGRESS_TEXT_MAX];
    progress_size(e->size, size);
    bool there = e->count == 0 && e->size > 0;
    f->size = f->done = e->size;
    f->speed = (struct speed){.begun = false};
    f->state = f->ours && !f->who ? FILE_OFFERED : FILE_DONE; /* everybody: others may come */
    chat_status(c);
    if (f->ours) {
        chat_say(c, "* File %u: done, hash ok: %s has %s%s (%s).", f->number, chat_call(c, e->by), f->name,
            there ? " already" : "", size);
    } else {
        gchar *path = g_canonicalize_filename(e->text, NULL), *shown = plain_text(path, FALSE);
        chat_say(c, "* File %u: %s, hash ok: %s (%s)", f->number, there ? "already there" : "done", shown, size);
        g_free(shown);
        g_free(path);
    }
}

static void failed(struct chat *c, struct chat_file *f, const struct usher_event *e)
{
    bool declined = g_strcmp0(e->reason, "declined") == 0;
    const char *text = e->text && *e->text ? e->text : e->reason ? e->reason : "";
    gchar *why = plain_text(declined ? "declined, or ended there" : text, FALSE);
    bool over = f->state < FILE_DONE;
    f->again = !f->ours && (g_strcmp0(e->reason, "disk-full") == 0 || g_strcmp0(e->reason, "failed") == 0 ||
                               g_strcmp0(e->reason, "stalled") == 0 || (!e->from && f->again));
    f->state = e->by && !f->who ? FILE_OFFERED : FILE_ENDED;
    chat_status(c);
    if (over && e->by)
        chat_say(c, "! File %u: %s does not get %s: %s.", f->number, chat_call(c, e->by), f->name, why);
    else if (over)
        chat_say(c, "! File %u: %s: %s.", f->number, f->name, why);
    g_free(why);
}

/* It was never shown. */
static void offer_refused(struct chat *c, const struct usher_event *e)
{
    gchar *name = plain_text(e->name ? e->name : "", FALSE);
    chat_say(c, "! %s offers %s%s%s, which is refused: %s.", chat_call(c, e->from), *name ? "\"" : "a file", name,
        *name ? "\"" : "", e->text ? e->text : "");
    g_free(name);
}

/* The offer stays. */
static void not_taken(struct chat *c, struct chat_file *f, const struct usher_event *e)
{
    f->state = FILE_OFFERED;
    chat_status(c);
    chat_say(c, "! File %u: %s: %s. It is still offered.", f->number, f->name, e->text ? e->text : "");
}

static void stalled(struct chat *c, const struct chat_file *f, const struct usher_event *e)
{
    if (f->state < FILE_DONE)
        chat_say(c, "* File %u: %s: %s.", f->number, f->name, e->text ? e->text : "nothing of it comes");
}

bool chat_files_event(struct chat *c, const struct usher_event *e)
{
    struct chat_file *f = find_by_id(c, e->id);
    if (!f)
        f = find_by_ref(c, e->ref);
    switch (e->type) {
    case USHER_FILE_OFFER:
        offered_to_us(c, e);
        return true;
    case USHER_ACCEPTED:
        if (f)
            offered_by_us(c, f, e->id);
        return f != NULL;
    case USHER_FILE_PROGRESS:
        if (f)
            moved(c, f, e);
        return true;
    case USHER_FILE_COMPLETE:
        if (f)
            arrived(c, f, e);
        return true;
    case USHER_FILE_FAILED:
        if (f)
            failed(c, f, e);
        else if (e->from)
            offer_refused(c, e);
        return true;
    case USHER_FILE_STALLED:
        if (f)
            stalled(c, f, e);
        return true;
    case USHER_ERROR:
        if (f && g_strcmp0(e->code, "no-folder") == 0)
            not_taken(c, f, e);
        else if (f)
            failed(c, f, e);
        return f != NULL;
    default:
        return false;
    }
}

char *chat_files_row(struct chat *c, long columns)
{
    for (guint i = 0; i < c->files->all->len; i++) {
        const struct chat_file *f = file_at(c, i);
        if (f->state != FILE_ACTIVE)
            continue;
        gchar *what = g_strdup_printf("%u: %s", f->number, f->name);
        char *row = progress_row(what, f->done, f->size, speed_now(&f->speed), columns);
        g_free(what);
        return row;
    }
    return NULL;
}

/* ---- commands ---- */

/* The one person whom the whole of text names. NULL, and it was said: nobody, or several. */
static const char *find_person(struct chat *c, const char *text)
{
    const struct usher_person *people;
    const char *found = NULL;
    size_t n = usher_people(c->client.usher, &people), same = 0;
    for (size_t i = 0; i < n; i++)
        if (names_match(c->names, people[i].id, text) == strlen(text)) {
            found = people[i].id;
            same++;
        }
    gchar *plain = plain_text(text, FALSE);
    if (same == 0)
        chat_say(c,
            "! Nobody here has the name %s; /who lists everybody. A file whose name has spaces stands in quotes.",
            plain);
    else if (same > 1)
        chat_say(c, "! Several people have that name: write name#id as /who shows it, or the beginning of the id.");
    g_free(plain);
    return same == 1 ? found : NULL;
}

static void offer_file(struct chat *c, const char *path, const char *to)
{
    char ref[REF_BYTES];
    gchar *base = g_path_get_basename(path), *name = g_utf8_make_valid(base, -1);
    struct chat_file *f = add_file(c, true, name, to);
    if (f)
        make_ref(f, ref);
    if (!f)
        chat_say(c, "! %d files are offered or under way already: /cancel some.", CHAT_FILES_MAX);
    else if (!usher_send_file(c->client.usher, &to, to ? 1 : 0, path, ref)) {
        f->state = FILE_ENDED;
        chat_say(c, "! That was not offered: the path is too long.");
    }
    g_free(name);
    g_free(base);
}

void chat_send_file(struct chat *c, const char *argument)
{
    const char *rest, *to = NULL;
    char *path = path_word(argument, &rest);
    if (*rest && access(path, F_OK) != 0 && access(argument, F_OK) == 0) { /* spaces, and no quotes */
        g_free(path);
        path = g_strdup(argument);
        rest = "";
    }
    if (!*path) {
        chat_say(c, "! /send wants a file, and may have a name: /send FILE NAME");
    } else if (access(path, R_OK) != 0) {
        int error = errno;
        gchar *plain = plain_text(path, FALSE);
        chat_say(c, "! %s cannot be read: %s.", plain, g_strerror(error));
        g_free(plain);
    } else if (!*rest || (to = find_person(c, rest))) {
        gchar *id = g_strdup(to);
        offer_file(c, path, id);
        g_free(id);
    }
    g_free(path);
}

/* Which file a command is about: that of the number; or, where there is none, the only one that fits. NULL, and it was said. */
static struct chat_file *chosen(
    struct chat *c, const char *command, const char *number, bool (*fits)(const struct chat_file *f), const char *none)
{
    struct chat_file *found = NULL;
    guint64 n = 0;
    unsigned count = 0;
    if (*number && !g_ascii_string_to_unsigned(number, 10, 1, G_MAXUINT, &n, NULL)) {
        chat_say(c, "! %s wants the number of a file, or nothing; /files lists them.", command);
        return NULL;
    }
    for (guint i = 0; i < c->files->all->len; i++) {
        struct chat_file *f = file_at(c, i);
        if (!fits(f) || (n && f->number != n))
            continue;
        found = f;
        count++;
    }
    if (count == 0)
        chat_say(c, "! %s; /files lists them.", none);
    else if (count > 1)
        chat_say(c, "! There are several: %s N, with its number; /files lists them.", command);
    return count == 1 ? found : NULL;
}

static bool is_offer(const struct chat_file *f)
{
    return !f->ours && f->state == FILE_OFFERED;
}

static bool may_accept(const struct chat_file *f)
{
    return is_offer(f) || (!f->ours && f->state == FILE_ENDED && f->again);
}

static bool is_open(const struct chat_file *f)
{
    return f->state < FILE_DONE && f->id;
}

void chat_accept(struct chat *c, const char *argument)
{
    struct chat_file *f = chosen(c, "/accept", argument, may_accept, "No such file is offered to you");
    if (!f)
        return;
    f->state = FILE_ACTIVE;
    usher_accept_file(c->client.usher, f->id, ".");
    chat_status(c);
}

static void end_file(struct chat *c, struct chat_file *f, const char *what)
{
    bool begun = !f->ours && f->state == FILE_ACTIVE;
    f->state = FILE_ENDED;
    f->again = begun;
    if (begun)
        usher_cancel_file(c->client.usher, f->id);
    else
        usher_decline_file(c->client.usher, f->id);
    chat_status(c);
    chat_say(c, "* File %u: %s is %s.%s", f->number, f->name, what,
        begun ? " What is there of it stays; /accept goes on with it." : "");
}

void chat_decline(struct chat *c, const char *argument)
{
    struct chat_file *f = chosen(c, "/decline", argument, is_offer, "No such file is offered to you");
    if (f)
        end_file(c, f, "declined");
}

void chat_cancel(struct chat *c, const char *argument)
{
    struct chat_file *f = chosen(c, "/cancel", argument, is_open, "No such file is offered or under way");
    if (f)
        end_file(c, f, "cancelled");
}

void chat_list_files(struct chat *c, const char *argument)
{
    static const char *const STATES[] = {"is being read", "offered", "under way", "done", "ended"};
    (void)argument;
    if (c->files->all->len == 0)
        chat_say(c, "* No files yet.");
    for (guint i = 0; i < c->files->all->len; i++) {
        const struct chat_file *f = file_at(c, i);
        char size[PROGRESS_TEXT_MAX];
        progress_size(f->size, size);
        gchar *far =
            f->state == FILE_ACTIVE ? g_strdup_printf(", %u%%", progress_percent(f->done, f->size)) : g_strdup("");
        chat_say(c, "* File %u, %s %s: %s%s%s%s, %s%s", f->number, f->ours ? "to" : "from", to_whom(c, f), f->name,
            f->size ? " (" : "", f->size ? size : "", f->size ? ")" : "", STATES[f->state], far);
        g_free(far);
    }
}
