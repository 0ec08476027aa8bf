/* SPDX-License-Identifier: MIT
 *
 * One identity, two processes: somebody copied a state directory, and both copies run. Both would number messages alike
 * and take each other's links for ever. So whoever sees a roster entry with its own key in the room says so to that
 * roster entry, through the daemon: an identity_claim, signed with the key, that names both roster entries and when the
 * process that says it began. It proves that a second process lives: a roster entry alone does not, for the one before
 * a crash stays for a while, and a key can be copied out of the roster by anybody. Both then tell their application,
 * and the one that began later rests: it leaves the room and its links, without a good-bye, which would be the other's
 * too, and looks again from time to time. What it accepts meanwhile waits on its disk.
 *
 * Who finds a roster entry with its key when it comes calls nobody and answers nobody until a claim had time to come.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/link/twin.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/say.h"
#include "peer/core/link/session.h"
#include "protocol/body.h"
#include "protocol/signaling.h"

#define CONTEXT "usher-claim-1"

void twin_start(struct peer *p)
{
    p->twin.started = p->unix_ms ? p->unix_ms : 1;
}

bool twin_doubts(const struct peer *p)
{
    return p->twin.doubt_until != NEVER;
}

static bool write_claim(struct peer *p, struct span peer_id, struct buf *text)
{
    char id[ID_CHARS + 1];
    struct span us = span_of(p->id);
    struct buf metadata;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    bool ok = body_write_claim(&metadata, &(struct body_claim){.context = SPAN(CONTEXT),
                                              .room = span_of(p->settings.room),
                                              .seat = span_of(p->session.peer_id),
                                              .reader = peer_id,
                                              .started = p->twin.started});
    struct envelope e = {.type = ENVELOPE_IDENTITY_CLAIM, .to = &us, .to_count = 1, .metadata = buf_view(&metadata)};
    ok = ok && say_envelope(p, &e, id, text);
    buf_done(&metadata);
    return ok;
}

/* Once to each roster entry. */
static void claim(struct peer *p, struct span peer_id)
{
    struct buf text, frame;
    if (span_is(peer_id, p->twin.claimed) || !text_copy(p->twin.claimed, sizeof p->twin.claimed, peer_id))
        return;
    buf_init(&text, PEER_MESSAGE_MAX);
    buf_init(&frame, FRAME_MAX_DEFAULT);
    if (write_claim(p, peer_id, &text)) {
        signaling_write_claim(&frame, peer_id, buf_view(&text));
        session_send(p, &frame);
    }
    buf_done(&text);
    buf_done(&frame);
}

void twin_joined(struct peer *p)
{
    p->twin.claimed[0] = '\0';
    p->twin.doubt_until = NEVER;
}

void twin_seen(struct peer *p, struct span peer_id, bool was_there)
{
    assert(p->session.state == SESSION_JOINED);
    claim(p, peer_id);
    if (!was_there || twin_doubts(p))
        return;
    p->twin.doubt_until = p->now + TWIN_DOUBT_MS;
    effect_wake(p, p->twin.doubt_until);
}

bool twin_due(struct peer *p)
{
    if (p->now < p->twin.doubt_until) {
        effect_wake(p, p->twin.doubt_until);
        return false;
    }
    p->twin.doubt_until = NEVER;
    return true;
}

/* ---- heard ---- */

/* Of a process that sits there now, since it knows our roster entry. */
static bool is_proof(struct peer *p, const struct envelope *e, const struct body_claim *b, struct span peer_id)
{
    return e->type == ENVELOPE_IDENTITY_CLAIM && span_is(e->from, p->id) && span_is(b->context, CONTEXT) &&
           span_is(b->room, p->settings.room) && span_eq(b->seat, peer_id) && span_is(b->reader, p->session.peer_id) &&
           b->started > 0 && guard_signed_by(p, p->settings.key, e);
}

static void tell(struct peer *p, uint64_t started, bool rests)
{
    if (started == p->twin.shown)
        return;
    p->twin.shown = started;
    notice_add(
        p, &(struct notice){.type = NOTICE_ERROR,
               .code = SPAN("identity-twice"),
               .text = rests ? SPAN("another process with this identity began earlier and is in the room: was the "
                                    "state directory copied? This one rests, and keeps what it is given to send; "
                                    "end one of the two, or give it a state directory of its own")
                             : SPAN("another process with this identity came into the room: was the state "
                                    "directory copied? That one rests; end one of the two, or give it a state "
                                    "directory of its own")});
    effect_log(p, LOG_LEVEL_WARNING, "identity-twice", "another process has our identity", NULL, SPAN(""));
}

bool twin_claimed(struct peer *p, const struct signaling_message *m)
{
    assert(p->session.state == SESSION_JOINED);
    struct envelope e;
    char peer_id[PEER_ID_MAX + 1];
    struct body_claim b;
    if (!text_copy(peer_id, sizeof peer_id, m->from))
        return false;
    if (!guard_affords(p, &p->twin.claims_at, TWIN_CLAIM_MS, TWIN_CLAIMS_BURST) || !envelope_parse(m->claim, &e, NULL))
        return false;
    body_read_claim(&e, &b);
    uint64_t started = b.started;
    bool proved = is_proof(p, &e, &b, m->from);
    envelope_done(&e);
    if (!proved)
        return false;
    /* Began in the same millisecond: the roster entries decide, which both know. */
    bool rests = started != p->twin.started ? started < p->twin.started : strcmp(peer_id, p->session.peer_id) < 0;
    claim(p, m->from);
    tell(p, started, rests);
    if (rests)
        p->twin.doubt_until = NEVER;
    return rests;
}
