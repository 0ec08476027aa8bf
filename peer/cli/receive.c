/* SPDX-License-Identifier: MIT
 *
 * `usher receive`: with a code, what the one who knows it offers is taken at once, until he says that all is sent. In a room a
 * person at a terminal is asked, offer by offer; otherwise all is taken. Of a file that is broken off what is there stays
 * beside it, and the same command goes on with it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer/cli/commands.h"
#include "peer/cli/input.h"
#include "peer/cli/plain.h"
#include "peer/cli/transfer.h"

struct receive {
    struct transfer t;
    struct input *input; /* NULL: nobody is asked */
    GQueue asking;       /* ids of offers, owned; the first is being asked */
    bool all_sent;
};

static void accept_offer(struct receive *r, struct item *item)
{
    const char *dir = r->t.options->dir ? r->t.options->dir : ".";
    if (!usher_accept_file(r->t.client.usher, item->id, dir))
        transfer_failed(&r->t, item, "too-long", "the path of --dir is too long");
}

static void decline_offer(struct receive *r, struct item *item)
{
    usher_decline_file(r->t.client.usher, item->id);
    transfer_forget(&r->t, item);
}

/* ---- a person who is asked ---- */

static void ask_next(struct receive *r)
{
    while (!g_queue_is_empty(&r->asking)) {
        struct item *item = transfer_find(&r->t, g_queue_peek_head(&r->asking));
        if (item) {
            show_line(&r->t.show, "take %s? [y/n]", item->name);
            return;
        }
        g_free(g_queue_pop_head(&r->asking));
    }
}

static bool on_line(void *user, char *line, size_t n)
{
    struct receive *r = user;
    struct item *item = transfer_find(&r->t, g_queue_peek_head(&r->asking));
    (void)n;
    g_strstrip(line);
    bool yes = g_ascii_strcasecmp(line, "y") == 0 || g_ascii_strcasecmp(line, "yes") == 0;
    bool no = g_ascii_strcasecmp(line, "n") == 0 || g_ascii_strcasecmp(line, "no") == 0;
    if (item && (yes || no)) {
        if (yes)
            accept_offer(r, item);
        else
            decline_offer(r, item);
        g_free(g_queue_pop_head(&r->asking));
    }
    ask_next(r);
    return true;
}

static void on_too_long(void *user)
{
    ask_next(user);
}

static void on_end(void *user)
{
    (void)user; /* who cannot answer any more has declined nothing and taken nothing */
}

static void on_end_seen(void *user)
{
    (void)user;
}

/* ---- offers ---- */

static void show_offer(struct transfer *t, const struct usher_event *e, const struct item *item)
{
    char size[PROGRESS_TEXT_MAX];
    progress_size(e->size, size);
    bool folder = g_strcmp0(e->kind, "folder") == 0;
    char *who = transfer_call(t->private ? t->partner_name : NULL, e->from);
    show_line(&t->show, "%s offers %s%s (%s)", who, folder ? "the folder " : "", item->name, size);
    g_free(who);
    show_event(&t->show, json_pack("{ss ss ss ss sI ss*}", "event", "offer", "fileId", e->id, "from", e->from, "name",
                             item->name, "bytes", (json_int_t)e->size, "kind", e->kind));
}

static void offer(struct receive *r, const struct usher_event *e)
{
    struct transfer *t = &r->t;
    if (transfer_find(t, e->id))
        return;
    if ((t->private && strcmp(e->from, t->partner) != 0) || t->items->len >= TRANSFER_FILES_MAX || t->finished) {
        usher_decline_file(t->client.usher, e->id);
        return;
    }
    struct item *item = transfer_add(t, e->id, e->name ? e->name : "file", NULL, e->size);
    show_offer(t, e, item);
    if (!r->input) {
        accept_offer(r, item);
        return;
    }
    g_queue_push_tail(&r->asking, g_strdup(e->id));
    if (g_queue_get_length(&r->asking) == 1)
        ask_next(r);
}

static void on_event(struct transfer *t, const struct usher_event *e)
{
    struct receive *r = t->user;
    struct item *item;
    switch (e->type) {
    case USHER_FILE_OFFER:
        offer(r, e);
        break;
    case USHER_FILE_COMPLETE:
        item = transfer_find(t, e->id);
        if (item && e->from)
            transfer_complete(t, item, e->count, e->text);
        break;
    case USHER_STATUS:
        if (t->private && g_strcmp0(e->from, t->partner) == 0)
            r->all_sent = g_strcmp0(e->text, TRANSFER_ALL_SENT) == 0;
        break;
    default:
        break;
    }
}

static void on_settled(struct transfer *t)
{
    struct receive *r = t->user;
    unsigned open = transfer_count(t, ITEM_WAITING) + transfer_count(t, ITEM_ACTIVE);
    bool enough = t->private ? r->all_sent : t->options->once && transfer_count(t, ITEM_DONE) > 0;
    if (enough && open == 0) {
        transfer_finish(t);
        if (t->private)
            client_leave(&t->client, transfer_outcome(t));
    }
}

int receive_run(const struct options *o)
{
    static const struct input_callbacks CALLBACKS = {
        .on_line = on_line,
        .on_too_long = on_too_long,
        .on_end_seen = on_end_seen,
        .on_end = on_end,
    };
    struct receive r = {.all_sent = false};
    struct transfer *t = &r.t;
    if (o->dir && !g_file_test(o->dir, G_FILE_TEST_IS_DIR)) {
        fprintf(stderr, "usher: --dir wants a folder that exists, not \"%s\"\n", o->dir);
        return EXIT_USAGE;
    }
    transfer_init(t, o);
    t->user = &r;
    t->private = o->usher.code != NULL;
    t->on_event = on_event;
    t->on_settled = on_settled;
    g_queue_init(&r.asking);
    if (!t->private && !o->json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        r.input = input_new(STDIN_FILENO, &CALLBACKS, &r);
    int status = transfer_run(t, o);
    input_free(r.input);
    g_queue_clear_full(&r.asking, g_free);
    return status;
}
