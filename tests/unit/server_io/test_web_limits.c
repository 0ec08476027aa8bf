/* SPDX-License-Identifier: MIT
 *
 * Downloads that end before their time, at any time, and how many there may be: with real files, a real loop and its real
 * threads. Each test ends with every file closed and every download freed (web_root_free).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/unit/server_io/web_client.h"

/* ---- the client goes ---- */

static void unseen(struct client *c, unsigned before)
{
    settle(c->w);
    assert_int_equal(events(c), before);
    assert_int_equal(count_descriptors(), c->w->descriptors);
    done(c);
}

static void end_unseen(struct client *c)
{
    unsigned before = events(c);
    end(c);
    unseen(c, before);
}

static void test_ended_at_any_time(void **state)
{
    struct world *w = *state;
    free(put_big(w, "big", 1));
    struct client *busy[WEB_READS_MAX];
    struct client *c = get(w, "/big"); /* on the pool */
    end_unseen(c);
    for (size_t i = 0; i < COUNT(busy); i++)
        busy[i] = get(w, "/big");
    c = get(w, "/big"); /* in the line, without a file yet */
    end(c);
    for (size_t i = 0; i < COUNT(busy); i++)
        end(busy[i]);
    unseen(c, 0);
    for (size_t i = 0; i < COUNT(busy); i++)
        done(busy[i]);
    c = get(w, "/big"); /* it has a piece */
    until(c, 2);
    end_unseen(c);
    c = get(w, "/big"); /* the next is read */
    until(c, 2);
    next(c);
    end_unseen(c);
    c = get(w, "/big"); /* in the line, with a file */
    until(c, 2);
    for (size_t i = 0; i < COUNT(busy); i++)
        busy[i] = get(w, "/big");
    next(c);
    end(c);
    for (size_t i = 0; i < COUNT(busy); i++)
        end(busy[i]);
    unseen(c, 2);
    for (size_t i = 0; i < COUNT(busy); i++)
        done(busy[i]);
    c = get(w, "/big"); /* all is told */
    fetch_rest(c);
    end_unseen(c);
    c = get(w, "/nothing");
    settle(w);
    end_unseen(c);
    web_end(NULL);
}

static void test_ended_within_an_event(void **state)
{
    struct world *w = *state;
    free(put_big(w, "big", 1));
    for (unsigned at = 1; at <= 5; at++)
        for (int eager = 0; eager < 2; eager++) {
            struct client *c = get(w, "/big");
            c->end_at = at;
            c->eager = eager;
            settle(w);
            for (; c->d && !eager; settle(w))
                next(c);
            assert_null(c->d);
            unseen(c, at);
        }
    struct client *c = get(w, "/nothing");
    c->end_at = 1;
    settle(w);
    unseen(c, 1);
}

