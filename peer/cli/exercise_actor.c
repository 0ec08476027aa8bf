/* SPDX-License-Identifier: MIT
 *
 * The people of the exercise, all on one main context: waiting for one of them lets all of them go on.
 */
#include <stdio.h>
#include <string.h>

#include "peer/cli/exercise.h"

enum {
    SHOWN_LAST = 4 /* events that a failing line quotes */
};

bool wrong(struct exercise *x, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (x->wrong->len == 0) /* what came first explains the rest */
        g_string_append_vprintf(x->wrong, format, args);
    va_end(args);
    return false;
}

/* ---- what they are told ---- */

void seen_free(void *item)
{
    struct seen *s = item;
    g_free(s->id);
    g_free(s->from);
    g_free(s->by);
    g_free(s->text);
    g_free(s->ref);
    g_free(s->kind);
    g_free(s);
}

static void on_event(struct usher *u, const struct usher_event *e, void *user)
{
    (void)u;
    struct actor *a = user;
    struct seen *s = g_new0(struct seen, 1);
    *s = (struct seen){.type = e->type, .up = e->up, .verified = e->verified, .fatal = e->fatal};
    s->count = e->count;
    s->size = e->size;
    s->id = g_strdup(e->id);
    s->from = g_strdup(e->from);
    s->by = g_strdup(e->by);
    s->text = g_strdup(e->text ? e->text : e->reason);
    s->ref = g_strdup(e->ref);
    s->kind = g_strdup(e->kind);
    g_ptr_array_add(a->seen, s);
    if (e->type == USHER_STATE)
        g_string_assign(a->state_now, e->text);
}

static gboolean is_wanted(const struct seen *s, const struct wanted *w)
{
    return s->type == w->type && (!w->id || g_strcmp0(w->id, s->id) == 0) &&
           (!w->from || g_strcmp0(w->from, s->from) == 0) && (!w->by || g_strcmp0(w->by, s->by) == 0) &&
           (!w->text || g_strcmp0(w->text, s->text) == 0) && (!w->ref || g_strcmp0(w->ref, s->ref) == 0) &&
           (!w->kind || g_strcmp0(w->kind, s->kind) == 0);
}

static const struct seen *find(const struct actor *a, const struct wanted *w)
{
    for (guint i = 0; i < a->seen->len; i++)
        if (is_wanted(g_ptr_array_index(a->seen, i), w))
            return g_ptr_array_index(a->seen, i);
    return NULL;
}

size_t count_seen(const struct actor *a, struct wanted w)
{
    size_t n = 0;
    for (guint i = 0; i < a->seen->len; i++)
        n += is_wanted(g_ptr_array_index(a->seen, i), &w) ? 1 : 0;
    return n;
}

/* ---- waiting ---- */

static gboolean on_tick(gpointer user)
{
    (void)user;
    return G_SOURCE_CONTINUE;
}

static bool wait_for(struct exercise *x, bool (*holds)(void *ctx), void *ctx, unsigned ms)
{
    gint64 end = g_get_monotonic_time() + (gint64)ms * 1000;
    end = end < x->end ? end : x->end;
    guint tick = g_timeout_add(5, on_tick, NULL); /* so that a quiet loop looks again */
    bool is_so;
    while (!(is_so = holds(ctx)) && g_get_monotonic_time() < end)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(tick);
    return is_so;
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

void let_pass(struct exercise *x, unsigned ms)
{
    wait_for(x, never, NULL, ms);
}

bool until(struct exercise *x, bool (*holds)(void *ctx), void *ctx, const char *what)
{
    return wait_for(x, holds, ctx, EXERCISE_WAIT_MS) ||
           wrong(x, "expected %s within %d s; it did not come about", what, EXERCISE_WAIT_MS / 1000);
}

struct search {
    struct actor *a;
    const struct wanted *w;
};

static bool is_found(void *ctx)
{
    const struct search *s = ctx;
    return find(s->a, s->w) || find(s->a, &(struct wanted){.type = USHER_ERROR}) /* which comes instead */
           || cut_hopeless(s->a->exercise->cut);
}

static void append(GString *out, const char *name, const char *value)
{
    if (value)
        g_string_append_printf(out, " %s %.60s", name, value);
}

static void describe(GString *out, enum usher_event_type type, const char *from, const char *text, const char *kind)
{
    g_string_append(out, usher_event_name(type));
    append(out, "of kind", kind);
    append(out, "from", from);
    if (text)
        g_string_append_printf(out, " \"%.60s\"", text);
}

const struct seen *expect(struct actor *a, struct wanted w)
{
    if (a->u)
        wait_for(a->exercise, is_found, &(struct search){a, &w}, EXERCISE_WAIT_MS);
    if (find(a, &w))
        return find(a, &w);
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "expected at %s: ", a->name);
    describe(text, w.type, w.from, w.text, w.kind);
    append(text, "by", w.by);
    g_string_append(text, a->seen->len ? "; came last: " : "; nothing came");
    for (guint i = a->seen->len > SHOWN_LAST ? a->seen->len - SHOWN_LAST : 0; i < a->seen->len; i++) {
        const struct seen *s = g_ptr_array_index(a->seen, i);
        describe(text, s->type, s->from, s->text, s->kind);
        g_string_append(text, i + 1 < a->seen->len ? ", " : "");
    }
    wrong(a->exercise, "%s", text->str);
    g_string_free(text, TRUE);
    return NULL;
}

