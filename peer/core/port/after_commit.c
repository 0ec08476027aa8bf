/* SPDX-License-Identifier: MIT
 *
 * What must be on the disk before it is said. A step puts rows and names here what depends on them; the commit that
 * ends the step gets a ticket, and what waits for it is handed out in order when io says that it is durable. So a
 * message is accepted, shown or acknowledged only when a crash cannot take it back, and one commit serves all that a
 * turn of the loop brought. What waits is named by ids: by then whoever it concerns may have gone.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"

static struct after_commit *after_commit_at(const struct peer *p, size_t i)
{
    return &p->after_commits.v[(p->after_commits.first + i) % p->after_commits.cap];
}

static bool grow(struct peer *p)
{
    size_t cap = p->after_commits.cap ? 2 * p->after_commits.cap : 64;
    struct after_commit *v = cap <= AFTER_COMMITS_MAX ? malloc(cap * sizeof *v) : NULL;
    if (!v)
        return false;
    for (size_t i = 0; i < p->after_commits.n; i++)
        v[i] = *after_commit_at(p, i);
    free(p->after_commits.v);
    p->after_commits.v = v;
    p->after_commits.first = 0;
    p->after_commits.cap = cap;
    return true;
}

/* Waits for the commit that covers what was put last; ready now, if that is on the disk. NULL: memory is short. */
static struct after_commit *after_commit_add(struct peer *p, enum after_commit_type type)
{
    if (p->after_commits.n == p->after_commits.cap && !grow(p))
        return NULL;
    struct after_commit *t = after_commit_at(p, p->after_commits.n++);
    *t = (struct after_commit){.type = type, .ticket = p->dirty ? p->ticket + 1 : p->commit};
    return t;
}

static struct after_commit *notice_later(struct peer *p, enum after_commit_type type, const struct notice *n)
{
    struct peer_notice *made = notice_make(n);
    struct after_commit *t = made ? after_commit_add(p, type) : NULL;
    if (t)
        t->notice = made;
    else
        peer_notice_free(made);
    return t;
}

void after_commit_notice(struct peer *p, const struct notice *n)
{
    p->dirty = true;
    notice_later(p, AFTER_COMMIT_NOTICE, n);
}

void after_commit_follow(struct peer *p, const struct notice *n)
{
    notice_later(p, AFTER_COMMIT_NOTICE, n);
}

bool after_commit_end(struct peer *p, const struct notice *n, struct span id, struct span who)
{
    assert(id.n > 0 && who.n > 0);
    p->dirty = true;
    struct after_commit *t = notice_later(p, AFTER_COMMIT_END, n);
    return t && text_copy(t->id, sizeof t->id, id) && text_copy(t->who, sizeof t->who, who);
}

void after_commit_send(struct peer *p, const char *id)
{
    assert(id[0]);
    p->dirty = true;
    struct after_commit *t = after_commit_add(p, AFTER_COMMIT_SEND);
    if (t)
        text_copy(t->id, sizeof t->id, span_of(id));
}

void after_commit_tell(struct peer *p, enum after_commit_type type, const char *who, struct span id, bool group)
{
    assert(who[0] && id.n > 0);
    struct after_commit *t = after_commit_add(p, type);
    if (!t)
        return;
    text_copy(t->id, sizeof t->id, id);
    text_copy(t->who, sizeof t->who, span_of(who));
    t->group = group;
}

void after_commit_frame(struct peer *p, enum after_commit_type type, const char *who, struct buf *frame)
{
    assert(who[0]);
    struct after_commit *t = after_commit_add(p, type);
    assert(type == AFTER_COMMIT_FRAME || type == AFTER_COMMIT_SEALED);
    if (!t)
        return;
    text_copy(t->who, sizeof t->who, span_of(who));
    t->frame = buf_take(frame, &t->n);
}

bool after_commit_next(struct peer *p, struct after_commit *out)
{
    if (p->after_commits.n == 0 || after_commit_at(p, 0)->ticket > p->committed)
        return false;
    *out = *after_commit_at(p, 0);
    p->after_commits.first = (p->after_commits.first + 1) % p->after_commits.cap;
    p->after_commits.n--;
    return true;
}

void after_commit_done(struct after_commit *t)
{
    peer_notice_free(t->notice);
    free(t->frame);
    *t = (struct after_commit){0};
}

void after_commit_clear(struct peer *p)
{
    struct after_commit t;
    p->committed = p->ticket + 1;
    while (after_commit_next(p, &t))
        after_commit_done(&t);
    free(p->after_commits.v);
}
