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

unsigned serve_count(const struct wanted *list)
{
    const struct wanted *w;
    unsigned n;
    DL_COUNT(list, w, n);
    return n;
}

void serve_wanted(struct peer *p, struct person *who, const struct file_frame *f)
{
    assert(f->type == FILE_FRAME_WANTED);
    struct serving *s = &who->serving;
    struct wanted *w = serve_count(s->queue) < WANTED_MAX ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        guard_refuse(p, who, "too much of files is wanted at once");
        return;
    }
    *w = (struct wanted){.block = f->block, .offset = f->offset, .n = f->n};
    text_copy(w->id, sizeof w->id, f->file_id);
    DL_APPEND(s->queue, w);
    serve_go(p, who);
}

/* The next is given, or refused. False: neither can be now. */
static bool serve_next(struct peer *p, struct person *who, const struct connection *a)
{
    struct serving *s = &who->serving;
    struct wanted *w = s->queue;
    uint64_t file = w->refused ? 0 : file_for(p, who, w);
    w->ticket = ++p->file_ticket;
    bool given = file && effect_file_give(
                             p, a->rtc, a->files_channel, file, w->ticket, span_of(w->id), w->block, w->offset, w->n);
    if (!given && !refuse(p, who, w))
        return false;
    DL_DELETE(s->queue, w);
    if (given)
        DL_APPEND(s->given, w);
    else
        free(w);
    return true;
}

void serve_go(struct peer *p, struct person *who)
{
    struct serving *s = &who->serving;
    const struct connection *a;
    while (serve_count(s->given) < SERVED_MAX && s->queue && (a = files_channel(p, who)) && serve_next(p, who, a))
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
    DL_DELETE(s->given, w);
    if (ok) {
        p->stats.blocks_given_total++;
        free(w);
    } else {
        w->refused = true;
        DL_PREPEND(s->queue, w);
    }
    serve_go(p, who);
}

void serve_stop(struct person *who, struct span id)
{
    struct wanted *w, *next;
    DL_FOREACH_SAFE (who->serving.queue, w, next)
        if (span_is(id, w->id)) {
            DL_DELETE(who->serving.queue, w);
            free(w);
        }
}

void serve_clear(struct person *who)
{
    struct wanted *w, *next;
    DL_CONCAT(who->serving.queue, who->serving.given);
    DL_FOREACH_SAFE (who->serving.queue, w, next)
        free(w);
    who->serving = (struct serving){0};
}
