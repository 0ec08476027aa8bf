/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/link/send.h"
#include "peer/core/transfer/block_map.h"
#include "peer/core/transfer/say_file.h"

/* In envelopes of the room's conversation: it was offered to everybody there. */
static bool say(struct peer *p, struct person *who, enum envelope_type type, struct buf *metadata, bool ok, bool room)
{
    char conversation[ENVELOPE_CONVERSATION_MAX + 1];
    struct envelope e = {.type = type, .metadata = buf_view(metadata)};
    if (room) {
        envelope_room_conversation(span_of(p->settings.room), conversation);
        e.conversation = span_of(conversation);
    }
    ok = ok && send_can(p, who) && send_through(p, who, &e);
    buf_done(metadata);
    return ok;
}

bool say_file_offer(struct peer *p, struct person *who, const struct body_file_offer *b, bool room)
{
    assert(who->keyed);
    struct buf metadata;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    return say(p, who, ENVELOPE_FILE_OFFER, &metadata, body_write_file_offer(&metadata, b), room);
}

bool say_file_accept(
    struct peer *p, struct person *who, struct span id, const uint8_t *have, uint32_t blocks, bool paused)
{
    assert(who->keyed);
    struct buf metadata, map;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    buf_init(&map, BASE64_LEN(ENVELOPE_FILE_MAP_MAX) + 1);
    struct body_file_accept b = {.file_id = id, .paused = paused};
    bool ok = block_map_write(have, blocks, &map);
    b.have = buf_view(&map);
    ok = say(p, who, ENVELOPE_FILE_ACCEPT, &metadata, ok && body_write_file_accept(&metadata, &b), false);
    buf_done(&map);
    return ok;
}

bool say_file_decline(struct peer *p, struct person *who, struct span id, struct span reason)
{
    assert(who->keyed);
    struct buf metadata;
    struct body_file_decline b = {id, reason};
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    return say(p, who, ENVELOPE_FILE_DECLINE, &metadata, body_write_file_decline(&metadata, &b), false);
}

bool say_file_complete(struct peer *p, struct person *who, struct span id)
{
    assert(who->keyed);
    struct buf metadata;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    return say(p, who, ENVELOPE_FILE_COMPLETE, &metadata, body_write_file_id(&metadata, id), false);
}
