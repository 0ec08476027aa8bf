/* SPDX-License-Identifier: MIT
 *
 * HTTP: the way of a request from its head to its answer. The table in routes.c names what is served; this file finds
 * the row, reads the body if the row wants one, and gives a defined answer to everything else: no such path, no such
 * method, a body that is too long or whose length is not told.
 *
 * A connection carries one request, and every answer closes it (RFC 9112 section 9.6): whoever asks over HTTP asks
 * once, and a socket that idles here would hold a descriptor. From accept to the end of the request it has
 * HANDSHAKE_MS; then the client must take some of its answer every ANSWER_MS. What we take to find the answer (hashing
 * a password, writing a file) is not the client's fault and has no limit here. When the answer is out our side is shut,
 * and what the client still sends is thrown away until it ends: a socket closed on unread bytes resets the connection,
 * and the answer with it.
 *
 * A web page of a foreign origin is told nothing it could read, and may change nothing: a POST that needs no preflight
 * would be done before the browser looks at the answer.
 */
#include "server/io/http.h"
#include "server/io/peerjs.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/io/client.h"
#include "server/io/origins.h"
#include "server/io/polling.h"
#include "server/io/query.h"
#include "server/io/web_file.h"

enum {
    ALLOW_MAX = 64
};

struct http_request *http_new(struct io *io, struct conn *c)
{
    struct http_request *r = calloc(1, sizeof *r);
    struct http_asked *asked = calloc(1, sizeof *asked);
    if (!r || !asked) {
        free(asked);
        free(r);
        return NULL;
    }
    *r = (struct http_request){.io = io, .conn = c, .asked = asked};
    buf_init(&asked->in, REQUEST_HEAD_MAX + READ_SIZE);
    c->http = r;
    return r;
}

static void asked_free(struct http_asked *asked)
{
    if (asked)
        buf_done(&asked->in);
    free(asked);
}

void http_done(struct http_request *r)
{
    if (!r)
        return;
    web_end(r->download);
    asked_free(r->asked);
    free(r->cors);
    free(r);
}

void http_handled(struct http_request *r)
{
    if (!r->asked)
        return;
    if (!r->answered)
        answer_prepare(r);
    asked_free(r->asked);
    r->asked = NULL;
}

/* ---- what a request says ---- */

bool http_origin_allowed(const struct io *io, const struct request_head *h)
{
    struct span origin;
    /* Programs send no Origin; a web page cannot help sending it. */
    return !request_head_find(h, "Origin", &origin) ||
           origins_allow(io->settings.origins, io->settings.origins_count, origin);
}

/* A person who set server.origins wrongly sees in the log what the browser sends. */
void http_count_foreign(struct http_request *r)
{
    struct io *io = r->io;
    struct span origin = SPAN("");
    request_head_find(&r->asked->head, "Origin", &origin);
    origins_refused(&io->origin_refusals, io->logger, origin, uv_now(io->loop));
    io->stats.origin_refused++;
}

void http_refuse_origin(struct http_request *r, const char *message)
{
    http_count_foreign(r);
    http_error(r, 403, NULL, error_code(ERROR_FORBIDDEN), message);
}

struct span http_body_of(const struct http_request *r)
{
    return (struct span){r->asked->in.p + r->asked->head.n, r->asked->body_n};
}

struct span http_bearer(const struct http_request *r)
{
    static const char SCHEME[] = "Bearer ";
    struct span value;
    if (!request_head_find(&r->asked->head, "Authorization", &value) || value.n < sizeof SCHEME ||
        strncasecmp(value.p, SCHEME, sizeof SCHEME - 1) != 0)
        return (struct span){NULL, 0};
    size_t skip = sizeof SCHEME - 1;
    while (skip < value.n && value.p[skip] == ' ')
        skip++;
    return (struct span){value.p + skip, value.n - skip};
}

