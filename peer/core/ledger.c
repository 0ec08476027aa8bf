/* SPDX-License-Identifier: MIT
 *
 * The record: what the application said and was told, over all starts, in the order in which it was stored. It is what
 * exactly-once is about: a message stands here once, in the commit that also moves the clock. The newest LOG_MAX are
 * kept; the oldest go a few at a time, as new ones come.
 */
#include <stdlib.h>

#include "peer/core/state.h"
#include "protocol/write.h"

enum {
    PRUNE_ROWS = 32
};

/* Those that are more than we keep. */
static void load_oldest(struct peer *p)
{
    char end[17];
    storage_number(end, p->log_order - LOG_MAX + 1);
    storage_load(p, LOAD_OLDEST, TABLE_LOG, SPAN("0"), span_of(end), 2 * PRUNE_ROWS, false);
}

void ledger_add(struct peer *p, const struct notice *n)
{
    char order[17];
    struct buf row;
    buf_init(&row, PEER_MESSAGE_MAX);
    buf_byte(&row, '{');
    write_member_string(&row, "id", n->id);
    write_member_string(&row, "from", n->from);
    write_name(&row, "to");
    buf_byte(&row, '[');
    for (size_t i = 0; i < n->to_count; i++) {
        if (i > 0)
            buf_byte(&row, ',');
        write_string(&row, n->to[i]);
    }
    buf_byte(&row, ']');
    write_member_string(&row, "text", n->text);
    write_member_string(&row, "conversation", n->conversation);
    write_member_string(&row, "type", span_of(n->kind));
    write_member_u64(&row, "timestamp", n->timestamp);
    buf_byte(&row, '}');
    storage_number(order, ++p->log_order);
    if (!row.failed) {
        storage_put(p, TABLE_LOG, span_of(order), buf_view(&row));
        storage_put(p, TABLE_ID, n->id, span_of(order));
        storage_put(p, TABLE_CLOCK, SPAN("log"), span_of(order));
    }
    buf_done(&row);
    if (p->log_order > LOG_MAX && p->log_order % PRUNE_ROWS == 0)
        load_oldest(p);
}

static void load_log(struct peer *p, struct span ref, uint64_t from, bool last, unsigned limit)
{
    char first[17];
    storage_number(first, from);
    struct load *load = storage_load(p, LOAD_HISTORY, TABLE_LOG, span_of(first), SPAN("g"), limit, last);
    if (load)
        text_copy(load->ref, sizeof load->ref, ref);
}

void ledger_show(struct peer *p, const struct peer_event *ev)
{
    unsigned limit = ev->history.limit && ev->history.limit < ROWS_MAX ? ev->history.limit : ROWS_MAX;
    char past[ENVELOPE_ID_MAX + 2];
    struct load *load;
    if (ev->history.after.n == 0) {
        load_log(p, ev->history.ref, 0, true, limit);
        return;
    }
    if (!text_copy(past, sizeof past - 1, ev->history.after))
        return;
    memcpy(past + ev->history.after.n, " ", 2);
    load = storage_load(p, LOAD_AFTER, TABLE_ID, ev->history.after, span_of(past), 1, false);
    if (!load)
        return;
    text_copy(load->ref, sizeof load->ref, ev->history.ref);
    load->limit = limit;
}

static void shown_after(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n)
{
    uint64_t order;
    if (n == 1 && storage_read_number(rows[0].value, &order))
        load_log(p, span_of(load->ref), order + 1, false, load->limit);
    else
        notice_add(p, &(struct notice){.type = NOTICE_ERROR,
                          .code = SPAN("no-such-message"),
                          .text = SPAN("no message of that id is in the record"),
                          .ref = load->ref[0] ? span_of(load->ref) : (struct span){0}});
}

static void shown(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n)
{
    struct buf text;
    bool last = n > 1 && memcmp(rows[0].key.p, rows[1].key.p, 16) > 0;
    buf_init(&text, HISTORY_SHOWN_MAX);
    buf_byte(&text, '[');
    for (size_t i = 0; i < n; i++) {
        struct span row = rows[last ? n - 1 - i : i].value;
        if (text.len + row.n + 2 > HISTORY_SHOWN_MAX)
            break;
        if (text.len > 1)
            buf_byte(&text, ',');
        buf_span(&text, row);
    }
    buf_byte(&text, ']');
    notice_add(p, &(struct notice){.type = NOTICE_HISTORY,
                      .ref = load->ref[0] ? span_of(load->ref) : (struct span){0},
                      .text = buf_view(&text)});
    buf_done(&text);
}

/* The id with which ledger_add began the row; n = 0 if it did not. */
static struct span row_id(struct span row)
{
    static const char begin[] = "{\"id\":\"";
    static const size_t skip = sizeof begin - 1;
    const char *end = row.n > skip && memcmp(row.p, begin, skip) == 0 ? memchr(row.p + skip, '"', row.n - skip) : NULL;
    return end ? (struct span){row.p + skip, (size_t)(end - row.p) - skip} : (struct span){0};
}

static void prune(struct peer *p, const struct peer_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct span id = row_id(rows[i].value);
        if (id.n > 0)
            storage_delete(p, TABLE_ID, id);
        storage_delete(p, TABLE_LOG, rows[i].key);
    }
}

void ledger_loaded(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n)
{
    if (load->type == LOAD_AFTER)
        shown_after(p, load, rows, n);
    else if (load->type == LOAD_OLDEST)
        prune(p, rows, n);
    else
        shown(p, load, rows, n);
}
