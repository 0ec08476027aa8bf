/* SPDX-License-Identifier: MIT
 *
 * One timer for all queues, one eventfd for all threads. Both lead to the same look: which tries are over, which queues
 * have something due, when is the next. What an operator hears is that a receiver began to fail, that it is well again,
 * and how many events were dropped; of a URL its number and host only, since a path or a query may be a secret.
 */
#include "server/io/webhooks.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/os_rng.h"
#include "server/io/webhook_sender.h"

enum {
    NOTICE_EVERY_MS = 10000, /* for each receiver: that events were dropped */
    STOP_MS = 1000,          /* that all threads may take to end */
    PREFIX_MAX = 128
};

struct receiver {
    char *text; /* owned: the URL as it was set */
    struct webhook_url url;
    struct webhook_queue *queue;   /* owned */
    struct webhook_sender *sender; /* owned */
    bool failing;                  /* its last try failed, and that was said */
    bool kept;                     /* while settings are prepared: the next ones have it too */
    uint64_t dropped_said;         /* events dropped that were said so */
    uint64_t quiet_until;
};

struct receivers {
    struct receiver *v[WEBHOOK_URLS_MAX]; /* each owned */
    size_t n;
    char secret[WEBHOOK_SECRET_MAX];
    size_t secret_n;
};

struct retired {
    struct retired *next;
    struct webhook_sender *sender; /* owned */
};

struct webhooks {
    uv_loop_t *loop;
    const struct logger *logger;
    struct rng rng;
    uv_timer_t timer;
    uint64_t timer_at; /* UINT64_MAX: it is not set */
    uv_poll_t poll;
    int event; /* owned; -1: there never was a receiver */
    struct receivers now, next;
    bool prepared;           /* `next` is to be taken or forgotten */
    struct retired *retired; /* owned: threads that have not ended yet */
    char prefix[PREFIX_MAX]; /* of each body */
    void (*done)(void *ctx); /* while draining */
    void *ctx;
    uint64_t drain_until;
};

static void on_timer(uv_timer_t *timer);
static void on_event(uv_poll_t *poll, int status, int events);

struct webhooks *webhooks_new(uv_loop_t *loop, const struct logger *logger, const char *node)
{
    char boot[ID_CHARS + 1];
    struct webhooks *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->loop = loop;
    w->logger = logger;
    w->rng = os_rng();
    w->timer_at = w->drain_until = UINT64_MAX;
    w->event = -1;
    id_random(&w->rng, boot);
    snprintf(w->prefix, sizeof w->prefix, "{\"node\":\"%s\",\"boot\":\"%s\",\"events\":[", node, boot);
    uv_timer_init(loop, &w->timer);
    w->timer.data = w;
    return w;
}

/* ---- records ---- */

static void say(const struct webhooks *w, const struct receiver *r, enum log_level level, const char *event,
    const char *message, const char *reason, uint64_t count)
{
    struct log_record record;
    unsigned number = 1;
    for (size_t i = 0; i < w->now.n && w->now.v[i] != r; i++)
        number++;
    log_record_init(&record, level, event, message);
    log_record_addf(&record, "url", "%u", number);
    log_record_addf(&record, "host", "%s:%u", r->url.host, r->url.port);
    if (reason)
        log_record_add(&record, "reason", span_of(reason));
    if (count)
        log_record_addf(&record, "count", "%" PRIu64, count);
    logger_write(w->logger, &record);
}

static void say_dropped(const struct webhooks *w, struct receiver *r, bool at_once)
{
    uint64_t now = uv_now(w->loop), n = webhook_queue_counts(r->queue).dropped - r->dropped_said;
    if (n == 0 || (now < r->quiet_until && !at_once))
        return;
    r->quiet_until = now + NOTICE_EVERY_MS;
    r->dropped_said += n;
    say(w, r, LOG_LEVEL_WARNING, "webhook-dropped", "events for a receiver of webhooks were dropped", NULL, n);
}

static void say_result(const struct webhooks *w, struct receiver *r, const struct webhook_result *result)
{
    bool failed = result->outcome != WEBHOOK_DELIVERED;
    if (failed && !r->failing)
        say(w, r, LOG_LEVEL_WARNING, "webhook-failing",
            result->outcome == WEBHOOK_FAILED ? "a receiver of webhooks does not take them: they are tried again"
                                              : "a receiver of webhooks refuses what it is sent",
            result->problem, 0);
    else if (!failed && r->failing)
        say(w, r, LOG_LEVEL_NOTICE, "webhook-well", "a receiver of webhooks takes them again", NULL, 0);
    r->failing = failed;
}

/* ---- one look at all of it ---- */

