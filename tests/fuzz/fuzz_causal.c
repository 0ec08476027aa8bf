/* SPDX-License-Identifier: MIT
 *
 * Bytes become the history of one conversation, held against the model of tests/unit/peer/causal_model.h.
 */
#include "tests/unit/peer/causal_model.h"

struct input {
    const uint8_t *at, *end;
};

static unsigned next_byte(void *ctx)
{
    struct input *in = ctx;
    return in->at < in->end ? *in->at++ : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    struct model w = {.next = next_byte, .ctx = &in};
    model_play(&w, size / 4 < MODEL_STEPS ? (unsigned)size / 4 : MODEL_STEPS);
    return 0;
}
