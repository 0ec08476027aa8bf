/* SPDX-License-Identifier: MIT
 *
 * The bus that the daemons of a cluster share: what the core asks of it (effects CORE_BUS), and what it says (events CORE_BUS_UP,
 * CORE_BUS_DOWN, CORE_BUS_ANSWER, CORE_BUS_MESSAGE, CORE_BUS_UNHEARD). Behind it is Redis; tests/sim/bus.c is a model of it.
 *
 *     adapter: connected, subscribed to to:<node> ──► CORE_BUS_UP ──► BUS_REGISTER ──► answer OK: the core is in the cluster
 *     any operation with a job ──► one CORE_BUS_ANSWER             a message on to:<node> ──► CORE_BUS_MESSAGE
 *     either connection lost, or an answer 5 s late ──► CORE_BUS_DOWN: no answer to what was asked before comes any more
 *
 * Operations are done in the order of their effects, and answered in that order. Each but BUS_SEND is one script, atomic.
 *
 * ---- what is kept (every key behind a prefix, `usher:1:`) ----
 *
 *   node:<node>            STRING <epoch>, lapses after the lease          an epoch is written as 16 hexadecimal digits
 *   nodes                  SET of "<node> <epoch>": registrations that may have left something behind
 *   has:<node>:<epoch>     SET of what that registration has: "r<room> <peer>", "n<key> <id>", "t<topic>"
 *   sent                   HASH node -> how many announcements were ever published to it
 *   room:<room>            HASH: `@` -> life (8 bytes) and terms; `#` -> version, a number; <peer> -> its entry
 *   listed                 ZSET of rooms whose terms say `listed`, by created_ms
 *   gone:<incarnation>     STRING, for 7 days: a room made over HTTP that was closed (16 hexadecimal digits)
 *   name:<key> <id>        STRING "<node> <epoch> <secret>"           names:<key>   SET of ids
 *   topic:<topic>          HASH node -> epoch
 *
 * Terms and entries are bytes (protocol/bus.h), of which scripts look at (offsets from 0; big-endian; `@` has 8 bytes before):
 *   terms: 0 incarnation (8), 8 created_ms (8), 16 max_peers (4; 0: no limit of its own), 20 flags (1 listed, 2 locked, 4 made
 *          over HTTP), 21 length of keeper, 22 keeper: the node that made it over HTTP (length 0: none)
 *   entry: 0 flags (1 away), 1 dialect, 2 generation (4), 6 length of previous, 7 previous: the peer id that its peer had first, on another node, or none
 * A room has as many members as its hash has fields but two. The node of a peer is its id before the dot.
 *
 * A room whose hash is made gets the caller's life, a random number, and version 0. Each change of an entry, and of the
 * terms, adds 1 to the version and is announced.
 *
 * ---- announcing ----
 *
 * To each node that has a member in the room before or after the change, to its keeper, and so to the caller too: HINCRBY sent
 * <node>, and PUBLISH to:<node> this record, all numbers big-endian:
 *
 *   length of all that follows (4) | 1 (1) | 'A' (1) | sent (8) | life (8) | version (8) | change (1) | why (1)
 *   | length (1) room | length (1) peer | length (1) previous | entry (the rest)
 *
 *   change: 'J' joined, 'A' away, 'B' back (and any other new entry), 'L' left (`why`: see operation; no entry),
 *           'M' moved: `previous` is gone and `peer` is there in its place, 'C' closed (peer, previous and entry empty)
 * A message on a channel is one record or several, one behind the other.
 *
 * ---- every script ----
 *
 * first checks that node:<self> is the caller's epoch; else it answers BUS_EPOCH and does nothing (not BUS_REGISTER).
 * `keep` below: a room without members that is made over HTTP lapses after ttl_ms (0: never), any other after linger_ms (0: its
 * hash is deleted at once, and it is taken out of `listed`). A new member ends that (PERSIST).
 * "OK, whole" is: outcome BUS_OK, terms = `@` whole, version, seats = every entry as it is after the change.
 */
