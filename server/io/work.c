/* SPDX-License-Identifier: MIT
 *
 * What would keep the loop waiting is done on uv's thread pool: passwords are hashed, two at a time, and rooms.json is
 * written, one writing at a time (the core asks for no more). Jobs beyond the two wait in a list of our own, since the
 * pool has four threads and would give passwords all of them. A job that ends while the daemon is freed is dropped.
 *
 * scrypt (RFC 7914) with N = 2^14, r = 8, p = 1: 16 MiB and some 40 ms for each guess, here and for a thief of the file.
 * Twice of that, and the last of those that may wait would not be answered within HANDSHAKE_MS on a busy machine.
 */
#include "server/io/turn.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/os_file.h"
#include "server/io/state_dir.h"

enum {
    HASHERS = 2,
    SCRYPT_N = 1 << 14,
    SCRYPT_R = 8,
    SCRYPT_P = 1,
    SCRYPT_MEMORY = 32 * 1024 * 1024
};

struct hash_work {
    uv_work_t work;
    struct io *io;
    struct core_hash *asked; /* owned */
    struct hash_work *next;  /* of those that wait, or of those that are free */
    bool ok;
    uint8_t hash[ROOM_HASH_BYTES];
};

struct store_work {
    uv_work_t work;
    struct io *io;
    struct frame *frame; /* owned; its text is what is written */
    bool ok;
    struct err problem;
};

/* As many places as the core asks for at once, so that no job is lost for want of memory. */
struct work {
    struct hash_work hashes[HASHES_MAX];
    struct hash_work *free, *first;
    unsigned hashers;
    struct store_work store;
};

static void start_hash(struct io *io, struct hash_work *w);

static void wipe(struct core_hash *h)
{
    OPENSSL_cleanse(h, sizeof *h);
    free(h);
}

static void hash(uv_work_t *work)
{
    struct hash_work *w = work->data;
    const struct core_hash *a = w->asked;
    w->ok = EVP_PBE_scrypt(a->password, a->password_n, a->salt, sizeof a->salt, SCRYPT_N, SCRYPT_R, SCRYPT_P,
                SCRYPT_MEMORY, w->hash, sizeof w->hash) == 1;
}

static void tell_hashed(struct io *io, uint64_t job, const uint8_t *bytes)
{
    struct core_event e = io_event(io, CORE_HASHED, NULL);
    e.hashed.job = job;
    e.hashed.hash = bytes;
    io_step(io, &e);
}

static void hashed(uv_work_t *work, int status)
{
    struct hash_work *w = work->data;
    struct io *io = w->io;
    uint64_t job = w->asked->job;
    bool ok = status == 0 && w->ok;
    wipe(w->asked);
    uint8_t bytes[ROOM_HASH_BYTES];
    memcpy(bytes, w->hash, sizeof bytes);
    w->asked = NULL;
    LL_PREPEND(io->work->free, w);
    io->work->hashers--;
    if (io->freeing)
        return;
    if (io->work->first) {
        struct hash_work *next = io->work->first;
        LL_DELETE(io->work->first, next);
        start_hash(io, next);
    }
    tell_hashed(io, job, ok ? bytes : NULL);
}

static void start_hash(struct io *io, struct hash_work *w)
{
    io->work->hashers++;
    int started = uv_queue_work(io->loop, &w->work, hash, hashed);
    assert(started == 0); /* it fails without a callback only */
    (void)started;
}

void work_hash(struct io *io, struct core_hash *asked)
{
    struct hash_work *w = io->work->free;
    assert(w); /* the core counts as well */
    LL_DELETE(io->work->free, w);
    *w = (struct hash_work){.io = io, .asked = asked};
    w->work.data = w;
    if (io->work->hashers < HASHERS)
        start_hash(io, w);
    else
        LL_APPEND(io->work->first, w);
}

static void store(uv_work_t *work)
{
    struct store_work *w = work->data;
    w->ok = os_file_replace(w->io->state_dir, ROOMS_FILE, frame_text(w->frame), &w->problem);
}

static void tell_stored(struct io *io, bool ok)
{
    struct core_event e = io_event(io, CORE_STORED, NULL);
    e.stored = ok;
    io_step(io, &e);
}

static void stored(uv_work_t *work, int status)
{
    struct store_work *w = work->data;
    struct io *io = w->io;
    bool ok = status == 0 && w->ok;
    if (!ok)
        logger_say(io->logger, LOG_LEVEL_ERROR, "store-failed", w->problem.text);
    frame_unref(w->frame);
    w->frame = NULL;
    if (!io->freeing)
        tell_stored(io, ok);
}

void work_store(struct io *io, struct frame *frame)
{
    struct store_work *w = &io->work->store;
    assert(!w->frame);
    *w = (struct store_work){.io = io, .frame = frame};
    w->work.data = w;
    int started = uv_queue_work(io->loop, &w->work, store, stored);
    assert(started == 0);
    (void)started;
}

bool work_open(struct io *io)
{
    io->work = calloc(1, sizeof *io->work);
    for (size_t i = 0; io->work && i < HASHES_MAX; i++)
        LL_PREPEND(io->work->free, &io->work->hashes[i]);
    return io->work != NULL;
}

void work_close(struct io *io)
{
    struct hash_work *w;
    if (!io->work)
        return;
    LL_FOREACH (io->work->first, w)
        wipe(w->asked);
    free(io->work);
}
