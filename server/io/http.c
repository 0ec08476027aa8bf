/* SPDX-License-Identifier: MIT
 *
 * HTTP: the way of a request from its header to its answer. The table in routes.c names what is served; this file
 * finds the row, reads the body if the row wants one, and gives a defined answer to everything else: no such path, no
 * such method, a body that is too long or whose length is not told. Answers close the connection: whoever asks over
 * HTTP asks once, and a socket that idles here would hold a descriptor. From accept to the end of the request it has
 * HANDSHAKE_MS, and as long again for the answer, so neither a slow request nor a slow reader lasts; what we take to
 * find the answer (hashing a password, writing a file) is not the client's fault and has no limit here.
 *
 * A web page of a foreign origin is told nothing it could read, and may change nothing: a POST that needs no preflight
 * would be done before the browser looks at the answer.
 */
#include "server/io/http.h"

#include "server/io/client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/write.h"

enum {
    HEAD_MAX = 1024 + HTTP_HEADERS_MAX,
    AUTHORIZATION_MAX = TOKEN_MAX + 16,
    ALLOW_MAX = 64
};

static const struct {
    unsigned number;
    const char *line;
} STATUSES[ANSWER_STATUSES] = {
#define X(number, text) [ANSWER_##number] = {number, #number " " text},
    ANSWER_TABLE(X)
#undef X
};

static enum answer_status status_of(unsigned number)
{
    enum answer_status s = 0;
    while (s < ANSWER_STATUSES - 1 && STATUSES[s].number != number)
        s++;
    return s;
}

/* ---- answers ---- */

static void write_head(struct buf *out, const struct http_request *r, const struct http_answer *a)
{
    buf_printf(out, "HTTP/1.1 %s\r\nCache-Control: %s\r\n", STATUSES[status_of(a->status)].line,
        a->status == 304 ? "no-cache" : "no-store");
    /* RFC 9110 section 8.6: neither belongs to an answer that has no body by its nature. */
    if (a->status != 204 && a->status != 304)
        buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\nX-Content-Type-Options: nosniff\r\n",
            a->type ? a->type : "application/json", a->body.n);
    if (r->origin[0])
        buf_printf(out, "Access-Control-Allow-Origin: %s\r\nAccess-Control-Expose-Headers: Retry-After\r\n%s",
            r->origin, strcmp(r->origin, "*") == 0 ? "" : "Vary: Origin\r\n");
    buf_text(out, a->headers ? a->headers : "");
    buf_text(out, "Connection: close\r\n\r\n");
}

void http_answer(struct http_request *r, const struct http_answer *a)
{
    assert(!r->answered);
    r->answered = true;
    r->io->stats.http[status_of(a->status)]++;
    struct buf text;
    buf_init(&text, LWS_PRE + HEAD_MAX + a->body.n);
    char *front = buf_reserve(&text, LWS_PRE);
    if (front)
        text.len += LWS_PRE;
    write_head(&text, r, a);
    if (!r->head)
        buf_span(&text, a->body);
    if (!text.failed)
        lws_write(r->wsi, (unsigned char *)text.p + LWS_PRE, text.len - LWS_PRE, LWS_WRITE_HTTP_FINAL);
    buf_done(&text);
}

static void write_error(struct buf *out, const char *code, const char *message)
{
    buf_text(out, "{\"error\":{");
    write_member_string(out, "code", span_of(code));
    write_member_string(out, "message", span_of(message));
    buf_text(out, "}}\n");
}

void http_error(struct http_request *r, unsigned status, const char *headers, const char *code, const char *message)
{
    struct buf body;
    buf_init(&body, HTTP_ANSWER_MAX);
    write_error(&body, code, message);
    http_answer(r, &(struct http_answer){.status = status, .headers = headers, .body = buf_view(&body)});
    buf_done(&body);
}

static const char REFUSAL[] = "no more connections now: try again later", RETRY[] = "Retry-After: 5\r\n";

static unsigned refusal_status(const char *reason)
{
    return strcmp(reason, error_code(ERROR_RATE_LIMITED)) == 0 ? 429 : 503;
}

void http_turn_away(struct http_request *r, const char *reason)
{
    http_error(r, refusal_status(reason), RETRY, reason, REFUSAL);
}

size_t http_refusal(const char *reason, char *out)
{
    struct buf body, text;
    buf_init(&body, HTTP_ANSWER_MAX);
    buf_init(&text, HTTP_ANSWER_MAX - 1);
    write_error(&body, reason, REFUSAL);
    const struct http_answer a = {.status = refusal_status(reason), .headers = RETRY, .body = buf_view(&body)};
    write_head(&text, &(struct http_request){.head = false}, &a);
    buf_span(&text, a.body);
    size_t n = text.failed ? 0 : text.len;
    memcpy(out, text.p ? text.p : "", n);
    out[n] = '\0';
    buf_done(&text);
    buf_done(&body);
    return n;
}

/* ---- what a request says ---- */

