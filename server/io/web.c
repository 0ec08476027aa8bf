/* SPDX-License-Identifier: MIT
 *
 * Files of the web client, from server.web_root: what no route names is looked for there (web_file.c). Here a file's
 * pieces find their way to the connection: the next is asked for when the socket has taken the last, so a download holds
 * one piece, however large it is and however slow its reader. A reader has ANSWER_MS for each part that he takes, and the
 * whole as long as he needs.
 */
#include "server/io/http.h"
#include "server/io/query.h"
#include "server/io/web_file.h"
#include "server/io/web_find.h"

static void on_head(void *ctx, unsigned status, const char *headers, uint64_t length)
{
    struct http_request *r = ctx;
    bool follows = (status == 200 || status == 206) && length > 0 && !r->is_head;
    struct web_download *d = r->download;
    if (!follows)
        r->download = NULL; /* so that the connection ends with what is answered here */
    if (status == 404)
        http_not_found(r);
    else if (status == 412)
        http_error(r, 412, headers, "precondition-failed", "the file is not the one that the request is about");
    else if (status == 416)
        http_error(r, 416, headers, "range-not-satisfiable", "the file has no bytes in that range");
    else if (status == 503)
        http_error(
            r, 503, "Retry-After: 5\r\n", error_code(ERROR_SERVER_FULL), "no file can be read now: try again later");
    else
        http_answer(r, &(struct http_answer){.status = status, .headers = headers, .length = &length});
    if (!follows)
        web_end(d);
}

static void on_piece(void *ctx, struct frame *bytes, bool last)
{
    struct http_request *r = ctx;
    struct io *io = r->io;
    struct conn *c = r->conn;
    r->piece_waits = true;
    if (last) {
        web_end(r->download);
        r->download = NULL;
    }
    turn_limit(io, c, LIMIT_ANSWER);
    turn_queue(io, c, bytes);
}

/* What was promised is not sent: the client sees a body that is short. */
static void on_failed(void *ctx)
{
    struct http_request *r = ctx;
    turn_kill(r->io, r->conn);
}

static const struct web_events EVENTS = {.head = on_head, .piece = on_piece, .failed = on_failed};

void web_sent(struct http_request *r)
{
    conn_unlimit(&r->io->conns, r->conn); /* what the disk takes is not the client's fault */
    if (!r->piece_waits)
        return; /* only the head is out: the first piece comes by itself */
    r->piece_waits = false;
    web_next(r->download);
}

/* The value of a header that may stand on several lines; p == NULL if it is absent. Longer ones are cut by no browser:
 * they count as absent. */
static struct span joined(const struct http_request *r, const char *name, struct buf *room)
{
    buf_init(room, REQUEST_HEAD_MAX);
    return request_head_join(&r->asked->head, name, room) ? (struct span){room->p ? room->p : "", room->len}
                                                          : (struct span){NULL, 0};
}

static void answer_absent(struct http_request *r)
{
    if (!web_root_is_set(r->io->web) && (strcmp(r->asked->path, "/") == 0 || web_is_room(r->asked->path)))
        http_error(r, 404, NULL, "no-page",
            "the daemon runs, but there is no page here: install it (make web builds it), or name the folder of one in "
            "server.web_root");
    else
        http_not_found(r);
}

void http_web(struct http_request *r)
{
    static const char *const NAMES[] = {"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
        "Range", "If-Range", "Accept-Encoding"};
    enum {
        COUNT = sizeof NAMES / sizeof *NAMES
    };
    struct buf rooms[COUNT];
    struct span values[COUNT];
    if (!web_root_may_have(r->io->web, r->asked->path)) {
        answer_absent(r);
        return;
    }
    for (size_t i = 0; i < COUNT; i++)
        values[i] = joined(r, NAMES[i], &rooms[i]);
    const struct web_asked asked = {
        .path = r->asked->path,
        .whose = r->conn->address,
        .conditions = {.if_match = values[0],
            .if_none_match = values[1],
            .if_modified_since = values[2],
            .if_unmodified_since = values[3],
            .range = values[4],
            .if_range = values[5]},
        .accept_encoding = values[6],
        .head = r->is_head,
    };
    r->download = web_open(r->io->web, &asked, &EVENTS, r);
    for (size_t i = 0; i < COUNT; i++)
        buf_done(&rooms[i]);
    if (r->download)
        http_wait(r);
    else
        http_error(
            r, 503, "Retry-After: 5\r\n", error_code(ERROR_SERVER_FULL), "no file can be read now: try again later");
}

/* An address that rooms had elsewhere. The new one is relative, for proxies that strip a prefix; a browser keeps the
 * fragment (RFC 9110 section 10.2.2). */
void http_old_room(struct http_request *r)
{
    char headers[128], path[ROOM_ID_MAX + 8];
    struct buf id;
    buf_init(&id, ROOM_ID_MAX);
    bool named = query_find(r->asked->head.query, "id", &id);
    struct span room = buf_view(&id);
    snprintf(path, sizeof path, "/room/%.*s", (int)room.n, room.n ? room.p : "");
    bool there = named && web_root_has_room(r->io->web, path);
    buf_done(&id);
    if (!there) {
        http_web(r);
        return;
    }
    snprintf(headers, sizeof headers, "Location: %s\r\n", path + 1);
    http_answer(r, &(struct http_answer){.status = 301, .headers = headers});
}
