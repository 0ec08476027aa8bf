/* SPDX-License-Identifier: MIT
 *
 * A message does not wait for its reader's link, and a file's hash is known only when it was read: so the message waits here,
 * before it is accepted, and a crash meanwhile means that it was not sent.
 */
#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"
#include "peer/core/message/compose.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/attach.h"
#include "peer/core/transfer/upload.h"
#include "protocol/body.h"

/* What a name tells of its contents; all else is bytes. */
static struct span media_type(const struct upload *u)
{
    static const char *const TYPES[][2] = {{".txt", "text/plain"}, {".md", "text/markdown"}, {".html", "text/html"},
        {".csv", "text/csv"}, {".json", "application/json"}, {".pdf", "application/pdf"}, {".zip", "application/zip"},
        {".gz", "application/gzip"}, {".png", "image/png"}, {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"},
        {".gif", "image/gif"}, {".webp", "image/webp"}, {".svg", "image/svg+xml"}, {".mp3", "audio/mpeg"},
        {".ogg", "audio/ogg"}, {".wav", "audio/wav"}, {".mp4", "video/mp4"}, {".webm", "video/webm"}};
    const char *dot = strrchr(u->name, '.');
    if (u->tree)
        return SPAN(BODY_TREE_MEDIA_TYPE);
    for (size_t i = 0; dot && i < sizeof TYPES / sizeof TYPES[0]; i++)
        if (strcasecmp(dot, TYPES[i][0]) == 0)
            return span_of(TYPES[i][1]);
    return SPAN("application/octet-stream");
}

static void draft_free(struct peer *p, struct message_draft *d)
{
    DL_DELETE(p->message_drafts, d);
    free(d->text);
    free(d->to);
    free(d);
}

void attach_clear(struct peer *p)
{
    while (p->message_drafts)
        draft_free(p, p->message_drafts);
}

static struct message_draft *draft_of(const struct peer *p, uint64_t file)
{
    struct message_draft *d;
    DL_FOREACH (p->message_drafts, d)
        for (size_t i = 0; i < d->file_count; i++)
            if (d->files[i] == file)
                return d;
    return NULL;
}

static void refuse(struct peer *p, struct span ref, struct span code, struct span why)
{
    notice_add(
        p, &(struct notice){.type = NOTICE_ERROR, .code = code, .text = why, .ref = ref.n ? ref : (struct span){0}});
}

/* With all its files. */
static void end_draft(struct peer *p, struct message_draft *d)
{
    for (size_t i = 0; i < d->file_count; i++) {
        struct upload *u = upload_of_file(p, d->files[i]);
        if (u)
            upload_end(p, u, "ended");
    }
    draft_free(p, d);
}

static bool is_drafted(const struct peer *p, struct span ref)
{
    const struct message_draft *d;
    DL_FOREACH (p->message_drafts, d)
        if (ref.n > 0 && span_is(ref, d->ref))
            return true;
    return false;
}

static struct message_draft *draft_new(struct peer *p, const struct peer_event *ev)
{
    struct message_draft *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    *d = (struct message_draft){.text = malloc(ev->send.text.n + 1),
        .text_n = ev->send.text.n,
        .to = calloc(ev->send.to_count + 1, sizeof *d->to),
        .to_count = ev->send.to_count,
        .ttl_ms = ev->send.ttl_ms};
    DL_APPEND(p->message_drafts, d);
    if (!d->text || !d->to) {
        draft_free(p, d);
        return NULL;
    }
    if (ev->send.text.n)
        memcpy(d->text, ev->send.text.p, ev->send.text.n);
    text_copy(d->ref, sizeof d->ref, ev->send.ref);
    for (size_t i = 0; i < d->to_count; i++)
        text_copy(d->to[i], sizeof d->to[i], ev->send.to[i]);
    return d;
}

void attach_begin(struct peer *p, const struct peer_event *ev)
{
    const struct message_draft *waiting;
    unsigned drafts;
    assert(ev->send.attachment_count > 0 && ev->send.attachment_count <= ENVELOPE_ATTACHMENTS_MAX);
    DL_COUNT(p->message_drafts, waiting, drafts);
    if (is_drafted(p, ev->send.ref) || compose_repeats(p, ev->send.ref))
        return;
    if (drafts >= DRAFTS_MAX) {
        refuse(p, ev->send.ref, SPAN("too-many-files"),
            SPAN("64 messages wait for their files to be read already: wait until some are sent"));
        return;
    }
    if (HASH_COUNT(p->uploads) + ev->send.attachment_count > UPLOADS_MAX) {
        refuse(p, ev->send.ref, SPAN("too-many-files"), SPAN("256 files are offered already: end some, or wait"));
        return;
    }
    struct message_draft *d = draft_new(p, ev);
    for (size_t i = 0; d && i < ev->send.attachment_count; i++) {
        struct peer_event file = {.type = PEER_FILE_SEND,
            .send_file = {.to = ev->send.to,
                .to_count = ev->send.to_count,
                .path = ev->send.attachments[i],
                .ref = ev->send.ref}};
        struct upload *u = upload_begin(p, &file);
        if (!u) { /* and why was told */
            end_draft(p, d);
            return;
        }
        u->attached = true;
        u->ref[0] = '\0'; /* it is the message's */
        d->files[d->file_count++] = u->file;
    }
}

/* All are open. */
static void send_draft(struct peer *p, struct message_draft *d)
{
    struct envelope_attachment list[ENVELOPE_ATTACHMENTS_MAX];
    char hashes[ENVELOPE_ATTACHMENTS_MAX][BASE64_LEN(HASH_BYTES) + 1];
    struct span to[ENVELOPE_TO_MAX];
    for (size_t i = 0; i < d->file_count; i++) {
        const struct upload *u = upload_of_file(p, d->files[i]);
        assert(u && u->open);
        base64_encode(u->root, HASH_BYTES, hashes[i]);
        list[i] = (struct envelope_attachment){.file_id = span_of(u->id),
            .name = span_of(u->name),
            .media_type = media_type(u),
            .size = u->size,
            .hash = span_of(hashes[i])};
    }
    for (size_t i = 0; i < d->to_count; i++)
        to[i] = span_of(d->to[i]);
    struct peer_event ev = {.type = PEER_SEND,
        .send = {.to = to,
            .to_count = d->to_count,
            .text = {d->text, d->text_n},
            .ref = span_of(d->ref),
            .ttl_ms = d->ttl_ms}};
    if (!compose_message(p, &ev, list, d->file_count)) {
        end_draft(p, d);
        return;
    }
    for (size_t i = 0; i < d->file_count; i++)
        upload_release(p, upload_of_file(p, d->files[i]));
    draft_free(p, d);
}

void attach_opened(struct peer *p, uint64_t file)
{
    struct message_draft *d = draft_of(p, file);
    if (!d)
        return;
    for (size_t i = 0; i < d->file_count; i++)
        if (!upload_of_file(p, d->files[i])->open)
            return;
    send_draft(p, d);
}

bool attach_failed(struct peer *p, uint64_t file, struct span code, struct span why)
{
    struct message_draft *d = draft_of(p, file);
    if (!d)
        return false;
    refuse(p, span_of(d->ref), code, why);
    end_draft(p, d);
    return true;
}
