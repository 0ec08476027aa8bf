/* SPDX-License-Identifier: MIT
 *
 * What the tests put into the small world of world.h by hand: seats that the test plays, and envelopes that no core
 * would write.
 */
#ifndef TESTS_PEER_FORGE_H
#define TESTS_PEER_FORGE_H

#include "peer/core/people/seal.h"
#include "tests/unit/peer/world.h"

/* ---- strangers: seats that the test plays ---- */

/* Joins; extra: further members of the roster entry, beginning with a comma, or "". */
static inline void stranger_joins(struct world *w, const char *seat, const char *name, const char *extra)
{
    struct stranger *s = &w->strangers[w->stranger_n++];
    char text[2048];
    snprintf(s->seat, sizeof s->seat, "%s", seat);
    snprintf(text, sizeof text, "\"peerId\":\"%s\",\"displayName\":\"%s\"%s", seat, name, extra);
    s->card = strdup(text);
    snprintf(text, sizeof text, "{\"type\":\"peer-joined\",%s}", s->card);
    tell_room(w, -1, text);
    run(w);
}

static inline void stranger_offers(
    struct world *w, int node, const char *seat, const char *link, const char *fingerprint)
{
    char *sdp = make_sdp("stranger", fingerprint, "actpass");
    json_t *frame = json_pack("{ssssss}", "type", "offer", "from", seat, "sdp", sdp);
    if (link)
        json_object_set_new(frame, "link", json_string(link));
    char *text = json_dumps(frame, 0);
    frame_to(w, node, text);
    run(w);
    free(text);
    json_decref(frame);
    free(sdp);
}

static inline void channel_opens(struct world *w, int node, uint64_t rtc, uint16_t channel, const char *label)
{
    feed(w, node, (struct peer_event){.type = PEER_CHANNEL_OPEN, .rtc = rtc, .opened = {channel, span_of(label)}});
    run(w);
}

static inline void data_comes(struct world *w, int node, uint64_t rtc, const char *text)
{
    feed(w, node, (struct peer_event){.type = PEER_DATA, .rtc = rtc, .data = {1, false, span_of(text)}});
    run(w);
}

/* An envelope signed as node `who`. The caller fills the rest; the text is owned by the caller. */
static inline char *forge(struct world *w, int who, struct envelope *e)
{
    struct buf bytes, text;
    buf_init(&bytes, PEER_MESSAGE_MAX);
    buf_init(&text, PEER_MESSAGE_MAX);
    if (!e->id.p)
        e->id = SPAN("abcdefghijklmnopqrstuvwxyz");
    e->from = span_of(peer_id(w->nodes[who].p));
    e->timestamp = e->timestamp ? e->timestamp : unix_of(w, who);
    e->is_signed = false;
    assert_true(envelope_signed_bytes(e, &bytes));
    toy_sign_as(w->nodes[who].settings.key, buf_view(&bytes), e->signature);
    e->is_signed = true;
    assert_true(envelope_write(e, &text));
    buf_done(&bytes);
    return buf_take(&text, &(size_t){0});
}

/* The same, sealed to that node before. */
static inline char *forge_sealed(struct world *w, int who, int reader, struct envelope *e)
{
    struct rng rng = rng_seeded_port(&w->nodes[who].seed);
    struct seal_reader to = {span_of(peer_id(w->nodes[reader].p)), w->nodes[reader].settings.box};
    struct sealed sealed;
    if (!e->id.p)
        e->id = SPAN("abcdefghijklmnopqrstuvwxyz");
    e->from = span_of(peer_id(w->nodes[who].p));
    e->timestamp = e->timestamp ? e->timestamp : unix_of(w, who);
    assert_true(seal_envelope(&w->nodes[who].crypto, &rng, e, &to, 1, &sealed));
    char *text = forge(w, who, e);
    sealed_done(&sealed);
    return text;
}

/* Talk that a test may spoil before it is written. */
struct talk {
    struct envelope e;
    int from, reader;
    bool plain; /* not sealed */
    struct span to;
    struct envelope_tick clock[2];
    char conversation[ENVELOPE_CONVERSATION_MAX + 1];
};

/* A right direct message. */
static inline struct talk talk_direct(struct world *w, int from, int to, const char *id, uint64_t sequence)
{
    struct talk t = {.from = from, .reader = to, .to = span_of(peer_id(w->nodes[to].p))};
    struct span ids[] = {t.to, span_of(peer_id(w->nodes[from].p))};
    t.clock[0] = (struct envelope_tick){ids[1], sequence};
    envelope_people_conversation(ids, 2, toy_sha256, NULL, t.conversation);
    t.e = (struct envelope){.type = ENVELOPE_DIRECT_MESSAGE,
        .id = span_of(id),
        .to_count = 1,
        .text = SPAN("forged"),
        .sequence = sequence,
        .clock_count = 1,
        .requires_ack = true};
    return t;
}

/* A right message to the room, sealed to one of its readers. */
static inline struct talk talk_group(struct world *w, int from, int reader, const char *id, uint64_t sequence)
{
    struct talk t = talk_direct(w, from, reader, id, sequence);
    envelope_room_conversation(SPAN("demo"), t.conversation);
    t.e.type = ENVELOPE_GROUP_MESSAGE;
    t.e.to_count = 0;
    return t;
}

/* The text is the caller's. */
static inline char *talk_text(struct world *w, struct talk *t)
{
    struct envelope e = t->e;
    e.to = &t->to;
    e.clock = t->clock;
    e.conversation = span_of(t->conversation);
    return t->plain ? forge(w, t->from, &e) : forge_sealed(w, t->from, t->reader, &e);
}

/* Our connection with that node; 0: none. */
static inline uint64_t rtc_with(const struct node *n, int other)
{
    for (size_t i = 0; i < n->rtc_n; i++)
        if (n->rtcs[i].live && n->rtcs[i].with == other)
            return n->rtcs[i].id;
    return 0;
}

/* It comes to its reader on the link with `by`. */
static inline void talk_comes(struct world *w, int by, struct talk *t)
{
    char *text = talk_text(w, t);
    data_comes(w, t->reader, rtc_with(&w->nodes[t->reader], by), text);
    free(text);
}

/* An envelope of another type from `who` to `reader`, on their link. */
static inline void says(struct world *w, int who, int reader, struct envelope *e)
{
    struct span to = span_of(peer_id(w->nodes[reader].p));
    e->to = &to;
    e->to_count = 1;
    char *text = forge(w, who, e);
    data_comes(w, reader, rtc_with(&w->nodes[reader], who), text);
    free(text);
}

static inline uint64_t refusals(const struct world *w, int node)
{
    return peer_stats(w->nodes[node].p)->refused_total;
}

#endif
