/* SPDX-License-Identifier: MIT
 *
 * The text of /metrics from numbers that the test brings, and docs/metrics.md beside it, its dashboard and its alerts. Runs from the project's root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/io/metrics.h"

static const struct webhook_counts WEBHOOKS[] = {{.delivered = 5, .dropped = 6, .failed = 7, .events = 8, .bytes = 9},
    {.delivered = 10, .dropped = UINT64_MAX, .failed = UINT64_MAX, .events = UINT64_MAX, .bytes = UINT64_MAX}};

static const struct bus_counts BUS = {.connected = true,
    .lost_total = 31,
    .refused_total = 32,
    .waiting_bytes = 33,
    .published_total = UINT64_MAX,
    .answers = {.counts = {0, 2}, .sum_us = 300}};

static char *render_with(const struct core_stats *core, const struct io_stats *io, int64_t certificate_expiry)
{
    const struct metrics m = {
        .certificate_expiry = certificate_expiry,
        .core = core,
        .io = io,
        .queue = {.connections = 2, .bytes = 300, .largest = 200},
        .downloads_limited = 16,
        .process = {.cpu_seconds = 1.5, .start_seconds = 1700000000.25, .resident_bytes = 4096, .fds = 9},
        .version = "1.2.3",
        .webhooks = WEBHOOKS,
        .webhooks_count = 2,
        .bus = &BUS,
    };
    struct buf out;
    buf_init(&out, METRICS_MAX);
    metrics_write(&out, &m);
    char *text = buf_take(&out, NULL);
    assert_non_null(text);
    return text;
}

static char *render(const struct core_stats *core, const struct io_stats *io)
{
    return render_with(core, io, 1800000000);
}

static void expect(const char *text, const char *line)
{
    char whole[256];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (!strstr(text, whole))
        fail_msg("no line \"%s\" in\n%s", line, text);
}

static void test_numbers(void **state)
{
    (void)state;
    struct core_stats core = {.connections = 7, .frames_out = 10, .bytes_out = 1000};
    core.frames_in[MESSAGE_NONE] = 1;
    core.frames_in[MESSAGE_OFFER] = 4;
    core.bytes_in[MESSAGE_OFFER] = 444;
    core.relayed[MESSAGE_OFFER] = 3;
    core.relayed_bytes[MESSAGE_OFFER] = 333;
    core.errors[ERROR_ROOM_FULL] = 5;
    core.refused[ERROR_DRAINING] = 6;
    core.ended[DEPARTURE_SLOW] = 8;
    core.ice_outcomes[OUTCOME_TURN] = 9;
    core.webhooks_lost_total = 3;
    core.bus_up = true;
    core.remote_members = 34;
    core.bus_lost_total = 35;
    core.limited[LIMIT_JOIN_RATE] = 15;
    struct io_stats io = {.descriptor_shortages = 1, .origin_refused = 12, .proxy_refused = {[PROXY_LATE] = 11}};
    io.stun[STUN_OUTCOME_RATE_LIMITED] = 13;
    io.check[CHECK_PART_TURN][CHECK_FAILS] = 14;
    char *text = render(&core, &io);
    expect(text, "usherd_build_info{version=\"1.2.3\"} 1");
    expect(text, "usherd_connections 7");
    expect(text, "usherd_frames_total{direction=\"in\",type=\"unreadable\"} 1");
    expect(text, "usherd_frames_total{direction=\"in\",type=\"offer\"} 4");
    expect(text, "usherd_frames_total{direction=\"out\",type=\"offer\"} 3");
    expect(text, "usherd_frames_total{direction=\"out\",type=\"server\"} 7");
    expect(text, "usherd_frame_bytes_total{direction=\"in\",type=\"offer\"} 444");
    expect(text, "usherd_frame_bytes_total{direction=\"out\",type=\"server\"} 667");
    expect(text, "usherd_errors_total{code=\"room-full\"} 5");
    expect(text, "usherd_connections_refused_total{reason=\"draining\"} 6");
    expect(text, "usherd_connections_closed_total{reason=\"slow\"} 8");
    expect(text, "usherd_ice_outcomes_total{outcome=\"turn\"} 9");
    expect(text, "usherd_proxy_refused_total{reason=\"late\"} 11");
    expect(text, "usherd_origin_refused_total 12");
    expect(text, "usherd_stun_datagrams_total{outcome=\"rate-limited\"} 13");
    expect(text, "usherd_tls_certificate_not_after_timestamp_seconds 1800000000");
    expect(text, "usherd_check_total{part=\"turn\",outcome=\"fails\"} 14");
    expect(text, "usherd_limited_total{limit=\"join_rate\"} 15");
    expect(text, "usherd_limited_total{limit=\"downloads\"} 16");
    expect(text, "usherd_queue_bytes 300");
    expect(text, "usherd_webhook_events_total{url=\"1\",outcome=\"delivered\"} 5");
    expect(text, "usherd_webhook_events_total{url=\"1\",outcome=\"dropped\"} 6");
    expect(text, "usherd_webhook_events_total{url=\"2\",outcome=\"delivered\"} 10");
    expect(text, "usherd_webhook_failed_tries_total{url=\"1\"} 7");
    expect(text, "usherd_webhook_queue_events{url=\"1\"} 8");
    expect(text, "usherd_webhook_queue_bytes{url=\"1\"} 9");
    expect(text, "usherd_webhook_lost_total 3");
    expect(text, "usherd_redis_up 1");
    expect(text, "usherd_redis_lost_total 31");
    expect(text, "usherd_redis_refused_total 32");
    expect(text, "usherd_redis_waiting_bytes 33");
    expect(text, "usherd_redis_answer_seconds_bucket{le=\"0.0001\"} 0");
    expect(text, "usherd_redis_answer_seconds_bucket{le=\"0.00025\"} 2");
    expect(text, "usherd_cluster_up 1");
    expect(text, "usherd_cluster_remote_members 34");
    expect(text, "usherd_cluster_lost_total 35");
    expect(text, "usherd_queue_largest_bytes 200");
    expect(text, "process_cpu_seconds_total 1.500000");
    expect(text, "process_start_time_seconds 1700000000.250");
    free(text);
}

/* Without TLS there is no such metric, which would look like a certificate that expired in 1970. */
static void test_no_certificate(void **state)
{
    (void)state;
    struct core_stats core = {.connections = 0};
    struct io_stats io = {.forwarded_refused = 0};
    char *text = render_with(&core, &io, 0);
    assert_null(strstr(text, "usherd_tls_"));
    expect(text, "usherd_connections 0");
    free(text);
}

