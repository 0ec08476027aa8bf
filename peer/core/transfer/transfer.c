/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/message/attached.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/link/relay.h"
#include "peer/core/people/guard.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/transfer/download.h"
#include "peer/core/transfer/fetch.h"
#include "peer/core/transfer/say_file.h"
#include "peer/core/transfer/serve.h"
#include "peer/core/transfer/transfer.h"
#include "peer/core/transfer/upload.h"
#include "protocol/refused_offer.h"

/* ---- what others say ---- */

static void on_accept(struct peer *p, struct person *who, const struct envelope *e)
{
    struct body_file_accept b;
    body_read_file_accept(e, &b);
    struct upload *u = upload_find(p, b.file_id);
    struct download *d = download_find(p, b.file_id);
    if (u)
        upload_accepted(p, who, u, &b);
    else if (d)
        download_joined(p, who, d, &b);
    else
        say_file_decline(p, who, b.file_id, SPAN("not-offered"));
}

static void on_decline(struct peer *p, struct person *who, const struct envelope *e)
{
    struct body_file_decline b;
    body_read_file_decline(e, &b);
    struct upload *u = upload_find(p, b.file_id);
    struct download *d = download_find(p, b.file_id);
    if (u)
        upload_declined(p, who, u, b.reason);
    else if (d)
        download_withdrawn(p, who, d, b.reason);
}

static void on_frame(struct peer *p, struct person *who, struct span bytes, bool relayed);

static void on_relayed_frame(struct peer *p, struct person *who, const struct envelope *e)
{
    struct buf frame;
    buf_init(&frame, ENVELOPE_FILE_FRAME_MAX);
    if (body_read_file_chunk(e, &frame))
        on_frame(p, who, buf_view(&frame), true);
    else
        guard_refuse(p, who, "no frame of a file");
    buf_done(&frame);
}

void transfer_said(struct peer *p, struct person *who, const struct envelope *e)
{
    struct upload *u;
    assert(who->keyed);
    switch (e->type) {
    case ENVELOPE_FILE_OFFER:
        download_offered(p, who, e);
        break;
    case ENVELOPE_FILE_ACCEPT:
        on_accept(p, who, e);
        break;
    case ENVELOPE_FILE_DECLINE:
        on_decline(p, who, e);
        break;
    case ENVELOPE_FILE_COMPLETE:
        if ((u = upload_find(p, body_read_file_id(e))))
            upload_completed(p, who, u);
        break;
    case ENVELOPE_FILE_CHUNK:
        on_relayed_frame(p, who, e);
        break;
    default:
        break;
    }
}

void transfer_offer_refused(struct peer *p, struct person *who, const struct refused_offer *r)
{
    assert(who->keyed);
    p->stats.refused_total++;
    download_refuse(p, who, span_of(r->file_id), span_of(r->name), r->code, r->problem);
}

void transfer_attached(struct peer *p, struct person *who, const struct attached *a)
{
    download_attached(p, who, &a->offer, a->room);
}

static void on_upload_frame(
    struct peer *p, struct person *who, struct upload *u, const struct file_frame *f, bool relayed)
{
    if (f->type == FILE_FRAME_HASHES_WANTED && u->open && f->block < u->blocks)
        upload_hashes_wanted(p, who, u, f->block, relayed);
    else if (f->type == FILE_FRAME_HAVE)
        upload_had(p, who, u);
}

static void on_download_frame(
    struct peer *p, struct person *who, struct download *d, const struct file_frame *f, bool relayed)
{
    switch (f->type) {
    case FILE_FRAME_HASHES:
        fetch_hashes(p, who, d, f, relayed);
        break;
    case FILE_FRAME_CHUNK:
        fetch_chunk(p, who, d, f, relayed);
        break;
    case FILE_FRAME_REFUSED:
        if (d->state == DOWNLOAD_FETCHING)
            fetch_refused(p, who, d, f->block);
        break;
    case FILE_FRAME_HAVE:
        fetch_had(p, who, d, f->block);
        break;
    case FILE_FRAME_COMING:
        fetch_coming(who, d, f->block);
        break;
    default:
        break;
    }
}

static void on_frame(struct peer *p, struct person *who, struct span bytes, bool relayed)
{
    struct file_frame f;
    struct upload *u;
    struct download *d;
    if (!file_frame_read(bytes, &f)) {
        guard_refuse(p, who, "no frame of a file");
        if (!relayed && f.file_id.n > 0 && (d = download_find(p, f.file_id)))
            fetch_misfit(p, who, d);
    } else if (f.type == FILE_FRAME_WANTED)
        serve_wanted(p, who, &f, relayed);
    else if (f.type == FILE_FRAME_STOP)
        serve_stop(who, f.file_id);
    else if ((u = upload_find(p, f.file_id)))
        on_upload_frame(p, who, u, &f, relayed);
    else if ((d = download_find(p, f.file_id)))
        on_download_frame(p, who, d, &f, relayed);
}

