/* SPDX-License-Identifier: MIT
 *
 * Who may connect. Limits of the whole server come first, then those of the address: how many connections it holds and
 * how fast it makes them. A provider hands an IPv6 customer a /64 at least, so that is what counts as one address. An
 * address is remembered while it has connections, rooms or topics that were made from it, or letters or held frames that were sent
 * from it, and after that until its buckets must be full again and its wrong passwords forgiven: then it is as good as
 * new. Of those that have none of these the oldest are forgotten early when there are ADDRESSES_IDLE_MAX.
 *
 * Joins are counted whatever becomes of them: each costs a look at its room, and a refused one would cost a guesser
 * nothing. Coming back by a resume token is no join: a fleet behind one address returns all at once after a restart.
 *
 * Unix sockets have no address, and with both limits off nothing is counted; connections that were opened like that
 * stay uncounted when a reload sets a limit.
 */
#include "server/core/address_limits.h"

#include <assert.h>
#include <stdlib.h>

#include "server/core/batch.h"
#include "server/core/auth_throttle.h"

static bool counts(const struct core_settings *set, const struct address *a)
{
    static const struct address NOWHERE;
    bool limited = set->max_connections_per_address || (set->connection_rate && set->connection_burst) ||
                   set->join_rate || set->auth_failures;
    return limited && memcmp(a, &NOWHERE, sizeof *a) != 0;
}

static uint32_t join_burst(const struct core_settings *set)
{
    uint32_t most = UINT32_MAX / JOIN_BURST_SECONDS;
    return (set->join_rate < most ? set->join_rate : most) * JOIN_BURST_SECONDS;
}

static void address_state_free(struct core *c, struct address_state *o)
{
    if (o->idle.next) {
        waiting_remove(&o->idle);
        c->idle_count--;
    }
    table_remove(&c->addresses, o);
    free(o);
}

static void rest(struct core *c, struct address_state *o)
{
    waiting_add(&c->idle, &o->idle, c->now);
    if (++c->idle_count > ADDRESSES_IDLE_MAX)
        address_state_free(c, WAIT_OF(waiting_first(&c->idle), struct address_state, idle));
}

static void rest_if_idle(struct core *c, struct address_state *o)
{
    if (o->connections == 0 && o->rooms == 0 && o->topics == 0 && o->letters == 0 && o->held_bytes == 0)
        rest(c, o);
}

uint32_t address_limits_hash(const void *state)
{
    return ((const struct address_state *)state)->hash;
}

static bool has_address(const void *item, const void *address)
{
    return memcmp(&((const struct address_state *)item)->address, address, sizeof(struct address)) == 0;
}

/* The address's entry, made if there is none; NULL when out of memory. */
static struct address_state *address_state_get(struct core *c, const struct address *address)
{
    struct address network = address_network(address);
    uint32_t hash = hash_keyed(c->hash_key, &network, sizeof network);
    struct address_state *o = table_find(&c->addresses, hash, has_address, &network);
    if (o)
        return o;
    o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->address = network;
    o->hash = hash;
    bucket_fill(&o->arrivals, c->settings.connection_burst, c->now);
    bucket_fill(&o->joins, join_burst(&c->settings), c->now);
    if (!table_add(&c->addresses, o)) {
        free(o);
        return NULL;
    }
    rest(c, o);
    return o;
}

enum error address_limits_admit(struct core *c, const struct address *address, struct address_state **state)
{
    const struct core_settings *set = &c->settings;
    *state = NULL;
    if (c->draining)
        return ERROR_DRAINING;
    if (set->max_connections && c->stats.connections >= set->max_connections) {
        c->stats.limited[LIMIT_MAX_CONNECTIONS]++;
        return ERROR_SERVER_FULL;
    }
    return address_limits_admit_named(c, address, state);
}

enum error address_limits_admit_named(struct core *c, const struct address *address, struct address_state **state)
{
    const struct core_settings *set = &c->settings;
    *state = NULL;
    if (!counts(set, address))
        return ERROR_NONE;
    struct address_state *o = address_state_get(c, address);
    if (!o)
        return ERROR_SERVER_FULL;
    if (set->max_connections_per_address && o->connections >= set->max_connections_per_address) {
        c->stats.limited[LIMIT_MAX_CONNECTIONS_PER_ADDRESS]++;
        return ERROR_RATE_LIMITED;
    }
    if (!bucket_ready(&o->arrivals, set->connection_rate, set->connection_burst, c->now)) {
        c->stats.limited[LIMIT_CONNECTION_RATE]++;
        return ERROR_RATE_LIMITED;
    }
    bucket_take(&o->arrivals);
    o->connections++;
    if (o->idle.next) {
        waiting_remove(&o->idle);
        c->idle_count--;
    }
    *state = o;
    return ERROR_NONE;
}

