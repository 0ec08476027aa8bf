/* SPDX-License-Identifier: MIT
 *
 * The daemon's certificate, for those without a proxy in front.
 */
#ifndef SERVER_IO_TLS_H
#define SERVER_IO_TLS_H

#include <openssl/ssl.h>

#include "base/err.h"

/* A certificate and its key, ready to serve with. NULL with the sentence in e. Freed with SSL_CTX_free. */
SSL_CTX *tls_new(const char *certificate, const char *key, struct err *e);
/* Has the listener's context serve each new connection with what *current is at that time; borrowed for as long as the
 * context lives. */
void tls_attach(SSL_CTX *listener, SSL_CTX *const *current);

#endif
