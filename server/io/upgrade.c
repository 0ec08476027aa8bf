/* SPDX-License-Identifier: MIT
 *
 * The door to the WebSocket at /ws. Whoever does not knock as RFC 6455 says gets an HTTP answer that tells why.
 */
#include "server/io/client.h"
#include "server/io/http.h"

static const char SUBPROTOCOL[] = "usher.v1";

/* Whether a comma-separated list (RFC 9110 section 5.6.1) has the word, as the comparison sees it. */
static bool list_has(const char *list, const char *word, int (*compare)(const char *, const char *, size_t))
{
    size_t n = strlen(word);
    while (*list) {
        list += strspn(list, " \t,");
        size_t len = strcspn(list, " \t,");
        if (len == n && compare(list, word, n) == 0)
            return true;
        list += len;
    }
    return false;
}

/* Returns what libwebsockets wants of a refused upgrade. */
static int refuse(
    struct io *io, struct lws *wsi, unsigned status, const char *headers, const char *code, const char *message)
{
    struct http_request r = {.io = io, .wsi = wsi};
    http_error(&r, status, headers, code, message);
    return 1;
}

/* RFC 6455 section 4.2.1. libwebsockets itself hangs up on most of these without a word. */
int http_upgrade(struct io *io, struct conn *c, const char *to)
{
    struct lws *wsi = c->wsi;
    char value[HTTP_VALUE_MAX];
    char *uri;
    int len;
    if (!client_identify(io, wsi, c)) {
        http_turn_away(&(struct http_request){.io = io, .wsi = wsi}, c->refused);
        return 1;
    }
    int method = lws_http_get_uri_and_method(wsi, &uri, &len);
    if (strcasecmp(to, "websocket") != 0 || method != LWSHUMETH_GET ||
        !http_header(wsi, WSI_TOKEN_CONNECTION, value, sizeof value) || !list_has(value, "upgrade", strncasecmp) ||
        !http_header(wsi, WSI_TOKEN_KEY, value, sizeof value))
        return refuse(io, wsi, 400, NULL, "bad-handshake", "this is no WebSocket handshake");
    if (len != 3 || memcmp(uri, "/ws", 3) != 0)
        return refuse(io, wsi, 404, NULL, "not-found", "the WebSocket is at /ws");
    if (!http_header(wsi, WSI_TOKEN_VERSION, value, sizeof value) || strcmp(value, "13") != 0)
        return refuse(io, wsi, 426, "Sec-WebSocket-Version: 13\r\n", "bad-handshake", "speak WebSocket version 13");
    if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > 0 &&
        (!http_header(wsi, WSI_TOKEN_PROTOCOL, value, sizeof value) || !list_has(value, SUBPROTOCOL, strncmp)))
        return refuse(io, wsi, 400, NULL, "bad-subprotocol", "the subprotocol here is usher.v1");
    if (!http_origin_allowed(io, wsi)) {
        http_origin_refused(io, wsi);
        return refuse(io, wsi, 403, NULL, "forbidden", "this origin may not connect");
    }
    return 0;
}
