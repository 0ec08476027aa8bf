/* SPDX-License-Identifier: MIT
 *
 * Effects own what they carry. When memory runs out an effect is lost whole; whoever added it says whether that may be
 * (memory.h): a frame may, as a network loses a packet; a row, a deadline or what the application is told may not.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/memory.h"

void peer_effects_clear(struct peer_effects *fx)
{
    for (size_t i = 0; i < fx->n; i++) {
        free(fx->v[i].kind);
        free(fx->v[i].text);
        peer_notice_free(fx->v[i].notice);
        free(fx->v[i].log);
    }
    fx->n = 0;
    peer_notice_free(fx->out_of_memory);
    fx->out_of_memory = NULL;
}

void peer_effects_done(struct peer_effects *fx)
{
    peer_effects_clear(fx);
    free(fx->v);
    *fx = (struct peer_effects){0};
}

struct peer_effect *effect_add(struct peer *p, enum peer_effect_type type)
{
    assert(p->fx);
    struct peer_effects *fx = p->fx;
    if (fx->n == fx->cap) {
        size_t cap = fx->cap ? 2 * fx->cap : 16;
        struct peer_effect *v = realloc(fx->v, cap * sizeof *v);
        if (!v)
            return NULL;
        fx->v = v;
        fx->cap = cap;
    }
    struct peer_effect *effect = &fx->v[fx->n++];
    *effect = (struct peer_effect){.type = type};
    return effect;
}

struct peer_effect *effect_text(struct peer *p, enum peer_effect_type type, uint64_t rtc, struct span text)
{
    assert(text.p || text.n == 0);
    struct peer_effect *effect = effect_add(p, type);
    if (!effect)
        return NULL;
    effect->rtc = rtc;
    effect->text = malloc(text.n + 1);
    if (!effect->text) {
        p->fx->n--;
        return NULL;
    }
    if (text.n)
        memcpy(effect->text, text.p, text.n);
    effect->text[text.n] = '\0';
    effect->text_n = text.n;
    return effect;
}

void effect_wake(struct peer *p, uint64_t at)
{
    if (at < p->wake)
        p->wake = at;
}

void effect_log(
    struct peer *p, enum log_level level, const char *event, const char *message, const char *key, struct span value)
{
    assert(event && message);
    bool before = memory_short(p);
    struct log_record *record = malloc(sizeof *record);
    struct peer_effect *effect = record ? effect_add(p, PEER_FX_LOG) : NULL;
    memory_spared(p, before);
    if (!effect) {
        free(record);
        return;
    }
    log_record_init(record, level, event, message);
    if (key)
        log_record_add(record, key, value);
    effect->log = record;
}

bool text_copy(char *out, size_t n, struct span text)
{
    assert(out && n > 0);
    if (text.n >= n)
        return false;
    if (text.n)
        memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return true;
}

uint64_t effect_jitter(const struct peer *p, uint64_t base)
{
    assert(base > 0);
    return base + rng_below(&p->rng, (uint32_t)(base / 4) + 1);
}
