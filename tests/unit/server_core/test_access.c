/* SPDX-License-Identifier: MIT
 *
 * Who may join what, with a verifier that believes what it is told.
 */
#include "tests/unit/server_core/harness.h"

#include "server/core/access.h"

/* The token is the room, then `/` and the name if there is one; `!` is a token that is none. */
static const char *verify(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims)
{
    *(uint64_t *)ctx = unix_seconds;
    if (span_is(token, "!"))
        return "this is none";
    const char *slash = memchr(token.p, '/', token.n);
    size_t n = slash ? (size_t)(slash - token.p) : token.n;
    memcpy(claims->room, token.p, n);
    if (slash)
        memcpy(claims->name, slash + 1, token.n - n - 1);
    return NULL;
}

static struct core_settings with_tokens(uint64_t *asked, bool required)
{
    struct core_settings set = no_limits();
    set.token_required = required;
    set.ports.verify = verify;
    set.ports.verify_ctx = asked;
    return set;
}

static enum error decide(const struct core_settings *set, const char *token, const char *room)
{
    struct claims claims;
    const char *problem;
    return access_decide(set, span_of(token), span_of(room), 7, &claims, &problem);
}

static void test_decision(void **state)
{
    (void)state;
    uint64_t asked = 0;
    struct core_settings open = no_limits(), lax = with_tokens(&asked, false), strict = with_tokens(&asked, true);
    assert_int_equal(decide(&open, "!", "a"), ERROR_NONE); /* nobody can tell: not looked at */
    assert_int_equal(decide(&lax, "", "a"), ERROR_NONE);
    assert_int_equal(decide(&lax, "!", "a"), ERROR_UNAUTHORIZED);
    assert_int_equal(decide(&lax, "b", "a"), ERROR_FORBIDDEN);
    assert_int_equal(decide(&strict, "", "a"), ERROR_UNAUTHORIZED);
    assert_int_equal(decide(&strict, "a", "a"), ERROR_NONE);
    assert_int_equal(decide(&strict, "a", "ab"), ERROR_FORBIDDEN);
    assert_int_equal(decide(&strict, "ab", "a"), ERROR_FORBIDDEN);
    assert_int_equal(decide(&strict, "a*", "a"), ERROR_NONE);
    assert_int_equal(decide(&strict, "a*", "ab"), ERROR_NONE);
    assert_int_equal(decide(&strict, "ab*", "a"), ERROR_FORBIDDEN);
    assert_int_equal(decide(&strict, "*", "a"), ERROR_NONE);
    assert_int_equal(decide(&strict, "/name", "a"), ERROR_FORBIDDEN); /* names no room: opens none */
    assert_int_equal(asked, 7);
}

#define JOIN(members) "{\"type\":\"join-room\",\"roomId\":\"lobby\"" members "}"

static void test_join(void **state)
{
    (void)state;
    uint64_t asked = 0;
    struct harness h;
    start(&h, with_tokens(&asked, true));
    enter(&h, 0);
    enter(&h, 1);
    say(&h, 0, JOIN(",\"ref\":\"r\""));
    hears_error(&h, 0, ERROR_UNAUTHORIZED, false);
    say(&h, 0, JOIN(",\"token\":\"!\",\"ref\":\"r\""));
    hears(&h, 0,
        "{\"type\":\"error\",\"ref\":\"r\",\"code\":\"unauthorized\",\"message\":\"this is none\",\"fatal\":false}");
    say(&h, 0, JOIN(",\"token\":\"hall\""));
    hears_error(&h, 0, ERROR_FORBIDDEN, false);
    say(&h, 0, JOIN(",\"token\":\"lob\\u002a\",\"displayName\":\"A\""));
    hears(&h, 0, "{\"type\":\"peers\",\"roomId\":\"lobby\",\"peerId\":\"%s\",\"peers\":[]}", h.id[0]);
    say(&h, 1, JOIN(",\"token\":\"lobby/A \\\"b\\\"\",\"displayName\":\"Admin\""));
    hears(&h, 1,
        "{\"type\":\"peers\",\"roomId\":\"lobby\",\"peerId\":\"%s\",\"peers\":[{\"peerId\":\"%s\","
        "\"displayName\":\"A\"}]}",
        h.id[1], h.id[0]);
    hears(&h, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"displayName\":\"A \\\"b\\\"\"}", h.id[1]);
    stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decision),
        cmocka_unit_test(test_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
