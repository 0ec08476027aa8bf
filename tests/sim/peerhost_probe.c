/* SPDX-License-Identifier: MIT
 *
 * What io does for PEER_FX_PROBE, in the world: a socket of its own that hears the daemon's welcome and ends. The time that
 * takes stands for that of /health. A probe belongs to one life of its host; its answer comes to no other.
 */
#include <stdlib.h>

#include "protocol/signaling.h"
#include "tests/sim/peerhost_inner.h"

enum {
    PROBE_MS = 4000
};

struct probe {
    struct peerhost *host;
    struct wire *wire;
    uint64_t life, began;
    unsigned server;
    bool over;
    struct probe *next; /* of the host's, to be freed with it */
};

static void probe_end(struct probe *p, uint64_t ms, struct span cluster)
{
    struct peerhost *h = p->host;
    if (p->over)
        return;
    p->over = true;
    wire_break(p->wire);
    if (!h->core || h->life != p->life)
        return;
    struct peer_event e = peerhost_event(h, PEER_PROBED);
    e.probed.server = p->server;
    e.probed.ms = ms;
    e.probed.cluster = cluster;
    peerhost_step(h, e);
}

static void on_open(void *who, struct wire *wire)
{
    (void)who;
    (void)wire;
}

static void on_frame(void *who, struct wire *wire, struct span text)
{
    struct probe *p = who;
    struct signaling_message m;
    (void)wire;
    bool welcome = signaling_parse(text, &m) && m.type == SIGNALING_WELCOME;
    probe_end(p, welcome ? world_now(p->host->in.w) - p->began + 1 : 0, welcome ? m.cluster : SPAN(""));
    signaling_done(&m);
}

static void on_other(void *who, struct wire *wire)
{
    (void)wire;
    probe_end(who, 0, SPAN(""));
}

static void on_ping(void *who, struct wire *wire, uint32_t number)
{
    (void)who;
    (void)wire;
    (void)number;
}

static void on_closed(void *who, struct wire *wire, uint16_t code)
{
    (void)wire;
    (void)code;
    probe_end(who, 0, SPAN(""));
}

static const struct wire_face FACE = {on_open, on_frame, on_other, on_other, on_ping, on_ping, on_closed};

static void on_time(void *who, uint64_t arg)
{
    (void)arg;
    probe_end(who, 0, SPAN(""));
}

void peerhost_probe(struct peerhost *h, unsigned server)
{
    struct world *w = h->in.w;
    world_check(w, server < h->in.daemon_count, "%u probes server %u", h->who, server);
    struct probe *p = calloc(1, sizeof *p);
    *p = (struct probe){.host = h, .life = h->life, .began = world_now(w), .server = server, .next = h->probes};
    h->probes = p;
    p->wire = wire_open(h->in.wires, h->host, daemon_listener(h->in.daemons[server]), &FACE, p, false);
    world_at(w, world_now(w) + PROBE_MS, on_time, p, 0);
}

void peerhost_probes_free(struct peerhost *h)
{
    while (h->probes) {
        struct probe *p = h->probes;
        h->probes = p->next;
        free(p);
    }
}
