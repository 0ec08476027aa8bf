/* SPDX-License-Identifier: MIT
 *
 * The core's face: hands each event to the file whose concern it is, then does what has come due, then says when to be
 * woken. Deadlines are kept lazily: `wake` is never later than the first of them, and when it comes everybody is asked;
 * so moving a deadline costs nothing, which is what every message does.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/display_name.h"
#include "peer/core/state.h"
#include "peer/core/order/overlay.h"
#include "peer/core/order/tree.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/memory.h"
#include "peer/core/port/notice.h"
#include "peer/core/port/storage.h"
#include "peer/core/people/expiry.h"
#include "peer/core/people/facts.h"
#include "peer/core/people/roster.h"
#include "peer/core/people/trust.h"
#include "peer/core/link/call.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/files_channel.h"
#include "peer/core/link/files_relay.h"
#include "peer/core/link/link.h"
#include "peer/core/link/membership.h"
#include "peer/core/link/presence_gossip.h"
#include "peer/core/link/relay.h"
#include "peer/core/link/send.h"
#include "peer/core/link/session.h"
#include "peer/core/link/signaling.h"
#include "peer/core/link/twin.h"
#include "peer/core/message/attached.h"
#include "peer/core/message/broadcast.h"
#include "peer/core/message/compose.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/gaps.h"
#include "peer/core/message/message_log.h"
#include "peer/core/message/outbox.h"
#include "peer/core/message/receipt.h"
#include "peer/core/message/receive.h"
#include "peer/core/message/rows_loaded.h"
#include "peer/core/message/status.h"
#include "peer/core/message/store_and_forward.h"
#include "peer/core/transfer/transfer.h"
#include "peer/core/transfer/upload.h"
#include "peer/core/attach.h"
#include "peer/core/hand_on.h"
#include "peer/core/restore.h"

struct peer *peer_new(const struct peer_settings *settings, const struct peer_crypto *crypto, const struct rng *rng)
{
    uint8_t hash[HASH_BYTES];
    struct peer *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    assert(settings->servers > 0 && settings->servers <= SERVERS_MAX);
    p->settings = *settings;
    p->crypto = *crypto;
    p->rng = *rng;
    p->wake = p->deadline = NEVER;
    session_init(p);
    p->crypto.sha256(p->crypto.ctx, (struct span){(const char *)settings->key, KEY_BYTES}, hash);
    envelope_short_hash(hash, p->id);
    p->gossip_at = p->digest_at = p->compare_at = p->twin.doubt_until = NEVER;
    p->tree = tree_new();
    p->overlay = overlay_new(span_of(p->id));
    p->last_words = notice_make(&(struct notice){.type = NOTICE_ERROR,
        .code = SPAN("out-of-memory"),
        .text = SPAN("memory ran out: what was accepted is kept, and the next start goes on with it"),
        .fatal = true});
    if (p->tree && p->overlay && p->last_words)
        return p;
    peer_free(p);
    return NULL;
}

/* With their links. */
static void forget_all(struct peer *p)
{
    membership_clear(p);
    roster_clear(p);
    hand_on(p);
}

void peer_free(struct peer *p)
{
    struct peer_effects nobody = {0};
    if (!p)
        return;
    p->fx = &nobody;
    p->closing = true;
    if (p->tree && p->overlay)
        forget_all(p);
    attach_clear(p);
    transfer_clear(p);
    attached_clear(p);
    outbox_clear(p);
    after_commit_clear(p);
    storage_clear(p);
    conversation_clear(p);
    store_and_forward_clear(p);
    compose_clear(p);
    status_clear(p);
    trust_clear(p);
    tree_free(p->tree);
    overlay_free(p->overlay);
    peer_notice_free(p->last_words);
    peer_effects_done(&nobody);
    free(p);
}

/* The last word: what was accepted before is told before. */
static void tell_left(struct peer *p)
{
    if (!p->left || (!storage_is_settled(p) && !p->store_failed))
        return;
    p->left = false;
    notice_add(p, &(struct notice){.type = NOTICE_LEFT});
}

