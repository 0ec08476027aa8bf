/* SPDX-License-Identifier: MIT
 *
 * `usher send`: prints a code, waits for whoever knows it, offers each file, and ends when the other has all of them. In a
 * room without a code: to one person, likewise; or to everybody who is or comes there, until it is interrupted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/cli/commands.h"
#include "peer/cli/page_link.h"
#include "peer/cli/paused.h"
#include "peer/cli/people.h"
#include "peer/cli/plain.h"
#include "peer/cli/transfer.h"

enum {
    REF_BYTES = 16
};

struct send {
    struct transfer t;
    bool offered;
};

static void offer_all(struct send *s)
{
    struct transfer *t = &s->t;
    const char *to = t->partner;
    if (s->offered)
        return;
    s->offered = true;
    for (guint i = 0; i < t->items->len; i++) {
        struct item *item = g_ptr_array_index(t->items, i);
        char ref[REF_BYTES];
        snprintf(ref, sizeof ref, "%u", item->ref);
        if (!usher_send_file(t->client.usher, &to, t->private ? 1 : 0, item->path, ref))
            transfer_failed(t, item, "too-long", "its path is too long");
    }
}

static struct item *by_ref(struct transfer *t, const char *ref)
{
    guint64 wanted;
    if (!ref || !g_ascii_string_to_unsigned(ref, 10, 0, G_MAXUINT, &wanted, NULL))
        return NULL;
    for (guint i = 0; i < t->items->len; i++) {
        struct item *item = g_ptr_array_index(t->items, i);
        if (item->ref == wanted)
            return item;
    }
    return NULL;
}

static void offered(struct transfer *t, const struct usher_event *e)
{
    struct item *item = by_ref(t, e->ref);
    if (!item)
        return;
    g_strlcpy(item->id, e->id, sizeof item->id);
    show_event(&t->show, json_pack("{ss ss ss}", "event", "offer", "fileId", item->id, "name", item->name));
}

static void reader_has(struct transfer *t, const struct usher_event *e)
{
    struct item *item = transfer_find(t, e->id);
    if (!item || !e->by)
        return;
    item->size = e->size;
    if (t->private) {
        transfer_complete(t, item, e->count, NULL);
        return;
    }
    item->state = ITEM_WAITING; /* for the next who comes */
    item->done = 0;
    item->quarters = 0;
    char *who = transfer_person(t, e->by);
    show_line(&t->show, "%s has %s%s", who, item->name, e->count == 0 && e->size > 0 ? " already" : "");
    show_event(&t->show, json_pack("{ss ss ss ss sI}", "event", "complete", "fileId", item->id, "name", item->name,
                             "by", e->by, "bytes", (json_int_t)e->size));
    g_free(who);
}

static void on_event(struct transfer *t, const struct usher_event *e)
{
    struct send *s = t->user;
    struct item *item;
    switch (e->type) {
    case USHER_READY:
        if (!t->options->usher.code)
            offer_all(s);
        break;
    case USHER_ACCEPTED:
        offered(t, e);
        break;
    case USHER_FILE_PROGRESS:
        item = transfer_find(t, e->id);
        if (item)
            item->size = e->size;
        break;
    case USHER_FILE_COMPLETE:
        reader_has(t, e);
        break;
    case USHER_FILE_FAILED:
        item = by_ref(t, e->ref);
        if (item)
            transfer_failed(t, item, e->reason ? e->reason : "failed", e->text);
        break;
    default:
        break;
    }
}

/* The same command goes on, whatever ends this one. */
static bool on_open(struct transfer *t)
{
    const char *code = t->options->usher.code;
    if (code && !paused_keep(t->options, usher_state_dir(t->client.usher), code))
        show_remark(&t->show, "the code cannot be kept: after an interruption say --code %s", code);
    return true;
}

static void on_partner(struct transfer *t, bool up)
{
    if (up && t->private)
        offer_all(t->user);
}

/* Its exit status is ours: what could not be offered at all is counted for it. */
static void say_all_sent(const struct transfer *t)
{
    unsigned unsent = 0;
    for (guint i = 0; i < t->items->len; i++)
        unsent += ((struct item *)g_ptr_array_index(t->items, i))->id[0] == '\0';
    char *words =
        unsent ? g_strdup_printf(TRANSFER_ALL_SENT TRANSFER_BUT_FOR "%u", unsent) : g_strdup(TRANSFER_ALL_SENT);
    usher_status(t->client.usher, words);
    g_free(words);
}

static void on_settled(struct transfer *t)
{
    struct send *s = t->user;
    unsigned failed = transfer_count(t, ITEM_FAILED);
    bool all = transfer_count(t, ITEM_DONE) + failed == t->items->len;
    if (!s->offered || !(t->private ? all : failed == t->items->len))
        return;
    if (t->options->usher.code && failed == 0)
        paused_forget(usher_state_dir(t->client.usher), t->options->usher.code);
    if (t->private && t->partner_up)
        say_all_sent(t);
    transfer_finish(t);
}

