/* SPDX-License-Identifier: MIT
 *
 * What the application is told. A notice is filled from spans and owns copies; which members belong to which notice
 * stands in peer.h, which lists its texts, too.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/display_name.h"
#include "peer/core/state.h"
#include "peer/core/port/notice.h"
#include "peer/core/port/effects.h"

const char *peer_notice_name(enum peer_notice_type type)
{
    static const char *const NAMES[NOTICE_TYPES] = {
#define X(name, text) [NOTICE_##name] = text,
        PEER_NOTICE_LIST(X)
#undef X
    };
    assert(type < NOTICE_TYPES);
    return NAMES[type];
}

/* An absent text (p is NULL) stays absent. */
static bool copy(char **out, struct span text)
{
    if (!text.p)
        return true;
    *out = malloc(text.n + 1);
    return *out && text_copy(*out, text.n + 1, text);
}

static bool copy_all(char ***out, const struct span *texts, size_t n)
{
    if (!texts || n == 0)
        return true;
    *out = calloc(n, sizeof **out);
    for (size_t i = 0; *out && i < n; i++)
        if (!copy(&(*out)[i], texts[i]))
            return false;
    return *out != NULL;
}

/* Names are what others chose; what an application gets of them it can show as it is. */
static void clean_names(struct peer_notice *n)
{
    if (n->name)
        display_name_clean(span_of(n->name), n->name);
    for (size_t i = 0; n->names && i < n->to_count; i++)
        display_name_clean(span_of(n->names[i]), n->names[i]);
}

struct peer_notice *notice_make(const struct notice *n)
{
    assert(n->to_count == 0 || n->to);
    struct peer_notice *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->type = n->type;
    made->to_count = n->to_count;
    made->kind = n->kind;
    made->path = n->path;
    made->timestamp = n->timestamp;
    made->count = n->count;
    made->size = n->size;
    made->took_ms = n->took_ms;
    made->up = n->up;
    made->verified = n->verified;
    made->fatal = n->fatal;
    bool ok = true;
#define X(text) ok = ok && copy(&made->text, n->text);
    PEER_NOTICE_TEXTS(X)
#undef X
    if (ok && copy_all(&made->to, n->to, n->to_count) && copy_all(&made->names, n->names, n->to_count)) {
        clean_names(made);
        return made;
    }
    peer_notice_free(made);
    return NULL;
}

void notice_give(struct peer *p, struct peer_notice **n)
{
    assert(n && *n);
    if (effect_notice(p, *n))
        *n = NULL;
}

void notice_add(struct peer *p, const struct notice *n)
{
    struct peer_notice *made = notice_make(n);
    if (made)
        notice_give(p, &made);
    peer_notice_free(made);
}