/* What waits for its readers stays on the disk: the next start goes on with it. */
static void leave(struct peer *p)
{
    gossip_presence(p, SPAN("gone"));
    storage_end_step(p);
    p->closing = true;
    forget_all(p);
    p->closing = false;
    session_leave(p);
    p->left = true;
}

/* Nothing more can be promised: what was accepted or acknowledged is on the disk, and the next start goes on from
 * there. */
static void store_failed(struct peer *p, struct span why)
{
    notice_add(p, &(struct notice){.type = NOTICE_ERROR, .code = SPAN("storage-failed"), .text = why, .fatal = true});
    p->closing = true;
    forget_all(p);
    session_leave(p);
    p->store_failed = true;
}

static void loaded(struct peer *p, const struct peer_event *ev)
{
    struct load *load = storage_answered(p, ev->loaded.ticket);
    if (load)
        rows_loaded(p, load, ev->loaded.rows, ev->loaded.row_count);
    free(load);
}

static void data(struct peer *p, struct connection *a, const struct peer_event *ev)
{
    bool message = a->open && ev->data.channel == a->channel;
    bool frame = a->files_open && ev->data.channel == a->files_channel && a->introduced;
    if (!message && !frame)
        return;
    link_heard(p, a);
    hand_on(p);
    if (memory_short(p))
        return;
    if (message)
        receive_data(p, a, ev);
    else if (ev->data.binary)
        transfer_frame(p, a, ev->data.bytes);
    else
        files_relay_data(p, a, ev->data.bytes);
}

/* What happened to a connection. */
static void rtc_event(struct peer *p, struct connection *a, const struct peer_event *ev)
{
    char reason[CLOSE_REASON_MAX + 1];
    switch (ev->type) {
    case PEER_DESCRIPTION:
        if (!call_describe(p, a, ev->description.type, ev->description.sdp))
            link_failed(p, a, "our own description could not be read");
        break;
    case PEER_CANDIDATE:
        call_candidate(p, a, ev->candidate);
        break;
    case PEER_CHANNEL_OPEN:
        files_channel_opened(p, a, ev->opened.channel, ev->opened.label);
        link_channel_open(p, a, ev->opened.channel, ev->opened.label);
        break;
    case PEER_CHANNEL_CLOSED:
        files_channel_closed(a, ev->closed_channel);
        link_channel_closed(p, a, ev->closed_channel);
        break;
    case PEER_DATA:
        data(p, a, ev);
        break;
    case PEER_FILE_GIVEN:
        transfer_given(p, a, ev->given.ticket, ev->given.ok);
        break;
    case PEER_CONGESTED:
        a->congested = true;
        break;
    case PEER_WRITABLE:
        a->congested = false;
        if (a == a->person->link.connection)
            fact_add(p, a->person, FACT_LINK_WRITABLE);
        break;
    case PEER_ICE_STATE:
        link_ice(p, a, ev->ice.connected, ev->ice.path);
        break;
    default:
        link_failed(p, a, text_copy(reason, sizeof reason, ev->reason) ? reason : "failed");
        break;
    }
}

/* Once: what is in the outbox then is what the rows brought, and so on the disk. */
static void start(struct peer *p)
{
    if (p->started)
        return;
    p->started = true;
    twin_start(p);
    outbox_restored(p);
    compose_restored(p);
    session_start(p);
    upload_start(p);
}

