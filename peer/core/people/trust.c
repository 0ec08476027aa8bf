/* SPDX-License-Identifier: MIT
 *
 * Names and keys, as ssh has its known hosts: the first person who proved a key under a display name keeps the name.
 * Whoever comes with that name or one that looks like it, and another key or none, is shown with a warning. That is
 * all: a name gives no right, the id is the person.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/display_name.h"
#include "peer/core/state.h"
#include "peer/core/people/trust.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/people/card.h"

static struct known *find(struct peer *p, const char *name)
{
    struct known *k;
    HASH_FIND_STR(p->known, name, k);
    return k;
}

void trust_known(struct peer *p, struct span name, struct span id)
{
    assert(p->known == NULL || HASH_COUNT(p->known) <= NAMES_MAX);
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
    const char *text = who->keyed ? "its name is known with another key"
                                  : "its name is known with another key, and this one shows none";
    notice_add(p, &(struct notice){.type = NOTICE_LINK,
                      .id = person_id(who),
                      .name = span_of(who->name),
                      .code = SPAN("known-name"),
                      .text = span_of(text)});
    char shown[DISPLAY_NAME_MAX + 3] = "<";
    size_t n = 1 + display_name_clean(span_of(who->name), shown + 1);
    shown[n++] = '>';
    effect_log(p, LOG_LEVEL_WARNING, "name-changed", "a known name came with another key or none", "name",
        (struct span){shown, n});
}

/* Whether this name, or one that looks like it, is known: as that of who alone (own), or of somebody else too
 * (taken). */
static void look_up(struct peer *p, const struct person *who, bool *own, bool *taken)
{
    char wanted[DISPLAY_NAME_MAX + 1], skeleton[DISPLAY_NAME_MAX + 1];
    const struct known *same = find(p, who->name), *next;
    *own = same && strcmp(same->id, who->id) == 0;
    *taken = same && !*own;
    display_name_skeleton(span_of(who->name), wanted);
    for (const struct known *k = *own || *taken ? NULL : p->known; k; k = next) {
        next = k->hh.next;
        display_name_skeleton(span_of(k->name), skeleton);
        *taken = *taken || (strcmp(skeleton, wanted) == 0 && strcmp(k->id, who->id) != 0);
    }
}

void trust_meet(struct peer *p, const struct person *who)
{
    bool own, taken;
    if (who->name[0] == '\0')
        return;
    look_up(p, who, &own, &taken);
    if (taken)
        warn(p, who);
    if (own || taken || !who->keyed || HASH_COUNT(p->known) >= NAMES_MAX)
        return;
    trust_known(p, span_of(who->name), person_id(who));
    effect_remember(p, span_of(who->name), person_id(who));
}

void trust_clear(struct peer *p)
{
    struct known *k, *next;
    HASH_ITER (hh, p->known, k, next) {
        HASH_DEL(p->known, k);
        free(k);
    }
}
