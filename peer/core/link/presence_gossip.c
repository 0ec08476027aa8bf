/* SPDX-License-Identifier: MIT
 *
 * Presence: what everybody tells everybody about itself, in one presence_update: who it is (card.c), whether it is
 * there, whom it is linked with and how far that is. The newest of each person is kept as it came, and reaches whoever
 * links with us later; so a peer that is left with one link learns who else is there and how to reach them, with the
 * daemon or without.
 *
 * A person tells its own links. Whoever did not know it pushes it on to a few of those whom it does not name as
 * linked, and gathers for all others what it has that is new into a digest, person by version; so it does on a new link,
 * and now and then with somebody for the sake of what was lost. Who reads a digest sends what it has newer, and answers
 * with a digest of what it has older or not at all; if the link is congested, with one of all as soon as it can. What
 * is said for the sake of what was lost names those, too, of whom nothing came: version 0. So each presence goes over
 * few links whole, however many there are: flooded, those of a room of 64 that gathers would be a million frames.
 *
 * Presence is signed by whom it is about and numbered by its clock. That may have been set back while no process ran:
 * what a person itself tells us over its link is taken whatever its number says; and it is shown the newest of its own
 * that others have, so that it goes on from there and those without a link to it do not take its presence for old.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/link/presence_gossip.h"
#include "peer/core/order/overlay.h"
#include "peer/core/order/tree.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/people/card.h"
#include "peer/core/people/expiry.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/people/say.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/link/relay.h"
#include "peer/core/link/send.h"
#include "protocol/body.h"
#include "protocol/message.h"

/* ---- ours ---- */

static size_t our_links(const struct peer *p, struct envelope_tick links[BODY_LINKS_MAX])
{
    size_t n = 0;
    for (const struct person *who = p->people; who && n < BODY_LINKS_MAX; who = who->hh.next)
        if (who->keyed && link_is_up(who))
            links[n++] = (struct envelope_tick){person_id(who), who->link.rtt_ms ? who->link.rtt_ms : 1};
    return n;
}

static bool write_gossip(struct peer *p, struct buf *out)
{
    char id[ID_CHARS + 1];
    struct buf metadata, card;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    buf_init(&card, CARD_MAX);
    card_write_ours(p, &card);
    struct body_presence b = {.card = buf_view(&card),
        .presence = p->gone   ? SPAN("gone")
                    : p->away ? SPAN("away")
                              : SPAN("online"),
        .version = p->gossip_version,
        .room_count = p->room_count};
    b.link_count = our_links(p, b.links);
    for (size_t i = 0; i < p->room_count; i++)
        b.rooms[i] = span_of(p->rooms[i]);
    bool ok =
        !card.failed && body_write_presence(&metadata, &b) &&
        say_envelope(p, &(struct envelope){.type = ENVELOPE_PRESENCE_UPDATE, .metadata = buf_view(&metadata)}, id, out);
    buf_done(&metadata);
    buf_done(&card);
    return ok;
}

static void send_gossip(struct peer *p, const struct person *who, struct span text)
{
    p->stats.news_total++;
    connection_send(p, who->link.connection, text);
}

/* The newest presence is sent on this link; it counts if all before it was. */
static void knows(const struct peer *p, struct person *who)
{
    if (who->gossip_sent + 1 == p->gossip_order)
        who->gossip_sent = p->gossip_order;
}

static void next_version(struct peer *p)
{
    p->gossip_version = p->unix_ms > p->gossip_version ? p->unix_ms : p->gossip_version + 1;
}

void gossip_now(struct peer *p)
{
    struct buf text;
    p->gossip_at = NEVER;
    next_version(p);
    buf_init(&text, PEER_MESSAGE_MAX);
    p->gossip_order_ours = ++p->gossip_order;
    if (p->stats.links_up > 0 && write_gossip(p, &text))
        for (struct person *who = p->people; who; who = who->hh.next)
            if (who->keyed && link_can_send(who)) {
                send_gossip(p, who, buf_view(&text));
                knows(p, who);
            }
    buf_done(&text);
}

