/* SPDX-License-Identifier: MIT
 *
 * DTLS 1.2 (RFC 6347) over ICE by OpenSSL, through a BIO of our own: a write is one datagram, a read is the one that
 * just came, or the whole records of several that came as one. OpenSSL's memory BIO will not do, it runs the datagrams of a
 * flight together.
 *
 * Both sides show a certificate (RFC 8827 section 6.5). OpenSSL asks us to verify the remote's while the handshake
 * runs: there it is compared with the remote description's fingerprint, so a stranger gets an alert and no byte of
 * SCTP is read or written. Datagrams that come before that description are dropped; DTLS sends them again.
 *
 * No resumption, tickets or renegotiation: each would get around that comparison. Retransmission starts at 100 ms
 * (RFC 6347 section 4.2.4.1 suggests 1 s for want of knowing the path; ICE has just measured that it is there).
 */
#include <openssl/err.h>

#include "peer/io/rtc_internal.h"

enum {
    FIRST_TIMEOUT_US = 100 * 1000,
    TIMEOUT_MAX_US = 2000 * 1000,
    LINK_MTU = 1200,
    LENGTH_AT = 11 /* in a record's header, RFC 6347 section 4.3.1 */
};

static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                              "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                              "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static int bio_write(BIO *bio, const char *datagram, int n)
{
    rtc_outbox_add(BIO_get_data(bio), datagram, (size_t)n);
    return n;
}

/* Bytes of as many records as fit in there: OpenSSL takes the rest of a datagram that does not fit for lost. */
static size_t whole_records(const unsigned char *bytes, size_t n, size_t max)
{
    size_t whole = 0;
    if (n <= max)
        return n;
    while (n - whole >= DTLS1_RT_HEADER_LENGTH) {
        const unsigned char *length = bytes + whole + LENGTH_AT;
        size_t record = DTLS1_RT_HEADER_LENGTH + ((size_t)length[0] << 8 | length[1]);
        if (whole + record > MIN(n, max))
            break;
        whole += record;
    }
    return whole ? whole : max;
}

static int bio_read(BIO *bio, char *out, int max)
{
    struct rtc_dtls *d = &((struct rtc *)BIO_get_data(bio))->dtls;
    BIO_clear_retry_flags(bio);
    if (!d->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t n = whole_records(d->in, d->in_n, (size_t)max);
    memcpy(out, d->in, n);
    d->in_n -= n;
    d->in = d->in_n ? d->in + n : NULL;
    return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
        return LINK_MTU;
    default:
        return 0;
    }
}

/* Replaces OpenSSL's chain building: the fingerprint is all that counts. */
static int on_verify(X509_STORE_CTX *store, void *data)
{
    (void)data;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct rtc *r = SSL_get_app_data(ssl);
    if (rtc_certificate_is(X509_STORE_CTX_get0_cert(store), r->remote.fingerprint))
        return 1;
    r->dtls.mismatch = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static BIO_METHOD *bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "ice");
    if (m && BIO_meth_set_write(m, bio_write) && BIO_meth_set_read(m, bio_read) && BIO_meth_set_ctrl(m, bio_control))
        return m;
    BIO_meth_free(m);
    return NULL;
}

bool rtc_dtls_factory_init(struct rtc_factory *f, struct err *err)
{
    f->bio = bio_method();
    SSL_CTX *c = f->tls = SSL_CTX_new(DTLS_method());
    if (!f->bio || !c || !SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) || !SSL_CTX_set_cipher_list(c, ciphers) ||
        !SSL_CTX_set1_groups_list(c, "X25519:P-256") || !SSL_CTX_use_certificate(c, f->certificate.x509) ||
        !SSL_CTX_use_PrivateKey(c, f->certificate.key))
        return err_set(err, "DTLS cannot be set up: %s", ERR_reason_error_string(ERR_peek_last_error()));
    SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(c, on_verify, NULL);
    SSL_CTX_set_read_ahead(c, 1);
    return true;
}

void rtc_dtls_factory_done(struct rtc_factory *f)
{
    SSL_CTX_free(f->tls);
    BIO_meth_free(f->bio);
}

static unsigned next_timeout(SSL *ssl, unsigned us)
{
    (void)ssl;
    if (us == 0)
        return FIRST_TIMEOUT_US;
    return us * 2 < TIMEOUT_MAX_US ? us * 2 : TIMEOUT_MAX_US;
}

static void stop_timer(struct rtc_dtls *d)
{
    if (!d->timer)
        return;
    g_source_destroy(d->timer);
    g_source_unref(d->timer);
    d->timer = NULL;
}

