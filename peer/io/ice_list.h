/* SPDX-License-Identifier: MIT
 *
 * The iceServers that a signaling server names, read: what cannot be used among them is left out.
 */
#ifndef PEER_IO_ICE_LIST_H
#define PEER_IO_ICE_LIST_H

#include "peer/io/rtc.h"

enum {
    ICE_SERVERS_MAX = 16
};

/* A JSON array of W3C RTCIceServer objects; returns how many were written. A host may come out as a name. */
size_t ice_list_parse(struct span json, struct rtc_server out[ICE_SERVERS_MAX]);
/* One URL of RFC 7064 or RFC 7065. False if it is neither. */
bool ice_server_url(const char *url, struct rtc_server *out);

#endif
