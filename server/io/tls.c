/* SPDX-License-Identifier: MIT
 *
 * libwebsockets makes a context of its own from the files at start and offers no way to change it. So each handshake is
 * moved to the context that was loaded last, in place of libwebsockets' search for a vhost by name: a reload concerns new connections, and those that are
 * open keep theirs. Only http/1.1 is agreed to (RFC 7301): libwebsockets would offer h2, where our ready-made WebSocket
 * frames would corrupt the stream.
 */
#include "server/io/tls.h"

#include <openssl/err.h>

#include "base/os_file.h"

static const unsigned char PROTOCOLS[] = "\x08http/1.1";

static int choose_protocol(
    SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *offered, unsigned offered_n, void *arg)
{
    (void)ssl;
    (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, n, PROTOCOLS, sizeof PROTOCOLS - 1, offered, offered_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* An encrypted key would have OpenSSL ask the terminal. */
static int no_password(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

static bool fail(struct err *e, const char *option, const char *path)
{
    unsigned long error = ERR_peek_error();
    int system = ERR_SYSTEM_ERROR(error) ? ERR_GET_REASON(error) : 0;
    const char *reason = ERR_reason_error_string(error);
    ERR_clear_error();
    if (system)
        return err_set_errno(e, system, "%s = %.120s: the file cannot be read: %s%s", option, path, strerror(system),
            os_file_advice(system));
    return err_set(e, "%s = %.120s: %s", option, path, reason ? reason : "not understood");
}

static bool load(SSL_CTX *ctx, const char *certificate, const char *key, struct err *e)
{
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
        return fail(e, "tls.certificate", certificate);
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        return fail(e, "tls.key", key);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 || err_memory(e);
}

SSL_CTX *tls_new(const char *certificate, const char *key, struct err *e)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx) {
        err_memory(e);
        return NULL;
    }
    if (load(ctx, certificate, key, e))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/* Called whether the client names a server or not. */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    SSL_CTX *const *current = arg;
    return SSL_set_SSL_CTX(ssl, *current) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void tls_attach(SSL_CTX *listener, SSL_CTX *const *current)
{
    SSL_CTX_set_min_proto_version(listener, TLS1_2_VERSION);
    SSL_CTX_set_tlsext_servername_callback(listener, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(listener, (void *)current);
}