static void test_histogram(void **state)
{
    (void)state;
    struct core_stats core = {.connections = 0};
    struct io_stats io = {.forwarded_refused = 0};
    histogram_add(&io.relay, &METRICS_RELAY_BOUNDS, 30, 4);
    histogram_add(&io.relay, &METRICS_RELAY_BOUNDS, 2000000, 1);
    char *text = render(&core, &io);
    expect(text, "usherd_relay_latency_seconds_bucket{le=\"2.5e-05\"} 0");
    expect(text, "usherd_relay_latency_seconds_bucket{le=\"5e-05\"} 4");
    expect(text, "usherd_relay_latency_seconds_bucket{le=\"1\"} 4");
    expect(text, "usherd_relay_latency_seconds_bucket{le=\"+Inf\"} 5");
    expect(text, "usherd_relay_latency_seconds_sum 2.000120");
    expect(text, "usherd_relay_latency_seconds_count 5");
    free(text);
}

/* However large the numbers, all of it fits. */
static void test_bound(void **state)
{
    (void)state;
    static struct core_stats core;
    static struct io_stats io;
    memset(&core, 0xff, sizeof core);
    memset(&io, 0xff, sizeof io);
    free(render(&core, &io));
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    struct buf text;
    buf_init(&text, 256 * 1024);
    for (int c; (c = getc(f)) != EOF;)
        buf_byte(&text, (char)c);
    fclose(f);
    char *whole = buf_take(&text, NULL);
    assert_non_null(whole);
    return whole;
}

