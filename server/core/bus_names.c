/* SPDX-License-Identifier: MIT */
#include "server/core/bus_names.h"

#include <assert.h>

#include "protocol/write.h"
#include "server/core/batch.h"
#include "server/core/cluster.h"
#include "server/core/named.h"
#include "server/core/on.h"
#include "server/core/pending.h"
#include "server/core/rest.h"
#include "server/core/say.h"
#include "server/core/session.h"
#include "server/core/topic.h"

enum {
    NAMES_LISTED = 10000,
    LENGTHS = 3 /* before the texts that a pending keeps of a name */
};

static const char CUT_OFF[] = "this server is cut off from its cluster: come again";

/* ---- what is kept of a name while it is asked for ---- */

static void write_name_of(struct buf *out, const struct client_name *name)
{
    buf_byte(out, (char)name->key.n);
    buf_byte(out, (char)name->id.n);
    buf_byte(out, (char)name->secret.n);
    buf_span(out, name->key);
    buf_span(out, name->id);
    buf_span(out, name->secret);
}

static struct client_name read_name_of(const struct pending *e)
{
    const char *at = e->bytes + LENGTHS;
    size_t key_n = (uint8_t)e->bytes[0], id_n = (uint8_t)e->bytes[1], secret_n = (uint8_t)e->bytes[2];
    assert(e->bytes_n == LENGTHS + key_n + id_n + secret_n);
    return (struct client_name){.key = {at, key_n}, .id = {at + key_n, id_n}, .secret = {at + key_n + id_n, secret_n}};
}

/* ---- taking ---- */

static bool ask_take(struct core *c, const struct client_name *name, uint64_t job)
{
    struct buf gone;
    buf_init(&gone, BUS_RECORD_MAX);
    bus_record_write(
        &gone, &(struct bus_record){.type = BUS_RECORD_NAME_GONE, .name = {.key = name->key, .to = name->id}});
    bool ok = !gone.failed && cluster_do(c, &(struct core_bus){.op = BUS_NAME_TAKE,
                                                .job = job,
                                                .name = name->key,
                                                .peer = name->id,
                                                .text = name->secret,
                                                .bytes = buf_view(&gone)});
    buf_done(&gone);
    return ok;
}

static bool ask(struct core *c, enum bus_name_step step, struct conn_id conn, const struct client_name *name)
{
    struct buf kept;
    uint64_t job = 0;
    buf_init(&kept, LENGTHS + CHOSEN_KEY_MAX + CHOSEN_ID_MAX + CHOSEN_SECRET_MAX);
    write_name_of(&kept, name);
    const struct pending why = {
        .kind = PENDING_BUS_NAME, .step = (uint8_t)step, .conn = conn, .bytes = kept.p, .bytes_n = kept.len};
    bool ok = !kept.failed && pending_bus(c, &why, &job) == ERROR_NONE;
    if (ok && !ask_take(c, name, job)) {
        pending_free(pending_take_asked(c, job));
        ok = false;
    }
    buf_done(&kept);
    return ok;
}

void bus_name_take(struct core *c, struct session *s, const struct client_name *name)
{
    assert(s->state == SESSION_READY);
    if (!ask(c, BUS_NAME_STEP_TAKE, s->conn, name))
        session_end(c, s, error_close_code(ERROR_SERVER_FULL), error_code(ERROR_SERVER_FULL), DEPARTURE_DISCONNECTED);
}

void bus_name_free(struct core *c, struct span key, struct span id)
{
    if (cluster_is_up(c))
        cluster_do(c, &(struct core_bus){.op = BUS_NAME_FREE, .name = key, .peer = id});
}

static void taken(struct core *c, struct session *s, const struct pending *e, const struct core_bus_answer *a)
{
    const struct client_name name = read_name_of(e);
    bool waits = s && s->state == SESSION_READY;
    if (!waits || a->outcome == BUS_OUTCOMES)
        bus_name_free(c, name.key, name.id);
    if (!waits)
        return;
    if (a->outcome == BUS_TAKEN)
        named_refuse(c, s, &(struct reply){.type = REPLY_NAME_TAKEN});
    else if (a->outcome == BUS_OUTCOMES)
        named_refuse(c, s, &(struct reply){.type = REPLY_UNNAMED, .problem = CUT_OFF});
    else
        named_give(c, s, &name); /* where the bus is gone, by this node itself */
}

/* ---- saying ---- */

bool bus_name_forward(struct core *c, struct session *s, const struct request *r, struct span key, struct span from)
{
    struct buf record;
    uint64_t job = 0;
    const struct pending why = {.kind = PENDING_BUS_NAME,
        .step = BUS_NAME_STEP_SAID,
        .conn = s->conn,
        .bytes = (char *)r->bytes.p,
        .bytes_n = r->bytes.n};
    if (!cluster_is_up(c) || pending_bus(c, &why, &job) != ERROR_NONE)
        return false;
    buf_init(&record, BUS_RECORD_MAX);
    bus_record_write(&record, &(struct bus_record){.type = BUS_RECORD_NAME,
                                  .name = {.key = key, .to = r->forward.to, .from = from, .bytes = r->bytes}});
    bool ok = !record.failed &&
              cluster_do(c,
                  &(struct core_bus){
                      .op = BUS_NAME_SEND, .job = job, .name = key, .peer = r->forward.to, .bytes = buf_view(&record)});
    buf_done(&record);
    if (!ok)
        pending_free(pending_take_asked(c, job));
    return ok;
}

