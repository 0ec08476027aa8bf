/* SPDX-License-Identifier: MIT
 *
 * Passwords are hashed on two threads of their own, one at a time each; more wait in a ring. What was hashed when the
 * daemon is freed is dropped.
 *
 * The threads stand back behind the loop: whoever guesses passwords keeps both of them busy, and on a machine of few
 * cores everybody's relay would wait for its share of the processor. So nothing here may have the loop wait for a
 * thread that stands back: a hasher is told of a job by a semaphore and tells its end by a flag and an eventfd, none
 * of which is held. uv's own pool was rejected for that: its uv_async_send is interrupted half-way by the loop that it
 * wakes, and that loop then spins, for milliseconds, until the other is done.
 *
 * scrypt (RFC 7914) with N = 2^14, r = 8, p = 1: 16 MiB and some 40 ms for each guess, here and for a thief of the file.
 * Twice of that, and the last of those that may wait would not be answered within HANDSHAKE_MS on a busy machine. The
 * 16 MiB stay with their thread: mapping them anew for each guess keeps the kernel from the loop for longer than a relay.
 */
#include "server/io/turn.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    HASHERS = 2,
    STEP_BACK = 15, /* of nice(2): not all of it, or guesses would wait for ever on a machine that others keep busy */
    SCRYPT_N = 1 << 14,
    SCRYPT_R = 8,
    SCRYPT_P = 1,
    SCRYPT_MEMORY = 32 * 1024 * 1024
};

struct hasher {
    uv_thread_t thread;
    uv_sem_t wake; /* posted once for each job, and to end */
    bool made, running;
    int event;               /* borrowed */
    struct core_hash *asked; /* owned; the loop sets it before wake and takes it after done; NULL: idle */
    atomic_bool done, end;
    bool ok;
    uint8_t hash[ROOM_HASH_BYTES];
};

/* As many places as the core asks for at once, so that no job is lost. */
struct hashers {
    int event;
    uv_poll_t poll;
    bool polled;
    struct hasher each[HASHERS];
    struct core_hash *waiting[HASHES_MAX]; /* owned; a ring */
    unsigned first, count;
};

static void wipe(struct core_hash *h)
{
    if (h)
        OPENSSL_cleanse(h, sizeof *h);
    free(h);
}

/* Both are of this thread alone on Linux, and of no consequence if they are refused. A daemon under real-time scheduling gets back to
 * ordinary threads here. */
static void stand_back(void)
{
    const struct sched_param ordinary = {.sched_priority = 0};
    sched_setscheduler(0, SCHED_BATCH, &ordinary);
    (void)!nice(STEP_BACK);
}

static void run(void *ctx)
{
    static const uint64_t one = 1;
    struct hasher *h = ctx;
    stand_back();
    for (;;) {
        uv_sem_wait(&h->wake);
        if (atomic_load(&h->end))
            return;
        const struct core_hash *a = h->asked;
        h->ok = EVP_PBE_scrypt(a->password, a->password_n, a->salt, sizeof a->salt, SCRYPT_N, SCRYPT_R, SCRYPT_P,
                    SCRYPT_MEMORY, h->hash, sizeof h->hash) == 1;
        atomic_store(&h->done, true);
        (void)!write(h->event, &one, sizeof one); /* full is as good as written */
    }
}

static void start(struct hashers *all, struct hasher *h)
{
    if (all->count == 0)
        return;
    h->asked = all->waiting[all->first];
    all->first = (all->first + 1) % HASHES_MAX;
    all->count--;
    uv_sem_post(&h->wake);
}

static void finish(struct io *io, struct hasher *h)
{
    uint8_t bytes[ROOM_HASH_BYTES];
    struct core_event e = io_event(io, CORE_HASHED, NULL);
    memcpy(bytes, h->hash, sizeof bytes);
    e.hashed.job = h->asked->job;
    e.hashed.hash = h->ok ? bytes : NULL;
    wipe(h->asked);
    h->asked = NULL;
    start(io->hashers, h);
    io_step(io, &e);
}

static void look(uv_poll_t *poll, int status, int events)
{
    struct io *io = poll->data;
    uint64_t times;
    (void)status;
    (void)events;
    (void)!read(io->hashers->event, &times, sizeof times);
    for (size_t i = 0; i < HASHERS; i++)
        if (atomic_exchange(&io->hashers->each[i].done, false))
            finish(io, &io->hashers->each[i]);
}

void hash_password(struct io *io, struct core_hash *asked)
{
    struct hashers *all = io->hashers;
    assert(all->count < HASHES_MAX); /* the core counts as well */
    all->waiting[(all->first + all->count++) % HASHES_MAX] = asked;
    for (size_t i = 0; i < HASHERS; i++)
        if (!all->each[i].asked) {
            start(all, &all->each[i]);
            return;
        }
}

static bool open_one(struct hasher *h, int event)
{
    h->event = event;
    h->made = uv_sem_init(&h->wake, 0) == 0;
    h->running = h->made && uv_thread_create(&h->thread, run, h) == 0;
    return h->running;
}

bool hash_open(struct io *io)
{
    struct hashers *all = io->hashers = calloc(1, sizeof *io->hashers);
    if (!all)
        return false;
    all->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    all->polled = all->event >= 0 && uv_poll_init(io->loop, &all->poll, all->event) == 0;
    all->poll.data = io;
    if (!all->polled || uv_poll_start(&all->poll, UV_READABLE, look) != 0)
        return false;
    for (size_t i = 0; i < HASHERS; i++)
        if (!open_one(&all->each[i], all->event))
            return false;
    return true;
}

static void end_one(struct hasher *h)
{
    if (h->running) {
        atomic_store(&h->end, true);
        uv_sem_post(&h->wake);
        uv_thread_join(&h->thread);
    }
    if (h->made)
        uv_sem_destroy(&h->wake);
    wipe(h->asked);
}

void hash_stop(struct io *io)
{
    struct hashers *all = io->hashers;
    for (size_t i = 0; all && i < HASHERS; i++)
        end_one(&all->each[i]);
    if (all && all->polled)
        uv_close((uv_handle_t *)&all->poll, NULL);
}

void hash_free(struct io *io)
{
    struct hashers *all = io->hashers;
    if (!all)
        return;
    for (; all->count > 0; all->count--)
        wipe(all->waiting[(all->first + all->count - 1) % HASHES_MAX]);
    if (all->event >= 0)
        close(all->event);
    free(all);
}
