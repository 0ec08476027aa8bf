/* SPDX-License-Identifier: MIT
 *
 * Files of a person: whoever is offered one that it has not takes it, and what it offers itself it offers again in each of
 * its lives. What is to be given goes out as a link has room, the links by turns.
 */
#include "tests/sim/peerhost_inner.h"

#include <assert.h>
#include <stdlib.h>

#include "protocol/file_frame.h"

enum {
    WRONG = 60,          /* of 1,000 frames of somebody who lies, and as often something that nobody asked for */
    ASKED_AT_ONCE = 200, /* times one thing, which is more than one may */
    GIVE_MS = 5          /* between two looks whether a link has room for more of a file */
};

void peerhost_on_file(void *who, struct peer_event e)
{
    struct peerhost *h = who;
    char bytes[FILE_BLOCK_BYTES];
    e.now = world_now(h->in.w);
    e.unix_ms = world_unix(h->in.w, h->host);
    if (h->lies && e.type == PEER_FILE_READ && e.read_file.bytes.n > 0 && world_chance(h->in.w, WRONG)) {
        memcpy(bytes, e.read_file.bytes.p, e.read_file.bytes.n);
        bytes[0]++;
        e.read_file.bytes.p = bytes;
    }
    if (h->core)
        peerhost_step(h, e);
}

/* ---- what went out ---- */

static bool anybody_has_lied(const struct peerhost *h)
{
    unsigned i = 0;
    while (h->in.people[i] && !h->in.people[i]->has_lied)
        i++;
    return h->in.people[i];
}

/* Over one connection nothing goes twice: nothing is lost there, and all that was wrong is a liar's. */
static void note_given(struct peerhost *h, const struct giving *g)
{
    const struct peer_effect *e = &g->effect;
    if (anybody_has_lied(h))
        return;
    for (const struct given *old = h->given; old; old = old->next)
        world_check(h->in.w,
            old->rtc != e->rtc || old->block != e->give.block || old->offset != e->give.offset ||
                strcmp(old->id, e->give.id) != 0,
            "block %u of a file went out twice over one connection", e->give.block);
    struct given *one = world_alloc(sizeof *one);
    *one = (struct given){.next = h->given, .rtc = e->rtc, .block = e->give.block, .offset = e->give.offset};
    snprintf(one->id, sizeof one->id, "%s", e->give.id);
    h->given = one;
}

static void giving_free(struct peerhost *h, struct giving *g)
{
    struct giving **at = &h->givings;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    peer_effect_done(&g->effect);
    free(g);
}

static void on_give(void *who, uint64_t number);

/* Beside what was asked for: what it has not, what is not in the file, hashes that are none, and questions without end. */
static void lie(struct peerhost *h, const struct giving *g)
{
    static const char NONE[FILE_HASH_BYTES] = "no hash of anything";
    struct world *w = h->in.w;
    struct span id = world_chance(w, 800) ? span_of(g->effect.give.id) : SPAN("nothing");
    struct file_frame f = {.type = FILE_FRAME_HAVE, .file_id = id, .block = world_below(w, 8)};
    unsigned n = 1;
    switch (world_below(w, 5)) {
    case 0:
        break;
    case 1:
        f.type = FILE_FRAME_CHUNK;
        f.block = world_below(w, 2) ? FILE_BLOCKS_MAX - 1 : f.block;
        f.bytes = (struct span){NONE, sizeof NONE};
        break;
    case 2:
        f.type = FILE_FRAME_HASHES;
        f.bytes = (struct span){NONE, sizeof NONE};
        break;
    case 3:
        f.type = FILE_FRAME_COMING;
        break;
    default:
        f.type = FILE_FRAME_WANTED;
        f.n = 1000;
        n = ASKED_AT_ONCE;
    }
    struct buf frame;
    buf_init(&frame, PEER_MESSAGE_MAX);
    file_frame_write(&frame, &f);
    for (; n > 0 && rtc_has_room(h->party, g->effect.rtc); n--)
        rtc_send(h->party, g->effect.rtc, g->effect.give.channel, true, buf_view(&frame));
    buf_done(&frame);
}

void peerhost_lie(struct peerhost *h, bool lies)
{
    h->lies = lies;
    h->has_lied = true;
    for (unsigned i = 0; i < h->offer_count; i++)
        h->offers[i].kept = false; /* it may have ended, by what was wrong */
    if (!lies)
        peerhost_offer_again(h);
}

static void give_later(struct peerhost *h)
{
    world_at(h->in.w, world_now(h->in.w) + GIVE_MS, on_give, h, h->life);
}