/* One row for each family, in the order of the text, with its type; and no row more. */
static void test_documented(void **state)
{
    (void)state;
    struct core_stats core = {.connections = 0};
    struct io_stats io = {.forwarded_refused = 0};
    char *text = render(&core, &io), *page = read_file("docs/metrics.md"), *at = page;
    size_t families = 0, rows = 0;
    for (const char *line = strstr(text, "# TYPE "); line; line = strstr(line + 1, "# TYPE ")) {
        char name[64], type[16], row[128];
        assert_int_equal(sscanf(line, "# TYPE %63s %15s", name, type), 2);
        snprintf(row, sizeof row, "\n| `%s` | %s |", name, type);
        at = strstr(at, row);
        if (!at)
            fail_msg("docs/metrics.md has no row \"%s\", or not in its place", row + 1);
        families++;
    }
    for (const char *row = strstr(page, "\n| `"); row; row = strstr(row + 1, "\n| `"))
        rows++;
    assert_int_equal(rows, families);
    free(text);
    free(page);
}

/* Whether the text names the metric, as a histogram by its buckets. */
static bool draws(const char *dashboard, const char *name, const char *type)
{
    char word[96];
    snprintf(word, sizeof word, "%s%s{", name, strcmp(type, "histogram") == 0 ? "_bucket" : "");
    return strstr(dashboard, word) != NULL;
}

/* What begins with the prefix in the file is the name of a sample; with labels that the daemon gives, the whole sample. */
static void expect_metrics_only(const char *path, const char *file, const char *prefix, const char *text)
{
    for (const char *at = strstr(file, prefix); at; at = strstr(at + 1, prefix)) {
        char name[80], plain[96], labelled[96], whole[160];
        assert_int_equal(sscanf(at, "%79[a-z_]", name), 1);
        snprintf(plain, sizeof plain, "\n%s ", name);
        snprintf(labelled, sizeof labelled, "\n%s{", name);
        if (!strstr(text, plain) && !strstr(text, labelled))
            fail_msg("%s asks for %s, which is no metric", path, name);
        size_t n = strlen(name), labels = at[n] == '{' ? strcspn(at + n, "}") + 1 : 0;
        snprintf(whole, sizeof whole, "\n%.*s ", (int)(n + labels), at);
        if (labels && !strpbrk(whole, "~\\") && !strstr(whole, "job=") && !strstr(text, whole))
            fail_msg("%s asks for %s, which is no metric", path, whole + 1);
    }
}

/* The dashboard draws every family, and asks for nothing that is none. */
static void test_dashboard(void **state)
{
    (void)state;
    struct core_stats core = {.connections = 0};
    struct io_stats io = {.forwarded_refused = 0};
    char *text = render(&core, &io), *dashboard = read_file("docs/grafana-dashboard.json");
    for (const char *line = strstr(text, "# TYPE "); line; line = strstr(line + 1, "# TYPE ")) {
        char name[64], type[16];
        assert_int_equal(sscanf(line, "# TYPE %63s %15s", name, type), 2);
        if (!draws(dashboard, name, type))
            fail_msg("docs/grafana-dashboard.json does not draw %s", name);
    }
    expect_metrics_only("docs/grafana-dashboard.json", dashboard, "usherd_", text);
    free(text);
    free(dashboard);
}

/* The alerts ask for nothing that is no metric, and more than half of them are about the daemon's own. */
static void test_rules(void **state)
{
    (void)state;
    struct core_stats core = {.connections = 0};
    struct io_stats io = {.forwarded_refused = 0};
    char *text = render(&core, &io), *rules = read_file("docs/prometheus-rules.yml");
    size_t alerts = 0, own = 0;
    for (const char *at = strstr(rules, "- alert:"); at; at = strstr(at + 1, "- alert:"))
        alerts++;
    for (const char *at = strstr(rules, "usherd_"); at; at = strstr(at + 1, "usherd_"))
        own++;
    assert_true(2 * own > alerts);
    expect_metrics_only("docs/prometheus-rules.yml", rules, "usherd_", text);
    expect_metrics_only("docs/prometheus-rules.yml", rules, "process_", text);
    free(text);
    free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_no_certificate),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_documented),
        cmocka_unit_test(test_dashboard),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