static void test_ended_after_any_turn(void **state)
{
    struct world *w = *state;
    free(put_big(w, "big", 1));
    for (unsigned turns = 0; turns < 200; turns++) {
        struct client *c = get(w, "/big");
        c->eager = true;
        for (unsigned i = 0; i < turns % 20 && c->lasts == 0; i++)
            uv_run(&w->loop, turns % 2 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
        end_unseen(c);
    }
}

/* ---- limits ---- */

/* What the log gets meanwhile: little, or the pipe is full. */
struct caught_log {
    int ends[2], keep;
};

static struct caught_log catch_log(struct world *w)
{
    struct caught_log log = {.keep = dup(STDERR_FILENO)};
    assert_int_equal(pipe(log.ends), 0);
    assert_int_equal(dup2(log.ends[1], STDERR_FILENO), STDERR_FILENO);
    w->logger.level = LOG_LEVEL_WARNING;
    return log;
}

static void release_log(struct world *w, struct caught_log *log, char *text, size_t size)
{
    w->logger.level = LOG_LEVEL_ERROR;
    dup2(log->keep, STDERR_FILENO);
    close(log->keep);
    close(log->ends[1]);
    assert_true(read(log->ends[0], text, size - 1) > 0);
    close(log->ends[0]);
}

static void test_as_many_as_may_be(void **state)
{
    struct world *w = *state;
    put(w, "a.txt", "0123456789", 10);
    struct client **all = calloc(WEB_DOWNLOADS_MAX, sizeof(struct client *));
    assert_non_null(all);
    for (size_t i = 0; i < WEB_DOWNLOADS_MAX; i++)
        all[i] = get(w, "/a.txt");
    const struct web_asked asked = {.path = "/a.txt"};
    char text[4096] = "";
    struct caught_log log = catch_log(w);
    for (int i = 0; i < 3; i++)
        assert_null(web_open(w->root, &asked, &EVENTS, NULL));
    release_log(w, &log, text, sizeof text);
    assert_non_null(strstr(text, "limit=4096 count=1"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line of the three */
    done(all[WEB_DOWNLOADS_MAX - 1]);                              /* one that waits is gone at once */
    all[WEB_DOWNLOADS_MAX - 1] = get(w, "/a.txt");
    settle(w);
    for (size_t i = 0; i < WEB_DOWNLOADS_MAX; i++) {
        assert_int_equal(all[i]->lasts, 1);
        done(all[i]);
    }
    free(all);
}

static struct client *ask_from(struct world *w, const char *path, unsigned whose)
{
    return ask(w, (struct web_asked){.path = path, .whose = {.bytes = {[10] = 0xff, 0xff, 10, 0, 0, (uint8_t)whose}}});
}

/* All places are one address's: those of it whose clients take nothing end for another address, the longest first. */
static void test_places_of_one_address(void **state)
{
    struct world *w = *state;
    put(w, "a.txt", "0123456789", 10);
    free(put_big(w, "big", 1));
    struct client **all = calloc(WEB_DOWNLOADS_MAX, sizeof(struct client *)), *others[3];
    assert_non_null(all);
    for (size_t i = 0; i < WEB_DOWNLOADS_MAX; i++)
        all[i] = ask_from(w, i < 3 ? "/big" : "/a.txt", 1);
    const struct web_asked more = {.path = "/a.txt", .whose = {.bytes = {[10] = 0xff, 0xff, 10, 0, 0, 2}}};
    assert_null(web_open(w->root, &more, &EVENTS, NULL)); /* nobody waits for a client yet */
    settle(w);
    next(all[0]);
    settle(w);
    assert_int_equal(web_root_limited(w->root), 1);
    char text[4096] = "";
    struct caught_log log = catch_log(w);
    static const size_t ENDS[] = {1, 2, 0};
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_int_equal(all[ENDS[i]]->failures, 0);
        all[ENDS[i]]->end_at = i == 2 ? 0 : events(all[ENDS[i]]) + 1; /* within the event, or later */
        others[i] = ask_from(w, "/a.txt", 2);
        assert_int_equal(all[ENDS[i]]->failures, 1);
    }
    release_log(w, &log, text, sizeof text);
    assert_non_null(strstr(text, "lose some to others"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line of the three */
    assert_null(web_open(w->root, &more, &EVENTS, NULL));          /* of the others all is sent */
    assert_int_equal(web_root_limited(w->root), 5);
    settle(w);
    for (size_t i = 0; i < COUNT(others); i++) {
        body_is(others[i], "0123456789", 10);
        done(others[i]);
    }
    for (size_t i = 0; i < WEB_DOWNLOADS_MAX; i++)
        done(all[i]);
    free(all);
}

/* Places change hands faster than files are closed: to a bound. */
static void test_those_that_end(void **state)
{
    struct world *w = *state;
    free(put_big(w, "big", 1));
    struct client **all = calloc(WEB_DOWNLOADS_MAX, sizeof(struct client *)), *others[WEB_ENDING_MAX];
    assert_non_null(all);
    for (size_t i = 0; i < WEB_DOWNLOADS_MAX; i++)
        all[i] = ask_from(w, "/big", 1);
    settle(w);
    for (size_t i = 0; i < COUNT(others); i++)
        others[i] = ask_from(w, "/big", 2);
    const struct web_asked more = {.path = "/big", .whose = {.bytes = {[10] = 0xff, 0xff, 10, 0, 0, 2}}};
    assert_null(web_open(w->root, &more, &EVENTS, NULL));
    for (size_t i = 0; i < COUNT(others); i++)
        end(all[i]);
    settle(w);
    struct client *last = ask_from(w, "/big", 2);
    settle(w);
    assert_int_equal(last->pieces, 1);
    done(last);
    for (size_t i = 0; i < COUNT(others); i++)
        done(others[i]);
    for (size_t i = 0; i < WEB_DOWNLOADS_MAX; i++)
        done(all[i]);
    free(all);
}

/* While there are many, pieces are small. */
static void test_small_pieces(void **state)
{
    struct world *w = *state;
    char *bytes = put_big(w, "big", 1);
    enum {
        MANY = WEB_PIECES_BYTES / WEB_PIECE_MAX * 2
    };
    struct client **all = calloc(MANY, sizeof(struct client *)), *last = NULL;
    assert_non_null(all);
    for (size_t i = 0; i < MANY; i++)
        all[i] = last = ask(w, (struct web_asked){.path = "/big", .head = i + 1 < MANY});
    settle(w);
    assert_int_equal(last->body.len, WEB_PIECE_MAX / 2);
    for (size_t i = 0; i + 1 < MANY; i++)
        done(all[i]);
    fetch_rest(last);
    body_is(last, bytes, BIG);
    assert_int_equal(last->pieces, 4); /* the others were whole again */
    done(last);
    free(all);
    free(bytes);
}

struct probe {
    uv_work_t work;
    uv_sem_t ran;
};

static void probe_run(uv_work_t *work)
{
    struct probe *p = work->data;
    uv_sem_post(&p->ran);
}

static void probe_done(uv_work_t *work, int status)
{
    (void)work;
    (void)status;
}

/* Others' work has its turn, however many files are asked for. */
static void test_room_on_the_pool(void **state)
{
    struct world *w = *state;
    struct client *clients[20];
    struct probe probe;
    free(put_big(w, "big", 1));
    for (size_t i = 0; i < COUNT(clients); i++)
        clients[i] = get(w, "/big");
    probe.work.data = &probe;
    assert_int_equal(uv_sem_init(&probe.ran, 0), 0);
    assert_int_equal(uv_queue_work(&w->loop, &probe.work, probe_run, probe_done), 0);
    uv_sem_wait(&probe.ran);
    /* The loop has not turned: what was begun before the probe is all that was begun. */
    assert_true(count_descriptors() <= w->descriptors + (size_t)2 * WEB_READS_MAX);
    settle(w);
    for (size_t i = 0; i < COUNT(clients); i++) {
        assert_int_equal(clients[i]->pieces, 1);
        done(clients[i]);
    }
    uv_sem_destroy(&probe.ran);
}

static void test_logged_at_a_bounded_rate(void **state)
{
    struct world *w = *state;
    char text[4096] = "";
    struct caught_log log = catch_log(w);
    web_root_set(w->root, "/sys/class/net/lo");
    for (int i = 0; i < 5; i++) {
        struct client *c = get(w, "/speed");
        settle(w);
        done(c);
    }
    release_log(w, &log, text, sizeof text);
    assert_non_null(strstr(text, "cannot be read"));
    assert_non_null(strstr(text, "speed"));
    assert_non_null(strstr(text, strerror(EINVAL)));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_ended_at_any_time),
        IN_WORLD(test_ended_within_an_event),
        IN_WORLD(test_ended_after_any_turn),
        IN_WORLD(test_as_many_as_may_be),
        IN_WORLD(test_places_of_one_address),
        IN_WORLD(test_those_that_end),
        IN_WORLD(test_small_pieces),
        IN_WORLD(test_room_on_the_pool),
        IN_WORLD(test_logged_at_a_bounded_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
