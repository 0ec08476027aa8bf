/* SPDX-License-Identifier: MIT
 *
 * News: what everybody tells everybody about itself, in one presence_update: who it is (card.c), whether it is there,
 * whom it is linked with and how far that is. The newest of each person is kept as it came, and reaches whoever links
 * with us later; so a peer that is left with one link learns who else is there and how to reach them, with the daemon or
 * without.
 *
 * A person tells its own links. Whoever did not know it pushes it on to a few of those whom the news does not name as
 * told, and gathers for all others what it has that is new into a digest, person by version; so it does on a new link,
 * and now and then with somebody for the sake of what was lost. Who reads a digest sends what it has newer, and answers
 * with a digest of what it has older or not at all. So each news goes over few links whole, however many there are:
 * flooded, those of a room of 64 that gathers would be a million frames.
 *
 * News is signed by whom it is about and numbered by its clock. That may have been set back while no process ran: what a
 * person itself tells us over its link is taken whatever its number says; and it is shown the newest of its own that
 * others have, so that it goes on from there and those without a link to it do not take its news for old.
 */
#include <stdlib.h>

#include "peer/core/state.h"
#include "protocol/message.h"
#include "protocol/write.h"

/* ---- ours ---- */

static void write_links(const struct peer *p, struct buf *out)
{
    size_t n = 0;
    write_name(out, "links");
    buf_byte(out, '{');
    for (const struct person *who = p->people; who && n < LINKS_TOLD_MAX; who = who->hh.next) {
        if (!who->keyed || !link_is_up(who))
            continue;
        write_member_u64(out, who->id, who->link.rtt_ms ? who->link.rtt_ms : 1);
        n++;
    }
    buf_byte(out, '}');
}

static void write_rooms(const struct peer *p, struct buf *out)
{
    if (p->room_count == 0)
        return;
    write_name(out, "rooms");
    buf_byte(out, '[');
    for (size_t i = 0; i < p->room_count; i++) {
        if (i > 0)
            buf_byte(out, ',');
        write_string(out, span_of(p->rooms[i]));
    }
    buf_byte(out, ']');
}

static bool write_news(struct peer *p, struct buf *out)
{
    char id[ID_CHARS + 1];
    struct buf metadata, card;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    buf_init(&card, CARD_MAX);
    card_write_ours(p, &card);
    buf_byte(&metadata, '{');
    write_member_string(&metadata, "card", buf_view(&card));
    write_links(p, &metadata);
    write_member_string(&metadata, "presence", p->gone ? SPAN("gone") : p->away ? SPAN("away") : SPAN("online"));
    write_rooms(p, &metadata);
    write_member_u64(&metadata, "version", p->news_version);
    buf_byte(&metadata, '}');
    bool ok =
        !metadata.failed && !card.failed &&
        say_envelope(p, &(struct envelope){.type = ENVELOPE_PRESENCE_UPDATE, .metadata = buf_view(&metadata)}, id, out);
    buf_done(&metadata);
    buf_done(&card);
    return ok;
}

static void send_news(struct peer *p, const struct person *who, struct span text)
{
    p->stats.news_total++;
    attempt_send(p, who->link.attempt, text);
}

/* The newest news is told on this link; it counts if all before it was. */
static void knows(const struct peer *p, struct person *who)
{
    if (who->told + 1 == p->news_order)
        who->told = p->news_order;
}

static void next_version(struct peer *p)
{
    p->news_version = p->unix_ms > p->news_version ? p->unix_ms : p->news_version + 1;
}

void news_now(struct peer *p)
{
    struct buf text;
    p->news_at = NEVER;
    next_version(p);
    buf_init(&text, PEER_MESSAGE_MAX);
    p->news_order_ours = ++p->news_order;
    if (p->stats.links_up > 0 && write_news(p, &text))
        for (struct person *who = p->people; who; who = who->hh.next)
            if (who->keyed && link_can_send(who)) {
                send_news(p, who, buf_view(&text));
                knows(p, who);
            }
    buf_done(&text);
}

