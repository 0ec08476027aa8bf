/* SPDX-License-Identifier: MIT
 *
 * What a route's handler sees of a request, and the answers it can give. A row of the table in routes.c is a pattern,
 * the methods it serves and its handler; HEAD follows GET and OPTIONS is answered for every path. A handler either
 * answers before it returns or leaves the answer to an effect of the core; every answer closes the connection.
 */
#ifndef SERVER_IO_HTTP_H
#define SERVER_IO_HTTP_H

#include "server/io/request_head.h"
#include "server/io/turn.h"

enum {
    HTTP_BODY_MAX = 16 * 1024, /* of a request, unless its route says otherwise */
    HTTP_PATH_MAX = 512,
    HTTP_HEADERS_MAX = 1024, /* bytes of the lines that a handler adds */
    HTTP_REFUSAL_MAX = 1024, /* of an answer at the door */
};

enum http_method {
    HTTP_GET = 1,
    HTTP_POST = 2,
    HTTP_DELETE = 4,
    HTTP_OPTIONS = 8,
    HTTP_OTHER = 16
};

struct http_request;
struct web_download;

struct route {
    const char *pattern; /* a segment `:name` stands for any one segment, a last `*` for all that follows */
    unsigned methods;    /* of enum http_method */
    /* The request's body may have *max bytes, and the handler waits for it; false: it is answered already. NULL: it has none
     * that matters. */
    bool (*body)(struct http_request *r, size_t *max);
    void (*handle)(struct http_request *r);
};

extern const struct route routes[];
extern const size_t routes_count;

/* What a request says: needed until it was handed to its handler. */
struct http_asked {
    struct buf in;            /* what came: the head, and behind it the body as far as it is there */
    struct request_head head; /* once it is whole; its spans are into `in` */
    const struct route *route;
    char path[HTTP_PATH_MAX];
    struct span parameter; /* what `:name` or `*` stood for, in path */
    size_t body_n;         /* bytes of the body that is due */
};

struct http_request {
    struct io *io;
    struct conn *conn;
    struct http_asked *asked; /* owned; NULL once the request was handled */
    char *cors;               /* owned: lines of an answer that comes later than that; NULL: none */
    enum http_method method;
    bool is_head;                  /* the method is HEAD: GET without the body of its answer */
    bool answered;                 /* the answer is queued, or its head is and its body follows */
    bool no_page;                  /* no web page may read the answer, whatever server.origins says */
    struct web_download *download; /* owned: the file that is being sent, NULL if no more of it is to be read */
    bool piece_waits;              /* a piece of it is queued */
    struct conn_id session;        /* that it is a part of (polling.h); generation 0: of none */
};

struct http_answer {
    unsigned status;
    const char *type;    /* NULL: application/json */
    const char *headers; /* lines of their own, each with its CRLF; NULL: none */
    struct span body;    /* copied */
    struct frame *frame; /* taken, sent behind `body`; NULL: none */
    const uint64_t
        *length; /* of a file, whose body follows in pieces and whose headers are its own; NULL: it is all here */
};

/* For routes whose bodies are of HTTP_BODY_MAX. */
bool http_usual_body(struct http_request *r, size_t *max);

/* Handlers in files of their own. */
void http_metrics(struct http_request *r);
void http_web(struct http_request *r); /* what no row of the table names */
void http_old_room(struct http_request *r);
void http_sim(struct http_request *r);
/* The socket took all of a file that was read so far (web.c). */
void web_sent(struct http_request *r);

/* An empty request, the connection's from now on; NULL when out of memory. */
struct http_request *http_new(struct io *io, struct conn *c);
/* The head is whole in r->in: answers, or waits for the body. */
void http_request(struct http_request *r);
/* More of the body is in r->in; answers when it is whole. */
void http_body(struct http_request *r);

/* ---- answers (answer.c) ---- */

/* Nothing of what the request says is needed any more, whether it was answered or will be: frees it. */
void http_handled(struct http_request *r);
/* The answer comes later: until then nothing is read, and the client has no time limit. */
void http_wait(struct http_request *r);
/* Keeps what its answer needs of the request, which goes. */
void answer_prepare(struct http_request *r);
/* Writes the answer to the request; once. */
void http_answer(struct http_request *r, const struct http_answer *a);
/* Answers {"error":{"code","message"}}; headers as in struct http_answer. */
void http_error(struct http_request *r, unsigned status, const char *headers, const char *code, const char *message);
void http_not_found(struct http_request *r);
/* Answers that a limit refused the connection, by the error table's code that stands for it. */
void http_turn_away(struct http_request *r, const char *reason);
/* Writes the answer to a socket that is refused at the door for this reason, one of the error table's codes, and a
 * NUL; returns its bytes. out has HTTP_REFUSAL_MAX. */
size_t http_refusal(const char *reason, char *out);

/* ---- what a request says ---- */

/* Whether server.origins lets the page that asks in; true when it is no page. */
bool http_origin_allowed(const struct io *io, const struct request_head *h);
/* A page that it does not let in is counted, and maybe said. */
void http_count_foreign(struct http_request *r);
/* Answers such a page. */
void http_refuse_origin(struct http_request *r, const char *message);
/* Its body, once it is whole. */
struct span http_body_of(const struct http_request *r);
/* The token of `Authorization: Bearer`; n = 0 if there is none. */
struct span http_bearer(const struct http_request *r);
/* Whether the path is in the table of routes, whatever the method. */
bool http_has_route(const char *path);
/* The WebSocket at this path (upgrade.c); NULL: there is none, or its dialect is switched off. Who asks there over HTTP is
 * answered by upgrade_route. */
struct door;
const struct door *upgrade_door(const struct io *io, const char *path);
extern const struct route upgrade_route;
/* Whether the request asks to become a WebSocket. */
bool upgrade_wanted(const struct request_head *h);
/* Its handshake there: done, and the request is the caller's to free, or answered and refused. */
void upgrade(struct http_request *r, const struct door *door);

#endif
