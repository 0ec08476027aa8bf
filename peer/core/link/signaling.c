/* SPDX-License-Identifier: MIT
 *
 * What the daemon says, frame by frame: the session takes what concerns our own place (session.c), the rest goes to
 * whoever it is about: the members of the room, a connection, or another process with our identity.
 */
#include "peer/core/state.h"
#include "peer/core/link/signaling.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/memory.h"
#include "peer/core/link/membership.h"
#include "peer/core/link/negotiation.h"
#include "peer/core/link/session.h"
#include "peer/core/link/twin.h"
#include "protocol/signaling.h"

static void of_room(struct peer *p, const struct signaling_message *m)
{
    switch (m->type) {
    case SIGNALING_PEER_JOINED:
        membership_joined(p, &m->members[0]);
        break;
    case SIGNALING_PEER_AWAY:
        membership_away(p, m->peer_id);
        break;
    case SIGNALING_PEER_BACK:
        membership_back(p, m);
        break;
    case SIGNALING_PEER_LEFT:
        membership_left(p, m->peer_id, span_is(m->reason, "left"));
        break;
    case SIGNALING_OFFER:
    case SIGNALING_ANSWER:
    case SIGNALING_CANDIDATE:
        negotiation_signal(p, m);
        break;
    case SIGNALING_CLAIM:
        if (twin_claimed(p, m)) {
            membership_withdraw(p);
            session_rest(p);
        }
        break;
    default:
        break;
    }
}

static void handle(struct peer *p, const struct signaling_message *m)
{
    switch (session_handle(p, m)) {
    case SESSION_ENTERED:
        twin_joined(p);
        membership_list(p, m);
        session_ready(p);
        break;
    case SESSION_KEPT:
        twin_joined(p);
        membership_resumed(p, m);
        break;
    case SESSION_OF_ROOM:
        of_room(p, m);
        break;
    case SESSION_DONE:
        break;
    }
}

void signaling_frame(struct peer *p, struct span frame)
{
    struct signaling_message m;
    if (!session_hears(p))
        return;
    bool parsed = signaling_parse(frame, &m);
    if (memory_spared(p, false))
        session_lost(p); /* the next one begins with all that there is to know */
    else if (parsed)
        handle(p, &m);
    else
        effect_log(p, LOG_LEVEL_DEBUG, "signaling-unreadable", "a frame that no daemon sends", NULL, SPAN(""));
    signaling_done(&m);
}

void signaling_due(struct peer *p)
{
    session_due(p);
    session_look(p);
    if (twin_due(p))
        membership_call_all(p);
    membership_due(p);
}
