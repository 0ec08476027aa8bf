/* SPDX-License-Identifier: MIT
 *
 * What waits until rows are on the disk.
 *   owns     a ring of things to do, at most AFTER_COMMITS_MAX, each behind the commit that covers what was put before it
 *   before   what depends on rows is named after these were put, within the same step
 *   after    after_commit_next gives out, in order, what every commit it waits for is on the disk for; what was named while
 *            no commit was in progress is ready at once
 */
#ifndef PEER_PORT_AFTER_COMMIT_H
#define PEER_PORT_AFTER_COMMIT_H

#include "peer/core/port/notice.h"
#include "protocol/envelope.h"

/* What is done once a commit is on the disk. */
enum after_commit_type {
    AFTER_COMMIT_NOTICE,  /* notice: tell the application */
    AFTER_COMMIT_END,     /* end: likewise, how the delivery of the message to `who` ended */
    AFTER_COMMIT_SEND,    /* send: the message of ours may go */
    AFTER_COMMIT_RECEIPT, /* receipt: say to `who` that we have the message */
    AFTER_COMMIT_KEPT,    /* kept: say to `who` that we keep its copy of the message */
    AFTER_COMMIT_MISSED,  /* missed: say to `who` that the message will never be shown */
    AFTER_COMMIT_FRAME,   /* frame: send it to `who`, on the link; it says what we have */
    AFTER_COMMIT_SEALED   /* sealed: likewise through others */
};
struct after_commit_frame {
    char who[PERSON_MAX + 1];
    char *text; /* owned */
    size_t n;
};
struct after_commit_said {
    char who[PERSON_MAX + 1], id[ENVELOPE_ID_MAX + 1];
};
struct after_commit {
    enum after_commit_type type;
    uint64_t ticket;
    union {
        struct peer_notice *notice; /* owned */
        struct {
            struct peer_notice *notice; /* owned */
            char id[ENVELOPE_ID_MAX + 1], who[PERSON_MAX + 1];
        } end;
        struct {
            char id[ENVELOPE_ID_MAX + 1];
        } send;
        struct {
            char who[PERSON_MAX + 1], id[ENVELOPE_ID_MAX + 1];
            bool group;
        } receipt;
        struct after_commit_said kept, missed;
        struct after_commit_frame frame, sealed;
    };
};

/* Constructors. who: the id of the person that it goes to; a frame is taken. */
void after_commit_notice(struct peer *p, const struct notice *n);
/* Behind all notices that wait, without a commit of its own. */
void after_commit_follow(struct peer *p, const struct notice *n);
/* False: too many wait, or memory is short. */
bool after_commit_end(struct peer *p, const struct notice *n, struct span id, struct span who);
void after_commit_send(struct peer *p, const char *id);
void after_commit_receipt(struct peer *p, const char *who, struct span id, bool group);
void after_commit_kept(struct peer *p, const char *who, struct span id);
void after_commit_missed(struct peer *p, const char *who, struct span id);
void after_commit_frame(struct peer *p, const char *who, struct buf *frame);
void after_commit_sealed(struct peer *p, const char *who, struct buf *frame);
/* The next that is ready, to be freed by after_commit_done; false: none is. */
bool after_commit_next(struct peer *p, struct after_commit *out);
void after_commit_done(struct after_commit *t);
void after_commit_clear(struct peer *p);

#endif
