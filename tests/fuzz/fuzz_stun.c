/* SPDX-License-Identifier: MIT
 *
 * A datagram: it is read without a step past its end, twice alike; what answers it is whole, no longer than may be, and
 * itself nothing that is answered.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* On a copy of exactly n bytes, so that a look behind them is seen. */
static enum stun_verdict look(const uint8_t *data, size_t n, struct stun_request *r)
{
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    memcpy(copy, data, n);
    enum stun_verdict verdict = stun_read(copy, n, r);
    free(copy);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stun_request r, again, ignored;
    struct stun_source from = {.port = (uint16_t)size};
    uint8_t out[STUN_ANSWER_MAX];
    enum stun_verdict verdict = look(data, size, &r);
    if (verdict != look(data, size, &again))
        abort();
    if (verdict == STUN_MALFORMED)
        return 0;
    if (size < STUN_HEADER || (verdict == STUN_REFUSAL) != (r.unknown_n > 0) || r.unknown_n > STUN_UNKNOWN_MAX)
        abort();
    memcpy(from.address, data, sizeof from.address);
    size_t n = verdict == STUN_REFUSAL ? stun_write_refusal(&r, out) : stun_write_answer(&r, &from, out);
    if (n > sizeof out || n % 4 != 0 || out[3] != n - STUN_HEADER || memcmp(out + 4, data + 4, 16) != 0)
        abort();
    if (look(out, n, &ignored) != STUN_MALFORMED)
        abort();
    return 0;
}
