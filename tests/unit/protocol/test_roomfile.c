/* SPDX-License-Identifier: MIT
 *
 * rooms.json: what is written is read back the same, and anything else is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/roomfile.h"

#define ROOM                                                                                           \
    "{\"id\":\"a\",\"name\":\"\",\"incarnation\":\"00000000000000ff\",\"createdAt\":5,\"maxPeers\":0," \
    "\"listed\":false,\"locked\":false}"
#define FILE_OF(rooms) "{\"version\":1,\"rooms\":[" rooms "]}"

struct taken {
    struct room_terms rooms[4];
    size_t n;
};

static bool take(void *ctx, const struct room_terms *t)
{
    struct taken *taken = ctx;
    if (taken->n == 4)
        return false;
    taken->rooms[taken->n++] = *t;
    return true;
}

static void add(struct buf *out, const struct room_terms *t)
{
    struct buf names;
    buf_init(&names, ROOM_NAMES_MAX);
    room_names_write(&names, (struct span){t->id, t->id_n}, (struct span){t->name, t->name_n});
    assert_false(names.failed);
    roomfile_add(out, t, buf_view(&names));
    buf_done(&names);
}

static void test_round(void **state)
{
    (void)state;
    struct room_terms open = {.incarnation = UINT64_MAX, .created_ms = 1, .id_n = 1, .id = "a"};
    struct room_terms locked = {
        .incarnation = 1, .max_peers = 7, .listed = true, .locked = true, .id_n = 2, .id = "bc"};
    locked.name_n = 7;
    memcpy(locked.name, "\"\n\\\001\xc3\xa9z", 7);
    memset(locked.salt, 0xfe, sizeof locked.salt);
    memset(locked.hash, 0x01, sizeof locked.hash);
    struct buf text;
    buf_init(&text, ROOMFILE_MAX);
    roomfile_begin(&text);
    add(&text, &open);
    add(&text, &locked);
    roomfile_end(&text);
    struct taken taken = {.n = 0};
    assert_null(roomfile_read(buf_view(&text), take, &taken));
    assert_int_equal(taken.n, 2);
    assert_memory_equal(&taken.rooms[0], &open, sizeof open);
    assert_memory_equal(&taken.rooms[1], &locked, sizeof locked);
    /* cut short anywhere but before its last newline, it is no file */
    for (size_t n = 0; n + 1 < text.len; n++) {
        taken.n = 0;
        assert_non_null(roomfile_read((struct span){text.p, n}, take, &taken));
    }
    buf_done(&text);
}

static void test_damage(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "", "[]", "{}", "{\"version\":2,\"rooms\":[]}", "{\"version\":1,\"rooms\":{}}", FILE_OF("1"), FILE_OF("{}"),
        FILE_OF("{\"id\":\"a b\",\"name\":\"\",\"incarnation\":\"00000000000000ff\",\"createdAt\":5,\"maxPeers\":0,"
                "\"listed\":false,\"locked\":false}"),
        /* locked without its hash */
        FILE_OF("{\"id\":\"a\",\"name\":\"\",\"incarnation\":\"00000000000000ff\",\"createdAt\":5,\"maxPeers\":0,"
                "\"listed\":false,\"locked\":true}"),
        /* the lock is missing */
        FILE_OF("{\"id\":\"a\",\"name\":\"\",\"incarnation\":\"00000000000000ff\",\"createdAt\":5,\"maxPeers\":0,"
                "\"listed\":false}"),
        FILE_OF("{\"id\":\"a\",\"name\":\"\",\"incarnation\":\"0xff000000000000\",\"createdAt\":5,\"maxPeers\":0,"
                "\"listed\":false,\"locked\":false}"),
        /* of a later version */
        FILE_OF("{\"id\":\"a\",\"name\":\"\",\"incarnation\":\"00000000000000ff\",\"createdAt\":5,\"maxPeers\":0,"
                "\"listed\":false,\"locked\":false,\"members\":[]}"),
        FILE_OF(ROOM "," ROOM "," ROOM "," ROOM "," ROOM) /* refused by its reader */
    };
    struct taken taken = {.n = 0};
    assert_null(roomfile_read(SPAN(FILE_OF(ROOM)), take, &taken));
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        taken.n = 0;
        assert_non_null(roomfile_read(span_of(BAD[i]), take, &taken));
    }
}

/* The largest there may be fits. */
static void test_bound(void **state)
{
    (void)state;
    struct room_terms t = {.incarnation = UINT64_MAX,
        .created_ms = UINT64_MAX,
        .max_peers = UINT32_MAX,
        .locked = true,
        .id_n = ROOM_ID_MAX,
        .name_n = DISPLAY_NAME_MAX};
    memset(t.id, 'a', sizeof t.id);
    memset(t.name, 1, sizeof t.name);
    struct buf text;
    buf_init(&text, ROOMFILE_MAX);
    roomfile_begin(&text);
    for (unsigned i = 0; i < ROOMS_KEPT_MAX; i++)
        add(&text, &t);
    roomfile_end(&text);
    assert_false(text.failed);
    buf_done(&text);
}

static void test_request(void **state)
{
    (void)state;
    struct room_terms t;
    char password[PASSWORD_MAX];
    size_t n;
    const char body[] = "{\"name\":\"a\\u0000b\",\"password\":\"p\\u00e9\",\"maxPeers\":3,\"listed\":true,\"other\":1}";
    assert_non_null(room_terms_parse(span_of(body), &t, password, &n)); /* U+0000 */
    assert_null(
        room_terms_parse(SPAN("{\"name\":\"ab\",\"password\":\"p\\u00e9\",\"maxPeers\":3,\"listed\":true,\"other\":1}"),
            &t, password, &n));
    assert_memory_equal(t.name, "ab", 2);
    assert_int_equal(t.name_n, 2);
    assert_memory_equal(password, "p\xc3\xa9", 3);
    assert_int_equal(n, 3);
    assert_int_equal(t.max_peers, 3);
    assert_true(t.listed);
    assert_null(room_terms_parse((struct span){NULL, 0}, &t, password, &n));
    assert_int_equal(t.name_n + n, 0);
}

/* A body that cannot be read: the answer names why, and quotes nothing of it. */
static void test_unreadable(void **state)
{
    (void)state;
    static char deep[8 * 1024];
    memset(deep, '[', sizeof deep);
    const struct {
        struct span body;
        const char *problem;
    } cases[] = {
        {SPAN("{\"name\":\"a\",\"n\\u0061me\":\"b\"}"), "a member of the body is there twice"},
        {SPAN("{\"name\":\"a\\u0000\"}"), "a string of the body has \\u0000"},
        {SPAN("{\"a\\u0000\":1}"), "a string of the body has \\u0000"},
        {SPAN("{\"name\":\"\xff\"}"), "the body is not UTF-8"},
        {SPAN("{\"maxPeers\":1e999}"), "a number of the body is too large"},
        {SPAN("{\"maxPeers\":99999999999999999999}"), "a number of the body is too large"},
        {{deep, sizeof deep}, "the body is nested too deeply"},
        {SPAN("[]"), "the body must be a JSON object"},
        {SPAN("{\"password\":\"x\""), "the body must be a JSON object"},
        {SPAN("name=a"), "the body must be a JSON object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct room_terms t;
        char password[PASSWORD_MAX];
        size_t n;
        assert_string_equal(room_terms_parse(cases[i].body, &t, password, &n), cases[i].problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
