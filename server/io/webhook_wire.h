/* SPDX-License-Identifier: MIT
 *
 * A connection to a receiver, plain or under TLS, for a thread that may wait: every call waits for its socket until the
 * deadline, or until it is stopped. Certificates are verified against the system's authorities and the URL's host.
 */
#ifndef SERVER_IO_WEBHOOK_WIRE_H
#define SERVER_IO_WEBHOOK_WIRE_H

#include <openssl/ssl.h>

#include "server/adapters/webhook_url.h"

enum {
    WEBHOOK_PROBLEM_MAX = 160
};

struct webhook_wire {
    int fd;            /* -1: none */
    int stop;          /* borrowed: a descriptor that can be read when all is to end at once */
    uint64_t deadline; /* on webhook_now's clock */
    SSL *ssl;          /* owned; NULL: plain */
    char *problem;     /* borrowed, of WEBHOOK_PROBLEM_MAX: what went wrong first */
};

/* Milliseconds on the monotonic clock. */
uint64_t webhook_now(void);
/* Each false, or negative, with the sentence in w->problem. The context as in webhook_post. */
bool webhook_wire_open(struct webhook_wire *w, const struct webhook_url *url, SSL_CTX **tls);
bool webhook_wire_write(struct webhook_wire *w, struct span bytes);
/* How many bytes came, at most n; 0: the receiver ended. */
long webhook_wire_read(struct webhook_wire *w, char *out, size_t n);
/* Ends what was opened, or opened half. */
void webhook_wire_close(struct webhook_wire *w);

#endif
