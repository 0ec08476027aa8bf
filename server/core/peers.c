/* SPDX-License-Identifier: MIT */
#include "server/core/peers.h"

#include "server/core/member.h"
#include "server/core/say.h"
#include "server/core/seat.h"

static struct span write_token(const struct core *c, const struct place *p, char text[RESUME_TOKEN_MAX + 1])
{
    char id[PEER_ID_MAX];
    struct resume_token ticket = {
        .generation = p->generation,
        .incarnation = p->incarnation,
        .expires = p->expires,
        .kept = p->room && p->room->made,
        .peer_id = say_peer_id(c, p->self, id),
        .room_id = p->room_id,
        .introduction = member_introduction(p->self),
    };
    memcpy(ticket.boot, c->boot, sizeof ticket.boot);
    return seat_kept(c) ? resume_token_write(c->settings.crypto, &ticket, text) : (struct span){NULL, 0};
}

static struct frame *finish(struct core *c, const struct place *p)
{
    char id[PEER_ID_MAX];
    for (const struct member *m = p->room ? p->room->members : NULL; m; m = m->next)
        if (m != p->self)
            reply_peers_add(&c->text, say_peer_id(c, m, id), member_introduction(m), member_is_away(m));
    reply_peers_end(&c->text);
    struct frame *frame = say_frame(c);
    if (frame)
        frame->unlimited = true;
    return frame;
}

struct frame *peers_joined(struct core *c, const struct place *p)
{
    char id[PEER_ID_MAX], token[RESUME_TOKEN_MAX + 1];
    struct reply_place place = {p->ref, p->room_id, say_peer_id(c, p->self, id), write_token(c, p, token)};
    reply_peers_begin(say_text(c), &place);
    return finish(c, p);
}

struct frame *peers_resumed(struct core *c, const struct place *p, bool restarted, bool recovered)
{
    char id[PEER_ID_MAX], token[RESUME_TOKEN_MAX + 1];
    struct reply_place place = {p->ref, p->room_id, say_peer_id(c, p->self, id), write_token(c, p, token)};
    reply_resumed_begin(say_text(c), &place, restarted, recovered, c->settings.resume_grace_ms);
    return finish(c, p);
}
