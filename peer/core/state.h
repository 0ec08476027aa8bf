/* SPDX-License-Identifier: MIT
 *
 * The whole: a person and a peer, put together of what each module owns (its header says what, and what it promises). A
 * module writes its own part only; what another reads of it is plain data. Nobody outside peer/core includes this.
 *
 *     struct peer ─► people (by id) ─► roster entries: where the daemon shows this person; the first usable one is called
 *                                  ├─► link: one state machine ─► connection: one connection (rtc), and perhaps a rival
 *                                  ├─► outbox: deliveries to this reader ─► outgoing: the message, shared by its readers
 *                                  ├─► inbox: what this person is owed: receipts
 *                                  └─► presence: what it last said of itself, and who it is linked with
 *                 ├─► conversations ─► causal: who said how much, what waits
 *                 ├─► tree: how group messages travel        ├─► copies: kept for others
 *                 └─► after_commits: what waits for a commit └─► loads: what was asked of the store
 */
#ifndef PEER_CORE_STATE_H
#define PEER_CORE_STATE_H

#include "base/samples.h"
#include "peer/core/bounds.h"
#include "peer/core/people/expiry.h"
#include "peer/core/people/facts.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/link.h"
#include "peer/core/link/negotiation.h"
#include "peer/core/link/presence_gossip.h"
#include "peer/core/link/relay.h"
#include "peer/core/link/session.h"
#include "peer/core/link/twin.h"
#include "peer/core/message/history.h"
#include "peer/core/message/outbox.h"
#include "peer/core/message/receipt.h"
#include "peer/core/order/hash.h"
#include "peer/core/transfer/download.h"
#include "peer/core/transfer/fetch.h"
#include "peer/core/transfer/serve.h"
#include "peer/core/transfer/upload.h"

struct person {
    char id[PERSON_MAX + 1];
    char name[DISPLAY_NAME_MAX + 1];
    bool keyed;
    bool clock_heard;         /* it sent its clock of the room: `since` is not needed for it */
    bool follows;             /* it has delivered a message of ours in the room, and so what that depends on;
                                 neither holds any more when it asks as a newcomer: it lost its state */
    bool stored;              /* in the table of people */
    size_t waiting;           /* messages that wait for this person, kept by outbox_keep.c */
    bool engaged;             /* a link is up, begun or waited for, kept by link.c */
    const char *left;         /* static: why nobody knows this person any more; NULL: it is known */
    unsigned facts;           /* bits by enum fact: not handed on yet */
    struct person *fact_next; /* in the queue of those with facts */
    const char *shown;        /* the path that the application was told, static; NULL: it is down */
    uint8_t key[KEY_BYTES], box[KEY_BYTES], box_signature[SIGNATURE_BYTES];
    uint64_t seen_unix;           /* when last seen in the room; 0: never */
    struct roster_entry *entries; /* newest first; none: not in the room */
    struct link link;
    struct outbox outbox;
    struct inbox inbox;
    struct requests requests;
    struct clock_estimate clock_estimate;
    struct presence presence;
    struct route way;
    uint64_t gossip_sent; /* the presence up to this order was sent on this link */
    bool unanswered;      /* its digest came while nothing could go to this link: all is compared when it can */
    bool behind;          /* something could not go to this link: it is sent what it lacks when it can */
    bool clock_unsent;    /* our clock was set while nothing could go to this link */
    bool status_unsent;   /* the text about ourselves could not go there */
    struct serving serving;
    unsigned fetching;       /* blocks of files that we await of this person */
    uint64_t fetch_after;    /* none is asked for before */
    uint64_t gave_at;        /* when they last gave something of a file that was asked for, on this link */
    uint64_t bad_offers;     /* of theirs that were told, by guard_affords */
    uint64_t relay_files_at; /* from when on files go there through others, while others lead there */
    uint64_t relay_paid;     /* frames of files that came from this person and went on to others, by guard_affords */
    uint64_t frame_stamp;    /* of the newest of theirs that came through others */
    bool lied;               /* it gave a block of somebody else's file that was wrong */
    unsigned handed;         /* messages that come next on this link, and why */
    enum handing handing;
    UT_hash_handle hh;
};

