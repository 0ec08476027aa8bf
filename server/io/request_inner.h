/* SPDX-License-Identifier: MIT
 *
 * What the files of the request head share, and nobody else sees: the problems a head can have, and its characters.
 */
#ifndef SERVER_IO_REQUEST_INNER_H
#define SERVER_IO_REQUEST_INNER_H

#include "server/io/request_head.h"

/* C name, status, the answer's code, the sentence: what was wrong, and what is right where that helps. */
#define PROBLEM_TABLE(X)                                                                                              \
    X(TLS, 400, "not-http", "this port speaks plain HTTP, not TLS: use http:// or ws://")                             \
    X(PROXY, 400, "not-http", "no PROXY protocol header is expected here: set `listen = ADDRESS proxy` for one")      \
    X(BINARY, 400, "not-http", "this is not HTTP: a request begins with a method such as GET")                        \
    X(EMPTY_LINES, 400, "bad-request", "too many empty lines stand before the request")                               \
    X(METHOD, 400, "bad-request", "the method has a character that a method cannot have")                             \
    X(METHOD_LONG, 501, "not-implemented", "the method is longer than any method is")                                 \
    X(LINE, 400, "bad-request", "a request begins with a method, a target and HTTP/1.1, with one space between them") \
    X(TARGET_BYTE, 400, "bad-request", "the target has a character that must be percent-encoded")                     \
    X(TARGET_LONG, 414, "uri-too-long", "the request line is too long: a request's head may have 16384 bytes")        \
    X(NO_VERSION, 400, "bad-request", "the request line ends without HTTP/1.1")                                       \
    X(VERSION_CASE, 400, "bad-request", "the request line must name HTTP/1.1 in capitals")                            \
    X(VERSION, 505, "version-not-supported", "the versions of HTTP spoken here are 1.1 and 1.0")                      \
    X(CONNECT, 501, "not-implemented", "CONNECT is for proxies, which this is not")                                   \
    X(ASTERISK, 400, "bad-request", "the target * is for OPTIONS only")                                               \
    X(TARGET_FORM, 400, "bad-request", "the target must begin with / or http://")                                     \
    X(SCHEME, 400, "bad-request", "a target that is a URL must begin with http://, https://, ws:// or wss://")        \
    X(USERINFO, 400, "bad-request", "a user name in the target is not accepted: use Authorization")                   \
    X(AUTHORITY, 400, "bad-request", "the URL in the request line has no valid host")                                 \
    X(HEAD_LONG, 431, "headers-too-large", "the request line and its headers may have 16384 bytes")                   \
    X(HEADERS_MANY, 431, "headers-too-large", "a request may have 100 header lines")                                  \
    X(BARE_LF, 400, "bad-request", "a line ends with LF alone: lines of HTTP end with CR LF")                         \
    X(BARE_CR, 400, "bad-request", "there is a CR that no LF follows")                                                \
    X(FOLDED, 400, "bad-request", "a header line begins with a space or tab: folded lines are not accepted")          \
    X(NAME_ABSENT, 400, "bad-request", "a header line begins with its colon: the name is missing")                    \
    X(NAME_BLANK, 400, "bad-request", "a header has a space or tab before its colon")                                 \
    X(NAME_ALONE, 400, "bad-request", "a header line has no colon")                                                   \
    X(NAME_BYTE, 400, "bad-request", "the name of a header has a character that a name cannot have")                  \
    X(VALUE_BYTE, 400, "bad-request", "the value of a header has a control character")                                \
    X(HOST_ABSENT, 400, "bad-request", "HTTP/1.1 requires a Host header")                                             \
    X(HOST_BAD, 400, "bad-request", "the Host header is not a host, or a host and a port")                            \
    X(LENGTH_BAD, 400, "bad-length", "Content-Length must be one number of bytes")                                    \
    X(LENGTH_HUGE, 413, "too-large", "Content-Length is larger than any body may be")                                 \
    X(LENGTH_CODED, 400, "bad-length", "Content-Length and Transfer-Encoding exclude each other")                     \
    X(CODING_OLD, 400, "bad-request", "HTTP/1.0 has no Transfer-Encoding")                                            \
    X(CODING_BAD, 400, "bad-request", "Transfer-Encoding must be chunked")                                            \
    X(CODING_UNKNOWN, 501, "not-implemented", "the only transfer coding known here is chunked")

/* Headers that may come once and decide who asks, for what, and how much: two that read a head with two of them would
 * choose differently. Each is a problem of its own. */
#define ONCE_TABLE(X)                   \
    X(HOST, "Host")                     \
    X(CONTENT_LENGTH, "Content-Length") \
    X(AUTHORIZATION, "Authorization")   \
    X(ORIGIN, "Origin")                 \
    X(WS_KEY, "Sec-WebSocket-Key")      \
    X(WS_VERSION, "Sec-WebSocket-Version")

enum problem {
#define X(name, status, code, text) PROBLEM_##name,
    PROBLEM_TABLE(X)
#undef X
#define X(name, text) PROBLEM_##name##_TWICE,
    ONCE_TABLE(X)
#undef X
};

/* Sets it; returns HEAD_BAD. */
enum head_progress head_bad(struct request_head *h, enum problem p);

enum {
    TOKEN = 1,  /* RFC 9110 section 5.6.2 */
    FIELD = 2,  /* in a value: visible ones, space, tab, obs-text (RFC 9110 section 5.5) */
    TARGET = 4, /* in a request's target, see request_target.c */
    HOST = 8    /* in a registered name, but for its escapes (RFC 3986 section 3.2.2) */
};

/* The classes of each byte. */
extern const uint8_t head_classes[256];

static inline bool head_class_has(unsigned class, char c)
{
    return head_classes[(unsigned char)c] & class;
}

static inline bool head_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Without the spaces and tabs around it: RFC 9110 section 5.6.3. */
struct span head_trim(const char *p, const char *end);
/* Compares without the case of ASCII letters, in any locale. */
bool head_fold_eq(struct span a, const char *text);
/* host [":" port], both of which may be empty. */
bool head_host_is_valid(struct span host);
/* Sets path, query and host from the target of a whole request line, or the problem that it has. */
enum head_progress head_read_target(struct request_head *h, struct span target);

#endif
