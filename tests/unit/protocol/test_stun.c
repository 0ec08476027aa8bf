/* SPDX-License-Identifier: MIT
 *
 * STUN: the test vectors of RFC 5769 as far as they concern a server without authentication, and every way in which a
 * datagram is none that is answered. Each datagram is a block of exactly its size, so that ASan sees a step past its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/stun.h"

#define TRANSACTION 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae
#define COOKIE 0x21, 0x12, 0xa4, 0x42

/* RFC 5769 section 2.1: PRIORITY has to be understood. */
static const uint8_t SAMPLE[] = {0x00, 0x01, 0x00, 0x58, COOKIE, TRANSACTION, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55,
    0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00,
    0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09, 0x65,
    0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c,
    0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00,
    0x04, 0xe5, 0x7a, 0x3b, 0xcf};
static const uint8_t PLAIN[] = {0x00, 0x01, 0x00, 0x00, COOKIE, TRANSACTION};

enum {
    DATAGRAM_MAX = 2048
};

/* A datagram that is being made. */
struct datagram {
    size_t n;
    uint8_t bytes[DATAGRAM_MAX];
};

static struct datagram begin(void)
{
    struct datagram d = {.n = sizeof PLAIN};
    memcpy(d.bytes, PLAIN, sizeof PLAIN);
    return d;
}

static void set_length(struct datagram *d, size_t length)
{
    d->bytes[2] = (uint8_t)(length >> 8);
    d->bytes[3] = (uint8_t)length;
}

/* An attribute that says it has `length` bytes, of which `filled` are there. */
static void add(struct datagram *d, unsigned type, size_t length, size_t filled)
{
    uint8_t *at = d->bytes + d->n;
    at[0] = (uint8_t)(type >> 8);
    at[1] = (uint8_t)type;
    at[2] = (uint8_t)(length >> 8);
    at[3] = (uint8_t)length;
    memset(at + 4, 0, filled);
    d->n += 4 + filled;
    set_length(d, d->n - STUN_HEADER);
}

static enum stun_verdict read_bytes(const uint8_t *bytes, size_t n, struct stun_request *r)
{
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    enum stun_verdict verdict = stun_read(copy, n, r);
    free(copy);
    return verdict;
}

static enum stun_verdict read_datagram(const struct datagram *d)
{
    struct stun_request r;
    return read_bytes(d->bytes, d->n, &r);
}

/* ---- RFC 5769 ---- */

static void test_sample_request(void **state)
{
    (void)state;
    static const uint8_t REFUSAL[] = {0x01, 0x11, 0x00, 0x10, COOKIE, TRANSACTION, 0x00, 0x09, 0x00, 0x04, 0x00, 0x00,
        0x04, 0x14, 0x00, 0x0a, 0x00, 0x02, 0x00, 0x24, 0x00, 0x00};
    struct stun_request r;
    uint8_t out[STUN_ANSWER_MAX];
    assert_int_equal(read_bytes(SAMPLE, sizeof SAMPLE, &r), STUN_REFUSAL);
    assert_int_equal(r.unknown_n, 1);
    assert_int_equal(r.unknown[0], 0x0024);
    assert_int_equal(stun_write_refusal(&r, out), sizeof REFUSAL);
    assert_memory_equal(out, REFUSAL, sizeof REFUSAL);
}

/* Its FINGERPRINT covers all that is before it. */
static void test_every_byte_counts(void **state)
{
    (void)state;
    struct stun_request r;
    for (size_t i = 0; i < sizeof SAMPLE; i++) {
        struct datagram d = {.n = sizeof SAMPLE};
        memcpy(d.bytes, SAMPLE, sizeof SAMPLE);
        d.bytes[i] ^= 0x10;
        bool of_fingerprint = i == sizeof SAMPLE - 8 || i == sizeof SAMPLE - 7; /* its type: then it is another */
        assert_int_equal(read_bytes(d.bytes, d.n, &r), of_fingerprint ? STUN_REFUSAL : STUN_MALFORMED);
    }
}