static void begin_try(struct webhooks *w, struct receiver *r)
{
    char id[ID_CHARS + 1];
    struct timespec wall;
    struct buf body;
    buf_init(&body, WEBHOOK_BODY_MAX);
    buf_text(&body, w->prefix);
    webhook_queue_begin(r->queue, uv_now(w->loop), &body, id);
    buf_text(&body, "]}");
    if (body.failed) {
        buf_done(&body);
        webhook_queue_end(r->queue, WEBHOOK_FAILED, 0, uv_now(w->loop));
        return;
    }
    clock_gettime(CLOCK_REALTIME, &wall);
    webhook_sender_try(r->sender, &body, id, (struct span){w->now.secret, w->now.secret_n}, (uint64_t)wall.tv_sec);
}

static void end_try(struct webhooks *w, struct receiver *r)
{
    struct webhook_result result;
    if (!webhook_sender_over(r->sender, &result))
        return;
    webhook_queue_end(r->queue, result.outcome, result.retry_after_ms, uv_now(w->loop));
    say_result(w, r, &result);
    say_dropped(w, r, false);
}

static void set_timer(struct webhooks *w, uint64_t at)
{
    uint64_t now = uv_now(w->loop);
    if (at >= w->timer_at)
        return;
    w->timer_at = at;
    uv_timer_start(&w->timer, on_timer, at > now ? at - now : 0, 0);
}

static void finish_drain(struct webhooks *w)
{
    void (*done)(void *ctx) = w->done;
    uint64_t waiting = 0;
    for (size_t i = 0; i < w->now.n; i++)
        waiting += webhook_queue_counts(w->now.v[i]->queue).events;
    if (!done || (waiting > 0 && uv_now(w->loop) < w->drain_until))
        return;
    w->done = NULL;
    done(w->ctx);
}

static void look(struct webhooks *w)
{
    uint64_t now = uv_now(w->loop), next = w->done ? w->drain_until : UINT64_MAX;
    for (size_t i = 0; i < w->now.n; i++) {
        struct receiver *r = w->now.v[i];
        end_try(w, r);
        if (webhook_queue_due(r->queue) <= now)
            begin_try(w, r);
        uint64_t due = webhook_queue_due(r->queue);
        next = due < next ? due : next;
    }
    if (next != UINT64_MAX)
        set_timer(w, next);
    finish_drain(w);
}

static void on_timer(uv_timer_t *timer)
{
    struct webhooks *w = timer->data;
    w->timer_at = UINT64_MAX;
    look(w);
}

/* Threads that were to end and have. */
static void reap(struct webhooks *w)
{
    for (struct retired **at = &w->retired, *r; (r = *at);) {
        if (!webhook_sender_end(r->sender, 0)) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        free(r);
    }
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct webhooks *w = poll->data;
    uint64_t times;
    (void)status;
    (void)events;
    (void)!read(w->event, &times, sizeof times);
    reap(w);
    look(w);
}

void webhooks_put(struct webhooks *w, struct frame *event)
{
    uint64_t now = uv_now(w->loop), next = UINT64_MAX;
    for (size_t i = 0; i < w->now.n; i++) {
        struct receiver *r = w->now.v[i];
        webhook_queue_put(r->queue, frame_ref(event), now);
        say_dropped(w, r, false);
        uint64_t due = webhook_queue_due(r->queue);
        next = due < next ? due : next;
    }
    frame_unref(event);
    set_timer(w, next);
}

/* ---- settings ---- */

static bool open_event(struct webhooks *w, struct err *e)
{
    if (w->event >= 0)
        return true;
    w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->event < 0)
        return err_set_errno(e, errno, "webhooks.url: no descriptor is left for it: %s", strerror(errno));
    if (uv_poll_init(w->loop, &w->poll, w->event) != 0) {
        close(w->event);
        w->event = -1;
        return err_memory(e);
    }
    w->poll.data = w;
    uv_poll_start(&w->poll, UV_READABLE, on_event);
    return true;
}

/* Its thread may not have ended yet. */
static void retire(struct webhooks *w, struct webhook_sender *s)
{
    struct retired *r = s ? malloc(sizeof *r) : NULL;
    if (!s)
        return;
    webhook_sender_retire(s);
    if (r) { /* without memory for that the thread ends, and what it has is lost */
        *r = (struct retired){w->retired, s};
        w->retired = r;
    }
}

static void receiver_free(struct webhooks *w, struct receiver *r)
{
    if (!r)
        return;
    retire(w, r->sender);
    webhook_queue_free(r->queue);
    free(r->text);
    free(r);
}

