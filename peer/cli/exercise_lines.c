/* SPDX-License-Identifier: MIT
 *
 * The lines of the exercise. Each sets its own scene, and names the earlier lines whose capabilities it uses to look at
 * its own; so what is broken fails the line that is about it, and no other.
 */
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "peer/cli/exercise.h"

enum {
    ANN,
    BEN,
    CY,
    DORA,
    ROUNDS = 10
};
#define SECRET "nobody else reads this sentence of the exercise"

/* A message of that text came, from that person, of that kind, with a proof of who said it. */
static bool hears(struct actor *a, const struct actor *from, const char *text, const char *kind)
{
    const struct seen *s = expect(a, (struct wanted){USHER_MESSAGE, .from = from->id, .text = text, .kind = kind});
    return s && (s->verified || wrong(a->exercise, "expected \"%s\" at %s verified; it was not", text, a->name));
}

static bool delivered(struct actor *a, const char *id, const struct actor *by)
{
    return id && expect(a, (struct wanted){USHER_DELIVERED, .id = id, .by = by->id});
}

static struct usher_stats stats_of(const struct actor *a)
{
    struct usher_stats s = {0};
    if (a->u)
        usher_stats(a->u, &s);
    return s;
}

/* ---- join, call, direct, group ---- */

static bool run_join(struct exercise *x)
{
    for (int i = ANN; i <= CY; i++)
        if (!x->actors[i].u && !actor_start(&x->actors[i]))
            return false;
    return true;
}

static bool run_call(struct exercise *x)
{
    return gather(x);
}

static bool run_direct(struct exercise *x)
{
    struct actor *ann = &x->actors[ANN], *ben = &x->actors[BEN], *cy = &x->actors[CY];
    return gather(x) && say(ann, ben, "to ben alone") && hears(ben, ann, "to ben alone", "direct_message") &&
           say(ann, cy, "to cy alone") && hears(cy, ann, "to cy alone", "direct_message") &&
           (count_seen(cy, (struct wanted){USHER_MESSAGE, .text = "to ben alone"}) == 0 ||
               wrong(x, "expected that cy does not hear what ben alone was told; cy did"));
}

static bool run_group(struct exercise *x)
{
    struct actor *ann = &x->actors[ANN], *ben = &x->actors[BEN], *cy = &x->actors[CY];
    return gather(x) && say(ann, NULL, "to everybody") && hears(ben, ann, "to everybody", "group_message") &&
           hears(cy, ann, "to everybody", "group_message") && say(cy, NULL, "from cy") &&
           hears(ann, cy, "from cy", "group_message") && hears(ben, cy, "from cy", "group_message");
}

/* ---- causal order: what ben answered ann comes behind it, though ben's own come first out of his history ---- */

static bool talk_without(struct exercise *x)
{
    for (int i = 0; i < ROUNDS; i++) {
        char question[32], answer[32];
        snprintf(question, sizeof question, "question %d", i);
        snprintf(answer, sizeof answer, "answer %d", i);
        if (!say(&x->actors[ANN], NULL, question) || !hears(&x->actors[BEN], &x->actors[ANN], question, NULL) ||
            !say(&x->actors[BEN], NULL, answer) || !hears(&x->actors[ANN], &x->actors[BEN], answer, NULL))
            return false;
    }
    return true;
}

static bool in_order(struct actor *a)
{
    int next = 0;
    for (guint i = 0; i < a->seen->len; i++) {
        const struct seen *s = g_ptr_array_index(a->seen, i);
        char text[32];
        if (s->type != USHER_MESSAGE)
            continue;
        snprintf(text, sizeof text, "%s %d", next % 2 ? "answer" : "question", next / 2);
        if (strcmp(s->text, text) != 0)
            return wrong(a->exercise, "expected at %s: \"%s\"; came: \"%s\"", a->name, text, s->text);
        next++;
    }
    return next == 2 * ROUNDS || wrong(a->exercise, "expected at %s: %d messages; came: %d", a->name, 2 * ROUNDS, next);
}

