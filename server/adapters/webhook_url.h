/* SPDX-License-Identifier: MIT
 *
 * One URL of webhooks.url, as RFC 9110 section 4.2 has them, taken apart for whoever sends there. Pure.
 */
#ifndef SERVER_ADAPTERS_WEBHOOK_URL_H
#define SERVER_ADAPTERS_WEBHOOK_URL_H

#include "base/err.h"
#include "server/adapters/url_host.h"

enum {
    WEBHOOK_URL_MAX = 1024
};

struct webhook_url {
    bool tls;
    char host[URL_HOST_MAX + 1]; /* an IPv6 address in brackets */
    unsigned port;
    bool port_named;                  /* it is not the scheme's own */
    char target[WEBHOOK_URL_MAX + 2]; /* path and query, as a request has them (RFC 9112 section 3.2.1) */
};

/* False with a sentence that says what is wrong, without the URL. */
bool webhook_url_read(const char *text, struct webhook_url *url, struct err *e);
/* Whether what is sent there leaves this machine unencrypted, as far as the URL tells. */
bool webhook_url_is_open(const struct webhook_url *url);

#endif
