/* SPDX-License-Identifier: MIT
 *
 * The list of ICE servers: its JSON, and credentials that were computed elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/adapters/ice_list.h"

static const char *const STUN[] = {"stun:a", "stun:b\"c"}, *const TURN[] = {"turn:t", "turns:t"};

static void writes(const struct ice_list_settings *s, uint64_t refresh_ms, const char *expected)
{
    struct err e;
    struct ice_list *l = ice_list_new(s, &e);
    assert_non_null(l);
    assert_int_equal(ice_list_refresh_ms(l), refresh_ms);
    for (int i = 0; i < 2; i++) {
        struct buf out;
        buf_init(&out, 4096);
        ice_list_write(l, (struct conn_id){7, 1}, SPAN("n1.peer"), 1700000000, &out);
        assert_string_equal(out.p, expected);
        buf_done(&out);
    }
    ice_list_free(l);
}

static void test_lists(void **state)
{
    (void)state;
    struct ice_list_settings s = {.stun = STUN, .turn = TURN, .secret = "s3cret", .ttl_ms = 3600000};
    writes(&s, 0, "[]");
    s.stun_count = 2;
    writes(&s, 0, "[{\"urls\":[\"stun:a\",\"stun:b\\\"c\"]}]");
    s.turn_count = 2;
    writes(&s, 2880000,
        "[{\"urls\":[\"stun:a\",\"stun:b\\\"c\"]},{\"urls\":[\"turn:t\",\"turns:t\"],"
        "\"username\":\"1700003600:n1.peer\",\"credential\":\"YQYMRBeQYeByITSnmL7CGRWTqh8=\"}]");
    s.stun_count = 0;
    writes(&s, 2880000,
        "[{\"urls\":[\"turn:t\",\"turns:t\"],\"username\":\"1700003600:n1.peer\","
        "\"credential\":\"YQYMRBeQYeByITSnmL7CGRWTqh8=\"}]");
}

/* The server built in comes first, whatever else there is. */
static bool own(const void *ctx, struct conn_id conn, char url[ICE_URL_MAX + 1])
{
    if (!*(const bool *)ctx)
        return false;
    snprintf(url, ICE_URL_MAX + 1, "stun:host-of-%u:3478", conn.slot);
    return true;
}

static void test_own(void **state)
{
    (void)state;
    bool there = false;
    struct ice_list_settings s = {
        .stun = STUN, .turn = TURN, .secret = "s3cret", .ttl_ms = 3600000, .own = own, .own_ctx = &there};
    writes(&s, 0, "[]");
    there = true;
    writes(&s, 0, "[{\"urls\":[\"stun:host-of-7:3478\"]}]");
    s.stun_count = 1;
    writes(&s, 0, "[{\"urls\":[\"stun:host-of-7:3478\"]},{\"urls\":[\"stun:a\"]}]");
    s.stun_count = 0;
    s.turn_count = 1;
    writes(&s, 2880000,
        "[{\"urls\":[\"stun:host-of-7:3478\"]},{\"urls\":[\"turn:t\"],"
        "\"username\":\"1700003600:n1.peer\",\"credential\":\"YQYMRBeQYeByITSnmL7CGRWTqh8=\"}]");
}

static void test_no_secret_file(void **state)
{
    (void)state;
    struct err e;
    const struct ice_list_settings s = {.turn = TURN, .turn_count = 1, .secret = "@/nowhere/secret", .ttl_ms = 1000};
    assert_null(ice_list_new(&s, &e));
    assert_non_null(strstr(e.text, "/nowhere/secret"));
    const struct ice_list_settings folder = {.turn = TURN, .turn_count = 1, .secret = "@/tmp", .ttl_ms = 1000};
    assert_null(ice_list_new(&folder, &e));
    assert_string_equal(
        e.text, "ice.turn_secret: the file \"/tmp\" cannot be read: this is a folder: expected a file with the secret");
}

/* A line's end behind the secret is not part of it; a second line would be. */
static void test_secret_file(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } CASES[] = {{"s3cret", true}, {"s3cret\n", true}, {"s3cret\r\n\n", true}, {"# of coturn\ns3cret\n", false},
        {"s3cret\nother", false}, {"\n", false}, {"", false}};
    char path[] = "/tmp/usherd-secret-XXXXXX", setting[64];
    close(mkstemp(path));
    snprintf(setting, sizeof setting, "@%s", path);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        fputs(CASES[i].text, f);
        fclose(f);
        struct ice_list_settings s = {.turn = TURN, .turn_count = 2, .secret = setting, .ttl_ms = 3600000};
        struct err e = {.text = ""};
        struct ice_list *l = ice_list_new(&s, &e);
        if ((l != NULL) != CASES[i].good)
            fail_msg("case %zu: %s", i, e.text);
        ice_list_free(l);
        if (CASES[i].good)
            writes(&s, 2880000,
                "[{\"urls\":[\"turn:t\",\"turns:t\"],\"username\":\"1700003600:n1.peer\","
                "\"credential\":\"YQYMRBeQYeByITSnmL7CGRWTqh8=\"}]");
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_no_secret_file),
        cmocka_unit_test(test_secret_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
