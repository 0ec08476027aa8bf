/* SPDX-License-Identifier: MIT
 *
 * The address of a server's page, and its QR code; whether that can be read is tests/e2e/send_docs.test.mjs's to see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "peer/cli/page_link.h"

static void links(void **state)
{
    static const struct {
        const char *server, *link;
    } CASES[] = {{"ws://localhost:4000", "http://localhost:4000/#a-code"},
        {"wss://example.org", "https://example.org/#a-code"}, {"wss://example.org/ws", "https://example.org/#a-code"},
        {"ws://[::1]:4000/ws", "http://[::1]:4000/#a-code"},
        {"wss://example.org/meet/ws", "https://example.org/meet/#a-code"},
        {"wss://example.org/signal?x=1", "https://example.org/#a-code"}, {"http://example.org", NULL},
        {"example.org", NULL}, {"", NULL}};
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
        char *link = page_link(CASES[i].server, "a-code");
        if (CASES[i].link)
            assert_string_equal(link, CASES[i].link);
        else
            assert_null(link);
        g_free(link);
    }
}

/* 21 modules and 4 of margin: 25 columns, 13 rows; the last half row is not drawn. */
static void small_code(void **state)
{
    (void)state;
    char *qr = page_link_qr("usher", false, 13, 25);
    char **rows = g_strsplit(qr, "\n", -1);
    assert_int_equal(g_strv_length(rows), 14);
    for (size_t i = 0; i < 13; i++)
        assert_int_equal(g_utf8_strlen(rows[i], -1), 25);
    assert_string_equal(rows[13], "");
    assert_true(g_str_has_prefix(rows[1], "██ ▄▄▄▄▄ █")); /* a finder */
    assert_string_equal(rows[12], "▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀");
    g_strfreev(rows);
    g_free(qr);
}

static void too_large(void **state)
{
    static const size_t SPACES[][2] = {{12, 25}, {13, 24}, {0, 0}};
    char *text = g_strnfill(4000, 'a');
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(SPACES); i++)
        assert_null(page_link_qr("usher", false, SPACES[i][0], SPACES[i][1]));
    assert_null(page_link_qr(text, false, 1000, 1000)); /* more than any QR code holds */
    g_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links), cmocka_unit_test(small_code), cmocka_unit_test(too_large)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
