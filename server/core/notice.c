/* SPDX-License-Identifier: MIT
 *
 * What the core logs: that it had to refuse or close, never what clients do. Joins and leaves would be a line for
 * every page that somebody opens, and counters tell them better (core_stats). Since refusals are what an attacker can
 * cause at will, each kind is written once a second at most; a record carries how many there were since the last one.
 * Of what clients sent, room ids alone are in a record, since their alphabet is harmless; the rest is a reason from our
 * own tables, the address, the connection (slot and generation) and the peer id of the last one it happened to.
 */
#include "server/core/notice.h"

#include <inttypes.h>
#include <stdlib.h>

#include "server/core/effects.h"
#include "server/core/say.h"

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
};

static void add_address(struct log_record *r, const struct address *a)
{
    static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *b = a->bytes;
    if (memcmp(b, MAPPED, sizeof MAPPED) == 0)
        log_record_addf(r, "address", "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
    else
        log_record_addf(
            r, "address", "%x:%x:%x:%x::/64", b[0] << 8 | b[1], b[2] << 8 | b[3], b[4] << 8 | b[5], b[6] << 8 | b[7]);
}

static void add_session(struct log_record *r, const struct core *c, const struct session *s)
{
    log_record_addf(r, "connection", "%" PRIu32 ".%" PRIu32, s->conn.slot, s->conn.generation);
    char id[PEER_ID_MAX];
    if (s->by_id.tbl)
        log_record_add(r, "peer", say_peer_id(c, s, id));
    if (s->room)
        log_record_add(r, "room", (struct span){s->room->id, s->room->id_n});
}

/* Either of address and session may be NULL. */
static void write_notice(
    struct core *c, enum notice kind, const char *reason, const struct address *address, const struct session *s)
{
    c->notices[kind].count++;
    if (c->now < c->notices[kind].quiet_until)
        return;
    struct log_record *r = malloc(sizeof *r);
    if (!r)
        return;
    log_record_init(r, KINDS[kind].level, KINDS[kind].event, KINDS[kind].message);
    log_record_add(r, "reason", span_of(reason));
    log_record_addf(r, "count", "%" PRIu64, c->notices[kind].count);
    if (address)
        add_address(r, address);
    if (s)
        add_session(r, c, s);
    if (!effects_add(c->fx, &(struct core_effect){.type = CORE_LOG, .log = r}))
        return;
    c->notices[kind].quiet_until = c->now + NOTICE_EVERY_MS;
    c->notices[kind].count = 0;
}

void notice(struct core *c, enum notice kind, const char *reason, const struct address *address)
{
    write_notice(c, kind, reason, address, NULL);
}

void notice_session(struct core *c, enum notice kind, const char *reason, const struct session *s)
{
    write_notice(c, kind, reason, s->origin ? &s->origin->address : NULL, s);
}
