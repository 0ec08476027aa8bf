/* SPDX-License-Identifier: MIT
 *
 * What a token of an earlier boot must not bring back: a stay that ended after it was taken again, a room that was
 * closed. And that what merely was not there yet may still come back.
 */
#include "tests/unit/server_core/rest.h"
#include "tests/unit/server_core/seat.h"

#include "server/core/state.h"

static struct core_settings settings(void)
{
    struct core_settings set = with_seats();
    set.ports.owner_token = token_port;
    return set;
}

static void returns(struct harness *h, unsigned i, unsigned whose, const struct token *t)
{
    enter(h, i);
    resume(h, i, t);
    resumed(h, i, whose, true, false);
}

static void refuses(struct harness *h, unsigned i, const struct token *t)
{
    enter(h, i);
    fails_to_resume(h, i, t);
    gone(h, i, 0);
}

/* rooms.json as of the last writing. */
struct file {
    char text[4096];
};

static struct file file_of(struct harness *h)
{
    struct file f;
    const struct core_effect *e = took(h, CORE_STORE);
    assert_non_null(e);
    snprintf(f.text, sizeof f.text, "%.*s", (int)frame_text(e->store).n, frame_text(e->store).p);
    stored(h, true);
    return f;
}

static void restart_with(struct harness *h, const struct file *f)
{
    core_free(h->core);
    h->core = core_new(&h->settings, &h->rng);
    assert_non_null(h->core);
    assert_null(core_restore(h->core, span_of(f->text), h->now));
    happen(h, 0, CORE_TIME);
}

static void test_who_left_again_has_left(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 3; way++) {
        struct harness h;
        start(&h, settings());
        struct token one = enter_seat(&h, 0, "a"), two = enter_seat(&h, 1, "a");
        restart(&h);
        returns(&h, 2, 0, &one);
        if (way == 0)
            say(&h, 2, "{\"type\":\"leave-room\"}");
        else
            gone(&h, 2, way == 1 ? 1000 : 1001);
        refuses(&h, 3, &one);
        returns(&h, 4, 1, &two); /* his room is not closed */
        refuses(&h, 5, &one);
        wake(&h, h.now + GRACE_MS);
        refuses(&h, 6, &one);
        stop(&h);
    }
}

/* Who joins anew on the same connection may come back as before. */
static void test_the_next_stay_is_another(void **state)
{
    (void)state;
    struct harness h;
    start(&h, settings());
    struct token one = enter_seat(&h, 0, "a");
    restart(&h);
    returns(&h, 2, 0, &one);
    say(&h, 2, "{\"type\":\"leave-room\"}");
    heard(&h, 2);
    join(&h, 2, "a");
    heard(&h, 2);
    struct token next = token_in(&h);
    refuses(&h, 3, &one);
    enter(&h, 4);
    resume(&h, 4, &next);
    closes(&h, 2, 4001, "resumed on another connection");
    resumed(&h, 4, 0, false, true);
    stop(&h);
}

static void post_a(struct harness *h, char owner[64], struct file *f)
{
    post(h, 7, "{\"name\":\"a\"}");
    *f = file_of(h);
    answers(h, 7, 201);
    owner_of(h, owner);
    gone(h, 7, 0);
}

static struct file close_a(struct harness *h, const char *owner)
{
    ask(h, 7, (struct core_request){.type = REQUEST_CLOSE, .room = SPAN("a"), .token = span_of(owner)});
    struct file f = file_of(h);
    answers(h, 7, 204);
    gone(h, 7, 0);
    return f;
}

static void test_a_room_closed_before_the_restart(void **state)
{
    (void)state;
    struct harness h;
    char owner[64];
    struct file f;
    start(&h, settings());
    post_a(&h, owner, &f);
    struct token t = enter_seat(&h, 0, "a");
    f = close_a(&h, owner);
    restart_with(&h, &f);
    refuses(&h, 1, &t);
    assert_int_equal(core_stats(h.core)->rooms, 0);
    stop(&h);
}

static void test_a_room_closed_after_the_restart(void **state)
{
    (void)state;
    struct harness h;
    char owner[64];
    struct file f;
    start(&h, settings());
    post_a(&h, owner, &f);
    struct token zero = enter_seat(&h, 0, "a"), one = enter_seat(&h, 1, "a");
    restart_with(&h, &f);
    returns(&h, 2, 0, &zero);
    close_a(&h, owner);
    refuses(&h, 3, &zero);
    refuses(&h, 4, &one);
    assert_int_equal(core_stats(h.core)->rooms, 0);
    stop(&h);
}

static const char *verify(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims)
{
    (void)ctx;
    (void)token;
    (void)unix_seconds;
    *claims = (struct claims){.room = "*", .expires = UINT64_MAX, .admin = true};
    return NULL;
}

/* A room that join-room made is in no file: that it was closed is remembered for as long as it could come back. */
static void test_an_admin_closes_a_room_that_came_back(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = settings();
    set.ports.verify = verify;
    start(&h, set);
    struct token zero = enter_seat(&h, 0, "a"), one = enter_seat(&h, 1, "a");
    restart(&h);
    returns(&h, 2, 0, &zero);
    ask(&h, 7, (struct core_request){.type = REQUEST_CLOSE, .room = SPAN("a"), .token = SPAN("x")});
    refuses(&h, 3, &one);
    refuses(&h, 4, &zero);
    stop(&h);
}

/* Remembered for the grace, and no reload makes such tokens good again. */
static void test_the_grace_is_over_for_good(void **state)
{
    (void)state;
    struct harness h;
    start(&h, settings());
    struct token one = enter_seat(&h, 0, "a"), two = enter_seat(&h, 1, "a");
    restart(&h);
    uint64_t began = h.now;
    returns(&h, 2, 0, &one);
    gone(&h, 2, 1000);
    assert_int_equal(h.deadline, began + GRACE_MS);
    wake(&h, began + GRACE_MS);
    assert_int_equal(h.deadline, UINT64_MAX);
    h.settings.resume_grace_ms *= 10;
    core_configure(h.core, &h.settings);
    refuses(&h, 3, &one);
    refuses(&h, 4, &two);
    stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_left_again_has_left),
        cmocka_unit_test(test_the_next_stay_is_another),
        cmocka_unit_test(test_a_room_closed_before_the_restart),
        cmocka_unit_test(test_a_room_closed_after_the_restart),
        cmocka_unit_test(test_an_admin_closes_a_room_that_came_back),
        cmocka_unit_test(test_the_grace_is_over_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