/* Sections 2.2 and 2.3, without the attributes that are none of ours. */
static void test_answers(void **state)
{
    (void)state;
    static const struct stun_source IPV4 = {.address = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}, .port = 32853},
                                    IPV6 = {.address = {0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78, 0x00, 0x11,
                                                0x22, 0x33, 0x44, 0x55, 0x66, 0x77},
                                        .port = 32853};
    static const uint8_t EXPECTED4[] = {0x01, 0x01, 0x00, 0x0c, COOKIE, TRANSACTION, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01,
        0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43},
                         EXPECTED6[] = {0x01, 0x01, 0x00, 0x18, COOKIE, TRANSACTION, 0x00, 0x20, 0x00, 0x14, 0x00, 0x02,
                             0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe,
                             0xd2, 0xb9, 0xd9};
    struct stun_request r;
    uint8_t out[STUN_ANSWER_MAX];
    assert_int_equal(read_bytes(PLAIN, sizeof PLAIN, &r), STUN_ANSWER);
    assert_int_equal(stun_write_answer(&r, &IPV4, out), sizeof EXPECTED4);
    assert_memory_equal(out, EXPECTED4, sizeof EXPECTED4);
    assert_int_equal(stun_write_answer(&r, &IPV6, out), sizeof EXPECTED6);
    assert_memory_equal(out, EXPECTED6, sizeof EXPECTED6);
    assert_int_equal(sizeof EXPECTED6, STUN_ANSWER_MAX);
}

/* ---- what is not answered ---- */

static void test_headers(void **state)
{
    (void)state;
    struct stun_request r;
    for (size_t n = 0; n < sizeof PLAIN; n++)
        assert_int_equal(read_bytes(PLAIN, n, &r), STUN_MALFORMED);
    static const struct {
        size_t at;
        uint8_t byte;
    } WRONG[] = {{0, 0x40}, {0, 0x80}, {0, 0x01} /* an error */, {1, 0x11} /* an indication */,
        {1, 0x03} /* ALLOCATE */, {1, 0x00}, {4, 0x20}, {7, 0x43}};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        struct datagram d = begin();
        d.bytes[WRONG[i].at] = WRONG[i].byte;
        assert_int_equal(read_datagram(&d), STUN_MALFORMED);
    }
    static const size_t LENGTHS[] = {1, 4, 0xfffc, 0xffff};
    for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        struct datagram d = begin();
        set_length(&d, LENGTHS[i]);
        assert_int_equal(read_datagram(&d), STUN_MALFORMED);
    }
    struct datagram more = begin();
    more.n += 4; /* behind what the header says */
    assert_int_equal(read_datagram(&more), STUN_MALFORMED);
}

/* An answer is no request, so two servers cannot be set on each other. */
static void test_answers_are_not_answered(void **state)
{
    (void)state;
    const struct stun_source from = {.port = 1};
    struct stun_request r = {.unknown_n = 1}, ignored;
    uint8_t out[STUN_ANSWER_MAX];
    size_t n = stun_write_answer(&r, &from, out);
    assert_int_equal(read_bytes(out, n, &ignored), STUN_MALFORMED);
    n = stun_write_refusal(&r, out);
    assert_int_equal(read_bytes(out, n, &ignored), STUN_MALFORMED);
}

static void test_attributes(void **state)
{
    (void)state;
    static const struct {
        unsigned type;
        size_t length, filled;
        enum stun_verdict verdict;
    } CASES[] = {
        {0x8022, 0, 0, STUN_ANSWER},
        {0x8022, 3, 4, STUN_ANSWER}, /* filled up to 4 bytes */
        {0x8022, 5, 8, STUN_ANSWER},
        {0x8022, 5, 4, STUN_MALFORMED}, /* past the end */
        {0x8022, 1, 0, STUN_MALFORMED},
        {0x8022, 0xffff, 4, STUN_MALFORMED},
        {0xffff, 4, 4, STUN_ANSWER},    /* the last that may be passed over, */
        {0x8000, 4, 4, STUN_ANSWER},    /* and the first */
        {0x7fff, 4, 4, STUN_REFUSAL},   /* the last that must be understood */
        {0x0003, 4, 4, STUN_REFUSAL},   /* CHANGE-REQUEST of RFC 5780, */
        {0x0002, 8, 8, STUN_REFUSAL},   /* RESPONSE-ADDRESS of RFC 3489: answers go to their sender only */
        {0x0025, 0, 0, STUN_REFUSAL},   /* USE-CANDIDATE of RFC 8445 */
        {0x0006, 9, 12, STUN_ANSWER},   /* USERNAME: nobody is asked who he is */
        {0x0020, 8, 8, STUN_ANSWER},    /* known, not expected */
        {0x8028, 4, 4, STUN_MALFORMED}, /* FINGERPRINT, and a wrong one */
        {0x8028, 0, 0, STUN_MALFORMED},
        {0x8028, 8, 8, STUN_MALFORMED},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct datagram d = begin();
        add(&d, CASES[i].type, CASES[i].length, CASES[i].filled);
        assert_int_equal(read_datagram(&d), CASES[i].verdict);
    }
}