struct peer {
    struct peer_settings settings;
    struct peer_crypto crypto;
    struct rng rng;
    char id[ID_CHARS + 1];
    struct peer_stats stats;
    struct samples connects, deliveries; /* milliseconds */

    /* of the step in hand */
    uint64_t now, unix_ms;
    struct peer_effects *fx;
    bool memory_short; /* and something of it could not be had (memory.h) */

    struct peer_notice *last_words; /* owned: told when there is no memory to make it; NULL: it was */
    int64_t clock_ahead;            /* of our wall clock before the monotonic one, when it was looked at last */

    uint64_t wake;     /* nothing is due before; may be earlier than needed */
    uint64_t deadline; /* that io knows */

    struct session session;
    struct person *people;
    struct roster_entry *entries;
    struct connection *connections; /* by rtc */
    uint64_t last_rtc;
    bool sweep; /* somebody may have to be forgotten at the end of the step */

    struct outgoing *outgoing; /* in order of acceptance, so of expiry */
    struct outgoing *outgoing_by_id;
    size_t outgoing_count, queued, queued_bytes;
    uint64_t order;
    struct conversation *conversations;
    struct conversation *room; /* of them: everybody's */
    uint64_t conversation_uses;
    struct tree *tree;
    struct overlay *overlay; /* NULL: to be made anew */
    struct stored_copy *copies;
    size_t copies_bytes;
    uint64_t log_order; /* of the newest row */
    uint64_t gossip_at, gossip_version;
    uint64_t digest_at, compare_at;              /* when to tell what is new, and somebody all */
    char rooms[ROOMS_TOLD_MAX][ROOM_ID_MAX + 1]; /* that we tell of */
    size_t room_count;
    uint64_t gossip_order, gossip_order_ours; /* of the newest presence, and of our own */
    struct {
        struct person *first, *last;
    } facts; /* the queue of facts.c */
    struct {
        struct after_commit *v; /* a ring */
        size_t first, n, cap;
    } after_commits;
    struct load *loads;
    size_t load_count;
    uint64_t stamp;          /* of our newest connection request or introduction */
    uint64_t frame_stamp;    /* of our newest frame of a file that went through others */
    uint64_t plain_sequence; /* of what plain peers alone were sent */
    uint64_t ticket;         /* of the newest commit or load */
    uint64_t commit;         /* of the newest commit */
    uint64_t committed;      /* and of the newest that is on the disk */
    bool dirty;              /* something is to be committed at the end of the step */
    bool restoring;          /* rows are being read: they are not written again */
    bool closing;            /* what is forgotten now is forgotten by this process only */
    bool started;            /* PEER_START has come */
    bool gone;               /* we have left */
    bool left;               /* and the application is to hear it when all is on the disk */
    bool store_failed;       /* nothing more will be */
    bool overlay_stale;
    bool ways_known;     /* everybody's `way` is right */
    bool routes_changed; /* somebody may be reached now who was not, or the reverse */
    struct {
        struct person *who;            /* NULL: nothing is to be handed on */
        struct envelope envelope;      /* owned: of a type file_* */
        struct refused_offer *refused; /* owned; NULL: the envelope is whole */
    } file_said;
    struct attached *attached;            /* on its way up */
    struct message_draft *message_drafts; /* messages that wait for their attachments to be read */
    struct upload *uploads;               /* by id */
    struct download *downloads;           /* by id */
    unsigned fetches;                     /* of all downloads */
    uint64_t last_file, file_ticket, download_order;
    struct ref *refs;
    struct known *known;
    bool away;
    char *status; /* owned; NULL: none */
    uint64_t refused_log_at;
    struct twin twin;
};

static inline struct span person_id(const struct person *who)
{
    return span_of(who->id);
}

#endif
