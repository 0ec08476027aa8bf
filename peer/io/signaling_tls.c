/* SPDX-License-Identifier: MIT
 *
 * After its handshake a server may send messages of that protocol (RFC 8446 section 4.6: new keys, tickets; in TLS 1.2 a
 * wish for another handshake), which bring nothing. OpenSSL by itself goes on reading as long as they come, and whoever
 * sends them as fast as they are taken has our loop for himself. So a read ends with each, and too many without a word
 * beside end the connection. The daemon does likewise (server/io/secure.c).
 */
#include "peer/io/signaling_tls.h"

enum {
    SHAKEN_MAX = 32 /* a handshake takes 8 at most, tickets included; keys last 2^24 records (RFC 8446 section 5.5) */
};

/* Before the first byte of TLS. lws cuts the host's name off at its first colon, so of [::1]:443 it would look for a
 * certificate of "["; and a numeric address is no server name (RFC 6066 section 3). */
static void name_host(SSL *ssl, const char *host)
{
    if (!X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host))
        return;
    X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), NULL, 0);
    SSL_set_tlsext_host_name(ssl, NULL);
}

static void on_state(const SSL *ssl, int where, int what)
{
    struct signaling_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    (void)what;
    if (where != SSL_CB_HANDSHAKE_START)
        return;
    tls->ssl = ssl;
    name_host((SSL *)ssl, tls->host);
}

static void on_message(int sent, int version, int type, const void *bytes, size_t n, SSL *ssl, void *arg)
{
    struct signaling_tls *tls = arg;
    (void)version;
    (void)bytes;
    (void)n;
    if (!sent && type == SSL3_RT_HANDSHAKE && ssl == tls->ssl && ++tls->shaken > SHAKEN_MAX)
        tls->flooded(tls->ctx);
}

void signaling_tls_attach(SSL_CTX *ctx, struct signaling_tls *tls)
{
    SSL_CTX_set_app_data(ctx, tls);
    SSL_CTX_set_info_callback(ctx, on_state);
    SSL_CTX_set_msg_callback(ctx, on_message);
    SSL_CTX_set_msg_callback_arg(ctx, tls);
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
}

void signaling_tls_begin(struct signaling_tls *tls, const char *host)
{
    tls->host = host;
    tls->ssl = NULL;
    tls->shaken = 0;
}

void signaling_tls_heard(struct signaling_tls *tls)
{
    tls->shaken = 0;
}