void transfer_frame(struct peer *p, struct connection *a, struct span frame)
{
    on_frame(p, a->person, frame, false);
}

/* ---- what io and the application say ---- */

void transfer_given(struct peer *p, struct connection *a, uint64_t ticket, bool ok)
{
    if (a == a->person->link.connection)
        serve_given(p, a->person, ticket, ok);
}

static void failed(struct peer *p, uint64_t file, struct span code, struct span why)
{
    struct upload *u = upload_of_file(p, file);
    struct download *d = download_of_file(p, file);
    if (u)
        upload_failed(p, u, code, why);
    else if (d)
        download_failed(p, d, code, why);
}

static void no_such_file(struct peer *p, struct span id, struct span why)
{
    notice_add(p, &(struct notice){.type = NOTICE_ERROR, .id = id, .code = SPAN("no-such-file"), .text = why});
}

static void declined(struct peer *p, struct span id, bool cancelled)
{
    struct upload *u = upload_find(p, id);
    struct download *d = download_find(p, id);
    bool ended = true;
    if (u)
        upload_end(p, u, cancelled ? "cancelled" : "ended");
    else if (d)
        ended = download_decline(p, d, cancelled ? "cancelled" : "declined");
    if ((!u && !d) || (cancelled && !ended))
        no_such_file(p, id, d ? SPAN("this file has ended before") : SPAN("no file of that id is offered"));
    else if (cancelled)
        notice_add(p, &(struct notice){.type = NOTICE_FILE_FAILED,
                          .id = id,
                          .reason = SPAN("cancelled"),
                          .text = SPAN("it was cancelled here")});
}

static void paused(struct peer *p, struct span id, bool pause)
{
    struct upload *u = upload_find(p, id);
    struct download *d = download_find(p, id);
    if (u)
        upload_pause(p, u, pause);
    else if (!d || !download_pause(p, d, pause))
        no_such_file(p, id, SPAN("no file of that id is under way"));
}

void transfer_event(struct peer *p, const struct peer_event *ev)
{
    struct upload *u;
    struct download *d;
    switch (ev->type) {
    case PEER_FILE_SEND:
        upload_begin(p, ev);
        break;
    case PEER_FILE_ACCEPT:
        download_accept(p, ev->accept_file.id, ev->accept_file.folder);
        break;
    case PEER_FILE_DECLINE:
    case PEER_FILE_CANCEL:
        declined(p, ev->file_id, ev->type == PEER_FILE_CANCEL);
        break;
    case PEER_FILE_PAUSE:
    case PEER_FILE_RESUME:
        paused(p, ev->file_id, ev->type == PEER_FILE_PAUSE);
        break;
    case PEER_FILE_OPENED:
        if ((u = upload_of_file(p, ev->opened_file.file)))
            upload_opened(p, u, ev);
        break;
    case PEER_PART_OPENED:
        if ((d = download_of_file(p, ev->opened_part.file)))
            download_opened(p, d, ev);
        break;
    case PEER_PART_BLOCK:
        if ((d = download_of_file(p, ev->part_block.file)))
            fetch_written(p, d, ev->part_block.block, ev->part_block.hash);
        break;
    case PEER_PART_DONE:
        if ((d = download_of_file(p, ev->part_done.file)))
            download_done(p, d, ev->part_done.path);
        break;
    case PEER_FILE_READ:
        serve_read(p, ev->read_file.ticket, ev->read_file.bytes);
        break;
    default:
        assert(ev->type == PEER_FILE_FAILED);
        failed(p, ev->failed_file.file, ev->failed_file.code, ev->failed_file.why);
        break;
    }
}

/* ---- links and time ---- */

void transfer_link_up(struct peer *p, struct person *who)
{
    /* What was asked for through others is asked for here. */
    serve_clear(who, true);
    fetch_drop_relayed(p, who);
    upload_link_up(p, who);
    download_link_up(p, who);
}

void transfer_path(struct peer *p, struct person *who)
{
    if (!who->keyed || link_is_up(who) || !relay_reaches(p, who))
        return;
    who->relay_files_at = p->now + RELAY_FILES_AFTER_MS;
    effect_wake(p, who->relay_files_at);
    upload_link_up(p, who);
    download_link_up(p, who);
}

void transfer_link_down(struct peer *p, struct person *who)
{
    serve_clear(who, false);
    fetch_link_down(p, who);
}

void transfer_left(struct peer *p, struct person *who)
{
    serve_clear(who, true);
    transfer_link_down(p, who);
}

void transfer_writable(struct peer *p, struct person *who)
{
    serve_go(p, who);
    download_due(p);
    fetch_due(p);
}

void transfer_due(struct peer *p)
{
    upload_due(p);
    download_due(p);
    fetch_due(p);
}

void transfer_clear(struct peer *p)
{
    upload_clear(p);
    download_clear(p);
}
