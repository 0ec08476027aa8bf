/* SPDX-License-Identifier: MIT
 *
 * Rows and tickets. A step puts and deletes rows; the commit that ends it gets a ticket, and io says when that is on
 * the disk (after_commit.c keeps what waits for it). Loads are answered by their ticket, too.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"
#include "peer/core/port/storage.h"
#include "peer/core/port/effects.h"

static bool may_write(const struct peer *p)
{
    return !p->restoring && !p->closing;
}

void storage_put(struct peer *p, enum peer_table table, struct span key, struct span value)
{
    assert(table < PEER_TABLES && key.n > 0 && key.n <= ROW_KEY_MAX);
    if (may_write(p) && effect_put(p, table, key, value))
        p->dirty = true;
}

void storage_delete(struct peer *p, enum peer_table table, struct span key)
{
    assert(table < PEER_TABLES && key.p);
    if (may_write(p) && effect_delete(p, table, key))
        p->dirty = true;
}

void storage_committed(struct peer *p, uint64_t ticket)
{
    assert(ticket <= p->commit && ticket >= p->committed);
    p->committed = ticket;
}

bool storage_is_settled(const struct peer *p)
{
    return !p->dirty && p->committed >= p->commit;
}

void storage_end_step(struct peer *p)
{
    if (!p->dirty || !effect_commit(p, p->ticket + 1))
        return;
    p->commit = ++p->ticket;
    p->dirty = false;
}

/* ---- loads ---- */

struct load *storage_load(struct peer *p, enum load_type type, enum peer_table table, struct span from, struct span to,
    unsigned limit, bool last)
{
    assert(table < PEER_TABLES && limit > 0 && limit <= ROWS_MAX);
    struct load *load = p->load_count < LOADS_MAX ? calloc(1, sizeof *load) : NULL;
    if (!load || !effect_load(p, p->ticket + 1, table, from, to, limit, last)) {
        free(load);
        return NULL;
    }
    load->ticket = ++p->ticket;
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

struct row_key storage_message_key(const char *conversation, struct span author, uint64_t sequence)
{
    assert(conversation[0] && author.n <= PERSON_MAX);
    struct row_key key;
    size_t n = strlen(conversation);
    assert(n <= ENVELOPE_CONVERSATION_MAX && sizeof key.text <= ROW_KEY_MAX);
    memcpy(key.text, conversation, n);
    key.text[n++] = '/';
    if (author.n > 0)
        memcpy(key.text + n, author.p, author.n);
    n += author.n;
    key.text[n++] = '/';
    storage_number(key.text + n, sequence);
    return key;
}