void gossip_rooms(struct peer *p, const struct span *ids, size_t n)
{
    p->room_count = 0;
    for (size_t i = 0; i < n && p->room_count < ROOMS_TOLD_MAX; i++)
        if (room_id_valid(ids[i]) && text_copy(p->rooms[p->room_count], sizeof p->rooms[0], ids[i]))
            p->room_count++;
    gossip_now(p);
}

void gossip_changed(struct peer *p)
{
    /* The more there are the more is sent, and to the more. */
    uint64_t n = HASH_COUNT(p->people) < GOSSIP_PEOPLE_MAX ? HASH_COUNT(p->people) : GOSSIP_PEOPLE_MAX;
    if (p->gossip_at == NEVER)
        p->gossip_at = p->now + GOSSIP_DELAY_MS + n * n;
    effect_wake(p, p->gossip_at);
}

static void send_digest(struct peer *p, struct person *who, const struct envelope_tick *versions, size_t n)
{
    assert(n <= DIGEST_MAX);
    struct buf metadata;
    if (n == 0)
        return;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    if (body_write_digest(&metadata, versions, n))
        send_to(p, who, &(struct envelope){.type = ENVELOPE_PRESENCE_DIGEST, .metadata = buf_view(&metadata)});
    buf_done(&metadata);
}

/* 0: none */
static uint64_t version_we_have(const struct person *who)
{
    return who && who->presence.text ? who->presence.version : 0;
}

/* What we have of others: presence younger than `since`. All of it: of those who are there. With `asks` it names those
 * of them, too, whose presence we lack: who reads it sends what it has. */
static void compare(struct peer *p, struct person *who, uint64_t since, bool asks)
{
    size_t n = 0;
    struct envelope_tick *versions = calloc(DIGEST_MAX, sizeof *versions);
    if (!versions)
        return;
    for (const struct person *other = p->people; other && n < DIGEST_MAX; other = other->hh.next)
        if (other != who && (since > 0 || link_is_there(other)) &&
            (other->presence.text ? other->presence.order > since : asks && other->keyed))
            versions[n++] = (struct envelope_tick){person_id(other), version_we_have(other)};
    send_digest(p, who, versions, n);
    free(versions);
}

void gossip_tell(struct peer *p, struct person *who)
{
    struct buf text;
    if (!who->keyed || !link_can_send(who) || (who->gossip_sent == p->gossip_order && !who->unanswered))
        return;
    buf_init(&text, PEER_MESSAGE_MAX);
    if (p->gossip_order_ours > who->gossip_sent && write_gossip(p, &text))
        send_gossip(p, who, buf_view(&text));
    buf_done(&text);
    compare(p, who, who->unanswered ? 0 : who->gossip_sent, who->unanswered);
    who->gossip_sent = p->gossip_order;
    who->unanswered = false;
}

/* The others hear of this link soon, under the next version. */
void gossip_link_up(struct peer *p, struct person *who)
{
    assert(who->keyed && link_is_up(who));
    if (p->gossip_version == 0)
        next_version(p);
    if (p->gossip_order_ours == 0)
        p->gossip_order_ours = ++p->gossip_order;
    who->gossip_sent = 0;
    who->unanswered = false;
    gossip_tell(p, who);
    gossip_changed(p);
    if (p->compare_at == NEVER)
        p->compare_at = p->now + GOSSIP_COMPARE_MS;
    effect_wake(p, p->compare_at);
}

static void tell_digests(struct peer *p)
{
    p->digest_at = NEVER;
    for (struct person *who = p->people; who; who = who->hh.next)
        gossip_tell(p, who);
}

/* With one of those who are linked with us, by chance. */
static void compare_all(struct peer *p)
{
    uint32_t n = 0, turn;
    p->compare_at = NEVER;
    for (const struct person *who = p->people; who; who = who->hh.next)
        n += who->keyed && link_can_send(who);
    if (n == 0)
        return;
    p->compare_at = p->now + GOSSIP_COMPARE_MS;
    turn = rng_below(&p->rng, n);
    for (struct person *who = p->people; who; who = who->hh.next)
        if (who->keyed && link_can_send(who) && turn-- == 0)
            compare(p, who, 0, true);
}

