/* SPDX-License-Identifier: MIT
 *
 * One GSource a factory. Before the loop sleeps it sends the datagrams that were batched meanwhile; when a connection
 * was woken it delivers that connection's events and messages; and it ticks SCTP's clock when a timer may be due
 * (rtc_sctp.c), by the time that really passed: a loop that was busy for a second must not make that clock late.
 */
#include <utlist.h>

#include "peer/io/rtc_internal.h"

struct pump {
    GSource source;
    struct rtc_factory *factory; /* borrowed: it destroys the source before it goes */
};

static gboolean prepare(GSource *source, gint *timeout)
{
    struct rtc_factory *f = ((struct pump *)source)->factory;
    rtc_outbox_flush(f);
    *timeout = -1;
    return f->woken != NULL;
}

static gboolean check(GSource *source)
{
    return ((struct pump *)source)->factory->woken != NULL;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    (void)callback;
    (void)data;
    struct rtc_factory *f = ((struct pump *)source)->factory;
    f->refs++; /* a callback may free the last connection, and the factory after it */
    gint64 ready = g_source_get_ready_time(source);
    if (ready >= 0 && ready <= g_source_get_time(source)) {
        g_source_set_ready_time(source, -1);
        rtc_sctp_tick();
        rtc_pump_tick_by(f, rtc_sctp_next_tick(f));
    }
    struct rtc *r;
    unsigned n;
    DL_COUNT2(f->woken, r, n, woken_next); /* who is woken again has the next turn */
    for (; n && (r = f->woken); n--) {
        rtc_ref(r);
        rtc_unwake(r);
        rtc_run(r);
        rtc_unref(r);
    }
    rtc_factory_free(f);
    return G_SOURCE_CONTINUE;
}

GSource *rtc_pump_new(struct rtc_factory *f)
{
    f->pump_funcs = (GSourceFuncs){.prepare = prepare, .check = check, .dispatch = dispatch};
    GSource *source = g_source_new(&f->pump_funcs, sizeof(struct pump));
    ((struct pump *)source)->factory = f;
    g_source_set_name(source, "rtc");
    g_source_attach(source, f->context);
    return source;
}

void rtc_pump_tick_by(struct rtc_factory *f, gint64 at)
{
    gint64 ready = g_source_get_ready_time(f->pump);
    if (at >= 0 && (ready < 0 || at < ready))
        g_source_set_ready_time(f->pump, at);
}

void rtc_wake(struct rtc *r)
{
    if (r->woken)
        return;
    r->woken = true;
    rtc_ref(r);
    DL_APPEND2(r->factory->woken, r, woken_prev, woken_next);
}

void rtc_unwake(struct rtc *r)
{
    if (!r->woken)
        return;
    r->woken = false;
    DL_DELETE2(r->factory->woken, r, woken_prev, woken_next);
    rtc_unref(r);
}

static struct rtc_event *event_add(struct rtc *r, enum rtc_event_kind kind)
{
    if (r->freed || (r->failed && kind != RTC_EVENT_FAILED))
        return NULL;
    struct rtc_event *e = g_new0(struct rtc_event, 1);
    e->kind = kind;
    DL_APPEND(r->events, e);
    rtc_wake(r);
    return e;
}

void rtc_event_description(struct rtc *r, const char *type, struct span sdp)
{
    struct rtc_event *e = event_add(r, RTC_EVENT_DESCRIPTION);
    if (!e)
        return;
    e->description.type = type;
    e->description.sdp = g_strndup(sdp.p, sdp.n);
}

void rtc_event_candidate(struct rtc *r, const char *candidate)
{
    struct rtc_event *e = event_add(r, RTC_EVENT_CANDIDATE);
    if (e)
        e->candidate = g_strdup(candidate);
}

void rtc_event_connected(struct rtc *r)
{
    event_add(r, RTC_EVENT_CONNECTED);
}

void rtc_event_channel_open(struct rtc *r, uint16_t channel, struct span label)
{
    struct rtc_event *e = event_add(r, RTC_EVENT_CHANNEL_OPEN);
    if (!e)
        return;
    e->channel_open.channel = channel;
    e->channel_open.label = g_strndup(label.p, label.n);
    e->channel_open.label_n = label.n;
}

