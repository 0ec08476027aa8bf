/* SPDX-License-Identifier: MIT
 *
 * Families stand in one table: name, type, help, and the function that writes its samples. Labels are words of our own
 * tables, never anything that a client sent: a label that an attacker chooses grows the database that scrapes us.
 */
#include "server/io/metrics.h"

#include <inttypes.h>

const struct histogram_bounds METRICS_RELAY_BOUNDS = {
    .n = 14,
    .us = {25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000},
};

struct family {
    const char *name, *type, *help;
    void (*samples)(struct buf *out, const char *name, const struct metrics *m);
};

static void sample(struct buf *out, const char *name, const char *label, const char *value, uint64_t number)
{
    buf_printf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, number);
}

static void write_histogram(
    struct buf *out, const char *name, const struct histogram *h, const struct histogram_bounds *bounds)
{
    uint64_t so_far = 0;
    for (size_t i = 0; i < bounds->n; i++) {
        so_far += h->counts[i];
        buf_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, (double)bounds->us[i] / 1e6, so_far);
    }
    so_far += h->counts[bounds->n];
    buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, so_far);
    buf_printf(out, "%s_sum %.6f\n%s_count %" PRIu64 "\n", name, (double)h->sum_us / 1e6, name, so_far);
}

/* ---- families of one number ---- */

#define NUMBER(function, expression)                                                 \
    static void function(struct buf *out, const char *name, const struct metrics *m) \
    {                                                                                \
        buf_printf(out, "%s %" PRIu64 "\n", name, (uint64_t)(expression));           \
    }
NUMBER(connections, m->core->connections)
NUMBER(rooms, m->core->rooms)
NUMBER(topics, m->core->topics)
NUMBER(subscriptions, m->core->subscriptions)
NUMBER(names, m->core->named)
NUMBER(members, m->core->members)
NUMBER(away, m->core->away)
NUMBER(held_bytes, m->core->held_bytes)
NUMBER(letters, m->core->letters)
NUMBER(letter_bytes, m->core->letter_bytes)
NUMBER(accepted, m->core->accepted_total)
NUMBER(joins, m->core->joins_total)
NUMBER(leaves, m->core->leaves_total)
NUMBER(resumed, m->core->resumed_total)
NUMBER(unheld, m->core->unheld_total)
NUMBER(auth_failed, m->core->auth_failed_total)
NUMBER(auth_delayed, m->core->auth_delayed_total)
NUMBER(origin_refused, m->io->origin_refused)
NUMBER(forwarded_refused, m->io->forwarded_refused)
NUMBER(descriptor_shortages, m->io->descriptor_shortages)
NUMBER(log_dropped, m->log_dropped)
NUMBER(webhooks_lost, m->core->webhooks_lost_total)
NUMBER(queue_connections, m->queue.connections)
NUMBER(queue_bytes, m->queue.bytes)
NUMBER(queue_largest, m->queue.largest)
NUMBER(resident, m->process.resident_bytes)
NUMBER(virtual_memory, m->process.virtual_bytes)
NUMBER(fds, m->process.fds)
NUMBER(fds_max, m->process.fds_max)
/* ---- only in a cluster ---- */
NUMBER(cluster_up, m->core->bus_up)
NUMBER(cluster_nodes, m->core->nodes)
NUMBER(cluster_remote, m->core->remote_members)
NUMBER(cluster_sent, m->core->bus_sent_total)
NUMBER(cluster_heard, m->core->bus_heard_total)
NUMBER(cluster_unheard, m->core->bus_unheard_total)
NUMBER(cluster_missed, m->core->bus_lost_total)
NUMBER(cluster_synced, m->core->bus_synced_total)
NUMBER(cluster_bad, m->core->bus_bad_total)
NUMBER(cluster_cleared, m->core->bus_cleared_total)
NUMBER(redis_up, m->bus->connected)
NUMBER(redis_lost, m->bus->lost_total)
NUMBER(redis_refused, m->bus->refused_total)
NUMBER(redis_waiting, m->bus->waiting_bytes)
NUMBER(redis_published, m->bus->published_total)
#undef NUMBER

