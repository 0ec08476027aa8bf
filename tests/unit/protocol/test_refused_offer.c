/* SPDX-License-Identifier: MIT
 *
 * What is wrong with an offer that is no envelope: the first member that breaks its bounds, and nothing else.
 */
#include "protocol/refused_offer.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define GOOD "\"fileId\":\"f\",\"name\":\"a\",\"hash\":\"" HASH "\",\"chunkSize\":16384,"

static bool read_offer(const char *metadata, struct refused_offer *r)
{
    static char text[PEER_MESSAGE_MAX];
    snprintf(text, sizeof text, "{\"type\":\"file_offer\",\"content\":{\"metadata\":{%s}}}", metadata);
    return refused_offer_read(span_of(text), false, r);
}

static void test_each_member(void **state)
{
    (void)state;
    static const struct {
        const char *metadata, *code, *id;
    } CASES[] = {
        {"", "bad-id", ""}, {"\"fileId\":\"f\"", "bad-name", "f"}, {"\"fileId\":\"a b\",\"name\":\"a\"", "bad-id", ""},
        {"\"fileId\":7,\"name\":\"a\"", "bad-id", ""}, {"\"fileId\":\"f\",\"name\":\"\"", "bad-name", "f"},
        {"\"fileId\":\"f\",\"name\":\"x\\u0000y\"", "bad-name", "f"}, {GOOD "\"size\":-1", "bad-size", "f"},
        {GOOD "\"size\":1.5", "bad-size", "f"}, {GOOD "\"size\":\"1\"", "bad-size", "f"},
        {GOOD "\"size\":9007199254740992", "bad-size", "f"}, {GOOD "\"size\":9223372036854775807", "bad-size", "f"},
        {GOOD "\"size\":99999999999999999999999", "bad-size", "f"},
        {"\"fileId\":\"f\",\"name\":\"a\",\"size\":1,\"hash\":\"AA==\"", "bad-hash", "f"},
        {"\"fileId\":\"f\",\"name\":\"a\",\"size\":1,\"hash\":\"" HASH "\"", "bad-chunk-size", "f"},
        {GOOD "\"size\":1,\"kind\":1", "bad-kind", "f"}, {GOOD "\"size\":1,\"paused\":-1", "bad-paused", "f"},
        {GOOD "\"size\":9007199254740991", "bad-offer", "f"}, /* of the offer nothing is wrong */
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct refused_offer r;
        assert_true(read_offer(CASES[i].metadata, &r));
        assert_string_equal(r.code, CASES[i].code);
        assert_string_equal(r.file_id, CASES[i].id);
        assert_non_null(r.problem);
    }
}

/* A name of any length: whole characters of its beginning. */
static void test_long_names(void **state)
{
    (void)state;
    static char metadata[40000], name[30001];
    struct refused_offer r;
    for (size_t i = 0; i + 1 < sizeof name; i += 2)
        memcpy(name + i, "\xc3\xa9", 2);
    snprintf(metadata, sizeof metadata, "\"fileId\":\"f\",\"name\":\"%s\"", name);
    assert_true(read_offer(metadata, &r));
    assert_string_equal(r.code, "bad-name");
    assert_int_equal(strlen(r.name), 254);
}

static void test_what_is_no_offer(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"", "{", "[]", "7", "{\"type\":\"file_accept\"}", "{\"type\":7}", "\xff"};
    struct refused_offer r;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        assert_false(refused_offer_read(span_of(TEXTS[i]), false, &r));
    static char large[PEER_MESSAGE_MAX + 1];
    assert_false(refused_offer_read((struct span){large, sizeof large}, false, &r));
    /* What was in a seal is the content alone. */
    assert_true(refused_offer_read(SPAN("{\"metadata\":{\"fileId\":\"f\",\"name\":\"\"}}"), true, &r));
    assert_string_equal(r.code, "bad-name");
    assert_string_equal(r.file_id, "f");
    assert_false(refused_offer_read(SPAN("{"), true, &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_member),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_what_is_no_offer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