static bool run_causal(struct exercise *x)
{
    struct actor *ann = &x->actors[ANN], *ben = &x->actors[BEN], *cy = &x->actors[CY];
    char last[32];
    snprintf(last, sizeof last, "answer %d", ROUNDS - 1);
    return gather(x) && actor_leave(cy) && talk_without(x) && actor_leave(ann) && actor_start(cy) &&
           hears(cy, ben, last, NULL) && in_order(cy);
}

/* ---- acks ---- */

static bool run_acks(struct exercise *x)
{
    struct actor *ann = &x->actors[ANN], *ben = &x->actors[BEN], *cy = &x->actors[CY];
    if (!gather(x))
        return false;
    const char *direct = say(ann, ben, "say that you have read it"), *group = say(ann, NULL, "say that you have it");
    if (!delivered(ann, direct, ben) || !delivered(ann, group, ben) || !delivered(ann, group, cy))
        return false;
    usher_read(ben->u, direct);
    return expect(ann, (struct wanted){USHER_READ, .id = direct, .by = ben->id}) != NULL;
}

/* ---- relay: ann and ben may not link, so cy is between them ---- */

static bool run_relay(struct exercise *x)
{
    struct actor *ann = &x->actors[ANN], *ben = &x->actors[BEN], *cy = &x->actors[CY];
    if (!gather(x) || !actor_leave(ann) || !actor_leave(ben))
        return false;
    g_strlcpy(ann->no_link, ben->id, sizeof ann->no_link);
    g_strlcpy(ben->no_link, ann->id, sizeof ben->no_link);
    if (!actor_start(ann) || !actor_start(ben) || !linked(ann, ben, "relay"))
        return false;
    uint64_t before = stats_of(cy).relayed_total;
    const char *id = say(ann, ben, "around the corner");
    return hears(ben, ann, "around the corner", NULL) && delivered(ann, id, ben) &&
           (stats_of(cy).relayed_total > before || wrong(x, "expected that cy passed it on; cy did not"));
}

/* ---- offline and sealed: a copy at cy's ---- */

static bool keeps_a_copy(void *ctx)
{
    return stats_of(ctx).kept > 0;
}

static bool keeps_nothing(void *ctx)
{
    return !keeps_a_copy(ctx);
}

/* The base64 of the text without its first bytes, which belong to a group of three that something else begins, and
 * without a group that something else ends. */
static gchar *in_base64(const char *text, size_t skipped)
{
    return g_base64_encode((const guchar *)text + skipped, (strlen(text) - skipped) / 3 * 3);
}

/* Whether a file of this actor's database holds the text, plainly or in base64. */
static gboolean has_on_disk(const struct actor *a, const char *text)
{
    static const char *const FILES[] = {"messages.db", "messages.db-wal"};
    gchar *looks[] = {g_strdup(text), in_base64(text, 0), in_base64(text, 1), in_base64(text, 2)};
    gboolean found = FALSE;
    for (size_t i = 0; i < G_N_ELEMENTS(FILES); i++) {
        gchar *path = g_build_filename(a->state, FILES[i], NULL), *bytes = NULL;
        gsize n = 0;
        if (g_file_get_contents(path, &bytes, &n, NULL))
            for (size_t k = 0; k < G_N_ELEMENTS(looks); k++)
                found = found || memmem(bytes, n, looks[k], strlen(looks[k])) != NULL;
        g_free(bytes);
        g_free(path);
    }
    for (size_t k = 0; k < G_N_ELEMENTS(looks); k++)
        g_free(looks[k]);
    return found;
}

/* ann has said something to ben, who is away, and cy keeps it: its id. */
static const char *leave_with_cy(struct exercise *x, const char *text)
{
    if (!gather(x) || !actor_leave(&x->actors[BEN]))
        return NULL;
    const char *id = say(&x->actors[ANN], &x->actors[BEN], text);
    return id && until(x, keeps_a_copy, &x->actors[CY], "that cy keeps a copy for ben") ? id : NULL;
}

