/* SPDX-License-Identifier: MIT
 *
 * A server that changes its keys without end (RFC 8446 section 4.6.3): a read takes one such message and no more, so that
 * the loop has its turn, and too many of them are told, unless the server says something now and then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "peer/io/rtc_internal.h"
#include "peer/io/signaling_tls.h"

enum {
    FEW = 20,
    MANY = 100
};

struct pair {
    struct rtc_certificate certificate;
    SSL_CTX *server_ctx, *client_ctx;
    SSL *server, *client;
    struct signaling_tls tls;
    unsigned floods;
};

static void flooded(void *ctx)
{
    struct pair *p = ctx;
    p->floods++;
}

/* Both ends, connected by memory, their handshake done. */
static void pair_open(struct pair *p)
{
    struct err err;
    *p = (struct pair){.tls = {.flooded = flooded, .ctx = p}};
    assert_true(rtc_certificate_init(&p->certificate, &err));
    p->server_ctx = SSL_CTX_new(TLS_server_method());
    p->client_ctx = SSL_CTX_new(TLS_client_method());
    assert_int_equal(SSL_CTX_use_certificate(p->server_ctx, p->certificate.x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(p->server_ctx, p->certificate.key), 1);
    signaling_tls_attach(p->client_ctx, &p->tls);
    signaling_tls_begin(&p->tls, "::1");
    p->server = SSL_new(p->server_ctx);
    p->client = SSL_new(p->client_ctx);
    BIO *here = NULL, *there = NULL;
    assert_int_equal(BIO_new_bio_pair(&here, 1 << 17, &there, 1 << 17), 1);
    SSL_set_bio(p->server, here, here);
    SSL_set_bio(p->client, there, there);
    SSL_set_accept_state(p->server);
    SSL_set_connect_state(p->client);
    while (SSL_in_init(p->server) || SSL_in_init(p->client)) {
        SSL_do_handshake(p->client);
        SSL_do_handshake(p->server);
    }
}

static void pair_close(struct pair *p)
{
    SSL_free(p->server);
    SSL_free(p->client);
    SSL_CTX_free(p->server_ctx);
    SSL_CTX_free(p->client_ctx);
    rtc_certificate_done(&p->certificate);
}

static void change_keys(struct pair *p, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        assert_int_equal(SSL_key_update(p->server, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(p->server), 1);
    }
}

/* Reads what came; the bytes that the server said. */
static int read_once(struct pair *p)
{
    char text[64];
    int n = SSL_read(p->client, text, sizeof text);
    if (n <= 0)
        assert_int_equal(SSL_get_error(p->client, n), SSL_ERROR_WANT_READ);
    return n;
}

static void test_a_read_takes_one(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    change_keys(&p, MANY);
    for (unsigned before = p.tls.shaken, i = 0; i < FEW; i++) {
        read_once(&p);
        assert_int_equal(p.tls.shaken, before + i + 1);
    }
    pair_close(&p);
}

static void test_too_many_are_told(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    assert_int_equal(p.floods, 0);
    change_keys(&p, MANY);
    for (unsigned i = 0; i < MANY; i++)
        read_once(&p);
    assert_true(p.floods > 0);
    pair_close(&p);
}

static void test_a_few_beside_what_is_said_are_not(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    for (unsigned round = 0; round < MANY / FEW; round++) {
        change_keys(&p, FEW);
        assert_int_equal(SSL_write(p.server, "word", 4), 4);
        while (read_once(&p) <= 0)
            continue;
        signaling_tls_heard(&p.tls);
    }
    assert_int_equal(p.floods, 0);
    pair_close(&p);
}

static void test_of_an_earlier_connection_nothing_counts(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    signaling_tls_begin(&p.tls, "::1");
    change_keys(&p, MANY);
    for (unsigned i = 0; i < MANY; i++)
        read_once(&p);
    assert_int_equal(p.tls.shaken, 0);
    assert_int_equal(p.floods, 0);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_read_takes_one),
        cmocka_unit_test(test_too_many_are_told),
        cmocka_unit_test(test_a_few_beside_what_is_said_are_not),
        cmocka_unit_test(test_of_an_earlier_connection_nothing_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
