/* SPDX-License-Identifier: MIT
 *
 * The normal path: connect, wait for a partner, show who it is, move files, say what came of it, leave. Lost links are libusher's
 * affair: here they are only told. Control-C ends at any time, and what is there of a file stays, so the same command
 * goes on with it.
 */
#include "peer/cli/transfer.h"

#include <stdio.h>
#include <string.h>

#include "peer/cli/plain.h"

enum {
    END_SECONDS = 3,      /* for the partner to hear that all is done */
    LAST_WORD_MS = 1000,  /* of a receiver in a room: until its sender has heard that all is there */
    CONNECT_SECONDS = 30, /* to be in the room for the first time */
    NOBODY_SECONDS = 20,  /* until it is said what may be wrong */
    FINGERPRINT_CHARS = 16,
    FINGERPRINT_GROUP = 4,
    SHORT_ID_CHARS = 8
};

/* ---- items ---- */

static void item_free(gpointer data)
{
    struct item *item = data;
    g_free(item->name);
    g_free(item->path);
    g_free(item->where);
    g_free(item);
}

struct item *transfer_add(struct transfer *t, const char *id, const char *name, const char *path, uint64_t size)
{
    struct item *item = g_new0(struct item, 1);
    g_strlcpy(item->id, id, sizeof item->id);
    item->usher = t->usher;
    item->name = plain_text(name, 0);
    item->path = g_strdup(path);
    item->size = size;
    g_ptr_array_add(t->items, item);
    return item;
}

struct item *transfer_find(const struct transfer *t, const char *id)
{
    for (guint i = 0; id && *id && i < t->items->len; i++) {
        struct item *item = g_ptr_array_index(t->items, i);
        if (strcmp(item->id, id) == 0)
            return item;
    }
    return NULL;
}

void transfer_forget(struct transfer *t, struct item *item)
{
    g_ptr_array_remove(t->items, item);
    show_changed(&t->show);
}

unsigned transfer_count(const struct transfer *t, enum item_state state)
{
    unsigned n = 0;
    for (guint i = 0; i < t->items->len; i++)
        n += ((struct item *)g_ptr_array_index(t->items, i))->state == state;
    return n;
}

static uint64_t total(const struct transfer *t, uint64_t *size)
{
    uint64_t done = 0;
    *size = 0;
    for (guint i = 0; i < t->items->len; i++) {
        const struct item *item = g_ptr_array_index(t->items, i);
        if (item->state == ITEM_FAILED)
            continue;
        done += item->done;
        *size += item->size;
    }
    return done;
}

/* The file that is under way, and all together if there are several. */
static size_t rows(void *user, long columns, char *out[SHOW_ROWS_MAX])
{
    const struct transfer *t = user;
    const struct item *active = NULL;
    uint64_t size, done = total(t, &size), rate = speed_now(&t->speed);
    size_t n = 0;
    for (guint i = 0; i < t->items->len && !active; i++) {
        const struct item *item = g_ptr_array_index(t->items, i);
        active = item->state == ITEM_ACTIVE ? item : NULL;
    }
    if (!active || t->finished)
        return 0;
    out[n++] = progress_row(active->name, active->done, active->size, rate, columns);
    if (t->items->len > 1)
        out[n++] = progress_row("total", done, size, rate, columns);
    return n;
}

/* ---- what is told ---- */

char *transfer_call(const char *name, const char *id)
{
    return name && *name ? plain_text(name, 0) : g_strndup(id, SHORT_ID_CHARS);
}

char *transfer_person(const struct transfer *t, const char *id)
{
    const struct usher_person *people;
    size_t n = usher_people(t->usher, &people), i = 0;
    while (i < n && strcmp(people[i].id, id) != 0)
        i++;
    return transfer_call(i < n ? people[i].name : NULL, id);
}

