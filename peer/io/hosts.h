/* SPDX-License-Identifier: MIT
 *
 * Which of this machine's addresses are offered for links when nobody named them. Every pair of ours and theirs is tried,
 * 5 ms apart, and on a machine that runs containers most lead nowhere: so only those of interfaces that are up and have a
 * carrier, the likely ones first, and no more than HOSTS_MAX.
 */
#ifndef PEER_IO_HOSTS_H
#define PEER_IO_HOSTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
    HOSTS_MAX = 16 /* with as many on the other side 128 pairs of each family: less than a second */
};

struct hosts {
    char text[HOSTS_MAX][INET6_ADDRSTRLEN]; /* numeric, the likeliest first */
    size_t n;
};

/* near: the own address of a connection that works, the server's; ss_family AF_UNSPEC: there is none. */
void hosts_find(struct hosts *h, bool loopback, const struct sockaddr_storage *near);

#endif
