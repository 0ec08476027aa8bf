/* SPDX-License-Identifier: MIT
 *
 * Messages of ours, from the disk to every reader's answer.
 *   owns     struct outgoing and struct delivery, each person's outbox, their rows, and how much waits for whom
 *   before   outbox_release: the message is on the disk
 *   after    a delivery ends by an answer of its reader, or is reported failed by that reader's name; nothing else forgets it.
 *            How it ended is on the disk before it is told, and until it was: no crash makes it end otherwise, or untold
 *            At most QUEUE_MAX wait in all, QUEUE_READER_MAX for one reader
 */
#ifndef PEER_MESSAGE_OUTBOX_H
#define PEER_MESSAGE_OUTBOX_H

#include "peer/core/bounds.h"
#include "peer/core/order/hash.h"
#include "protocol/envelope.h"

struct person;
struct conversation;

/* A message of ours, kept until every reader has it or its time is over. */
struct outgoing {
    char id[ID_CHARS + 1];
    char conversation[ENVELOPE_CONVERSATION_MAX + 1];
    enum envelope_type type;
    uint64_t sequence;
    char *text; /* owned: the envelope sealed to all its readers; NULL if none has a key */
    size_t n;
    char *plain; /* owned: the same for plain peers; NULL if there is none among the readers */
    size_t plain_n;
    uint64_t order; /* counts up */
    uint64_t began; /* when it was accepted; 0: in an earlier life */
    uint64_t expires;
    bool committed;              /* on the disk: it may be sent */
    struct delivery *deliveries; /* those not done */
    struct outgoing *prev, *next;
    UT_hash_handle hh; /* by id */
};

enum delivery_place {
    DELIVERY_QUEUE,  /* not sent on this link */
    DELIVERY_TREE,   /* sent to the room, and the reader can be reached */
    DELIVERY_FLIGHT, /* sent, not acknowledged */
    DELIVERY_PAUSED, /* tried TRIES_MAX times: waits for the next link-up */
    DELIVERY_DONE,   /* acknowledged; kept for message_read */
    DELIVERY_PLACES
};

struct delivery {
    char id[ID_CHARS + 1];
    struct outgoing *message; /* NULL when done */
    struct person *reader;
    enum delivery_place place;
    bool sent;      /* on this link or an earlier one */
    bool alone;     /* therefore not handed to the tree any more */
    unsigned tries; /* on this link */
    uint64_t sent_at;
    uint64_t
        passed_at; /* sent again then: the reader's clock is past its number, and its receipt is late; 0: it is not */
    size_t n;      /* bytes of the message */
    struct {
        char id[ID_CHARS + 1];
        bool stored; /* he said so */
    } custodians[CUSTODIANS_MAX];
    unsigned custodian_count;
    struct delivery *prev, *next;       /* in its place */
    struct delivery *of_prev, *of_next; /* of its message */
    UT_hash_handle hh;                  /* by id, of its reader */
};

struct outbox {
    struct delivery *by_id;
    struct delivery *in[DELIVERY_PLACES];
    size_t count[DELIVERY_PLACES];
    size_t flight_bytes;
    uint64_t stuck_at;  /* since when something waits and no link is up; NEVER: nothing */
    uint64_t retry_at;  /* when what is paused is tried again; NEVER: nothing is */
    uint64_t tree_at;   /* when the reader acknowledged nothing of what rides on the tree for too long */
    uint64_t copies_at; /* when others are asked to keep copies; NEVER: they were */
    uint64_t passed_at; /* when those are sent again that the reader's clock is past; NEVER: none */
};

/* ---- outbox_keep.c ---- */
/* A message of ours like that, without readers yet; text and plain are taken. NULL when out of memory. */
struct outgoing *outbox_add(struct peer *p, const struct outgoing *like, struct buf *text, struct buf *plain);
/* False, and reported as failed, if too many wait for this reader. */
bool outbox_add_reader(struct peer *p, struct outgoing *m, struct person *who);
struct outgoing *outbox_find(const struct peer *p, struct span id);
/* The first sequence of the conversation that this reader was sent and has not acknowledged; 0: none. */
uint64_t outbox_first_unheard(const struct person *who, const struct conversation *c);
/* A copy for one reader: with its key alone, as often as it was tried, and with us as the first of its route if it goes
 * through others. */
bool outbox_copy(const struct peer *p, const struct delivery *d, bool relayed, struct buf *out);
/* A delivery of an earlier life had ended so, and that may not have been told. False: it is no such row. */
bool outbox_ended(struct peer *p, struct span id, struct span reader, struct span how);
/* The application was told how it ended. */
void outbox_told(struct peer *p, struct span id, struct span reader);
/* Whose time is over has failed. */
void outbox_expire(struct peer *p);
void outbox_clear(struct peer *p); /* at the end: what nobody waits for, and no commit has let go */

/* ---- outbox.c ---- */
/* After the rows were read. */
void outbox_restored(struct peer *p);
/* It is on the disk: sends it. */
void outbox_release(struct peer *p, struct outgoing *m);
void outbox_flush(struct peer *p, struct person *who); /* what the link can take now */
void outbox_link_up(struct peer *p, struct person *who);
void outbox_link_down(struct peer *p, struct person *who);
void outbox_reached(struct peer *p, struct person *who); /* by whatever way, after there was none: tried again */
void outbox_acknowledged(struct peer *p, struct person *who, struct span id);
void outbox_stored(struct peer *p, struct person *who, struct span id); /* on their disk, or on a custodian's */
/* They say of this very message that they will never show it. */
void outbox_never_shown(struct peer *p, struct person *who, struct span id);
void outbox_was_read(struct peer *p, struct person *who, struct span id);
/* They lack something of ours in this conversation, and no link brings it: what is late goes again. */
void outbox_asked(struct peer *p, struct person *who, const struct conversation *c);
/* They will never show those of ours; the reason is static. */
void outbox_missed(
    struct peer *p, struct person *who, const struct conversation *c, uint64_t from, uint64_t to, const char *reason);
void outbox_due(struct peer *p, struct person *who);
/* Reports every delivery that waits as failed and forgets all. */
void outbox_drop(struct peer *p, struct person *who, const char *reason);

/* ---- outbox_passed.c ---- */
/* They say how far they have read us in a conversation: what they have not named up to there is sent to them again. */
void outbox_passed(struct peer *p, struct person *who, const struct conversation *c, uint64_t count);

#endif
