/* SPDX-License-Identifier: MIT
 *
 * The bytes that a row of ws_cases.h sends. To be included behind cmocka.
 */
#ifndef TESTS_UNIT_PROTOCOL_WS_STREAM_H
#define TESTS_UNIT_PROTOCOL_WS_STREAM_H

#include <ctype.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/rng.h"

enum {
    STREAM_MAX = 2 * 1024 * 1024
};

static uint8_t hex_byte(const char *at)
{
    char digits[3] = {at[0], at[1], '\0'};
    char *end;
    unsigned long byte = strtoul(digits, &end, 16);
    assert_true(end == digits + 2);
    return (uint8_t)byte;
}

static const char *add_hex(struct buf *out, const char *at)
{
    for (; isxdigit((unsigned char)at[0]); at += 2)
        assert_true(buf_byte(out, (char)hex_byte(at)));
    return at;
}

/* ":text", "*9", "=00ff", as many as there are. */
static const char *read_payload(struct buf *out, const char *at)
{
    char *end;
    for (;;) {
        if (*at == ':') {
            size_t n = strcspn(++at, " =*^");
            assert_true(buf_add(out, at, n));
            at += n;
        } else if (*at == '*') {
            for (unsigned long n = strtoul(at + 1, &end, 10); n > 0; n--)
                assert_true(buf_byte(out, 'x'));
            at = end;
        } else if (*at == '=') {
            at = add_hex(out, at + 1);
        } else {
            return at;
        }
    }
}

/* form: 0, or one of "ulmt". */
static void add_header(struct buf *out, uint8_t first, char form, size_t n, const uint8_t key[4])
{
    uint8_t mask = form == 'u' ? 0 : 0x80;
    bool wide = form == 'l' || form == 't' || n > 0xffff;
    size_t more = wide ? 8 : form == 'm' || n > 125 ? 2 : 0;
    uint64_t length = n | (form == 't' ? UINT64_C(1) << 63 : 0);
    assert_true(buf_byte(out, (char)first) && buf_byte(out, (char)(mask | (more == 8 ? 127 : more == 2 ? 126 : n))));
    for (size_t i = more; i-- > 0;)
        assert_true(buf_byte(out, (char)(length >> (8 * i))));
    if (mask)
        assert_true(buf_add(out, key, 4));
}

static void add_frame(struct buf *out, uint8_t first, char form, struct span payload, const struct rng *masks)
{
    uint8_t key[4] = {0};
    if (masks && form != 'u')
        masks->fill(masks->ctx, key, sizeof key);
    add_header(out, first, form, payload.n, key);
    for (size_t i = 0; i < payload.n; i++)
        assert_true(buf_byte(out, (char)(payload.p[i] ^ key[i % 4])));
}

/* One token: a frame, a header or raw bytes. */
static const char *add_token(struct buf *out, const char *at, const struct rng *masks)
{
    static const uint8_t NO_KEY[4];
    char form = 0;
    if (*at == '!')
        return add_hex(out, at + 1);
    if (strchr("ulmt", *at))
        form = *at++;
    uint8_t first = hex_byte(at);
    at += 2;
    char *end;
    if (*at == '#') {
        add_header(out, first, form, strtoul(at + 1, &end, 10), NO_KEY);
        return end;
    }
    struct buf payload;
    buf_init(&payload, STREAM_MAX);
    at = read_payload(&payload, at);
    unsigned long times = 1;
    if (*at == '^') {
        times = strtoul(at + 1, &end, 10);
        at = end;
    }
    while (times-- > 0)
        add_frame(out, first, form, buf_view(&payload), masks);
    buf_done(&payload);
    return at;
}

/* masks: NULL for zeros. The caller frees it. */
static struct buf make_stream(const char *sent, const struct rng *masks)
{
    struct buf out;
    buf_init(&out, STREAM_MAX);
    while (*sent) {
        sent = add_token(&out, sent, masks);
        assert_true(*sent == ' ' || *sent == '\0');
        sent += *sent == ' ';
    }
    return out;
}

#endif