const char *say(struct actor *a, struct actor *to, const char *text)
{
    const char *reader = to ? to->id : NULL;
    /* The texts of one exercise are all different. */
    gchar *ref = g_compute_checksum_for_string(G_CHECKSUM_SHA1, text, -1);
    const struct seen *s = NULL;
    if (!a->u || !usher_send(a->u, &reader, to ? 1 : 0, text, ref))
        wrong(a->exercise, "expected that %s can send; it cannot", a->name);
    else
        s = expect(a, (struct wanted){USHER_ACCEPTED, .ref = ref});
    g_free(ref);
    return s ? s->id : NULL;
}

/* ---- coming and going ---- */

bool actor_start(struct actor *a)
{
    char err[256];
    struct exercise *x = a->exercise;
    struct usher_options o = x->options->usher;
    o.room = x->room;
    o.name = a->name;
    o.state_dir = a->state;
    o.log = NULL;
    o.faults = (struct usher_faults){
        .through = cut_ports(x->cut), .no_link = a->no_link[0] ? a->no_link : NULL, .tamper = a->tamper};
    g_ptr_array_set_size(a->seen, 0); /* which frees them */
    a->u = usher_new(&o, on_event, a, err, sizeof err);
    if (!a->u)
        return wrong(x, "expected that %s starts; %s", a->name, err);
    g_strlcpy(a->id, usher_id(a->u), sizeof a->id);
    return expect(a, (struct wanted){.type = USHER_READY}) != NULL;
}

void actor_die(struct actor *a)
{
    usher_free(a->u);
    a->u = NULL;
}

bool actor_leave(struct actor *a)
{
    if (!a->u)
        return true;
    usher_leave(a->u);
    bool left = expect(a, (struct wanted){.type = USHER_LEFT}) != NULL;
    actor_die(a);
    return left;
}

/* ---- together ---- */

struct view {
    struct actor *a, *b;
    const char *path;
};

static bool sees(void *ctx)
{
    const struct view *v = ctx;
    const struct usher_person *people;
    size_t n = v->a->u ? usher_people(v->a->u, &people) : 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(people[i].id, v->b->id) == 0 && people[i].up)
            return v->path ? strcmp(people[i].path, v->path) == 0 : strcmp(people[i].path, "relay") != 0;
    return false;
}

bool linked(struct actor *a, struct actor *b, const char *path)
{
    struct view there = {a, b, path}, back = {b, a, path};
    gchar *what =
        g_strdup_printf("a link between %s and %s (path %s)", a->name, b->name, path ? path : "direct or turn");
    bool ok = until(a->exercise, sees, &there, what) && until(a->exercise, sees, &back, what);
    g_free(what);
    return ok;
}

bool gather(struct exercise *x)
{
    struct actor *all = x->actors;
    for (int i = 0; i < 3; i++) {
        if (all[i].u && all[i].no_link[0] && !actor_leave(&all[i]))
            return false;
        all[i].no_link[0] = '\0';
    }
    for (int i = 0; i < 3; i++)
        if (!all[i].u && !actor_start(&all[i]))
            return false;
    return linked(&all[0], &all[1], NULL) && linked(&all[1], &all[2], NULL) && linked(&all[0], &all[2], NULL);
}
