/* SPDX-License-Identifier: MIT
 *
 * Throughput of one data channel between two processes, each on a core of its own: the parent calls and sends, the
 * child answers and counts. Descriptions and candidates cross on a socket pair, as they would through the daemon. When
 * the time is up the parent says "end" on the channel and the child reports what it got.
 *
 *     channel [SECONDS [MESSAGE_BYTES]]
 *     → usher mb_per_s=150.1 mb_per_cpu_s=88.0 link_ms=9.4
 *
 * MB are 10^6 bytes of messages that arrived; CPU seconds are both processes', from the open channel on.
 */
#include <glib-unix.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer/io/rtc.h"
#include "protocol/limits.h"

enum {
    DESCRIPTION_MAX = 64 * 1024,
    SETUP_BOUND_S = 20
};

struct report {
    uint64_t bytes;
    double seconds, cpu;
};

struct side {
    GMainLoop *loop;
    struct rtc *rtc;
    int wire; /* to the other process: one letter (offer, answer, candidate, report), then the text */
    bool sends;
    double duration;
    size_t size;
    char *bytes;
    uint16_t channel;
    double began, opened, cpu_began;
    bool ended;
    struct report report;
};

static double now(void)
{
    return (double)g_get_monotonic_time() / 1e6;
}

static double cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void die(const char *what)
{
    fprintf(stderr, "channel: %s\n", what);
    exit(1);
}

static void tell(const struct side *s, char kind, const void *bytes, size_t n)
{
    char packet[DESCRIPTION_MAX];
    if (n + 1 > sizeof packet)
        die("a description is too long");
    packet[0] = kind;
    if (n)
        memcpy(packet + 1, bytes, n);
    if (send(s->wire, packet, n + 1, 0) < 0)
        die("the other process is gone");
}

static gboolean on_wire(gint fd, GIOCondition condition, gpointer user)
{
    (void)condition;
    struct side *s = user;
    char packet[DESCRIPTION_MAX];
    ssize_t n = recv(fd, packet, sizeof packet, 0);
    if (n <= 0)
        die("the other process is gone");
    const struct span text = {packet + 1, (size_t)n - 1};
    struct err err = {0};
    if (packet[0] == 'c') {
        rtc_candidate(s->rtc, text);
    } else if (packet[0] == 'r') {
        memcpy(&s->report, text.p, sizeof s->report);
        g_main_loop_quit(s->loop);
    } else if (!rtc_remote(s->rtc, packet[0] == 'o' ? "offer" : "answer", text, &err)) {
        die(err.text);
    }
    return G_SOURCE_CONTINUE;
}

static void on_description(void *user, struct rtc *r, const char *type, const char *sdp)
{
    (void)r;
    tell(user, type[0], sdp, strlen(sdp));
}

static void on_candidate(void *user, struct rtc *r, const char *candidate)
{
    (void)r;
    tell(user, 'c', candidate, candidate ? strlen(candidate) : 0);
}

static void on_connected(void *user, struct rtc *r)
{
    (void)user;
    (void)r;
}

/* Fills the send buffer until it is full or the time is up. */
static void pour(struct side *s)
{
    while (!s->ended) {
        bool over = now() - s->opened >= s->duration;
        const struct span message = over ? SPAN("end") : (struct span){s->bytes, s->size};
        enum rtc_sent sent = rtc_send(s->rtc, s->channel, !over, message);
        if (sent == RTC_FULL)
            return;
        if (sent != RTC_SENT)
            die("a message was refused");
        s->ended = over;
    }
}

static void on_writable(void *user, struct rtc *r)
{
    (void)r;
    pour(user);
}

static void on_open(void *user, struct rtc *r, uint16_t channel, struct span label)
{
    (void)r;
    (void)label;
    struct side *s = user;
    s->channel = channel;
    s->opened = now();
    s->cpu_began = cpu();
    if (s->sends)
        pour(s);
}

