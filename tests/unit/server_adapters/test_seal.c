/* SPDX-License-Identifier: MIT
 *
 * The seal: what was sealed comes back; with a bit changed, a byte less or under another key it does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/os_rng.h"
#include "server/adapters/seal.h"

static const char PLAIN[] = "seat 7 in the lobby";
enum {
    SEALED = sizeof PLAIN + SEAL_EXTRA
};

static void test_there_and_back(void **state)
{
    (void)state;
    struct rng rng = os_rng();
    struct seal *s = seal_new((const uint8_t[SEAL_KEY_BYTES]){1, 2, 3}, &rng);
    const struct core_crypto *port = seal_port(s);
    char a[SEALED], b[SEALED], plain[SEALED];
    assert_true(port->seal(port->ctx, PLAIN, sizeof PLAIN, a));
    assert_true(port->seal(port->ctx, PLAIN, sizeof PLAIN, b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(port->open(port->ctx, a, sizeof a, plain));
    assert_string_equal(plain, PLAIN);
    assert_true(port->open(port->ctx, b, sizeof b, plain));
    assert_string_equal(plain, PLAIN);
    assert_true(port->seal(port->ctx, "", 0, a));
    assert_true(port->open(port->ctx, a, SEAL_EXTRA, plain));
    seal_free(s);
}

static void test_no_other(void **state)
{
    (void)state;
    struct rng rng = os_rng();
    struct seal *s = seal_new((const uint8_t[SEAL_KEY_BYTES]){1}, &rng);
    struct seal *other = seal_new((const uint8_t[SEAL_KEY_BYTES]){2}, &rng);
    const struct core_crypto *port = seal_port(s), *stranger = seal_port(other);
    char a[SEALED], plain[SEALED];
    assert_true(port->seal(port->ctx, PLAIN, sizeof PLAIN, a));
    for (size_t bit = 0; bit < sizeof a * 8; bit++) {
        a[bit / 8] = (char)(a[bit / 8] ^ 1 << bit % 8);
        assert_false(port->open(port->ctx, a, sizeof a, plain));
        a[bit / 8] = (char)(a[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t n = SEAL_EXTRA; n < sizeof a; n++)
        assert_false(port->open(port->ctx, a, n, plain));
    assert_false(stranger->open(stranger->ctx, a, sizeof a, plain));
    assert_true(port->open(port->ctx, a, sizeof a, plain));
    seal_free(s);
    seal_free(other);
    seal_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
