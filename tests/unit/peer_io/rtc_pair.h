/* SPDX-License-Identifier: MIT
 *
 * What the tests of peer/io/rtc.h share: two connections of one process that talk over 127.0.0.1, with real ICE, DTLS
 * and SCTP. A `struct end` is one of them with what it was told; a `struct pair` passes descriptions and candidates
 * between two ends, as the signaling would, and can be told to spoil them. Every wait is for an event and has a bound.
 */
#ifndef TESTS_UNIT_PEER_IO_RTC_PAIR_H
#define TESTS_UNIT_PEER_IO_RTC_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "peer/io/rtc.h"
#include "protocol/limits.h"

enum {
    BOUND_MS = 20000
};

struct end {
    struct rtc *rtc;
    struct end *other;
    unsigned connected, opened, closed, writable, messages, descriptions, candidates;
    unsigned ice_up, ice_down;
    uint16_t channel;
    char label[CHANNEL_LABEL_MAX + 1];
    char reason[32];
    bool in_call; /* inside one of our own calls: no callback may come */
    bool echo;    /* send back what came */
    bool free_on_description, free_on_candidate, free_on_message, free_on_open, free_on_failed;
    const char *spoil; /* what to overwrite in the description that goes out, up to the end of its line … */
    const char *with;  /* … and with what */
    size_t received;   /* bytes */
    bool last_binary;
    GByteArray *last;
};

struct pair {
    struct rtc_factory *factory;
    struct end a, b;
};

static const char *const loopback[] = {"127.0.0.1"};

static inline void drop(struct end *e)
{
    rtc_free(e->rtc);
    e->rtc = NULL;
}

static inline void pass_description(void *user, struct rtc *r, const char *type, const char *sdp)
{
    struct end *e = user;
    assert_false(e->in_call);
    assert_ptr_equal(r, e->rtc);
    e->descriptions++;
    if (e->free_on_description) {
        drop(e);
        return;
    }
    GString *text = g_string_new(sdp);
    if (e->spoil) {
        char *at = strstr(text->str, e->spoil);
        assert_non_null(at);
        gssize from = at - text->str;
        g_string_erase(text, from, (gssize)strcspn(at, "\r\n"));
        g_string_insert(text, from, e->with);
    }
    struct err err;
    if (e->other->rtc && !rtc_remote(e->other->rtc, type, (struct span){text->str, text->len}, &err))
        snprintf(e->other->reason, sizeof e->other->reason, "refused");
    g_string_free(text, TRUE);
}

static inline void pass_candidate(void *user, struct rtc *r, const char *candidate)
{
    struct end *e = user;
    (void)r;
    assert_false(e->in_call);
    if (candidate)
        e->candidates++;
    if (e->other->rtc)
        rtc_candidate(e->other->rtc, span_of(candidate));
    if (e->free_on_candidate)
        drop(e);
}

static inline void on_connected(void *user, struct rtc *r)
{
    (void)r;
    struct end *e = user;
    assert_false(e->in_call);
    e->connected++;
}

static inline void on_channel_open(void *user, struct rtc *r, uint16_t channel, struct span label)
{
    (void)r;
    struct end *e = user;
    assert_false(e->in_call);
    assert_true(e->connected == 1);
    e->opened++;
    e->channel = channel;
    snprintf(e->label, sizeof e->label, "%.*s", (int)label.n, label.p);
    if (e->free_on_open)
        drop(e);
}

static inline void on_channel_closed(void *user, struct rtc *r, uint16_t channel)
{
    (void)r;
    (void)channel;
    struct end *e = user;
    assert_false(e->in_call);
    e->closed++;
}

static inline void on_message(void *user, struct rtc *r, uint16_t channel, bool binary, struct span bytes)
{
    struct end *e = user;
    assert_false(e->in_call);
    assert_true(e->opened > 0);
    e->messages++;
    e->received += bytes.n;
    e->last_binary = binary;
    g_byte_array_set_size(e->last, 0);
    g_byte_array_append(e->last, (const guint8 *)bytes.p, (guint)bytes.n);
    if (e->echo)
        rtc_send(r, channel, binary, bytes);
    if (e->free_on_message)
        drop(e);
}

static inline void on_writable(void *user, struct rtc *r)
{
    (void)r;
    struct end *e = user;
    assert_false(e->in_call);
    e->writable++;
}

static inline void on_ice_state(void *user, struct rtc *r, bool connected)
{
    (void)r;
    struct end *e = user;
    if (connected)
        e->ice_up++;
    else
        e->ice_down++;
}

static inline void on_failed(void *user, struct rtc *r, const char *reason, const char *detail)
{
    (void)r;
    struct end *e = user;
    assert_false(e->in_call);
    assert_non_null(detail);
    assert_string_equal(e->reason, "");
    snprintf(e->reason, sizeof e->reason, "%s", reason);
    if (e->free_on_failed)
        drop(e);
}

static const struct rtc_callbacks callbacks = {
    .on_description = pass_description,
    .on_candidate = pass_candidate,
    .on_connected = on_connected,
    .on_channel_open = on_channel_open,
    .on_channel_closed = on_channel_closed,
    .on_message = on_message,
    .on_writable = on_writable,
    .on_ice_state = on_ice_state,
    .on_failed = on_failed,
};

static inline gboolean on_bound(gpointer data)
{
    *(bool *)data = true;
    return G_SOURCE_CONTINUE;
}

/* Turns the loop until the condition holds. */
#define WAIT(condition)                                         \
    do {                                                        \
        bool late = false;                                      \
        guint timer = g_timeout_add(BOUND_MS, on_bound, &late); \
        while (!(condition) && !late)                           \
            g_main_context_iteration(NULL, TRUE);               \
        g_source_remove(timer);                                 \
        if (late)                                               \
            fail_msg("waited too long for " #condition);        \
    } while (0)

static inline struct rtc_factory *new_factory(void)
{
    struct err err;
    const struct rtc_options options = {.addresses = loopback, .address_count = 1};
    struct rtc_factory *f = rtc_factory_new(NULL, &options, &err);
    assert_non_null(f);
    return f;
}

static inline void end_init(struct end *e, struct rtc_factory *f, struct end *other)
{
    *e = (struct end){.other = other, .last = g_byte_array_new()};
    e->rtc = rtc_new(f, &callbacks, e);
    assert_non_null(e->rtc);
}

static inline void end_done(struct end *e)
{
    rtc_free(e->rtc);
    g_byte_array_unref(e->last);
}

static inline void pair_init(struct pair *p)
{
    p->factory = new_factory();
    end_init(&p->a, p->factory, &p->b);
    end_init(&p->b, p->factory, &p->a);
}

static inline void pair_done(struct pair *p)
{
    end_done(&p->a);
    end_done(&p->b);
    rtc_factory_free(p->factory);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static inline void call(struct end *e, bool restart)
{
    e->in_call = true;
    assert_true(rtc_offer(e->rtc, "usher", restart));
    e->in_call = false;
}

static inline void pair_open(struct pair *p)
{
    pair_init(p);
    call(&p->a, false);
    WAIT(p->a.opened && p->b.opened);
}

static inline enum rtc_sent send_bytes(struct end *e, bool binary, const void *bytes, size_t n)
{
    e->in_call = true;
    enum rtc_sent sent = rtc_send(e->rtc, e->channel, binary, (struct span){bytes, n});
    e->in_call = false;
    return sent;
}

#endif
