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

/* Takes the notice, which is NULL when memory was short. */
static void notice_later(struct peer *p, struct peer_notice *made)
{
    struct after_commit *t = made ? after_commit_add(p, AFTER_COMMIT_NOTICE) : NULL;
    if (t)
        t->notice = made;
    else
        peer_notice_free(made);
}

void after_commit_notice(struct peer *p, const struct notice *n)
{
    p->dirty = true;
    notice_later(p, notice_make(n));
}

void after_commit_follow(struct peer *p, const struct notice *n)
{
    notice_later(p, notice_make(n));
}

bool after_commit_end(struct peer *p, const struct notice *n, struct span id, struct span who)
{
    assert(id.n > 0 && who.n > 0);
    struct peer_notice *made = notice_make(n);
    p->dirty = true;
    struct after_commit *t = made ? after_commit_add(p, AFTER_COMMIT_END) : NULL;
    if (!t) {
        peer_notice_free(made);
        return false;
    }
    t->end.notice = made;
    return text_copy(t->end.id, sizeof t->end.id, id) && text_copy(t->end.who, sizeof t->end.who, who);
}

void after_commit_send(struct peer *p, const char *id)
{
    assert(id[0]);
    p->dirty = true;
    struct after_commit *t = after_commit_add(p, AFTER_COMMIT_SEND);
    if (t)
        text_copy(t->send.id, sizeof t->send.id, span_of(id));
}

void after_commit_receipt(struct peer *p, const char *who, struct span id, bool group)
{
    assert(who[0] && id.n > 0);
    struct after_commit *t = after_commit_add(p, AFTER_COMMIT_RECEIPT);
    if (!t)
        return;
    text_copy(t->receipt.who, sizeof t->receipt.who, span_of(who));
    text_copy(t->receipt.id, sizeof t->receipt.id, id);
    t->receipt.group = group;
}

static void said_set(struct after_commit_said *said, const char *who, struct span id)
{
    assert(who[0] && id.n > 0);
    text_copy(said->who, sizeof said->who, span_of(who));
    text_copy(said->id, sizeof said->id, id);
}

void after_commit_kept(struct peer *p, const char *who, struct span id)
{
    struct after_commit *t = after_commit_add(p, AFTER_COMMIT_KEPT);
    if (t)
        said_set(&t->kept, who, id);
}

void after_commit_missed(struct peer *p, const char *who, struct span id)
{
    struct after_commit *t = after_commit_add(p, AFTER_COMMIT_MISSED);
    if (t)
        said_set(&t->missed, who, id);
}

static void frame_set(struct after_commit_frame *f, const char *who, struct buf *frame)
{
    assert(who[0]);
    text_copy(f->who, sizeof f->who, span_of(who));
    f->text = buf_take(frame, &f->n);
}

void after_commit_frame(struct peer *p, const char *who, struct buf *frame)
{
    struct after_commit *t = after_commit_add(p, AFTER_COMMIT_FRAME);
    if (t)
        frame_set(&t->frame, who, frame);
}

void after_commit_sealed(struct peer *p, const char *who, struct buf *frame)
{
    struct after_commit *t = after_commit_add(p, AFTER_COMMIT_SEALED);
    if (t)
        frame_set(&t->sealed, who, frame);
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
    switch (t->type) {
    case AFTER_COMMIT_NOTICE:
        peer_notice_free(t->notice);
        break;
    case AFTER_COMMIT_END:
        peer_notice_free(t->end.notice);
        break;
    case AFTER_COMMIT_FRAME:
        free(t->frame.text);
        break;
    case AFTER_COMMIT_SEALED:
        free(t->sealed.text);
        break;
    case AFTER_COMMIT_SEND:
    case AFTER_COMMIT_RECEIPT:
    case AFTER_COMMIT_KEPT:
    case AFTER_COMMIT_MISSED:
        break;
    }
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
