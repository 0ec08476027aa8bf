/* SPDX-License-Identifier: MIT
 *
 * A batch of datagrams leaves in as few system calls as the kernel lets it: what has one size goes as a single large one that
 * is cut after it has passed the stack (UDP_SEGMENT, udp(7); Linux 4.18). On the wire nothing is different. A device or a path that
 * cannot take it says so, and the batch goes by libnice, one datagram each.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "peer/io/rtc_internal.h"

enum {
    SEGMENTS_BYTES = 65000 /* of IPv4's 65,507 */
};

/* How many from this one on may leave as one: all of a size, but for the last, which may be shorter. */
static unsigned run_from(const struct rtc_outbox *box, unsigned first)
{
    unsigned n = 1;
    size_t bytes = box->sizes[first];
    for (; first + n < box->count && box->sizes[first + n] <= box->sizes[first]; n++) {
        bytes += box->sizes[first + n];
        if (bytes > SEGMENTS_BYTES)
            return n;
        if (box->sizes[first + n] < box->sizes[first])
            return n + 1;
    }
    return n;
}

static bool send_run(
    int fd, struct sockaddr_storage *to, socklen_t to_n, const struct rtc_outbox *box, unsigned first, unsigned n)
{
    struct iovec parts[RTC_BATCH_MAX];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control = {0};
    for (unsigned i = 0; i < n; i++)
        parts[i] = (struct iovec){(void *)box->bytes[first + i], box->sizes[first + i]};
    struct msghdr message = {.msg_name = to, .msg_namelen = to_n, .msg_iov = parts, .msg_iovlen = n};
    if (n > 1) {
        uint16_t size = (uint16_t)box->sizes[first];
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        *c = (struct cmsghdr){.cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof size)};
        memcpy(CMSG_DATA(c), &size, sizeof size);
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN || errno == ENOBUFS;
}

unsigned rtc_udp_send(GSocket *socket, const NiceAddress *address, const struct rtc_outbox *box)
{
    struct sockaddr_storage to;
    nice_address_copy_to_sockaddr(address, (struct sockaddr *)&to);
    socklen_t to_n = to.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    unsigned sent = 0;
    while (sent < box->count) {
        unsigned n = run_from(box, sent);
        if (!send_run(g_socket_get_fd(socket), &to, to_n, box, sent, n))
            break;
        sent += n;
    }
    return sent;
}
