/* SPDX-License-Identifier: MIT
 *
 * GET /metrics: the numbers of the core, of the sockets and of the process as Prometheus reads them (text exposition
 * format 0.0.4). Pure: the caller brings the numbers, so a test can show every line. docs/metrics.md lists them all.
 */
#ifndef SERVER_IO_METRICS_H
#define SERVER_IO_METRICS_H

#include "base/buf.h"
#include "server/core/core.h"
#include "server/io/bus.h"
#include "server/io/proxy_header.h"
#include "server/io/stun_socket.h"
#include "server/io/webhook_queue.h"

/* Every status that an answer over HTTP has; what is none of them is the last. */
#define ANSWER_TABLE(X)                       \
    X(200, "OK")                              \
    X(201, "Created")                         \
    X(204, "No Content")                      \
    X(206, "Partial Content")                 \
    X(301, "Moved Permanently")               \
    X(304, "Not Modified")                    \
    X(400, "Bad Request")                     \
    X(401, "Unauthorized")                    \
    X(403, "Forbidden")                       \
    X(404, "Not Found")                       \
    X(405, "Method Not Allowed")              \
    X(409, "Conflict")                        \
    X(411, "Length Required")                 \
    X(412, "Precondition Failed")             \
    X(413, "Content Too Large")               \
    X(414, "URI Too Long")                    \
    X(416, "Range Not Satisfiable")           \
    X(417, "Expectation Failed")              \
    X(426, "Upgrade Required")                \
    X(429, "Too Many Requests")               \
    X(431, "Request Header Fields Too Large") \
    X(501, "Not Implemented")                 \
    X(503, "Service Unavailable")             \
    X(505, "HTTP Version Not Supported")      \
    X(500, "Internal Server Error")

enum answer_status {
#define X(number, text) ANSWER_##number,
    ANSWER_TABLE(X)
#undef X
    ANSWER_STATUSES
};

/* What the page at /check tries, and what comes of it. */
#define CHECK_PART_TABLE(X)   \
    X(WEBSOCKET, "websocket") \
    X(POLLING, "polling")     \
    X(STUN, "stun")           \
    X(TURN, "turn")
#define CHECK_OUTCOME_TABLE(X) \
    X(WORKS, "works")          \
    X(FAILS, "fails")          \
    X(SKIPPED, "skipped")

enum check_part {
#define X(name, text) CHECK_PART_##name,
    CHECK_PART_TABLE(X)
#undef X
    CHECK_PARTS
};

enum check_outcome {
#define X(name, text) CHECK_##name,
    CHECK_OUTCOME_TABLE(X)
#undef X
    CHECK_OUTCOMES
};

/* Its word in that table. */
const char *check_part_name(enum check_part part);

/* What the io side counts. */
struct io_stats {
    uint64_t http[ANSWER_STATUSES]; /* answers over HTTP, by status */
    struct histogram relay;         /* from the read that brought the first of a turn's messages to the turn's write */
    uint64_t origin_refused;        /* requests of web pages whose origin is not among server.origins */
    uint64_t forwarded_refused;     /* requests of a proxy whose word on its client is not believed, or missing */
    uint64_t proxy_refused[PROXY_PROBLEMS];      /* connections closed for their PROXY header */
    uint64_t stun[STUN_OUTCOMES];                /* datagrams to the STUN server built in */
    uint64_t check[CHECK_PARTS][CHECK_OUTCOMES]; /* results of the page at /check */
    uint64_t descriptor_shortages;               /* times that accepting paused for want of file descriptors */
};

/* What waits for clients that do not read, now. */
struct queue_stats {
    uint64_t connections, bytes, largest;
};

struct process_stats {
    double cpu_seconds, start_seconds; /* spent; since 1970 */
    uint64_t resident_bytes, virtual_bytes;
    uint64_t fds, fds_max;
};

struct metrics {
    const struct core_stats *core;
    const struct io_stats *io;
    struct queue_stats queue;
    struct process_stats process;
    int64_t certificate_expiry; /* unix seconds; 0: no TLS, and no such metric */
    uint64_t downloads_limited; /* files of server.web_root that were not sent, or not whole: too many at once */
    uint64_t log_dropped;       /* records that nobody will read */
    const struct webhook_counts *webhooks; /* of each receiver: */
    size_t webhooks_count;                 /* so many; 0: none, and no such metrics */
    const struct bus_counts *bus;          /* NULL: no cluster, and no such metrics */
    const char *version;
};

enum {
    METRICS_MAX = 64 * 1024 /* bytes of the whole text: labels come from our own tables only */
};

/* The buckets of io_stats.relay. */
extern const struct histogram_bounds METRICS_RELAY_BOUNDS;

void metrics_write(struct buf *out, const struct metrics *m);

#endif
