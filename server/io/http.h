/* SPDX-License-Identifier: MIT
 *
 * What a route's handler sees of a request, and the answers it can give. A row of the table in routes.c is a pattern,
 * the methods it serves and its handler; HEAD follows GET and OPTIONS is answered for every path. A handler either
 * answers before it returns or leaves the answer to an effect of the core; every answer closes the connection.
 */
#ifndef SERVER_IO_HTTP_H
#define SERVER_IO_HTTP_H

#include "server/io/turn.h"

enum {
    HTTP_BODY_MAX = 16 * 1024, /* of a request */
    HTTP_VALUE_MAX = 128,      /* a header's value that is compared with what we know */
    HTTP_PATH_MAX = 512,
    HTTP_HEADERS_MAX = 512, /* the lines that a handler adds */
};

enum http_method {
    HTTP_GET = 1,
    HTTP_POST = 2,
    HTTP_DELETE = 4,
    HTTP_OPTIONS = 8,
    HTTP_OTHER = 16
};

struct http_request;

struct route {
    const char *pattern; /* a segment `:name` stands for any one segment, a last `*` for all that follows */
    unsigned methods;    /* of enum http_method */
    bool body;           /* the handler waits for the request's body */
    void (*handle)(struct http_request *r);
};

extern const struct route routes[];
extern const size_t routes_count;

struct http_request {
    struct io *io;
    struct lws *wsi;
    struct conn *conn;
    const struct route *route;
    enum http_method method;
    bool head;     /* GET without the body of its answer */
    bool answered; /* the answer is written: the connection only closes */
    char path[HTTP_PATH_MAX];
    struct span parameter; /* what `:name` or `*` stood for, in path */
    char *authorization;   /* owned; the Authorization header, NULL if there is none */
    struct buf body;
    char origin[ORIGIN_MAX + 1]; /* what Access-Control-Allow-Origin says; "": nothing */
};

struct http_answer {
    unsigned status;
    const char *type;    /* NULL: application/json */
    const char *headers; /* lines of their own, each with its CRLF; NULL: none */
    struct span body;
};

/* Handlers in files of their own. */
void http_metrics(struct http_request *r);
void http_web(struct http_request *r); /* what no row of the table names */

/* Writes the answer to the request; once. */
void http_answer(struct http_request *r, const struct http_answer *a);
/* Answers {"error":{"code","message"}}; headers as in struct http_answer. */
void http_error(struct http_request *r, unsigned status, const char *headers, const char *code, const char *message);
/* Answers that a limit refused the connection, by the error table's code that stands for it. */
void http_turn_away(struct http_request *r, const char *reason);
/* The value of a header that fits out (n bytes, with its NUL); false if it is absent or longer. */
bool http_header(struct lws *wsi, enum lws_token_indexes token, char *out, size_t n);
/* Whether server.origins lets the page that asks in; true when it is no page. */
bool http_origin_allowed(const struct io *io, struct lws *wsi);
/* Counts that it does not, and logs it. */
void http_origin_refused(struct io *io, struct lws *wsi);
/* The token of `Authorization: Bearer`; n = 0 if there is none. */
struct span http_bearer(const struct http_request *r);

#endif
