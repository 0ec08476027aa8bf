/* SPDX-License-Identifier: MIT
 *
 * A message that a connection does not take (RTC_FULL) stays here, in order, with whatever the same step sends after
 * it; the core hears PEER_CONGESTED, and PEER_WRITABLE once all of it went out. One that is too large for the other end never
 * comes here: the core has read a=max-message-size, too.
 *
 * Files leave most of the send buffer free (rtc_bulk), so that a message finds room at once, however much of files waits.
 */
#include "peer/io/links.h"

#include <stdlib.h>
#include <utlist.h>

#define HASH_FUNCTION HASH_OAT /* the default one falls through its cases, which clang warns of */
#include <uthash.h>

#include "protocol/file_frame.h"

#define CHANNEL_LABEL "usher"
enum {
    UNSENT_MAX =
        16 * 1024 * 1024, /* bytes that one step may leave behind on a connection: 64 of the largest messages */
    SPARE =
        128 * 1024 /* bytes beyond those of our own files, above which what may be lost is: frames of others' files */
};

struct unsent {
    struct unsent *next;
    struct peer_effect effect; /* PEER_FX_RTC_SEND */
};

/* What is sent of a file. */
struct giving {
    struct giving *next;
    struct peer_effect effect; /* PEER_FX_FILE_GIVE */
    struct file_block *block;  /* referenced */
    uint32_t done;             /* bytes of effect.give.n */
};

struct link {
    UT_hash_handle hh;
    uint64_t number;
    struct links *all;
    struct rtc *rtc;
    struct unsent *unsent; /* in order */
    size_t unsent_bytes;
    struct giving *givings; /* in order */
};

struct after { /* an event that effects gave rise to */
    struct after *next, *prev;
    enum peer_event_type type;
    uint64_t rtc;
    const char *reason; /* static */
};

struct links {
    struct rtc_factory *factory;
    bool tamper;
    void (*on_event)(void *user, struct peer_event *event);
    void *user;
    struct link *links; /* by number */
    struct after *afters;
};

static void unsent_free(struct unsent *u)
{
    peer_effect_done(&u->effect);
    free(u);
}

static void after(struct links *all, enum peer_event_type type, uint64_t rtc, const char *reason)
{
    struct after *a = calloc(1, sizeof *a);
    if (!a)
        return;
    *a = (struct after){.type = type, .rtc = rtc, .reason = reason};
    DL_APPEND(all->afters, a);
}

bool links_next(struct links *all, struct peer_event *event)
{
    struct after *a = all->afters;
    if (!a)
        return false;
    DL_DELETE(all->afters, a);
    *event = (struct peer_event){.type = a->type, .rtc = a->rtc, .reason = span_of(a->reason)};
    free(a);
    return true;
}

static struct link *link_find(struct links *all, uint64_t number)
{
    struct link *l;
    HASH_FIND(hh, all->links, &number, sizeof number, l);
    return l;
}

/* ---- what a connection tells ---- */

static void link_event(struct link *l, struct peer_event event)
{
    event.rtc = l->number;
    l->all->on_event(l->all->user, &event);
}

static void on_description(void *user, struct rtc *r, const char *type, const char *sdp)
{
    (void)r;
    link_event(user, (struct peer_event){.type = PEER_DESCRIPTION, .description = {span_of(type), span_of(sdp)}});
}

static void on_candidate(void *user, struct rtc *r, const char *candidate)
{
    (void)r;
    link_event(user, (struct peer_event){.type = PEER_CANDIDATE, .candidate = span_of(candidate)});
}

static void on_ice_state(void *user, struct rtc *r, bool connected)
{
    static const enum peer_path PATHS[] = {
        [RTC_PATH_DIRECT] = PEER_PATH_DIRECT, [RTC_PATH_STUN] = PEER_PATH_STUN, [RTC_PATH_TURN] = PEER_PATH_TURN};
    link_event(user, (struct peer_event){.type = PEER_ICE_STATE, .ice = {connected, PATHS[rtc_path(r)]}});
}

static void on_connected(void *user, struct rtc *r)
{
    on_ice_state(user, r, true);
}

static void on_channel_open(void *user, struct rtc *r, uint16_t channel, struct span label)
{
    (void)r;
    link_event(user, (struct peer_event){.type = PEER_CHANNEL_OPEN, .opened = {channel, label}});
}

static void on_channel_closed(void *user, struct rtc *r, uint16_t channel)
{
    (void)r;
    link_event(user, (struct peer_event){.type = PEER_CHANNEL_CLOSED, .closed_channel = channel});
}

static void on_message(void *user, struct rtc *r, uint16_t channel, bool binary, struct span bytes)
{
    (void)r;
    link_event(user, (struct peer_event){.type = PEER_DATA, .data = {channel, binary, bytes}});
}

