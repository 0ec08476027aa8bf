/* SPDX-License-Identifier: MIT
 *
 * The PROXY protocol, version 2: how a proxy that passes bytes through tells, in front of them, whose they are
 * (proxy-protocol.txt of haproxy, section 2.2). Pure.
 */
#ifndef SERVER_IO_PROXY_HEADER_H
#define SERVER_IO_PROXY_HEADER_H

#include "server/core/core.h"

enum {
    PROXY_HEADER_LEAST = 16,
    PROXY_HEADER_MAX = 1024, /* "always smaller than an MSS"; addresses take 216 bytes at most, the rest is TLVs */
};

/* Why a connection that was to begin with a header is closed: C name, the metric's label, the sentence. */
#define PROXY_PROBLEM_TABLE(X)                                                                        \
    X(ABSENT, "absent", "it does not begin with a PROXY protocol header")                             \
    X(VERSION, "version", "its PROXY protocol header is not of version 2, the one that is read here") \
    X(MALFORMED, "malformed", "its PROXY protocol header breaks the protocol")                        \
    X(LATE, "late", "its PROXY protocol header did not come in time")

enum proxy_problem {
#define X(name, label, sentence) PROXY_##name,
    PROXY_PROBLEM_TABLE(X)
#undef X
    PROXY_PROBLEMS
};

/* The label and the sentence of a problem. Static. */
const char *proxy_problem_label(enum proxy_problem p);
const char *proxy_problem_text(enum proxy_problem p);

enum proxy_command {
    PROXY_MORE,    /* the header is not whole: read up to `length` bytes of it, no more, and ask again */
    PROXY_BAD,     /* see `problem` */
    PROXY_LOCAL,   /* the proxy speaks for itself: the socket's address counts */
    PROXY_UNKNOWN, /* for somebody whose address it does not tell, or not as one that we know */
    PROXY_CLIENT,  /* for `client` */
};

struct proxy_header {
    enum proxy_command command;
    enum proxy_problem problem;
    size_t length; /* bytes of the whole header as far as is known, at most PROXY_HEADER_MAX */
    struct address client;
};

/* What the first n bytes of a connection say. n is at most the length that the answer before asked for, and at first
 * PROXY_HEADER_LEAST. */
struct proxy_header proxy_header_read(const uint8_t *bytes, size_t n);
/* What a proxy says that speaks for itself: PROXY_HEADER_LEAST bytes. */
extern const uint8_t PROXY_HEADER_OF_OURSELVES[PROXY_HEADER_LEAST];

#endif