void news_rooms(struct peer *p, const struct span *ids, size_t n)
{
    p->room_count = 0;
    for (size_t i = 0; i < n && p->room_count < ROOMS_TOLD_MAX; i++)
        if (room_id_valid(ids[i]) && text_copy(p->rooms[p->room_count], sizeof p->rooms[0], ids[i]))
            p->room_count++;
    news_now(p);
}

void news_changed(struct peer *p)
{
    /* The more there are the more is told, and to the more. */
    uint64_t n = HASH_COUNT(p->people) < NEWS_PEOPLE_MAX ? HASH_COUNT(p->people) : NEWS_PEOPLE_MAX;
    if (p->news_at == NEVER)
        p->news_at = p->now + NEWS_DELAY_MS + n * n;
    effect_wake(p, p->news_at);
}

/* What we have of others: news younger than `since`. All of it: of those who are there. */
static size_t write_versions(const struct peer *p, const struct person *who, uint64_t since, struct buf *out)
{
    size_t n = 0;
    for (const struct person *other = p->people; other && n < DIGEST_MAX; other = other->hh.next)
        if (other != who && other->news.text && other->news.order > since && (since > 0 || roster_there(other))) {
            write_member_u64(out, other->id, other->news.version);
            n++;
        }
    return n;
}

static void begin_digest(struct buf *metadata)
{
    buf_init(metadata, ENVELOPE_METADATA_MAX);
    buf_text(metadata, "{\"versions\":{");
}

static void say_digest(struct peer *p, struct person *who, struct buf *metadata, size_t n)
{
    buf_text(metadata, "}}");
    if (n > 0 && !metadata->failed)
        say_to(p, who, &(struct envelope){.type = ENVELOPE_PRESENCE_DIGEST, .metadata = buf_view(metadata)});
    buf_done(metadata);
}

static void compare(struct peer *p, struct person *who, uint64_t since)
{
    struct buf metadata;
    begin_digest(&metadata);
    say_digest(p, who, &metadata, write_versions(p, who, since, &metadata));
}

void news_tell(struct peer *p, struct person *who)
{
    struct buf text;
    if (!who->keyed || !link_can_send(who) || who->told == p->news_order)
        return;
    buf_init(&text, PEER_MESSAGE_MAX);
    if (p->news_order_ours > who->told && write_news(p, &text))
        send_news(p, who, buf_view(&text));
    buf_done(&text);
    compare(p, who, who->told);
    who->told = p->news_order;
}

/* The others are told of this link soon, under the next version. */
void news_link_up(struct peer *p, struct person *who)
{
    if (p->news_version == 0)
        next_version(p);
    if (p->news_order_ours == 0)
        p->news_order_ours = ++p->news_order;
    who->told = 0;
    news_tell(p, who);
    news_changed(p);
    if (p->compare_at == NEVER)
        p->compare_at = p->now + NEWS_COMPARE_MS;
    effect_wake(p, p->compare_at);
}

static void tell_digests(struct peer *p)
{
    p->digest_at = NEVER;
    for (struct person *who = p->people; who; who = who->hh.next)
        news_tell(p, who);
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
    p->compare_at = p->now + NEWS_COMPARE_MS;
    turn = rng_below(&p->rng, n);
    for (struct person *who = p->people; who; who = who->hh.next)
        if (who->keyed && link_can_send(who) && turn-- == 0)
            compare(p, who, 0);
}

void news_due(struct peer *p)
{
    if (p->now >= p->news_at)
        news_now(p);
    if (p->now >= p->digest_at)
        tell_digests(p);
    if (p->now >= p->compare_at)
        compare_all(p);
    effect_wake(p, p->news_at);
    effect_wake(p, p->digest_at);
    effect_wake(p, p->compare_at);
}

/* ---- theirs ---- */