static void on_failed(void *user, struct rtc *r, const char *reason, const char *detail)
{
    (void)r;
    (void)detail;
    link_event(user, (struct peer_event){.type = PEER_RTC_FAILED, .reason = span_of(reason)});
}

static enum rtc_sent send_message(struct rtc *r, const struct peer_effect *effect)
{
    return rtc_send(r, effect->message.channel, effect->message.binary, peer_text_view(effect->message.bytes));
}

/* ---- files ---- */

static void giving_free(struct giving *g)
{
    peer_effect_done(&g->effect);
    file_block_unref(g->block);
    free(g);
}

static void tell_given(struct link *l, uint64_t ticket, bool ok)
{
    link_event(l, (struct peer_event){.type = PEER_FILE_GIVEN, .given = {ticket, ok}});
}

/* The next frame of it; the bytes are copied once, behind their head. */
static enum rtc_sent give_frame(struct link *l, struct giving *g)
{
    char frame[FILE_FRAME_HEAD_MAX + FILE_CHUNK_BYTES];
    uint32_t offset = g->effect.give.offset + g->done, rest = g->effect.give.n - g->done;
    uint32_t n = rest < FILE_CHUNK_BYTES ? rest : FILE_CHUNK_BYTES;
    size_t head = file_frame_chunk_head(span_of(g->effect.give.id), g->effect.give.block, offset, frame);
    memcpy(frame + head, g->block->bytes + offset, n);
    enum rtc_sent sent = rtc_send(l->rtc, g->effect.give.channel, true, (struct span){frame, head + n});
    if (sent == RTC_SENT)
        g->done += n;
    return sent;
}

/* From the loop. Who hears that one was given may free the link: nothing of it is touched then. */
static void give_more(struct link *l)
{
    struct links *all = l->all;
    uint64_t number = l->number;
    size_t most = l->givings ? rtc_bulk(l->rtc) : 0;
    while (l && l->givings && !l->unsent && rtc_buffered(l->rtc) < most) {
        struct giving *g = l->givings;
        enum rtc_sent sent = give_frame(l, g);
        if (sent == RTC_FULL)
            return; /* on_writable goes on */
        if (sent == RTC_SENT && g->done < g->effect.give.n)
            continue;
        uint64_t ticket = g->effect.give.ticket;
        LL_DELETE(l->givings, g);
        giving_free(g);
        tell_given(l, ticket, sent == RTC_SENT);
        l = link_find(all, number);
    }
    if (l && l->givings)
        rtc_await_room(l->rtc, most - most / 4);
}

void links_give(struct links *all, struct peer_effect *give, struct file_block *b)
{
    struct link *l = link_find(all, give->rtc);
    struct giving *g = l && (uint64_t)give->give.offset + give->give.n <= b->n ? calloc(1, sizeof *g) : NULL;
    if (!g) {
        links_give_nothing(all, give);
        return;
    }
    *g = (struct giving){.effect = peer_effect_take(give), .block = file_block_ref(b)};
    LL_APPEND(l->givings, g);
    give_more(l);
}

void links_give_nothing(struct links *all, struct peer_effect *give)
{
    struct link *l = link_find(all, give->rtc);
    uint64_t ticket = give->give.ticket;
    peer_effect_done(give);
    if (l)
        tell_given(l, ticket, false);
}

static void on_room(void *user, struct rtc *r)
{
    (void)r;
    give_more(user);
}

/* What is not open any more is heard of through on_channel_closed or on_failed; what is too large never fits. */
static void on_writable(void *user, struct rtc *r)
{
    struct link *l = user;
    while (l->unsent) {
        struct unsent *u = l->unsent;
        if (send_message(r, &u->effect) == RTC_FULL)
            return;
        LL_DELETE(l->unsent, u);
        l->unsent_bytes -= u->effect.message.bytes.n;
        unsent_free(u);
    }
    struct links *all = l->all;
    uint64_t number = l->number;
    link_event(l, (struct peer_event){.type = PEER_WRITABLE});
    if ((l = link_find(all, number)))
        give_more(l);
}

static const struct rtc_callbacks RTC_CALLBACKS = {
    .on_description = on_description,
    .on_candidate = on_candidate,
    .on_connected = on_connected,
    .on_channel_open = on_channel_open,
    .on_channel_closed = on_channel_closed,
    .on_message = on_message,
    .on_writable = on_writable,
    .on_room = on_room,
    .on_ice_state = on_ice_state,
    .on_failed = on_failed,
};

/* ---- what the core asks of it ---- */

