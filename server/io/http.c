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

#include <assert.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "protocol/write.h"
#include "server/io/client.h"
#include "server/io/origins.h"
#include "server/io/query.h"
#include "server/io/transport.h"
#include "server/io/web_file.h"

enum {
    HEAD_MAX = 2048 + HTTP_HEADERS_MAX,
    ERROR_MAX = 1024,
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

struct http_request *http_new(struct io *io, struct conn *c)
{
    struct http_request *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->io = io;
    r->conn = c;
    buf_init(&r->in, REQUEST_HEAD_MAX + READ_SIZE);
    c->http = r;
    return r;
}

void http_done(struct http_request *r)
{
    if (!r)
        return;
    web_end(r->download);
    buf_done(&r->in);
    free(r);
}

/* ---- answers ---- */

void http_wait(struct http_request *r)
{
    struct conn *c = r->conn;
    c->state = CONN_ANSWER;
    transport_of(c)->read(r->io, c, false);
    conn_unlimit(&r->io->conns, c);
}

static bool all_origins(const struct io *io)
{
    for (size_t i = 0; i < io->settings.origins_count; i++)
        if (strcmp(io->settings.origins[i], "*") == 0)
            return true;
    return false;
}

bool http_origin_allowed(const struct io *io, const struct request_head *h)
{
    struct span origin;
    /* Programs send no Origin; a web page cannot help sending it. */
    return !request_head_find(h, "Origin", &origin) ||
           origins_allow(io->settings.origins, io->settings.origins_count, origin);
}

/* Which page may read the answer (Fetch Standard, CORS protocol). */
static void write_cors(struct buf *out, const struct http_request *r)
{
    struct span origin = SPAN("*");
    bool all = all_origins(r->io);
    if (!all && (!request_head_find(&r->head, "Origin", &origin) || !http_origin_allowed(r->io, &r->head)))
        return;
    buf_printf(out, "Access-Control-Allow-Origin: %.*s\r\nAccess-Control-Expose-Headers: Retry-After\r\n%s",
        (int)(origin.n <= ORIGIN_MAX ? origin.n : 0), origin.p, all ? "" : "Vary: Origin\r\n");
}

static void write_date(struct buf *out)
{
    char text[40];
    struct tm tm;
    time_t now = time(NULL);
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    buf_printf(out, "Date: %s\r\n", text);
}

static void write_head(struct buf *out, const struct http_request *r, const struct http_answer *a)
{
    buf_printf(out, "HTTP/1.1 %s\r\n", STATUSES[status_of(a->status)].line);
    write_date(out);
    if (!a->length)
        buf_printf(out, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    /* RFC 9110 section 8.6: neither belongs to an answer that has no body by its nature. */
    if (a->status != 204 && a->status != 304) {
        uint64_t length = a->length ? *a->length : a->body.n + (a->frame ? frame_text(a->frame).n : 0);
        if (!a->length)
            buf_printf(out, "Content-Type: %s\r\n", a->type ? a->type : "application/json");
        buf_text(out, "Content-Length: ");
        buf_number(out, length);
        buf_text(out, "\r\n");
    }
    if (r && !r->no_page)
        write_cors(out, r);
    buf_text(out, a->headers ? a->headers : "");
    buf_text(out, "Connection: close\r\n\r\n");
}

static struct frame *frame_of_text(const struct buf *text)
{
    struct frame *f = text->failed ? NULL : frame_raw(text->len);
    if (f)
        memcpy(frame_payload(f), text->p, text->len);
    return f;
}

/* Without this the kernel would hold megabytes for a slow reader, and call the socket writeable only when a third of them
 * had gone: he would look as if he had stopped. On a unix socket it has no effect. */
static void keep_in_step(const struct conn *c)
{
    const int unsent = OUT_BATCH;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

void http_answer(struct http_request *r, const struct http_answer *a)
{
    assert(!r->answered);
    struct io *io = r->io;
    struct conn *c = r->conn;
    r->answered = true;
    io->stats.http[status_of(a->status)]++;
    struct buf text;
    buf_init(&text, HEAD_MAX + a->body.n);
    write_head(&text, r, a);
    if (!r->is_head)
        buf_span(&text, a->body);
    c->state = CONN_ANSWER;
    transport_of(c)->read(io, c, false);
    turn_limit(io, c, LIMIT_ANSWER);
    if (a->length || a->frame)
        keep_in_step(c);
    turn_queue(io, c, frame_of_text(&text));
    buf_done(&text);
    if (a->frame && !r->is_head)
        turn_queue(io, c, a->frame);
    else
        frame_unref(a->frame);
}

/* The whole answer is out, or what there was of a file. */
void http_sent(struct io *io, struct conn *c)
{
    struct http_request *r = c->http;
    if (!r->answered)
        return;
    if (r->download) {
        web_sent(r);
        return;
    }
    turn_linger(io, c);
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
    buf_init(&body, ERROR_MAX);
    write_error(&body, code, message);
    http_answer(r, &(struct http_answer){.status = status, .headers = headers, .body = buf_view(&body)});
    buf_done(&body);
}

void http_not_found(struct http_request *r)
{
    http_error(r, 404, NULL, "not-found", "nothing is served at this path");
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
    buf_init(&body, ERROR_MAX);
    buf_init(&text, HTTP_REFUSAL_MAX - 1);
    write_error(&body, reason, REFUSAL);
    const struct http_answer a = {.status = refusal_status(reason), .headers = RETRY, .body = buf_view(&body)};
    write_head(&text, NULL, &a);
    buf_span(&text, a.body);
    size_t n = text.failed ? 0 : text.len;
    memcpy(out, text.p ? text.p : "", n);
    out[n] = '\0';
    buf_done(&text);
    buf_done(&body);
    return n;
}

/* An answer that comes after its request: conn_find has proved that the connection is there. */
void http_respond(struct io *io, struct conn *c, unsigned status, struct frame *body, uint32_t retry_after_ms)
{
    bool asked = c->state == CONN_HEAD || c->state == CONN_BODY || c->state == CONN_ANSWER;
    struct http_request *r = asked ? c->http : NULL;
    (void)io;
    if (!r || r->answered) {
        frame_unref(body);
        return;
    }
    char headers[64] = "";
    if (retry_after_ms) /* RFC 9110 section 10.2.3: whole seconds, and one too early would be refused again */
        snprintf(headers, sizeof headers, "Retry-After: %u\r\n", (unsigned)((retry_after_ms + 999ULL) / 1000));
    else if (status == 401)
        snprintf(headers, sizeof headers, "WWW-Authenticate: Bearer\r\n");
    http_answer(r, &(struct http_answer){.status = status, .headers = headers, .frame = body});
}

/* A person who set server.origins wrongly sees in the log what the browser sends. */
static void count_foreign(struct http_request *r)
{
    struct io *io = r->io;
    struct span origin = SPAN("");
    request_head_find(&r->head, "Origin", &origin);
    origins_refused(&io->origin_refusals, io->logger, origin, uv_now(io->loop));
    io->stats.origin_refused++;
}

void http_refuse_origin(struct http_request *r, const char *message)
{
    count_foreign(r);
    http_error(r, 403, NULL, error_code(ERROR_FORBIDDEN), message);
}

/* ---- what a request says ---- */

struct span http_bearer(const struct http_request *r)
{
    static const char SCHEME[] = "Bearer ";
    struct span value;
    if (!request_head_find(&r->head, "Authorization", &value) || value.n < sizeof SCHEME ||
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
    if (!http_origin_allowed(r->io, &r->head)) {
        count_foreign(r);
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
    r->route->handle(r);
}

static void await_rest(struct http_request *r)
{
    static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct span expects;
    r->conn->state = CONN_BODY;
    /* RFC 9110 section 10.1.1: not to HTTP/1.0, nor when the body is on its way already. */
    if (r->head.minor > 0 && r->in.len == r->head.n && request_head_find(&r->head, "Expect", &expects)) {
        struct frame *f = frame_raw(sizeof CONTINUE - 1);
        if (f)
            memcpy(frame_payload(f), CONTINUE, sizeof CONTINUE - 1);
        turn_queue(r->io, r->conn, f);
    }
    http_body(r);
}

/* Hands the request to its handler if no body is to come, and refuses one that is not to be read. */
static void await_body(struct http_request *r)
{
    uint64_t length = 0;
    switch (request_head_body(&r->head, &length)) {
    case BODY_NONE:
        handle(r);
        break;
    case BODY_BAD:
        http_error(r, r->head.status, NULL, r->head.code, r->head.problem);
        break;
    case BODY_CHUNKED:
        http_error(r, 411, NULL, "length-required", "send the body whole, with its Content-Length");
        break;
    case BODY_LENGTH:
        r->body_n = length <= HTTP_BODY_MAX ? (size_t)length : 0;
        if (length > HTTP_BODY_MAX)
            http_error(r, 413, NULL, error_code(ERROR_TOO_LARGE), "a request's body may have 16384 bytes");
        else
            await_rest(r);
        break;
    }
}

void http_body(struct http_request *r)
{
    if (r->in.len - r->head.n < r->body_n)
        return;
    /* The buffer may have moved since the head was read. */
    request_head_read(buf_view(&r->in), 0, &r->head);
    handle(r);
}

/* ---- all of it ---- */

static void dispatch(struct http_request *r)
{
    struct core_event e = io_event(r->io, CORE_HTTP, r->conn);
    io_step(r->io, &e);
    unsigned methods = find_route(r);
    bool foreign = !http_origin_allowed(r->io, &r->head);
    if (methods == 0 && r->method == HTTP_GET)
        http_web(r);
    else if (methods == 0 && r->method == HTTP_OPTIONS && strcmp(r->path, "*") == 0)
        answer_options(r, HTTP_GET | HTTP_POST | HTTP_DELETE);
    else if (methods == 0)
        http_not_found(r);
    else if (r->method == HTTP_OPTIONS)
        answer_options(r, methods);
    else if (!r->route)
        refuse_method(r, methods);
    else if (foreign && r->method != HTTP_GET)
        http_refuse_origin(r, "pages of this origin may not ask for that");
    else if (r->route->body)
        await_body(r);
    else
        handle(r);
}

/* RFC 9110 section 10.1.1: what else is expected cannot be met. */
static bool expects_more(const struct http_request *r)
{
    struct span value;
    return request_head_find(&r->head, "Expect", &value) &&
           !(value.n == 12 && strncasecmp(value.p, "100-continue", value.n) == 0);
}

void http_request(struct http_request *r)
{
    struct io *io = r->io;
    struct conn *c = r->conn;
    r->method = read_method(r->head.method, &r->is_head);
    c->state = CONN_ANSWER; /* whatever it is refused for from now on, it hears so */
    bool welcome = client_identify(io, c, &r->head);
    if (r->head.path.n >= sizeof r->path)
        http_error(r, 414, NULL, "uri-too-long", "a path may have 511 bytes");
    else if (!path_decode(r->head.path, r->path, sizeof r->path))
        http_error(r, 400, NULL, "bad-request", "the path has a % that no two hexadecimal digits follow, or %00");
    /* A full server still says how it is: whoever watches it would restart it otherwise. */
    else if (!welcome && strcmp(r->path, "/health") != 0)
        http_turn_away(r, c->refused);
    else if (expects_more(r))
        http_error(r, 417, NULL, "expectation-failed", "only 100-continue can be expected here");
    else if (strcmp(r->path, "/ws") == 0 && upgrade_wanted(&r->head))
        upgrade(r);
    else
        dispatch(r);
}
