/* SPDX-License-Identifier: MIT
 *
 * Files of server.web_root for whoever answers HTTP: which answer a GET or HEAD gets, and its body in pieces, each read
 * when the connection has taken the one before. Nothing here knows a connection: what is found and read is told by events.
 *
 *     web_open ─► head ─┬─► (no body)
 *                       └─► piece ─► web_next ─► piece ─► … ─► the last piece, or failed        web_end: at any time, once
 */
#ifndef SERVER_IO_WEB_FILE_H
#define SERVER_IO_WEB_FILE_H

#include <uv.h>

#include "protocol/frame.h"
#include "server/io/conditional.h"
#include "server/adapters/logger.h"
#include "server/io/web_share.h"

/* Paths that begin so are of the simulator's page, if it is served. */
#define WEB_SIM "/sim/"

enum {
    WEB_ENDING_MAX =
        256, /* besides WEB_DOWNLOADS_MAX, that gave their place away and end: a descriptor and a piece each */
    WEB_READS_MAX = 2,         /* on uv's pool at once: it has four threads, and others need some */
    WEB_PIECE_MAX = 64 * 1024, /* bytes read at once; less while there are many downloads: */
    WEB_PIECE_MIN = 16 * 1024,
    WEB_PIECES_BYTES = 64 * 1024 * 1024, /* as many as a piece each may have together */
    WEB_CONNECT_MAX = 12288,             /* what pages may connect to: 15 servers, each with the longest name, twice */
    WEB_HEADERS_MAX = 2048 + WEB_CONNECT_MAX,
    WEB_NOTICE_EVERY_MS = 10000 /* between records of one kind */
};

/* The folder, and the line of downloads that wait to be read. */
struct web_root;
/* One request's. */
struct web_download;

/* NULL when out of memory. The loop and the logger are borrowed as long as it lives, the rng for the call. */
struct web_root *web_root_new(uv_loop_t *loop, const struct logger *logger, const struct rng *rng);
/* Of requests from now on; `sim` has what is below WEB_SIM. Borrowed until the next call or web_root_free; "" or NULL: there
 * are no files. */
void web_root_set(struct web_root *root, const char *path, const char *sim);
/* What pages may connect to besides this server, from now on, as a Content-Security-Policy has it, each with a space before it;
 * taken. NULL or "": nothing. */
void web_root_connect(struct web_root *root, char *sources);
bool web_root_is_set(const struct web_root *root);
bool web_root_has_sim(const struct web_root *root);
/* When every download was ended and the loop has run until nothing was left on it. Takes NULL. */
void web_root_free(struct web_root *root);

/* Whether the decoded path may name a file at all, as far as that is known without the disk; where it may not, the answer
 * is 404. */
bool web_root_may_have(const struct web_root *root, const char *path);
/* Whether the decoded path is that of a room's page, /room/:id. */
bool web_root_has_room(const struct web_root *root, const char *path);
/* Downloads that were refused or ended since the start because there were too many. */
uint64_t web_root_limited(const struct web_root *root);

/* Borrowed for the call. */
struct web_asked {
    const char *path;     /* decoded; web_root_may_have */
    struct address whose; /* the client's; all zero: of none */
    struct conditions conditions;
    struct span accept_encoding;
    bool head; /* HEAD */
};

/* Called on the loop, never from within web_open or web_next of the same request. web_next and web_end may be called from
 * within them. */
struct web_events {
    /* Once, first. status: 200, 206, 304, 404, 412, 416 or 503. headers: lines with their CRLF, borrowed for the call; all
     * that belong to the file, without Content-Length. length: what Content-Length says of 200 and 206, for HEAD too; 0 of
     * all others, whose bodies, if they have one, are the caller's to write. Of a GET answered 200 or 206 whose length is
     * not 0 the first piece follows by itself. */
    void (*head)(void *ctx, unsigned status, const char *headers, uint64_t length);
    /* Takes the frame; its bytes go out as they are. All pieces together are `length` bytes. */
    void (*piece)(void *ctx, struct frame *bytes, bool last);
    /* In place of a piece, or where one was not asked for yet, because another address was given its place (from within the
     * web_open of that one): no more come, and the connection has to end with its body short. */
    void (*failed)(void *ctx);
};

/* Begins a download: returned owned, until web_end. NULL when its address has had its share of WEB_DOWNLOADS_MAX (web_share.h),
 * which is logged, or out of memory: 503. ev is borrowed until web_end. */
struct web_download *web_open(
    struct web_root *root, const struct web_asked *asked, const struct web_events *ev, void *ctx);
/* The last piece has left for the socket: read the next. Once after each piece but the last. */
void web_next(struct web_download *d);
/* The request is over, in whatever state: nothing is told any more. Takes d, and NULL. What is being read meanwhile is
 * dropped when it is there, and the file is closed. */
void web_end(struct web_download *d);

#endif
