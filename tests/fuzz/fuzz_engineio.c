/* SPDX-License-Identifier: MIT
 *
 * A payload: it is read without a step past its end, its packets joined again are what it was, and it is sound exactly if a
 * slow reader finds each packet so. A frame: the same of one packet.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "protocol/engineio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_engineio: %s\n", what);
        abort();
    }
}

static bool slow_base64(const char *p, size_t n)
{
    static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t pads = 0;
    for (size_t i = 0; i < n; i++) {
        pads += p[i] == '=';
        if (p[i] != '=' && (pads > 0 || p[i] == '\0' || !strchr(LETTERS, p[i])))
            return false;
    }
    return n % 4 == 0 && pads <= 2;
}

static bool slow_packet(const char *p, size_t n)
{
    if (n == 0)
        return false;
    if (p[0] == 'b')
        return slow_base64(p + 1, n - 1);
    return p[0] == '1' || p[0] == '3' || p[0] == '4' || p[0] == '6';
}

static bool slow_payload(const char *p, size_t n)
{
    size_t begin = 0;
    for (size_t i = 0; i <= n; i++)
        if (i == n || p[i] == 0x1e) {
            if (!slow_packet(p + begin, i - begin))
                return false;
            begin = i + 1;
        }
    return utf8_valid(p, n);
}

/* What was taken off, with its letter and the separator. */
static void check_packet(const struct engineio_packet *p, const char *at, size_t used, bool last)
{
    size_t n = used - !last;
    must(n == 0 || p->data.p == at + 1, "a packet's data is elsewhere");
    must(p->data.n == (n ? n - 1 : 0), "a packet of another length");
    must(!n || memchr(at, 0x1e, n) == NULL, "a packet with a separator in it");
    must(p->type <= ENGINEIO_BAD, "a packet of no type");
}

static void check_payload(const char *copy, size_t size)
{
    struct span rest = {copy, size};
    while (rest.n > 0) {
        const char *at = rest.p;
        const struct engineio_packet p = engineio_next(&rest);
        size_t used = (size_t)(rest.p - at);
        must(used > 0 && at + used + rest.n == copy + size, "the rest is not the rest");
        check_packet(&p, at, used, rest.n == 0 && at[used - 1] != 0x1e);
    }
    must((engineio_check((struct span){copy, size}) == NULL) == slow_payload(copy, size), "another verdict");
}

static void check_frame(const char *copy, size_t size)
{
    const struct engineio_packet p = engineio_read((struct span){copy, size});
    bool known = size > 0 && copy[0] >= '0' && copy[0] <= '6';
    must(known == (p.type != ENGINEIO_BAD) && p.type != ENGINEIO_BINARY, "another type");
    must(!known || (p.data.p == copy + 1 && p.data.n == size - 1), "other data");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1); /* of exactly that many bytes, so that a look behind them is seen */
    must(copy != NULL, "out of memory");
    if (size)
        memcpy(copy, data, size);
    check_payload(copy, size);
    check_frame(copy, size);
    free(copy);
    return 0;
}