/* As many frames as there is room for, of the first of each connection. */
static void on_give(void *who, uint64_t life)
{
    struct peerhost *h = who;
    struct giving *g = h->givings;
    if (life != h->life || !h->core || !g)
        return;
    while (g->done < g->effect.give.n && rtc_has_room(h->party, g->effect.rtc)) {
        uint32_t n = g->effect.give.n - g->done < FILE_CHUNK_BYTES ? g->effect.give.n - g->done : FILE_CHUNK_BYTES;
        uint32_t offset = g->effect.give.offset + g->done;
        const uint8_t *bytes =
            filedisk_bytes(h->files, g->effect.give.file, (uint64_t)g->effect.give.block * FILE_BLOCK_BYTES + offset);
        struct buf frame;
        if (!bytes)
            break;
        buf_init(&frame, PEER_MESSAGE_MAX);
        file_frame_write(&frame, &(struct file_frame){.type = FILE_FRAME_CHUNK,
                                     .file_id = span_of(g->effect.give.id),
                                     .block = g->effect.give.block,
                                     .offset = offset,
                                     .bytes = {(const char *)bytes, n}});
        if (h->lies && world_chance(h->in.w, WRONG))
            frame.p[frame.len - 1] = (char)(frame.p[frame.len - 1] + 1);
        rtc_send(h->party, g->effect.rtc, g->effect.give.channel, true, buf_view(&frame));
        buf_done(&frame);
        g->done += n;
        if (h->lies && world_chance(h->in.w, WRONG))
            lie(h, g);
    }
    bool open = filedisk_bytes(h->files, g->effect.give.file, 0) != NULL, whole = g->done == g->effect.give.n;
    if (!whole && open && rtc_is_there(h->party, g->effect.rtc)) {
        /* The next in line may be another connection's. */
        h->givings = g->next;
        g->next = NULL;
        struct giving **end = &h->givings;
        while (*end && (*end)->effect.rtc != g->effect.rtc)
            end = &(*end)->next;
        g->next = *end;
        *end = g;
        give_later(h);
        return;
    }
    struct peer_event e = peerhost_rtc_event(h, PEER_FILE_GIVEN, g->effect.rtc);
    e.given.ticket = g->effect.give.ticket;
    e.given.ok = whole;
    if (whole)
        note_given(h, g);
    giving_free(h, g);
    if (h->givings)
        give_later(h);
    peerhost_step(h, e);
}

void peerhost_give(struct peerhost *h, struct peer_effect *e)
{
    struct giving *g = world_alloc(sizeof *g), **end = &h->givings;
    *g = (struct giving){.host = h, .effect = peer_effect_take(e)};
    bool first = !h->givings;
    while (*end)
        end = &(*end)->next;
    *end = g;
    if (first)
        give_later(h);
}

struct answering {
    struct peerhost *host;
    uint64_t life;
    char id[ENVELOPE_ID_MAX + 1], name[64];
};

/* Whoever has the file already takes it no more. */
static void on_answer(void *who, uint64_t arg)
{
    struct answering *a = who;
    struct peerhost *h = a->host;
    (void)arg;
    if (h->core && h->life == a->life) {
        bool has = filedisk_has(h->files, a->name);
        struct peer_event e = peerhost_event(h, has ? PEER_FILE_DECLINE : PEER_FILE_ACCEPT);
        if (has)
            e.file_id = span_of(a->id);
        else
            e.accept_file.id = span_of(a->id);
        peerhost_step(h, e);
    }
    free(a);
}

void peerhost_answer_offer(struct peerhost *h, const struct peer_notice *n)
{
    struct answering *a = world_alloc(sizeof *a);
    a->host = h;
    a->life = h->life;
    snprintf(a->id, sizeof a->id, "%s", n->id);
    snprintf(a->name, sizeof a->name, "%s", n->name);
    world_at(h->in.w, world_now(h->in.w) + 1 + world_below(h->in.w, 50), on_answer, a, 0);
}

static void offer(struct peerhost *h, const struct offer *o)
{
    struct span to = o->to ? span_of(o->to->id) : (struct span){0};
    struct peer_event e = peerhost_event(h, PEER_FILE_SEND);
    e.send_file.to = o->to ? &to : NULL;
    e.send_file.to_count = o->to ? 1 : 0;
    e.send_file.path = span_of(o->name);
    e.send_file.ref = span_of(o->name);
    peerhost_step(h, e);
}

bool peerhost_offer_kept(struct peerhost *h, const struct peer_notice *n)
{
    bool ours = false;
    for (unsigned i = 0; n->ref && i < h->offer_count; i++)
        if (strcmp(h->offers[i].name, n->ref) == 0) {
            h->offers[i].kept = h->settings.keep_offers;
            ours = true;
        }
    return ours;
}

void peerhost_keep_offers(struct peerhost *h)
{
    h->settings.keep_offers = true;
}

void peerhost_offer(struct peerhost *h, const struct peerhost *to, const char *name)
{
    struct offer *o = &h->offers[h->offer_count++];
    assert(h->offer_count <= OFFERS_MAX);
    o->to = to;
    snprintf(o->name, sizeof o->name, "%s", name);
    if (h->core)
        offer(h, o);
}

bool peerhost_files_done(const struct peerhost *h)
{
    for (unsigned i = 0; i < h->offer_count; i++) {
        const struct offer *o = &h->offers[i];
        for (unsigned k = 0; h->in.people[k]; k++) {
            const struct peerhost *reader = h->in.people[k];
            if (reader != h && (!o->to || o->to == reader) && !filedisk_has(reader->files, o->name))
                return false;
        }
    }
    return true;
}

void peerhost_offer_again(struct peerhost *h)
{
    for (unsigned i = 0; h->core && i < h->offer_count; i++)
        if (!h->offers[i].kept)
            offer(h, &h->offers[i]);
}

void peerhost_files_end(struct peerhost *h, bool orderly)
{
    filedisk_end(h->files, orderly);
    h->life++;
    while (h->given) {
        struct given *next = h->given->next;
        free(h->given);
        h->given = next;
    }
    while (h->givings)
        giving_free(h, h->givings);
}
