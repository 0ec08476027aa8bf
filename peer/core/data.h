/* SPDX-License-Identifier: MIT
 *
 * The core's data, which its files share (state.h says what each of them does with it).
 *
 *     struct peer ─► people (by id) ─► roster entries: where the daemon shows this person; the first usable one is called
 *                                  ├─► link: one state machine ─► connection: one connection (rtc), and perhaps a rival
 *                                  ├─► outbox: deliveries to this reader ─► outgoing: the message, shared by its readers
 *                                  ├─► inbox: what this person is owed: receipts
 *                                  └─► news: what it last said of itself, and who it is linked with
 *                 ├─► conversations ─► causal: who said how much, what waits
 *                 ├─► tree: how group messages travel        ├─► held: copies kept for others
 *                 └─► thens: what waits for a commit         └─► loads: what was asked of the store
 */
#ifndef PEER_CORE_DATA_H
#define PEER_CORE_DATA_H

#include "base/samples.h"
#include "peer/core/bounds.h"
#include "peer/core/order/causal.h"
#include "peer/core/order/hash.h"
#include "peer/core/order/overlay.h"
#include "peer/core/peer.h"
#include "peer/core/people/seal.h"
#include "peer/core/order/tree.h"
#include "protocol/envelope.h"
#include "protocol/sdp.h"
#include "protocol/signaling.h"

#define NEVER UINT64_MAX

/* ---- people ---- */

/* A place in the daemon's roster. */
struct roster_entry {
    char id[PEER_ID_MAX + 1];
    struct person *person;
    bool dialect;     /* called with `signal` */
    bool listed;      /* seen in the list that is being read */
    bool away;        /* its socket is lost, frames for it are held: not called */
    uint64_t gone_at; /* a roster entry of the daemon's earlier life that has not come back has left then; else NEVER */
    uint64_t refused_until; /* 0: it never gave a wrong introduction */
    struct roster_entry *prev, *next;
    UT_hash_handle hh;
};

/* One connection of io's, from call to end. */
struct connection {
    uint64_t rtc;
    struct person *person;
    char link[LINK_MAX + 1];       /* chosen by the offerer; may be empty if that is a stranger */
    char peer_id[PEER_ID_MAX + 1]; /* the other's, when it began; empty: it has none */
    bool through_peers;            /* signaled over data channels, not through the daemon */
    bool offerer;
    bool awaiting; /* our offer is made or under way, and not answered */
    bool open;     /* the channel `usher` is */
    bool congested;
    bool lost;   /* ICE lost its pair here: the other may not have noticed */
    bool unsure; /* something of ours may not have reached the other: said outside the room, or to a lost socket */
    enum peer_path path;
    bool introduced; /* theirs was verified and ours is sent; of a plain peer: the channel is open */
    uint16_t channel;
    uint32_t message_max;    /* a=max-message-size of its description: bytes that one message may have */
    unsigned candidates;     /* remote ones taken since the last offer or answer */
    uint64_t began, took_ms; /* took_ms: to introduced */
    bool reported;
    char local[SDP_FINGERPRINT_MAX + 1], remote[SDP_FINGERPRINT_MAX + 1];
    char mid[SDP_MID_MAX + 1];
    unsigned line; /* which m= section is the data channel's */
    UT_hash_handle hh;
};

#define LINK_STATES(X)                                                                          \
    X(IDLE, "nobody is being called: the person has no seat in the room, or has just been met") \
    X(WAITING, "it is the other's turn to call, or a pause before the next attempt")            \
    X(CALLING, "an attempt is under way; its channel is not open yet")                          \
    X(INTRODUCING, "the channel is open; the other's introduction has not been verified yet")   \
    X(UP, "introduced, or the open channel of a plain peer: messages flow")                     \
    X(RESTARTING, "nothing is heard any more: ICE is restarted on the same connection, messages wait")

enum link_state {
#define X(name, sentence) LINK_##name,
    LINK_STATES(X)
#undef X
    LINK_STATES_COUNT
};

