/* SPDX-License-Identifier: MIT
 *
 * The channel: reliable and ordered over a path that loses. A lost packet holds back what follows it for one
 * retransmission; where the path is gone, all waits until it is back or the connection ends.
 */
#include "tests/sim/rtcend.h"

#include <stdlib.h>

#include <utlist.h>

enum {
    RETRANSMIT_MS = 200, /* SCTP's rto_min in peer/io */
    WINDOW = 256 * 1024,
};

void end_drop_packets(struct end *e)
{
    struct packet *p, *tmp;
    DL_FOREACH_SAFE (e->out, p, tmp) {
        free((void *)(uintptr_t)p->bytes.p);
        free(p);
    }
    e->out = NULL;
    e->out_bytes = 0;
}

static void pump(void *who, uint64_t arg)
{
    struct end *e = who;
    struct world *w = e->party->net->w;
    (void)arg;
    e->pumping = false;
    while (e->out && e->live && e->party->up && e->ice != ICE_OVER) {
        struct packet *p = e->out;
        if (p->due > world_now(w) || !end_path_exists(e) || !e->pair->open) {
            e->pumping = true;
            world_at(w, p->due > world_now(w) ? p->due : world_now(w) + RETRANSMIT_MS, pump, e, 0);
            return;
        }
        DL_DELETE(e->out, p);
        e->out_bytes -= p->bytes.n;
        const struct rtc_party *there = e->pair->party;
        there->face->data(there->who, e->pair->number, p->channel, p->binary, p->bytes);
        free((void *)(uintptr_t)p->bytes.p);
        free(p);
    }
    if (e->congested && e->out_bytes < WINDOW / 2)
        end_post(e, LOOP_WRITABLE, 0, false, NULL);
}

void rtc_send(struct rtc_party *p, uint64_t rtc, uint16_t channel, bool binary, struct span bytes)
{
    struct end *e = end_find(p, rtc);
    struct world *w = p->net->w;
    if (!e || e->ice == ICE_OVER)
        return;
    world_check(w, e->open, "rtc %llu: a send before its channel is open", (unsigned long long)rtc);
    world_check(w, !e->congested, "rtc %llu: a send while it is congested", (unsigned long long)rtc);
    world_check(w, bytes.n <= e->pair->party->message_max,
        "rtc %llu: a message of %zu bytes, more than the other takes", (unsigned long long)rtc, bytes.n);
    uint64_t due = world_now(w) + world_latency(w, p->host, e->pair->party->host);
    while (world_reachable(w, p->host, e->pair->party->host) && world_loses(w, p->host, e->pair->party->host))
        due += RETRANSMIT_MS;
    e->last_due = due > e->last_due ? due : e->last_due;
    struct packet *packet = world_alloc(sizeof *packet);
    char *copy = world_alloc(bytes.n + 1);
    memcpy(copy, bytes.p, bytes.n);
    *packet = (struct packet){.bytes = {copy, bytes.n}, .channel = channel, .binary = binary, .due = e->last_due};
    DL_APPEND(e->out, packet);
    e->out_bytes += bytes.n;
    if (!e->pumping)
        world_at(w, packet->due, pump, e, 0);
    e->pumping = true;
    if (e->out_bytes > WINDOW || world_chance(w, p->net->congestion))
        end_post(e, LOOP_CONGESTED, 0, false, NULL);
}

void rtc_open_channel(struct rtc_party *p, uint64_t rtc, const char *label)
{
    struct end *e = end_find(p, rtc);
    if (!e || !e->open || !e->pair || !e->pair->open || e->ice == ICE_OVER)
        return;
    uint32_t latency = world_latency(p->net->w, p->host, e->pair->party->host);
    buf_text(end_post(e, LOOP_OTHER_CHANNEL, 2 * latency, false, NULL), label);
    buf_text(end_post(e->pair, LOOP_OTHER_CHANNEL, latency, false, NULL), label);
}

bool rtc_has_room(const struct rtc_party *p, uint64_t rtc)
{
    const struct end *e = end_find(p, rtc);
    return e && e->open && !e->congested && e->ice != ICE_OVER && e->out_bytes < WINDOW / 2;
}

bool rtc_is_there(const struct rtc_party *p, uint64_t rtc)
{
    const struct end *e = end_find(p, rtc);
    return e && e->ice != ICE_OVER;
}
