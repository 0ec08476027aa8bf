/* SPDX-License-Identifier: MIT */
#include "base/os_thread.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    STACK_BYTES = 256 * 1024 /* libsystemd and OpenSSL keep a few pages there */
};

static bool refuse(struct err *e, int error)
{
    return err_set_errno(e, error,
        "no thread could be started: %s: raise the limit of processes or memory (ulimit -u, ulimit -v, LimitNPROC=, "
        "TasksMax=)",
        strerror(error));
}

static bool start(pthread_t *thread, size_t stack, void *(*run)(void *), void *ctx, struct err *e)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int error = pthread_attr_init(&attributes);
    if (error)
        return refuse(e, error);
    pthread_attr_setstacksize(&attributes, stack);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a thread inherits the mask of its maker */
    error = pthread_create(thread, &attributes, run, ctx);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0 || refuse(e, error);
}

bool os_thread_start(pthread_t *thread, void *(*run)(void *), void *ctx, struct err *e)
{
    return start(thread, STACK_BYTES, run, ctx, e);
}

bool os_thread_join(pthread_t thread, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until); /* what pthread_timedjoin_np counts by */
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return (ms == 0 ? pthread_tryjoin_np(thread, NULL) : pthread_timedjoin_np(thread, NULL, &until)) == 0;
}

static void *wait_for_end(void *ctx)
{
    while (sem_wait(ctx) < 0 && errno == EINTR)
        continue;
    return NULL;
}

bool os_thread_probe(unsigned count, size_t stack, struct err *e)
{
    pthread_t *threads = calloc(count, sizeof *threads);
    sem_t end;
    unsigned made = 0;
    if (!threads)
        return err_memory(e);
    sem_init(&end, 0, 0);
    while (made < count && start(&threads[made], stack, wait_for_end, &end, e))
        made++;
    for (unsigned i = 0; i < made; i++)
        sem_post(&end);
    for (unsigned i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    sem_destroy(&end);
    free(threads);
    return made == count;
}
