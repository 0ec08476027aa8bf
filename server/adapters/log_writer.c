/* SPDX-License-Identifier: MIT
 *
 * Why a thread. Standard error may be a pipe, a terminal, a file, a socket, and is shared with others. O_NONBLOCK
 * belongs to the open file description, so setting it would set it for the shell and every other program that writes
 * there. poll(2) and small writes do not do: between the two somebody else may fill the pipe; a stopped terminal
 * takes less than poll promises; a file on a disk that hangs is always ready. Opening /proc/self/fd/2 anew gives a
 * description of our own, but not of a socket, not without /proc, and not of a terminal of another user. MSG_DONTWAIT is for
 * sockets only, and sd_journal_sendv(3) waits whenever journald does. A thread may wait in all of them.
 *
 * Why no lock. The loop must not wait for this thread either, not even for as long as it is preempted with a lock held.
 * There is one producer and one consumer, so two counters that only grow are enough: each is written by one side.
 *
 * The thread blocks all signals: they are for the loop, and a terminal that stops background writers (SIGTTOU,
 * `stty tostop`) lets those write who block the signal.
 */
#include "server/adapters/log_writer.h"

/* Where in our own source a record was made is no news to whoever reads the journal. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "base/os_thread.h"

enum {
    JOURNAL_FIELDS_MAX = LOG_FIELDS_MAX + 4,
    FIELDS_BYTES_MAX = LOG_LINE_MAX * 2
};

/* What stands in the ring before each line and its fields. */
struct entry {
    uint32_t line, fields; /* bytes */
    uint32_t lost;         /* records dropped since the entry before */
    struct log_style style;
};

/* A record, ready to be written. */
struct text {
    struct buf line, fields;
};

struct log_writer {
    int fd;     /* borrowed */
    int ended;  /* an eventfd: the thread is about to end */
    sem_t wake; /* posted when the thread sleeps and there is something to do */
    pthread_t thread;
    atomic_size_t head; /* bytes put into the ring so far: written by the loop */
    atomic_size_t tail; /* and taken out: written by the thread */
    atomic_bool asleep, end;
    atomic_uint lost; /* dropped and not said yet */
    _Atomic uint64_t dropped;
    /* The thread's own. */
    unsigned refused;                                  /* by the descriptor, and not said yet */
    struct log_style style;                            /* of the last record */
    char line[LOG_LINE_MAX], fields[FIELDS_BYTES_MAX]; /* the record in work */
    /* Both sides'. */
    char ring[LOG_RING_BYTES];
};

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void text_init(struct text *t, const struct log_record *r, struct log_style style)
{
    buf_init(&t->line, LOG_LINE_MAX);
    buf_init(&t->fields, FIELDS_BYTES_MAX);
    log_format(&t->line, r, style.format, clock_ms(CLOCK_REALTIME));
    if (style.fields) {
        buf_text(&t->fields, "SYSLOG_IDENTIFIER=usherd\n");
        log_fields(&t->fields, r);
    }
}

static void text_done(struct text *t)
{
    buf_done(&t->line);
    buf_done(&t->fields);
}