static void certificate(struct buf *out, const char *name, const struct metrics *m)
{
    buf_printf(out, "%s %" PRId64 "\n", name, m->certificate_expiry);
}

static void cpu(struct buf *out, const char *name, const struct metrics *m)
{
    buf_printf(out, "%s %.6f\n", name, m->process.cpu_seconds);
}

static void start_time(struct buf *out, const char *name, const struct metrics *m)
{
    buf_printf(out, "%s %.3f\n", name, m->process.start_seconds);
}

/* ---- families with labels ---- */

static void limited(struct buf *out, const char *name, const struct metrics *m)
{
    static const char *const NAMES[LIMITS] = {
#define X(limit, text) [LIMIT_##limit] = (text),
        LIMIT_TABLE(X)
#undef X
    };
    for (enum limit l = 0; l < LIMITS; l++)
        sample(out, name, "limit", NAMES[l], m->core->limited[l]);
    sample(out, name, "limit", "downloads", m->downloads_limited);
}

static void http_answers(struct buf *out, const char *name, const struct metrics *m)
{
    static const char *const NUMBERS[ANSWER_STATUSES] = {
#define X(number, text) [ANSWER_##number] = #number,
        ANSWER_TABLE(X)
#undef X
    };
    for (enum answer_status s = 0; s < ANSWER_STATUSES; s++)
        sample(out, name, "status", NUMBERS[s], m->io->http[s]);
}

static void build_info(struct buf *out, const char *name, const struct metrics *m)
{
    sample(out, name, "version", m->version, 1);
}

static void errors(struct buf *out, const char *name, const struct metrics *m)
{
    for (enum error e = ERROR_NONE + 1; e < ERRORS; e++)
        sample(out, name, "code", error_code(e), m->core->errors[e]);
}

static void proxy_refused(struct buf *out, const char *name, const struct metrics *m)
{
    for (enum proxy_problem p = 0; p < PROXY_PROBLEMS; p++)
        sample(out, name, "reason", proxy_problem_label(p), m->io->proxy_refused[p]);
}

static void stun(struct buf *out, const char *name, const struct metrics *m)
{
    static const char *const NAMES[STUN_OUTCOMES] = {
#define X(outcome, text) [STUN_OUTCOME_##outcome] = (text),
        STUN_OUTCOME_TABLE(X)
#undef X
    };
    for (enum stun_outcome o = 0; o < STUN_OUTCOMES; o++)
        sample(out, name, "outcome", NAMES[o], m->io->stun[o]);
}

const char *check_part_name(enum check_part part)
{
    static const char *const NAMES[CHECK_PARTS] = {
#define X(name, text) [CHECK_PART_##name] = (text),
        CHECK_PART_TABLE(X)
#undef X
    };
    return NAMES[part];
}

static void checks(struct buf *out, const char *name, const struct metrics *m)
{
    static const char *const OUTCOMES_OF[CHECK_OUTCOMES] = {
#define X(outcome, text) [CHECK_##outcome] = (text),
        CHECK_OUTCOME_TABLE(X)
#undef X
    };
    for (enum check_part p = 0; p < CHECK_PARTS; p++)
        for (enum check_outcome o = 0; o < CHECK_OUTCOMES; o++)
            buf_printf(out, "%s{part=\"%s\",outcome=\"%s\"} %" PRIu64 "\n", name, check_part_name(p), OUTCOMES_OF[o],
                m->io->check[p][o]);
}

/* A connection is refused for these only (server/core/address_limits.c). */
static void refused(struct buf *out, const char *name, const struct metrics *m)
{
    static const enum error REASONS[] = {ERROR_RATE_LIMITED, ERROR_SERVER_FULL, ERROR_DRAINING};
    for (size_t i = 0; i < sizeof REASONS / sizeof *REASONS; i++)
        sample(out, name, "reason", error_code(REASONS[i]), m->core->refused[REASONS[i]]);
}