#ifndef SERVER_CORE_BUS_H
#define SERVER_CORE_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum core_bus_op {
    /* epoch, former (0: none), lease_ms. If node:<node> is there and is neither `former` nor `epoch` nor "-": BUS_TAKEN. Else SET
     * it with PX lease_ms, SADD nodes; BUS_OK with number = sent[node] (0: none). */
    BUS_REGISTER,
    /* lease_ms. Lapses anew. BUS_OK, number = sent[self], text = the first of `nodes` whose node has no lease or is self with
     * another epoch; empty: there is none. */
    BUS_RENEW,
    /* lease_ms. No more of this registration: SET node:<self> "-" PX lease_ms. So its seats stay until that lapses, for those who
     * come back elsewhere. BUS_OK. */
    BUS_UNREGISTER,
    /* other (a node), former (its epoch), count. Nothing if that node has a lease and is not self: BUS_OK, number 0.
     * Else SPOP at most `count` of has:<other>:<former>, each of which is, unless other is self and has:<self>:<epoch>
     * has it too:
     *   r: if the room has that entry: HDEL, announce 'L' with `why`; `keep`. It is one of the answer's seats, with its room;
     *   n: DEL the name if its value begins with "<other> <former> ", SREM names:<key>;
     *   t: HDEL other if its value is former.
     * BUS_OK; number = 1 if there are more; else 0 and SREM nodes "<other> <former>". */
    BUS_CLEAR,
    /* room, peer, entry, terms, life, capacity, incarnation (proven: 0: nothing), create.
     * No hash: BUS_NO_ROOM unless create; else HSET `@` = life and terms, ZADD if listed.
     * locked, and `incarnation` is not the room's: BUS_LOCKED with terms.
     * As many members as the least of `capacity` and max_peers (0 of either: no limit): BUS_FULL with terms.
     * Else HSET entry, SADD has "r<room> <peer>", announce 'J': OK, whole. */
    BUS_JOIN,
    /* room, peer, why. SREM has; if the entry is there: HDEL, announce 'L'; `keep`. BUS_OK; BUS_NO_SEAT if it was not there. */
    BUS_LEAVE,
    /* room, peer, entry. If its entry is there: HSET, announce 'A' if the entry says away, else 'B': BUS_OK. Else BUS_NO_SEAT. */
    BUS_MARK,
    /* room, previous, peer, entry, terms, life, capacity, incarnation, generation, create.
     * No hash: BUS_NO_ROOM unless create; else it is made as by BUS_JOIN.
     * Another incarnation: BUS_NO_SEAT.
     * The old seat is `previous`; if that is not there, the one whose entry says previous = `previous`.
     * There is an old one: its generation is higher: BUS_NO_SEAT. HDEL it; HSET the new one; number = 1.
     * There is none: BUS_FULL as above; HSET the new one; number = 0.
     * (They may be the same id.) SADD has, announce 'M' with the id of the old one, or `previous` if there was none: OK, whole;
     * text = that id. */
    BUS_RESUME,
    /* room, terms, life, capacity, and `seats`: ours, with entries. "These I have, register what you lack, tell me all".
     * No hash: none of ours: BUS_NO_ROOM; else it is made as by BUS_JOIN.
     * locked and of another incarnation than terms say: BUS_LOCKED, whole.
     * Each of ours: it is there: if the entry differs, HSET and announce 'A' or 'B'. Not there: some entry says previous = it, or
     * has the same previous as its own (not empty), or its own previous is there: nothing (it moved); full as above: nothing; else
     * HSET, announce 'J'. SADD has for each that is there now. OK, whole. */
    BUS_SYNC,
    /* room, terms (with keeper), life, again. A room is made over HTTP, or is to be there again.
     * again and gone:<incarnation> is there: BUS_GONE. No hash: made as by BUS_JOIN; `keep`: BUS_OK.
     * There is one: again and of this incarnation: `@` = its life and the terms; BUS_OK. again and not made over HTTP: closed as by
     * BUS_CLOSE, then made: BUS_OK. Else BUS_EXISTS. */
    BUS_CREATE,
    /* room, incarnation (0: any), only_empty. No hash or another incarnation: BUS_NO_ROOM. only_empty and it has members:
     * BUS_EXISTS. Announce 'C' (version + 1), DEL, ZREM listed, if made over HTTP SET gone:<incarnation>: BUS_OK. */
    BUS_CLOSE,
    /* room. BUS_NO_ROOM, or BUS_OK with terms, number = its members. */
    BUS_SHOW,
    /* count. The first `count` of listed: BUS_OK, each one of the answer's seats: room, entry = `@` whole, number = its members.
     * Those whose hash is not there any more are taken out of listed. */
    BUS_LIST,
    /* other (a node), bytes (records), conn. PUBLISH to:<other>. No answer; if nobody heard it: CORE_BUS_UNHEARD with conn.
     * An adapter may put the records of several into one PUBLISH: then the event comes once for each. */
    BUS_SEND,
    /* name (key), peer (id), text (secret). The name has a value whose node has a lease of that epoch: of another secret:
     * BUS_TAKEN. Else SET it, SADD has, SADD names:<key>; if it was another node's with a lease, PUBLISH `bytes` to that one.
     * BUS_OK. */
    BUS_NAME_TAKE,
    /* name (key), peer (id). SREM has; if its value begins with "<self> <epoch> ": DEL it, SREM names:<key>. BUS_OK. */
    BUS_NAME_FREE,
    /* name (key), peer (id), bytes (a record). PUBLISH it to the node whose name it is, if that has a lease of that epoch: BUS_OK
     * if somebody heard it; else BUS_NO_NAME. */
    BUS_NAME_SEND,
    /* name (key), count. BUS_OK; each of names:<key>, at most `count`, one of the answer's seats: peer. */
    BUS_NAME_LIST,
    /* name (topic). HSET topic:<topic> self epoch, SADD has; and HDEL, SREM has. BUS_OK. */
    BUS_TOPIC_JOIN,
    BUS_TOPIC_LEAVE,
    /* name (topic), bytes (a record). PUBLISH it to each node of the topic but self. BUS_OK. */
    BUS_TOPIC_SEND,
    BUS_OPS
};

