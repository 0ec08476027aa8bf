/* SPDX-License-Identifier: MIT
 *
 * GET /metrics gathers the numbers. Queues are summed up when somebody asks, not at each message: a walk over the
 * connections every fifteen seconds costs less.
 */
#include "server/io/client.h"
#include "server/io/http.h"
#include "server/io/metrics.h"
#include "server/io/process.h"
#include "server/io/web_file.h"

static struct queue_stats look_at_queues(const struct conn_table *t)
{
    struct queue_stats q = {.bytes = 0};
    for (uint32_t slot = 0; slot < t->made; slot++) {
        const struct conn *c = conn_at(t, slot);
        if (c->state == CONN_FREE || conn_waiting(c) == 0)
            continue;
        q.connections++;
        q.bytes += conn_waiting(c);
        q.largest = conn_waiting(c) > q.largest ? conn_waiting(c) : q.largest;
    }
    return q;
}

void http_metrics(struct http_request *r)
{
    struct io *io = r->io;
    r->no_page = true;
    if (!client_is_near(r->conn, &io->settings.metrics_allow)) {
        io->stats.forwarded_refused += r->conn->unproven || r->conn->nameless;
        http_error(r, 403, NULL, error_code(ERROR_FORBIDDEN),
            "metrics are for this machine and for server.metrics_allow only");
        return;
    }
    struct webhook_counts webhooks[WEBHOOK_URLS_MAX];
    struct metrics m = {
        .core = core_stats(io->core),
        .io = &io->stats,
        .queue = look_at_queues(&io->conns),
        .process = process_look(),
        .certificate_expiry = io->tls ? tls_expiry(io->tls) : 0,
        .downloads_limited = web_root_limited(io->web),
        .log_dropped = logger_dropped(io->logger),
        .webhooks = webhooks,
        .webhooks_count = webhooks_counts(io->webhooks, webhooks),
        .bus = bus_counts(io),
        .version = io->version,
    };
    m.process.start_seconds = io->started_unix;
    struct buf body;
    buf_init(&body, METRICS_MAX);
    metrics_write(&body, &m);
    http_answer(r, &(struct http_answer){
                       .status = 200, .type = "text/plain; version=0.0.4; charset=utf-8", .body = buf_view(&body)});
    buf_done(&body);
}
