/* SPDX-License-Identifier: MIT
 *
 * One try to hand a batch to a receiver: a POST over a connection of its own. Blocks; for a thread that has nothing else
 * to do. It ends within WEBHOOK_TRY_MS, but for the system's resolver, which keeps to its own time (resolv.conf(5)).
 */
#ifndef SERVER_IO_WEBHOOK_POST_H
#define SERVER_IO_WEBHOOK_POST_H

#include <openssl/ssl.h>

#include "server/adapters/webhook_url.h"
#include "server/io/webhook_answer.h"

enum {
    WEBHOOK_TRY_MS = 10000,
    WEBHOOK_SECRET_LEAST = 16,
    WEBHOOK_SECRET_MAX = 256
};

/* All borrowed for the call. */
struct webhook_post {
    const struct webhook_url *url;
    const char *id; /* of the delivery */
    struct span secret;
    struct span body;  /* JSON */
    uint64_t unix_s;   /* now */
    const char *agent; /* who sends: "usherd/0.1.0" */
    int stop;          /* a descriptor: the try ends at once when it can be read */
};

struct webhook_result {
    enum webhook_outcome outcome;
    uint64_t retry_after_ms;
    char problem[160]; /* why it was not delivered: for a person, with nothing of the URL's path in it */
};

/* *tls, at first NULL, is made when it is needed and kept for the next try; the caller frees it. */
void webhook_post(const struct webhook_post *p, SSL_CTX **tls, struct webhook_result *result);

#endif