/* A seat of a room as it is kept; of answers that say so a room, a name. */
struct core_bus_seat {
    struct span room, peer, entry;
    uint64_t number;
};

/* One operation: one piece of memory (free), its spans point into it. What an operation does not name is 0. */
struct core_bus {
    enum core_bus_op op;
    uint64_t job;                   /* of its answer; 0: an answer comes only if it is BUS_EPOCH or BUS_FAILED */
    uint32_t slot, conn_generation; /* BUS_SEND: whose signal it is */
    uint64_t epoch;                 /* of this node's registration: of every operation */
    struct span node;               /* self: of every operation */
    struct span other, room, peer, previous, entry, terms, name, text, bytes;
    uint64_t former, life, incarnation, lease_ms, linger_ms, ttl_ms;
    uint32_t capacity, generation, count;
    uint8_t why;
    bool create, again, only_empty;
    struct core_bus_seat *seats; /* BUS_SYNC: peer and entry */
    size_t seats_n;
};

enum core_bus_outcome {
    BUS_OK,
    BUS_EPOCH, /* this registration is over */
    BUS_FAILED, /* it could not be done: the server said an error (READONLY, OOM, LOADING, a wrong type); the adapter logs it */
    BUS_TAKEN,
    BUS_NO_ROOM,
    BUS_NO_SEAT,
    BUS_LOCKED,
    BUS_FULL,
    BUS_EXISTS,
    BUS_GONE,
    BUS_NO_NAME,
    BUS_OUTCOMES
};

/* Everything is borrowed for the step. */
struct core_bus_answer {
    uint64_t job; /* 0: of an operation that has none */
    enum core_bus_outcome outcome;
    struct span terms; /* `@`: life and terms */
    uint64_t version, number;
    struct span text;
    const struct core_bus_seat *seats;
    size_t seats_n;
};

#endif
