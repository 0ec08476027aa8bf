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
#include "peer/cli/people.h"
#include "peer/cli/plain.h"
#include "peer/cli/transfer.h"

enum {
    PATIENCE_SECONDS = 10, /* with a sender whose offers, or files, were not what they must be */
    PEOPLE_MAX = 16 /* who are waited for at once: each is a room, a connection to the server, and some threads */
};

struct receive {
    struct transfer t;
    struct usher_known *people; /* who are waited for; NULL: with a code or in a room */
    size_t people_count;
    struct input *input; /* NULL: nobody is asked */
    GQueue asking;       /* ids of offers, owned; the first is being asked */
    bool all_sent;
    bool at_fault;  /* what its sender offered or gave was refused */
    guint patience; /* a timer; 0: none */
};

static void accept_offer(struct receive *r, struct item *item)
{
    const char *dir = r->t.options->dir ? r->t.options->dir : ".";
    if (!usher_accept_file(item->usher, item->id, dir))
        transfer_failed(&r->t, item, "too-long", "the path of --dir is too long");
}

static void decline_offer(struct receive *r, struct item *item)
{
    usher_decline_file(item->usher, item->id);
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

/* ---- people who are known ---- */

static const struct usher_known *person(const struct receive *r, const char *id)
{
    for (size_t i = 0; i < r->people_count; i++)
        if (strcmp(r->people[i].id, id) == 0)
            return &r->people[i];
    return NULL;
}

/* Whoever knows both identities can come to their room: the one whose it is is served there. */
static bool serves(const struct transfer *t, const char *id)
{
    const struct receive *r = t->user;
    const struct client *c = &t->client;
    guint i = 0;
    while (i < c->others->len && g_ptr_array_index(c->others, i) != t->usher)
        i++;
    size_t room = t->usher == c->usher ? 0 : i + 1;
    return room < r->people_count && strcmp(r->people[room].id, id) == 0;
}

static void show_people(struct transfer *t, size_t all)
{
    const struct receive *r = t->user;
    GString *names = g_string_new(NULL);
    json_t *ids = json_array();
    for (size_t i = 0; i < r->people_count; i++) {
        char *plain = plain_text(r->people[i].name, FALSE);
        g_string_append_printf(names, "%s%s", i == 0 ? "" : ", ", plain);
        json_array_append_new(ids, json_string(r->people[i].id));
        g_free(plain);
    }
    show_line(&t->show, "waiting for people who are known: %s", names->str);
    show_event(&t->show, json_pack("{ss so si}", "event", "known", "ids", ids, "known", (int)all));
    if (all > r->people_count)
        show_remark(&t->show, "%zu people are known: the %zu who were met last are waited for, others need a code", all,
            r->people_count);
    g_string_free(names, TRUE);
}

/* The first has a usher already. */
static bool open_rooms(struct transfer *t)
{
    struct receive *r = t->user;
    for (size_t i = 1; i < r->people_count; i++) {
        struct usher_options o = t->options->usher;
        o.partner = r->people[i].id;
        if (!client_add(&t->client, &o))
            return false;
    }
    return true;
}

/* ---- offers ---- */

static void show_offer(struct transfer *t, const struct usher_event *e, const struct item *item)
{
    char size[PROGRESS_TEXT_MAX];
    progress_size(e->size, size);
    bool folder = g_strcmp0(e->kind, "folder") == 0;
    const struct usher_known *known = person(t->user, e->from);
    char *who = t->private ? g_strdup(t->partner_name)
                : known    ? transfer_call(known->name, e->from)
                           : transfer_person(t, e->from);
    show_line(&t->show, "%s offers %s%s (%s)", who, folder ? "the folder " : "", item->name, size);
    g_free(who);
    show_event(&t->show, json_pack("{ss ss ss ss sI ss*}", "event", "offer", "fileId", e->id, "from", e->from, "name",
                             item->name, "bytes", (json_int_t)e->size, "kind", e->kind));
}

/* The sender of the code serves who came first. */
static void turned_away(struct receive *r, const char *text)
{
    struct transfer *t = &r->t;
    bool said = text && g_str_has_prefix(text, TRANSFER_SENDS_TO);
    if (!t->private || t->partner[0] || !said || strcmp(text + strlen(TRANSFER_SENDS_TO), usher_id(t->usher)) == 0)
        return;
    show_remark(
        &t->show, "these files go to somebody else, who was there first: each receiver needs a code of his own");
    client_leave(&t->client, EXIT_FAILED);
}

/* Whose files we are not here for. With a code the first who offers something is the one. */
static bool is_stranger(struct receive *r, const char *from)
{
    struct transfer *t = &r->t;
    if (t->private && t->partner[0] == '\0') {
        char *name = transfer_person(t, from);
        transfer_choose(t, from, name);
        g_free(name);
    }
    return t->private ? strcmp(from, t->partner) != 0 : r->people && !serves(t, from);
}

static void offer(struct receive *r, const struct usher_event *e)
{
    struct transfer *t = &r->t;
    if (transfer_find(t, e->id))
        return;
    if (is_stranger(r, e->from) || t->items->len >= TRANSFER_FILES_MAX || t->finished) {
        usher_decline_file(t->usher, e->id);
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

/* A sender who does as it should says when all is sent; one that does not is not waited for. */
static gboolean on_nothing_more(gpointer user)
{
    struct receive *r = user;
    struct transfer *t = &r->t;
    r->patience = 0;
    transfer_finish(t);
    client_leave(&t->client, transfer_outcome(t));
    return G_SOURCE_REMOVE;
}

/* At its fault nothing is open any more: it may still say something. */
static void keep_patience(struct receive *r)
{
    const struct transfer *t = &r->t;
    bool open = transfer_count(t, ITEM_WAITING) + transfer_count(t, ITEM_ACTIVE) > 0;
    bool counts = r->at_fault && !open && !t->finished && (t->private || t->options->once);
    if (r->patience && !counts) {
        g_source_remove(r->patience);
        r->patience = 0;
    } else if (!r->patience && counts) {
        r->patience = g_timeout_add_seconds(PATIENCE_SECONDS, on_nothing_more, r);
    }
}

/* Its sender's doing, not that of a disk, or of us. */
static bool is_senders_fault(const char *reason)
{
    return reason && (g_str_has_prefix(reason, "bad-") || g_str_has_prefix(reason, "wrong-") ||
                         g_str_has_prefix(reason, "too-") || strcmp(reason, "stalled") == 0);
}

/* Of an offer that was refused nothing else was told. */
static void failed(struct receive *r, const struct usher_event *e)
{
    struct transfer *t = &r->t;
    struct item *item = transfer_find(t, e->id);
    if (!item && e->from && !is_stranger(r, e->from) && t->items->len < TRANSFER_FILES_MAX) {
        char *who = transfer_person(t, e->from),
             *text = g_strdup_printf("%s offers it, and that is refused: %s", who, e->text);
        item = transfer_add(t, e->id, e->name && *e->name ? e->name : "a file", NULL, 0);
        transfer_failed(t, item, e->reason, text);
        g_free(text);
        g_free(who);
    }
    r->at_fault = r->at_fault || (item && is_senders_fault(e->reason));
}

/* It cannot be put where --dir says: the offer would stay, and nobody is here who could choose another folder. */
static void not_taken(struct receive *r, const struct usher_event *e)
{
    struct item *item = transfer_find(&r->t, e->id);
    if (!item || item->state >= ITEM_DONE || strcmp(e->code, "no-folder") != 0)
        return;
    usher_cancel_file(item->usher, item->id);
    transfer_failed(&r->t, item, e->code, e->text);
}

/* How many files it could not even offer, after "all sent, but for ". */
static void heard_all_sent(struct receive *r, const char *text)
{
    r->all_sent = text && g_str_has_prefix(text, TRANSFER_ALL_SENT);
    const char *number = r->all_sent ? strstr(text, TRANSFER_BUT_FOR) : NULL;
    guint64 unsent = 0;
    if (number &&
        g_ascii_string_to_unsigned(number + strlen(TRANSFER_BUT_FOR), 10, 1, TRANSFER_FILES_MAX, &unsent, NULL))
        show_remark(&r->t.show, "its sender could not send %u more: there it is said why", (unsigned)unsent);
    r->t.unsent = (unsigned)unsent;
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
        turned_away(r, e->text);
        if (t->private ? g_strcmp0(e->from, t->partner) == 0 : r->people && e->from && serves(t, e->from))
            heard_all_sent(r, e->text);
        break;
    case USHER_FILE_FAILED:
        failed(r, e);
        break;
    case USHER_ERROR:
        not_taken(r, e);
        break;
    default:
        break;
    }
}

static void on_settled(struct transfer *t)
{
    struct receive *r = t->user;
    unsigned open = transfer_count(t, ITEM_WAITING) + transfer_count(t, ITEM_ACTIVE);
    bool enough = t->private  ? r->all_sent
                  : r->people ? t->options->once && r->all_sent
                              : t->options->once && transfer_count(t, ITEM_DONE) > 0;
    if (enough && open == 0) {
        transfer_finish(t);
        if (t->private)
            client_leave(&t->client, transfer_outcome(t));
    }
    keep_patience(r);
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
    struct options with = *o;
    size_t all = 0;
    if (!o->usher.code && !o->usher.room) {
        r.people_count = people_newest(o, PEOPLE_MAX, &r.people, &all);
        if (r.people_count == 0) {
            fprintf(stderr,
                "usher: receive wants the code that \"usher send\" printed, or --room ROOM: nobody is known who "
                "could send without one\n");
            usher_known_free(r.people);
            return EXIT_USAGE;
        }
        with.usher.partner = r.people[0].id;
        t->on_open = open_rooms;
        t->serves = serves;
    }
    o = &with;
    transfer_init(t, o);
    t->user = &r;
    if (r.people)
        show_people(t, all);
    t->private = o->usher.code != NULL;
    t->on_event = on_event;
    t->on_settled = on_settled;
    g_queue_init(&r.asking);
    if (!t->private && !o->json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        r.input = input_new(STDIN_FILENO, &CALLBACKS, &r);
    int status = transfer_run(t, o);
    if (r.patience)
        g_source_remove(r.patience);
    input_free(r.input);
    g_queue_clear_full(&r.asking, g_free);
    usher_known_free(r.people);
    return status;
}
