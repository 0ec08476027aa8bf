/* SPDX-License-Identifier: MIT
 *
 * Answers over HTTP: the head, the body, and the connection's end behind them.
 */
#include "server/io/http.h"

#include <assert.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "protocol/write.h"
#include "server/io/origins.h"
#include "server/io/transport.h"
#include "server/io/web_file.h"

enum {
    HEAD_MAX = 2048 + WEB_HEADERS_MAX, /* a handler adds HTTP_HEADERS_MAX, a file more */
    ERROR_MAX = 1024,
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

/* Which page may read the answer (Fetch Standard, CORS protocol). */
static void write_cors(struct buf *out, const struct http_request *r)
{
    struct span origin = SPAN("*");
    bool all = all_origins(r->io);
    if (!all)
        buf_text(out, "Vary: Origin\r\n"); /* also where it is not allowed: what is kept of that is not for who is */
    if (!all &&
        (!request_head_find(&r->asked->head, "Origin", &origin) || !http_origin_allowed(r->io, &r->asked->head)))
        return;
    buf_printf(out, "Access-Control-Allow-Origin: %.*s\r\nAccess-Control-Expose-Headers: Retry-After\r\n",
        (int)(origin.n <= ORIGIN_MAX ? origin.n : 0), origin.p);
}

void answer_prepare(struct http_request *r)
{
    struct buf lines;
    buf_init(&lines, HTTP_HEADERS_MAX);
    if (!r->no_page)
        write_cors(&lines, r);
    r->cors = lines.len > 0 ? buf_take(&lines, NULL) : NULL;
    buf_done(&lines);
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
    if (r && r->asked && !r->no_page)
        write_cors(out, r);
    else if (r && r->cors)
        buf_text(out, r->cors);
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