/* changed: it is linked with others than before. */
static bool keep_links(struct news *news, const struct envelope *e, bool *changed)
{
    struct envelope_tick ticks[LINKS_TOLD_MAX];
    size_t n = envelope_ticks(e, "links", ticks, LINKS_TOLD_MAX);
    n = n < LINKS_TOLD_MAX ? n : LINKS_TOLD_MAX;
    struct told_link *links = calloc(n + 1, sizeof *links);
    if (!links)
        return false;
    size_t count = 0;
    *changed = false;
    for (size_t i = 0; i < n; i++)
        if (text_copy(links[count].id, sizeof links->id, ticks[i].who)) {
            *changed = *changed || count >= news->link_count || strcmp(links[count].id, news->links[count].id) != 0;
            links[count++].rtt_ms = ticks[i].count < DEAD_MS ? ticks[i].count : DEAD_MS;
        }
    *changed = *changed || count != news->link_count;
    free(news->links);
    news->links = links;
    news->link_count = count;
    return true;
}

static void keep(struct peer *p, struct person *who, const struct envelope *e, struct span raw)
{
    char *copy = malloc(raw.n + 1);
    bool changed;
    if (!copy || !keep_links(&who->news, e, &changed)) {
        free(copy);
        return;
    }
    memcpy(copy, raw.p, raw.n);
    copy[raw.n] = '\0';
    free(who->news.text);
    who->news.text = copy;
    who->news.n = raw.n;
    who->news.heard_at = p->now;
    who->news.order = ++p->news_order;
    p->ways_known = false;
    p->routes_changed = p->routes_changed || changed;
}

bool news_names(const struct person *who, const char *id)
{
    for (size_t i = 0; i < who->news.link_count; i++)
        if (strcmp(who->news.links[i].id, id) == 0)
            return true;
    return false;
}

/* In a small room to whoever lacks it; in a larger one along the tree of group messages, to a few. */
static void pass_on(struct peer *p, const struct person *author, const struct person *from, struct span raw)
{
    size_t n = tree_links(p->tree), most = n <= OVERLAY_MESH_MAX ? n : NEWS_PUSHED_MAX;
    for (size_t i = 0; i < n; i++) {
        bool eager;
        struct person *who = roster_find(p, tree_link(p->tree, i, person_id(author), &eager));
        bool has = who && (who == from || who == author || news_names(author, who->id));
        if (!who || !link_can_send(who) || (!has && (most == 0 || (!eager && n > OVERLAY_MESH_MAX))))
            continue;
        if (!has) {
            send_news(p, who, raw);
            most--;
        }
        knows(p, who);
    }
    if (p->digest_at == NEVER)
        p->digest_at = p->now + NEWS_DIGEST_MS;
    effect_wake(p, p->digest_at);
}

static void show_rooms(struct peer *p, struct person *who, const struct envelope *e)
{
    struct span rooms[ROOMS_TOLD_MAX];
    size_t n = envelope_strings(e, "rooms", rooms, ROOMS_TOLD_MAX);
    uint32_t hash = 0;
    n = n < ROOMS_TOLD_MAX ? n : ROOMS_TOLD_MAX;
    for (size_t i = 0; i < n; i++) {
        if (!room_id_valid(rooms[i]))
            return;
        hash = hash * 31 + hash_bytes(rooms[i].p, rooms[i].n) + 1;
    }
    if (hash == who->news.rooms)
        return;
    who->news.rooms = hash;
    notice_add(p, &(struct notice){.type = NOTICE_ROOMS, .from = person_id(who), .to = rooms, .to_count = n});
}

static void show(struct peer *p, struct person *who, struct span presence)
{
    const char *before = who->news.presence[0] ? who->news.presence : "online";
    bool same = span_is(presence, before);
    if (!text_copy(who->news.presence, sizeof who->news.presence, presence) || same)
        return;
    notice_add(p, &(struct notice){.type = NOTICE_PRESENCE, .from = person_id(who), .text = presence});
}

/* An earlier process of ours told more than we have, by a clock that was ahead of ours. */
static void hear_ourselves(struct peer *p, const struct envelope *e, uint64_t version)
{
    if (version <= p->news_version || !inbox_signed_by(p, p->settings.key, e))
        return;
    p->news_version = version;
    news_now(p);
}