static bool is_there_twice(const struct transfer *t, const char *path)
{
    gchar *whole = g_canonicalize_filename(path, NULL);
    bool twice = false;
    for (guint i = 0; i < t->items->len && !twice; i++) {
        gchar *other = g_canonicalize_filename(((struct item *)g_ptr_array_index(t->items, i))->path, NULL);
        twice = strcmp(whole, other) == 0;
        g_free(other);
    }
    g_free(whole);
    return twice;
}

/* "a pipe": what is neither a file nor a folder has no size and no end, or is no content. NULL: it can be sent. */
static const char *what_else(const char *path)
{
    GStatBuf is;
    if (g_stat(path, &is) != 0 || S_ISREG(is.st_mode) || S_ISDIR(is.st_mode))
        return NULL;
    return S_ISFIFO(is.st_mode) ? "a pipe" : S_ISSOCK(is.st_mode) ? "a socket" : "a device";
}

/* What cannot be read is said before anybody waits for it. */
static bool add_files(struct transfer *t, const struct options *o)
{
    bool ok = true;
    for (int i = 0; i < o->file_count; i++) {
        const char *path = o->files[i];
        gchar *base = g_path_get_basename(path), *name = g_utf8_make_valid(base, -1);
        if (strcmp(path, "-") == 0) {
            fputs("usher: standard input cannot be sent: write it to a file first (a file called - is ./-)\n", stderr);
            ok = false;
        } else if (access(path, R_OK) != 0) {
            int error = errno;
            char *plain = plain_text(name, 0);
            fprintf(stderr, "usher: cannot read %s: %s\n", plain, strerror(error));
            g_free(plain);
            ok = false;
        } else if (what_else(path)) {
            char *plain = plain_text(name, 0);
            fprintf(stderr,
                "usher: cannot send %s: it is %s, and only files and folders can be sent: write what comes from it to "
                "a file first\n",
                plain, what_else(path));
            g_free(plain);
            ok = false;
        }
        if (is_there_twice(t, path))
            show_remark(&t->show, "%s is named twice, and sent once", name);
        else
            transfer_add(t, "", name, path, 0)->ref = (guint)i;
        g_free(name);
        g_free(base);
    }
    return ok;
}

/* What the other is to type, or opens in a browser. The QR code comes first: the words are what stays in sight. */
static void show_command(struct transfer *t, const struct options *o)
{
    const char *code = o->usher.code, *server = o->usher.server_count > 0 ? o->usher.servers[0] : OPTIONS_SERVER;
    char *link = code ? page_link(server, code) : NULL;
    GString *command = g_string_new("usher");
    for (size_t i = 0; i < o->usher.server_count; i++)
        g_string_append_printf(command, " --server %s", o->usher.servers[i]);
    g_string_append_printf(command, " receive%s%s", code ? " " : "", code ? code : "");
    if (link)
        show_qr(&t->show, link);
    if (code)
        show_line(&t->show, "code: %s", code);
    show_line(&t->show, "on the other side: %s", command->str);
    if (link)
        show_line(&t->show, "in a browser: %s", link);
    show_event(&t->show, json_pack("{ss ss* ss ss*}", "event", code ? "code" : "command", "code", code, "command",
                             command->str, "page", link));
    g_string_free(command, TRUE);
    g_free(link);
}

int send_run(const struct options *given)
{
    struct send s = {.offered = false};
    struct options o = *given;
    char code[USHER_CODE_BYTES], err[512];
    struct transfer *t = &s.t;
    bool again = false;
    if (o.usher.code)
        usher_code_check(o.usher.code, code, sizeof code, err, sizeof err);
    else if (!o.usher.room && !o.to)
        again = !o.new_code && paused_find(&o, code);
    if (!o.usher.room && !o.usher.code && !o.to && !again)
        usher_code_new(code, sizeof code);
    if (!o.usher.room && !o.to)
        o.usher.code = code;
    if (o.to && !people_find(&o, t->partner, &t->partner_name))
        return EXIT_USAGE;
    if (o.to && !o.usher.room)
        o.usher.partner = t->partner;
    transfer_init(t, &o);
    t->sends = true;
    t->user = &s;
    t->private = o.usher.code || o.to;
    t->on_open = on_open;
    t->on_event = on_event;
    t->on_partner = on_partner;
    t->on_settled = on_settled;
    if (!add_files(t, &o)) {
        transfer_done(t);
        return EXIT_FAILED;
    }
    if (again)
        show_remark(
            &t->show, "these files were to be sent before: it goes on with the same code (--new-code makes another)");
    if (!o.usher.room)
        show_command(t, &o);
    return transfer_run(t, &o);
}
