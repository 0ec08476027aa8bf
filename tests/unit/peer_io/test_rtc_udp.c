/* SPDX-License-Identifier: MIT
 *
 * Datagrams that leave together arrive one by one, as they were; what the kernel does not take together is left to the
 * caller.
 */
#include <netinet/udp.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "peer/io/rtc_internal.h"

struct ends {
    GSocket *from, *to;
    NiceAddress address; /* of `to` */
    struct rtc_outbox box;
};

static GSocket *socket_new(NiceAddress *address)
{
    GSocket *s = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
    assert_non_null(s);
    GSocketAddress *any = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    assert_true(g_socket_bind(s, any, false, NULL));
    g_object_unref(any);
    GSocketAddress *bound = g_socket_get_local_address(s, NULL);
    struct sockaddr_storage native;
    assert_true(g_socket_address_to_native(bound, &native, sizeof native, NULL));
    nice_address_init(address);
    nice_address_set_from_sockaddr(address, (struct sockaddr *)&native);
    g_object_unref(bound);
    return s;
}

static int set_up(void **state)
{
    struct ends *e = g_new0(struct ends, 1);
    NiceAddress own;
    e->from = socket_new(&own);
    e->to = socket_new(&e->address);
    *state = e;
    return 0;
}

static int tear_down(void **state)
{
    struct ends *e = *state;
    g_object_unref(e->from);
    g_object_unref(e->to);
    g_free(e);
    return 0;
}

static void add(struct ends *e, unsigned n, size_t size)
{
    for (; n; n--) {
        memset(e->box.bytes[e->box.count], (int)('a' + e->box.count), size);
        e->box.sizes[e->box.count++] = size;
    }
}

/* All from the first to before the last are there, each alone, and no more. */
static void arrived(struct ends *e, unsigned n)
{
    unsigned char bytes[65536];
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(recv(g_socket_get_fd(e->to), bytes, sizeof bytes, MSG_DONTWAIT), e->box.sizes[i]);
        assert_memory_equal(bytes, e->box.bytes[i], e->box.sizes[i]);
    }
    assert_int_equal(recv(g_socket_get_fd(e->to), bytes, sizeof bytes, MSG_DONTWAIT), -1);
}

static void test_of_one_size(void **state)
{
    struct ends *e = *state;
    add(e, RTC_BATCH_MAX, 1197);
    assert_int_equal(rtc_udp_send(e->from, &e->address, &e->box), RTC_BATCH_MAX);
    arrived(e, RTC_BATCH_MAX);
}

static void test_the_largest(void **state)
{
    struct ends *e = *state;
    add(e, RTC_BATCH_MAX, RTC_DATAGRAM_MAX);
    assert_int_equal(rtc_udp_send(e->from, &e->address, &e->box), RTC_BATCH_MAX);
    arrived(e, RTC_BATCH_MAX);
}

static void test_of_many_sizes(void **state)
{
    struct ends *e = *state;
    add(e, 3, 1197);
    add(e, 1, 500);
    add(e, 2, 1197);
    add(e, 1, 65);
    add(e, 1, 66);
    add(e, 1, 1280);
    add(e, 2, 10);
    add(e, 1, 9);
    add(e, 1, 9);
    add(e, 1, 1);
    assert_int_equal(rtc_udp_send(e->from, &e->address, &e->box), e->box.count);
    arrived(e, e->box.count);
}

/* Without a checksum there is no cutting (udp(7)); a datagram alone needs none. */
static void test_what_the_kernel_does_not_cut_is_left(void **state)
{
    struct ends *e = *state;
    const int on = 1;
    assert_int_equal(setsockopt(g_socket_get_fd(e->from), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
    add(e, 1, 10);
    add(e, 5, 1197);
    assert_int_equal(rtc_udp_send(e->from, &e->address, &e->box), 1);
    arrived(e, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_of_one_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_largest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_of_many_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_the_kernel_does_not_cut_is_left, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
