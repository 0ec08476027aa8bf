/* SPDX-License-Identifier: MIT
 *
 * What a receiver of webhooks believes, from the events alone: which rooms there are, who is in them, and who of those is
 * away. Every event must be a legal move of that, name what has just happened, and at the end of each step the belief
 * must agree with the model of the seats; so no event may be missing, doubled, early, or out of order.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/server_oracle_inner.h"

struct told_room {
    char id[ROOM_ID_MAX + 1];
    size_t peers;
    UT_hash_handle hh;
};

struct told_peer {
    char id[PEER_ID_MAX + 1];
    struct told_room *room;
    bool away;
    UT_hash_handle hh;
};

static const char *text_of(const struct server_oracle *j, const json_t *event, const char *name)
{
    const char *text = json_string_value(json_object_get(event, name));
    world_check(j->w, text, "a webhook event has no %s", name);
    return text;
}

static void add_room(struct server_oracle *j, const char *id)
{
    struct told_room *r = world_alloc(sizeof *r);
    snprintf(r->id, sizeof r->id, "%s", id);
    HASH_ADD_STR(j->told.rooms, id, r);
}

static void note_room(struct server_oracle *j, const char *type, struct told_room *r, const char *id)
{
    if (strcmp(type, "room-created") == 0) {
        world_check(j->w, !r, "room %s is told to be made, and is there", id);
        add_room(j, id);
        return;
    }
    world_check(j->w, strcmp(type, "room-closed") == 0, "there is no event %s", type);
    world_check(j->w, r && r->peers == 0, "room %s is told to be closed, and is not there, or not empty", id);
    HASH_DEL(j->told.rooms, r);
    free(r);
}

static void add_peer(struct server_oracle *j, struct told_room *r, const char *id)
{
    struct told_peer *p = world_alloc(sizeof *p);
    snprintf(p->id, sizeof p->id, "%s", id);
    p->room = r;
    r->peers++;
    HASH_ADD_STR(j->told.peers, id, p);
}

/* What a peer says of itself is what it gave when it joined; who has left is not in the model any more. */
static void check_self(const struct server_oracle *j, const json_t *event, const char *id)
{
    const struct seat *s = seats_by_id(&j->seats, id);
    json_t *name = s ? json_object_get(s->self, "displayName") : NULL;
    json_t *metadata = s ? json_object_get(s->self, "metadata") : NULL;
    world_check(
        j->w, !name || json_equal(name, json_object_get(event, "displayName")), "%s is told by another name", id);
    world_check(j->w, !metadata || json_equal(metadata, json_object_get(event, "metadata")),
        "%s is told with other metadata", id);
}

static void note_peer(
    struct server_oracle *j, const char *type, struct told_room *r, struct told_peer *p, const json_t *event)
{
    const char *id = text_of(j, event, "peerId");
    world_check(j->w, r && (!p || p->room == r), "%s of %s, in a room that is not its own", type, id);
    bool back = strcmp(type, "peer-back") == 0;
    if (strcmp(type, "peer-joined") == 0 || (back && !p)) { /* the second: of an earlier life */
        world_check(j->w, !p, "%s is told to have joined, and is there", id);
        add_peer(j, r, id);
    } else if (back) {
        world_check(j->w, p->away, "%s is told to be back, and was not away", id);
        p->away = false;
    } else if (strcmp(type, "peer-away") == 0) {
        world_check(j->w, p && !p->away, "%s is told to be away, and was not there", id);
        p->away = true;
    } else {
        world_check(j->w, p && strcmp(type, "peer-left") == 0, "%s of %s, who was not there", type, id);
        text_of(j, event, "reason");
        r->peers--;
        HASH_DEL(j->told.peers, p);
        free(p);
        return;
    }
    check_self(j, event, id);
}

void server_oracle_webhook(struct server_oracle *j, const struct core_effect *e)
{
    struct span text = frame_text(e->webhook);
    json_t *event = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    world_check(j->w, j->settings.webhooks && event, "no webhook event: %.*s", (int)text.n, text.p);
    world_check(j->w, (uint64_t)json_integer_value(json_object_get(event, "at")) == j->event->unix_ms,
        "a webhook event of another time");
    struct told_room *r;
    struct told_peer *p = NULL;
    const char *type = text_of(j, event, "type"), *room = text_of(j, event, "roomId");
    HASH_FIND_STR(j->told.rooms, room, r);
    if (strncmp(type, "peer-", 5) == 0) {
        const char *peer = text_of(j, event, "peerId");
        HASH_FIND_STR(j->told.peers, peer, p);
        note_peer(j, type, r, p, event);
    } else {
        note_room(j, type, r, room);
    }
    json_decref(event);
}

void server_oracle_webhooks_restore(struct server_oracle *j)
{
    const struct room *r, *next;
    HASH_ITER (hh, j->seats.rooms, r, next)
        add_room(j, r->id);
}

/* All of it where that is cheap, else how many. */
void server_oracle_webhooks_agree(struct server_oracle *j)
{
    if (!j->settings.webhooks)
        return;
    world_check(j->w, HASH_COUNT(j->told.rooms) == HASH_COUNT(j->seats.rooms), "%u rooms were told, and there are %u",
        HASH_COUNT(j->told.rooms), HASH_COUNT(j->seats.rooms));
    world_check(j->w, HASH_COUNT(j->told.peers) == j->seats.members, "%u members were told, and there are %zu",
        HASH_COUNT(j->told.peers), j->seats.members);
    if (!world_afford(j->w, j->seats.members))
        return;
    const struct told_peer *p, *next;
    HASH_ITER (hh, j->told.peers, p, next) {
        const struct seat *s = seats_by_id(&j->seats, p->id);
        world_check(j->w, s && strcmp(s->room->id, p->room->id) == 0 && p->away == !s->caller,
            "%s was told to be %s in %s", p->id, p->away ? "away" : "there", p->room->id);
    }
}

void server_oracle_webhooks_reset(struct server_oracle *j)
{
    struct told_room *r, *r_next;
    struct told_peer *p, *p_next;
    HASH_ITER (hh, j->told.rooms, r, r_next) {
        HASH_DEL(j->told.rooms, r);
        free(r);
    }
    HASH_ITER (hh, j->told.peers, p, p_next) {
        HASH_DEL(j->told.peers, p);
        free(p);
    }
}