void address_limits_leave(struct core *c, struct address_state *o)
{
    if (!o)
        return;
    assert(o->connections > 0);
    o->connections--;
    rest_if_idle(c, o);
}

void address_limits_give_back(struct core *c, struct address_state *o)
{
    if (!o)
        return;
    bucket_give(&o->arrivals, c->settings.connection_burst);
    address_limits_leave(c, o);
}

void address_limits_room_made(struct address_state *o)
{
    assert(!o || o->connections > 0);
    if (o)
        o->rooms++;
}

void address_limits_room_gone(struct core *c, struct address_state *o)
{
    assert(!o || o->rooms > 0);
    if (!o)
        return;
    assert(o->rooms > 0);
    o->rooms--;
    rest_if_idle(c, o);
}

void address_limits_topic_made(struct address_state *o)
{
    assert(!o || o->connections > 0);
    if (o)
        o->topics++;
}

void address_limits_topic_gone(struct core *c, struct address_state *o)
{
    assert(!o || o->topics > 0);
    if (!o)
        return;
    o->topics--;
    rest_if_idle(c, o);
}

bool address_limits_letter_kept(struct address_state *o, uint32_t bytes)
{
    assert(!o || o->connections > 0);
    if (!o)
        return true;
    if (o->letters >= LETTERS_MAX / LETTERS_SHARE || o->letter_bytes + bytes > LETTERS_BYTES_MAX / LETTERS_SHARE)
        return false;
    o->letters++;
    o->letter_bytes += bytes;
    return true;
}

void address_limits_letter_gone(struct core *c, struct address_state *o, uint32_t bytes)
{
    if (!o)
        return;
    assert(o->letters > 0 && o->letter_bytes >= bytes);
    o->letters--;
    o->letter_bytes -= bytes;
    rest_if_idle(c, o);
}

bool address_limits_frame_held(struct address_state *o, uint32_t bytes)
{
    assert(!o || o->connections > 0);
    if (!o)
        return true;
    if (o->held_bytes + bytes > HELD_ALL_MAX / HELD_SHARE)
        return false;
    o->held_bytes += bytes;
    return true;
}

void address_limits_frame_gone(struct core *c, struct address_state *o, uint32_t bytes)
{
    if (!o)
        return;
    assert(o->held_bytes >= bytes);
    o->held_bytes -= bytes;
    rest_if_idle(c, o);
}

bool address_limits_join(struct core *c, struct address_state *o, uint64_t *wait_ms)
{
    assert(!o || o->connections > 0);
    const struct core_settings *set = &c->settings;
    if (!o || !set->join_rate)
        return true;
    if (!bucket_ready(&o->joins, set->join_rate, join_burst(set), c->now)) {
        *wait_ms = bucket_wait(&o->joins, set->join_rate);
        return false;
    }
    bucket_take(&o->joins);
    return true;
}

/* How long an address without a connection is worth remembering. */
static uint64_t memory_ms(const struct core_settings *set)
{
    uint64_t arrivals = bucket_refill(set->connection_rate, set->connection_burst);
    uint64_t joins = bucket_refill(set->join_rate, join_burst(set));
    uint64_t longest = set->auth_failures ? AUTH_WINDOW_MS : 1;
    longest = arrivals > longest ? arrivals : longest;
    return joins > longest ? joins : longest;
}

uint64_t address_limits_due(const struct core *c)
{
    return waiting_due(&c->idle, memory_ms(&c->settings));
}

void address_limits_tick(struct core *c)
{
    for (uint32_t n = batch_size(c) * BATCH_LIGHT; n > 0 && address_limits_due(c) <= c->now; n--)
        address_state_free(c, WAIT_OF(waiting_first(&c->idle), struct address_state, idle));
}

void address_limits_free(struct core *c)
{
    struct address_state *o;
    for (uint64_t at = 0; (o = table_next(&c->addresses, &at));)
        free(o);
    table_done(&c->addresses);
}
