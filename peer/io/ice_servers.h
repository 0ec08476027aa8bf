/* SPDX-License-Identifier: MIT
 *
 * From the iceServers of a welcome to what connections use: names become addresses, off the loop.
 */
#ifndef PEER_IO_ICE_SERVERS_H
#define PEER_IO_ICE_SERVERS_H

#include "peer/io/ice_list.h"

struct ice_servers;

/* Sets the factory's servers, now or when their names are known. Both pointers are borrowed: free this before the
 * factory. NULL when out of memory. */
struct ice_servers *ice_servers_new(GMainContext *context, struct rtc_factory *factory);
/* Takes NULL. */
void ice_servers_free(struct ice_servers *s);
/* The JSON array of W3C RTCIceServer objects. What cannot be used in it is left out. */
void ice_servers_set(struct ice_servers *s, struct span json);

#endif