static void on_closed(void *user, struct rtc *r, uint16_t channel)
{
    (void)user;
    (void)r;
    (void)channel;
    die("the channel was closed");
}

static void on_message(void *user, struct rtc *r, uint16_t channel, bool binary, struct span bytes)
{
    (void)r;
    (void)channel;
    struct side *s = user;
    if (binary) {
        s->report.bytes += bytes.n;
        return;
    }
    s->report.seconds = now() - s->opened;
    s->report.cpu = cpu() - s->cpu_began;
    tell(s, 'r', &s->report, sizeof s->report);
}

static void on_ice_state(void *user, struct rtc *r, bool connected)
{
    (void)user;
    (void)r;
    (void)connected;
}

static void on_failed(void *user, struct rtc *r, const char *reason, const char *detail)
{
    (void)r;
    struct side *s = user;
    if (s->sends)
        die(detail);
    g_main_loop_quit(s->loop); /* the parent has its report and is gone */
    (void)reason;
}

static gboolean on_bound(gpointer user)
{
    (void)user;
    die("nothing came of it in time");
    return G_SOURCE_REMOVE;
}

static void pin(size_t core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core % (size_t)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof set, &set);
}

static void run(struct side *s)
{
    static const char *const loopback[] = {"127.0.0.1"};
    const struct rtc_options options = {.addresses = loopback, .address_count = 1};
    const struct rtc_callbacks callbacks = {
        .on_description = on_description,
        .on_candidate = on_candidate,
        .on_connected = on_connected,
        .on_channel_open = on_open,
        .on_channel_closed = on_closed,
        .on_message = on_message,
        .on_writable = on_writable,
        .on_ice_state = on_ice_state,
        .on_failed = on_failed,
    };
    struct err err;
    pin(s->sends ? 0 : 1);
    struct rtc_factory *factory = rtc_factory_new(NULL, &options, &err);
    if (!factory)
        die(err.text);
    s->loop = g_main_loop_new(NULL, FALSE);
    s->bytes = calloc(1, s->size);
    s->rtc = rtc_new(factory, &callbacks, s);
    if (!s->bytes || !s->rtc)
        die("out of memory");
    g_unix_fd_add(s->wire, G_IO_IN, on_wire, s);
    g_timeout_add_seconds((guint)s->duration + SETUP_BOUND_S, on_bound, NULL);
    s->began = now();
    if (s->sends)
        rtc_offer(s->rtc, "bench", false);
    g_main_loop_run(s->loop);
    double used = cpu() - s->cpu_began;
    rtc_free(s->rtc);
    rtc_factory_free(factory);
    free(s->bytes);
    g_main_loop_unref(s->loop);
    if (s->sends)
        printf("usher mb_per_s=%.1f mb_per_cpu_s=%.1f link_ms=%.1f\n",
            (double)s->report.bytes / 1e6 / s->report.seconds, (double)s->report.bytes / 1e6 / (s->report.cpu + used),
            (s->opened - s->began) * 1e3);
}

int main(int argc, char **argv)
{
    struct side s = {.duration = argc > 1 ? atof(argv[1]) : 2, .size = argc > 2 ? strtoul(argv[2], NULL, 10) : 16384};
    int wires[2];
    if (argc > 3 || s.duration <= 0 || s.size == 0 || s.size > PEER_MESSAGE_MAX) {
        fprintf(stderr, "usage: channel [SECONDS [MESSAGE_BYTES]]\n");
        return 2;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, wires) != 0)
        die("no socket pair");
    pid_t child = fork(); /* before usrsctp, which has a thread */
    if (child < 0)
        die("no second process");
    s.sends = child != 0;
    s.wire = wires[s.sends ? 0 : 1];
    close(wires[s.sends ? 1 : 0]);
    run(&s);
    if (s.sends)
        waitpid(child, NULL, 0);
    return 0;
}