void rtc_event_channel_closed(struct rtc *r, uint16_t channel)
{
    struct rtc_event *e = event_add(r, RTC_EVENT_CHANNEL_CLOSED);
    if (e)
        e->channel_closed = channel;
}

void rtc_event_writable(struct rtc *r)
{
    event_add(r, RTC_EVENT_WRITABLE);
}

void rtc_event_room(struct rtc *r)
{
    event_add(r, RTC_EVENT_ROOM);
}

void rtc_event_ice_state(struct rtc *r, bool up)
{
    struct rtc_event *e = event_add(r, RTC_EVENT_ICE_STATE);
    if (e)
        e->ice_up = up;
}

void rtc_event_failed(struct rtc *r, const char *reason, const char *detail)
{
    struct rtc_event *e = event_add(r, RTC_EVENT_FAILED);
    if (!e)
        return;
    e->failed.reason = reason;
    e->failed.detail = g_strdup(detail);
}

static void event_free(struct rtc_event *e)
{
    switch (e->kind) {
    case RTC_EVENT_DESCRIPTION:
        g_free(e->description.sdp);
        break;
    case RTC_EVENT_CANDIDATE:
        g_free(e->candidate);
        break;
    case RTC_EVENT_CHANNEL_OPEN:
        g_free(e->channel_open.label);
        break;
    case RTC_EVENT_FAILED:
        g_free(e->failed.detail);
        break;
    case RTC_EVENT_CONNECTED:
    case RTC_EVENT_CHANNEL_CLOSED:
    case RTC_EVENT_WRITABLE:
    case RTC_EVENT_ROOM:
    case RTC_EVENT_ICE_STATE:
        break;
    }
    g_free(e);
}

void rtc_events_free(struct rtc *r)
{
    struct rtc_event *e, *next;
    DL_FOREACH_SAFE (r->events, e, next)
        event_free(e);
    r->events = NULL;
}

static void deliver(struct rtc *r, const struct rtc_event *e)
{
    const struct rtc_callbacks *c = &r->callbacks;
    switch (e->kind) {
    case RTC_EVENT_DESCRIPTION:
        c->on_description(r->user, r, e->description.type, e->description.sdp);
        break;
    case RTC_EVENT_CANDIDATE:
        c->on_candidate(r->user, r, e->candidate);
        break;
    case RTC_EVENT_CONNECTED:
        c->on_connected(r->user, r);
        break;
    case RTC_EVENT_CHANNEL_OPEN:
        c->on_channel_open(
            r->user, r, e->channel_open.channel, (struct span){e->channel_open.label, e->channel_open.label_n});
        break;
    case RTC_EVENT_CHANNEL_CLOSED:
        c->on_channel_closed(r->user, r, e->channel_closed);
        break;
    case RTC_EVENT_WRITABLE:
        c->on_writable(r->user, r);
        break;
    case RTC_EVENT_ROOM:
        c->on_room(r->user, r);
        break;
    case RTC_EVENT_ICE_STATE:
        c->on_ice_state(r->user, r, e->ice_up);
        break;
    case RTC_EVENT_FAILED:
        c->on_failed(r->user, r, e->failed.reason, e->failed.detail);
        break;
    }
}

void rtc_deliver_events(struct rtc *r)
{
    struct rtc_event *e;
    while ((e = r->events)) {
        DL_DELETE(r->events, e);
        deliver(r, e);
        event_free(e);
    }
}

/* An event is delivered before the packet that came after it; a packet may make events. */
void rtc_run(struct rtc *r)
{
    if (r->running) /* a callback runs the loop */
        return;
    r->running = true;
    do
        rtc_deliver_events(r);
    while (rtc_sctp_next(r) || r->events);
    r->running = false;
    rtc_ice_resume(r);
}

void rtc_outbox_add(struct rtc *r, const void *datagram, size_t n)
{
    struct rtc_outbox *box = &r->factory->outbox;
    if (n > RTC_DATAGRAM_MAX)
        return;
    if (box->to != r || box->count == RTC_BATCH_MAX)
        rtc_outbox_flush(r->factory);
    box->to = r;
    memcpy(box->bytes[box->count], datagram, n);
    box->sizes[box->count++] = n;
}

void rtc_outbox_flush(struct rtc_factory *f)
{
    struct rtc_outbox *box = &f->outbox;
    if (box->count)
        rtc_ice_send(box->to, box);
    box->count = 0;
    box->to = NULL;
}
