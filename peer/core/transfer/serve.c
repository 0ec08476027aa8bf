/* SPDX-License-Identifier: MIT
 *
 * First come, first served, for each link on its own: how fast a link takes what it is given is for the two ends and the network
 * between them, and whoever asks bounds how much it asks for at once. Who may have a file is asked again for each stretch:
 * an offer may have ended.
 */
#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/files_channel.h"
#include "peer/core/people/guard.h"
#include "peer/core/port/effects.h"
#include "peer/core/transfer/download.h"
#include "peer/core/transfer/serve.h"
#include "peer/core/transfer/upload.h"

/* io's number of a file of which this person may have these bytes; 0: it may not. */
static uint64_t file_for(const struct peer *p, const struct person *who, const struct wanted *w)
{
    const struct upload *u = upload_find(p, span_of(w->id));
    if (u) {
        const struct upload_reader *r = upload_reader(u, person_id(who));
        bool fits = u->open && w->block < u->blocks && w->offset + w->n <= file_block_bytes(u->size, w->block);
        return fits && r && r->state == READER_TAKES ? u->file : 0;
    }
    const struct download *d = download_find(p, span_of(w->id));
    return d && download_serves(d, who, w->block, w->offset + w->n) ? d->file : 0;
}

/* False: not now. */
static bool refuse(struct peer *p, struct person *who, const struct wanted *w)
{
    return files_channel_send(
        p, who, &(struct file_frame){.type = FILE_FRAME_REFUSED, .file_id = span_of(w->id), .block = w->block});
}

void serve_wanted(struct peer *p, struct person *who, const struct file_frame *f)
{
    assert(f->type == FILE_FRAME_WANTED);
    struct serving *s = &who->serving;
    struct wanted *w = s->count < WANTED_MAX ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        guard_refuse(p, who, "too much of files is wanted at once");
        return;
    }
    *w = (struct wanted){.block = f->block, .offset = f->offset, .n = f->n};
    text_copy(w->id, sizeof w->id, f->file_id);
    if (s->last)
        s->last->next = w;
    else
        s->first = w;
    s->last = w;
    s->count++;
    serve_go(p, who);
}

static struct wanted *take_first(struct serving *s)
{
    struct wanted *w = s->first;
    s->first = w->next;
    s->last = s->first ? s->last : NULL;
    s->count--;
    w->next = NULL;
    return w;
}

static void put_first(struct serving *s, struct wanted *w)
{
    w->next = s->first;
    s->first = w;
    s->last = s->last ? s->last : w;
    s->count++;
}

/* The next is given, or refused. False: neither can be now. */
static bool serve_next(struct peer *p, struct person *who, const struct connection *a)
{
    struct serving *s = &who->serving;
    struct wanted *w = take_first(s);
    uint64_t file = w->refused ? 0 : file_for(p, who, w);
    w->ticket = ++p->file_ticket;
    if (file &&
        effect_file_give(p, a->rtc, a->files_channel, file, w->ticket, span_of(w->id), w->block, w->offset, w->n)) {
        LL_APPEND(s->given, w);
        s->in_hand++;
        return true;
    }
    if (refuse(p, who, w)) {
        free(w);
        return true;
    }
    put_first(s, w);
    return false;
}

void serve_go(struct peer *p, struct person *who)
{
    struct serving *s = &who->serving;
    const struct connection *a;
    while (s->in_hand < SERVED_MAX && s->first && (a = files_channel(p, who)) && serve_next(p, who, a))
        ;
}

void serve_given(struct peer *p, struct person *who, uint64_t ticket, bool ok)
{
    struct serving *s = &who->serving;
    struct wanted *w = s->given;
    while (w && w->ticket != ticket)
        w = w->next;
    if (!w) /* of a link that is gone */
        return;
    LL_DELETE(s->given, w);
    s->in_hand--;
    if (ok) {
        p->stats.blocks_given_total++;
        free(w);
    } else {
        w->refused = true;
        put_first(s, w);
    }
    serve_go(p, who);
}

void serve_stop(struct person *who, struct span id)
{
    struct serving *s = &who->serving;
    struct wanted **at = &s->first, *w;
    s->last = NULL;
    while ((w = *at)) {
        if (span_is(id, w->id)) {
            *at = w->next;
            s->count--;
            free(w);
        } else {
            s->last = w;
            at = &w->next;
        }
    }
}

static void free_all(struct wanted *w)
{
    struct wanted *next;
    for (; w; w = next) {
        next = w->next;
        free(w);
    }
}

void serve_clear(struct person *who)
{
    free_all(who->serving.first);
    free_all(who->serving.given);
    who->serving = (struct serving){0};
}
