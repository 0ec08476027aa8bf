/* SPDX-License-Identifier: MIT
 *
 * Names and keys, as ssh has its known hosts: the first person who proved a key under a display name keeps the name.
 * Whoever comes with that name and another key, or none, is shown with a warning. That is all: a name gives no right,
 * the id is the person.
 */
#include <stdlib.h>

#include "peer/core/state.h"

static struct known *find(struct peer *p, const char *name)
{
    struct known *k;
    HASH_FIND_STR(p->known, name, k);
    return k;
}

void trust_known(struct peer *p, struct span name, struct span id)
{
    struct known *k = calloc(1, sizeof *k);
    if (!k || HASH_COUNT(p->known) >= NAMES_MAX || name.n == 0 || !text_copy(k->name, sizeof k->name, name) ||
        !text_copy(k->id, sizeof k->id, id) || find(p, k->name)) {
        free(k);
        return;
    }
    HASH_ADD_STR(p->known, name, k);
    if (!k->hh.tbl)
        free(k);
}

static void warn(struct peer *p, const struct person *who)
{
    struct buf text;
    buf_init(&text, 2 * DISPLAY_NAME_MAX + 64);
    buf_printf(
        &text, "name \"%s\" is known with another key%s", who->name, who->keyed ? "" : ", and this one shows none");
    if (!text.failed)
        notice_link(p, who, text.p);
    buf_done(&text);
    effect_log(
        p, LOG_LEVEL_WARNING, "name-changed", "a known name came with another key or none", "name", span_of(who->name));
}

void trust_meet(struct peer *p, const struct person *who)
{
    if (who->name[0] == '\0')
        return;
    const struct known *k = find(p, who->name);
    if (k && strcmp(k->id, who->id) != 0)
        warn(p, who);
    if (k || !who->keyed || HASH_COUNT(p->known) >= NAMES_MAX)
        return;
    trust_known(p, span_of(who->name), person_id(who));
    struct peer_effect *effect = effect_text(p, PEER_FX_REMEMBER, 0, person_id(who));
    if (effect)
        effect->kind = strdup(who->name);
}

void trust_clear(struct peer *p)
{
    struct known *k, *next;
    HASH_ITER (hh, p->known, k, next) {
        HASH_DEL(p->known, k);
        free(k);
    }
}
