/* SPDX-License-Identifier: MIT
 *
 * What a single value must be beyond its type, judged when it is set, so that the sentence tells the line. A value that
 * could never work is refused here and not when the first client needs it; one that differs from the usual form without
 * a doubt is brought into it.
 */
#include "server/config.h"

#include <stdio.h>
#include <strings.h>

#include "protocol/limits.h"
#include "server/io/cidr.h"
#include "protocol/message.h"
#include "server/adapters/page_server.h"
#include "server/adapters/address_kind.h"
#include "server/adapters/ice_url.h"
#include "server/io/listen_address.h"
#include "server/io/origins.h"
#include "server/adapters/redis_url.h"
#include "server/adapters/token_key.h"
#include "server/adapters/url_host.h"
#include "server/adapters/webhook_url.h"

_Static_assert((int)ORIGIN_MAX <= (int)OPTION_TEXT_MAX && (int)ICE_URL_MAX <= (int)OPTION_TEXT_MAX,
    "a rule writes into a text's room");

/* inih, the shell's --set and Docker's --env-file all leave quotes where they are. */
static bool check_quotes(enum option_id id, const char *text, struct err *e)
{
    bool secret = options[id].flags & OPTION_SECRET;
    size_t n = strlen(text);
    bool quoted = n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n - 1] == text[0];
    return !quoted || err_set(e, "quotes are taken as part of the value: write it without%s",
                          secret ? " (a secret that really has them goes into a file, named as @FILE)" : "");
}

/* Only a shell knows what ~ is; a folder of that name would be made. */
static bool check_path(const char *text, struct err *e)
{
    text += *text == '@';
    return !(text[0] == '~' && (text[1] == '/' || text[1] == '\0')) ||
           err_set(e, "~ is not replaced by a folder here: write the whole path");
}

static bool check_node(const char *node, struct err *e)
{
    size_t n = strspn(node, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return (n > 0 && n <= NODE_MAX && node[n] == '\0') || err_set(e, "expected 1 to %d of A-Z a-z 0-9 _ -", NODE_MAX);
}

/* No client has the address that stands for all of them, nor one of a group. */
static bool check_client(const char *text, const struct cidr *c, struct err *e)
{
    enum address_kind kind = c->bits == ADDRESS_BITS ? address_kind(&c->network) : ADDRESS_OF_A_MACHINE;
    if (kind == ADDRESS_UNSPECIFIED)
        return err_set(e, "no client has this address: for all of them write %.*s/0", (int)strcspn(text, "/"), text);
    bool nobody = kind == ADDRESS_MULTICAST || kind == ADDRESS_BROADCAST;
    return !nobody || err_set(e, "%s: expected one that a client may have", address_kind_problem(kind));
}

static bool check_network(const char *text, struct err *e)
{
    struct cidr_list list;
    if (strpbrk(text, ", \t"))
        return err_set(e, "one address or network a setting, which is repeated for more");
    return cidr_list_parse(&text, 1, &list, e) && (list.n == 0 || check_client(text, &list.v[0], e));
}

static bool check_listen(const char *text, struct err *e)
{
    struct listen_address address;
    return listen_address_parse(text, &address, e) && listen_address_check(&address, e);
}

static bool check_stun_listen(const char *text, struct err *e)
{
    struct listen_address address;
    if (!*text)
        return true;
    if (!listen_address_parse(text, &address, NULL) || address.at.any.sa_family == AF_UNIX || address.proxy)
        return err_set(e, "expected a UDP address such as [::]:3478, *:3478 or 192.0.2.1:3478");
    return listen_address_check(&address, e);
}

static bool check_stun_public(const char *text, char out[OPTION_TEXT_MAX + 1], struct err *e)
{
    char host[URL_HOST_MAX + 1];
    unsigned port;
    if (!*text)
        return true;
    if (strncasecmp(text, "stun:", 5) == 0)
        return err_set(e, "write it without stun:, as HOST:PORT");
    const char *problem = url_host_read(url_trim(span_of(text)), host, &port);
    if (!problem && port == 0)
        problem = "the port is missing";
    if (!problem)
        problem = address_kind_problem(url_host_kind(host));
    if (problem)
        return err_set(e, "%s: expected HOST:PORT such as stun.example:3478", problem);
    snprintf(out, OPTION_TEXT_MAX + 1, "%s:%u", host, port);
    return true;
}

static bool check_algorithm(const char *text, struct err *e)
{
    return token_alg_find(span_of(text)) != JWT_ALG_INVAL ||
           err_set(e, "expected one of HS256, HS384, HS512, RS256 and ES256; the setting is repeated for more");
}

static bool check_webhook(const char *text, struct err *e)
{
    struct webhook_url url;
    return webhook_url_read(text, &url, e);
}

static bool check_redis(const char *text, struct err *e)
{
    struct redis_url url;
    return !*text || redis_url_read(text, &url, e);
}

/* It has the form of a room's id. */
static bool check_key(const char *text, struct err *e)
{
    return room_id_valid(span_of(text)) || err_set(e, "expected a key of 1 to 64 of A-Z a-z 0-9 _ -");
}

bool config_rule(enum option_id id, const char *text, char out[OPTION_TEXT_MAX + 1], struct err *problem)
{
    snprintf(out, OPTION_TEXT_MAX + 1, "%s", text);
    if (!check_quotes(id, text, problem))
        return false;
    switch (id) {
    case OPTION_SERVER_NODE:
        return check_node(text, problem);
    case OPTION_SERVER_LISTEN:
        return check_listen(text, problem);
    case OPTION_SERVER_TRUSTED_PROXIES:
    case OPTION_SERVER_METRICS_ALLOW:
        return check_network(text, problem);
    case OPTION_SERVER_ORIGINS:
        return origins_normalise(text, out, problem);
    case OPTION_SERVER_WEB_SERVERS:
        return page_server_normalise(text, out, problem);
    case OPTION_ICE_STUN:
        return ice_url_normalise(ICE_URL_STUN, text, out, problem);
    case OPTION_ICE_STUN_LISTEN:
        return check_stun_listen(text, problem);
    case OPTION_ICE_STUN_PUBLIC:
        return check_stun_public(text, out, problem);
    case OPTION_ICE_TURN:
        return ice_url_normalise(ICE_URL_TURN, text, out, problem);
    case OPTION_WEBHOOKS_URL:
        return check_webhook(text, problem);
    case OPTION_DIALECTS_PEERJS_KEYS:
        return check_key(text, problem);
    case OPTION_AUTH_ALGORITHMS:
        return check_algorithm(text, problem);
    case OPTION_SERVER_STATE_DIR:
    case OPTION_SERVER_WEB_ROOT:
    case OPTION_TLS_CERTIFICATE:
    case OPTION_TLS_KEY:
    case OPTION_AUTH_KEYS:
        return check_path(text, problem);
    case OPTION_CLUSTER_REDIS:
        return *text == '@' ? check_path(text, problem) : check_redis(text, problem);
    case OPTION_ICE_TURN_SECRET:
    case OPTION_WEBHOOKS_SECRET:
    case OPTION_CLUSTER_NODE_SECRET:
        return *text != '@' || check_path(text, problem);
    default:
        return true;
    }
}