struct link {
    enum link_state state;
    struct connection *connection; /* NULL in IDLE and WAITING */
    struct connection *rival; /* offered while this one is open: takes its place when it is introduced, not before */
    bool has_role, offerer;   /* fixed at the first offer */
    unsigned failures;        /* since it was last up */
    char ended[LINK_MAX + 1]; /* the connection that ended last: what still comes for it is ignored */
    uint64_t at;              /* when this state has lasted long enough */
    uint64_t wanted_until;    /* we have something for this person, overlay or not */
    uint64_t idle_since;      /* while the link is up: since when we do not want it; NEVER: we do */
    uint64_t next_offer_at;   /* from when on another new connection of theirs is taken */
    uint64_t heard_at, ping_at, ping_number, rtt_ms;
    uint64_t
        probe_at; /* when the link counts as dead unless a ping as new as `probe` is answered; NEVER: nothing is asked */
    uint64_t probe;
    unsigned pings; /* sent since something was heard */
};

/* ---- messages ---- */

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
    DELIVERY_TREE,   /* told to the room, and the reader can be reached */
    DELIVERY_FLIGHT, /* sent, not acknowledged */
    DELIVERY_HELD,   /* tried TRIES_MAX times: waits for the next link-up */
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
    uint64_t retry_at;  /* when what is held is tried again; NEVER: nothing is */
    uint64_t tree_at;   /* when the reader acknowledged nothing of what rides on the tree for too long */
    uint64_t copies_at; /* when others are asked to keep copies; NEVER: they were */
    uint64_t passed_at; /* when those are sent again that the reader's clock is past; NEVER: none */
};

/* A message id heard from somebody. */
struct seen {
    char id[ENVELOPE_ID_MAX + 1];
    bool owes_ack, owes_read, read; /* read: and told */
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
    uint64_t clock_at;     /* when they were told our clock because something of theirs came again */
    uint64_t requests_at;  /* history requests are paid for up to then */
    uint64_t strangers_at; /* likewise news of people that we did not know */
    uint64_t answers_at;   /* likewise news that they asked for */
    uint64_t regains_at;   /* likewise what they know of us that we do not */
    uint64_t reads_at;     /* likewise looks into the record for what they say they have read */
};

/* The connection requests heard from somebody: each has its effect once, and a relay may have recorded it. */
struct requests {
    struct {
        uint64_t timestamp;
        uint32_t id;
    } heard[REQUESTS_HEARD_MAX]; /* a ring; of each id a hash */
    size_t next;
    uint64_t floor; /* what is this old or older is refused */
    uint64_t offer; /* the newest offer or introduction */
};

/* Somebody's wall clock, as far as we know it (expiry.c). In milliseconds before our monotonic clock. */
struct clock_estimate {
    bool known, was_set;
    int64_t ahead;                /* at least; of a link: and hardly more */
    int64_t was, until;           /* before it was set, and when we noticed, by our clock */
    uint32_t conversation;        /* hash of the one that its newest talk belonged to */
    uint64_t sequence, timestamp; /* of that */
    bool has_gossip, vouched;
    int64_t presence; /* what its news shows: at least so far ahead */
    uint64_t gossip_timestamp;
    int64_t vouch; /* what somebody says who hands over its messages */
};

struct told_link {
    char id[ID_CHARS + 1];
    uint64_t rtt_ms;
    struct person *person; /* of relay.c, while it looks for ways */
};

/* What a person last told everybody about itself. */
struct presence {
    uint64_t version; /* 0: nothing was told */
    uint64_t heard_at;
    uint64_t asked_at; /* for newer, last */
    uint64_t order;    /* counts up over all that we hear and say */
    char *text;        /* owned: the envelope, for those who link with us later */
    size_t n;
    struct told_link *links; /* owned */
    size_t link_count;
    char presence[8];
    uint32_t rooms; /* hash of those that it told of; 0: none */
};

/* Messages of one author that will never be shown: given up, or come past their time to live. */
struct missing {
    char author[PERSON_MAX + 1];
    uint64_t from, to;
    bool expired;
    bool untold; /* the author waits for our receipt */
};

