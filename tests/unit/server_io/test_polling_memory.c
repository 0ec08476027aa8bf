/* SPDX-License-Identifier: MIT
 *
 * Each allocation of a session's handshake, polls, POSTs and upgrade fails once: it is answered or ended, nothing else is, and
 * nothing stays behind.
 */
#include "tests/faults.h"

#include "server/io/polling.h"
#include "tests/unit/server_io/polling.h"

/* ---- what is done while memory runs out: true once it is over ---- */

struct attempt {
    struct engine *e;
    char sid[SID_CHARS + 1];
    int fd;
    size_t heard;
    bool told;
};

static bool ended(struct attempt *a)
{
    return hears_end(a->e, a->fd, &a->heard);
}

static void say_request(struct attempt *a, const char *method, const char *sid, const char *rest)
{
    char text[REQUEST_MAX];
    request(text, method, sid, rest);
    say_text(a->fd, text);
}

static void say_handshake(struct attempt *a)
{
    say_request(a, "GET", NULL, "");
}

static void say_poll(struct attempt *a)
{
    say_request(a, "GET", a->sid, "");
}

/* Once it waits, there is something for it. */
static bool polled(struct attempt *a)
{
    struct conn *s = session_of(a->e);
    if (s && polling_poll(a->e->io, s) && !a->told) {
        a->told = true;
        told(a->e, s, "4one");
        if (session_of(a->e))
            told(a->e, s, "4two");
    }
    return ended(a);
}

static void say_post(struct attempt *a)
{
    say_request(a, "POST", a->sid, "Content-Length: 80\r\n");
    for (unsigned i = 0; i < 39; i++)
        say_text(a->fd, "6\x1e"); /* more than are looked at in a turn */
    say_text(a->fd, "6 ");
}

static void say_upgrade(struct attempt *a)
{
    char text[REQUEST_MAX];
    struct conn *s = session_of(a->e);
    size_t n = write_upgrade(text, a->sid);
    told(a->e, s, "4waited");
    say(a->fd, text, n);
}

static bool upgraded(struct attempt *a)
{
    return ended(a) || memmem(a->e->answer, a->heard, "4waited", 7);
}

static void fail_each(
    struct engine *e, void (*begins)(struct attempt *a), bool (*is_over)(struct attempt *a), bool session)
{
    bool failed = true;
    unsigned n = 0;
    for (; failed; n++) {
        struct attempt a = {.e = e};
        if (session)
            begin(e, a.sid);
        a.fd = dial(e);
        faults.failed = 0;
        faults.countdown = n;
        begins(&a);
        UNTIL(e, is_over(&a));
        failed = faults.failed > 0;
        faults.countdown = -1;
        hang_up(a.fd, true);
        UNTIL(e, e->io->ready_first == CONN_NONE && e->io->dirty == CONN_NONE);
        for (uint32_t slot = 0; slot < e->io->conns.made; slot++)
            if (conn_at(&e->io->conns, slot)->state != CONN_FREE)
                turn_kill(e->io, conn_at(&e->io->conns, slot));
        gone(e);
    }
    assert_true(n > 5);
}

static void test_handshakes(void **state)
{
    fail_each(*state, say_handshake, ended, false);
}

static void test_polls(void **state)
{
    fail_each(*state, say_poll, polled, true);
}

static void test_posts(void **state)
{
    fail_each(*state, say_post, ended, true);
}

static void test_upgrades(void **state)
{
    fail_each(*state, say_upgrade, upgraded, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POLLING(test_handshakes),
        WITH_POLLING(test_polls),
        WITH_POLLING(test_posts),
        WITH_POLLING(test_upgrades),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
