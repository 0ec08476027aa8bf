/* SPDX-License-Identifier: MIT
 *
 * What a signaling server names as iceServers. Each server that comes out can be used: a host, a port, and for TURN a
 * name and a password; and what is no JSON array yields none.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "peer/io/ice_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ends(const char *text, size_t room)
{
    return memchr(text, '\0', room) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtc_server servers[ICE_SERVERS_MAX];
    size_t n = ice_list_parse((struct span){(const char *)data, size}, servers);
    if (n > ICE_SERVERS_MAX || (n > 0 && !memchr(data, '[', size)))
        abort();
    for (size_t i = 0; i < n; i++) {
        const struct rtc_server *s = &servers[i];
        if (!ends(s->host, sizeof s->host) || !ends(s->username, sizeof s->username) ||
            !ends(s->password, sizeof s->password) || s->host[0] == '\0' || s->port == 0)
            abort();
    }
    return 0;
}
