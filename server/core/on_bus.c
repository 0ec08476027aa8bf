/* SPDX-License-Identifier: MIT
 *
 * What comes on our channel. A signal is read in the dialect that it was said in and goes on as if its sender were here:
 * byte for byte to a reader of the same dialect, anew to one of another. What was held elsewhere for a member that came here
 * goes out as it is. Whatever cannot be read is counted, and logged with its cause once a second at most.
 *
 * Who sends counts what it says to us: a number that is missing is lost, and rooms shared with that node are read again, since
 * announcements may be missing as well; a number that came before came twice, and is dropped.
 */
#include "server/core/on_bus.h"

#include <assert.h>

#include "protocol/bus.h"
#include "server/core/bus_names.h"
#include "server/core/cluster.h"
#include "server/core/member.h"
#include "server/core/notice.h"
#include "server/core/remote.h"
#include "server/core/say.h"
#include "server/core/seat.h"
#include "server/core/session.h"
#include "server/core/shared.h"

static void refuse_record(struct core *c, const char *problem)
{
    c->stats.bus_bad_total++;
    notice(c, NOTICE_BUS_BAD, problem, NULL);
}

static void announced(struct core *c, const struct bus_announce *a)
{
    struct cluster *cl = c->cluster;
    if (a->sent > cl->heard) {
        if (a->sent > cl->heard + 1) {
            c->stats.bus_lost_total += a->sent - cl->heard - 1;
            notice(c, NOTICE_BUS_LOST, "announcements", NULL);
            shared_all_stale(c);
        }
        cl->heard = a->sent;
    }
    shared_announced(c, a);
}

static void read_again(struct core *c, const struct node *n)
{
    struct member *m;
    for (uint64_t at = 0; (m = table_next(&c->cluster->members, &at));)
        if (m->node == n)
            shared_stale(c, m->room->shared);
}

/* Whether it is one that was not heard before. */
static bool count(struct core *c, const struct bus_signal *s)
{
    struct node *n = cluster_node(c, s->node);
    if (!n) {
        refuse_record(c, "a signal of a node too many");
        return false;
    }
    bool same = n->epoch == s->epoch;
    if (same && s->sequence <= n->heard)
        return false;
    uint64_t lost = same ? s->sequence - n->heard - 1 : 0;
    n->epoch = s->epoch;
    n->heard = s->sequence;
    if (lost > 0) {
        c->stats.bus_lost_total += lost;
        notice(c, NOTICE_BUS_LOST, "signals", NULL);
        read_again(c, n);
    }
    return true;
}

static void deliver(struct core *c, struct member *to, struct frame *frame)
{
    if (!frame || say_is_nothing(frame)) {
        frame_unref(frame);
        return;
    }
    c->stats.bus_heard_total++;
    if (member_is_away(to)) {
        seat_hold(c, to, NULL, frame);
        return;
    }
    to->relayed++;
    say_send(c, to->session, frame);
}

/* Its sender is in the room, or is not known here (yet). */
static bool may_hear(const struct core *c, const struct member *to, struct span from)
{
    const struct member *m = remote_find(c, from);
    return to && to->room && (!m || m->room == to->room);
}

static void signalled(struct core *c, const struct bus_signal *s)
{
    struct member *to = member_find(c, s->to);
    struct request r;
    uint8_t dialect;
    if (!count(c, s) || !may_hear(c, to, s->from))
        return;
    if (!cluster_dialect(c, s->dialect, &dialect)) {
        refuse_record(c, "a signal in a dialect that is none here");
        return;
    }
    const struct dialect *d = say_dialect(c, dialect);
    if (d->read(s->bytes, &r) != ERROR_NONE || !message_is_relayed(r.type)) {
        refuse_record(c, "a signal that is none");
        return;
    }
    if (to->dialect == dialect)
        deliver(c, to, d->relay(&r, s->from));
    else
        deliver(c, to,
            say_frame(c, to->dialect,
                &(struct reply){
                    .type = REPLY_RELAYED, .relayed = {.type = r.type, .from = s->from, .payload = d->payload(&r)}}));
}

static void held(struct core *c, const struct bus_signal *s)
{
    struct member *to = member_find(c, s->to);
    if (count(c, s) && to && to->room && say_dialect(c, to->dialect)->mark == s->dialect)
        deliver(c, to, frame_of(s->bytes));
}

static void one(struct core *c, const struct bus_record *r)
{
    switch (r->type) {
    case BUS_RECORD_ANNOUNCE:
        announced(c, &r->announce);
        break;
    case BUS_RECORD_SIGNAL:
        signalled(c, &r->signal);
        break;
    case BUS_RECORD_HELD:
        held(c, &r->signal);
        break;
    case BUS_RECORD_NAME:
    case BUS_RECORD_NAME_GONE:
        bus_name_said(c, r);
        break;
    case BUS_RECORD_TOPIC:
        bus_topic_said(c, r);
        break;
    }
}

void on_bus_message(struct core *c, struct span message)
{
    struct bus_record r;
    const char *problem = NULL;
    if (!cluster_is_up(c))
        return;
    for (enum bus_read read; (read = bus_record_read(&message, &r, &problem)) != BUS_READ_END;) {
        if (read == BUS_READ_ONE)
            one(c, &r);
        else
            refuse_record(c, problem);
    }
}
