/* SPDX-License-Identifier: MIT
 *
 * STUN and TURN URLs: which are taken, in which form, and what is said of the others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "server/adapters/ice_url.h"

#define STUN ICE_URL_STUN
#define TURN ICE_URL_TURN
#define COUNT(array) (sizeof(array) / sizeof *(array))

static void takes(enum ice_url_kind kind, const char *text, const char *expected)
{
    char out[ICE_URL_MAX + 1], again[ICE_URL_MAX + 1];
    struct err e = {.text = ""};
    if (!ice_url_normalise(kind, text, out, &e))
        fail_msg("\"%s\" was refused: %s", text, e.text);
    assert_string_equal(out, expected);
    assert_true(ice_url_normalise(kind, out, again, &e));
    assert_string_equal(again, out);
}

static void test_good(void **state)
{
    (void)state;
    static const struct {
        enum ice_url_kind kind;
        const char *text, *expected;
    } GOOD[] = {
        {STUN, "stun:stun.example", "stun:stun.example"},
        {STUN, "stun:stun.example:3478", "stun:stun.example:3478"},
        {STUN, "stuns:stun.example:5349", "stuns:stun.example:5349"},
        {STUN, "STUN:Stun.Example:19302", "stun:stun.example:19302"},
        {STUN, "  stun:stun.example\t", "stun:stun.example"},
        {STUN, "stun:192.0.2.1:3478", "stun:192.0.2.1:3478"},
        {STUN, "stun:[2001:DB8:0:0::1]", "stun:[2001:db8::1]"},
        {STUN, "stun:[2001:db8::1]:3478", "stun:[2001:db8::1]:3478"},
        {STUN, "stun:stun.example:03478", "stun:stun.example:3478"},
        {STUN, "stun:stun.example:65535", "stun:stun.example:65535"},
        {STUN, "stun:localhost", "stun:localhost"},
        {STUN, "stun:127.0.0.1", "stun:127.0.0.1"},
        {STUN, "stun:169.254.1.1", "stun:169.254.1.1"},
        {STUN, "stun:my_host-1.example.", "stun:my_host-1.example."},
        {STUN, "stun:xn--bcher-kva.example", "stun:xn--bcher-kva.example"},
        {TURN, "turn:turn.example", "turn:turn.example"},
        {TURN, "turn:turn.example:3478?transport=udp", "turn:turn.example:3478?transport=udp"},
        {TURN, "Turn:turn.example:3478?Transport=TCP", "turn:turn.example:3478?transport=tcp"},
        {TURN, "turns:turn.example:443?transport=tcp", "turns:turn.example:443?transport=tcp"},
        {TURN, "turns:turn.example?transport=udp", "turns:turn.example?transport=udp"},
        {TURN, "turn:[::1]:3478?transport=udp", "turn:[::1]:3478?transport=udp"},
    };
    for (size_t i = 0; i < COUNT(GOOD); i++)
        takes(GOOD[i].kind, GOOD[i].text, GOOD[i].expected);
}

static void refuses(enum ice_url_kind kind, const char *text, const char *sentence)
{
    char out[ICE_URL_MAX + 1];
    struct err e = {.text = ""};
    if (ice_url_normalise(kind, text, out, &e))
        fail_msg("\"%s\" was taken, as %s", text, out);
    if (strcmp(e.text, sentence) != 0)
        fail_msg("\"%s\": \"%s\" instead of \"%s\"", text, e.text, sentence);
}

/* The right form is told, and is one. */
static void test_right_form(void **state)
{
    (void)state;
    static const struct {
        enum ice_url_kind kind;
        const char *text, *problem, *right;
    } CASES[] = {
        {STUN, "stun.example:3478", "the scheme stun: or stuns: is missing", "stun:stun.example:3478"},
        {TURN, "turn.example", "the scheme turn: or turns: is missing", "turn:turn.example"},
        {TURN, "192.0.2.1:3478?transport=tcp", "the scheme turn: or turns: is missing",
            "turn:192.0.2.1:3478?transport=tcp"},
        {STUN, "stun://stun.example:3478", "no // stands behind the scheme", "stun:stun.example:3478"},
        {TURN, "turns://turn.example?transport=tcp", "no // stands behind the scheme",
            "turns:turn.example?transport=tcp"},
        {STUN, "stun://stun.example/", "such a URL has no path", "stun:stun.example"},
        {STUN, "stun:stun.example/a", "such a URL has no path", "stun:stun.example"},
        {STUN, "stun:stun.example#a", "such a URL has no path", "stun:stun.example"},
        {STUN, "stun:stun.example?transport=udp", "a STUN URL has no ?transport=", "stun:stun.example"},
        {STUN, "stun:a.example,stun:b.example", "one URL a setting, which is repeated for more", "stun:a.example"},
        {TURN, "turn:a.example?transport=tcp, turn:b.example", "one URL a setting, which is repeated for more",
            "turn:a.example?transport=tcp"},
        {STUN, "stun:a.example # near", "nothing may stand behind the URL", "stun:a.example"},
        {STUN, "stun:a.example;near a", "nothing may stand behind the URL", "stun:a.example"},
        {STUN, "stun:a.example stun:b.example", "nothing may stand behind the URL", "stun:a.example"},
        {TURN, "turn:user:pass@turn.example:3478", "user and password are made from ice.turn_secret for each client",
            "turn:turn.example:3478"},
        {STUN, "stun:me@stun.example", "a STUN server is asked without a user name", "stun:stun.example"},
        {TURN, "turn:turn.example?transport=tls",
            "a TURN URL ends in ?transport=udp or ?transport=tcp (for TLS it begins with turns:)",
            "turn:turn.example?transport=udp"},
        {TURN, "turns:turn.example?transport=tls",
            "a TURN URL ends in ?transport=udp or ?transport=tcp (for TLS it begins with turns:)",
            "turns:turn.example?transport=tcp"},
        {TURN, "turn:turn.example?",
            "a TURN URL ends in ?transport=udp or ?transport=tcp (for TLS it begins with turns:)",
            "turn:turn.example?transport=udp"},
        {TURN, "turn:turn.example?transport=udp&x=1",
            "a TURN URL ends in ?transport=udp or ?transport=tcp (for TLS it begins with turns:)",
            "turn:turn.example?transport=udp"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char sentence[512];
        snprintf(sentence, sizeof sentence, "%s: write %s", CASES[i].problem, CASES[i].right);
        refuses(CASES[i].kind, CASES[i].text, sentence);
        takes(CASES[i].kind, CASES[i].right, CASES[i].right);
    }
}

/* Nobody can know what was meant. */
static void test_example(void **state)
{
    (void)state;
    static const char SUCH[] = "expected a URL such as stun:stun.example:3478";
    static const struct {
        const char *text, *problem;
    } CASES[] = {
        {"", "the scheme stun: or stuns: is missing"},
        {"stun", NULL}, /* it may be a host */
        {"http://stun.example", "the scheme stun: or stuns: is missing"},
        {"\"stun:stun.example\"", "the scheme stun: or stuns: is missing"},
        {"stun:", "the host is missing"},
        {"stun::3478", "the host is missing"},
        {"stun://", "no // stands behind the scheme"},
        {"stun:?", "a STUN URL has no ?transport="},
        {"stun:a.example:", "a port is a number from 1 to 65535"},
        {"stun:a.example:0", "a port is a number from 1 to 65535"},
        {"stun:a.example:65536", "a port is a number from 1 to 65535"},
        {"stun:a.example:99999999999999999999", "a port is a number from 1 to 65535"},
        {"stun:a.example:-1", "a port is a number from 1 to 65535"},
        {"stun:a.example:34x8", "a port is a number from 1 to 65535"},
        {"stun:[::1]3478", "a port is a number from 1 to 65535"},
        {"stun:2001:db8::1", "an IPv6 address stands in brackets, as [2001:db8::1]"},
        {"stun:[2001:db8::1", "an IPv6 address stands in brackets, as [2001:db8::1]"},
        {"stun:[2001:db8::g]", "this is no IPv6 address"},
        {"stun:[]", "this is no IPv6 address"},
        {"stun:[fe80::1%eth0]", "a zone (%) means nothing on another machine: write the IPv6 address without it"},
        {"stun:[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc]", "this is no IPv6 address"},
        {"stun:a..example", "a host has a name between two dots"},
        {"stun:.example", "a host has a name between two dots"},
        {"stun:192.0.2", "an IPv4 address is four numbers up to 255 with dots between them, without leading zeros"},
        {"stun:192.0.2.256", "an IPv4 address is four numbers up to 255 with dots between them, without leading zeros"},
        {"stun:0x7f.1", "an IPv4 address is four numbers up to 255 with dots between them, without leading zeros"},
        {"stun:a%2e.example", "a host has letters, digits, - and . only"},
        {"stun:*.example", "a host has letters, digits, - and . only"},
        {"stun:a.example\\", "a host has letters, digits, - and . only"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char sentence[512];
        if (!CASES[i].problem) {
            refuses(STUN, CASES[i].text, "the scheme stun: or stuns: is missing: write stun:stun");
            continue;
        }
        snprintf(sentence, sizeof sentence, "%s: %s", CASES[i].problem, SUCH);
        refuses(STUN, CASES[i].text, sentence);
    }
    refuses(STUN, "turn:turn.example", "turn: is not for ice.stun: give it as ice.turn");
    refuses(TURN, "stuns:stun.example", "stuns: is not for ice.turn: give it as ice.stun");
    refuses(STUN,
        "stun:b\xc3\xbc"
        "cher.example",
        "a name beyond ASCII is written in its xn-- form, which new URL(\"https://NAME\").host shows in a browser's "
        "console: expected a URL such as stun:stun.example:3478");
}

/* The longest host that there is, and one byte more. */
static void test_bounds(void **state)
{
    (void)state;
    char text[400], out[ICE_URL_MAX + 1];
    struct err e;
    for (int label = 62; label <= 64; label++) {
        snprintf(text, sizeof text, "stun:%0*d.example", label, 0);
        text[5] = 'a';
        assert_true(ice_url_normalise(STUN, text, out, &e) == (label <= 63));
    }
    for (int last = 60; last <= 62; last++) { /* 3 * 64 + 61 = 253 */
        snprintf(text, sizeof text, "turn:a%062d.a%062d.a%062d.a%0*d:65535?transport=tcp", 0, 0, 0, last - 1, 0);
        assert_true(ice_url_normalise(TURN, text, out, &e) == (last <= 61));
    }
}

static void test_dtls(void **state)
{
    (void)state;
    assert_true(ice_url_is_dtls("turns:turn.example?transport=udp"));
    assert_false(ice_url_is_dtls("turns:turn.example?transport=tcp"));
    assert_false(ice_url_is_dtls("turns:turn.example"));
    assert_false(ice_url_is_dtls("turn:turn.example?transport=udp"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_right_form),
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_dtls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