static void handle(struct peer *p, const struct peer_event *ev)
{
    switch (ev->type) {
    case PEER_RESTORE:
        restore_row(p, ev->restore.table, ev->restore.row.key, ev->restore.row.value);
        break;
    case PEER_COMMITTED:
        storage_committed(p, ev->committed);
        break;
    case PEER_STORE_FAILED:
        store_failed(p, ev->why);
        break;
    case PEER_LOADED:
        loaded(p, ev);
        break;
    case PEER_HISTORY:
        message_log_show(p, ev);
        break;
    case PEER_START:
        start(p);
        break;
    case PEER_KNOWN:
        trust_known(p, ev->known.name, ev->known.id);
        break;
    case PEER_SIGNALING_OPEN:
        session_opened(p);
        break;
    case PEER_SIGNALING_FRAME:
        signaling_frame(p, ev->frame);
        break;
    case PEER_SIGNALING_CLOSED:
        session_closed(p, ev->closed.code, ev->closed.why);
        break;
    case PEER_NETWORK:
        session_network(p, ev->cut);
        break;
    case PEER_PROBED:
        session_probed(p, ev->probed.server, ev->probed.ms, ev->probed.cluster);
        break;
    case PEER_TIME:
        break;
    case PEER_SEND:
        if (ev->send.attachment_count > 0)
            attach_begin(p, ev);
        else
            compose_message(p, ev, NULL, 0);
        break;
    case PEER_READ:
        receipt_read(p, ev->read);
        break;
    case PEER_TYPING:
        status_typing(p);
        break;
    case PEER_STATUS:
        status_set(p, ev->status);
        break;
    case PEER_ROOMS:
        gossip_rooms(p, ev->rooms.ids, ev->rooms.count);
        break;
    case PEER_PRESENCE:
        gossip_presence(p, ev->presence);
        break;
    case PEER_FILE_OPENED:
        transfer_event(p, ev);
        attach_opened(p, ev->opened_file.file);
        break;
    case PEER_FILE_FAILED:
        if (!attach_failed(p, ev->failed_file.file, ev->failed_file.code, ev->failed_file.why))
            transfer_event(p, ev);
        break;
    case PEER_PART_OPENED:
    case PEER_PART_BLOCK:
    case PEER_PART_DONE:
    case PEER_FILE_READ:
    case PEER_FILE_SEND:
    case PEER_FILE_ACCEPT:
    case PEER_FILE_DECLINE:
    case PEER_FILE_PAUSE:
    case PEER_FILE_RESUME:
    case PEER_FILE_CANCEL:
        transfer_event(p, ev);
        break;
    case PEER_LEAVE:
        leave(p);
        break;
    default: {
        struct connection *a = connection_find(p, ev->rtc);
        if (a)
            rtc_event(p, a, ev);
        break;
    }
    }
}

static void do_what_is_due(struct peer *p)
{
    if (p->now < p->wake)
        return;
    p->wake = p->deadline = NEVER; /* io's timer is spent: the same moment may have to be set again */
    signaling_due(p);
    hand_on(p);
    outbox_expire(p);
    store_and_forward_expire(p);
    gaps_due(p);
    hand_on(p);
    broadcast_due(p);
    hand_on(p);
    gossip_due(p);
    transfer_due(p);
    hand_on(p);
    for (struct person *who = p->people; who; who = who->hh.next) {
        link_due(p, who);
        hand_on(p);
        receipt_due(p, who);
        status_due(p, who);
        outbox_due(p, who);
        hand_on(p);
    }
}

/* Whose time is over is gone before anything else happens: after a sleep the event in hand may come long after the
 * deadline, and be the link over which a copy would be handed out. */
static void end_what_is_over(struct peer *p)
{
    if (p->now < p->wake)
        return;
    outbox_expire(p);
    store_and_forward_expire(p);
}

static void show_deadline(struct peer *p)
{
    if (p->wake != p->deadline && effect_deadline(p, p->wake))
        p->deadline = p->wake;
}

/* What follows from the event, once it was handled. */
static void settle(struct peer *p, bool restoring)
{
    hand_on(p);
    tell_left(p);
    if (!restoring)
        do_what_is_due(p);
    if (p->overlay_stale || p->routes_changed)
        link_overlay(p);
    hand_on(p);
    if (p->routes_changed)
        relay_show(p);
    hand_on(p);
    if (p->sweep) /* who is forgotten was shown to be gone before */
        roster_sweep(p);
    hand_on(p);
    session_show(p);
    storage_end_step(p);
    p->stats.kept = HASH_COUNT(p->copies);
    p->stats.queued = p->queued;
    show_deadline(p);
}

/* Half of what a step says or stores may break a promise; none of it is what a crash leaves, and that breaks none. */
static void void_step(struct peer *p)
{
    peer_effects_clear(p->fx);
    p->fx->out_of_memory = p->last_words;
    p->last_words = NULL;
}

