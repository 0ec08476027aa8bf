/* SPDX-License-Identifier: MIT
 *
 * What is owed for what was heard.
 *   owns     each person's inbox: the ids that were heard from it in this life (SEEN_MAX), and the receipts it is owed
 *   before   receipt_owe: the message is on the disk and before the application
 *   after    a receipt goes over the link or through others as soon as one of them is there; one that is lost is asked for by
 *            its message coming again
 */
#ifndef PEER_MESSAGE_RECEIPT_H
#define PEER_MESSAGE_RECEIPT_H

#include "peer/core/bounds.h"
#include "peer/core/order/hash.h"
#include "protocol/envelope.h"

struct person;

/* A message id heard from somebody. */
struct seen {
    char id[ENVELOPE_ID_MAX + 1];
    bool owes_ack, owes_read, read; /* read: and said */
    struct seen *ack_prev, *ack_next, *read_prev, *read_next;
    UT_hash_handle hh; /* in order of arrival */
};

/* The content that a sequence was used for. */
struct mark {
    uint32_t conversation;
    uint64_t sequence, signature;
};

struct inbox {
    struct seen *seen;
    struct seen *acks, *reads; /* owed */
    size_t ack_count;
    uint64_t acks_at;  /* when to send them */
    uint64_t acked_at; /* when the last were sent */
    struct mark marks[MARKS_MAX];
    uint64_t clock_at;     /* when they were sent our clock because something of theirs came again */
    uint64_t requests_at;  /* history requests are paid for up to then */
    uint64_t strangers_at; /* likewise presence of people that we did not know */
    uint64_t answers_at;   /* likewise presence that they asked for */
    uint64_t regains_at;   /* likewise what they know of us that we do not */
    uint64_t reads_at;     /* likewise looks into the record for what they say they have read */
};

void receipt_owe(struct peer *p, struct person *who, struct span id, bool group); /* message_delivered */
void receipt_stored(struct peer *p, struct person *who, struct span id);          /* message_ack */
void receipt_missed(struct peer *p, struct person *who, struct span id);          /* message_missed */
/* Asks an author's reader which of these it has (message_query), and answers such a question. */
void receipt_query(struct peer *p, struct person *who, const struct span *ids, size_t n);
void receipt_asked(struct peer *p, struct person *author, struct span id);
bool receipt_knows(const struct person *who, struct span id); /* a message of theirs that was shown in this life */
void receipt_read(struct peer *p, struct span id);            /* a person saw this message */
void receipt_read_of(struct peer *p, struct person *who, struct span id); /* likewise, one of theirs */
void receipt_settle(struct peer *p, struct person *who);                  /* sends the receipts that are owed */
/* What is owed goes through others in a while, unless a link comes up before. */
void receipt_link_down(struct peer *p, struct person *who);
void receipt_due(struct peer *p, struct person *who);
void receipt_clear(struct person *who);

#endif
