/* SPDX-License-Identifier: MIT
 *
 * TLS to the daemon, as far as libwebsockets does not see to it: whom the certificate is for, and a server that sends
 * messages of TLS without end.
 */
#ifndef PEER_IO_SIGNALING_TLS_H
#define PEER_IO_SIGNALING_TLS_H

#include <openssl/ssl.h>

/* One connection at a time. */
struct signaling_tls {
    const char *host; /* borrowed: whom the certificate must be for */
    const SSL *ssl;   /* of the last handshake that began; compared and no more */
    unsigned shaken;  /* messages of its handshake protocol since something was said */
    /* There were too many of them. Called from within a read: it may only take note. May come again. */
    void (*flooded)(void *ctx);
    void *ctx;
};

/* For all connections of ctx from now on. `tls` is borrowed until ctx is freed. */
void signaling_tls_attach(SSL_CTX *ctx, struct signaling_tls *tls);
/* The next connection begins: what an earlier one still sends does not count. */
void signaling_tls_begin(struct signaling_tls *tls, const char *host);
/* The server said something. */
void signaling_tls_heard(struct signaling_tls *tls);

#endif