static void fail(struct rtc *r, int code)
{
    const char *detail = ERR_reason_error_string(ERR_get_error());
    if (r->dtls.mismatch)
        rtc_fail(r, "fingerprint", "the remote's certificate is not the one that its description names");
    else if (code == SSL_ERROR_ZERO_RETURN)
        rtc_fail(r, "closed", "the remote closed the connection");
    else
        rtc_fail(r, "dtls", detail ? detail : "the handshake was not answered");
    stop_timer(&r->dtls);
}

static gboolean on_timer(gpointer data);

static void start_timer(struct rtc *r)
{
    struct timeval left;
    stop_timer(&r->dtls);
    if (DTLSv1_get_timeout(r->dtls.ssl, &left) != 1)
        return;
    r->dtls.timer = g_timeout_source_new((guint)(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000));
    g_source_set_priority(r->dtls.timer, G_PRIORITY_DEFAULT);
    g_source_set_callback(r->dtls.timer, on_timer, r, NULL);
    g_source_attach(r->dtls.timer, r->factory->context);
}

static void handshake(struct rtc *r)
{
    struct rtc_dtls *d = &r->dtls;
    ERR_clear_error();
    int n = SSL_do_handshake(d->ssl);
    int code = SSL_get_error(d->ssl, n);
    if (n == 1) {
        d->up = true;
        stop_timer(d);
        rtc_on_dtls_up(r);
    } else if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
        start_timer(r);
    } else {
        fail(r, code);
    }
}

static gboolean on_timer(gpointer data)
{
    struct rtc *r = data;
    rtc_ref(r);
    ERR_clear_error();
    if (DTLSv1_handle_timeout(r->dtls.ssl) < 0)
        fail(r, SSL_ERROR_SSL);
    else
        start_timer(r);
    rtc_run(r);
    rtc_unref(r);
    return G_SOURCE_REMOVE; /* start_timer has made another */
}

bool rtc_dtls_start(struct rtc *r)
{
    struct rtc_dtls *d = &r->dtls;
    BIO *bio = BIO_new(r->factory->bio);
    d->ssl = SSL_new(r->factory->tls);
    if (!bio || !d->ssl) {
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, r);
    BIO_set_init(bio, 1);
    SSL_set_bio(d->ssl, bio, bio);
    SSL_set_app_data(d->ssl, r);
    DTLS_set_link_mtu(d->ssl, LINK_MTU);
    DTLS_set_timer_cb(d->ssl, next_timeout);
    if (d->client)
        SSL_set_connect_state(d->ssl);
    else
        SSL_set_accept_state(d->ssl);
    if (d->client)
        handshake(r);
    return true;
}

/* Before SSL_get_error is asked. Clearing what is clear is a fiftieth of all work, once a record. */
static void forget_errors(void)
{
    if (ERR_peek_error())
        ERR_clear_error();
}

static void read_records(struct rtc *r)
{
    unsigned char packet[SSL3_RT_MAX_PLAIN_LENGTH];
    int n;
    forget_errors();
    while ((n = SSL_read(r->dtls.ssl, packet, sizeof packet)) > 0) {
        rtc_sctp_input(r, packet, (size_t)n);
        if (rtc_is_over(r))
            return;
        forget_errors();
    }
    int code = SSL_get_error(r->dtls.ssl, n);
    if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE)
        fail(r, code);
}

/* RFC 7983: DTLS begins with 20 to 63; STUN was taken by libnice, other protocols are not spoken here. */
void rtc_dtls_input(struct rtc *r, const void *datagram, size_t n)
{
    struct rtc_dtls *d = &r->dtls;
    unsigned char first = n ? *(const unsigned char *)datagram : 0;
    if (!d->ssl || first < 20 || first > 63 || rtc_is_over(r))
        return;
    d->in = datagram;
    d->in_n = n;
    if (!d->up)
        handshake(r);
    if (d->up && !rtc_is_over(r))
        read_records(r);
    d->in = NULL;
}

void rtc_dtls_write(struct rtc *r, const void *packet, size_t n)
{
    if (r->dtls.up)
        SSL_write(r->dtls.ssl, packet, (int)n);
}

void rtc_dtls_close(struct rtc *r)
{
    stop_timer(&r->dtls);
    ERR_clear_error();
    if (r->dtls.up)
        SSL_shutdown(r->dtls.ssl);
    r->dtls.up = false;
}

void rtc_dtls_done(struct rtc *r)
{
    SSL_free(r->dtls.ssl);
}
