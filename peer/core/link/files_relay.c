/* SPDX-License-Identifier: MIT
 *
 * The way is that of messages (relay.c). What differs is that a frame goes on the channel of files, so that no message waits
 * behind it, and may be dropped there.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/files_channel.h"
#include "peer/core/link/files_relay.h"
#include "peer/core/link/link.h"
#include "peer/core/link/relay.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/people/say.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/memory.h"
#include "protocol/body.h"

bool files_relay_reaches(struct peer *p, struct person *who)
{
    if (!who->keyed || link_is_up(who) || !relay_reaches(p, who))
        return false;
    if (p->now >= who->relay_files_at)
        return true;
    effect_wake(p, who->relay_files_at);
    return false;
}

bool files_reach(const struct peer *p, const struct person *who)
{
    return link_is_up(who) || relay_reaches(p, who);
}

/* On the channel of files of the next on the way, if it is open; else it is opened for what comes later. */
static bool send_on(struct peer *p, struct person *next, struct span text)
{
    const struct connection *a = files_channel(p, next);
    return a && !a->congested && connection_fits(a, text.n) && effect_rtc_send_spare(p, a->rtc, a->files_channel, text);
}

bool files_relay_send(struct peer *p, struct person *who, const struct file_frame *f)
{
    assert(who->keyed);
    struct person *first = relay_first(p, who);
    struct buf frame, metadata, text;
    if (!first)
        return false;
    bool before = memory_short(p);
    buf_init(&frame, ENVELOPE_FILE_FRAME_MAX);
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    buf_init(&text, PEER_MESSAGE_MAX);
    struct envelope e = {.type = ENVELOPE_FILE_CHUNK};
    bool ok = file_frame_write(&frame, f) && body_write_file_chunk(&metadata, buf_view(&frame));
    e.metadata = buf_view(&metadata);
    ok = ok && say_sealed(p, who, &e, &text) && send_on(p, first, buf_view(&text));
    p->stats.relayed_out_total += ok;
    buf_done(&text);
    buf_done(&metadata);
    buf_done(&frame);
    memory_spared(p, before);
    return ok;
}

bool files_send(struct peer *p, struct person *who, const struct file_frame *f, bool relayed)
{
    return relayed ? files_relay_send(p, who, f) : files_channel_send(p, who, f);
}

static void pass_on(struct peer *p, struct person *from, const struct envelope *e)
{
    struct buf text;
    if (!guard_affords(p, &from->relay_paid, RELAYED_FRAME_MS, RELAYED_FRAMES_BURST)) {
        p->stats.relay_dropped_total++;
        return;
    }
    buf_init(&text, PEER_MESSAGE_MAX);
    struct person *next = relay_next(p, from, e, e->to[0], &text);
    if (next && send_on(p, next, buf_view(&text)))
        p->stats.files_relayed_total++;
    else if (next)
        p->stats.relay_dropped_total++;
    buf_done(&text);
}

/* Why it is none that its author sent us; NULL: it is. */
static const char *open_frame(struct peer *p, struct envelope *e, struct person **author)
{
    struct person *who = *author = roster_find(p, e->from);
    if (!who || !who->keyed || !guard_signed_by(p, who->key, e))
        return "a frame of a file with a signature that does not hold";
    if (e->encrypted.n == 0)
        return "a frame of a file through others without a seal";
    if (e->timestamp <= who->frame_stamp)
        return "a frame of a file that is no newer than one before";
    who->frame_stamp = e->timestamp;
    return guard_open(p, who, e);
}

void files_relay_data(struct peer *p, struct connection *a, struct span text)
{
    struct envelope e;
    struct person *from = a->person, *author = NULL;
    const char *wrong = NULL;
    bool parsed = text.n <= PEER_MESSAGE_MAX && envelope_parse(text, &e, NULL);
    if (!parsed) {
        if (!memory_spared(p, false))
            guard_refuse(p, from, "no frame of a file");
        return;
    }
    if (e.type != ENVELOPE_FILE_CHUNK || e.route_count == 0 || e.to_count != 1)
        wrong = "something else than a frame of a file on its way";
    else if (!span_is(e.to[0], p->id))
        pass_on(p, from, &e);
    else if (!(wrong = open_frame(p, &e, &author)) && !memory_spared(p, false))
        p->file_said.who = author;
    if (wrong && !memory_spared(p, false))
        guard_refuse(p, from, wrong);
    if (p->file_said.who)
        p->file_said.envelope = e;
    else
        envelope_done(&e);
}
