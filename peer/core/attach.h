/* SPDX-License-Identifier: MIT
 *
 * Messages with files: they go out when io has read all of these.
 *   owns     struct message_draft: what was asked for, until then; at most DRAFTS_MAX
 *   before   nothing: what cannot be sent is refused by a notice that says why
 *   after    a message is composed once all its files are known, and lists them; then they are offered to its readers. If one cannot
 *            be read, or the message be sent, none is offered
 */
#ifndef PEER_CORE_ATTACH_H
#define PEER_CORE_ATTACH_H

#include "peer/core/peer.h"
#include "protocol/envelope.h"

struct message_draft {
    struct message_draft *prev, *next;
    char ref[REF_MAX + 1];
    char *text; /* owned */
    size_t text_n;
    char (*to)[PERSON_MAX + 1]; /* owned; to_count */
    size_t to_count;
    uint64_t ttl_ms;
    uint64_t files[ENVELOPE_ATTACHMENTS_MAX]; /* io's numbers */
    size_t file_count;
};

/* PEER_SEND with attachments. */
void attach_begin(struct peer *p, const struct peer_event *ev);
/* io has read this file: after upload_opened. */
void attach_opened(struct peer *p, uint64_t file);
/* io cannot: true if it was for a message that was not sent; then nobody else hears of it. */
bool attach_failed(struct peer *p, uint64_t file, struct span code, struct span why);
void attach_clear(struct peer *p);

#endif
