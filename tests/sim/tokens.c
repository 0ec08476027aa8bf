/* SPDX-License-Identifier: MIT
 *
 * A table by text.
 */
#include "tests/sim/tokens.h"

#include <stdlib.h>

struct token *tokens_find(struct token *all, const char *text)
{
    struct token *t = NULL;
    if (text)
        HASH_FIND_STR(all, text, t);
    return t;
}

void tokens_add(struct token **all, const char *text, const struct seat *s, uint64_t life, unsigned turn)
{
    size_t n = strlen(text);
    struct token *t = world_alloc(sizeof *t + n + 1);
    *t = (struct token){.incarnation = s->room->incarnation,
        .life = life,
        .stay = s->stay,
        .expires = s->expires,
        .turn = turn,
        .made = s->room->made,
        .self = json_incref(s->self)};
    memcpy(t->id, s->id, sizeof t->id);
    memcpy(t->room, s->room->id, sizeof t->room);
    memcpy(t->text, text, n + 1);
    HASH_ADD_KEYPTR(hh, *all, t->text, n, t);
}

void tokens_free(struct token **all)
{
    struct token *t, *next;
    HASH_ITER (hh, *all, t, next) {
        HASH_DEL(*all, t);
        json_decref(t->self);
        free(t);
    }
}
