/* SPDX-License-Identifier: MIT
 *
 * A certificate is the one that a fingerprint names, to the last digit, or it is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "peer/io/rtc_internal.h"

static void test_every_digit_counts(void **state)
{
    (void)state;
    struct rtc_certificate c;
    struct err err;
    assert_true(rtc_certificate_init(&c, &err));
    assert_true(rtc_certificate_is(c.x509, c.fingerprint));
    for (size_t i = 0; c.fingerprint[i]; i++) {
        char *digit = &c.fingerprint[i], was = *digit;
        *digit = was == '0' ? '1' : '0';
        assert_false(rtc_certificate_is(c.x509, c.fingerprint));
        *digit = '\0';
        assert_false(rtc_certificate_is(c.x509, c.fingerprint));
        *digit = was;
    }
    rtc_certificate_done(&c);
}

static void test_no_two_are_alike(void **state)
{
    (void)state;
    struct rtc_certificate a, b;
    struct err err;
    assert_true(rtc_certificate_init(&a, &err));
    assert_true(rtc_certificate_init(&b, &err));
    assert_false(rtc_certificate_is(a.x509, b.fingerprint));
    rtc_certificate_done(&a);
    rtc_certificate_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_digit_counts),
        cmocka_unit_test(test_no_two_are_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