/* Nobody has that name on any node: it waits here. */
static void unsaid(struct core *c, struct session *s, const struct pending *e)
{
    struct request r;
    if (s && s->state == SESSION_NAMED && on_read(c, s, (struct span){e->bytes, e->bytes_n}, &r) == ERROR_NONE &&
        r.type == MESSAGE_FORWARD)
        named_forward_here(c, s, &r);
}

/* ---- the list ---- */

void bus_name_list(struct core *c, struct session *s, struct span key)
{
    uint64_t job = 0;
    const struct pending why = {.kind = PENDING_BUS_NAME, .step = BUS_NAME_STEP_LIST, .conn = s->conn};
    enum error e = pending_bus(c, &why, &job);
    if (e == ERROR_NONE &&
        cluster_do(c, &(struct core_bus){.op = BUS_NAME_LIST, .job = job, .name = key, .count = NAMES_LISTED}))
        return;
    pending_free(pending_take_asked(c, job));
    rest_refuse(c, s->conn, ERROR_SERVER_FULL, NULL);
}

static void listed(struct core *c, const struct pending *e, const struct core_bus_answer *a)
{
    struct buf *text = say_text(c);
    if (a->outcome != BUS_OK) {
        rest_refuse(c, e->conn, ERROR_SERVER_FULL, CUT_OFF);
        return;
    }
    buf_byte(text, '[');
    for (size_t i = 0; i < a->seats_n; i++) {
        buf_text(text, i ? "," : "");
        write_string(text, a->seats[i].peer);
    }
    buf_byte(text, ']');
    rest_respond(c, e->conn, 200, say_body(c));
}

void bus_name_answered(struct core *c, struct pending *e, const struct core_bus_answer *a)
{
    struct session *s = session_find(c, e->conn);
    switch ((enum bus_name_step)e->step) {
    case BUS_NAME_STEP_TAKE:
        taken(c, s, e, a);
        break;
    case BUS_NAME_STEP_AGAIN:
        if (s && s->state == SESSION_NAMED && a->outcome == BUS_TAKEN)
            named_refuse(c, s, &(struct reply){.type = REPLY_NAME_TAKEN});
        break;
    case BUS_NAME_STEP_SAID:
        if (a->outcome != BUS_OK)
            unsaid(c, s, e);
        break;
    case BUS_NAME_STEP_LIST:
        if (s)
            listed(c, e, a);
        break;
    }
}

void bus_name_said(struct core *c, const struct bus_record *r)
{
    if (r->type == BUS_RECORD_NAME)
        named_hear(c, r->name.key, r->name.to, r->name.from, r->name.bytes);
    else
        named_lose(c, r->name.key, r->name.to);
}

/* ---- topics ---- */

static void ask_topic(struct core *c, enum core_bus_op op, struct span topic)
{
    if (cluster_is_up(c))
        cluster_do(c, &(struct core_bus){.op = op, .name = topic});
}

void bus_topic_begins(struct core *c, struct span topic)
{
    ask_topic(c, BUS_TOPIC_JOIN, topic);
}

void bus_topic_ends(struct core *c, struct span topic)
{
    ask_topic(c, BUS_TOPIC_LEAVE, topic);
}

void bus_topic_publish(struct core *c, struct span topic, struct span bytes)
{
    struct buf record;
    if (!cluster_is_up(c))
        return;
    buf_init(&record, BUS_RECORD_MAX);
    bus_record_write(
        &record, &(struct bus_record){.type = BUS_RECORD_TOPIC, .topic = {.topic = topic, .bytes = bytes}});
    if (!record.failed)
        cluster_do(c, &(struct core_bus){.op = BUS_TOPIC_SEND, .name = topic, .bytes = buf_view(&record)});
    buf_done(&record);
}

void bus_topic_said(struct core *c, const struct bus_record *r)
{
    topic_say(c, r->topic.topic, r->topic.bytes);
}

/* ---- all of it anew ---- */

static void register_session(struct core *c, struct session *s)
{
    struct client_name name;
    if (s->state == SESSION_NAMED) {
        name = named_of(s);
        ask(c, BUS_NAME_STEP_AGAIN, s->conn, &name);
    }
    for (const struct subscription *sub = s->state == SESSION_SUBSCRIBED ? s->topics : NULL; sub; sub = sub->of_session)
        bus_topic_begins(c, (struct span){sub->topic->name, sub->topic->name_n});
}

bool bus_names_due(const struct core *c)
{
    return c->cluster->named_at < c->slot_cap;
}

/* By slots, since these do not move while sessions come and go. */
void bus_names_tick(struct core *c)
{
    struct cluster *cl = c->cluster;
    for (uint32_t n = 0; n < batch_size(c) && cl->named_at < c->slot_cap; n++) {
        struct session *s = c->slots[cl->named_at++];
        if (s)
            register_session(c, s);
    }
}
