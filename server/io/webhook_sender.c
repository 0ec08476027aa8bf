/* SPDX-License-Identifier: MIT
 *
 * A thread for each receiver, since getaddrinfo(3) blocks for as long as it likes, and so that none waits for another
 * (docs/decisions/0015). As with those that hash passwords (hash.c) the loop never holds or takes a lock that the thread
 * may have: it posts a semaphore, and is told by a flag and an eventfd. The thread stands back behind the loop, for on a
 * machine of few cores TLS would have relays wait.
 */
#include "server/io/webhook_sender.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/os_thread.h"

enum {
    STEP_BACK = 10 /* of nice(2) */
};

struct webhook_sender {
    struct webhook_url url;
    pthread_t thread;
    sem_t wake;            /* posted once for each try, and to end */
    int event;             /* borrowed */
    int stop;              /* owned eventfd: can be read when the thread is to end */
    atomic_bool over, end; /* a try is over; the thread is to end */
    bool under_way;        /* the loop's: a try was begun and its end not heard of */
    /* The loop's between tries, the thread's during one. */
    char *body; /* owned */
    size_t body_n;
    char id[ID_CHARS + 1];
    char secret[WEBHOOK_SECRET_MAX];
    size_t secret_n;
    uint64_t unix_s;
    struct webhook_result result;
    SSL_CTX *tls; /* owned; the thread's */
};

/* Both are of this thread alone on Linux, and of no consequence if they are refused. */
static void stand_back(void)
{
    const struct sched_param ordinary = {.sched_priority = 0};
    sched_setscheduler(0, SCHED_BATCH, &ordinary);
    (void)!nice(STEP_BACK);
}

static void tell(const struct webhook_sender *s)
{
    static const uint64_t one = 1;
    (void)!write(s->event, &one, sizeof one); /* full is as good as written */
}

static void *run(void *ctx)
{
    struct webhook_sender *s = ctx;
    stand_back();
    for (;;) {
        while (sem_wait(&s->wake) != 0)
            ;
        if (atomic_load(&s->end))
            break;
        webhook_post(
            &(struct webhook_post){
                .url = &s->url,
                .id = s->id,
                .secret = {s->secret, s->secret_n},
                .body = {s->body, s->body_n},
                .unix_s = s->unix_s,
                .agent = "usherd/" USHER_VERSION,
                .stop = s->stop,
            },
            &s->tls, &s->result);
        atomic_store(&s->over, true);
        tell(s);
    }
    tell(s);
    return NULL;
}

static void sender_free(struct webhook_sender *s)
{
    if (s->stop >= 0)
        close(s->stop);
    sem_destroy(&s->wake);
    SSL_CTX_free(s->tls);
    OPENSSL_cleanse(s->secret, sizeof s->secret);
    free(s->body);
    free(s);
}

struct webhook_sender *webhook_sender_new(const struct webhook_url *url, int event, struct err *e)
{
    struct webhook_sender *s = calloc(1, sizeof *s);
    if (!s) {
        err_memory(e);
        return NULL;
    }
    s->url = *url;
    s->event = event;
    s->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sem_init(&s->wake, 0, 0);
    if (s->stop < 0)
        err_set_errno(e, errno, "webhooks.url: no descriptor for its sender: %s", strerror(errno));
    else if (os_thread_start(&s->thread, run, s, e))
        return s;
    sender_free(s);
    return NULL;
}

void webhook_sender_try(struct webhook_sender *s, struct buf *body, const char *id, struct span secret, uint64_t unix_s)
{
    assert(!s->under_way && secret.n <= sizeof s->secret);
    free(s->body);
    s->body_n = body->len;
    s->body = buf_take(body, NULL);
    snprintf(s->id, sizeof s->id, "%s", id);
    memcpy(s->secret, secret.p, secret.n);
    s->secret_n = secret.n;
    s->unix_s = unix_s;
    s->under_way = true;
    sem_post(&s->wake);
}

bool webhook_sender_over(struct webhook_sender *s, struct webhook_result *result)
{
    if (!atomic_exchange(&s->over, false))
        return false;
    s->under_way = false;
    *result = s->result;
    free(s->body);
    s->body = NULL;
    return true;
}

void webhook_sender_retire(struct webhook_sender *s)
{
    static const uint64_t one = 1;
    atomic_store(&s->end, true);
    (void)!write(s->stop, &one, sizeof one);
    sem_post(&s->wake);
}

bool webhook_sender_end(struct webhook_sender *s, unsigned ms)
{
    if (!os_thread_join(s->thread, ms))
        return false;
    sender_free(s);
    return true;
}
