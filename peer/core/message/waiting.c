/* SPDX-License-Identifier: MIT
 *
 * One block of memory each: the structure, the spans of `to`, and the bytes of all.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/message/waiting.h"

static size_t bytes_of(const struct envelope *e)
{
    size_t n = e->id.n + e->from.n + e->text.n;
    for (size_t i = 0; i < e->attachment_count; i++) {
        const struct envelope_attachment *a = &e->attachments[i];
        n += a->file_id.n + a->name.n + a->media_type.n + a->hash.n;
    }
    for (size_t i = 0; i < e->to_count; i++)
        n += e->to[i].n;
    return n;
}

/* Into the block; what is absent stays absent. */
static struct span keep(char **at, struct span text)
{
    struct span kept = {text.p ? *at : NULL, text.n};
    if (text.p)
        memcpy(*at, text.p, text.n);
    *at += text.n;
    return kept;
}

struct waiting *waiting_new(const struct envelope *e, bool ours, bool kept)
{
    assert(e->id.n > 0 && e->from.n > 0 && e->sequence > 0);
    size_t size = sizeof(struct waiting) + e->to_count * sizeof *e->to + e->attachment_count * sizeof *e->attachments +
                  bytes_of(e);
    struct waiting *w = malloc(size);
    if (!w)
        return NULL;
    struct span *to = (struct span *)(w + 1);
    struct envelope_attachment *attachments = (struct envelope_attachment *)(to + e->to_count);
    char *at = (char *)(attachments + e->attachment_count);
    *w = (struct waiting){.type = e->type,
        .id = keep(&at, e->id),
        .from = keep(&at, e->from),
        .text = keep(&at, e->text),
        .to = to,
        .to_count = e->to_count,
        .attachments = attachments,
        .attachment_count = e->attachment_count,
        .size = size,
        .sequence = e->sequence,
        .timestamp = e->timestamp,
        .ttl_ms = e->ttl_ms,
        .requires_ack = e->requires_ack,
        .ours = ours,
        .kept = kept};
    for (size_t i = 0; i < e->to_count; i++)
        to[i] = keep(&at, e->to[i]);
    for (size_t i = 0; i < e->attachment_count; i++) {
        const struct envelope_attachment *a = &e->attachments[i];
        attachments[i] = (struct envelope_attachment){.file_id = keep(&at, a->file_id),
            .name = keep(&at, a->name),
            .media_type = keep(&at, a->media_type),
            .hash = keep(&at, a->hash),
            .size = a->size};
    }
    return w;
}

void waiting_free(struct waiting *w)
{
    free(w);
}

struct envelope waiting_said(const struct waiting *w)
{
    return (struct envelope){.type = w->type,
        .id = w->id,
        .from = w->from,
        .to = w->to,
        .to_count = w->to_count,
        .attachments = w->attachments,
        .attachment_count = w->attachment_count,
        .text = w->text,
        .timestamp = w->timestamp,
        .sequence = w->sequence,
        .requires_ack = w->requires_ack,
        .ttl_ms = w->ttl_ms};
}
