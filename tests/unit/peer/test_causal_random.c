/* SPDX-License-Identifier: MIT
 *
 * Order against its model, at random. A failure prints its seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "tests/unit/peer/causal_model.h"

enum {
    SEEDS = 300
};

static unsigned byte(void *ctx)
{
    return rng_below(ctx, 256);
}

static void test_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rng_seeded seeded;
        rng_seeded_init(&seeded, seed);
        struct rng rng = rng_seeded_port(&seeded);
        struct model w = {.next = byte, .ctx = &rng};
        fprintf(stderr, "# seed %u\r", (unsigned)seed);
        model_play(&w, MODEL_STEPS);
    }
    fprintf(stderr, "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests_name("causal at random", tests, NULL, NULL);
}