static bool run_offline(struct exercise *x)
{
    struct actor *ann = &x->actors[ANN], *ben = &x->actors[BEN], *cy = &x->actors[CY];
    return leave_with_cy(x, "when you are back") && actor_leave(ann) && actor_start(ben) &&
           hears(ben, ann, "when you are back", NULL) && until(x, keeps_nothing, cy, "that cy forgets the copy");
}

struct copy {
    const struct actor *keeper;
    const char *id;
};

static bool is_on_disk(void *ctx)
{
    const struct copy *c = ctx;
    return has_on_disk(c->keeper, c->id);
}

static bool run_sealed(struct exercise *x)
{
    struct actor *ann = &x->actors[ANN], *cy = &x->actors[CY];
    const char *id = leave_with_cy(x, SECRET);
    struct copy copy = {cy, id};
    return id && until(x, is_on_disk, &copy, "that the copy gets to cy's disk") &&
           (has_on_disk(ann, SECRET) || wrong(x, "expected what ann said on ann's own disk; it is not there")) &&
           (!has_on_disk(cy, SECRET) || wrong(x, "expected that cy's disk does not show what is kept; it does"));
}

/* ---- history ---- */

/* Three texts behind the first of them, in the record: two are shown. */
static bool shows_history(struct actor *a, const char *after, const char *second, const char *third)
{
    usher_history(a->u, after, 2, "history");
    const struct seen *s = expect(a, (struct wanted){USHER_HISTORY, .ref = "history"});
    const char *at = s ? strstr(s->text, second) : NULL;
    return s &&
           ((at && strstr(at, third)) || wrong(a->exercise, "expected in %s's history: \"%s\", \"%s\"; it is %.300s",
                                             a->name, second, third, s->text));
}

static bool run_history(struct exercise *x)
{
    struct actor *ann = &x->actors[ANN], *ben = &x->actors[BEN];
    if (!gather(x))
        return false;
    const char *first = say(ann, ben, "chapter one"), *last = first ? say(ann, ben, "chapter two") : NULL;
    if (!last || !hears(ben, ann, "chapter two", NULL) || !say(ben, ann, "the end") ||
        !hears(ann, ben, "the end", NULL))
        return false;
    gchar *after = g_strdup(first); /* the restart forgets what was told */
    actor_die(ben);
    bool ok = actor_start(ben) && shows_history(ann, after, "chapter two", "the end") &&
              shows_history(ben, after, "chapter two", "the end");
    g_free(after);
    return ok;
}

/* ---- tampered: dora's messages are changed on their way, then they are not ---- */

struct refusals {
    struct actor *a;
    uint64_t before;
};

static bool has_refused(void *ctx)
{
    const struct refusals *r = ctx;
    return stats_of(r->a).refused_total > r->before;
}

static bool run_tampered(struct exercise *x)
{
    struct actor *ann = &x->actors[ANN], *dora = &x->actors[DORA];
    dora->tamper = TRUE;
    if (!gather(x) || !actor_start(dora) || !linked(ann, dora, NULL))
        return false;
    struct refusals r = {ann, stats_of(ann).refused_total};
    struct wanted shown = {USHER_MESSAGE, .from = dora->id};
    bool refused = say(dora, ann, "pay a hundred") &&
                   until(x, has_refused, &r, "that ann refuses what was changed on its way") &&
                   (count_seen(ann, shown) == 0 || wrong(x, "expected that ann is not shown it; she is"));
    dora->tamper = FALSE;
    actor_die(dora);
    return refused && actor_start(dora) && hears(ann, dora, "pay a hundred", NULL) && actor_leave(dora);
}

/* ---- resume, reconnect, daemon lost ---- */

static bool is_in(const struct actor *a)
{
    const char *s = a->state_now->str;
    return strcmp(s, "in-room") == 0 || strcmp(s, "p2p-connected") == 0 || strcmp(s, "discovering") == 0;
}

static bool all_are(struct exercise *x, bool in)
{
    for (int i = ANN; i <= CY; i++)
        if (is_in(&x->actors[i]) != in)
            return false;
    return true;
}

static bool are_in(void *ctx)
{
    return all_are(ctx, true);
}

static bool are_out(void *ctx)
{
    return all_are(ctx, false);
}