static void closed(struct buf *out, const char *name, const struct metrics *m)
{
    static const char *const REASONS[DEPARTURES] = {
#define X(departure, reason) [DEPARTURE_##departure] = (reason),
        DEPARTURE_TABLE(X)
#undef X
    };
    for (enum departure d = 0; d < DEPARTURES; d++)
        sample(out, name, "reason", REASONS[d], m->core->ended[d]);
}

/* What came from clients, by type; a frame that could not be read has none. */
static void received(struct buf *out, const char *name, const uint64_t *counts)
{
    for (enum message_type t = MESSAGE_NONE; t < MESSAGE_ALIVE; t++)
        buf_printf(out, "%s{direction=\"in\",type=\"%s\"} %" PRIu64 "\n", name,
            t == MESSAGE_NONE ? "unreadable" : message_name(t), counts[t]);
}

/* What went to clients: the relayed types, and `server` for all that the daemon says itself. */
static void sent(struct buf *out, const char *name, const uint64_t *relayed, uint64_t all)
{
    uint64_t sum = 0;
    for (enum message_type t = MESSAGE_NONE + 1; t < MESSAGE_ALIVE; t++) {
        if (!message_is_relayed(t))
            continue;
        sum += relayed[t];
        buf_printf(out, "%s{direction=\"out\",type=\"%s\"} %" PRIu64 "\n", name, message_name(t), relayed[t]);
    }
    buf_printf(out, "%s{direction=\"out\",type=\"server\"} %" PRIu64 "\n", name, all > sum ? all - sum : 0);
}

static void frames(struct buf *out, const char *name, const struct metrics *m)
{
    received(out, name, m->core->frames_in);
    sent(out, name, m->core->relayed, m->core->frames_out);
}

static void bytes(struct buf *out, const char *name, const struct metrics *m)
{
    received(out, name, m->core->bytes_in);
    sent(out, name, m->core->relayed_bytes, m->core->bytes_out);
}

static void relay_latency(struct buf *out, const char *name, const struct metrics *m)
{
    write_histogram(out, name, &m->io->relay, &METRICS_RELAY_BOUNDS);
}

static void ice_outcomes(struct buf *out, const char *name, const struct metrics *m)
{
    for (enum outcome o = 0; o < OUTCOMES; o++)
        sample(out, name, "outcome", outcome_name(o), m->core->ice_outcomes[o]);
}

static void ice_connect(struct buf *out, const char *name, const struct metrics *m)
{
    write_histogram(out, name, &m->core->ice_connect, &CORE_ICE_BOUNDS);
}

static void ice_rtt(struct buf *out, const char *name, const struct metrics *m)
{
    write_histogram(out, name, &m->core->ice_rtt, &CORE_RTT_BOUNDS);
}

/* ---- of each receiver of webhooks, by its number: its URL may be a secret ---- */

static void webhook_events(struct buf *out, const char *name, const struct metrics *m)
{
    for (size_t i = 0; i < m->webhooks_count; i++) {
        const struct webhook_counts *w = &m->webhooks[i];
        buf_printf(out, "%s{url=\"%zu\",outcome=\"delivered\"} %" PRIu64 "\n", name, i + 1, w->delivered);
        buf_printf(out, "%s{url=\"%zu\",outcome=\"dropped\"} %" PRIu64 "\n", name, i + 1, w->dropped);
    }
}

#define WEBHOOK(function, member)                                                                 \
    static void function(struct buf *out, const char *name, const struct metrics *m)              \
    {                                                                                             \
        for (size_t i = 0; i < m->webhooks_count; i++)                                            \
            buf_printf(out, "%s{url=\"%zu\"} %" PRIu64 "\n", name, i + 1, m->webhooks[i].member); \
    }
WEBHOOK(webhook_failed, failed)
WEBHOOK(webhook_events_waiting, events)
WEBHOOK(webhook_bytes, bytes)
#undef WEBHOOK

static void redis_answers(struct buf *out, const char *name, const struct metrics *m)
{
    write_histogram(out, name, &m->bus->answers, &BUS_ANSWER_BOUNDS);
}

