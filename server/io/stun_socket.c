/* SPDX-License-Identifier: MIT
 *
 * A datagram is counted against its sender's rate first, then read (protocol/stun.h). So a flood costs one system call
 * for a batch and a look at a table for each; nothing is logged or allocated for a datagram.
 *
 * SO_REUSEADDR is never left on: with UDP another process could take part of what comes. It is on for the moment in which a
 * reload binds the port again at another address.
 */
#include "server/io/stun_socket.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/os_rng.h"
#include "protocol/stun.h"
#include "server/io/stun_limit.h"

enum {
    BATCH = 32, /* datagrams a turn */
    ADDRESS_TEXT_MAX = 64
};

/* A datagram as it came, and its answer, which goes back by the same header. */
struct slot {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_storage storage;
    } from;
    _Alignas(
        struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))]; /* which of our addresses was asked */
    struct iovec in, out;
    uint8_t request[STUN_REQUEST_MAX], answer[STUN_ANSWER_MAX];
};

struct stun_socket {
    uv_poll_t poll;
    int fd;
    in_port_t port; /* in network order */
    uint64_t *outcomes;
    struct listen_address address;
    char text[ADDRESS_TEXT_MAX]; /* as it stands in the settings */
    struct stun_limit limit;
    struct mmsghdr received[BATCH], answers[BATCH];
    struct slot slots[BATCH];
};

/* ---- a datagram ---- */

static in_port_t port_of(const struct slot *s)
{
    return s->from.any.sa_family == AF_INET6 ? s->from.in6.sin6_port : s->from.in.sin_port;
}

/* Makes of what the kernel told (which address was asked, through which interface) what it is to do: answer from that
 * address, through the interface that leads there. False if it was the sender's own address. */
static bool turn_round(const struct slot *s, struct msghdr *m)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    if (c && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(c), sizeof info);
        if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) /* which means nothing without an interface */
            info.ipi6_ifindex = 0;
        memcpy(CMSG_DATA(c), &info, sizeof info);
        return memcmp(&info.ipi6_addr, &s->from.in6.sin6_addr, sizeof info.ipi6_addr) != 0;
    }
    if (c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(c), sizeof info);
        info.ipi_ifindex = 0;
        memcpy(CMSG_DATA(c), &info, sizeof info);
        return info.ipi_spec_dst.s_addr != s->from.in.sin_addr.s_addr;
    }
    return true;
}

/* Writes the answer into the slot; the outcome, if it is sent. */
static enum stun_outcome answer(struct stun_socket *s, struct slot *slot, struct mmsghdr *got, uint64_t now)
{
    struct address from = listen_address_of_client(&slot->from.storage);
    if (!stun_limit_allows(&s->limit, &from, now))
        return STUN_OUTCOME_RATE_LIMITED;
    struct stun_request request;
    bool whole = !(got->msg_hdr.msg_flags & MSG_TRUNC);
    enum stun_verdict verdict = whole ? stun_read(slot->request, got->msg_len, &request) : STUN_MALFORMED;
    if (verdict == STUN_MALFORMED)
        return STUN_OUTCOME_MALFORMED;
    in_port_t port = port_of(slot);
    bool foreign = turn_round(slot, &got->msg_hdr) || port != s->port;
    if (!foreign)
        return STUN_OUTCOME_UNSENT;
    struct stun_source source = {.port = ntohs(port)};
    memcpy(source.address, from.bytes, sizeof source.address);
    slot->out.iov_len = verdict == STUN_REFUSAL ? stun_write_refusal(&request, slot->answer)
                                                : stun_write_answer(&request, &source, slot->answer);
    return verdict == STUN_REFUSAL ? STUN_OUTCOME_REFUSED : STUN_OUTCOME_ANSWERED;
}

/* ---- a batch ---- */

static void prepare(struct stun_socket *s)
{
    for (size_t i = 0; i < BATCH; i++) {
        struct slot *slot = &s->slots[i];
        slot->in = (struct iovec){.iov_base = slot->request, .iov_len = sizeof slot->request};
        slot->out.iov_base = slot->answer;
        s->received[i].msg_hdr = (struct msghdr){
            .msg_name = &slot->from,
            .msg_namelen = sizeof slot->from,
            .msg_iov = &slot->in,
            .msg_iovlen = 1,
            .msg_control = slot->control,
            .msg_controllen = sizeof slot->control,
        };
    }
}

