/* SPDX-License-Identifier: MIT
 *
 * What ICE makes of the servers it is told, and of addresses that come and go.
 */
#include <gio/gio.h>

#include "tests/unit/peer_io/rtc_pair.h"

/* A STUN server that only notes that it was asked. */
static GSocket *listen_udp(guint16 *port)
{
    GSocket *socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
    GSocketAddress *any = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    assert_true(g_socket_bind(socket, any, FALSE, NULL));
    GSocketAddress *bound = g_socket_get_local_address(socket, NULL);
    *port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
    g_object_unref(any);
    g_object_unref(bound);
    return socket;
}

/* libnice asks one STUN server only: not the one that cannot be reached from the addresses that need it. */
static void test_asks_the_stun_server_of_ipv4(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        guint16 port;
        GSocket *server = listen_udp(&port);
        struct rtc_server servers[] = {
            {.kind = RTC_STUN, .host = "::1", .port = 9}, {.kind = RTC_STUN, .host = "::1", .port = 9}};
        servers[first] = (struct rtc_server){.kind = RTC_STUN, .host = "127.0.0.1", .port = port};
        struct rtc_factory *f = new_factory();
        rtc_factory_servers(f, servers, 2);
        struct end a, nobody = {.rtc = NULL};
        end_init(&a, f, &nobody);
        call(&a, false);
        WAIT(g_socket_condition_check(server, G_IO_IN) & G_IO_IN);
        end_done(&a);
        rtc_factory_free(f);
        g_object_unref(server);
    }
}

/* A restart is for a machine that is elsewhere now: it looks for addresses again, with the servers of today. */
static void test_a_restart_gathers_anew(void **state)
{
    (void)state;
    guint16 port;
    GSocket *server = listen_udp(&port);
    struct pair p;
    pair_open(&p);
    unsigned before = p.a.candidates;
    rtc_factory_servers(p.factory, &(struct rtc_server){.kind = RTC_STUN, .host = "127.0.0.1", .port = port}, 1);
    call(&p.a, true);
    WAIT(p.a.ice_up == 1 && p.b.ice_up == 1 && p.a.candidates > before);
    WAIT(g_socket_condition_check(server, G_IO_IN) & G_IO_IN);
    assert_int_equal(send_bytes(&p.a, false, "on", 2), RTC_SENT);
    WAIT(p.b.messages == 1);
    assert_int_equal(p.a.ice_down + p.b.ice_down, 0);
    assert_string_equal(p.a.reason, "");
    pair_done(&p);
    g_object_unref(server);
}

/* All of 127.0.0.0/8 can be bound, but only 127.0.0.1 is an address of the machine: the other is as good as gone. */
static void test_an_address_that_is_gone_loses_the_pair(void **state)
{
    (void)state;
    static const char *const ADDRESSES[] = {"127.0.0.1", "127.0.0.2"};
    for (unsigned i = 0; i < 2; i++) {
        struct err err;
        struct pair p = {.factory = rtc_factory_new(NULL, &(struct rtc_options){&ADDRESSES[i], 1, false, false}, &err)};
        assert_non_null(p.factory);
        end_init(&p.a, p.factory, &p.b);
        end_init(&p.b, p.factory, &p.a);
        call(&p.a, false);
        WAIT(p.a.opened && p.b.opened);
        rtc_addresses_changed(p.a.rtc);
        rtc_addresses_changed(p.a.rtc); /* told once */
        assert_int_equal(send_bytes(&p.b, false, "on", 2), RTC_SENT);
        WAIT(p.a.messages == 1);
        assert_int_equal(p.a.ice_down, i);
        assert_int_equal(p.b.ice_down, 0);
        pair_done(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_the_stun_server_of_ipv4),
        cmocka_unit_test(test_a_restart_gathers_anew),
        cmocka_unit_test(test_an_address_that_is_gone_loses_the_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