static enum http_method read_method(struct span name, bool *is_head)
{
    static const struct {
        const char *name;
        enum http_method method;
    } METHODS[] = {
        {"GET", HTTP_GET}, {"HEAD", HTTP_GET}, {"POST", HTTP_POST}, {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS}};
    *is_head = span_is(name, "HEAD");
    for (size_t i = 0; i < sizeof METHODS / sizeof *METHODS; i++)
        if (span_is(name, METHODS[i].name))
            return METHODS[i].method;
    return HTTP_OTHER;
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

bool http_has_route(const char *path)
{
    struct span parameter;
    for (size_t i = 0; i < routes_count; i++)
        if (matches(routes[i].pattern, path, &parameter))
            return true;
    return false;
}

/* Sets the row of this path and method, if there is one; returns the methods that the path has. */
static unsigned find_route(struct http_request *r)
{
    unsigned methods = 0;
    for (size_t i = 0; i < routes_count; i++) {
        struct span parameter = {NULL, 0};
        if (!matches(routes[i].pattern, r->asked->path, &parameter))
            continue;
        methods |= routes[i].methods;
        if (!r->asked->route && routes[i].methods & r->method) {
            r->asked->route = &routes[i];
            r->asked->parameter = parameter;
        }
    }
    if (methods > 0 || web_root_has_room(r->io->web, r->asked->path))
        return methods;
    const struct route *row = polling_route(&r->io->settings, r->asked->path);
    if (!row)
        row = upgrade_door(r->io, r->asked->path) ? &upgrade_route : peerjs_route(&r->io->settings, r->asked->path);
    if (row && row->methods & r->method)
        r->asked->route = row;
    return row ? row->methods : 0;
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
    if (!http_origin_allowed(r->io, &r->asked->head)) {
        http_count_foreign(r);
        snprintf(headers, sizeof headers, "Allow: %s\r\n", allow);
    }
    http_answer(r, &(struct http_answer){.status = 204, .headers = headers});
}

static void refuse_method(struct http_request *r, unsigned methods)
{
    char allow[ALLOW_MAX], headers[ALLOW_MAX + 16];
    snprintf(headers, sizeof headers, "Allow: %s\r\n", allow_list(methods, allow));
    http_error(r, 405, headers, "method-not-allowed", "this path is not asked with that method");
}

/* ---- its body ---- */

static void handle(struct http_request *r)
{
    http_wait(r);
    r->asked->route->handle(r);
}

static void await_rest(struct http_request *r)
{
    static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";
    size_t whole = r->asked->head.n + r->asked->body_n;
    r->conn->state = CONN_BODY;
    if (r->asked->in.max < whole)
        r->asked->in.max = whole;
    /* RFC 9110 section 10.1.1: not to HTTP/1.0, nor when the body is on its way already. */
    if (r->asked->head.minor > 0 && r->asked->in.len == r->asked->head.n &&
        request_head_list_has(&r->asked->head, "Expect", "100-continue", true)) {
        struct frame *f = frame_raw(sizeof CONTINUE - 1);
        if (f)
            memcpy(frame_payload(f), CONTINUE, sizeof CONTINUE - 1);
        turn_queue(r->io, r->conn, f);
    }
    http_body(r);
}

bool http_usual_body(struct http_request *r, size_t *max)
{
    (void)r;
    *max = HTTP_BODY_MAX;
    return true;
}

static void refuse_length(struct http_request *r, size_t max)
{
    char problem[64];
    snprintf(problem, sizeof problem, "a request's body may have %zu bytes", max);
    http_error(r, 413, NULL, error_code(ERROR_TOO_LARGE), problem);
}

/* Hands the request to its handler if no body is to come, and refuses one that is not to be read. */
static void await_body(struct http_request *r)
{
    uint64_t length = 0;
    size_t max;
    if (!r->asked->route->body(r, &max))
        return;
    switch (request_head_body(&r->asked->head, &length)) {
    case BODY_NONE:
        handle(r);
        break;
    case BODY_BAD:
        http_error(r, r->asked->head.status, NULL, r->asked->head.code, r->asked->head.problem);
        break;
    case BODY_CHUNKED:
        http_error(r, 411, NULL, "length-required", "send the body whole, with its Content-Length");
        break;
    case BODY_LENGTH:
        r->asked->body_n = length <= max ? (size_t)length : 0;
        if (length > max)
            refuse_length(r, max);
        else
            await_rest(r);
        break;
    }
}

void http_body(struct http_request *r)
{
    if (r->asked->in.len - r->asked->head.n < r->asked->body_n)
        return;
    /* The buffer may have moved since the head was read. */
    request_head_read(buf_view(&r->asked->in), 0, &r->asked->head);
    handle(r);
}

/* ---- all of it ---- */

static void dispatch(struct http_request *r)
{
    struct core_event e = io_event(r->io, CORE_HTTP, r->conn);
    io_step(r->io, &e);
    unsigned methods = find_route(r);
    bool foreign = !http_origin_allowed(r->io, &r->asked->head);
    if (methods == 0 && r->method == HTTP_GET)
        http_web(r);
    else if (methods == 0 && r->method == HTTP_OPTIONS && strcmp(r->asked->path, "*") == 0)
        answer_options(r, HTTP_GET | HTTP_POST | HTTP_DELETE);
    else if (methods == 0)
        http_not_found(r);
    else if (r->method == HTTP_OPTIONS)
        answer_options(r, methods);
    else if (!r->asked->route)
        refuse_method(r, methods);
    else if (foreign && r->method != HTTP_GET)
        http_refuse_origin(r, "pages of this origin may not ask for that");
    else if (r->asked->route->body)
        await_body(r);
    else
        handle(r);
}

void http_request(struct http_request *r)
{
    struct io *io = r->io;
    struct conn *c = r->conn;
    const struct door *door;
    r->method = read_method(r->asked->head.method, &r->is_head);
    c->state = CONN_ANSWER; /* whatever it is refused for from now on, it hears so */
    bool welcome = client_identify(io, c, &r->asked->head);
    if (!hosts_take(&io->hosts, r->asked->head.host, &c->host)) {
        turn_kill(io, c);
        return;
    }
    if (r->asked->head.path.n >= sizeof r->asked->path)
        http_error(r, 414, NULL, "uri-too-long", "a path may have 511 bytes");
    else if (!path_decode(r->asked->head.path, r->asked->path, sizeof r->asked->path))
        http_error(r, 400, NULL, "bad-request", "the path has a % that no two hexadecimal digits follow, or %00");
    /* A full server still says how it is: whoever watches it would restart it otherwise. */
    else if (!welcome && strcmp(r->asked->path, "/health") != 0 && !polling_admits(r))
        http_turn_away(r, c->refused);
    /* RFC 9110 section 10.1.1: what else is expected cannot be met. */
    else if (!request_head_list_only(&r->asked->head, "Expect", "100-continue"))
        http_error(r, 417, NULL, "expectation-failed", "only 100-continue can be expected here");
    else if (upgrade_wanted(&r->asked->head) && (door = upgrade_door(io, r->asked->path)))
        upgrade(r, door);
    else
        dispatch(r);
}
