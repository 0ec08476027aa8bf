/* SPDX-License-Identifier: MIT
 *
 * What addresses are for, at the ends of each range, and which hosts are this machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "server/adapters/url_host.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
    const char *text;
    enum address_kind kind;
} ADDRESSES[] = {
    {"::", ADDRESS_UNSPECIFIED},
    {"::ffff:0.0.0.0", ADDRESS_UNSPECIFIED},
    {"::ffff:0.0.0.1", ADDRESS_THIS_NETWORK},
    {"::ffff:0.255.255.255", ADDRESS_THIS_NETWORK},
    {"::ffff:1.0.0.0", ADDRESS_OF_A_MACHINE},
    {"::1", ADDRESS_LOOPBACK},
    {"::2", ADDRESS_OF_A_MACHINE},
    {"::ffff:126.255.255.255", ADDRESS_OF_A_MACHINE},
    {"::ffff:127.0.0.0", ADDRESS_LOOPBACK},
    {"::ffff:127.255.255.255", ADDRESS_LOOPBACK},
    {"::ffff:128.0.0.0", ADDRESS_OF_A_MACHINE},
    {"::127.0.0.1", ADDRESS_OF_A_MACHINE}, /* RFC 4291 section 2.5.5.1: no longer an IPv4 address */
    {"::ffff:223.255.255.255", ADDRESS_OF_A_MACHINE},
    {"::ffff:224.0.0.0", ADDRESS_MULTICAST},
    {"::ffff:239.255.255.255", ADDRESS_MULTICAST},
    {"::ffff:240.0.0.0", ADDRESS_OF_A_MACHINE},
    {"::ffff:255.255.255.254", ADDRESS_OF_A_MACHINE},
    {"::ffff:255.255.255.255", ADDRESS_BROADCAST},
    {"feff::", ADDRESS_OF_A_MACHINE},
    {"ff00::", ADDRESS_MULTICAST},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDRESS_MULTICAST},
    {"fe7f::1", ADDRESS_OF_A_MACHINE},
    {"fe80::", ADDRESS_LINK_LOCAL},
    {"febf:ffff::1", ADDRESS_LINK_LOCAL},
    {"fec0::1", ADDRESS_OF_A_MACHINE},
    {"fd00::1", ADDRESS_OF_A_MACHINE},
    {"2001:db8::1", ADDRESS_OF_A_MACHINE},
};

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ADDRESSES); i++) {
        struct address a;
        assert_int_equal(inet_pton(AF_INET6, ADDRESSES[i].text, a.bytes), 1);
        if (address_kind(&a) != ADDRESSES[i].kind)
            fail_msg("%s is of kind %d", ADDRESSES[i].text, (int)address_kind(&a));
    }
}

/* Nobody can send to the first of these; to the others somebody can. */
static void test_problems(void **state)
{
    (void)state;
    static const enum address_kind NOBODYS[] = {
        ADDRESS_UNSPECIFIED, ADDRESS_THIS_NETWORK, ADDRESS_MULTICAST, ADDRESS_BROADCAST, ADDRESS_LINK_LOCAL};
    for (size_t i = 0; i < COUNT(NOBODYS); i++)
        assert_non_null(address_kind_problem(NOBODYS[i]));
    assert_null(address_kind_problem(ADDRESS_LOOPBACK));
    assert_null(address_kind_problem(ADDRESS_OF_A_MACHINE));
}

static void test_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum address_kind kind;
    } HOSTS[] = {
        {"0.0.0.0", ADDRESS_UNSPECIFIED},
        {"[0:0::0]", ADDRESS_UNSPECIFIED},
        {"127.0.0.2", ADDRESS_LOOPBACK},
        {"[::1]", ADDRESS_LOOPBACK},
        {"[::FFFF:127.0.0.1]", ADDRESS_LOOPBACK},
        {"LocalHost", ADDRESS_LOOPBACK},
        {"localhost.", ADDRESS_LOOPBACK},
        {"app.localhost", ADDRESS_LOOPBACK},
        {"a.b.localhost.", ADDRESS_LOOPBACK},
        {"ip6-localhost", ADDRESS_LOOPBACK},
        {"ip6-loopback.", ADDRESS_LOOPBACK},
        {"notlocalhost", ADDRESS_OF_A_MACHINE},
        {"localhost.example", ADDRESS_OF_A_MACHINE},
        {"ip6-localhost.example", ADDRESS_OF_A_MACHINE},
        {"127.example", ADDRESS_OF_A_MACHINE},
        {"[ff02::1]", ADDRESS_MULTICAST},
        {"255.255.255.255", ADDRESS_BROADCAST},
        {"[fe80::1]", ADDRESS_LINK_LOCAL},
        {"192.0.2.1", ADDRESS_OF_A_MACHINE},
        {"a", ADDRESS_OF_A_MACHINE},
    };
    for (size_t i = 0; i < COUNT(HOSTS); i++) {
        char host[URL_HOST_MAX + 1];
        unsigned port;
        assert_null(url_host_read(span_of(HOSTS[i].text), host, &port));
        if (url_host_kind(host) != HOSTS[i].kind)
            fail_msg("%s is of kind %d", HOSTS[i].text, (int)url_host_kind(host));
    }
    assert_int_equal(url_host_kind(""), ADDRESS_OF_A_MACHINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
