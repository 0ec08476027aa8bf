/* SPDX-License-Identifier: MIT
 *
 * The tables hold what a load sees; beside them stands, in order, how each change that is not durable is taken back,
 * and where in that list commits were asked for.
 */
#include "tests/sim/memory_store.h"

#include <stdlib.h>

struct text {
    char *p; /* owned; NULL: no such row */
    size_t n;
};
struct row {
    struct text key, value;
};
struct table {
    struct row *rows; /* in the order of their keys */
    size_t n, cap;
};
struct change {
    enum peer_table table;
    struct text key, before;
};
struct mark {
    size_t changes; /* that it covers */
    uint64_t ticket;
};

struct memory_store {
    struct table tables[PEER_TABLES];
    struct change *changes;
    size_t n, cap;
    struct mark *marks;
    size_t marks_n, marks_cap;
    bool broken;
};

static const bool RESTORED[PEER_TABLES] = {
#define X(name, text, restored) [TABLE_##name] = restored,
    PEER_TABLE_LIST(X)
#undef X
};

static void *need(void *p)
{
    if (!p)
        abort();
    return p;
}

static struct text copy(struct span s)
{
    struct text t = {need(malloc(s.n + 1)), s.n};
    if (s.n)
        memcpy(t.p, s.p, s.n);
    t.p[s.n] = '\0';
    return t;
}

static struct span view(struct text t)
{
    return (struct span){t.p, t.n};
}

static void *room(void *v, size_t n, size_t *cap, size_t each)
{
    if (n < *cap)
        return v;
    *cap = *cap ? *cap * 2 : 16;
    return need(realloc(v, *cap * each));
}

static int compare(struct span a, struct span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* The first row whose key is not below. */
static size_t lower(const struct table *t, struct span key)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(view(t->rows[middle].key), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Sets or, with a value of NULL, removes a row; value is taken, what stood there is returned. */
static struct text swap(struct table *t, struct span key, struct text value)
{
    size_t at = lower(t, key);
    bool there = at < t->n && span_eq(view(t->rows[at].key), key);
    struct text before = there ? t->rows[at].value : (struct text){NULL, 0};
    if (there && value.p) {
        t->rows[at].value = value;
    } else if (there) {
        free(t->rows[at].key.p);
        memmove(t->rows + at, t->rows + at + 1, (--t->n - at) * sizeof *t->rows);
    } else if (value.p) {
        t->rows = room(t->rows, t->n, &t->cap, sizeof *t->rows);
        memmove(t->rows + at + 1, t->rows + at, (t->n++ - at) * sizeof *t->rows);
        t->rows[at] = (struct row){copy(key), value};
    }
    return before;
}

static void change(struct memory_store *s, enum peer_table table, struct span key, struct text value)
{
    s->changes = room(s->changes, s->n, &s->cap, sizeof *s->changes);
    s->changes[s->n++] = (struct change){table, copy(key), swap(&s->tables[table], key, value)};
}

struct memory_store *memory_store_new(void)
{
    return need(calloc(1, sizeof(struct memory_store)));
}

void memory_store_effect(struct memory_store *s, const struct peer_effect *e)
{
    if (s->broken)
        return;
    if (e->type == PEER_FX_COMMIT) {
        s->marks = room(s->marks, s->marks_n, &s->marks_cap, sizeof *s->marks);
        s->marks[s->marks_n++] = (struct mark){s->n, e->commit.ticket};
    } else if (e->type == PEER_FX_PUT) {
        change(s, e->put.table, span_of(e->put.key), copy(peer_text_view(e->put.value)));
    } else {
        change(s, e->delete.table, span_of(e->delete.key), (struct text){NULL, 0});
    }
}

size_t memory_store_waiting(const struct memory_store *s)
{
    return s->marks_n;
}

static void change_free(struct change *c)
{
    free(c->key.p);
    free(c->before.p);
}

/* The first n changes, and the marks that they cover, are durable. */
static void forget(struct memory_store *s, size_t n, size_t marks)
{
    for (size_t i = 0; i < n; i++)
        change_free(&s->changes[i]);
    s->n -= n;
    s->marks_n -= marks;
    if (s->n)
        memmove(s->changes, s->changes + n, s->n * sizeof *s->changes);
    if (s->marks_n)
        memmove(s->marks, s->marks + marks, s->marks_n * sizeof *s->marks);
    for (size_t i = 0; i < s->marks_n; i++)
        s->marks[i].changes -= n;
}

bool memory_store_sync(struct memory_store *s, uint64_t *ticket)
{
    if (s->broken || s->marks_n == 0)
        return false;
    struct mark last = s->marks[s->marks_n - 1];
    *ticket = last.ticket;
    forget(s, last.changes, s->marks_n);
    return true;
}

void memory_store_close(struct memory_store *s)
{
    if (!s->broken)
        forget(s, s->n, s->marks_n);
    memory_store_crash(s, 0);
}

void memory_store_crash(struct memory_store *s, size_t survivors)
{
    if (survivors)
        forget(s, s->marks[survivors - 1].changes, survivors);
    while (s->n > 0) {
        struct change *c = &s->changes[--s->n];
        free(swap(&s->tables[c->table], view(c->key), c->before).p);
        free(c->key.p);
    }
    s->marks_n = 0;
}

bool memory_store_value(const struct memory_store *s, enum peer_table table, struct span key, struct span *value)
{
    const struct table *t = &s->tables[table];
    for (size_t i = 0; i < s->n; i++)
        if (s->changes[i].table == table && span_eq(view(s->changes[i].key), key)) {
            *value = view(s->changes[i].before);
            return value->p != NULL;
        }
    size_t at = lower(t, key);
    bool there = at < t->n && span_eq(view(t->rows[at].key), key);
    *value = there ? view(t->rows[at].value) : (struct span){0};
    return there;
}

bool memory_store_survives(const struct memory_store *s, enum peer_table table, struct span key)
{
    struct span value;
    return memory_store_value(s, table, key, &value);
}

static void table_clear(struct table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->rows[i].key.p);
        free(t->rows[i].value.p);
    }
    free(t->rows);
    *t = (struct table){NULL, 0, 0};
}