struct conversation {
    char name[ENVELOPE_CONVERSATION_MAX + 1];
    bool room;
    bool stored;                    /* it has a row */
    bool started;                   /* false: a newcomer's room, whose clock has yet to be learned */
    char (*people)[PERSON_MAX + 1]; /* owned; everybody, ourselves too; none of a room's */
    size_t people_count;
    struct causal *order;
    uint64_t used;   /* counts up over all conversations: the newest are compared first */
    uint64_t ask_at; /* when to ask for what is missing; NEVER: nothing is */
    unsigned asks;
    char hint[PERSON_MAX + 1];           /* who sent what waits: asked first */
    struct missing missing[MISSING_MAX]; /* stored: they must never be acknowledged */
    size_t missing_count;
    uint64_t told_at;  /* our clock, last */
    uint64_t tell_at;  /* when to tell authors of those that they do not know of; NEVER: they know of all */
    uint64_t released; /* our own sequences up to this are on the disk, and may be seen by others */
    uint64_t
        regained; /* and up to this were taken from somebody's clock: there are no messages to them any more; 0: none */
    UT_hash_handle hh;
};

/* What waits in a conversation for its predecessors. */
struct waiting {
    char *text; /* owned */
    size_t n;
    char author[PERSON_MAX + 1], id[ENVELOPE_ID_MAX + 1];
    uint64_t sequence;
    bool kept; /* a custodian handed it over */
};

/* A sealed copy that we keep for somebody else. */
struct copies {
    char key[2 * PERSON_MAX + ENVELOPE_ID_MAX + 3]; /* reader/author/id */
    char id[ENVELOPE_ID_MAX + 1];
    char reader[PERSON_MAX + 1], giver[PERSON_MAX + 1];
    char *text; /* owned */
    size_t n;
    uint64_t expires;
    UT_hash_handle hh; /* by key */
};

enum handing {
    HANDING_GAP,  /* out of the history */
    HANDING_HEAD, /* an author's last, for a newcomer */
    HANDING_COPY  /* to be kept for somebody else */
};

struct person {
    char id[PERSON_MAX + 1];
    char name[DISPLAY_NAME_MAX + 1];
    bool keyed;
    bool clock_heard;         /* it told its clock of the room: `since` is not needed for it */
    bool follows;             /* it has delivered a message of ours in the room, and so what that depends on */
    bool stored;              /* in the table of people */
    size_t waiting;           /* messages that wait for this person, kept by outbox_keep.c */
    bool engaged;             /* a link is up, on its way or waited for, kept by link.c */
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
    struct {
        struct person
            *first[RELAYS_MAX + 1]; /* whose link is the first step, over at most so many relays; NULL: none */
        struct person *next_first;  /* of relay.c, while it looks for ways */
        uint64_t ms, next_ms;
    } way;
    uint64_t told;   /* the news up to this order was sent on this link */
    bool behind;     /* something could not go to this link: it is told what it lacks when it can */
    unsigned handed; /* talk frames that come next on this link, and why */
    enum handing handing;
    UT_hash_handle hh;
};

/* What a floor tells those above it, in the order in which they hear it of one person (hand_on.c says what each does). */
#define FACT_LIST(X)                                                                                      \
    X(LINK_DOWN, "the link was up and is not any more")                                                   \
    X(LINK_REPLACED, "another connection took over a link that was up: what the former took may be lost") \
    X(LINK_UP, "introduced, or a plain peer's channel is open: messages flow")                            \
    X(LINK_WRITABLE, "the link takes messages again, after a restart or congestion")                      \
    X(REACHED, "a link or others lead there, after nobody did")                                           \
    X(PATH, "the application was told another path than before, or that there is none")                   \
    X(LEFT, "nobody knows this person any more: let go of it")
enum fact {
#define X(name, sentence) FACT_##name,
    FACT_LIST(X)
#undef X
    FACTS
};

/* ---- the rest ---- */

#define SESSION_STATES(X)                                                           \
    X(IDLE, "disconnected", "before the start, and after leaving or a fatal error") \
    X(PAUSED, "disconnected", "the pause before the next server is tried")          \
    X(CONNECTING, "connecting", "the WebSocket is being opened")                    \
    X(CONNECTED, "connected", "open; the daemon's welcome has not come")            \
    X(RESUMING, "joining", "resume is sent; its answer has not come")               \
    X(JOINING, "joining", "join-room is sent; the list of peers has not come")      \
    X(JOINED, "in-room", "in the room: signals can be sent")

enum session_state {
#define X(name, shown, sentence) SESSION_##name,
    SESSION_STATES(X)
#undef X
    SESSION_STATES_COUNT
};