static void link_free(struct links *all, struct link *l)
{
    HASH_DEL(all->links, l);
    rtc_free(l->rtc);
    struct unsent *u, *next;
    LL_FOREACH_SAFE(l->unsent, u, next)
    unsent_free(u);
    struct giving *g, *next_giving;
    LL_FOREACH_SAFE(l->givings, g, next_giving)
    giving_free(g);
    free(l);
}

static void link_new(struct links *all, uint64_t number)
{
    struct link *l = calloc(1, sizeof *l);
    struct rtc *rtc = l ? rtc_new(all->factory, &RTC_CALLBACKS, l) : NULL;
    if (!rtc) {
        free(l);
        after(all, PEER_RTC_FAILED, number, "closed");
        return;
    }
    *l = (struct link){.number = number, .all = all, .rtc = rtc};
    HASH_ADD(hh, all->links, number, sizeof l->number, l);
}

static void link_put_off(struct links *all, struct link *l, struct peer_effect *effect)
{
    struct peer_text bytes = effect->message.bytes;
    struct unsent *u = bytes.n <= UNSENT_MAX - l->unsent_bytes ? calloc(1, sizeof *u) : NULL;
    if (!u) {
        after(all, PEER_RTC_FAILED, l->number, "closed");
        return;
    }
    if (!l->unsent)
        after(all, PEER_CONGESTED, l->number, NULL);
    *u = (struct unsent){.effect = peer_effect_take(effect)};
    l->unsent_bytes += bytes.n;
    LL_APPEND(l->unsent, u);
}

/* What somebody in between, or the sender itself, could do to a sealed message. */
static void tamper(struct peer_text bytes)
{
    static const char SEALED[] = "\"encrypted\":\"";
    char *sealed = strstr(bytes.p, SEALED);
    if (sealed)
        sealed[sizeof SEALED] = sealed[sizeof SEALED] == 'A' ? 'B' : 'A';
}

/* What may be lost is, rather than that anything waits for it. */
static void link_send_spare(struct link *l, const struct peer_effect *effect)
{
    if (!l->unsent && rtc_buffered(l->rtc) < rtc_bulk(l->rtc) + SPARE)
        send_message(l->rtc, effect);
}

static void link_send(struct links *all, struct link *l, struct peer_effect *effect)
{
    if (effect->message.spare) {
        link_send_spare(l, effect);
        return;
    }
    if (all->tamper)
        tamper(effect->message.bytes);
    enum rtc_sent sent = l->unsent ? RTC_FULL : send_message(l->rtc, effect);
    if (sent == RTC_FULL)
        link_put_off(all, l, effect);
    else if (sent == RTC_TOO_LARGE) /* the two would disagree, and something be taken for sent that is not */
        after(all, PEER_RTC_FAILED, l->number, "sctp");
}

void links_effect(struct links *all, struct peer_effect *effect)
{
    if (effect->type == PEER_FX_RTC_NEW) {
        link_new(all, effect->rtc);
        return;
    }
    struct link *l = link_find(all, effect->rtc);
    if (!l)
        return;
    struct err err;
    switch (effect->type) {
    case PEER_FX_RTC_OFFER:
        if (!rtc_offer(l->rtc, CHANNEL_LABEL, effect->restart))
            after(all, PEER_RTC_FAILED, l->number, "ice");
        break;
    case PEER_FX_RTC_REMOTE:
        if (!rtc_remote(l->rtc, effect->description.type, peer_text_view(effect->description.sdp), &err))
            after(all, PEER_RTC_FAILED, l->number, "sdp");
        break;
    case PEER_FX_RTC_CANDIDATE:
        rtc_candidate(l->rtc, peer_text_view(effect->candidate));
        break;
    case PEER_FX_RTC_SEND:
        link_send(all, l, effect);
        break;
    case PEER_FX_RTC_CHANNEL:
        rtc_open_channel(l->rtc, effect->label); /* who cannot have one more hears of none */
        break;
    default:
        link_free(all, l);
        break;
    }
}

void links_addresses_changed(struct links *all)
{
    struct link *l, *next;
    HASH_ITER (hh, all->links, l, next)
        rtc_addresses_changed(l->rtc);
}

/* ---- life ---- */

struct links *links_new(
    struct rtc_factory *factory, bool tamper, void (*on_event)(void *user, struct peer_event *event), void *user)
{
    struct links *all = calloc(1, sizeof *all);
    if (all)
        *all = (struct links){.factory = factory, .tamper = tamper, .on_event = on_event, .user = user};
    return all;
}

void links_free(struct links *all)
{
    if (!all)
        return;
    struct link *l, *next_link;
    HASH_ITER (hh, all->links, l, next_link)
        link_free(all, l);
    struct after *a, *next_after;
    DL_FOREACH_SAFE (all->afters, a, next_after)
        free(a);
    free(all);
}