static void copy_rows(struct memory_store *to, const struct memory_store *from)
{
    for (enum peer_table t = 0; t < PEER_TABLES; t++)
        for (size_t i = 0; i < from->tables[t].n; i++) {
            const struct row *row = &from->tables[t].rows[i];
            swap(&to->tables[t], view(row->key), copy(view(row->value)));
        }
}

struct memory_store *memory_store_copy(const struct memory_store *s)
{
    struct memory_store *made = memory_store_new();
    copy_rows(made, s);
    for (size_t i = s->n; i-- > 0;) {
        const struct change *c = &s->changes[i];
        struct text before = c->before.p ? copy(view(c->before)) : c->before;
        free(swap(&made->tables[c->table], view(c->key), before).p);
    }
    return made;
}

void memory_store_put_back(struct memory_store *s, const struct memory_store *from)
{
    if (s->n > 0 || s->marks_n > 0)
        abort();
    for (enum peer_table t = 0; t < PEER_TABLES; t++)
        table_clear(&s->tables[t]);
    if (from)
        copy_rows(s, from);
}

void memory_store_break(struct memory_store *s, bool broken)
{
    s->broken = broken;
}

struct memory_store_rows memory_store_load(const struct memory_store *s, const struct peer_effect *e)
{
    const struct table *t = &s->tables[e->load.table];
    struct span end = span_of(e->load.to);
    size_t first = lower(t, span_of(e->load.from)), last = end.n ? lower(t, end) : t->n;
    size_t n = last > first ? last - first : 0;
    n = n < e->load.limit ? n : e->load.limit;
    struct memory_store_rows out = {need(calloc(n + 1, sizeof *out.rows)), n};
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &t->rows[e->load.last_first ? last - 1 - i : first + i];
        out.rows[i] = (struct peer_row){view(copy(view(r->key))), view(copy(view(r->value)))};
    }
    return out;
}

void memory_store_rows_free(struct memory_store_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        free((char *)rows->rows[i].key.p);
        free((char *)rows->rows[i].value.p);
    }
    free(rows->rows);
    *rows = (struct memory_store_rows){NULL, 0};
}

void memory_store_each(const struct memory_store *s, bool all, memory_store_fn *each, void *user)
{
    for (enum peer_table t = 0; t < PEER_TABLES; t++)
        for (size_t i = 0; (all || RESTORED[t]) && i < s->tables[t].n; i++) {
            struct peer_row row = {view(s->tables[t].rows[i].key), view(s->tables[t].rows[i].value)};
            each(user, t, &row);
        }
}

void memory_store_free(struct memory_store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        change_free(&s->changes[i]);
    for (enum peer_table t = 0; t < PEER_TABLES; t++)
        table_clear(&s->tables[t]);
    free(s->changes);
    free(s->marks);
    free(s);
}