struct session {
    enum session_state state;
    const char *shown;                       /* the state that the application was told last */
    char peer_id[PEER_ID_MAX + 1];           /* ours; kept while we are away */
    char resume_token[RESUME_TOKEN_MAX + 1]; /* gives it back; empty: nothing does */
    unsigned resume_server;                  /* that gave the token */
    unsigned server, failures;
    bool connected_once, joined_once, ping_out, stopped;
    uint64_t at; /* when this state has lasted long enough; JOINED: when to ping */
    uint64_t ping_ms;
    uint64_t pause_ms; /* what the daemon asked for; 0: nothing */
};

struct known {
    char name[DISPLAY_NAME_MAX + 1];
    char id[PERSON_MAX + 1];
    UT_hash_handle hh;
};

struct ref {
    char ref[REF_MAX + 1];
    char id[ID_CHARS + 1];
    UT_hash_handle hh;
};

/* What is done once a commit is on the disk. */
enum after_commit_type {
    AFTER_COMMIT_NOTICE,  /* tell the application */
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
    struct peer_notice *notice; /* owned */
    char id[ENVELOPE_ID_MAX + 1], who[PERSON_MAX + 1];
    bool group;
    char *frame; /* owned */
    size_t n;
};

enum load_type {
    LOAD_GAP,      /* for somebody's history request: one author's messages */
    LOAD_HEAD,     /* likewise, a newcomer's: one author's last */
    LOAD_AFTER,    /* for `history`: where in the log an id stands */
    LOAD_HISTORY,  /* the log itself */
    LOAD_OLDEST,   /* its rows that are too many */
    LOAD_READ,     /* for message_read: where in the log an id stands */
    LOAD_READ_ROW, /* that row */
    LOAD_HAD,      /* for talk at or below the clock: where in the log its id stands */
    LOAD_HAD_ROW   /* that row */
};
struct load {
    enum load_type type;
    uint64_t ticket;
    char who[PERSON_MAX + 1], author[PERSON_MAX + 1], conversation[ENVELOPE_CONVERSATION_MAX + 1];
    uint64_t from, to; /* sequences, both included */
    bool final;        /* the last of the answer that it belongs to */
    unsigned limit;
    char ref[REF_MAX + 1];
    struct load *prev, *next;
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

    int64_t clock_ahead; /* of our wall clock before the monotonic one, when it was looked at last */

    uint64_t wake; /* nothing is due before; may be earlier than needed */
    uint64_t told; /* the deadline that io knows */

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
    struct copies *copies;
    size_t copies_bytes;
    uint64_t log_order; /* of the newest row */
    uint64_t gossip_at, gossip_version;
    uint64_t digest_at, compare_at;              /* when to tell what is new, and somebody all */
    char rooms[ROOMS_TOLD_MAX][ROOM_ID_MAX + 1]; /* that we tell of */
    size_t room_count;
    uint64_t gossip_order, gossip_order_ours; /* of the newest news, and of our own */
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
    uint64_t plain_sequence; /* of what plain peers alone were sent */
    uint64_t ticket;         /* of the newest commit or load */
    uint64_t commit;         /* of the newest commit */
    uint64_t committed;      /* and of the newest that is on the disk */
    bool dirty;              /* something is to be committed at the end of the step */
    bool restoring;          /* rows are being read: they are not written again */
    bool closing;            /* what is forgotten now is forgotten by this process only */
    bool gone;               /* we have left */
    bool overlay_stale;
    bool ways_known;     /* everybody's `way` is right */
    bool routes_changed; /* somebody may be reached now who was not, or the other way round */
    struct ref *refs;
    struct known *known;
    bool away;
    char *status; /* owned; NULL: none */
    uint64_t refused_log_at;
    struct {
        uint64_t started;              /* by the wall clock: the later one rests */
        uint64_t told;                 /* when the one began that the application was told of; 0: none */
        uint64_t claims_at;            /* claims are paid for up to then */
        uint64_t doubt_until;          /* our key sat there when we came: nobody is called before; NEVER: it did not */
        char claimed[PEER_ID_MAX + 1]; /* the roster entry that was told of us last */
    } twin;
};

static inline struct span person_id(const struct person *who)
{
    return span_of(who->id);
}

#endif
