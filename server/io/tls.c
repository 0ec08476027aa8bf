/* SPDX-License-Identifier: MIT
 *
 * libwebsockets makes a context of its own from the files at start and offers no way to change it. So each handshake is
 * moved to the context that was loaded last, in place of libwebsockets' search for a vhost by name: a reload concerns new connections, and those that are
 * open keep theirs. Only http/1.1 is agreed to (RFC 7301): libwebsockets would offer h2, where our ready-made WebSocket
 * frames would corrupt the stream.
 */
#include "server/io/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509err.h>
#include <unistd.h>

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

/* An encrypted key would have OpenSSL ask the terminal; that it asked is noted. */
static int no_password(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    bool *asked = arg;
    *asked = true;
    return 0;
}

static bool fail(struct err *e, const char *option, const char *path, const char *no_pem)
{
    unsigned long error = ERR_peek_error();
    int system = ERR_SYSTEM_ERROR(error) ? ERR_GET_REASON(error) : 0;
    const char *reason = ERR_reason_error_string(error);
    bool unread = ERR_GET_LIB(error) == ERR_LIB_PEM || ERR_GET_LIB(error) == ERR_LIB_OSSL_DECODER;
    ERR_clear_error();
    if (system)
        return err_set_errno(e, system, "%s = %.120s: the file cannot be read: %s%s", option, path, strerror(system),
            os_file_advice(system));
    if (unread)
        return err_set(e, "%s = %.120s: %s", option, path, no_pem);
    return err_set(e, "%s = %.120s: %s", option, path, reason ? reason : "not understood");
}

/* OpenSSL opens anything, waits for what may come out of a FIFO, and finds no PEM in a folder. */
static bool is_file(const char *option, const char *path, struct err *e)
{
    struct err why;
    int fd = os_file_open(path, O_RDONLY, "a PEM file", &why);
    if (fd >= 0)
        return close(fd) == 0;
    return err_set_errno(
        e, why.error, "%s = %.120s: %s%s", option, path, why.error ? "the file cannot be read: " : "", why.text);
}

/* One of another type finds no certificate beside it; one of the same type, one that it does not fit. */
static bool is_mismatch(void)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_REASON(error);
    return (ERR_GET_LIB(error) == ERR_LIB_X509 &&
               (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH)) ||
           (ERR_GET_LIB(error) == ERR_LIB_SSL && reason == SSL_R_NO_CERTIFICATE_ASSIGNED);
}

static bool load_key(SSL_CTX *ctx, const char *certificate, const char *key, struct err *e)
{
    bool asked = false;
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
    bool ok = SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
    SSL_CTX_set_default_passwd_cb(ctx, NULL);
    if (ok)
        return true;
    bool mismatch = is_mismatch();
    if (asked || mismatch)
        ERR_clear_error();
    if (asked)
        return err_set(e,
            "tls.key = %.120s: the key is locked with a passphrase, which nobody is there to type: write it without "
            "one "
            "(openssl pkey -in FILE -out NEWFILE)",
            key);
    if (mismatch)
        return err_set(
            e, "tls.key = %.120s: this is not the key of tls.certificate = %.120s: name the pair", key, certificate);
    return fail(e, "tls.key", key,
        "there is no private key in it: expected PEM, with a line -----BEGIN PRIVATE KEY----- or the like");
}

static bool load(SSL_CTX *ctx, const char *certificate, const char *key, struct err *e)
{
    ERR_clear_error();
    if (!is_file("tls.certificate", certificate, e) || !is_file("tls.key", key, e))
        return false;
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
        return fail(e, "tls.certificate", certificate,
            "there is no certificate in it: expected PEM, with a line -----BEGIN CERTIFICATE-----");
    char why[TLS_WHY_MAX];
    if (tls_clients_of(SSL_CTX_get0_certificate(ctx), true, why) == TLS_CLIENTS_NONE)
        return err_set(e, "tls.certificate = %.120s: no client can use this certificate: %s", certificate, why);
    if (!load_key(ctx, certificate, key, e))
        return false;
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

/* Without this a read goes on as long as messages of the handshake protocol come (RFC 8446 section 4.6.3: KeyUpdate), and
 * who sends them as fast as they are taken has the loop for himself. */
static void read_one_record(SSL_CTX *listener)
{
    SSL_CTX_clear_mode(listener, SSL_MODE_AUTO_RETRY);
}

void tls_attach(SSL_CTX *listener, SSL_CTX *const *current)
{
    read_one_record(listener);
    SSL_CTX_set_min_proto_version(listener, TLS1_2_VERSION);
    SSL_CTX_set_tlsext_servername_callback(listener, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(listener, (void *)current);
}

static void on_message(int sent, int version, int type, const void *bytes, size_t n, SSL *ssl, void *arg)
{
    (void)version;
    (void)bytes;
    (void)n;
    (void)ssl;
    uint8_t *count = arg;
    if (!sent && type == SSL3_RT_HANDSHAKE && *count < UINT8_MAX)
        ++*count;
}

void tls_count(SSL *ssl, uint8_t *count)
{
    SSL_set_msg_callback(ssl, on_message);
    SSL_set_msg_callback_arg(ssl, count);
}
