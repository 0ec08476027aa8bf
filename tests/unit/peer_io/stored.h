/* SPDX-License-Identifier: MIT
 *
 * A store in a scratch folder, and what is in it. After cmocka.h.
 */
#ifndef TESTS_PEER_IO_STORED_H
#define TESTS_PEER_IO_STORED_H

#include "peer/io/store.h"
#include "tests/unit/peer_io/scratch.h"

static inline struct store *opened(const char *dir)
{
    struct err err = {.text = ""};
    struct store *s = store_open(dir, &err);
    if (!s)
        fail_msg("%s", err.text);
    return s;
}

static inline void put(struct store *s, enum peer_table table, const char *key, const char *value)
{
    struct err err = {.text = ""};
    if (!store_put(s, table, span_of(key), span_of(value), &err))
        fail_msg("%s", err.text);
}

static inline void commit(struct store *s)
{
    struct err err = {.text = ""};
    if (!store_commit(s, &err))
        fail_msg("%s", err.text);
}

/* "key=value key=value" of a load. */
static inline const char *found(
    struct store *s, enum peer_table table, const char *from, const char *to, unsigned limit, bool descending)
{
    static char text[4096];
    struct store_rows rows;
    struct err err = {.text = ""};
    size_t n = 0;
    text[0] = '\0';
    if (!store_load(s, table, span_of(from), span_of(to), limit, descending, &rows, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < rows.n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s=%.*s", i ? " " : "", (int)rows.rows[i].key.n,
            rows.rows[i].key.p, (int)rows.rows[i].value.n, rows.rows[i].value.p);
    store_rows_free(&rows);
    return text;
}

static inline const char *all(struct store *s, enum peer_table table)
{
    return found(s, table, "", "", ROWS_MAX, false);
}

#endif
