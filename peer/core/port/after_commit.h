/* SPDX-License-Identifier: MIT
 *
 * What waits until rows are on the disk.
 *   owns     a ring of things to do, at most AFTER_COMMITS_MAX, each behind the commit that covers what was put before it
 *   before   what depends on rows is named after these were put, within the same step
 *   after    after_commit_next gives out, in order, what every commit it waits for is on the disk for; what was named while
 *            nothing was under way is ready at once
 */
#ifndef PEER_PORT_AFTER_COMMIT_H
#define PEER_PORT_AFTER_COMMIT_H

#include "peer/core/port/notice.h"
#include "protocol/envelope.h"

/* What is done once a commit is on the disk. */
enum after_commit_type {
    AFTER_COMMIT_NOTICE,  /* tell the application */
    AFTER_COMMIT_END,     /* likewise, how the delivery of `id` to `who` ended */
    AFTER_COMMIT_SEND,    /* the message of ours `id` may go */
    AFTER_COMMIT_RECEIPT, /* tell `who` that we have `id` */
    AFTER_COMMIT_KEPT,    /* tell `who` that we keep its copy `id` */
    AFTER_COMMIT_MISSED,  /* tell `who` that `id` will never be shown */
    AFTER_COMMIT_FRAME,   /* send `who` this frame, which says what we have */
    AFTER_COMMIT_SEALED   /* likewise through others */
};
struct after_commit {
    enum after_commit_type type;
    uint64_t ticket;
    struct peer_notice *notice; /* owned; of the first two */
    char id[ENVELOPE_ID_MAX + 1], who[PERSON_MAX + 1];
    bool group;
    char *frame; /* owned */
    size_t n;
};

void after_commit_notice(struct peer *p, const struct notice *n);
/* Behind all notices that wait, without a commit of its own. */
void after_commit_follow(struct peer *p, const struct notice *n);
/* False: too many wait, or memory is short. */
bool after_commit_end(struct peer *p, const struct notice *n, struct span id, struct span who);
/* The message of ours with that id may go. */
void after_commit_send(struct peer *p, const char *id);
/* who: the id of the person that is told. */
void after_commit_tell(struct peer *p, enum after_commit_type type, const char *who, struct span id, bool group);
/* type: AFTER_COMMIT_FRAME or AFTER_COMMIT_SEALED. The frame is taken. */
void after_commit_frame(struct peer *p, enum after_commit_type type, const char *who, struct buf *frame);
/* The next that is ready, to be freed by after_commit_done; false: none is. */
bool after_commit_next(struct peer *p, struct after_commit *out);
void after_commit_done(struct after_commit *t);
void after_commit_clear(struct peer *p);

#endif
