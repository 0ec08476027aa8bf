/* SPDX-License-Identifier: MIT
 *
 * A bad way between two network namespaces: a TUN device in each, and this program, which carries what goes into one
 * to the other after a delay, at a rate, and loses some of it. Both directions alike, each with a rate of its own.
 *   usage: path NAMESPACE NAMESPACE DELAY_MS LOSS_PERCENT KBIT     devices named "path"; runs until it is killed
 * What the rate cannot take for QUEUE_MS is lost too, as a router would. The losses are the same each time.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    PACKET_MAX = 2048,
    PACKETS = 4096, /* on their way in one direction: a second of small ones */
    QUEUE_MS = 200
};

struct way {
    int from, to;
    int64_t free_at; /* when the line has sent what is before; nanoseconds */
    unsigned first, count;
    struct {
        int64_t at;
        ssize_t n;
        char bytes[PACKET_MAX];
    } packets[PACKETS];
};

static struct way ways[2];

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int open_in(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", name);
    int space = open(path, O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNET) < 0)
        err(1, "%s", path);
    close(space);
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    strcpy(request.ifr_name, "path");
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0)
        err(1, "/dev/net/tun in %s", name);
    return tun;
}

static void take(struct way *w, int64_t delay, int64_t loss, int64_t kbit)
{
    char bytes[PACKET_MAX];
    for (ssize_t n; (n = read(w->from, bytes, sizeof bytes)) > 0;) {
        int64_t at = now();
        if (random() % 100 < loss || w->count == PACKETS || w->free_at - at > (int64_t)QUEUE_MS * 1000000)
            continue;
        w->free_at = (w->free_at > at ? w->free_at : at) + n * 8 * 1000000 / kbit;
        unsigned last = (w->first + w->count++) % PACKETS;
        w->packets[last].at = w->free_at + delay * 1000000;
        w->packets[last].n = n;
        memcpy(w->packets[last].bytes, bytes, (size_t)n);
    }
}

/* Hands over what is due; returns the time of the next one. What the device does not take, while it is down, is lost. */
static int64_t give(struct way *w)
{
    for (; w->count && w->packets[w->first].at <= now(); w->count--, w->first = (w->first + 1) % PACKETS) {
        ssize_t put = write(w->to, w->packets[w->first].bytes, (size_t)w->packets[w->first].n);
        (void)put;
    }
    return w->count ? w->packets[w->first].at : INT64_MAX;
}

int main(int argc, char **argv)
{
    if (argc != 6 || atoi(argv[5]) <= 0)
        errx(2, "usage: path NAMESPACE NAMESPACE DELAY_MS LOSS_PERCENT KBIT");
    int a = open_in(argv[1]), b = open_in(argv[2]);
    ways[0].from = ways[1].to = a;
    ways[1].from = ways[0].to = b;
    for (;;) {
        int64_t next = INT64_MAX;
        for (int i = 0; i < 2; i++) {
            take(&ways[i], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
            int64_t due = give(&ways[i]);
            next = due < next ? due : next;
        }
        int64_t wait = next == INT64_MAX ? 1000000000 : next - now();
        struct timespec bound = {
            .tv_sec = wait > 0 ? wait / 1000000000 : 0, .tv_nsec = wait > 0 ? wait % 1000000000 : 0};
        struct pollfd polled[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
        if (ppoll(polled, 2, &bound, NULL) < 0)
            err(1, "ppoll");
    }
}
