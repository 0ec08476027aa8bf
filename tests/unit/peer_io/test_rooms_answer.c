/* SPDX-License-Identifier: MIT
 *
 * What a daemon says of rooms, and what passes for it and is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "peer/io/owner_tokens.h"
#include "peer/io/rooms_answer.h"
#include "protocol/limits.h"
#include "protocol/roomfile.h"

#define ROOM "\"id\":\"r\",\"name\":\"n\",\"peers\":2,\"maxPeers\":64,\"locked\":true,\"createdAt\":1796084330984"

static void reads_a_list(void **state)
{
    (void)state;
    struct rooms_answer a;
    assert_true(rooms_answer_list(
        &a, SPAN("{\"rooms\":[{" ROOM "},{\"id\":\"s-1\",\"name\":\"a\\u001b\",\"peers\":0,\"maxPeers\":null,"
                 "\"locked\":false,\"createdAt\":0,\"newer\":[1]}],\"more\":{}}\n")));
    assert_int_equal(a.count, 2);
    assert_string_equal(a.rooms[0].id, "r");
    assert_string_equal(a.rooms[0].name, "n");
    assert_int_equal(a.rooms[0].peers, 2);
    assert_int_equal(a.rooms[0].max_peers, 64);
    assert_true(a.rooms[0].locked);
    assert_true(a.rooms[0].created == 1796084330984);
    assert_string_equal(a.rooms[1].id, "s-1");
    assert_string_equal(a.rooms[1].name, "a\033");
    assert_int_equal(a.rooms[1].max_peers, 0);
    assert_false(a.rooms[1].locked);
    assert_null(a.owner_token);
    rooms_answer_done(&a);
    assert_true(rooms_answer_list(&a, SPAN("{\"rooms\":[]}")));
    assert_int_equal(a.count, 0);
    rooms_answer_done(&a);
}

static void is_refused(struct span body)
{
    struct rooms_answer a;
    if (rooms_answer_list(&a, body))
        fail_msg("taken for a list: %.*s", (int)body.n, body.p);
    assert_null(a.tree);
    assert_null(a.rooms);
    assert_int_equal(a.count, 0);
}

static void refuses_what_is_no_list(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", "[]", "null", "<html>", "{}", "{\"rooms\":{}}", "{\"rooms\":[1]}",
        "{\"rooms\":[{}]}", "{\"rooms\":[]", "{\"rooms\":[],\"rooms\":[]}", "{\"rooms\":[]}x",
        "{\"rooms\":[{\"id\":\"\",\"name\":\"n\",\"peers\":2,\"maxPeers\":64,\"locked\":true,\"createdAt\":0}]}",
        "{\"rooms\":[{\"id\":\"a b\",\"name\":\"n\",\"peers\":2,\"maxPeers\":64,\"locked\":true,\"createdAt\":0}]}",
        "{\"rooms\":[{\"id\":\"r\",\"name\":7,\"peers\":2,\"maxPeers\":64,\"locked\":true,\"createdAt\":0}]}",
        "{\"rooms\":[{\"id\":\"r\",\"name\":\"n\",\"peers\":-1,\"maxPeers\":64,\"locked\":true,\"createdAt\":0}]}",
        "{\"rooms\":[{\"id\":\"r\",\"name\":\"n\",\"peers\":2,\"maxPeers\":\"64\",\"locked\":true,\"createdAt\":0}]}",
        "{\"rooms\":[{\"id\":\"r\",\"name\":\"n\",\"peers\":2,\"maxPeers\":64,\"locked\":1,\"createdAt\":0}]}",
        "{\"rooms\":[{\"id\":\"r\",\"name\":\"n\",\"peers\":2,\"maxPeers\":64,\"locked\":true,\"createdAt\":1.5}]}",
        "{\"rooms\":[{\"id\":\"r\",\"name\":\"n\",\"peers\":2,\"maxPeers\":64,\"locked\":true}]}"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        is_refused(span_of(BAD[i]));
    is_refused(SPAN("{\"rooms\":[]}\0"));
    is_refused(SPAN("{\"rooms\":[{\"id\":\"r\",\"name\":\"\xff\"}]}"));
}

static void bounds_names_and_rooms(void **state)
{
    (void)state;
    for (int over = 0; over <= 1; over++) {
        struct buf text;
        struct rooms_answer a;
        buf_init(&text, 1024 * 1024);
        buf_printf(&text,
            "{\"rooms\":[{\"id\":\"r\",\"name\":\"%0*d\",\"peers\":2,\"maxPeers\":null,\"locked\":true,"
            "\"createdAt\":0}]}",
            DISPLAY_NAME_MAX + over, 0);
        assert_int_equal(rooms_answer_list(&a, buf_view(&text)), !over);
        rooms_answer_done(&a);
        buf_reset(&text);
        buf_text(&text, "{\"rooms\":[");
        for (int i = 0; i < ROOMS_LISTED_MAX + over; i++)
            buf_printf(&text, "%s{" ROOM "}", i ? "," : "");
        buf_text(&text, "]}");
        assert_int_equal(rooms_answer_list(&a, buf_view(&text)), !over);
        assert_int_equal(a.count, over ? 0 : ROOMS_LISTED_MAX);
        rooms_answer_done(&a);
        buf_done(&text);
    }
}

static bool made(const char *token)
{
    struct rooms_answer a;
    struct buf text;
    buf_init(&text, 64 * 1024);
    buf_printf(&text, "{" ROOM ",\"ownerToken\":\"%s\"}", token);
    bool ok = rooms_answer_made(&a, buf_view(&text));
    if (ok) {
        assert_int_equal(a.count, 1);
        assert_string_equal(a.rooms[0].id, "r");
        assert_string_equal(a.owner_token, token);
    }
    rooms_answer_done(&a);
    buf_done(&text);
    return ok;
}

/* It is written into a file of lines, and into a header. */
static void takes_an_owner_token_that_may_stand_in_a_header(void **state)
{
    (void)state;
    struct rooms_answer a;
    char longest[OWNER_TOKEN_MAX + 2];
    assert_true(made("7n2r3j7f6qas.-_~+/=Z"));
    assert_false(made(""));
    assert_false(made("a b"));
    assert_false(made("a\\r\\nX: y"));
    assert_false(made("a\\n"));
    assert_false(made("\\u00e9"));
    memset(longest, 'a', sizeof longest);
    longest[OWNER_TOKEN_MAX] = '\0';
    assert_true(made(longest));
    longest[OWNER_TOKEN_MAX] = 'a';
    longest[OWNER_TOKEN_MAX + 1] = '\0';
    assert_false(made(longest));
    assert_false(rooms_answer_made(&a, SPAN("{" ROOM "}")));
    assert_false(rooms_answer_made(&a, SPAN("{\"ownerToken\":\"t\"}")));
    assert_false(rooms_answer_made(&a, SPAN("\"ownerToken\"")));
}

