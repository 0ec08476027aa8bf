/* SPDX-License-Identifier: MIT */
#include "server/settings.h"

#include <stdio.h>

#include "protocol/limits.h"
#include "server/page.h"

static uint32_t count_of(const struct config *c, enum option_id id)
{
    return (uint32_t)config_number(c, id);
}

static uint32_t frame_limit(const struct config *c)
{
    uint32_t max = count_of(c, OPTION_LIMITS_MAX_FRAME);
    return max ? max : FRAME_MAX_CEILING;
}

struct core_settings settings_of_core(const struct config *c)
{
    struct core_settings s = {
        .server_name = "usherd/" USHER_VERSION,
        .ping_interval_ms = config_number(c, OPTION_SERVER_PING_INTERVAL),
        .ping_timeout_ms = config_number(c, OPTION_SERVER_PING_TIMEOUT),
        .join_timeout_ms = config_number(c, OPTION_LIMITS_JOIN_TIMEOUT),
        .drain_timeout_ms = config_number(c, OPTION_SERVER_DRAIN_TIMEOUT),
        .resume_grace_ms = config_number(c, OPTION_SERVER_RESUME_GRACE),
        .max_connections = count_of(c, OPTION_LIMITS_MAX_CONNECTIONS),
        .max_connections_per_address = count_of(c, OPTION_LIMITS_MAX_CONNECTIONS_PER_ADDRESS),
        .connection_rate = count_of(c, OPTION_LIMITS_CONNECTION_RATE),
        .connection_burst = count_of(c, OPTION_LIMITS_CONNECTION_BURST),
        .max_rooms = count_of(c, OPTION_LIMITS_MAX_ROOMS),
        .max_room_members = count_of(c, OPTION_LIMITS_MAX_ROOM_MEMBERS),
        .max_frame = frame_limit(c),
        .message_rate = count_of(c, OPTION_LIMITS_MESSAGE_RATE),
        .message_burst = count_of(c, OPTION_LIMITS_MESSAGE_BURST),
        .join_rate = count_of(c, OPTION_LIMITS_JOIN_RATE),
        .auth_failures = count_of(c, OPTION_LIMITS_AUTH_FAILURES),
        .auto_create = config_number(c, OPTION_ROOMS_AUTO_CREATE) != 0,
        .list_joined = config_number(c, OPTION_ROOMS_LISTED) != 0,
        .room_linger_ms = config_number(c, OPTION_ROOMS_LINGER),
        .room_ttl_ms = config_number(c, OPTION_ROOMS_TTL),
        .token_required = config_number(c, OPTION_AUTH_REQUIRED) != 0,
    };
    size_t webhooks;
    config_list(c, OPTION_WEBHOOKS_URL, &webhooks);
    s.webhooks = webhooks > 0;
    snprintf(s.node, sizeof s.node, "%s", config_text(c, OPTION_SERVER_NODE));
    return s;
}

/* config_check has seen to it that they can be read. */
static void read_networks(const struct config *c, enum option_id id, struct cidr_list *list)
{
    size_t n;
    const char *const *entries = config_list(c, id, &n);
    cidr_list_parse(entries, n, list, NULL);
}

struct io_settings settings_of_io(const struct config *c)
{
    struct io_settings s = {
        .max_frame = frame_limit(c),
        .max_queue = config_number(c, OPTION_LIMITS_MAX_QUEUE),
        .ping_interval_ms = config_number(c, OPTION_SERVER_PING_INTERVAL),
        .ping_timeout_ms = config_number(c, OPTION_SERVER_PING_TIMEOUT),
        .socketio = config_number(c, OPTION_DIALECTS_SOCKETIO) != 0,
        .drain_timeout_ms = config_number(c, OPTION_SERVER_DRAIN_TIMEOUT),
        .ywebrtc = config_number(c, OPTION_DIALECTS_YWEBRTC) != 0,
        .peerjs = config_number(c, OPTION_DIALECTS_PEERJS) != 0,
        .peerjs_discovery = config_number(c, OPTION_DIALECTS_PEERJS_DISCOVERY) != 0,
    };
    s.origins = config_list(c, OPTION_SERVER_ORIGINS, &s.origins_count);
    s.peerjs_keys = config_list(c, OPTION_DIALECTS_PEERJS_KEYS, &s.peerjs_keys_count);
    s.web_root = page_root(c);
    s.sim_root = config_text(c, OPTION_SERVER_SIM_ROOT);
    s.web_servers = config_list(c, OPTION_SERVER_WEB_SERVERS, &s.web_servers_count);
    s.stun_public = config_text(c, OPTION_ICE_STUN_PUBLIC);
    read_networks(c, OPTION_SERVER_TRUSTED_PROXIES, &s.trusted_proxies);
    read_networks(c, OPTION_SERVER_METRICS_ALLOW, &s.metrics_allow);
    return s;
}