bool http_header(struct lws *wsi, enum lws_token_indexes token, char *out, size_t n)
{
    int length = lws_hdr_total_length(wsi, token);
    return length > 0 && (size_t)length < n && lws_hdr_copy(wsi, out, (int)n, token) >= 0;
}

/* Programs send no Origin; a web page cannot help sending it. */
bool http_origin_allowed(const struct io *io, struct lws *wsi)
{
    if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) == 0)
        return true;
    char origin[ORIGIN_MAX + 1] = "";
    bool readable = http_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin);
    return origins_allow(io->settings.origins, io->settings.origins_count, span_of(readable ? origin : ""));
}

void http_origin_refused(struct io *io, struct lws *wsi)
{
    char origin[ORIGIN_MAX + 1];
    bool readable = http_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin);
    io->stats.origin_refused++;
    origins_refused(&io->origin_refusals, io->logger, span_of(readable ? origin : "(too long)"), uv_now(io->loop));
}

static void read_origin(struct http_request *r)
{
    const struct io_settings *s = &r->io->settings;
    for (size_t i = 0; i < s->origins_count; i++)
        if (strcmp(s->origins[i], "*") == 0) {
            memcpy(r->origin, "*", sizeof "*");
            return;
        }
    if (!http_header(r->wsi, WSI_TOKEN_ORIGIN, r->origin, sizeof r->origin) || !http_origin_allowed(r->io, r->wsi))
        r->origin[0] = '\0';
}

struct span http_bearer(const struct http_request *r)
{
    static const char SCHEME[] = "Bearer ";
    if (!r->authorization || strncasecmp(r->authorization, SCHEME, sizeof SCHEME - 1) != 0)
        return (struct span){NULL, 0};
    const char *token = r->authorization + sizeof SCHEME - 1;
    return span_of(token + strspn(token, " "));
}

