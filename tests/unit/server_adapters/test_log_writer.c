/* SPDX-License-Identifier: MIT
 *
 * The log's ring and its thread against pipes that are read, read late or never, and descriptors that refuse. Records
 * are numbered, so that what is missing shows, and must be said in its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/os_thread.h"
#include "server/adapters/log_writer.h"

enum {
    PATIENCE_MS = 10000,
    MANY = 20000, /* far more than ring and pipe hold */
    FEW = 500,    /* less than the ring holds */
    NOBODY = 65534,
    STACK = 1024 * 1024
};

static const struct log_style TEXT = {LOG_TEXT, false};

struct pipe {
    int ends[2];
    FILE *reader;
};

static struct pipe open_pipe(void)
{
    struct pipe p;
    assert_int_equal(pipe(p.ends), 0);
    p.reader = fdopen(p.ends[0], "r");
    assert_non_null(p.reader);
    return p;
}

static void close_pipe(struct pipe *p)
{
    fclose(p->reader);
    close(p->ends[1]);
}

static struct log_writer *open_writer(int fd)
{
    struct err e;
    struct log_writer *w = log_writer_new(fd, &e);
    if (!w)
        fail_msg("%s", e.text);
    return w;
}

static void put(struct log_writer *w, unsigned from, unsigned count)
{
    for (unsigned i = from; i < from + count; i++) {
        struct log_record r;
        log_record_init(&r, LOG_LEVEL_INFO, "numbered", "a record");
        log_record_addf(&r, "number", "%u", i);
        log_writer_put(w, &r, TEXT);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The thread decides when. */
static void wait_for_dropped(const struct log_writer *w, uint64_t count)
{
    uint64_t until = now_ms() + PATIENCE_MS;
    while (log_writer_dropped(w) < count && now_ms() < until)
        sched_yield();
    assert_int_equal(log_writer_dropped(w), count);
}

/* What a reader of the log knows so far. */
struct reading {
    unsigned next;    /* number of the record that must come */
    unsigned notices; /* of missing ones */
    uint64_t missing; /* by what they said */
};

/* Reads one line; false at the end of the file. */
static bool read_line(FILE *from, struct reading *r)
{
    char line[LOG_LINE_MAX];
    if (!fgets(line, sizeof line, from))
        return false;
    const char *number = strstr(line, " number="), *count = strstr(line, " count=");
    if (count) {
        assert_non_null(strstr(line, " warning records were dropped: the log did not take them in time count="));
        unsigned lost = (unsigned)strtoul(count + 7, NULL, 10);
        assert_true(lost > 0);
        r->notices++;
        r->missing += lost;
        r->next += lost;
        return true;
    }
    if (!number)
        fail_msg("not a record: %s", line);
    assert_int_equal(strtoul(number + 8, NULL, 10), r->next);
    r->next++;
    return true;
}

static void read_up_to(FILE *from, struct reading *r, unsigned next)
{
    while (r->next < next)
        assert_true(read_line(from, r));
}

static void test_all_in_order(void **state)
{
    (void)state;
    struct pipe p = open_pipe();
    struct log_writer *w = open_writer(p.ends[1]);
    struct reading r = {0};
    for (unsigned i = 0; i < MANY; i += FEW) {
        put(w, i, FEW);
        read_up_to(p.reader, &r, i + FEW);
    }
    assert_int_equal(r.notices, 0);
    assert_int_equal(log_writer_dropped(w), 0);
    log_writer_free(w);
    close_pipe(&p);
}

static void test_what_waits_is_written_at_the_end(void **state)
{
    (void)state;
    struct pipe p = open_pipe();
    struct log_writer *w = open_writer(p.ends[1]);
    struct reading r = {0};
    put(w, 0, FEW);
    log_writer_free(w);
    close(p.ends[1]);
    while (read_line(p.reader, &r))
        continue;
    assert_int_equal(r.next, FEW);
    fclose(p.reader);
}

/* Nothing is logged after the gap: it is said all the same. */
static void test_nobody_reads_and_then_somebody(void **state)
{
    (void)state;
    struct pipe p = open_pipe();
    struct log_writer *w = open_writer(p.ends[1]);
    struct reading r = {0};
    put(w, 0, MANY);
    uint64_t dropped = log_writer_dropped(w);
    assert_true(dropped > 0 && dropped < MANY - FEW);
    read_up_to(p.reader, &r, MANY);
    assert_int_equal(r.notices, 1);
    assert_int_equal(r.missing, dropped);
    put(w, MANY, FEW);
    read_up_to(p.reader, &r, MANY + FEW);
    assert_int_equal(r.notices, 1);
    log_writer_free(w);
    close_pipe(&p);
}

static void test_a_gap_is_said_in_its_place(void **state)
{
    (void)state;
    struct pipe p = open_pipe();
    struct log_writer *w = open_writer(p.ends[1]);
    struct reading r = {0};
    put(w, 0, MANY);
    uint64_t first = log_writer_dropped(w);
    read_up_to(p.reader, &r, MANY - (unsigned)first - FEW); /* the ring has room again */
    put(w, MANY, FEW);
    read_up_to(p.reader, &r, MANY + FEW);
    assert_int_equal(r.missing, log_writer_dropped(w));
    assert_int_equal(r.notices, 1);
    log_writer_free(w);
    close_pipe(&p);
}

/* Two records come for each that is read: the log is not riddled with gaps of one. */
static void test_a_slow_reader_gets_long_pieces(void **state)
{
    (void)state;
    struct pipe p = open_pipe();
    struct log_writer *w = open_writer(p.ends[1]);
    struct reading r = {0};
    put(w, 0, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        put(w, MANY + 2 * i, 2);
        assert_true(read_line(p.reader, &r));
    }
    read_up_to(p.reader, &r, 3 * MANY);
    assert_int_equal(r.missing, log_writer_dropped(w));
    assert_in_range(r.notices, 1, MANY / FEW);
    log_writer_free(w);
    close_pipe(&p);
}

static void test_another_made_it_nonblocking(void **state)
{
    (void)state;
    struct pipe p = open_pipe();
    assert_int_equal(fcntl(p.ends[1], F_SETFL, O_NONBLOCK), 0);
    struct log_writer *w = open_writer(p.ends[1]);
    struct reading r = {0};
    for (unsigned i = 0; i < 4; i++) /* more than the pipe holds */
        put(w, i * FEW, FEW);
    read_up_to(p.reader, &r, 4 * FEW);
    assert_int_equal(r.notices, 0);
    log_writer_free(w);
    close_pipe(&p);
}

static void test_nobody_can_read(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    struct log_writer *w = open_writer(ends[1]);
    put(w, 0, FEW);
    wait_for_dropped(w, FEW); /* and SIGPIPE did not come */
    log_writer_free(w);
    close(ends[1]);
}

static void test_a_full_disk(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    struct rlimit before, tight;
    getrlimit(RLIMIT_FSIZE, &before);
    tight = before;
    tight.rlim_cur = 0;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    struct log_writer *w = open_writer(fileno(file));
    put(w, 0, FEW);
    wait_for_dropped(w, FEW);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    put(w, FEW, FEW);
    log_writer_free(w);
    rewind(file);
    struct reading r = {0};
    while (read_line(file, &r))
        continue;
    assert_int_equal(r.next, 2 * FEW);
    assert_int_equal(r.notices, 1);
    assert_int_equal(r.missing, FEW);
    fclose(file);
}

/* Last, since it leaves its thread behind, as a process that ends does. */
static void test_the_end_has_a_bound(void **state)
{
    (void)state;
    struct pipe p = open_pipe();
    struct log_writer *w = open_writer(p.ends[1]);
    put(w, 0, MANY);
    uint64_t began = now_ms();
    log_writer_free(w);
    uint64_t took = now_ms() - began;
    assert_in_range(took, LOG_FLUSH_MS - 1, LOG_FLUSH_MS + 2000);
}

static void *look_at_mask(void *ctx)
{
    pthread_sigmask(SIG_SETMASK, NULL, ctx);
    return NULL;
}

static void test_threads_leave_signals_to_the_loop(void **state)
{
    (void)state;
    static const int NUMBERS[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGTTOU, SIGUSR1};
    sigset_t there, here;
    pthread_t thread;
    struct err e;
    sigemptyset(&there);
    assert_true(os_thread_start(&thread, look_at_mask, &there, &e));
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &here);
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
        assert_true(sigismember(&there, NUMBERS[i]));
        assert_false(sigismember(&here, NUMBERS[i]));
    }
}

