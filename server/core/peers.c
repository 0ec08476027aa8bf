/* SPDX-License-Identifier: MIT */
#include "server/core/peers.h"

#include <assert.h>

#include "server/core/member.h"
#include "server/core/room.h"
#include "server/core/say.h"
#include "server/core/seat.h"

static struct span write_token(const struct core *c, const struct stay *p, char text[RESUME_TOKEN_MAX + 1])
{
    char id[PEER_ID_MAX];
    struct resume_token token = {
        .generation = p->generation,
        .incarnation = p->incarnation,
        .expires = p->expires,
        .kept = p->room && room_terms(p->room),
        .dialect = say_dialect(c, p->self->dialect)->mark,
        .peer_id = say_peer_id(c, p->self, id),
        .room_id = p->room_id,
        .origin = member_previous(p->self),
        .introduction = member_introduction(p->self),
    };
    memcpy(token.boot, c->boot, sizeof token.boot);
    return seat_kept(c) ? resume_token_write(c->settings.crypto, &token, text) : (struct span){NULL, 0};
}

/* The others in the room, one after the other. */
struct others {
    const struct core *c;
    const struct member *next, *self;
    char id[PEER_ID_MAX];
};

static bool next_other(void *ctx, struct reply_peer *peer)
{
    struct others *o = ctx;
    const struct member *m = o->next;
    if (m && m == o->self)
        m = m->next;
    if (!m)
        return false;
    o->next = m->next;
    *peer = (struct reply_peer){.peer_id = say_peer_id(o->c, m, o->id),
        .introduction = member_introduction(m),
        .dialect = say_dialect(o->c, m->dialect),
        .away = member_seems_away(m)};
    return true;
}

static struct frame *write_reply(struct core *c, const struct stay *p, struct reply *r)
{
    assert(p->self && p->room_id.n > 0 && p->generation > 0);
    char id[PEER_ID_MAX], token[RESUME_TOKEN_MAX + 1];
    struct others others = {.c = c, .next = p->room ? p->room->members : NULL, .self = p->self};
    r->peers.stay = (struct reply_stay){p->ref, p->room_id, say_peer_id(c, p->self, id), write_token(c, p, token)};
    r->peers.next = next_other;
    r->peers.others = &others;
    return say_frame(c, p->self->dialect, r);
}

struct frame *peers_joined(struct core *c, const struct stay *p)
{
    return write_reply(c, p, &(struct reply){.type = REPLY_PEERS});
}

struct frame *peers_resumed(struct core *c, const struct stay *p, bool restarted, bool recovered)
{
    assert(!restarted || !recovered);
    return write_reply(c, p,
        &(struct reply){.type = REPLY_RESUMED,
            .peers = {.restarted = restarted, .recovered = recovered, .resume_grace_ms = c->settings.resume_grace_ms}});
}
