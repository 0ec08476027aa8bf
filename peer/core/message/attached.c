/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"
#include "peer/core/message/attached.h"
#include "peer/core/port/effects.h"

static void add(struct peer *p, const struct person *author, const struct envelope_attachment *a, bool room)
{
    struct attached *made = calloc(1, sizeof *made);
    if (!made)
        return;
    if (!base64_decode(a->hash, made->offer.hash, sizeof made->offer.hash)) {
        free(made);
        return;
    }
    text_copy(made->from, sizeof made->from, person_id(author));
    text_copy(made->id, sizeof made->id, a->file_id);
    text_copy(made->name, sizeof made->name, a->name);
    made->room = room;
    made->offer.file_id = span_of(made->id);
    made->offer.name = span_of(made->name);
    made->offer.size = a->size;
    made->offer.chunk_size = FILE_CHUNK_BYTES;
    made->offer.tree = span_is(a->media_type, BODY_TREE_MEDIA_TYPE);
    DL_APPEND(p->attached, made);
}

void attached_add(struct peer *p, const struct person *author, const struct envelope *e, bool room)
{
    for (size_t i = 0; i < e->attachment_count; i++)
        add(p, author, &e->attachments[i], room);
}

struct attached *attached_next(struct peer *p)
{
    struct attached *first = p->attached;
    if (first)
        DL_DELETE(p->attached, first);
    return first;
}

void attached_clear(struct peer *p)
{
    struct attached *a;
    while ((a = attached_next(p)))
        free(a);
}
