/* SPDX-License-Identifier: MIT
 *
 * The core as it was when its last commit was made, row by row, before it starts. Rows come table by table in the order
 * of PEER_TABLE_LIST: conversations before their clocks, people before what waits for them. A row that cannot be read
 * (of another version, or damaged) is left alone and named in the log; the rest is taken. What belongs to another room
 * stays on the disk until that room is entered again.
 */
#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"
#include "peer/core/restore.h"
#include "peer/core/order/causal.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/storage.h"
#include "peer/core/people/card.h"
#include "peer/core/people/roster.h"
#include "peer/core/message/compose.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/outbox.h"
#include "peer/core/message/receive.h"
#include "peer/core/message/store_and_forward.h"
#include "peer/core/transfer/upload.h"
#include "protocol/json_read.h"

/* A name or key that begins with the name of a room that we are not in. */
static bool is_elsewhere(const struct peer *p, struct span name)
{
    char ours[ENVELOPE_CONVERSATION_MAX + 1];
    const char *slash = span_find(name, '/');
    envelope_room_conversation(span_of(p->settings.room), ours);
    if (slash)
        name.n = (size_t)(slash - name.p);
    return name.n > 5 && memcmp(name.p, "room:", 5) == 0 && !span_is(name, ours);
}

/* author/sequence: from there to `to` it will not be shown. */
static bool restore_missing(struct peer *p, struct conversation *c, struct span key, uint64_t to, bool expired)
{
    struct missing m = {.to = to, .expired = expired};
    struct span author = {key.p, key.n > 17 ? key.n - 17 : 0};
    return storage_read_number((struct span){key.p + author.n + 1, author.n ? 16 : 0}, &m.from) &&
           conversation_bury(p, c, author, m);
}

static bool restore_clock(struct peer *p, struct span key, struct span value)
{
    const char *slash = span_find(key, '/');
    uint64_t count;
    bool expired = value.n > 16 && span_is((struct span){value.p + 16, value.n - 16}, CONVERSATION_EXPIRED);
    if (!storage_read_number((struct span){value.p, expired ? 16 : value.n}, &count))
        return false;
    if (span_is(key, "log")) {
        p->log_order = count;
        return true;
    }
    if (!slash)
        return false;
    struct span name = {key.p, (size_t)(slash - key.p)}, author = {slash + 1, key.n - name.n - 1};
    struct conversation *c = conversation_find(p, name);
    if (!c)
        return false;
    slash = span_find(author, '/');
    if (slash)
        return restore_missing(p, c, author, count, expired);
    if (span_is(author, p->id))
        c->released = count;
    return causal_set(c->order, author, count);
}

static bool restore_person(struct peer *p, struct span value)
{
    struct card card;
    uint64_t seen;
    const char *space = span_find(value, ' ');
    size_t head = space ? (size_t)(space - value.p) : 0;
    if (head < 16 || !storage_read_number((struct span){value.p, 16}, &seen) ||
        !card_read(p, (struct span){value.p + head + 1, value.n - head - 1}, &card))
        return false;
    struct person *who = roster_meet(p, &card);
    if (!who)
        return false;
    /* Who was seen in another room reads nothing of what is said in this one. */
    if (span_is((struct span){value.p + 16, head - 16}, p->settings.room))
        who->seen_unix = seen;
    who->stored = true;
    return true;
}

static bool restore_outgoing(struct peer *p, struct span value)
{
    struct envelope e;
    struct outgoing like = {0};
    struct buf text, plain;
    if (!envelope_parse(value, &e, NULL))
        return false;
    if (is_elsewhere(p, e.conversation)) {
        envelope_done(&e);
        return true;
    }
    uint64_t ttl = envelope_ttl(&e), until = e.timestamp + ttl;
    uint64_t left = until > p->unix_ms ? until - p->unix_ms : 0;
    like.type = e.type;
    like.sequence = e.sequence;
    like.expires = p->now + (left < ttl ? left : ttl);
    buf_init(&text, PEER_MESSAGE_MAX);
    buf_init(&plain, 1);
    /* A message of ours is signed: so it has a conversation, under which its other rows stand, and a number. */
    bool ours = e.is_signed && envelope_is_talk(e.type) && span_is(e.from, p->id);
    bool ok = ours && text_copy(like.id, sizeof like.id, e.id) &&
              text_copy(like.conversation, sizeof like.conversation, e.conversation) && buf_span(&text, value) &&
              outbox_add(p, &like, &text, &plain);
    buf_done(&text);
    envelope_done(&e);
    return ok;
}