static void reads_the_words_of_a_refusal(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", "{}", "{\"error\":\"no\"}", "{\"error\":{\"code\":\"x\"}}",
        "{\"error\":{\"message\":\"x\"}}", "{\"error\":{\"code\":1,\"message\":\"x\"}}", "[{\"error\":{}}]"};
    struct rooms_answer a;
    const char *code, *message;
    assert_true(rooms_answer_error(
        &a, SPAN("{\"error\":{\"code\":\"forbidden\",\"message\":\"not yours\",\"more\":1}}"), &code, &message));
    assert_string_equal(code, "forbidden");
    assert_string_equal(message, "not yours");
    rooms_answer_done(&a);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_false(rooms_answer_error(&a, span_of(BAD[i]), &code, &message));
        assert_null(a.tree);
    }
}

static void bounds_tokens(void **state)
{
    (void)state;
    static char text[TOKEN_MAX + 2];
    memset(text, 'a', TOKEN_MAX);
    assert_true(rooms_token_valid(text));
    text[TOKEN_MAX] = 'a';
    assert_false(rooms_token_valid(text));
    assert_false(rooms_token_valid("a\r\nHost: b"));
    assert_false(rooms_token_valid(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_list),
        cmocka_unit_test(refuses_what_is_no_list),
        cmocka_unit_test(bounds_names_and_rooms),
        cmocka_unit_test(takes_an_owner_token_that_may_stand_in_a_header),
        cmocka_unit_test(reads_the_words_of_a_refusal),
        cmocka_unit_test(bounds_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