/* Whoever is linked with us is shown the newest that is told of it: what somebody else brings, or what we had before. */
static void show_its_own(
    struct peer *p, struct person *who, const struct person *from, uint64_t version, struct span raw)
{
    struct span newest = {who->news.text, who->news.n};
    if (from != who)
        newest = raw;
    else if (version >= who->news.version)
        newest.n = 0;
    if (newest.n > 0 && link_can_send(who))
        send_news(p, who, newest);
}

void news_heard(struct peer *p, struct person *from, const struct envelope *e, struct span raw)
{
    struct person *who = roster_find(p, e->from);
    struct span presence = SPAN(""), text;
    struct card card;
    uint64_t version = 0;
    envelope_string(e, "presence", &presence);
    envelope_number(e, "version", &version);
    if (span_is(e->from, p->id)) {
        hear_ourselves(p, e, version);
        return;
    }
    if (who && version <= who->news.version && who != from)
        return;
    /* Inventing people costs nothing: what one link tells of them is bounded. */
    if (!who && !inbox_affords(p, &from->inbox.strangers_at, STRANGERS_MS, STRANGERS_BURST)) {
        inbox_refuse(p, from, "news of more strangers than one may tell of");
        return;
    }
    if (!who && envelope_string(e, "card", &text) && card_read(p, text, &card) && span_is(e->from, card.id))
        who = roster_meet(p, &card);
    if (!who || !who->keyed || !inbox_signed_by(p, who->key, e)) {
        inbox_refuse(p, from, "news of somebody unknown, or with a signature that does not hold");
        return;
    }
    show_its_own(p, who, from, version, raw);
    bool newer = version != who->news.version;
    who->news.version = version;
    keep(p, who, e, raw);
    if (span_is(presence, "gone"))
        news_gone(p, who);
    if (newer) {
        age_news(p, who, e->timestamp);
        pass_on(p, who, from, raw);
    }
    show(p, who, presence);
    show_rooms(p, who, e);
    if (span_is(presence, "gone") && who == from)
        link_farewell(p, who);
}

/* We lack it; nobody else was asked just now. */
static bool may_ask(const struct peer *p, struct person *who)
{
    if (who && p->now < who->news.asked_at + NEWS_ASK_MS && who->news.asked_at > 0)
        return false;
    if (who)
        who->news.asked_at = p->now;
    return true;
}

void news_compared(struct peer *p, struct person *from, const struct envelope *e)
{
    static const size_t max = DIGEST_MAX;
    struct envelope_tick *ticks = calloc(max, sizeof *ticks);
    size_t n = ticks ? envelope_ticks(e, "versions", ticks, max) : 0, asked = 0;
    struct buf asks;
    begin_digest(&asks);
    for (size_t i = 0; i < n && i < max; i++) {
        struct person *who = roster_find(p, ticks[i].who);
        uint64_t ours = who && who->news.text ? who->news.version : 0;
        if (span_is(ticks[i].who, p->id) || ours == ticks[i].count)
            continue;
        /* What we have newer is worth a bounded number of frames. */
        if (ours > ticks[i].count && link_can_send(from) &&
            inbox_affords(p, &from->inbox.answers_at, NEWS_ANSWER_MS, DIGEST_MAX)) {
            send_news(p, from, (struct span){who->news.text, who->news.n});
        } else if (ours < ticks[i].count && may_ask(p, who)) {
            char id[PERSON_MAX + 1];
            text_copy(id, sizeof id, ticks[i].who);
            write_member_u64(&asks, id, ours);
            asked++;
        }
    }
    say_digest(p, from, &asks, asked);
    free(ticks);
}

void news_gone(struct peer *p, struct person *who)
{
    who->news.link_count = 0;
    p->ways_known = false;
    p->routes_changed = true;
}

void news_clear(struct person *who)
{
    free(who->news.text);
    free(who->news.links);
    who->news = (struct news){0};
}