static bool run_resume(struct exercise *x)
{
    if (!gather(x) || !until(x, are_in, x, "that all are in the room"))
        return false;
    size_t joined[3];
    for (int i = ANN; i <= CY; i++)
        joined[i] = count_seen(&x->actors[i], (struct wanted){.type = USHER_JOINED});
    cut_connections(x->cut);
    if (!until(x, are_out, x, "that all notice the loss of their sockets") ||
        !until(x, are_in, x, "that all are back in the room"))
        return false;
    for (int i = ANN; i <= CY; i++)
        if (count_seen(&x->actors[i], (struct wanted){.type = USHER_JOINED}) != joined[i])
            return wrong(x, "expected that %s takes the seat again; it had to join anew", x->actors[i].name);
    return true;
}

static bool run_reconnect(struct exercise *x)
{
    struct actor *ann = &x->actors[ANN], *ben = &x->actors[BEN];
    char id[27];
    if (!gather(x))
        return false;
    gchar *first = g_strdup(say(ben, ann, "before I died"));
    memcpy(id, ben->id, sizeof id);
    actor_die(ben);
    bool ok = first && actor_start(ben) && (strcmp(ben->id, id) == 0 || wrong(x, "expected that ben is still ben")) &&
              linked(ann, ben, NULL);
    const char *again = ok ? say(ben, ann, "before I died") : NULL;
    ok = again && (strcmp(again, first) == 0 || wrong(x, "expected that a ref said again means the same message")) &&
         say(ben, ann, "I am back") && hears(ann, ben, "I am back", NULL) &&
         (count_seen(ann, (struct wanted){USHER_MESSAGE, .text = "before I died"}) == 1 ||
             wrong(x, "expected what was said twice once; it came twice"));
    g_free(first);
    return ok;
}

static bool run_lost(struct exercise *x)
{
    struct actor *ann = &x->actors[ANN], *ben = &x->actors[BEN], *cy = &x->actors[CY];
    if (!gather(x))
        return false;
    cut_refuse(x->cut, true);
    cut_connections(x->cut);
    bool ok = until(x, are_out, x, "that all notice the loss of the server") && say(ann, ben, "without a server") &&
              hears(ben, ann, "without a server", NULL) && say(cy, NULL, "to all without it") &&
              hears(ann, cy, "to all without it", NULL) && hears(ben, cy, "to all without it", NULL);
    cut_refuse(x->cut, false);
    return ok && until(x, are_in, x, "that all are back in the room") && say(ben, ann, "with a server") &&
           hears(ann, ben, "with a server", NULL);
}

const struct line EXERCISE_LINES[LINE_COUNT] = {
    [LINE_JOIN] = {"join", run_join, 0},
    [LINE_CALL] = {"call", run_call, STANDS_ON(JOIN)},
    [LINE_DIRECT] = {"direct", run_direct, STANDS_ON(CALL)},
    [LINE_GROUP] = {"group", run_group, STANDS_ON(CALL)},
    [LINE_CAUSAL] = {"causal order", run_causal, STANDS_ON(GROUP)},
    [LINE_ACKS] = {"acks", run_acks, STANDS_ON(DIRECT) | STANDS_ON(GROUP)},
    [LINE_RELAY] = {"relay", run_relay, STANDS_ON(DIRECT)},
    [LINE_OFFLINE] = {"offline", run_offline, STANDS_ON(DIRECT)},
    [LINE_HISTORY] = {"history", run_history, STANDS_ON(DIRECT)},
    [LINE_SEALED] = {"sealed", run_sealed, STANDS_ON(OFFLINE)},
    [LINE_TAMPERED] = {"tampered", run_tampered, STANDS_ON(DIRECT)},
    [LINE_FILES] = {"files", exercise_files, STANDS_ON(CALL)},
    [LINE_RESUME] = {"resume", run_resume, STANDS_ON(CALL)},
    [LINE_RECONNECT] = {"reconnect", run_reconnect, STANDS_ON(DIRECT)},
    [LINE_LOST] = {"daemon lost", run_lost, STANDS_ON(DIRECT) | STANDS_ON(GROUP)},
};
