/* SPDX-License-Identifier: MIT
 *
 * ICE servers, with credentials of each connection's own that lapse. They are told in `welcome`, and again by
 * `ice-servers` well before they lapse: a connection may stay for days, and a call that it begins then needs a relay
 * that still takes it. All wait equally long, so one queue in order serves everybody (server/core/waiting.h); a reload
 * may change how long, and counts for those who wait already.
 */
#include "server/core/ice.h"

#include "server/core/batch.h"
#include "server/core/say.h"

enum {
    ICE_TEXT_MAX = 512 * 1024 /* two lists of options, every byte of them escaped */
};

void ice_take(struct core *c, struct session *s, struct buf *out)
{
    const struct core_ports *ports = &c->settings.ports;
    char id[PEER_ID_MAX];
    buf_init(out, ICE_TEXT_MAX);
    if (ports->ice_servers)
        ports->ice_servers(ports->ice_ctx, say_peer_id(c, s, id), c->unix_ms / 1000, out);
    else
        buf_text(out, "[]");
    waiting_remove(&s->ice);
    waiting_add(&c->ice, &s->ice, c->now);
}

void ice_tick(struct core *c)
{
    for (uint32_t n = 0; batch_allows(c, n) && ice_due(c) <= c->now; n++) {
        struct session *s = WAIT_OF(waiting_first(&c->ice), struct session, ice);
        struct buf servers;
        ice_take(c, s, &servers);
        struct buf *text = say_text(c);
        reply_ice_servers(text, buf_view(&servers));
        text->failed = text->failed || servers.failed;
        buf_done(&servers);
        say_reply(c, s);
    }
}

uint64_t ice_due(const struct core *c)
{
    return waiting_due(&c->ice, c->settings.ice_refresh_ms);
}
