/* SPDX-License-Identifier: MIT
 *
 * Clients that mean harm: each does as much of one thing as it can. Refusals, errors and closed connections are what they
 * expect, and they come back at once. The first comes from one address, the others from FLOOD_SOURCES in turns.
 *
 *     frames       messages, back to back, faster than they are read
 *     signals      the same, to somebody who is not there
 *     pongs        pongs that nobody asked for, which are no messages
 *     pings        pings, each with all the payload it may have and to be answered
 *     slivers      messages of which each byte is a frame
 *     fragments    messages with hundreds of empty frames behind them
 *     large        messages of nearly max_frame, all small tokens
 *     garbage      messages that are no JSON
 *     deaf         the same, from who does not hear that the server closes, and goes on
 *     joins        join-room and leave-room in turns, back to back
 *     passwords    join-room into a locked room, each as soon as the one before was refused
 *     connections  connections that ask for a WebSocket and are dropped
 *     closings     connections that ask for a WebSocket and close it with a Close frame
 *     dials        connections that say nothing and are dropped
 *     heads        heads of the largest size, a byte at a time
 *     hellos       beginnings of TLS handshakes: the server answers each with a signature
 *     tokens       requests to delete the locked room, with a bearer token that is wrong
 *     posts        requests to make a room
 *     lists        requests for the list of rooms
 *     unread       the same, and the answer is not read
 *     metrics      requests for the metrics
 *     files        requests for /large in web_root
 *     stun         100,000 binding requests a second, to the UDP port that --server names
 *     datagrams    as many of them as can be
 */
#include "bench/flood.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

enum {
    FLOOD_SOURCES = 20
};

struct in_addr flood_address(unsigned client)
{
    return (struct in_addr){htonl(INADDR_LOOPBACK + 99 + client % FLOOD_SOURCES)}; /* 127.0.0.100 … */
}

#define REQUEST(literal)               \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }
#define GET(path) REQUEST("GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n")
#define WEBSOCKET                                                                          \
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

#define BINDING                \
    "\0\1\0\0\x21\x12\xa4\x42" \
    "transactions"

/* A ClientHello of TLS 1.3 (RFC 8446 section 4.1.2) with a share for x25519. */
static const char hello[] =
    "\x16\x03\x01\x00\xae\x01\x00\x00\xaa\x03\x03\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"
    "\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20\x07\x07\x07\x07\x07\x07"
    "\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07"
    "\x07\x00\x0e\x13\x01\x13\x02\x13\x03\xc0\x2b\xc0\x2f\xc0\x2c\xc0\x30\x01\x00\x00\x53\x00\x0a\x00\x06"
    "\x00\x04\x00\x1d\x00\x17\x00\x0d\x00\x14\x00\x12\x04\x03\x08\x04\x08\x05\x08\x06\x05\x03\x06\x03\x04"
    "\x01\x05\x01\x06\x01\x00\x2b\x00\x03\x02\x03\x04\x00\x33\x00\x26\x00\x24\x00\x1d\x00\x20\x09\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00";

static const struct flood_kind kinds[] = {
    {"frames", flood_run_ws, .more = flood_more_frames},
    {"signals", flood_run_ws, .more = flood_more_signals},
    {"pongs", flood_run_ws, .more = flood_more_pongs},
    {"pings", flood_run_ws, .more = flood_more_pings},
    {"slivers", flood_run_ws, .more = flood_more_slivers},
    {"fragments", flood_run_ws, .more = flood_more_fragments},
    {"large", flood_run_ws, .more = flood_more_large},
    {"garbage", flood_run_ws, .more = flood_more_garbage},
    {"deaf", flood_run_ws, .more = flood_more_garbage, .unread = true},
    {"joins", flood_run_ws, .more = flood_more_joins},
    {"passwords", flood_run_ws, .answer = flood_answer_password, .needs_room = true},
    {"connections", flood_run_requests, .request = REQUEST(WEBSOCKET), .dropped = true},
    {"closings", flood_run_requests, .request = REQUEST(WEBSOCKET "\x88\x82\0\0\0\0\x03\xe8")},
    {"dials", flood_run_requests, .request = REQUEST(""), .dropped = true},
    {"heads", flood_run_requests, .request = GET("/health"), .padding = 12000, .dribbled = true},
    {"hellos", flood_run_requests, .request = {hello, sizeof hello - 1}},
    {"tokens", flood_run_requests,
        .request = REQUEST("DELETE /api/rooms/%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                           "bm9ib2R5LXdvdWxkLWd1ZXNzLXRoaXMtdG9rZW4tZXZlcg\r\n\r\n"),
        .needs_room = true},
    {"posts", flood_run_requests,
        .request = REQUEST("POST /api/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")},
    {"lists", flood_run_requests, .request = GET("/api/rooms")},
    {"unread", flood_run_requests, .request = GET("/api/rooms"), .unread = true},
    {"metrics", flood_run_requests, .request = GET("/metrics")},
    {"files", flood_run_requests, .request = GET("/large")},
    {"stun", flood_run_datagrams, .request = REQUEST(BINDING), .a_second = 100000},
    {"datagrams", flood_run_datagrams, .request = REQUEST(BINDING)},
};

static const struct flood_kind *find(const char *name)
{
    for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(name, kinds[i].name) == 0)
            return &kinds[i];
    return NULL;
}

bool mode_flood(const struct load_options *o)
{
    struct flood f = {.options = o, .kind = find(o->kind), .end = now_ns() + (uint64_t)(o->seconds * 1e9)};
    if (!f.kind || (f.kind->needs_room && !o->room)) {
        fputs("load: flood needs a --kind that it knows, and --room where that is about a locked room\n", stderr);
        return false;
    }
    rng_seeded_init(&f.seed, 2);
    f.rng = rng_seeded_port(&f.seed);
    if (!f.kind->run(&f)) {
        fputs("load: out of memory\n", stderr);
        return false;
    }
    printf("flood kind=%s clients=%u seconds=%.2f done=%" PRIu64 " per_second=%.0f refused=%" PRIu64 "\n", o->kind,
        o->fleet.clients, o->seconds, f.done, (double)f.done / o->seconds, f.refused);
    return true;
}
