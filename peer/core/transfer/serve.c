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
#include "peer/core/link/files_relay.h"
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
        bool fits =
            u->open && !u->paused && w->block < u->blocks && w->offset + w->n <= file_block_bytes(u->size, w->block);
        return fits && r && r->state == READER_TAKES ? u->file : 0;
    }
    const struct download *d = download_find(p, span_of(w->id));
    return d && download_serves(d, who, w->block, w->offset + w->n) ? d->file : 0;
}

/* False: not now. */
static bool refuse(struct peer *p, struct person *who, const struct wanted *w)
{
    struct file_frame refused = {.type = FILE_FRAME_REFUSED, .file_id = span_of(w->id), .block = w->block};
    return files_send(p, who, &refused, w->relayed) || w->relayed;
}

unsigned serve_count(const struct wanted *list)
{
    const struct wanted *w;
    unsigned n;
    DL_COUNT(list, w, n);
    return n;
}

/* Through others less may be asked for at once: they lend the way. */
static bool may_want(const struct serving *s, const struct file_frame *f, bool relayed)
{
    return serve_count(s->queue) < (relayed ? 2 * FETCH_RELAYED_MAX : WANTED_MAX) &&
           (!relayed || f->n <= RELAYED_STRETCH);
}

void serve_wanted(struct peer *p, struct person *who, const struct file_frame *f, bool relayed)
{
    assert(f->type == FILE_FRAME_WANTED);
    struct serving *s = &who->serving;
    struct wanted *w = may_want(s, f, relayed) ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        guard_refuse(p, who, "too much of files is wanted at once");
        return;
    }
    *w = (struct wanted){.relayed = relayed, .block = f->block, .offset = f->offset, .n = f->n};
    text_copy(w->id, sizeof w->id, f->file_id);
    DL_APPEND(s->queue, w);
    serve_go(p, who);
}

/* io is asked for it. False: the person may not have it, or there is no memory. */
static bool give(struct peer *p, struct person *who, struct wanted *w, const struct connection *a)
{
    uint64_t file = w->refused ? 0 : file_for(p, who, w);
    w->ticket = ++p->file_ticket;
    if (file && w->relayed)
        return effect_file_read(p, file, w->ticket, w->block, w->offset, w->n);
    return file &&
           effect_file_give(p, a->rtc, a->files_channel, file, w->ticket, span_of(w->id), w->block, w->offset, w->n);
}

/* The next is given, or refused. False: neither can be now. */
static bool serve_next(struct peer *p, struct person *who)
{
    struct serving *s = &who->serving;
    struct wanted *w = s->queue;
    const struct connection *a = w->relayed ? NULL : files_channel(p, who);
    if (!a && !w->relayed)
        return false;
    bool given = give(p, who, w, a);
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
    while (serve_count(s->given) < SERVED_MAX && s->queue && serve_next(p, who))
        ;
}

static struct wanted *find_given(const struct serving *s, uint64_t ticket)
{
    struct wanted *w = s->given;
    while (w && w->ticket != ticket)
        w = w->next;
    return w;
}

/* In frames; those that are lost on the way are asked for again. */
static void send_relayed_bytes(struct peer *p, struct person *who, const struct wanted *w, struct span bytes)
{
    struct file_frame f = {.type = FILE_FRAME_CHUNK, .file_id = span_of(w->id), .block = w->block, .offset = w->offset};
    while (bytes.n > 0) {
        size_t n = bytes.n < FILE_CHUNK_BYTES ? bytes.n : FILE_CHUNK_BYTES;
        f.bytes = (struct span){bytes.p, n};
        files_relay_send(p, who, &f);
        f.offset += (uint32_t)n;
        bytes = (struct span){bytes.p + n, bytes.n - n};
    }
}

void serve_read(struct peer *p, uint64_t ticket, struct span bytes)
{
    struct person *who = p->people;
    struct wanted *w = NULL;
    while (who && !(w = find_given(&who->serving, ticket)))
        who = who->hh.next;
    if (!w) /* it is wanted no more */
        return;
    assert(w->relayed && (bytes.n == 0 || bytes.n == w->n));
    if (bytes.n > 0)
        send_relayed_bytes(p, who, w, bytes);
    else
        refuse(p, who, w);
    DL_DELETE(who->serving.given, w);
    free(w);
    serve_go(p, who);
}

void serve_given(struct peer *p, struct person *who, uint64_t ticket, bool ok)
{
    struct serving *s = &who->serving;
    struct wanted *w = find_given(s, ticket);
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

static void clear(struct wanted **list, bool relayed)
{
    struct wanted *w, *next;
    DL_FOREACH_SAFE (*list, w, next)
        if (w->relayed == relayed) {
            DL_DELETE(*list, w);
            free(w);
        }
}

void serve_clear(struct person *who, bool relayed)
{
    clear(&who->serving.queue, relayed);
    clear(&who->serving.given, relayed);
}