/* One that the system does not send (a firewall, no way there, to port 0) is passed over; its client asks again. */
static void send_all(struct stun_socket *s, unsigned n, const enum stun_outcome *outcomes)
{
    for (unsigned at = 0; at < n;) {
        int sent = sendmmsg(s->fd, s->answers + at, n - at, MSG_DONTWAIT);
        if (sent <= 0)
            s->outcomes[STUN_OUTCOME_UNSENT]++;
        for (int i = 0; i < sent; i++)
            s->outcomes[outcomes[at + (unsigned)i]]++;
        at += sent > 0 ? (unsigned)sent : 1;
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct stun_socket *s = poll->data;
    enum stun_outcome outcomes[BATCH] = {STUN_OUTCOME_ANSWERED};
    unsigned answers = 0;
    (void)status;
    (void)events;
    prepare(s);
    int n = recvmmsg(s->fd, s->received, BATCH, MSG_DONTWAIT, NULL);
    uint64_t now = uv_now(poll->loop);
    for (int i = 0; i < n; i++) {
        enum stun_outcome outcome = answer(s, &s->slots[i], &s->received[i], now);
        if (outcome != STUN_OUTCOME_ANSWERED && outcome != STUN_OUTCOME_REFUSED) {
            s->outcomes[outcome]++;
            continue;
        }
        outcomes[answers] = outcome;
        s->answers[answers].msg_hdr = s->received[i].msg_hdr;
        s->answers[answers].msg_hdr.msg_flags = 0;
        s->answers[answers++].msg_hdr.msg_iov = &s->slots[i].out;
    }
    send_all(s, answers, outcomes);
}

/* ---- its life ---- */

static const char *advice(int error)
{
    switch (error) {
    case EADDRINUSE:
        return ": stop the program that has it, or choose another port (ice.stun_listen)";
    case EACCES:
        return ": choose a port above 1023 (ice.stun_listen)";
    case EAFNOSUPPORT:
        return ": this system has no IPv6; listen on an IPv4 address such as 0.0.0.0:3478";
    case EADDRNOTAVAIL:
        return ": no interface has that address";
    default:
        return "";
    }
}

static bool allow_reuse(int fd, int on)
{
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
}

/* False with errno. */
static bool bind_beside(int fd, const struct listen_address *a, const struct stun_socket *beside)
{
    if (bind(fd, &a->at.any, a->len) == 0)
        return true;
    if (errno != EADDRINUSE || !beside)
        return false;
    allow_reuse(fd, 1);
    allow_reuse(beside->fd, 1);
    bool bound = bind(fd, &a->at.any, a->len) == 0;
    int error = errno;
    allow_reuse(beside->fd, 0);
    allow_reuse(fd, 0);
    errno = error;
    return bound;
}

static int bind_socket(const struct listen_address *a, const struct stun_socket *beside)
{
    int on = 1, off = 0;
    bool ipv6 = a->at.any.sa_family == AF_INET6;
    int fd = socket(a->at.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (ipv6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    } else {
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    }
    if (bind_beside(fd, a, beside))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool bind_it(struct stun_socket *s, const struct stun_socket *beside, struct err *e)
{
    s->fd = bind_socket(&s->address, beside);
    if (s->fd < 0 && errno == EAFNOSUPPORT && listen_address_without_ipv6(&s->address))
        s->fd = bind_socket(&s->address, beside);
    if (s->fd >= 0)
        return true;
    int error = errno;
    return err_set_errno(e, error, "cannot answer STUN on %s: %s%s", s->text, strerror(error), advice(error));
}

struct stun_socket *stun_socket_open(
    uv_loop_t *loop, const char *address, const struct stun_socket *beside, struct err *e)
{
    struct stun_socket *s = calloc(1, sizeof *s);
    struct rng rng = os_rng();
    if (!s) {
        err_memory(e);
        return NULL;
    }
    s->fd = -1;
    snprintf(s->text, sizeof s->text, "%s", address);
    if (!listen_address_parse(address, &s->address, e) || !bind_it(s, beside, e))
        goto fail;
    if (uv_poll_init(loop, &s->poll, s->fd) != 0) {
        err_memory(e);
        goto fail;
    }
    s->poll.data = s;
    getsockname(s->fd, &s->address.at.any, &s->address.len);
    s->port = listen_address_port(&s->address);
    stun_limit_init(&s->limit, &rng);
    return s;
fail:
    if (s->fd >= 0)
        close(s->fd);
    free(s);
    return NULL;
}

void stun_socket_start(struct stun_socket *s, uint64_t *outcomes)
{
    s->outcomes = outcomes;
    uv_poll_start(&s->poll, UV_READABLE, on_readable);
}

static void closed(uv_handle_t *handle)
{
    free(handle->data);
}

void stun_socket_close(struct stun_socket *s)
{
    if (!s)
        return;
    uv_poll_stop(&s->poll);
    close(s->fd); /* at once, or what comes goes on to go here where the address is the more exact one */
    uv_close((uv_handle_t *)&s->poll, closed);
}

const struct listen_address *stun_socket_address(const struct stun_socket *s)
{
    return &s->address;
}

bool stun_socket_is_of(const struct stun_socket *s, const char *address)
{
    return strcmp(s->text, address) == 0;
}