static void stage(struct transfer *t, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void stage(struct transfer *t, const char *name, const char *format, ...)
{
    if (strcmp(t->stage, name) == 0)
        return;
    g_strlcpy(t->stage, name, sizeof t->stage);
    va_list args;
    va_start(args, format);
    gchar *text = g_strdup_vprintf(format, args);
    va_end(args);
    show_line(&t->show, "%s", text);
    show_event(&t->show, json_pack("{ss ss ss}", "event", "stage", "stage", name, "text", text));
    g_free(text);
}

void transfer_progress(struct transfer *t, struct item *item, uint64_t done)
{
    uint64_t size;
    if (item->state >= ITEM_DONE)
        return;
    item->state = ITEM_ACTIVE;
    item->done = MIN(done, item->size);
    if (t->began == 0)
        t->began = g_get_monotonic_time();
    speed_add(&t->speed, (uint64_t)g_get_monotonic_time() / 1000, total(t, &size));
    show_event(&t->show,
        json_pack("{ss ss ss sI sI sI}", "event", "progress", "fileId", item->id, "name", item->name, "bytes",
            (json_int_t)item->done, "of", (json_int_t)item->size, "bytesPerSecond", (json_int_t)speed_now(&t->speed)));
    unsigned quarters = progress_percent(item->done, item->size) / 25;
    if (!t->show.terminal && quarters > item->quarters && quarters < 4) {
        char *row = progress_row(item->name, item->done, item->size, speed_now(&t->speed), 100);
        show_line(&t->show, "%s", row);
        g_free(row);
    }
    item->quarters = MAX(item->quarters, quarters);
    show_changed(&t->show);
}

/* A sender that was started again offers what we got of it before once more: one file is there, and counts once. */
static void forget_twice(struct transfer *t, struct item *item, const char *path)
{
    item->where = g_strdup(path);
    for (guint i = 0; item->there && path && i < t->items->len; i++) {
        const struct item *other = g_ptr_array_index(t->items, i);
        if (other != item && g_strcmp0(other->where, path) == 0) {
            transfer_forget(t, item);
            return;
        }
    }
}

void transfer_complete(struct transfer *t, struct item *item, uint64_t moved, const char *path)
{
    char size[PROGRESS_TEXT_MAX];
    if (item->state >= ITEM_DONE)
        return;
    item->state = ITEM_DONE;
    item->done = item->size;
    item->there = moved == 0 && item->size > 0;
    progress_size(item->size, size);
    char *where = path ? plain_text(path, 0) : g_strdup(item->name);
    show_line(&t->show, "%s %s (%s)", item->there ? "already there:" : path ? "received" : "sent", where, size);
    show_event(&t->show, json_pack("{ss ss ss sI sb ss*}", "event", "complete", "fileId", item->id, "name", item->name,
                             "bytes", (json_int_t)item->size, "alreadyThere", item->there, "path", path));
    g_free(where);
    forget_twice(t, item, path);
}

void transfer_failed(struct transfer *t, struct item *item, const char *reason, const char *text)
{
    if (item->state >= ITEM_DONE)
        return;
    item->state = ITEM_FAILED;
    char *why = plain_text(text && *text ? text : reason, 0);
    show_remark(&t->show, "%s: %s", item->name, why);
    show_event(&t->show, json_pack("{ss ss ss ss ss}", "event", "failed", "fileId", item->id, "name", item->name,
                             "reason", reason, "text", why));
    g_free(why);
}

/* ---- the end ---- */

int transfer_outcome(const struct transfer *t)
{
    bool all = transfer_count(t, ITEM_DONE) == t->items->len && t->items->len > 0 && t->unsent == 0;
    return all ? EXIT_DONE : EXIT_FAILED;
}

static gboolean on_end(gpointer user)
{
    struct transfer *t = user;
    t->end_timer = 0;
    client_leave(&t->client, transfer_outcome(t));
    return G_SOURCE_REMOVE;
}

/* "; already there: 2 files, 8.4 MB", or nothing. */
static char *already_there(const struct transfer *t, unsigned *files)
{
    char bytes[PROGRESS_TEXT_MAX];
    uint64_t size = 0;
    *files = 0;
    for (guint i = 0; i < t->items->len; i++) {
        const struct item *item = g_ptr_array_index(t->items, i);
        *files += item->there;
        size += item->there ? item->size : 0;
    }
    progress_size(size, bytes);
    return *files ? g_strdup_printf("; already there: %u %s, %s", *files, *files == 1 ? "file" : "files", bytes)
                  : g_strdup("");
}

void transfer_finish(struct transfer *t)
{
    char bytes[PROGRESS_TEXT_MAX], took[PROGRESS_TEXT_MAX];
    uint64_t size, done = total(t, &size);
    unsigned files = transfer_count(t, ITEM_DONE), failed = transfer_count(t, ITEM_FAILED) + t->unsent, there;
    double seconds = t->began ? (double)(g_get_monotonic_time() - t->began) / G_USEC_PER_SEC : 0;
    if (t->finished)
        return;
    t->finished = true;
    progress_size(done, bytes);
    progress_time((uint64_t)seconds, took);
    char *already = already_there(t, &there);
    show_line(&t->show, "done: %u of %u %s, %s in %s%s", files, files + failed, files + failed == 1 ? "file" : "files",
        bytes, took, already);
    show_event(&t->show, json_pack("{ss si si si sI sf}", "event", "done", "files", (int)files, "failed", (int)failed,
                             "alreadyThere", (int)there, "bytes", (json_int_t)done, "seconds", seconds));
    g_free(already);
    bool stays = t->options->usher.partner != NULL; /* who receives of people who are known goes on waiting for more */
    guint wait = t->partner_up && !stays ? END_SECONDS * 1000 : t->sends && !t->partner_up ? 0 : LAST_WORD_MS;
    t->end_timer = g_timeout_add(wait, on_end, t);
}

static void on_interrupt(void *user)
{
    struct transfer *t = user;
    bool busy = t->private ? transfer_outcome(t) != EXIT_DONE : transfer_count(t, ITEM_ACTIVE) > 0;
    const struct usher_options *o = &t->options->usher;
    if (busy && t->sends && o->code)
        show_remark(&t->show, "paused: the same command goes on where it was, as does one with --code %s", o->code);
    else if (busy)
        show_remark(&t->show, "paused: the same command goes on where it was");
    client_leave(&t->client, !t->client.joined ? EXIT_NO_CONNECTION : busy ? EXIT_FAILED : EXIT_DONE);
}

/* Before anything runs that could be asked to end: the keys of a code alone take a second. */
static void prepare_early_end(const struct options *o)
{
    gchar *words = o->file_count > 0 && o->usher.code
                       ? g_strdup_printf("usher: paused: the same command with --code %s goes on\n", o->usher.code)
                       : g_strdup("usher: paused: the same command goes on where it was\n");
    client_early_end(words);
    g_free(words);
}

static gboolean on_nobody(gpointer user)
{
    struct transfer *t = user;
    t->hint_timer = 0;
    if (!t->met && t->client.joined && !t->client.leaving)
        show_remark(&t->show,
            t->sends ? "nobody has come under this code yet: both sides need the same server and the same six words"
                     : "nobody is there under this code: it is used up once all was sent, and both sides need the "
                       "same server and the same six words");
    return G_SOURCE_REMOVE;
}

static gboolean on_not_connected(gpointer user)
{
    struct transfer *t = user;
    t->connect_timer = 0;
    if (!t->client.joined) {
        show_remark(&t->show, "no server could be reached in %d s: --server names another", CONNECT_SECONDS);
        client_leave(&t->client, EXIT_NO_CONNECTION);
    }
    return G_SOURCE_REMOVE;
}

/* ---- events of libusher ---- */

static void state_changed(struct transfer *t, const char *state)
{
    if (t->partner_up || t->finished)
        return;
    if (strcmp(state, "connecting") == 0)
        stage(t, "connecting", "connecting to the server");
    else if (strcmp(state, "in-room") == 0)
        stage(t, "waiting", "waiting for %s", t->partner_name && *t->partner_name ? t->partner_name : "a peer");
    else if (strcmp(state, "discovering") == 0)
        stage(t, "checking", "checking candidates");
}

static void show_path(struct transfer *t, const char *path)
{
    if (g_strcmp0(path, "turn") == 0)
        stage(t, "turn", "relayed through a TURN server, sealed end to end");
    else if (g_strcmp0(path, "relay") == 0)
        stage(t, "relay", "relayed through another peer, sealed end to end");
    else
        stage(t, "direct", "linked directly");
}

/* "k3f9 xz2a ab7c d4ef": what two people can compare. */
static void fingerprint(const char *id, char out[FINGERPRINT_CHARS / FINGERPRINT_GROUP * (FINGERPRINT_GROUP + 1)])
{
    size_t n = 0;
    for (size_t i = 0; i < FINGERPRINT_CHARS && id[i]; i++) {
        if (i > 0 && i % FINGERPRINT_GROUP == 0)
            out[n++] = ' ';
        out[n++] = id[i];
    }
    out[n] = '\0';
}

static void show_peer(struct transfer *t, const struct usher_event *e)
{
    char short_id[FINGERPRINT_CHARS / FINGERPRINT_GROUP * (FINGERPRINT_GROUP + 1)];
    char *name = transfer_call(e->name, e->id);
    fingerprint(e->id, short_id);
    if (e->up)
        show_line(&t->show, "peer: %s, fingerprint %s", name, e->verified ? short_id : "none: it has no key");
    else
        show_line(&t->show, "%s is away", name);
    show_event(&t->show,
        json_pack("{ss ss ss ss ss* ss sb}", "event", "peer", "id", e->id, "name", name, "state", e->up ? "up" : "down",
            "path", e->up ? e->path : NULL, "fingerprint", short_id, "verified", e->verified));
    g_free(name);
}

void transfer_choose(struct transfer *t, const char *id, const char *name)
{
    g_strlcpy(t->partner, id, sizeof t->partner);
    g_free(t->partner_name);
    t->partner_name = transfer_call(name, id);
    t->partner_up = true;
}

/* Who comes, and is not served, hears who is. */
static void turn_away(struct transfer *t, const struct usher_event *e)
{
    char *name = transfer_call(e->name, e->id);
    if (e->up)
        show_remark(&t->show, "%s is here too, and is not served", name);
    if (e->up && t->sends) {
        char *to = g_strconcat(TRANSFER_SENDS_TO, t->partner, NULL);
        usher_status(t->usher, to);
        g_free(to);
    }
    g_free(name);
}

/* Of those who know a code one is served: of those who receive the first who comes; of those who send the first who offers
 * something, since who else receives is none. */
static void peer_changed(struct transfer *t, const struct usher_event *e)
{
    bool open = t->private && t->partner[0] == '\0';
    t->met = t->met || e->up;
    if (open && t->sends && e->verified && e->up)
        transfer_choose(t, e->id, e->name);
    bool first = open && t->sends && t->partner[0];
    bool partner = t->private && strcmp(e->id, t->partner) == 0;
    bool served = open && !t->sends ? e->verified
                  : t->private      ? partner
                                    : !t->serves || (e->verified && t->serves(t, e->id));
    if (!served) {
        turn_away(t, e);
        return;
    }
    bool news = !partner || first || e->up != t->partner_up;
    if (partner)
        t->partner_up = e->up;
    if (news && !t->finished)
        show_peer(t, e);
    if (e->up)
        show_path(t, e->path);
    else if (partner && !t->finished)
        stage(t, "waiting", "waiting for %s to come back", t->partner_name);
    if (news && t->on_partner)
        t->on_partner(t, e->up);
    if (partner && !e->up && t->finished)
        client_leave(&t->client, transfer_outcome(t));
}

/* Its sender was started again: he offers the same file under another id, or is about to. */
static bool begun_anew(const char *reason)
{
    return g_strcmp0(reason, "offered-again") == 0 || g_strcmp0(reason, "not-offered") == 0;
}

/* One of a room; others may still get it. */
static void reader_failed(struct transfer *t, const struct item *item, const struct usher_event *e)
{
    char *who = transfer_person(t, e->by);
    show_remark(&t->show, "%s: %s does not get it: %s", item->name, who, e->text);
    show_event(&t->show, json_pack("{ss ss ss ss ss* ss*}", "event", "refused", "fileId", item->id, "name", item->name,
                             "by", e->by, "reason", e->reason, "text", e->text));
    g_free(who);
}

static void file_stalled(struct transfer *t, const struct usher_event *e)
{
    const struct item *item = transfer_find(t, e->id);
    if (!item || item->state >= ITEM_DONE)
        return;
    show_remark(&t->show, "%s: %s", item->name, e->text);
    show_event(&t->show,
        json_pack("{ss ss ss ss*}", "event", "stalled", "fileId", item->id, "name", item->name, "text", e->text));
}

static void file_failed(struct transfer *t, const struct usher_event *e)
{
    struct item *item = transfer_find(t, e->id);
    if (!item)
        return;
    if (begun_anew(e->reason))
        transfer_forget(t, item);
    else if (t->private || !e->by)
        transfer_failed(t, item, e->reason ? e->reason : "failed", e->text);
    else
        reader_failed(t, item, e);
}

static void on_event(struct usher *u, const struct usher_event *e, void *user)
{
    struct transfer *t = user;
    t->usher = u;
    if (t->client.leaving)
        return;
    t->on_event(t, e);
    struct item *item = transfer_find(t, e->id);
    char *name;
    switch (e->type) {
    case USHER_STATE:
        if (u == t->client.usher) /* the others fare alike */
            state_changed(t, e->text);
        break;
    case USHER_PEER:
        peer_changed(t, e);
        break;
    case USHER_LINK:
        name = transfer_call(e->name, e->id ? e->id : "");
        show_remark(&t->show, "%s: %s", name, e->text);
        show_event(&t->show, json_pack("{ss ss* ss ss* ss}", "event", "link", "id", e->id, "name", name, "code",
                                 e->code, "text", e->text));
        g_free(name);
        break;
    case USHER_FILE_PROGRESS:
        if (item)
            transfer_progress(t, item, e->count);
        break;
    case USHER_FILE_FAILED:
        file_failed(t, e);
        break;
    case USHER_FILE_STALLED:
        file_stalled(t, e);
        break;
    case USHER_ERROR:
        if (e->id || g_strcmp0(e->code, "no-such-file") == 0)
            break; /* told with its file; an offer ended while it was being answered: that is told by itself */
        show_remark(&t->show, "%s", e->text && *e->text ? e->text : e->code);
        show_event(&t->show, json_pack("{ss ss ss*}", "event", "error", "code", e->code, "text", e->text));
        break;
    default:
        break;
    }
    if (t->show.broken)
        client_leave(&t->client, EXIT_FAILED);
    else if (!t->client.leaving && !t->finished)
        t->on_settled(t);
}

static void say(void *user, const char *line)
{
    struct transfer *t = user;
    show_remark(&t->show, "%s", line);
}

void transfer_init(struct transfer *t, const struct options *o)
{
    t->items = g_ptr_array_new_with_free_func(item_free);
    show_init(&t->show, o->json, rows, t);
    prepare_early_end(o);
}

void transfer_done(struct transfer *t)
{
    g_ptr_array_unref(t->items);
    g_free(t->partner_name);
}

int transfer_run(struct transfer *t, const struct options *o)
{
    int status = EXIT_FAILED;
    t->options = o;
    t->client = (struct client){.on_event = on_event, .say = say, .on_interrupt = on_interrupt, .user = t};
    if (client_open(&t->client, o)) {
        t->connect_timer = g_timeout_add_seconds(CONNECT_SECONDS, on_not_connected, t);
        t->hint_timer = o->usher.code ? g_timeout_add_seconds(NOBODY_SECONDS, on_nobody, t) : 0;
        t->usher = t->client.usher;
        if (!t->on_open || t->on_open(t))
            status = client_run(&t->client);
    }
    show_done(&t->show);
    for (size_t i = 0; i < 3; i++) {
        guint timer = i == 0 ? t->end_timer : i == 1 ? t->connect_timer : t->hint_timer;
        if (timer)
            g_source_remove(timer);
    }
    client_close(&t->client);
    transfer_done(t);
    return status;
}