/* Somebody else may have made the descriptor non-blocking: then poll waits in place of write. */
static bool write_line(int fd, struct span line)
{
    while (line.n > 0) {
        ssize_t put = write(fd, line.p, line.n);
        if (put < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else if (put < 0 && errno != EINTR)
            return false;
        line.p += put > 0 ? put : 0;
        line.n -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* False if the journal does not take it. */
static bool send_fields(struct span text)
{
    struct iovec fields[JOURNAL_FIELDS_MAX];
    int count = 0;
    for (size_t at = 0; at < text.n && count < JOURNAL_FIELDS_MAX; count++) {
        const char *end = memchr(text.p + at, '\n', text.n - at);
        size_t n = end ? (size_t)(end - text.p) - at : text.n - at;
        fields[count] = (struct iovec){.iov_base = (void *)(uintptr_t)(text.p + at), .iov_len = n};
        at += n + 1;
    }
    return count > 0 && sd_journal_sendv(fields, count) == 0;
}

static bool write_text(int fd, struct span line, struct span fields)
{
    return (fields.n > 0 && send_fields(fields)) || write_line(fd, line);
}

static bool write_record(int fd, const struct log_record *r, struct log_style style)
{
    struct text t;
    text_init(&t, r, style);
    bool written = write_text(fd, buf_view(&t.line), buf_view(&t.fields));
    text_done(&t);
    return written;
}

void log_write_now(int fd, const struct log_record *r, struct log_style style)
{
    if (!write_record(fd, r, style)) {
        /* Nobody is left to tell. */
    }
}

/* ---- the loop's side ---- */

static size_t copy_in(struct log_writer *w, size_t at, const void *from, size_t n)
{
    size_t offset = at % LOG_RING_BYTES, first = LOG_RING_BYTES - offset < n ? LOG_RING_BYTES - offset : n;
    if (n == 0)
        return at;
    memcpy(w->ring + offset, from, first);
    memcpy(w->ring, (const char *)from + first, n - first);
    return at + n;
}

static void wake(struct log_writer *w)
{
    if (atomic_exchange(&w->asleep, false))
        sem_post(&w->wake);
}

/* False if the ring has no room for it. */
static bool put_text(struct log_writer *w, struct span line, struct span fields, struct log_style style)
{
    size_t head = atomic_load_explicit(&w->head, memory_order_relaxed);
    size_t used = head - atomic_load_explicit(&w->tail, memory_order_acquire);
    bool recovering = atomic_load(&w->lost) > 0 && used > LOG_RING_BYTES / 2;
    if (recovering || sizeof(struct entry) + line.n + fields.n > LOG_RING_BYTES - used)
        return false;
    struct entry e = {(uint32_t)line.n, (uint32_t)fields.n, atomic_exchange(&w->lost, 0), style};
    head = copy_in(w, head, &e, sizeof e);
    head = copy_in(w, head, line.p, line.n);
    head = copy_in(w, head, fields.p, fields.n);
    atomic_store(&w->head, head);
    wake(w);
    return true;
}

void log_writer_put(struct log_writer *w, const struct log_record *r, struct log_style style)
{
    struct text t;
    text_init(&t, r, style);
    if (!put_text(w, buf_view(&t.line), buf_view(&t.fields), style)) {
        atomic_fetch_add(&w->lost, 1);
        atomic_fetch_add(&w->dropped, 1);
    }
    text_done(&t);
}

uint64_t log_writer_dropped(const struct log_writer *w)
{
    return atomic_load(&w->dropped);
}

/* ---- the thread's side ---- */

static size_t copy_out(const struct log_writer *w, size_t at, void *to, size_t n)
{
    size_t offset = at % LOG_RING_BYTES, first = LOG_RING_BYTES - offset < n ? LOG_RING_BYTES - offset : n;
    memcpy(to, w->ring + offset, first);
    memcpy((char *)to + first, w->ring, n - first);
    return at + n;
}

static bool take(struct log_writer *w, struct entry *e)
{
    size_t tail = atomic_load_explicit(&w->tail, memory_order_relaxed);
    if (tail == atomic_load(&w->head))
        return false;
    tail = copy_out(w, tail, e, sizeof *e);
    tail = copy_out(w, tail, w->line, e->line);
    tail = copy_out(w, tail, w->fields, e->fields);
    atomic_store_explicit(&w->tail, tail, memory_order_release);
    return true;
}

static bool say_lost(struct log_writer *w, unsigned count)
{
    struct log_record r;
    log_record_init(&r, LOG_LEVEL_WARNING, "log-dropped", "records were dropped: the log did not take them in time");
    log_record_addf(&r, "count", "%u", count);
    return write_record(w->fd, &r, w->style);
}

/* What is missing is said first, in its place. */
static void write_entry(struct log_writer *w, const struct entry *e)
{
    w->style = e->style;
    w->refused += e->lost;
    bool written = w->refused == 0 || say_lost(w, w->refused);
    if (written)
        w->refused = 0;
    written = written && write_text(w->fd, (struct span){w->line, e->line}, (struct span){w->fields, e->fields});
    if (written)
        return;
    w->refused++;
    atomic_fetch_add(&w->dropped, 1);
}

/* The ring is empty: nothing comes that could say it. */
static void say_last_lost(struct log_writer *w)
{
    unsigned lost = atomic_exchange(&w->lost, 0);
    w->refused += lost;
    if (lost > 0 && say_lost(w, w->refused))
        w->refused = 0;
}

static bool has_more(const struct log_writer *w)
{
    return atomic_load(&w->head) != atomic_load(&w->tail);
}

static void *run(void *ctx)
{
    static const uint64_t one = 1;
    struct log_writer *w = ctx;
    struct entry e;
    for (;;) {
        while (take(w, &e))
            write_entry(w, &e);
        say_last_lost(w);
        if (atomic_load(&w->end) && !has_more(w))
            break;
        atomic_store(&w->asleep, true);
        if (has_more(w) || atomic_load(&w->end))
            continue; /* put before it could see that nobody is awake */
        while (sem_wait(&w->wake) < 0 && errno == EINTR)
            continue;
    }
    (void)!write(w->ended, &one, sizeof one);
    return NULL;
}

/* ---- both ---- */

struct log_writer *log_writer_new(int fd, struct err *e)
{
    struct log_writer *w = calloc(1, sizeof *w);
    if (!w) {
        err_memory(e);
        return NULL;
    }
    w->fd = fd;
    sem_init(&w->wake, 0, 0); /* fails for a bad value only */
    w->ended = eventfd(0, EFD_CLOEXEC);
    int error = w->ended < 0 ? errno : 0;
    if (!error && os_thread_start(&w->thread, run, w, e))
        return w;
    if (error)
        err_set_errno(e, error, "no descriptor is left for the log: %s: raise the limit (ulimit -n, LimitNOFILE=)",
            strerror(error));
    else
        close(w->ended);
    sem_destroy(&w->wake);
    free(w);
    return NULL;
}

/* Whoever waits here may get a signal. */
static bool wait_for_end(const struct log_writer *w)
{
    uint64_t now = clock_ms(CLOCK_MONOTONIC), until = now + LOG_FLUSH_MS;
    while (now < until) {
        if (poll(&(struct pollfd){.fd = w->ended, .events = POLLIN}, 1, (int)(until - now)) == 1)
            return true;
        now = clock_ms(CLOCK_MONOTONIC);
    }
    return false;
}

void log_writer_free(struct log_writer *w)
{
    if (!w)
        return;
    atomic_store(&w->end, true);
    sem_post(&w->wake);
    if (!wait_for_end(w))
        return; /* the thread is stuck, and all of it is its own until the process ends */
    pthread_join(w->thread, NULL);
    close(w->ended);
    sem_destroy(&w->wake);
    free(w);
}
