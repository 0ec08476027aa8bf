/* SPDX-License-Identifier: MIT */
#include "peer/io/notices.h"

#include <stdlib.h>
#include <utlist.h>

struct waiting {
    struct waiting *next, *prev;
    struct peer_notice *notice;
};

struct notices {
    GMainContext *context; /* borrowed */
    notices_fn *tell;
    void *user;
    struct waiting *waiting; /* in order */
    size_t n;
    GSource *source;
    bool delivering, hold_left;
};

struct notices *notices_new(GMainContext *context, notices_fn *tell, void *user)
{
    struct notices *n = calloc(1, sizeof *n);
    if (n)
        *n = (struct notices){.context = context, .tell = tell, .user = user};
    return n;
}

void notices_free(struct notices *n)
{
    if (!n)
        return;
    if (n->source) {
        g_source_destroy(n->source);
        g_source_unref(n->source);
    }
    struct waiting *w, *next;
    DL_FOREACH_SAFE (n->waiting, w, next) {
        peer_notice_free(w->notice);
        free(w);
    }
    free(n);
}

void notices_deliver(struct notices *n)
{
    if (n->delivering)
        return;
    n->delivering = true;
    struct waiting *w;
    while ((w = n->waiting) && !(w->notice->type == NOTICE_LEFT && n->hold_left)) {
        DL_DELETE(n->waiting, w);
        n->n--;
        n->tell(n->user, w->notice);
        peer_notice_free(w->notice);
        free(w);
    }
    n->delivering = false;
}

static gboolean deliver_now(gpointer user)
{
    struct notices *n = user;
    g_source_unref(n->source);
    n->source = NULL;
    notices_deliver(n);
    return G_SOURCE_REMOVE;
}

void notices_arm(struct notices *n)
{
    if (!n->waiting || n->source || n->delivering)
        return;
    n->source = g_idle_source_new();
    /* Ahead of what the application reads next, so that its next command finds what the last one did. */
    g_source_set_priority(n->source, G_PRIORITY_HIGH);
    g_source_set_callback(n->source, deliver_now, n, NULL);
    g_source_attach(n->source, n->context);
}

void notices_add(struct notices *n, struct peer_notice *notice)
{
    struct waiting *w = calloc(1, sizeof *w);
    if (!w) {
        peer_notice_free(notice);
        return;
    }
    w->notice = notice;
    DL_APPEND(n->waiting, w);
    n->n++;
}

void notices_hold_left(struct notices *n, bool hold)
{
    n->hold_left = hold;
}

size_t notices_waiting(const struct notices *n)
{
    return n->n;
}