void gossip_due(struct peer *p)
{
    if (p->now >= p->gossip_at)
        gossip_now(p);
    if (p->now >= p->digest_at)
        tell_digests(p);
    if (p->now >= p->compare_at)
        compare_all(p);
    effect_wake(p, p->gossip_at);
    effect_wake(p, p->digest_at);
    effect_wake(p, p->compare_at);
}

/* ---- theirs ---- */

/* changed: it is linked with others than before. */
static bool keep_links(struct presence *presence, const struct body_presence *b, bool *changed)
{
    size_t n = b->link_count;
    struct presence_link *links = calloc(n + 1, sizeof *links);
    if (!links)
        return false;
    size_t count = 0;
    *changed = false;
    for (size_t i = 0; i < n; i++)
        if (text_copy(links[count].id, sizeof links->id, b->links[i].who)) {
            *changed =
                *changed || count >= presence->link_count || strcmp(links[count].id, presence->links[count].id) != 0;
            links[count++].rtt_ms = b->links[i].count < DEAD_MS ? b->links[i].count : DEAD_MS;
        }
    *changed = *changed || count != presence->link_count;
    free(presence->links);
    presence->links = links;
    presence->link_count = count;
    return true;
}

static void keep(struct peer *p, struct person *who, const struct body_presence *b, struct span raw)
{
    char *copy = malloc(raw.n + 1);
    bool changed;
    if (!copy || !keep_links(&who->presence, b, &changed)) {
        free(copy);
        return;
    }
    memcpy(copy, raw.p, raw.n);
    copy[raw.n] = '\0';
    free(who->presence.text);
    who->presence.text = copy;
    who->presence.n = raw.n;
    who->presence.heard_at = p->now;
    who->presence.order = ++p->gossip_order;
    p->ways_known = false;
    p->routes_changed = p->routes_changed || changed;
}

/* In a small room to whoever lacks it; in a larger one along the tree of group messages, to a few. */
static void pass_on(struct peer *p, const struct person *author, const struct person *from, struct span raw)
{
    size_t n = tree_links(p->tree), most = n <= OVERLAY_MESH_MAX ? n : GOSSIP_PUSHED_MAX;
    for (size_t i = 0; i < n; i++) {
        bool eager;
        struct person *who = roster_find(p, tree_link(p->tree, i, person_id(author), &eager));
        bool has = who && (who == from || who == author || relay_names(author, who->id));
        if (!who || !link_can_send(who) || (!has && (most == 0 || (!eager && n > OVERLAY_MESH_MAX))))
            continue;
        if (!has) {
            send_gossip(p, who, raw);
            most--;
        }
        knows(p, who);
    }
    if (p->digest_at == NEVER)
        p->digest_at = p->now + GOSSIP_DIGEST_MS;
    effect_wake(p, p->digest_at);
}

static void show_rooms(struct peer *p, struct person *who, const struct body_presence *b)
{
    const struct span *rooms = b->rooms;
    size_t n = b->room_count;
    uint32_t hash = 0;
    for (size_t i = 0; i < n; i++) {
        if (!room_id_valid(rooms[i]))
            return;
        hash = hash * 31 + hash_bytes(rooms[i].p, rooms[i].n) + 1;
    }
    if (hash == who->presence.rooms)
        return;
    who->presence.rooms = hash;
    notice_add(p, &(struct notice){.type = NOTICE_ROOMS, .from = person_id(who), .to = rooms, .to_count = n});
}

static void show(struct peer *p, struct person *who, struct span presence)
{
    const char *before = who->presence.presence[0] ? who->presence.presence : "online";
    bool same = span_is(presence, before);
    if (!text_copy(who->presence.presence, sizeof who->presence.presence, presence) || same)
        return;
    notice_add(p, &(struct notice){.type = NOTICE_PRESENCE, .from = person_id(who), .text = presence});
}

/* An earlier process of ours announced more than we have, by a clock that was ahead of ours. */
static void hear_ourselves(struct peer *p, const struct envelope *e, uint64_t version)
{
    if (version <= p->gossip_version || !guard_signed_by(p, p->settings.key, e))
        return;
    p->gossip_version = version;
    gossip_now(p);
}

/* Whoever is linked with us is shown the newest that is said of it: what somebody else brings, or what we had
 * before. */
