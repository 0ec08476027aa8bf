/* SPDX-License-Identifier: MIT
 *
 * The daemon's certificate, for those without a proxy in front.
 */
#ifndef SERVER_IO_TLS_H
#define SERVER_IO_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

/* A certificate and its key, ready to serve with. NULL with the sentence in e, also where no client could use it. Freed
 * with SSL_CTX_free. */
SSL_CTX *tls_new(const char *certificate, const char *key, struct err *e);
/* Has the listener's context serve each new connection with what *current is at that time; borrowed for as long as the
 * context lives. */
void tls_attach(SSL_CTX *listener, SSL_CTX *const *current);
/* From now on *count grows with each message of the handshake protocol that the client sends. Borrowed for as long as ssl
 * lives. */
void tls_count(SSL *ssl, uint8_t *count);

/* ---- who can use it (tls_clients.c) ---- */

enum {
    TLS_WHY_MAX = 192 /* bytes of a reason, with its NUL */
};
enum tls_clients {
    TLS_CLIENTS_NONE, /* no mainstream one */
    TLS_CLIENTS_SOME,
    TLS_CLIENTS_ALL,
};
/* Which clients take this certificate: as a server's own, or as one that such a certificate rests on, of which only the key
 * matters. If not all, `why` is what is wrong with it and what to do. */
enum tls_clients tls_clients_of(X509 *x, bool is_servers, char why[TLS_WHY_MAX]);

/* ---- how good it is (tls_warn.c) ---- */

enum {
    TLS_SOON_S = 14 * 24 * 3600, /* before the end: time enough to mend a renewal that fails */
    TLS_AGAIN_S = 24 * 3600,     /* between two warnings of one thing */
    TLS_LOOK_S = 3600,           /* at least so often: the wall clock may jump */
};

typedef void tls_say(void *ctx, const struct log_record *r);

/* When the first certificate of the file lapses, in unix seconds: its own, or one that it rests on. */
int64_t tls_expiry(SSL_CTX *served);
/* Says what clients will mind, besides times: a chain that is not whole, no name of a host, a key that not all can use. */
void tls_remark(SSL_CTX *served, tls_say *say, void *ctx);

/* What was warned of last. Zeroed at first, and again when another certificate is served. */
struct tls_warned {
    int of; /* enum in tls_warn.c; 0: nothing */
    int64_t at;
};
/* Says that the certificate has expired, is not valid yet or expires within TLS_SOON_S, if it is so and was not said
 * within TLS_AGAIN_S. Returns the seconds after which it is to be called again, at most TLS_LOOK_S. */
unsigned tls_warn(struct tls_warned *w, SSL_CTX *served, int64_t unix_seconds, tls_say *say, void *ctx);

#endif
