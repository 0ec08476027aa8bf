/* SPDX-License-Identifier: MIT
 *
 * Data channels (RFC 8831, 8832): which stream is which, who may open one, and how one closes.
 *
 *     ours:    WAITING ─ room in SCTP ─► OPENING ─ ACK, or a first message ─► OPEN
 *     theirs:  ─ OPEN ─► OPEN, and an ACK as soon as there is room
 *     either:  OPEN ─ close, or the remote's reset ─► CLOSING ─ both streams are reset ─► free again
 *
 * The DTLS client numbers its channels even, the server odd (RFC 8832 section 6). A remote that opens a channel with
 * our parity, on a stream in use, or past PEER_CHANNELS_MAX, has it reset; data on a stream without a channel is
 * dropped.
 */
#include "peer/io/rtc_internal.h"

struct rtc_channel *rtc_channel_find(struct rtc *r, uint16_t id)
{
    for (size_t i = 0; i < RTC_CHANNEL_SLOTS; i++) {
        struct rtc_channel *c = &r->channels[i];
        if (c->state > CHANNEL_WAITING && c->id == id)
            return c;
    }
    return NULL;
}

/* A free slot for one side's channels, of which each has PEER_CHANNELS_MAX. */
static struct rtc_channel *take_slot(struct rtc *r, bool ours, struct span label)
{
    struct rtc_channel *slot = NULL;
    size_t n = 0;
    for (size_t i = 0; i < RTC_CHANNEL_SLOTS; i++) {
        struct rtc_channel *c = &r->channels[i];
        if (c->state == CHANNEL_FREE)
            slot = c;
        else
            n += c->ours == ours;
    }
    if (!slot || n == PEER_CHANNELS_MAX || label.n > sizeof slot->label)
        return NULL;
    *slot = (struct rtc_channel){.ours = ours, .label_n = label.n};
    if (label.n)
        memcpy(slot->label, label.p, label.n);
    return slot;
}

bool rtc_channel_add(struct rtc *r, struct span label)
{
    struct rtc_channel *c = take_slot(r, true, label);
    if (!c)
        return false;
    c->state = CHANNEL_WAITING;
    rtc_channels_push(r);
    return true;
}

static bool is_our_parity(const struct rtc *r, uint16_t id)
{
    return id % 2 == (r->dtls.client ? 0 : 1);
}

static bool choose_id(struct rtc *r, struct rtc_channel *c)
{
    for (uint16_t id = r->dtls.client ? 0 : 1; id < r->sctp.streams; id = (uint16_t)(id + 2))
        if (!rtc_channel_find(r, id)) {
            c->id = id;
            return true;
        }
    return false;
}

static bool send_open(struct rtc *r, struct rtc_channel *c)
{
    struct buf message;
    buf_init(&message, RTC_DATAGRAM_MAX);
    const struct dcep_open open = {.label = {c->label, c->label_n}};
    bool ok = choose_id(r, c) && dcep_build_open(&open, &message) &&
              rtc_sctp_send(r, c, DCEP_PPID, buf_view(&message)) == RTC_SENT;
    buf_done(&message);
    return ok;
}

static bool send_ack(struct rtc *r, const struct rtc_channel *c)
{
    struct buf message;
    buf_init(&message, 1);
    bool ok = dcep_build_ack(&message) && rtc_sctp_send(r, c, DCEP_PPID, buf_view(&message)) == RTC_SENT;
    buf_done(&message);
    return ok;
}

void rtc_channels_push(struct rtc *r)
{
    if (!r->sctp.up)
        return;
    for (size_t i = 0; i < RTC_CHANNEL_SLOTS; i++) {
        struct rtc_channel *c = &r->channels[i];
        if (c->state == CHANNEL_WAITING && send_open(r, c))
            c->state = CHANNEL_OPENING;
        if (c->state == CHANNEL_OPEN && c->ack_due)
            c->ack_due = !send_ack(r, c);
    }
}

static void opened(struct rtc *r, struct rtc_channel *c)
{
    c->state = CHANNEL_OPEN;
    rtc_event_channel_open(r, c->id, (struct span){c->label, c->label_n});
}

static void closed(struct rtc *r, struct rtc_channel *c)
{
    c->state = CHANNEL_FREE;
    rtc_event_channel_closed(r, c->id);
}

void rtc_channel_close(struct rtc *r, struct rtc_channel *c)
{
    if (c->state != CHANNEL_OPENING && c->state != CHANNEL_OPEN)
        return;
    c->state = CHANNEL_CLOSING;
    if (!rtc_sctp_reset(r, c->id))
        closed(r, c);
}

void rtc_channel_reset(struct rtc *r, uint16_t stream, bool incoming)
{
    struct rtc_channel *c = rtc_channel_find(r, stream);
    if (!c)
        return;
    if (incoming) {
        c->in_reset = true;
        rtc_channel_close(r, c);
    } else if (c->state == CHANNEL_CLOSING) {
        c->out_reset = true; /* or denied: there is no more that we could do */
    }
    if (c->state == CHANNEL_CLOSING && c->in_reset && c->out_reset)
        closed(r, c);
}

static void on_open(struct rtc *r, uint16_t stream, const struct dcep_open *open)
{
    struct rtc_channel *old = rtc_channel_find(r, stream);
    if (old && old->state == CHANNEL_CLOSING && old->in_reset) {
        closed(r, old); /* the answer to our reset was lost, this message was not */
        old = NULL;
    }
    struct rtc_channel *c = old || is_our_parity(r, stream) ? NULL : take_slot(r, false, open->label);
    if (!c) {
        if (!old)
            rtc_sctp_reset(r, stream);
        return;
    }
    c->id = stream;
    c->unordered = open->unordered;
    c->reliability = open->reliability;
    c->parameter = open->parameter;
    c->ack_due = true;
    opened(r, c);
    rtc_channels_push(r);
}

static void on_dcep(struct rtc *r, uint16_t stream, struct span bytes)
{
    struct dcep_open open;
    struct rtc_channel *c = rtc_channel_find(r, stream);
    switch (dcep_parse(bytes, &open)) {
    case DCEP_ACK:
        if (c && c->state == CHANNEL_OPENING)
            opened(r, c);
        break;
    case DCEP_OPEN:
        on_open(r, stream, &open);
        break;
    case DCEP_BAD:
        if (c)
            rtc_channel_close(r, c);
        break;
    }
}

static void on_user_message(struct rtc *r, struct rtc_channel *c, bool binary, struct span bytes)
{
    if (c->state == CHANNEL_OPENING) {
        opened(r, c);
        rtc_deliver_events(r);
    }
    if (!rtc_is_over(r) && c->state == CHANNEL_OPEN)
        r->callbacks.on_message(r->user, r, c->id, binary, bytes);
}

void rtc_channel_message(struct rtc *r, uint16_t stream, uint32_t ppid, struct span bytes)
{
    struct rtc_channel *c = rtc_channel_find(r, stream);
    const struct span empty = SPAN("");
    if (ppid == DCEP_PPID)
        on_dcep(r, stream, bytes);
    else if (!c)
        return;
    else if (ppid == DCEP_STRING || ppid == DCEP_BINARY)
        on_user_message(r, c, ppid == DCEP_BINARY, bytes);
    else if (ppid == DCEP_STRING_EMPTY || ppid == DCEP_BINARY_EMPTY)
        on_user_message(r, c, ppid == DCEP_BINARY_EMPTY, empty);
}
