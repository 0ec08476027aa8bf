/* SPDX-License-Identifier: MIT
 *
 * STUN and TURN URLs, RFC 7064 and RFC 7065.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "peer/io/ice_servers.h"

static void expect(const char *url, enum rtc_server_kind kind, const char *host, unsigned port)
{
    struct rtc_server got;
    assert_true(ice_server_url(url, &got));
    assert_int_equal(got.kind, kind);
    assert_string_equal(got.host, host);
    assert_int_equal(got.port, port);
}

static void reads_urls(void **state)
{
    (void)state;
    expect("stun:stun.example.org", RTC_STUN, "stun.example.org", 3478);
    expect("stun:192.0.2.1:19302", RTC_STUN, "192.0.2.1", 19302);
    expect("turn:example.org", RTC_TURN_UDP, "example.org", 3478);
    expect("turn:example.org:80?transport=udp", RTC_TURN_UDP, "example.org", 80);
    expect("turn:example.org?transport=tcp", RTC_TURN_TCP, "example.org", 3478);
    expect("turns:example.org?transport=tcp", RTC_TURN_TLS, "example.org", 5349);
    expect("turn:[2001:db8::1]:443", RTC_TURN_UDP, "2001:db8::1", 443);
}

static void refuses_others(void **state)
{
    static const char *const BAD[] = {
        "", "stun:", "http://example.org", "stun", "turn:?transport=udp", "turn:h?x=1", "turn:h:0", "stun:h:99999"};
    (void)state;
    struct rtc_server got;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        if (ice_server_url(BAD[i], &got))
            fail_msg("%s was taken", BAD[i]);
    char text[300];
    memset(text, 'a', sizeof text);
    memcpy(text, "stun:", 5);
    text[sizeof text - 1] = '\0';
    assert_false(ice_server_url(text, &got));
}

/* Whatever the daemon sends: what is usable is used, the rest costs nothing. */
static void survives_any_list(void **state)
{
    static const char *const LISTS[] = {"[]", "{}", "", "[1, null, {}, {\"urls\": 7}, {\"urls\": []}]",
        "[{\"urls\": \"stun:192.0.2.1\"}, {\"urls\": [\"turn:192.0.2.2\", 3], \"username\": \"u\"}]",
        "[{\"urls\": [\"turn:192.0.2.2\"], \"username\": \"u\", \"credential\": \"p\"}]"};
    (void)state;
    struct err err;
    GMainContext *context = g_main_context_new();
    struct rtc_factory *factory = rtc_factory_new(context, &(struct rtc_options){.loopback = true}, &err);
    assert_non_null(factory);
    struct ice_servers *s = ice_servers_new(context, factory);
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++)
        ice_servers_set(s, (struct span){LISTS[i], strlen(LISTS[i])});
    GString *many = g_string_new("[");
    for (int i = 0; i < 3 * ICE_SERVERS_MAX; i++)
        g_string_append_printf(many, "%s{\"urls\": \"stun:192.0.2.%d\"}", i ? "," : "", i);
    g_string_append(many, "]");
    ice_servers_set(s, (struct span){many->str, many->len});
    g_string_free(many, TRUE);
    ice_servers_free(s);
    rtc_factory_free(factory);
    g_main_context_unref(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_urls),
        cmocka_unit_test(refuses_others),
        cmocka_unit_test(survives_any_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
