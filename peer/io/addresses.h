/* SPDX-License-Identifier: MIT
 *
 * The addresses of this machine, and news of their changes (rtnetlink). Where the kernel gives no news, as in some
 * sandboxes, links find out by themselves that their path is gone.
 */
#ifndef PEER_IO_ADDRESSES_H
#define PEER_IO_ADDRESSES_H

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

struct addresses;

/* Calls on_changed once things have settled; context is referenced, user borrowed. NULL when out of memory. */
struct addresses *addresses_new(GMainContext *context, void (*on_changed)(void *user), void *user);
void addresses_free(struct addresses *a); /* takes NULL */
/* Has an interface that is up this address (AF_INET, AF_INET6; its port means nothing)? */
bool addresses_has(const struct sockaddr *address);

#endif