/* The right FINGERPRINT, of an empty request and of one that goes on behind it. */
static void test_fingerprint(void **state)
{
    (void)state;
    static const uint8_t CRC[] = {0xfd, 0xf6, 0xae, 0x02}, LONGER[] = {0x8e, 0xfe, 0x89, 0xcd};
    struct datagram d = begin();
    add(&d, 0x8028, 4, 4);
    memcpy(d.bytes + d.n - 4, CRC, sizeof CRC);
    assert_int_equal(read_datagram(&d), STUN_ANSWER);
    add(&d, 0x8022, 0, 0);
    memcpy(d.bytes + STUN_HEADER + 4, LONGER, sizeof LONGER); /* the right one of this length, and not the last */
    assert_int_equal(read_datagram(&d), STUN_MALFORMED);
}

/* Sections 14.5 and 14.6: what stands behind is not to be looked at. */
static void test_behind_the_integrity(void **state)
{
    (void)state;
    static const unsigned SEALS[] = {0x0008, 0x001c};
    for (size_t i = 0; i < 2; i++) {
        struct datagram d = begin();
        add(&d, SEALS[i], 20, 20);
        add(&d, 0x7fff, 4, 4);
        assert_int_equal(read_datagram(&d), STUN_ANSWER);
        add(&d, 0x8028, 4, 4);
        assert_int_equal(read_datagram(&d), STUN_MALFORMED); /* but for FINGERPRINT */
    }
}

/* ---- the refusal ---- */

static void test_unknown(void **state)
{
    (void)state;
    struct datagram d = begin();
    struct stun_request r;
    uint8_t out[STUN_ANSWER_MAX];
    for (unsigned i = 0; i < STUN_UNKNOWN_MAX; i++) {
        add(&d, 0x7000 + i, 0, 0);
        add(&d, 0x7000, 0, 0); /* is named once */
        assert_int_equal(read_bytes(d.bytes, d.n, &r), STUN_REFUSAL);
        assert_int_equal(r.unknown_n, i + 1);
        size_t n = stun_write_refusal(&r, out), types = 2 * (i + 1);
        assert_int_equal(n, 32 + (types + 3) / 4 * 4);
        assert_in_range(n, 0, STUN_ANSWER_MAX);
        assert_int_equal(out[3], n - STUN_HEADER);
        assert_int_equal(out[31], types);
        for (unsigned k = 0; k <= i; k++)
            assert_int_equal(out[32 + 2 * k] << 8 | out[33 + 2 * k], 0x7000 + k);
    }
    add(&d, 0x7100, 0, 0); /* and of more nobody is told a part */
    assert_int_equal(read_bytes(d.bytes, d.n, &r), STUN_MALFORMED);
}

static void test_largest(void **state)
{
    (void)state;
    struct datagram d = begin();
    add(&d, 0x8022, STUN_REQUEST_MAX - STUN_HEADER - 4, STUN_REQUEST_MAX - STUN_HEADER - 4);
    assert_int_equal(d.n, STUN_REQUEST_MAX);
    assert_int_equal(read_datagram(&d), STUN_ANSWER);
    add(&d, 0x8022, 0, 0);
    assert_int_equal(read_datagram(&d), STUN_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample_request),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_answers_are_not_answered),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_behind_the_integrity),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
