/* SPDX-License-Identifier: MIT
 *
 * The record: what the application said and was told, over all starts, in the order in which it was stored. It is what
 * exactly-once is about: a message stands here once, in the commit that also moves the clock. The newest LOG_MAX are
 * kept; the oldest go a few at a time, as new ones come.
 */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/message/message_log.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/port/storage.h"
#include "peer/core/message/conversation.h"
#include "protocol/json_read.h"
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

void message_log_add(struct peer *p, const struct notice *n)
{
    assert(n->id.n > 0 && n->from.n > 0 && n->kind);
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
    if (n->attachments.n > 0) {
        write_name(&row, "attachments");
        buf_span(&row, n->attachments);
    }
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

/* Of those from `from` on and before `to` the first, or the last. */
static void load_log(struct peer *p, struct span ref, uint64_t from, uint64_t to, bool last, unsigned limit)
{
    char first[17], end[17];
    storage_number(first, from);
    storage_number(end, to);
    struct load *load = storage_load(p, LOAD_HISTORY, TABLE_LOG, span_of(first), span_of(end), limit, last);
    if (load)
        text_copy(load->ref, sizeof load->ref, ref);
}

/* Where a message stands. */
static struct load *load_place(struct peer *p, enum load_type type, struct span id)
{
    char past[ENVELOPE_ID_MAX + 2];
    if (!text_copy(past, sizeof past - 1, id))
        return NULL;
    memcpy(past + id.n, " ", 2);
    return storage_load(p, type, TABLE_ID, id, span_of(past), 1, false);
}

/* The row that stands there. */
static struct load *load_order(struct peer *p, enum load_type type, uint64_t order)
{
    char from[17], to[17];
    storage_number(from, order);
    storage_number(to, order + 1);
    return storage_load(p, type, TABLE_LOG, span_of(from), span_of(to), 1, false);
}

void message_log_show(struct peer *p, const struct peer_event *ev)
{
    unsigned limit = ev->history.limit && ev->history.limit < ROWS_MAX ? ev->history.limit : ROWS_MAX;
    bool back = ev->history.before.n > 0;
    if (ev->history.after.n == 0 && !back) {
        load_log(p, ev->history.ref, 0, UINT64_MAX, true, limit);
        return;
    }
    struct load *load =
        back ? load_place(p, LOAD_BEFORE, ev->history.before) : load_place(p, LOAD_AFTER, ev->history.after);
    if (!load)
        return;
    text_copy(load->ref, sizeof load->ref, ev->history.ref);
    load->limit = limit;
}

static void no_such_message(struct peer *p, const struct load *load)
{
    notice_add(p, &(struct notice){.type = NOTICE_ERROR,
                      .code = SPAN("no-such-message"),
                      .text = SPAN("no message of that id is in the record"),
                      .ref = load->ref[0] ? span_of(load->ref) : (struct span){0}});
}

static void shown_beside(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n)
{
    uint64_t order;
    if (n == 1 && storage_read_number(rows[0].value, &order) && load->type == LOAD_BEFORE)
        load_log(p, span_of(load->ref), 0, order, true, load->limit);
    else if (n == 1 && storage_read_number(rows[0].value, &order))
        load_log(p, span_of(load->ref), order + 1, UINT64_MAX, false, load->limit);
    else
        no_such_message(p, load);
}

/* How many of the first rows go into one answer. */
static size_t rows_that_fit(const struct peer_row *rows, size_t n)
{
    size_t fit = 0, bytes = 2;
    while (fit < n && (bytes += rows[fit].value.n + 1) <= HISTORY_SHOWN_MAX)
        fit++;
    return fit;
}

/* Those asked for as the newest come newest first: if not all fit, the oldest of them stay out. */
static void shown(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n)
{
    struct buf text;
    bool last = n > 1 && memcmp(rows[0].key.p, rows[1].key.p, 16) > 0;
    size_t fit = rows_that_fit(rows, n);
    buf_init(&text, HISTORY_SHOWN_MAX);
    buf_byte(&text, '[');
    for (size_t i = 0; i < fit; i++) {
        if (i > 0)
            buf_byte(&text, ',');
        buf_span(&text, rows[last ? fit - 1 - i : i].value);
    }
    buf_byte(&text, ']');
    notice_add(p, &(struct notice){.type = NOTICE_HISTORY,
                      .ref = load->ref[0] ? span_of(load->ref) : (struct span){0},
                      .text = buf_view(&text)});
    buf_done(&text);
}

/* ---- messages that came again ---- */

void message_log_had(struct peer *p, const struct conversation *c, const struct person *author,
    const struct person *asker, const struct envelope *e)
{
    assert(e->id.n > 0 && e->sequence > 0);
    struct load *load = load_place(p, LOAD_HAD, e->id);
    if (!load)
        return; /* it will come again */
    load->from = e->sequence;
    text_copy(load->ref, sizeof load->ref, e->id);
    text_copy(load->who, sizeof load->who, person_id(asker));
    text_copy(load->author, sizeof load->author, person_id(author));
    text_copy(load->conversation, sizeof load->conversation, span_of(c->name));
}

void message_log_asked(struct peer *p, const struct person *author, struct span id)
{
    assert(author->keyed);
    struct load *load = load_place(p, LOAD_HAD, id);
    if (!load)
        return;
    text_copy(load->ref, sizeof load->ref, id);
    text_copy(load->who, sizeof load->who, person_id(author));
    text_copy(load->author, sizeof load->author, person_id(author));
}

static void had_place(
    struct peer *p, const struct load *load, const struct peer_row *rows, size_t n, struct log_answer *answer)
{
    uint64_t order;
    if (n != 1 || !storage_read_number(rows[0].value, &order)) {
        answer->type = LOG_ANSWER_LACKS;
        return;
    }
    struct load *next = load_order(p, LOAD_HAD_ROW, order);
    if (!next)
        return;
    next->from = load->from;
    memcpy(next->ref, load->ref, sizeof next->ref);
    memcpy(next->who, load->who, sizeof next->who);
    memcpy(next->author, load->author, sizeof next->author);
    memcpy(next->conversation, load->conversation, sizeof next->conversation);
}

/* The string that stands between `begin` and the next quotation mark; n = 0 if the row does not go on with `begin`. */
static struct span word_of(struct span row, const char *begin)
{
    size_t skip = strlen(begin);
    const char *end = row.n > skip && memcmp(row.p, begin, skip) == 0 ? memchr(row.p + skip, '"', row.n - skip) : NULL;
    return end ? (struct span){row.p + skip, (size_t)(end - row.p) - skip} : (struct span){0};
}

/* The id with which message_log_add began the row; n = 0 if it did not. */
static struct span row_id(struct span row)
{
    return word_of(row, "{\"id\":\"");
}

/* An id that somebody else has used as well says nothing: whoever waits for an answer reports its message as failed in
 * its time. */
static void had_row(const struct load *load, struct span row, struct log_answer *answer)
{
    struct span id = row_id(row);
    const char *rest = id.p ? id.p + id.n + 1 : row.p;
    struct span from = word_of((struct span){rest, row.n - (size_t)(rest - row.p)}, ",\"from\":\"");
    if (span_is(from, load->author))
        answer->type = LOG_ANSWER_HAS;
}

/* ---- messages that a person read ---- */

void message_log_read(struct peer *p, struct span id, struct span by)
{
    struct load *load = load_place(p, LOAD_READ, id);
    if (load)
        text_copy(load->who, sizeof load->who, by);
}

static void read_place(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n)
{
    uint64_t order;
    struct load *next;
    if (n == 1 && storage_read_number(rows[0].value, &order)) {
        next = load_order(p, LOAD_READ_ROW, order);
        if (next)
            text_copy(next->who, sizeof next->who, span_of(load->who));
    } else if (!load->who[0]) {
        no_such_message(p, load);
    }
}

static bool is_for(const json_t *row, const char *reader)
{
    const json_t *to = json_object_get(row, "to");
    bool found = json_array_size(to) == 0;
    for (size_t i = 0; i < json_array_size(to); i++)
        found = found || span_is(span_of(reader), json_string_value(json_array_get(to, i)));
    return found;
}

static void read_row(struct peer *p, const struct load *load, struct span text, struct log_answer *answer)
{
    json_t *row = json_read(text, 0, NULL);
    struct span id = span_of(json_string_value(json_object_get(row, "id")));
    struct span from = span_of(json_string_value(json_object_get(row, "from")));
    bool ours = span_is(from, p->id);
    if (load->who[0] && ours && is_for(row, load->who))
        after_commit_follow(p, &(struct notice){.type = NOTICE_READ, .id = id, .by = span_of(load->who)});
    else if (!load->who[0] && id.n > 0 && text_copy(answer->id, sizeof answer->id, id) &&
             text_copy(answer->author, sizeof answer->author, from))
        answer->type = LOG_ANSWER_READ;
    json_decref(row);
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

struct log_answer message_log_loaded(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n)
{
    struct log_answer answer = {.type = LOG_ANSWER_NONE};
    assert(load->type >= LOAD_AFTER);
    if (load->type == LOAD_AFTER || load->type == LOAD_BEFORE)
        shown_beside(p, load, rows, n);
    else if (load->type == LOAD_OLDEST)
        prune(p, rows, n);
    else if (load->type == LOAD_HAD)
        had_place(p, load, rows, n, &answer);
    else if (load->type == LOAD_HAD_ROW && n == 1)
        had_row(load, rows[0].value, &answer);
    else if (load->type == LOAD_READ)
        read_place(p, load, rows, n);
    else if (load->type == LOAD_READ_ROW && n == 1)
        read_row(p, load, rows[0].value, &answer);
    else if (load->type == LOAD_HISTORY)
        shown(p, load, rows, n);
    return answer;
}
