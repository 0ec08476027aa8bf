/* SPDX-License-Identifier: MIT
 *
 * Which addresses of a machine are offered, in a network of this test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "peer/io/hosts.h"

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void ip(const char *lines)
{
    FILE *f = popen("ip -batch -", "w");
    assert_non_null(f);
    fputs(lines, f);
    assert_int_equal(pclose(f), 0);
}

/* Root in namespaces of its own, as whoever runs it. Who is root needs no other users, which a chroot may not have. */
static int enter(void **state)
{
    char map[64];
    (void)state;
    if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0) {
        ip("link set lo up\n");
        return 0;
    }
    snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return -1;
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", map);
    ip("link set lo up\n");
    return 0;
}

static struct hosts found(bool loopback, const char *near)
{
    struct hosts h;
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    if (near) {
        own.ss_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, near, &((struct sockaddr_in *)&own)->sin_addr), 1);
    }
    hosts_find(&h, loopback, &own);
    return h;
}

static bool has(const struct hosts *h, const char *text)
{
    for (size_t i = 0; i < h->n; i++)
        if (strcmp(h->text[i], text) == 0)
            return true;
    return false;
}

/* The kernel notices a carrier a moment after its cause. */
static void becomes(const char *text, bool offered)
{
    for (time_t end = time(NULL) + 5; time(NULL) <= end; sched_yield()) {
        struct hosts h = found(false, NULL);
        if (has(&h, text) == offered)
            return;
    }
    fail_msg("%s is %soffered", text, offered ? "not " : "");
}

static void test_loopback_where_it_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(found(false, NULL).n, 0);
    struct hosts h = found(true, NULL);
    assert_true(has(&h, "127.0.0.1"));
}

/* It means something on its interface only; but two machines on one cable may have nothing else. */
static void test_link_local_if_there_is_nothing_else(void **state)
{
    (void)state;
    ip("link add w0 type veth peer name w1\nlink set w0 up addrgenmode none\nlink set w1 up addrgenmode none\n"
       "address add fe80::1/64 dev w0 nodad\n");
    becomes("fe80::1", true);
    struct hosts h = found(false, NULL);
    assert_int_equal(h.n, 1);
    ip("address add 2001:db8:1::1/64 dev w0 nodad\n");
    h = found(false, NULL);
    assert_int_equal(h.n, 1);
    assert_string_equal(h.text[0], "2001:db8:1::1");
}

static void test_only_what_has_a_carrier(void **state)
{
    (void)state;
    ip("link add br0 type bridge\naddress add 172.17.0.1/16 dev br0\nlink set br0 up\n"
       "link add w4 type veth peer name w5\nlink set w4 master br0\nlink set w4 nomaster\n"
       "link add w2 type veth peer name w3\naddress add 10.0.0.1/24 dev w2\nlink set w2 up\n");
    becomes("172.17.0.1", false);
    becomes("10.0.0.1", false); /* the other end of the cable is down */
    ip("link set w3 up\n");
    becomes("10.0.0.1", true);
    becomes("172.17.0.1", false);
}

static void test_the_likely_ones_first_and_not_too_many(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * HOSTS_MAX; i++) {
        char line[64];
        snprintf(line, sizeof line, "address add 10.1.%d.1/24 dev w2\n", i);
        ip(line);
    }
    ip("address add 192.168.1.2/24 dev w2\naddress add 192.168.2.2/24 dev w2\nroute add default via 192.168.1.1\n");
    struct hosts h = found(false, NULL);
    assert_int_equal(h.n, HOSTS_MAX);
    assert_string_equal(h.text[0], "192.168.1.2");
    assert_false(has(&h, "192.168.2.2"));
    h = found(false, "192.168.2.2");
    assert_int_equal(h.n, HOSTS_MAX);
    assert_string_equal(h.text[0], "192.168.2.2");
    assert_string_equal(h.text[1], "192.168.1.2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loopback_where_it_is_asked_for),
        cmocka_unit_test(test_link_local_if_there_is_nothing_else),
        cmocka_unit_test(test_only_what_has_a_carrier),
        cmocka_unit_test(test_the_likely_ones_first_and_not_too_many),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