/* Whoever asks is answered, as far as there is memory for that. */
static void answer_after_the_end(struct peer *p, const struct peer_event *event)
{
    if (event->type == PEER_LEAVE)
        notice_add(p, &(struct notice){.type = NOTICE_LEFT});
    else if (event->type == PEER_SEND)
        notice_add(p, &(struct notice){.type = NOTICE_ERROR,
                          .code = SPAN("out-of-memory"),
                          .text = SPAN("this peer has ended: its memory ran out"),
                          .ref = event->send.ref.n ? event->send.ref : (struct span){0}});
}

/* Before anything else is said by the clock as it is now. */
static void tell_clock(struct peer *p)
{
    for (struct person *who = p->people; who; who = who->hh.next) {
        who->clock_unsent = link_is_up(who) && !link_can_send(who);
        send_heartbeat(p, who, false, p->now);
    }
}

static void step(struct peer *p, const struct peer_event *event)
{
    if (expiry_watch(p))
        tell_clock(p);
    /* While rows come, what one of them is about is not there yet: whose time is over then is reported with the start. */
    bool restoring = event->type == PEER_RESTORE || event->type == PEER_KNOWN;
    if (!restoring && event->type != PEER_START)
        end_what_is_over(p);
    if (!memory_short(p))
        handle(p, event);
    if (!memory_short(p))
        settle(p, restoring);
    if (memory_short(p))
        void_step(p);
}

void peer_step(struct peer *p, const struct peer_event *event, struct peer_effects *fx)
{
    assert(event && fx && fx->n == 0);
    p->now = event->now;
    p->unix_ms = event->unix_ms;
    p->fx = fx;
    memory_begin(p);
    if (p->last_words)
        step(p, event);
    else
        answer_after_the_end(p, event);
    p->fx = NULL;
}

const char *peer_id(const struct peer *p)
{
    return p->id;
}

const struct peer_stats *peer_stats(const struct peer *p)
{
    return &p->stats;
}

struct peer_times peer_times(const struct peer *p)
{
    return (struct peer_times){.connect_p50 = samples_percentile(&p->connects, 50),
        .connect_p99 = samples_percentile(&p->connects, 99),
        .delivery_p50 = samples_percentile(&p->deliveries, 50),
        .delivery_p90 = samples_percentile(&p->deliveries, 90),
        .delivery_p99 = samples_percentile(&p->deliveries, 99)};
}

size_t peer_people(const struct peer *p, struct peer_person *out, size_t max)
{
    size_t n = 0;
    for (const struct person *who = p->people; who; who = who->hh.next) {
        if (!link_is_there(who) && !who->shown)
            continue;
        if (n < max) {
            out[n] = (struct peer_person){.up = who->shown != NULL,
                .verified = who->keyed && who->shown,
                .in_room = who->entries != NULL,
                .path = who->shown ? who->shown : link_path(who),
                .rtt_ms = who->link.rtt_ms,
                .rtc = link_is_up(who) ? who->link.connection->rtc : 0};
            text_copy(out[n].id, sizeof out[n].id, person_id(who));
            display_name_clean(span_of(who->name), out[n].name);
        }
        n++;
    }
    return n;
}

size_t peer_readers(const struct peer *p, struct span id, char (*ids)[PERSON_MAX + 1], size_t max)
{
    const struct outgoing *m = outbox_find(p, id);
    size_t n = 0;
    for (const struct delivery *d = m ? m->deliveries : NULL; d; d = d->of_next, n++)
        if (n < max)
            text_copy(ids[n], sizeof ids[n], person_id(d->reader));
    return n;
}

size_t peer_pending(const struct peer *p)
{
    size_t n = 0;
    for (const struct message_draft *d = p->message_drafts; d; d = d->next)
        n++;
    for (const struct outgoing *m = p->outgoing; m; m = m->next) {
        const struct delivery *d = m->deliveries;
        while (d && !link_is_there(d->reader))
            d = d->of_next;
        n += d != NULL;
    }
    return n;
}
