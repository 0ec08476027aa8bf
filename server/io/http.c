/* SPDX-License-Identifier: MIT
 *
 * HTTP: /health, the door to the WebSocket at /ws, and a defined answer to everything else. Answers close the
 * connection: whoever asks over HTTP asks once, and a socket that idles here would hold a descriptor.
 */
#include "server/io/turn.h"

#include <assert.h>
#include <stdio.h>

enum {
    HEADER_VALUE_MAX = 128,
    REFUSAL_MAX = 128
};

static const char SUBPROTOCOL[] = "usher.v1";

struct answer {
    const char *status;  /* "200 OK" */
    const char *headers; /* lines of their own, each with its CRLF; or "" */
    const char *body;
};

static size_t write_answer(const struct answer *a, bool head, char *out)
{
    int n = snprintf(out, HTTP_ANSWER_MAX,
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n%s"
        "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
        a->status, a->headers, strlen(a->body), head ? "" : a->body);
    assert(n > 0 && n < HTTP_ANSWER_MAX);
    return (size_t)n;
}

/* Returns what libwebsockets wants of LWS_CALLBACK_HTTP: -1 closes once the answer is out. */
static int answer(struct lws *wsi, const struct answer *a, bool head)
{
    unsigned char text[LWS_PRE + HTTP_ANSWER_MAX];
    size_t n = write_answer(a, head, (char *)text + LWS_PRE);
    lws_write(wsi, text + LWS_PRE, n, LWS_WRITE_HTTP_FINAL);
    return -1;
}

/* For a connection over a limit; body has REFUSAL_MAX bytes. */
static struct answer refusal(const char *reason, char *body)
{
    snprintf(body, REFUSAL_MAX,
        "{\"error\":{\"code\":\"%s\",\"message\":\"no more connections now: try again later\"}}\n", reason);
    bool hurried = strcmp(reason, error_code(ERROR_RATE_LIMITED)) == 0;
    return (struct answer){hurried ? "429 Too Many Requests" : "503 Service Unavailable", "Retry-After: 5\r\n", body};
}

static int answer_refusal(struct lws *wsi, const char *reason, bool head)
{
    char body[REFUSAL_MAX];
    struct answer a = refusal(reason, body);
    return answer(wsi, &a, head);
}

static int answer_health(struct io *io, struct lws *wsi, bool head)
{
    const struct core_stats *s = core_stats(io->core);
    char body[256];
    snprintf(body, sizeof body,
        "{\"status\":\"ok\",\"version\":\"%s\",\"uptimeSeconds\":%llu,\"connections\":%llu,\"rooms\":%llu}\n",
        io->version, (unsigned long long)((uv_now(io->loop) - io->started_at) / 1000),
        (unsigned long long)s->connections, (unsigned long long)s->rooms);
    return answer(wsi, &(struct answer){"200 OK", "", body}, head);
}

int http_request(struct io *io, const struct conn *c, const char *path)
{
    struct lws *wsi = c->wsi;
    char *uri;
    int len;
    int method = lws_http_get_uri_and_method(wsi, &uri, &len);
    bool head = method == LWSHUMETH_HEAD;
    if (strcmp(path, "/health") == 0 && (head || method == LWSHUMETH_GET))
        return answer_health(io, wsi, head);
    if (c->refused)
        return answer_refusal(wsi, c->refused, head);
    if (strcmp(path, "/health") == 0)
        return answer(wsi,
            &(struct answer){"405 Method Not Allowed", "Allow: GET, HEAD\r\n",
                "{\"error\":{\"code\":\"method-not-allowed\",\"message\":\"ask with GET or HEAD\"}}\n"},
            head);
    if (strcmp(path, "/ws") == 0)
        return answer(wsi,
            &(struct answer){"426 Upgrade Required", "Upgrade: websocket\r\n",
                "{\"error\":{\"code\":\"upgrade-required\",\"message\":\"this is a WebSocket's address\"}}\n"},
            head);
    return answer(wsi,
        &(struct answer){"404 Not Found", "",
            "{\"error\":{\"code\":\"not-found\",\"message\":\"nothing is served at this path\"}}\n"},
        head);
}

static int refuse_upgrade(struct lws *wsi, const char *status, const char *headers, const char *body)
{
    answer(wsi, &(struct answer){status, headers, body}, false);
    return 1;
}

/* The header's value, or false if it is missing or too long to be sensible. */
static bool header(struct lws *wsi, enum lws_token_indexes token, char *out)
{
    int n = lws_hdr_total_length(wsi, token);
    return n > 0 && n < HEADER_VALUE_MAX && lws_hdr_copy(wsi, out, HEADER_VALUE_MAX, token) >= 0;
}

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

/* Programs send no Origin; a web page cannot help sending it. */
static bool origin_allowed(const struct io_settings *s, struct lws *wsi)
{
    if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) == 0)
        return true;
    char origin[HEADER_VALUE_MAX];
    bool readable = header(wsi, WSI_TOKEN_ORIGIN, origin);
    for (size_t i = 0; i < s->origins_count; i++)
        if (strcmp(s->origins[i], "*") == 0 || (readable && strcasecmp(s->origins[i], origin) == 0))
            return true;
    return false;
}

/* RFC 6455 section 4.2.1. libwebsockets itself hangs up on most of these without a word. */
int http_upgrade(struct io *io, const struct conn *c, const char *to)
{
    struct lws *wsi = c->wsi;
    if (c->refused) {
        answer_refusal(wsi, c->refused, false);
        return 1;
    }
    char value[HEADER_VALUE_MAX];
    char *uri;
    int len;
    int method = lws_http_get_uri_and_method(wsi, &uri, &len);
    if (strcasecmp(to, "websocket") != 0 || method != LWSHUMETH_GET || !header(wsi, WSI_TOKEN_CONNECTION, value) ||
        !list_has(value, "upgrade", strncasecmp) || !header(wsi, WSI_TOKEN_KEY, value))
        return refuse_upgrade(wsi, "400 Bad Request", "",
            "{\"error\":{\"code\":\"bad-handshake\",\"message\":\"this is no WebSocket handshake\"}}\n");
    if (len != 3 || memcmp(uri, "/ws", 3) != 0)
        return refuse_upgrade(
            wsi, "404 Not Found", "", "{\"error\":{\"code\":\"not-found\",\"message\":\"the WebSocket is at /ws\"}}\n");
    if (!header(wsi, WSI_TOKEN_VERSION, value) || strcmp(value, "13") != 0)
        return refuse_upgrade(wsi, "426 Upgrade Required", "Sec-WebSocket-Version: 13\r\n",
            "{\"error\":{\"code\":\"bad-handshake\",\"message\":\"speak WebSocket version 13\"}}\n");
    if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > 0 &&
        (!header(wsi, WSI_TOKEN_PROTOCOL, value) || !list_has(value, SUBPROTOCOL, strncmp)))
        return refuse_upgrade(wsi, "400 Bad Request", "",
            "{\"error\":{\"code\":\"bad-subprotocol\",\"message\":\"the subprotocol here is usher.v1\"}}\n");
    if (!origin_allowed(&io->settings, wsi))
        return refuse_upgrade(wsi, "403 Forbidden", "",
            "{\"error\":{\"code\":\"forbidden\",\"message\":\"this origin may not connect\"}}\n");
    return 0;
}

size_t http_refusal(const char *reason, char *out)
{
    char body[REFUSAL_MAX];
    struct answer a = refusal(reason, body);
    return write_answer(&a, false, out);
}