static void show_its_own(
    struct peer *p, struct person *who, const struct person *from, uint64_t version, struct span raw)
{
    struct span newest = {who->presence.text, who->presence.n};
    if (from != who)
        newest = raw;
    else if (version >= who->presence.version)
        newest.n = 0;
    if (newest.n > 0 && link_can_send(who))
        send_gossip(p, who, newest);
}

void gossip_heard(struct peer *p, struct person *from, const struct envelope *e, struct span raw)
{
    assert(from->keyed && link_is_up(from));
    struct person *who = roster_find(p, e->from);
    struct body_presence b;
    struct card card;
    body_read_presence(e, &b);
    if (span_is(e->from, p->id)) {
        hear_ourselves(p, e, b.version);
        return;
    }
    if (who && b.version <= who->presence.version && who != from)
        return;
    /* Inventing people costs nothing: what one link tells of them is bounded. */
    if (!who && !guard_affords(p, &from->inbox.strangers_at, STRANGERS_MS, STRANGERS_BURST)) {
        guard_refuse(p, from, "news of more strangers than one may tell of");
        return;
    }
    if (!who && b.card.p && card_read(p, b.card, &card) && span_is(e->from, card.id))
        who = roster_meet(p, &card);
    if (!who || !who->keyed || !guard_signed_by(p, who->key, e)) {
        guard_refuse(p, from, "news of somebody unknown, or with a signature that does not hold");
        return;
    }
    show_its_own(p, who, from, b.version, raw);
    bool newer = b.version != who->presence.version;
    who->presence.version = b.version;
    keep(p, who, &b, raw);
    if (span_is(b.presence, "gone"))
        relay_forget(p, who);
    if (newer) {
        expiry_gossip_heard(p, who, e->timestamp);
        pass_on(p, who, from, raw);
    }
    show(p, who, b.presence);
    show_rooms(p, who, &b);
    if (span_is(b.presence, "gone") && who == from)
        link_farewell(p, who);
}

/* We lack it; nobody else was asked just now. */
static bool may_ask(const struct peer *p, struct person *who)
{
    if (who && p->now < who->presence.asked_at + GOSSIP_ASK_MS && who->presence.asked_at > 0)
        return false;
    if (who)
        who->presence.asked_at = p->now;
    return true;
}

void gossip_compared(struct peer *p, struct person *from, const struct envelope *e)
{
    assert(from->keyed && link_is_up(from));
    /* Neither answers nor questions can be sent, and it is not sent again: when they can, all is compared. */
    if (!link_can_send(from)) {
        from->unanswered = true;
        return;
    }
    struct envelope_tick *theirs = calloc(2 * DIGEST_MAX, sizeof *theirs);
    struct envelope_tick *asks = theirs ? theirs + DIGEST_MAX : NULL;
    size_t n = theirs ? body_read_digest(e, theirs, DIGEST_MAX) : 0, asked = 0;
    for (size_t i = 0; i < n; i++) {
        struct person *who = roster_find(p, theirs[i].who);
        uint64_t ours = version_we_have(who);
        if (span_is(theirs[i].who, p->id) || ours == theirs[i].count)
            continue;
        /* What we have newer is worth a bounded number of frames. */
        if (ours > theirs[i].count && guard_affords(p, &from->inbox.answers_at, GOSSIP_ANSWER_MS, DIGEST_MAX))
            send_gossip(p, from, (struct span){who->presence.text, who->presence.n});
        else if (ours < theirs[i].count && may_ask(p, who))
            asks[asked++] = (struct envelope_tick){theirs[i].who, ours};
    }
    send_digest(p, from, asks, asked);
    free(theirs);
}

void gossip_clear(struct person *who)
{
    free(who->presence.text);
    free(who->presence.links);
    who->presence = (struct presence){0};
}

/* A plain peer hears nothing of our presence, and needs nothing but that we leave. */
void gossip_presence(struct peer *p, struct span presence)
{
    if (!span_is(presence, "online") && !span_is(presence, "away") && !span_is(presence, "gone"))
        return;
    p->away = span_is(presence, "away");
    p->gone = span_is(presence, "gone");
    gossip_now(p);
}
