/* SPDX-License-Identifier: MIT
 *
 * join-room: `peers` to the joiner, with everybody who was there before; `peer-joined` to those. The room is made by
 * its first member. All that needs memory is made before anything is changed, so a join happens whole or not at all,
 * and the joiner of a server without memory gets `server-full`. What it says of itself is kept as the JSON text it
 * came in, but for a name that its token gives it. Moving from room to room in one message was rejected: two rooms'
 * limits would have to hold at once.
 */
#include "server/core/on.h"

#include <assert.h>
#include <stdlib.h>

#include "protocol/write.h"
#include "server/core/access.h"
#include "server/core/place.h"
#include "server/core/room.h"
#include "server/core/say.h"
#include "server/core/session.h"

enum {
    NAME_TEXT_MAX = DISPLAY_NAME_MAX * 6 + 2 /* every byte escaped, as sent or as we write it */
};

static enum error authorise(const struct core *c, struct request *r)
{
    char room[TOKEN_MAX];
    struct span token = {NULL, 0};
    if (scan_has(&r->message.scan, MEMBER_TOKEN))
        scan_text(&r->message.scan, MEMBER_TOKEN, room, sizeof room, &token);
    return access_decide(&c->settings, token, r->message.room_id, c->unix_ms / 1000, &r->claims, &r->problem);
}

static enum error check(const struct core *c, const struct session *s, struct request *r)
{
    const struct core_settings *set = &c->settings;
    if (s->state == SESSION_JOINED) {
        r->problem = "already in a room: leave first";
        return ERROR_BAD_MESSAGE;
    }
    enum error e = authorise(c, r);
    if (e != ERROR_NONE)
        return e;
    const struct room *room = room_find(c, r->message.room_id);
    if (room)
        return set->max_room_members && room->count >= set->max_room_members ? ERROR_ROOM_FULL : ERROR_NONE;
    if (!set->auto_create) {
        r->problem = "there is no such room, and a join makes none here";
        return ERROR_FORBIDDEN;
    }
    return set->max_rooms && c->stats.rooms >= set->max_rooms ? ERROR_SERVER_FULL : ERROR_NONE;
}

static struct span member_raw(const struct scan *scan, enum member m)
{
    return scan_has(scan, m) ? scan_raw(scan, m) : (struct span){NULL, 0};
}

static struct span introduction_of(const struct session *s)
{
    return (struct span){s->introduction, s->introduction_n};
}

/* Sets what the session says of itself; false when out of memory. */
static bool introduce(struct core *c, struct session *s, const struct request *r)
{
    struct buf *text = say_text(c), name;
    buf_init(&name, NAME_TEXT_MAX);
    if (*r->claims.name)
        write_string(&name, span_of(r->claims.name));
    else
        buf_span(&name, member_raw(&r->message.scan, MEMBER_DISPLAY_NAME));
    reply_introduction(text, buf_view(&name), member_raw(&r->message.scan, MEMBER_METADATA));
    bool failed = text->failed || name.failed;
    buf_done(&name);
    if (failed)
        return false;
    assert(text->len <= UINT16_MAX); /* of DISPLAY_NAME_MAX and METADATA_MAX */
    if (text->len == 0)
        return true;
    s->introduction = malloc(text->len);
    if (!s->introduction)
        return false;
    memcpy(s->introduction, text->p, text->len);
    s->introduction_n = (uint16_t)text->len;
    return true;
}

static struct frame *frame_peers(
    struct core *c, const struct session *s, const struct request *r, const struct room *room, uint64_t incarnation)
{
    return place_peers(c, &(struct place){
                              .self = s,
                              .room = room,
                              .room_id = r->message.room_id,
                              .incarnation = incarnation,
                              .generation = s->generation + 1,
                              .expires = r->claims.expires,
                              .ref = r->message.ref,
                          });
}

static struct frame *frame_joined(struct core *c, const struct session *s)
{
    char id[PEER_ID_MAX];
    reply_peer_joined(say_text(c), say_peer_id(c, s, id), introduction_of(s));
    return say_frame(c);
}

static void apply(struct core *c, struct session *s, const struct request *r)
{
    struct room *room = room_find(c, r->message.room_id);
    struct frame *peers = NULL, *joined = NULL;
    uint64_t incarnation = room ? room->incarnation : rng_u64(c->rng);
    s->generation += 2; /* so that tokens of an earlier stay are too old, the one that was not used as well */
    s->expires = r->claims.expires;
    if (!introduce(c, s, r) || !(peers = frame_peers(c, s, r, room, incarnation)) || !(joined = frame_joined(c, s)))
        goto fail;
    if (!room && !(room = room_new(c, r->message.room_id, incarnation)))
        goto fail;
    say_send(c, s, peers);
    say_to_room(c, room, NULL, joined);
    room_enter(c, room, s);
    session_move(c, s, SESSION_JOINED);
    return;
fail:
    frame_unref(peers);
    frame_unref(joined);
    free(s->introduction);
    s->introduction = NULL;
    s->introduction_n = 0;
    session_refuse(c, s, &(struct reply_error){.error = ERROR_SERVER_FULL, .ref = r->message.ref});
}

const struct handler on_join = {check, apply};
