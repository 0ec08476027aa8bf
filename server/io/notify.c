/* SPDX-License-Identifier: MIT */
#include "server/io/notify.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* A path, or @ and a name of the abstract name space (sd_notify(3)). False for what else later versions know. */
static bool read_address(const char *name, struct sockaddr_un *at, socklen_t *length)
{
    size_t n = strlen(name);
    *at = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((*name != '/' && *name != '@') || n >= sizeof at->sun_path)
        return false;
    memcpy(at->sun_path, name, n);
    if (*name == '@')
        at->sun_path[0] = '\0';
    *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*name == '/'));
    return true;
}

/* unix(7): a connected datagram socket is writable while its reader has room. */
static bool send_within(int fd, const char *state, int patience_ms)
{
    size_t n = strlen(state);
    if (send(fd, state, n, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        return true;
    if (errno != EAGAIN || patience_ms == 0)
        return false;
    poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, patience_ms);
    return send(fd, state, n, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

bool notify(const char *state, int patience_ms)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un at;
    socklen_t length;
    if (!name)
        return false;
    if (!read_address(name, &at, &length))
        return sd_notify(0, state) > 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool told =
        fd >= 0 && connect(fd, (const struct sockaddr *)&at, length) == 0 && send_within(fd, state, patience_ms);
    if (fd >= 0)
        close(fd);
    return told;
}