static struct receiver *receiver_new(struct webhooks *w, const char *text, struct err *e)
{
    struct receiver *r = calloc(1, sizeof *r);
    if (!r || !(r->text = strdup(text)) || !(r->queue = webhook_queue_new(&w->rng))) {
        err_memory(e);
        goto fail;
    }
    if (!webhook_url_read(text, &r->url, e) || !(r->sender = webhook_sender_new(&r->url, w->event, e)))
        goto fail;
    return r;
fail:
    receiver_free(w, r);
    return NULL;
}

static struct receiver *find_receiver(struct webhooks *w, const char *text)
{
    for (size_t i = 0; i < w->now.n; i++)
        if (!w->now.v[i]->kept && strcmp(w->now.v[i]->text, text) == 0)
            return w->now.v[i];
    return NULL;
}

/* Forgets what was prepared. */
static void forget_next(struct webhooks *w)
{
    for (size_t i = 0; i < w->next.n; i++)
        if (!w->next.v[i]->kept)
            receiver_free(w, w->next.v[i]);
    for (size_t i = 0; i < w->now.n; i++)
        w->now.v[i]->kept = false;
    OPENSSL_cleanse(&w->next, sizeof w->next);
    w->prepared = false;
}

bool webhooks_prepare(struct webhooks *w, const struct webhook_settings *settings, struct err *e)
{
    assert(!w->prepared && settings->urls_count <= WEBHOOK_URLS_MAX && settings->secret.n <= WEBHOOK_SECRET_MAX);
    w->prepared = true;
    if (settings->urls_count > 0 && !open_event(w, e))
        goto fail;
    for (size_t i = 0; i < settings->urls_count; i++) {
        struct receiver *r = find_receiver(w, settings->urls[i]);
        if (r)
            r->kept = true;
        else if (!(r = receiver_new(w, settings->urls[i], e)))
            goto fail;
        w->next.v[w->next.n++] = r;
    }
    if (settings->secret.n)
        memcpy(w->next.secret, settings->secret.p, settings->secret.n);
    w->next.secret_n = settings->secret.n;
    return true;
fail:
    forget_next(w);
    return false;
}

/* What waits for it is dropped. */
static void dismiss(struct webhooks *w, struct receiver *r, const char *why)
{
    uint64_t waiting = webhook_queue_counts(r->queue).events;
    say_dropped(w, r, true);
    if (waiting > 0)
        say(w, r, LOG_LEVEL_WARNING, "webhook-dropped", "events for a receiver of webhooks were dropped", why, waiting);
    receiver_free(w, r);
}

void webhooks_switch(struct webhooks *w, bool take)
{
    if (!w->prepared)
        return;
    if (!take) {
        forget_next(w);
        return;
    }
    for (size_t i = 0; i < w->now.n; i++)
        if (!w->now.v[i]->kept)
            dismiss(w, w->now.v[i], "its URL was removed");
    w->now = w->next;
    for (size_t i = 0; i < w->now.n; i++)
        w->now.v[i]->kept = false;
    OPENSSL_cleanse(&w->next, sizeof w->next);
    w->prepared = false;
    look(w);
}

/* ---- its end ---- */

void webhooks_drain(struct webhooks *w, uint64_t until, void (*done)(void *ctx), void *ctx)
{
    w->done = done;
    w->ctx = ctx;
    w->drain_until = until;
    for (size_t i = 0; i < w->now.n; i++)
        webhook_queue_hurry(w->now.v[i]->queue);
    look(w);
}

size_t webhooks_counts(const struct webhooks *w, struct webhook_counts counts[WEBHOOK_URLS_MAX])
{
    for (size_t i = 0; i < w->now.n; i++)
        counts[i] = webhook_queue_counts(w->now.v[i]->queue);
    return w->now.n;
}

/* A thread that the system's resolver holds is left to itself, with what it has: the process ends. */
void webhooks_stop(struct webhooks *w)
{
    if (!w)
        return;
    webhooks_switch(w, false);
    for (size_t i = 0; i < w->now.n; i++)
        dismiss(w, w->now.v[i], "the daemon ended");
    w->now.n = 0;
    uint64_t now = uv_hrtime() / 1000000, until = now + STOP_MS;
    while (w->retired) {
        struct retired *r = w->retired;
        w->retired = r->next;
        webhook_sender_end(r->sender, now < until ? (unsigned)(until - now) : 0);
        now = uv_hrtime() / 1000000;
        free(r);
    }
    uv_close((uv_handle_t *)&w->timer, NULL);
    if (w->event >= 0)
        uv_close((uv_handle_t *)&w->poll, NULL);
}

void webhooks_free(struct webhooks *w)
{
    if (!w)
        return;
    if (w->event >= 0)
        close(w->event);
    OPENSSL_cleanse(&w->now, sizeof w->now);
    free(w);
}