/* In a child, because it gives up its user: root has as many threads as it likes. */
static int without_threads(void)
{
    static const struct rlimit NONE = {0, 0};
    static const char SENTENCE[] = "no thread could be started: Resource temporarily unavailable: raise the limit";
    struct err e;
    if (getuid() == 0 && setuid(NOBODY) != 0)
        return 1;
    if (setrlimit(RLIMIT_NPROC, &NONE) != 0)
        return 2;
    if (os_thread_probe(8, STACK, &e))
        return 3;
    return e.error == EAGAIN && strncmp(e.text, SENTENCE, sizeof SENTENCE - 1) == 0 ? 0 : 4;
}

static void test_threads_that_cannot_be_made(void **state)
{
    (void)state;
    struct err e;
    int status;
    assert_true(os_thread_probe(8, STACK, &e));
    pid_t child = fork();
    if (child == 0)
        _exit(without_threads());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_in_order),
        cmocka_unit_test(test_what_waits_is_written_at_the_end),
        cmocka_unit_test(test_nobody_reads_and_then_somebody),
        cmocka_unit_test(test_a_gap_is_said_in_its_place),
        cmocka_unit_test(test_a_slow_reader_gets_long_pieces),
        cmocka_unit_test(test_another_made_it_nonblocking),
        cmocka_unit_test(test_nobody_can_read),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_threads_leave_signals_to_the_loop),
        cmocka_unit_test(test_threads_that_cannot_be_made),
        cmocka_unit_test(test_the_end_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
