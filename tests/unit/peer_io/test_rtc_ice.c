/* SPDX-License-Identifier: MIT
 *
 * What ICE makes of the servers it is told.
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_the_stun_server_of_ipv4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
