/* SPDX-License-Identifier: MIT
 *
 * What must be on the disk before something is said. A step puts rows and names what depends on them; the commit that
 * ends the step gets a ticket, and what waits for it is done in order when io says that it is durable. So a message is
 * accepted, shown or acknowledged only when a crash cannot take it back, and one commit serves all that a turn of the
 * loop brought.
 *
 * Out of memory loses a receipt (it is asked for again) or a notice (the record in the log has it); a message of ours
 * whose sending was lost goes out at the next start or link-up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"

void storage_put(struct peer *p, enum peer_table table, struct span key, struct span value)
{
    struct peer_effect *effect = p->restoring || p->closing ? NULL : effect_text(p, PEER_FX_PUT, 0, value);
    if (!effect)
        return;
    effect->table = table;
    effect->kind = strndup(key.p, key.n);
    p->dirty = true;
}

void storage_delete(struct peer *p, enum peer_table table, struct span key)
{
    struct peer_effect *effect = p->restoring || p->closing ? NULL : effect_add(p, PEER_FX_DELETE);
    if (!effect)
        return;
    effect->table = table;
    effect->kind = strndup(key.p, key.n);
    p->dirty = true;
}

/* ---- then ---- */

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

/* Waits for the commit that covers what was put last. NULL if it is lost. */
static struct after_commit *after_commit_add(struct peer *p, enum after_commit_type type)
{
    if (p->after_commits.n == p->after_commits.cap && !grow(p))
        return NULL;
    struct after_commit *t = after_commit_at(p, p->after_commits.n++);
    *t = (struct after_commit){.type = type, .ticket = p->dirty ? p->ticket + 1 : p->commit};
    return t;
}

/* All that was put is on the disk. */
static bool is_settled(const struct peer *p)
{
    return !p->dirty && p->committed >= p->commit;
}

void after_commit_notice(struct peer *p, const struct notice *n)
{
    struct peer_notice *made = notice_make(n);
    p->dirty = true;
    struct after_commit *t = made ? after_commit_add(p, AFTER_COMMIT_NOTICE) : NULL;
    if (t)
        t->notice = made;
    else
        peer_notice_free(made);
}

void after_commit_send(struct peer *p, const struct outgoing *m)
{
    p->dirty = true;
    struct after_commit *t = after_commit_add(p, AFTER_COMMIT_SEND);
    if (t)
        memcpy(t->id, m->id, sizeof m->id);
}

static void give_notice(struct peer *p, struct after_commit *t)
{
    struct peer_effect *effect = effect_add(p, PEER_FX_NOTICE);
    if (effect)
        effect->notice = t->notice;
    else
        peer_notice_free(t->notice);
}

static void do_after_commit(struct peer *p, struct after_commit *t)
{
    struct person *who = roster_find(p, span_of(t->who));
    struct outgoing *m;
    switch (t->type) {
    case AFTER_COMMIT_NOTICE:
        give_notice(p, t);
        break;
    case AFTER_COMMIT_SEND:
        if ((m = outbox_find(p, span_of(t->id))))
            outbox_release(p, m);
        break;
    case AFTER_COMMIT_RECEIPT:
        if (who)
            receipt_owe(p, who, span_of(t->id), t->group);
        break;
    case AFTER_COMMIT_KEPT:
        if (who)
            receipt_stored(p, who, span_of(t->id));
        break;
    case AFTER_COMMIT_MISSED:
        if (who)
            receipt_missed(p, who, span_of(t->id));
        break;
    case AFTER_COMMIT_FRAME:
        if (who && link_can_send(who))
            connection_send(p, who->link.connection, (struct span){t->frame, t->n});
        else if (who)
            who->behind = true;
        free(t->frame);
        break;
    case AFTER_COMMIT_SEALED:
        if (who)
            relay_send(p, who, (struct span){t->frame, t->n});
        free(t->frame);
        break;
    }
}