static const struct family FAMILIES[] = {
    {"usherd_build_info", "gauge", "The running version; always 1.", build_info},
    {"usherd_connections", "gauge", "Sockets that are open, their handshake done or not.", connections},
    {"usherd_connections_accepted_total", "counter", "Sockets that were let in.", accepted},
    {"usherd_connections_refused_total", "counter", "Sockets that a limit or a drain refused.", refused},
    {"usherd_connections_closed_total", "counter", "Connections that the daemon closed, by reason.", closed},
    {"usherd_rooms", "gauge", "Rooms.", rooms},
    {"usherd_topics", "gauge", "Topics of y-webrtc.", topics},
    {"usherd_subscriptions", "gauge", "Subscriptions to them.", subscriptions},
    {"usherd_names", "gauge", "Clients of peerjs, which have names of their own.", names},
    {"usherd_letters", "gauge", "Messages of peerjs that wait for somebody who is about to come.", letters},
    {"usherd_letter_bytes", "gauge", "Their bytes.", letter_bytes},
    {"usherd_members", "gauge", "Seats in rooms, those of absent members included.", members},
    {"usherd_members_away", "gauge", "Seats that are kept for a member whose connection broke.", away},
    {"usherd_joins_total", "counter", "Members that came into a room.", joins},
    {"usherd_leaves_total", "counter", "Members that left one, for whatever reason.", leaves},
    {"usherd_resumes_total", "counter", "Seats that were taken again after a broken connection.", resumed},
    {"usherd_held_bytes", "gauge", "Frames held for absent members, in bytes.", held_bytes},
    {"usherd_unheld_frames_total", "counter", "Frames for absent members that no room was left to hold.", unheld},
    {"usherd_frames_total", "counter", "Messages from and to clients, by type.", frames},
    {"usherd_frame_bytes_total", "counter", "Bytes of these messages, without their WebSocket headers.", bytes},
    {"usherd_errors_total", "counter", "Errors told to clients, by code.", errors},
    {"usherd_limited_total", "counter", "Times that a limit refused, closed or paused, by limit.", limited},
    {"usherd_auth_failures_total", "counter", "Passwords and tokens that were wrong.", auth_failed},
    {"usherd_auth_delayed_total", "counter", "Passwords and tokens that had to wait after wrong ones.", auth_delayed},
    {"usherd_http_answers_total", "counter", "Answers over HTTP, by status.", http_answers},
    {"usherd_relay_latency_seconds", "histogram", "From the read of a relayed message to its write, within the daemon.",
        relay_latency},
    {"usherd_queue_connections", "gauge", "Connections with messages that their socket did not take yet.",
        queue_connections},
    {"usherd_queue_bytes", "gauge", "Bytes waiting for all of them.", queue_bytes},
    {"usherd_queue_largest_bytes", "gauge", "Bytes waiting for the one with the most.", queue_largest},
    {"usherd_origin_refused_total", "counter", "Requests of web pages whose origin server.origins does not have.",
        origin_refused},
    {"usherd_forwarded_refused_total", "counter",
        "Requests refused that came through a proxy whose word on its client is not believed, or which gave none.",
        forwarded_refused},
    {"usherd_proxy_refused_total", "counter",
        "Connections closed for the PROXY protocol header that was to come first.", proxy_refused},
    {"usherd_descriptor_shortages_total", "counter", "Times that accepting paused for want of file descriptors.",
        descriptor_shortages},
    {"usherd_tls_certificate_not_after_timestamp_seconds", "gauge",
        "When the TLS certificate expires, in seconds since 1970; the first to expire of its file.", certificate},
    {"usherd_log_dropped_total", "counter", "Log records that were dropped because the log did not take them in time.",
        log_dropped},
    {"usherd_webhook_events_total", "counter", "Events for a receiver of webhooks, by what became of them.",
        webhook_events},
    {"usherd_webhook_failed_tries_total", "counter", "Tries to send it a batch that failed.", webhook_failed},
    {"usherd_webhook_queue_events", "gauge", "Events that wait for it.", webhook_events_waiting},
    {"usherd_webhook_queue_bytes", "gauge", "What they and keeping them takes, in bytes.", webhook_bytes},
    {"usherd_webhook_lost_total", "counter", "Events that there was no memory to tell any receiver.", webhooks_lost},
    {"usherd_cluster_up", "gauge", "Whether this daemon is registered in its cluster.", cluster_up},
    {"usherd_cluster_nodes", "gauge", "Other daemons of the cluster that were heard of.", cluster_nodes},
    {"usherd_cluster_remote_members", "gauge", "Members of our rooms that are at other daemons.", cluster_remote},
    {"usherd_cluster_signals_sent_total", "counter", "Signals to members at other daemons.", cluster_sent},
    {"usherd_cluster_signals_heard_total", "counter", "Signals from them.", cluster_heard},
    {"usherd_cluster_unheard_total", "counter",
        "Signals to other daemons that could not be sent: their sender was told.", cluster_unheard},
    {"usherd_cluster_lost_total", "counter", "Signals and announcements of other daemons that never came.",
        cluster_missed},
    {"usherd_cluster_synced_rooms_total", "counter", "Rooms that were read again.", cluster_synced},
    {"usherd_cluster_bad_messages_total", "counter", "Messages on our channel that nobody can read.", cluster_bad},
    {"usherd_cluster_cleared_seats_total", "counter", "Seats of dead daemons that this one cleared.", cluster_cleared},
    {"usherd_redis_up", "gauge", "Whether Redis is connected.", redis_up},
    {"usherd_redis_lost_total", "counter", "Times that a connected Redis was lost.", redis_lost},
    {"usherd_redis_refused_total", "counter", "Operations that Redis answered with an error.", redis_refused},
    {"usherd_redis_waiting_bytes", "gauge", "Bytes that wait to be sent to Redis.", redis_waiting},
    {"usherd_redis_published_total", "counter", "Messages with signals for other daemons, of one or many.",
        redis_published},
    {"usherd_redis_answer_seconds", "histogram", "Until Redis answered an operation.", redis_answers},
    {"usherd_stun_datagrams_total", "counter", "Datagrams to the STUN server built in, by what became of them.", stun},
    {"usherd_check_total", "counter", "What users of the page at /check found, by part and outcome.", checks},
    {"usherd_ice_outcomes_total", "counter", "Calls by their outcome, as clients report them.", ice_outcomes},
    {"usherd_ice_connect_seconds", "histogram", "Time to connect of calls that did not fail, as clients report it.",
        ice_connect},
    {"usherd_ice_rtt_seconds", "histogram", "Round trip of calls that did not fail, as clients report it.", ice_rtt},
    {"process_cpu_seconds_total", "counter", "Processor time, user and system.", cpu},
    {"process_resident_memory_bytes", "gauge", "Resident memory.", resident},
    {"process_virtual_memory_bytes", "gauge", "Virtual memory.", virtual_memory},
    {"process_open_fds", "gauge", "Open file descriptors.", fds},
    {"process_max_fds", "gauge", "The limit of open file descriptors.", fds_max},
    {"process_start_time_seconds", "gauge", "When the process started, in seconds since 1970.", start_time},
};

void metrics_write(struct buf *out, const struct metrics *m)
{
    for (const struct family *f = FAMILIES; f < FAMILIES + sizeof FAMILIES / sizeof *FAMILIES; f++) {
        if (f->samples == certificate && m->certificate_expiry == 0)
            continue; /* a time that is none would look like a certificate that expired in 1970 */
        if (strncmp(f->name, "usherd_webhook_", 15) == 0 && m->webhooks_count == 0)
            continue;
        bool clustered = strncmp(f->name, "usherd_cluster_", 15) == 0 || strncmp(f->name, "usherd_redis_", 13) == 0;
        if (clustered && !m->bus)
            continue;
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, f->type);
        f->samples(out, f->name, m);
    }
}
