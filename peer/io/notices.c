/* SPDX-License-Identifier: MIT */
#include "peer/io/notices.h"

#include <stdlib.h>
#include <utlist.h>

struct told {
    struct told *next, *prev;
    struct peer_notice *notice;
};

struct notices {
    GMainContext *context; /* borrowed */
    notices_fn *tell;
    void *user;
    struct told *told; /* in order */
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
    struct told *t, *next;
    DL_FOREACH_SAFE (n->told, t, next) {
        peer_notice_free(t->notice);
        free(t);
    }
    free(n);
}

void notices_deliver(struct notices *n)
{
    if (n->delivering)
        return;
    n->delivering = true;
    struct told *t;
    while ((t = n->told) && !(t->notice->type == NOTICE_LEFT && n->hold_left)) {
        DL_DELETE(n->told, t);
        n->n--;
        n->tell(n->user, t->notice);
        peer_notice_free(t->notice);
        free(t);
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
    if (!n->told || n->source || n->delivering)
        return;
    n->source = g_idle_source_new();
    /* Ahead of what the application reads next, so that its next command finds what the last one did. */
    g_source_set_priority(n->source, G_PRIORITY_HIGH);
    g_source_set_callback(n->source, deliver_now, n, NULL);
    g_source_attach(n->source, n->context);
}

void notices_add(struct notices *n, struct peer_notice *notice)
{
    struct told *t = calloc(1, sizeof *t);
    if (!t) {
        peer_notice_free(notice);
        return;
    }
    t->notice = notice;
    DL_APPEND(n->told, t);
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