static bool read_authorization(struct http_request *r)
{
    int n = lws_hdr_total_length(r->wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
    if (n <= 0)
        return true;
    if (n >= AUTHORIZATION_MAX || !(r->authorization = malloc((size_t)n + 1)))
        return false;
    return lws_hdr_copy(r->wsi, r->authorization, n + 1, WSI_TOKEN_HTTP_AUTHORIZATION) >= 0;
}

static enum http_method read_method(struct lws *wsi, bool *head)
{
    char *uri;
    int len;
    int method = lws_http_get_uri_and_method(wsi, &uri, &len);
    *head = method == LWSHUMETH_HEAD;
    switch (method) {
    case LWSHUMETH_GET:
    case LWSHUMETH_HEAD:
        return HTTP_GET;
    case LWSHUMETH_POST:
        return HTTP_POST;
    case LWSHUMETH_DELETE:
        return HTTP_DELETE;
    case LWSHUMETH_OPTIONS:
        return HTTP_OPTIONS;
    default:
        return HTTP_OTHER;
    }
}

/* ---- its row ---- */

static bool matches(const char *pattern, const char *path, struct span *parameter)
{
    while (*pattern) {
        if (*pattern == '*') {
            *parameter = span_of(path);
            return true;
        }
        if (*pattern == ':') {
            size_t n = strcspn(path, "/");
            if (n == 0)
                return false;
            *parameter = (struct span){path, n};
            path += n;
            pattern += strcspn(pattern, "/");
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

/* Sets the row of this path and method, if there is one; returns the methods that the path has. */
static unsigned find_route(struct http_request *r)
{
    unsigned methods = 0;
    for (size_t i = 0; i < routes_count; i++) {
        struct span parameter = {NULL, 0};
        if (!matches(routes[i].pattern, r->path, &parameter))
            continue;
        methods |= routes[i].methods;
        if (!r->route && routes[i].methods & r->method) {
            r->route = &routes[i];
            r->parameter = parameter;
        }
    }
    return methods;
}

static const char *allow_list(unsigned methods, char *out)
{
    snprintf(out, ALLOW_MAX, "%s%s%sOPTIONS", methods & HTTP_GET ? "GET, HEAD, " : "",
        methods & HTTP_POST ? "POST, " : "", methods & HTTP_DELETE ? "DELETE, " : "");
    return out;
}

/* A preflight is an OPTIONS with an Origin; without one the same lines do no harm. */
static void answer_options(struct http_request *r, unsigned methods)
{
    char allow[ALLOW_MAX], headers[HTTP_HEADERS_MAX];
    allow_list(methods, allow);
    snprintf(headers, sizeof headers,
        "Allow: %s\r\nAccess-Control-Allow-Methods: %s\r\n"
        "Access-Control-Allow-Headers: Authorization, Content-Type\r\nAccess-Control-Max-Age: 86400\r\n",
        allow, allow);
    if (!r->origin[0])
        snprintf(headers, sizeof headers, "Allow: %s\r\n", allow);
    http_answer(r, &(struct http_answer){.status = 204, .headers = headers});
}

static void refuse_method(struct http_request *r, unsigned methods)
{
    char allow[ALLOW_MAX], headers[ALLOW_MAX + 16];
    snprintf(headers, sizeof headers, "Allow: %s\r\n", allow_list(methods, allow));
    http_error(r, 405, headers, "method-not-allowed", "this path is not asked with that method");
}

/* ---- its body ---- */

/* The request is complete: its clock stands still until the answer is there. */
static void handle(struct http_request *r)
{
    r->route->handle(r);
    if (!r->answered)
        conn_unlimit(r->io, r->conn);
}

/* Hands the request to its handler if no body is to come, and refuses one that is not to be read. */
static void await_body(struct http_request *r)
{
    char length[16];
    if (lws_hdr_total_length(r->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0) {
        http_error(r, 411, NULL, "length-required", "send the body whole, with its Content-Length");
        return;
    }
    if (lws_hdr_total_length(r->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0) {
        handle(r);
        return;
    }
    bool told = http_header(r->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, length, sizeof length);
    size_t digits = told ? strspn(length, "0123456789") : 0;
    if (!told || digits == 0 || length[digits])
        http_error(r, 400, NULL, "bad-length", "Content-Length must be one number of bytes");
    else if (strtoul(length, NULL, 10) > HTTP_BODY_MAX)
        http_error(r, 413, NULL, error_code(ERROR_TOO_LARGE), "a request's body may have 16384 bytes");
    else if (strtoul(length, NULL, 10) == 0)
        handle(r);
}

int http_body(struct conn *c, struct span piece)
{
    struct http_request *r = c->http;
    if (!r || r->answered)
        return -1;
    if (!buf_span(&r->body, piece))
        http_error(r, 413, NULL, error_code(ERROR_TOO_LARGE), "a request's body may have 16384 bytes");
    return r->answered ? -1 : 0;
}

int http_body_end(struct conn *c)
{
    struct http_request *r = c->http;
    if (!r || r->answered)
        return -1;
    handle(r);
    return r->answered ? -1 : 0;
}

/* ---- all of it ---- */

static void dispatch(struct http_request *r, const char *path, bool foreign)
{
    memcpy(r->path, path, strlen(path) + 1); /* the caller looked at its length */
    unsigned methods = find_route(r);
    if (methods == 0 && r->method == HTTP_GET)
        http_web(r);
    else if (methods == 0)
        http_error(r, 404, NULL, "not-found", "nothing is served at this path");
    else if (r->method == HTTP_OPTIONS)
        answer_options(r, methods);
    else if (!r->route)
        refuse_method(r, methods);
    else if (foreign && r->method != HTTP_GET)
        http_error(r, 403, NULL, error_code(ERROR_FORBIDDEN), "pages of this origin may not ask for that");
    else if (r->route->body)
        await_body(r);
    else
        handle(r);
}

int http_request(struct io *io, struct conn *c, const char *path)
{
    struct lws *wsi = c->wsi;
    if (c->http) /* a second request on a connection that is about to close */
        return -1;
    struct http_request *r = calloc(1, sizeof *r);
    if (!r)
        return -1;
    *r = (struct http_request){.io = io, .wsi = wsi, .conn = c};
    c->http = r;
    buf_init(&r->body, HTTP_BODY_MAX);
    r->method = read_method(wsi, &r->head);
    read_origin(r);
    bool foreign = !http_origin_allowed(io, wsi);
    if (foreign && r->method != HTTP_GET) /* an OPTIONS is what a browser asks before */
        http_origin_refused(io, wsi);
    /* A full server still says how it is: whoever watches it would restart it otherwise. */
    if (!client_identify(io, wsi, c) && strcmp(path, "/health") != 0)
        http_turn_away(r, c->refused);
    else if (strlen(path) >= sizeof r->path)
        http_error(r, 414, NULL, "uri-too-long", "a path may have 511 bytes");
    else if (!read_authorization(r))
        http_error(r, 401, NULL, error_code(ERROR_UNAUTHORIZED), "the Authorization header is too long");
    else
        dispatch(r, path, foreign);
    return r->answered ? -1 : 0;
}

void http_done(struct http_request *r)
{
    if (!r)
        return;
    buf_done(&r->body);
    free(r->authorization);
    free(r);
}

/* An answer that comes after its request: libwebsockets says when it is out, and the connection is closed then. */
void http_respond(struct conn *c, unsigned status, struct span body, uint32_t retry_after_ms)
{
    struct http_request *r = c->http;
    if (!r || r->answered)
        return;
    char headers[64] = "";
    if (retry_after_ms) /* RFC 9110 section 10.2.3: whole seconds, and one too early would be refused again */
        snprintf(headers, sizeof headers, "Retry-After: %u\r\n", (unsigned)((retry_after_ms + 999ULL) / 1000));
    else if (status == 401)
        snprintf(headers, sizeof headers, "WWW-Authenticate: Bearer\r\n");
    conn_limit(r->io, c, &r->io->handshaking, HANDSHAKE_MS);
    http_answer(r, &(struct http_answer){.status = status, .headers = headers, .body = body});
    lws_callback_on_writable(r->wsi);
}