static bool restore_delivery(struct peer *p, struct span key, struct span ended)
{
    const char *slash = span_find(key, '/');
    if (!slash)
        return false;
    struct span id = {key.p, (size_t)(slash - key.p)}, reader = {slash + 1, key.n - id.n - 1};
    if (ended.n > 0)
        return outbox_ended(p, id, reader, ended);
    struct outgoing *m = outbox_find(p, id);
    struct person *who = roster_find(p, reader);
    /* Its message may be of another room. */
    return !m || (who && outbox_add_reader(p, m, who));
}

static struct span text_at(const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);
    return (struct span){json_string_value(value), json_string_length(value)};
}

static bool restore_offer_row(struct peer *p, struct span id, json_t *row)
{
    struct span path = text_at(row, "path");
    uint8_t root[HASH_BYTES];
    const char *who;
    json_t *ended;
    if (path.n == 0 || id.n != ID_CHARS || !base64_decode(text_at(row, "root"), root, sizeof root))
        return false;
    if (!span_is(text_at(row, "room"), p->settings.room) || HASH_COUNT(p->uploads) >= UPLOADS_MAX)
        return true;
    struct upload *u = upload_new(p, id, path);
    if (!u)
        return false;
    u->restored = true;
    memcpy(u->root, root, sizeof root);
    u->room = json_integer_value(json_object_get(row, "all")) != 0;
    u->paused = json_integer_value(json_object_get(row, "paused")) != 0;
    json_object_foreach(json_object_get(row, "to"), who, ended)
    {
        struct upload_reader *r = person_id_valid(span_of(who)) ? upload_add_reader(u, span_of(who)) : NULL;
        if (r && json_integer_value(ended))
            r->state = READER_ENDED;
    }
    return true;
}

/* upload_store.c tells what is in it. */
static bool restore_offer(struct peer *p, struct span id, struct span value)
{
    json_t *row = json_read(value, JSON_REJECT_DUPLICATES, NULL);
    bool ok = row && restore_offer_row(p, id, row);
    json_decref(row);
    return ok;
}

void restore_row(struct peer *p, enum peer_table table, struct span key, struct span value)
{
    assert(table < PEER_TABLES);
    bool ok = true;
    if ((table == TABLE_CONVERSATION || table == TABLE_CLOCK || table == TABLE_WAIT) && is_elsewhere(p, key))
        return;
    p->restoring = table != TABLE_WAIT && table != TABLE_CUSTODY;
    switch (table) {
    case TABLE_CONVERSATION: {
        struct conversation *c = conversation_restored(p, key, value);
        ok = c != NULL;
        if (c && c->room)
            p->room = c;
        break;
    }
    case TABLE_CLOCK:
        ok = restore_clock(p, key, value);
        break;
    case TABLE_PERSON:
        ok = restore_person(p, value);
        break;
    case TABLE_OUTGOING:
        ok = restore_outgoing(p, value);
        break;
    case TABLE_DELIVERY:
        ok = restore_delivery(p, key, value);
        break;
    case TABLE_REF:
        compose_ref_restored(p, key, value);
        break;
    case TABLE_WAIT:
        storage_delete(p, TABLE_WAIT, key);
        ok = receive_again(p, value);
        break;
    case TABLE_CUSTODY:
        ok = store_and_forward_restored(p, key, value);
        break;
    case TABLE_OFFER:
        ok = !p->settings.keep_offers || restore_offer(p, key, value);
        break;
    default:
        break;
    }
    p->restoring = false;
    if (!ok)
        effect_log(p, LOG_LEVEL_WARNING, "row-unreadable", "a stored row was passed over", "key", key);
}
