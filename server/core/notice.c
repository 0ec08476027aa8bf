/* SPDX-License-Identifier: MIT
 *
 * What the core logs: that it had to refuse or close, never what clients do. Joins and leaves would be a line for
 * every page that somebody opens, and counters tell them better (core_stats). Since refusals are what an attacker can
 * cause at will, each kind is written once a second at most; a record carries how many there were since the last one,
 * and those of a second in which nothing was written are told when it ends.
 * Of what clients sent, room ids alone are in a record, since their alphabet is harmless; the rest is a reason from our
 * own tables, the address, the connection (slot and generation) and the peer id of the last one it happened to.
 */
#include "server/core/notice.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "server/core/effects.h"
#include "server/core/say.h"
#include "server/core/session.h"

enum {
    NOTICE_EVERY_MS = 1000
};

static const struct {
    enum log_level level;
    const char *event, *message;
} KINDS[NOTICES] = {
    [NOTICE_REFUSED] = {LOG_LEVEL_WARNING, "connection-refused", "a limit refused connections"},
    [NOTICE_FATAL] = {LOG_LEVEL_NOTICE, "connection-failed", "connections were closed for breaking the protocol"},
    [NOTICE_SLOW] = {LOG_LEVEL_NOTICE, "connection-slow", "connections were closed for not reading what was sent"},
    [NOTICE_FULL] = {LOG_LEVEL_WARNING, "server-full", "the limit of rooms or of memory refused requests"},
    [NOTICE_MEMORY] = {LOG_LEVEL_ERROR, "out-of-memory", "memory ran out: connections are closed"},
    [NOTICE_STORE] = {LOG_LEVEL_ERROR, "store-failed", "rooms made over HTTP could not be stored: they are refused"},
    [NOTICE_RATE] = {LOG_LEVEL_NOTICE, "connection-paced",
        "connections sent faster than their rate and are read slower"},
    [NOTICE_JOINS] = {LOG_LEVEL_WARNING, "joins-refused", "addresses joined or made rooms faster than their rate"},
    [NOTICE_ROOM_FULL] = {LOG_LEVEL_NOTICE, "room-full", "rooms had their number of members"},
    [NOTICE_WRONG] = {LOG_LEVEL_NOTICE, "auth-failed", "passwords or tokens were wrong"},
    [NOTICE_AUTH] = {LOG_LEVEL_WARNING, "auth-refused",
        "addresses with too many wrong passwords or tokens were refused unheard"},
    [NOTICE_UNHELD] = {LOG_LEVEL_NOTICE, "frames-unheld", "frames for absent members were dropped for want of room"},
    [NOTICE_BUS] = {LOG_LEVEL_WARNING, "cluster", "the cluster is not what it should be"},
    [NOTICE_BUS_BAD] = {LOG_LEVEL_WARNING, "bus-unreadable", "messages on the channel of this node could not be read"},
    [NOTICE_BUS_LOST] = {LOG_LEVEL_WARNING, "bus-lost", "messages of other nodes never came: rooms are read again"},
    [NOTICE_UNHEARD] = {LOG_LEVEL_WARNING, "bus-unheard", "signals could not be sent to another node"},
};

static void add_address(struct log_record *r, const struct address *a)
{
    const uint8_t *b = a->bytes;
    if (address_is_ipv4(a))
        log_record_addf(r, "address", "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
    else
        log_record_addf(
            r, "address", "%x:%x:%x:%x::/64", b[0] << 8 | b[1], b[2] << 8 | b[3], b[4] << 8 | b[5], b[6] << 8 | b[7]);
}

static void add_session(struct log_record *r, const struct core *c, const struct session *s)
{
    log_record_addf(r, "connection", "%" PRIu32 ".%" PRIu32, s->conn.slot, s->conn.generation);
    char id[PEER_ID_MAX];
    const struct room *room = s->member ? s->member->room : NULL;
    if (s->member)
        log_record_add(r, "peer", say_peer_id(c, s->member, id));
    if (room)
        log_record_add(r, "room", (struct span){room->id, room->id_n});
}

/* Writes what was counted of the kind; the session may be NULL. */
static void write_notice(struct core *c, enum notice kind, const struct session *s)
{
    assert(kind < NOTICES && c->notices[kind].count > 0);
    static const struct address NOWHERE;
    const struct address *address = &c->notices[kind].address;
    c->notices[kind].quiet_until = c->now + NOTICE_EVERY_MS;
    struct log_record *r = malloc(sizeof *r);
    if (!r)
        return;
    log_record_init(r, KINDS[kind].level, KINDS[kind].event, KINDS[kind].message);
    log_record_add(r, "reason", span_of(c->notices[kind].reason));
    log_record_addf(r, "count", "%" PRIu64, c->notices[kind].count);
    if (memcmp(address, &NOWHERE, sizeof *address) != 0)
        add_address(r, address);
    if (s)
        add_session(r, c, s);
    if (!effects_add(c->fx, &(struct core_effect){.type = CORE_LOG, .log = r}))
        return;
    c->notices[kind].count = 0;
    c->unsaid--;
}

/* Either of address and session may be NULL. */
static void take(
    struct core *c, enum notice kind, const char *reason, const struct address *address, const struct session *s)
{
    if (c->notices[kind].count++ == 0)
        c->unsaid++;
    c->notices[kind].reason = reason;
    c->notices[kind].address = address ? *address : (struct address){{0}};
    if (c->now >= c->notices[kind].quiet_until)
        write_notice(c, kind, s);
}

void notice(struct core *c, enum notice kind, const char *reason, const struct address *address)
{
    take(c, kind, reason, address, NULL);
}

void notice_session(struct core *c, enum notice kind, const char *reason, const struct session *s)
{
    take(c, kind, reason, s->address ? &s->address->address : NULL, s);
}

void notice_limit(struct core *c, enum limit limit, enum notice kind, const struct session *s)
{
    assert(limit < LIMITS && kind < NOTICES);
    static const char *const NAMES[LIMITS] = {
#define X(name, text) [LIMIT_##name] = (text),
        LIMIT_TABLE(X)
#undef X
    };
    c->stats.limited[limit]++;
    if (s)
        notice_session(c, kind, NAMES[limit], s);
    else
        notice(c, kind, NAMES[limit], NULL);
}

void notice_tick(struct core *c)
{
    for (enum notice k = 0; c->unsaid && k < NOTICES; k++)
        if (c->notices[k].count && c->now >= c->notices[k].quiet_until)
            write_notice(c, k, NULL);
}

uint64_t notice_due(const struct core *c)
{
    uint64_t due = UINT64_MAX;
    for (enum notice k = 0; c->unsaid && k < NOTICES; k++)
        if (c->notices[k].count && c->notices[k].quiet_until < due)
            due = c->notices[k].quiet_until;
    return due;
}
