/* SPDX-License-Identifier: MIT
 *
 * The yardstick of the relay: how fast epoll(7), recv(2) and send(2) alone move signals between pairs. A server for the
 * load generator only: it answers the one handshake that ws_client.c expects, `join-room` makes a client the partner of
 * the other one in its room, and nothing is checked. From then on bytes are moved: of a frame the header is read; the
 * payload is unmasked and copied, but `{"type":"signal","to":"ID"`, whose length never changes, for the same with `from`.
 *
 * A socket is read once a turn, and all that came goes to the partner in one write. As the daemon does it, BATCH sockets
 * are read and then as many written, the last one first: the order decides how often two signals of a pair meet and go on
 * as one. Sockets block when they are full, which the generator's window does not allow to last. Prints where it listens;
 * ends at the first failure, or by a signal.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "protocol/mask.h"

enum {
    EVENTS = 256,
    ROOMS = 10000,
    READ_SIZE = 256 * 1024,
    KEPT_MAX = 128 * 1024, /* of a frame that is not whole yet */
    START_MAX = 64,
    BATCH = 8, /* DIRTY_MAX of server/io/turn.h */
    TO_BYTES =
        sizeof "{\"type\":\"signal\",\"to\":\"n1.00000000000000000000000000\"" - 1 /* an id as long as the daemon's */
};

struct client {
    int fd;
    bool greeted;
    unsigned room; /* known once it joined */
    struct client *partner;
    char start[START_MAX]; /* of what the partner gets */
    size_t start_n;
    struct buf kept;
};

static struct client *waiting[ROOMS]; /* for the other one */
static uint8_t in[KEPT_MAX + READ_SIZE], out[BATCH * (KEPT_MAX + READ_SIZE)];
static struct write {
    const struct client *to;
    size_t n;
} writes[BATCH]; /* what lies in `out`, one behind the other */
static unsigned writes_n;
static size_t filled;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void send_all(const struct client *c, const void *bytes, size_t n)
{
    if (n > 0 && send(c->fd, bytes, n, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
        fail("yardstick: send");
}

/* RFC 6455 section 5.2; returns how many bytes it takes. */
static size_t write_header(uint8_t *p, size_t length)
{
    size_t more = length < 126 ? 0 : length <= UINT16_MAX ? 2 : 8;
    p[0] = 0x81; /* text, the only frame */
    p[1] = (uint8_t)(more == 0 ? length : more == 2 ? 126 : 127);
    for (size_t i = 0; i < more; i++)
        p[2 + i] = (uint8_t)(length >> 8 * (more - 1 - i));
    return 2 + more;
}

/* Reads the header of a client's frame; returns the bytes of the whole frame, 0 if they are not all there. */
static size_t read_header(const uint8_t *p, size_t n, size_t *header)
{
    size_t length = n >= 2 ? p[1] & 0x7f : 0, more = length < 126 ? 0 : length == 126 ? 2 : 8;
    *header = 2 + more + MASK_KEY_BYTES;
    if (n < *header)
        return 0;
    for (size_t i = length = more ? 0 : length; i < more; i++)
        length = length << 8 | p[2 + i];
    return length <= n - *header ? *header + length : 0;
}

static void send_text(const struct client *c, const char *text)
{
    uint8_t header[10];
    send_all(c, header, write_header(header, strlen(text)));
    send_all(c, text, strlen(text));
}

static void greet(struct client *c)
{
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    char welcome[128];
    snprintf(welcome, sizeof welcome, "{\"type\":\"welcome\",\"peerId\":\"n1.%026d\"}", c->fd);
    send_all(c, answer, sizeof answer - 1);
    send_text(c, welcome);
    c->greeted = true;
}

static void join(struct client *c, const char *text, size_t n)
{
    static const char before_number[] = "\"roomId\":\"bench-";
    const char *room = memmem(text, n, before_number, sizeof before_number - 1);
    c->room = room ? (unsigned)strtoul(room + sizeof before_number - 1, NULL, 10) % ROOMS : 0;
    c->start_n = (size_t)snprintf(c->start, sizeof c->start, "{\"type\":\"signal\",\"from\":\"n1.%026d\"", c->fd);
    c->partner = waiting[c->room];
    waiting[c->room] = c->partner ? NULL : c;
    if (c->partner)
        c->partner->partner = c;
    send_text(c, "{\"type\":\"peers\"}");
}

static void write_batch(void)
{
    for (const uint8_t *end = out + filled; writes_n > 0; end -= writes[writes_n].n) {
        writes_n--;
        send_all(writes[writes_n].to, end - writes[writes_n].n, writes[writes_n].n);
    }
    filled = 0;
}

/* Moves all whole frames; returns how many bytes of the input they were. */
static size_t move(struct client *c, uint8_t *p, size_t n)
{
    size_t used = 0, began = filled, header, size;
    while ((size = read_header(p + used, n - used, &header)) > 0) {
        uint8_t *payload = p + used + header;
        size_t length = size - header;
        mask_apply(payload, length, payload - MASK_KEY_BYTES, 0);
        used += size;
        if (c->start_n == 0) {
            join(c, (char *)payload, length);
        } else if (length >= TO_BYTES) {
            filled += write_header(out + filled, c->start_n + length - TO_BYTES);
            memcpy(out + filled, c->start, c->start_n);
            memcpy(out + filled + c->start_n, payload + TO_BYTES, length - TO_BYTES);
            filled += c->start_n + length - TO_BYTES;
        }
    }
    if (c->partner && filled > began)
        writes[writes_n++] = (struct write){c->partner, filled - began};
    else
        filled = began;
    if (writes_n == BATCH)
        write_batch();
    return used;
}

static void end(struct client *c)
{
    write_batch();
    if (c->partner)
        c->partner->partner = NULL;
    if (waiting[c->room] == c)
        waiting[c->room] = NULL;
    buf_done(&c->kept);
    close(c->fd);
    free(c);
}

static void serve(struct client *c)
{
    size_t kept = c->kept.len;
    if (kept)
        memcpy(in, c->kept.p, kept);
    ssize_t n = recv(c->fd, in + kept, READ_SIZE, MSG_DONTWAIT);
    if (n <= 0) {
        end(c);
        return;
    }
    size_t all = kept + (size_t)n, used = all;
    if (c->greeted)
        used = move(c, in, all);
    else
        greet(c);
    buf_reset(&c->kept);
    if (used < all && !buf_add(&c->kept, in + used, all - used))
        fail("yardstick: a frame is too large");
}

static void take(int epoll, int listener)
{
    int on = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    struct client *c = calloc(1, sizeof *c);
    if (fd < 0 || !c)
        fail("yardstick: accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->fd = fd;
    buf_init(&c->kept, KEPT_MAX);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        fail("yardstick: epoll_ctl");
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    struct rlimit limit;
    struct epoll_event event = {.events = EPOLLIN}, events[EVENTS];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), epoll = epoll_create1(EPOLL_CLOEXEC);
    if (listener < 0 || epoll < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
        listen(listener, SOMAXCONN) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0 ||
        getrlimit(RLIMIT_NOFILE, &limit) != 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
        fail("yardstick");
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                serve(events[i].data.ptr);
            else
                take(epoll, listener);
        }
        write_batch();
    }
}