void after_commit_tell(
    struct peer *p, enum after_commit_type type, const struct person *who, struct span id, bool group)
{
    struct after_commit now = {.type = type}, *t = is_settled(p) ? &now : after_commit_add(p, type);
    if (!t)
        return;
    text_copy(t->id, sizeof t->id, id);
    memcpy(t->who, who->id, sizeof t->who);
    t->group = group;
    if (t == &now)
        do_after_commit(p, t);
}

void after_commit_frame(struct peer *p, enum after_commit_type type, const struct person *who, struct buf *frame)
{
    struct after_commit now = {.type = type}, *t = is_settled(p) ? &now : after_commit_add(p, type);
    if (!t)
        return;
    memcpy(t->who, who->id, sizeof t->who);
    t->frame = buf_take(frame, &t->n);
    if (t == &now)
        do_after_commit(p, t);
}

void storage_committed(struct peer *p, uint64_t ticket)
{
    p->committed = ticket;
    while (p->after_commits.n > 0 && after_commit_at(p, 0)->ticket <= ticket) {
        struct after_commit t = *after_commit_at(p, 0);
        p->after_commits.first = (p->after_commits.first + 1) % p->after_commits.cap;
        p->after_commits.n--;
        do_after_commit(p, &t);
    }
}

void storage_end_step(struct peer *p)
{
    struct peer_effect *effect = p->dirty ? effect_add(p, PEER_FX_COMMIT) : NULL;
    if (!effect)
        return;
    effect->ticket = p->commit = ++p->ticket;
    p->dirty = false;
}

/* ---- loads ---- */

struct load *storage_load(struct peer *p, enum load_type type, enum peer_table table, struct span from, struct span to,
    unsigned limit, bool last)
{
    struct load *load = p->load_count < LOADS_MAX ? calloc(1, sizeof *load) : NULL;
    struct peer_effect *effect = load ? effect_text(p, PEER_FX_LOAD, 0, to) : NULL;
    if (!effect) {
        free(load);
        return NULL;
    }
    effect->table = table;
    effect->kind = strndup(from.p, from.n);
    effect->limit = limit;
    effect->flag = last;
    effect->ticket = load->ticket = ++p->ticket;
    load->type = type;
    load->limit = limit;
    DL_APPEND(p->loads, load);
    p->load_count++;
    return load;
}

struct load *storage_answered(struct peer *p, uint64_t ticket)
{
    struct load *load;
    DL_FOREACH (p->loads, load) {
        if (load->ticket != ticket)
            continue;
        DL_DELETE(p->loads, load);
        p->load_count--;
        return load;
    }
    return NULL;
}

void storage_clear(struct peer *p)
{
    struct load *load, *next;
    for (size_t i = 0; i < p->after_commits.n; i++) {
        peer_notice_free(after_commit_at(p, i)->notice);
        free(after_commit_at(p, i)->frame);
    }
    free(p->after_commits.v);
    DL_FOREACH_SAFE (p->loads, load, next)
        free(load);
    p->loads = NULL;
}

/* ---- keys ---- */

void storage_number(char out[17], uint64_t number)
{
    snprintf(out, 17, "%016llx", (unsigned long long)number);
}

bool storage_read_number(struct span text, uint64_t *number)
{
    uint64_t n = 0;
    if (text.n != 16)
        return false;
    for (size_t i = 0; i < 16; i++) {
        const char *digits = "0123456789abcdef", *at = memchr(digits, text.p[i], 16);
        if (!at)
            return false;
        n = n << 4 | (uint64_t)(at - digits);
    }
    *number = n;
    return true;
}

void storage_message_key(struct buf *key, const char *conversation, struct span author, uint64_t sequence)
{
    char number[17];
    storage_number(number, sequence);
    buf_reset(key);
    buf_text(key, conversation);
    buf_byte(key, '/');
    buf_span(key, author);
    buf_byte(key, '/');
    buf_text(key, number);
}
