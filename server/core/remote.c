/* SPDX-License-Identifier: MIT */
#include "server/core/remote.h"

#include <assert.h>
#include <stdlib.h>

#include "server/core/cluster.h"
#include "server/core/member.h"
#include "server/core/on.h"
#include "server/core/room.h"
#include "server/core/say.h"
#include "server/core/session.h"

bool remote_parse(struct span peer_id, struct span *node)
{
    if (peer_id.n < ID_CHARS + 2 || peer_id.n > PEER_ID_MAX || peer_id.p[peer_id.n - ID_CHARS - 1] != '.')
        return false;
    *node = (struct span){peer_id.p, peer_id.n - ID_CHARS - 1};
    return !span_find(*node, '.');
}

static bool has_id(const void *item, const void *key)
{
    const struct member *m = item;
    const struct span *id = key;
    const struct node *n = m->node;
    return id->n == (size_t)n->name_n + 1 + ID_CHARS && memcmp(n->name, id->p, n->name_n) == 0 &&
           memcmp(m->id, id->p + n->name_n + 1, ID_CHARS) == 0;
}

struct member *remote_find(const struct core *c, struct span peer_id)
{
    struct span node;
    if (!c->cluster || !remote_parse(peer_id, &node))
        return NULL;
    return table_find(&c->cluster->members, hash_random(peer_id.p + node.n + 1), has_id, &peer_id);
}

struct span remote_id(const struct member *m, char space[PEER_ID_MAX])
{
    assert(m->place == PLACE_NODE);
    const struct node *n = m->node;
    memcpy(space, n->name, n->name_n);
    space[n->name_n] = '.';
    memcpy(space + n->name_n + 1, m->id, ID_CHARS);
    return (struct span){space, (size_t)n->name_n + 1 + ID_CHARS};
}

struct member *remote_enter(struct core *c, struct room *room, struct span peer_id, const struct bus_entry *e)
{
    struct span name;
    uint8_t dialect;
    if (!remote_parse(peer_id, &name) || !cluster_dialect(c, e->dialect, &dialect))
        return NULL;
    struct node *node = cluster_node(c, name);
    struct member *m = node ? calloc(1, sizeof *m) : NULL;
    if (!m)
        return NULL;
    memcpy(m->id, peer_id.p + name.n + 1, ID_CHARS);
    m->place = PLACE_NODE;
    m->node = node;
    m->dialect = dialect & 7U;
    m->away_there = e->away;
    m->generation = e->generation;
    if (!member_introduce(m, &e->introduction) || !table_add(&c->cluster->members, m)) {
        member_forget_introduction(m);
        free(m);
        return NULL;
    }
    node->members++;
    c->stats.remote_members++;
    room_link(c, room, m);
    return m;
}

bool remote_changes(struct member *m, const struct bus_entry *e)
{
    struct introduction now = member_introduction(m);
    m->away_there = e->away;
    m->generation = e->generation;
    if (span_eq(now.display_name, e->introduction.display_name) && span_eq(now.metadata, e->introduction.metadata))
        return true;
    member_forget_introduction(m);
    return member_introduce(m, &e->introduction);
}

void remote_leave(struct core *c, struct member *m)
{
    assert(member_is_remote(m) && m->node->members > 0);
    m->node->members--;
    c->stats.remote_members--;
    room_unlink(c, m);
    table_remove(&c->cluster->members, m);
    free(m);
}

static void refuse(struct core *c, struct session *s, const struct asked *r, enum error e, const char *problem)
{
    session_refuse(c, s,
        &(struct reply_error){
            .error = e, .problem = problem, .ref = r->request.ref, .retry_after_ms = UNHEARD_RETRY_MS});
}

/* The other node makes of it what this one would: its bytes go as they came. */
void remote_relay(struct core *c, struct session *s, const struct asked *r)
{
    struct member *m = r->reader;
    assert(member_is_remote(m) && m->room == s->member->room);
    if (!cluster_is_up(c)) {
        c->stats.bus_unheard_total++;
        refuse(c, s, r, ERROR_NO_SUCH_PEER, "that peer's server cannot be reached now: try again");
        return;
    }
    if (m->dialect != s->dialect && !say_has_words(c, m->dialect, REPLY_RELAYED)) {
        refuse(c, s, r, ERROR_NO_SUCH_PEER, "that peer speaks another dialect, which has no words for this");
        return;
    }
    char from[PEER_ID_MAX], to[PEER_ID_MAX];
    struct buf *text = say_text(c);
    const struct bus_record record = {.type = BUS_RECORD_SIGNAL,
        .signal = {.node = cluster_self(c),
            .epoch = c->cluster->epoch,
            .sequence = m->node->said + 1,
            .dialect = say_dialect(c, s->dialect)->mark,
            .from = say_own_id(c, s->member, from),
            .to = remote_id(m, to),
            .bytes = r->request.bytes}};
    bus_record_write(text, &record);
    if (text->failed || !cluster_send(c, s->conn, m->node, buf_view(text))) {
        refuse(c, s, r, ERROR_SERVER_FULL, NULL);
        return;
    }
    m->node->said++;
    c->stats.bus_sent_total++;
    c->stats.relayed_total++;
    c->stats.relayed[r->request.type]++;
    c->stats.relayed_bytes[r->request.type] += r->request.bytes.n;
    say_done(c, s, r->request.ref);
}
