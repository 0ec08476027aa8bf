/* SPDX-License-Identifier: MIT
 *
 * One HTTP request to the daemon at a time (RFC 9112), and its whole answer. Everything runs on one GLib main context; the
 * callback comes from its loop, never from inside one of these calls.
 *
 *     http_client_ask ─► on_answer, once
 */
#ifndef PEER_IO_HTTP_CLIENT_H
#define PEER_IO_HTTP_CLIENT_H

#include <glib.h>

#include "base/span.h"
#include "peer/io/url.h"

struct http_client;

enum {
    HTTP_ANSWER_MAX = 2 * 1024 * 1024 /* a list of 1000 rooms, each byte of a name escaped, is half of it */
};

/* What is asked. All of it is borrowed until on_answer, or http_client_free. */
struct http_question {
    const char *method, *path; /* the path as it stands in the request, printable ASCII */
    struct span body;          /* JSON; of no bytes: none */
    unsigned
        timeout_ms; /* for the whole of it, from the lookup of the name to the answer's end; to connect to one address of
                                  several has a third of it */
    const char *token; /* for Authorization: Bearer, printable ASCII of at most 8 KiB; NULL: none */
};

enum http_end {
    HTTP_ANSWERED,     /* status and body are there */
    HTTP_NOT_SENT,     /* nobody was reached: nothing was asked */
    HTTP_NOT_ANSWERED, /* it was sent, at least in part, and has had no whole answer */
    HTTP_NONSENSE      /* what came is no answer, or too much of one */
};

/* Borrowed for the callback. */
struct http_answer {
    enum http_end end;
    unsigned status;
    struct span body;
    const char *why; /* a sentence for a person; NULL if it was answered */
};

/* context is referenced, user borrowed. NULL with one sentence in err. tls: whether any URL is wss. */
struct http_client *http_client_new(GMainContext *context, bool tls,
    void (*on_answer)(void *user, const struct http_answer *answer), void *user, struct err *err);
/* Ends what is under way, without a callback for it. Takes NULL; not from inside a callback. */
void http_client_free(struct http_client *c);
/* Asks the daemon at this URL, which is copied; what was under way is dropped. Redirects are not followed. May be called from inside
 * on_answer, as its last deed. */
void http_client_ask(struct http_client *c, const struct url *url, const struct http_question *question);

#endif
