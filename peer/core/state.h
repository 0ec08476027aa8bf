/* SPDX-License-Identifier: MIT
 *
 * What the core's files share: its data and, file by file, what each offers the others. Nobody outside peer/core
 * includes this.
 *
 *     struct peer ─► people (by id) ─► seats: where the daemon shows this person; the first usable one is called
 *                                  ├─► link: one state machine ─► attempt: one connection (rtc), and perhaps a rival
 *                                  ├─► outbox: deliveries to this reader ─► outgoing: the message, shared by its readers
 *                                  ├─► inbox: what this person is owed: receipts
 *                                  └─► news: what it last said of itself, and who it is linked with
 *                 ├─► conversations ─► causal: who said how much, what waits
 *                 ├─► tree: how group messages travel        ├─► held: copies kept for others
 *                 └─► thens: what waits for a commit         └─► loads: what was asked of the store
 */
#ifndef PEER_CORE_STATE_H
#define PEER_CORE_STATE_H

#include "peer/core/bounds.h"
#include "peer/core/causal.h"
#include "peer/core/hash.h"
#include "peer/core/overlay.h"
#include "peer/core/peer.h"
#include "peer/core/seal.h"
#include "peer/core/tree.h"
#include "protocol/envelope.h"
#include "protocol/sdp.h"
#include "protocol/signaling.h"

#define NEVER UINT64_MAX

/* ---- people ---- */

/* A place in the daemon's roster. */
struct seat {
    char id[PEER_ID_MAX + 1];
    struct person *person;
    bool dialect;           /* called with `signal` */
    bool listed;            /* seen in the list that is being read */
    bool away;              /* its socket is lost, frames for it are held: not called */
    uint64_t gone_at;       /* a seat of the daemon's earlier life that has not come back has left then; else NEVER */
    uint64_t refused_until; /* 0: it never gave a wrong introduction */
    struct seat *prev, *next;
    UT_hash_handle hh;
};

/* One connection of io's, from call to end. */
struct attempt {
    uint64_t rtc;
    struct person *person;
    char link[LINK_MAX + 1];    /* chosen by the offerer; may be empty if that is a stranger */
    char seat[PEER_ID_MAX + 1]; /* the other's, when it began; empty: it has none */
    bool through_peers;         /* signaled over data channels, not through the daemon */
    bool offerer;
    bool awaiting; /* our offer is made or under way, and not answered */
    bool open;     /* the channel `usher` is */
    bool congested;
    bool unsure; /* something of ours may not have reached the other: said outside the room, or to a lost socket */
    enum peer_path path;
    bool introduced; /* theirs was verified and ours is sent; of a plain peer: the channel is open */
    uint16_t channel;
    unsigned candidates; /* remote ones taken since the last offer or answer */
    uint64_t began;
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
    struct attempt *attempt;  /* NULL in IDLE and WAITING */
    struct attempt *rival;    /* offered while this one is up: takes its place when it is introduced, not before */
    bool has_role, offerer;   /* fixed at the first offer */
    unsigned failures;        /* since it was last up */
    char ended[LINK_MAX + 1]; /* the attempt that ended last: what still comes for it is ignored */
    uint64_t at;              /* when this state has lasted long enough */
    uint64_t wanted_until;    /* somebody has something for this person, overlay or not */
    uint64_t next_offer_at;   /* from when on another new attempt of theirs is taken */
    uint64_t heard_at, ping_at, ping_number, rtt_ms;
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
    uint64_t expires;
    bool committed;              /* on the disk: it may be sent */
    struct delivery *deliveries; /* those not done */
    struct outgoing *prev, *next;
    UT_hash_handle hh; /* by id */
};

enum delivery_place {
    DELIVERY_QUEUE,  /* not sent on this link */
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
    unsigned tries; /* on this link */
    uint64_t sent_at;
    size_t n; /* bytes of the message */
    char custodians[CUSTODIANS_MAX][ID_CHARS + 1];
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
    uint64_t stuck_at;   /* since when something waits and no link is up; NEVER: nothing */
    uint64_t retry_at;   /* when what is held is tried again; NEVER: nothing is */
    uint64_t custody_at; /* when others are asked to keep copies; NEVER: they were */
};

/* A message id heard from somebody. */
struct seen {
    char id[ENVELOPE_ID_MAX + 1];
    bool owes_ack, owes_read;
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
    uint64_t requests_at;  /* history requests are paid for up to then */
    uint64_t strangers_at; /* likewise news of people that we did not know */
};

struct told_link {
    char id[ID_CHARS + 1];
    uint64_t rtt_ms;
    struct person *person; /* of relay.c, while it looks for ways */
};

/* What a person last told everybody about itself. */
struct news {
    uint64_t version; /* 0: nothing was told */
    uint64_t heard_at;
    uint64_t order; /* counts up over all that we hear and say */
    char *text;     /* owned: the envelope, for those who link with us later */
    size_t n;
    struct told_link *links; /* owned */
    size_t link_count;
    char presence[8];
    uint32_t rooms; /* hash of those that it told of; 0: none */
};

struct conversation {
    char name[ENVELOPE_CONVERSATION_MAX + 1];
    bool room;
    bool stored;                    /* it has a row */
    bool started;                   /* false: a newcomer's room, whose clock has yet to be learned */
    char (*people)[PERSON_MAX + 1]; /* owned; everybody, ourselves too; none of a room's */
    size_t people_count;
    struct causal *order;
    uint64_t used;     /* counts up over all conversations: the newest are compared first */
    uint64_t asked_at; /* last: whoever says that there is more does not set the pace */
    bool more;         /* there is more than the last answer held */
    uint64_t ask_at;   /* when to ask for what is missing; NEVER: nothing is */
    unsigned asks;
    char hint[PERSON_MAX + 1]; /* who sent what waits: asked first */
    struct {
        char author[PERSON_MAX + 1];
        uint64_t from, to;
    } missing[MISSING_MAX]; /* given up; stored: they must never be acknowledged */
    uint64_t released;      /* our own sequences up to this are on the disk, and may be seen by others */
    size_t missing_count;
    UT_hash_handle hh;
};

/* What waits in a conversation for its predecessors. */
struct waiting {
    char *text; /* owned */
    size_t n;
    char author[PERSON_MAX + 1];
    uint64_t sequence;
};

/* A sealed copy that we keep for somebody else. */
struct held {
    char key[2 * PERSON_MAX + ENVELOPE_ID_MAX + 3]; /* reader/author/id */
    char id[ENVELOPE_ID_MAX + 1];
    char reader[PERSON_MAX + 1], giver[PERSON_MAX + 1];
    char *text; /* owned */
    size_t n;
    uint64_t expires;
    UT_hash_handle hh; /* by key */
};

enum handing {
    HANDING_GAP,    /* out of the history */
    HANDING_HEAD,   /* an author's last, for a newcomer */
    HANDING_CUSTODY /* to be kept for somebody else */
};

struct person {
    char id[PERSON_MAX + 1];
    char name[DISPLAY_NAME_MAX + 1];
    bool keyed;
    bool clock_heard; /* it told its clock of the room: `since` is not needed for it */
    bool stored;      /* in the table of people */
    bool shown_up;    /* what the application was told */
    uint8_t key[KEY_BYTES], box[KEY_BYTES], box_signature[SIGNATURE_BYTES];
    uint64_t seen_unix; /* when last seen in the room; 0: never */
    struct seat *seats; /* newest first; none: not in the room */
    struct link link;
    struct outbox outbox;
    struct inbox inbox;
    struct news news;
    struct {
        struct person *first, *next_first; /* whose link is the first step; NULL: there is no way */
        uint64_t ms, next_ms;
    } way;
    uint64_t told;   /* the news up to this order was sent on this link */
    bool behind;     /* something could not go to this link: it is told what it lacks when it can */
    unsigned handed; /* talk frames that come next on this link, and why */
    enum handing handing;
    UT_hash_handle hh;
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
    char seat[PEER_ID_MAX + 1];              /* ours; kept while we are away */
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
enum then_type {
    THEN_NOTICE,  /* tell the application */
    THEN_SEND,    /* the message of ours `id` may go */
    THEN_RECEIPT, /* tell `who` that we have `id` */
    THEN_KEPT,    /* tell `who` that we keep its copy `id` */
    THEN_FRAME    /* send `who` this frame, which says what we have */
};
struct then {
    enum then_type type;
    uint64_t ticket;
    struct peer_notice *notice; /* owned */
    char id[ENVELOPE_ID_MAX + 1], who[PERSON_MAX + 1];
    bool group;
    char *frame; /* owned */
    size_t n;
};

enum load_type {
    LOAD_GAP,     /* for somebody's history request: one author's messages */
    LOAD_HEAD,    /* likewise, a newcomer's: one author's last */
    LOAD_AFTER,   /* for `history`: where in the log an id stands */
    LOAD_HISTORY, /* the log itself */
    LOAD_OLDEST   /* its rows that are too many */
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

    /* of the step in hand */
    uint64_t now, unix_ms;
    struct peer_effects *fx;

    uint64_t wake; /* nothing is due before; may be earlier than needed */
    uint64_t told; /* the deadline that io knows */

    struct session session;
    struct person *people;
    struct seat *seats;
    struct attempt *attempts; /* by rtc */
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
    struct held *held;
    size_t held_bytes;
    uint64_t log_order; /* of the newest row */
    uint64_t news_at, news_version;
    char rooms[ROOMS_TOLD_MAX][ROOM_ID_MAX + 1]; /* that we tell of */
    size_t room_count;
    uint64_t news_order, news_order_ours; /* of the newest news, and of our own */
    struct {
        struct then *v; /* a ring */
        size_t first, n, cap;
    } thens;
    struct load *loads;
    uint64_t plain_sequence; /* of what plain peers alone were sent */
    uint64_t ticket;         /* of the newest commit or load */
    uint64_t commit;         /* of the newest commit */
    uint64_t committed;      /* and of the newest that is on the disk */
    bool dirty;              /* something is to be committed at the end of the step */
    bool restoring;          /* rows are being read: they are not written again */
    bool closing;            /* what is forgotten now is forgotten by this process only */
    bool gone;               /* we have left */
    bool overlay_stale;
    char
        answering[ENVELOPE_CONVERSATION_MAX + 1]; /* the conversation that a history answer is about; empty: the room */
    bool ways_known;                              /* everybody's `way` is right */
    bool routes_changed;                          /* somebody may be reached now who was not, or the other way round */
    struct ref *refs;
    struct known *known;
    bool away;
    char *status; /* owned; NULL: none */
    uint64_t refused_log_at;
};

/* ---- effects.c: what io is to do. Out of memory loses the effect, as a network loses a packet. ---- */
struct peer_effect *effect_add(struct peer *p, enum peer_effect_type type);
struct peer_effect *effect_text(struct peer *p, enum peer_effect_type type, uint64_t rtc, struct span text);
/* Wakes the peer at that time at the latest. */
void effect_wake(struct peer *p, uint64_t at);
/* A record with up to one field (key may be NULL). */
void effect_log(
    struct peer *p, enum log_level level, const char *event, const char *message, const char *key, struct span value);
/* Copies into a member of n bytes with its NUL; false, with nothing done, if it does not fit. */
bool text_copy(char *out, size_t n, struct span text);
/* The pause before attempt number `failures` + 1, which doubles: `base` and up to a quarter of it by chance. */
uint64_t effect_jitter(const struct peer *p, uint64_t base);

/* ---- notice.c ---- */
struct notice {
    enum peer_notice_type type;
    struct span id, from, by, ref, room, name, text, conversation, reason, code;
    const struct span *to, *names;
    size_t to_count;
    const char *kind, *path;
    uint64_t timestamp, count;
    bool up, verified, fatal;
};
struct peer_notice *notice_make(const struct notice *n); /* copies; NULL when out of memory */
void notice_add(struct peer *p, const struct notice *n);
void notice_link(struct peer *p, const struct person *who, const char *text);

/* ---- session.c ---- */
void session_start(struct peer *p);
void session_opened(struct peer *p);
void session_frame(struct peer *p, struct span frame);
void session_closed(struct peer *p, struct span why);
void session_due(struct peer *p);
void session_leave(struct peer *p);
/* Hands the daemon a frame; dropped, and false, unless we are in the room. */
bool session_send(struct peer *p, struct buf *frame);
/* Tells the application the state if it changed. */
void session_show(struct peer *p);

/* ---- card.c: who somebody is, on one line: key, box, signature (base64) and name ---- */
enum {
    CARD_MAX = 3 * 96 + DISPLAY_NAME_MAX
};
struct card {
    char id[ID_CHARS + 1];
    uint8_t key[KEY_BYTES], box[KEY_BYTES], box_signature[SIGNATURE_BYTES];
    char name[DISPLAY_NAME_MAX + 1];
};
void card_write(struct buf *out, const struct person *who);
void card_write_ours(const struct peer *p, struct buf *out);
/* False unless the signature holds. */
bool card_read(const struct peer *p, struct span text, struct card *out);

/* ---- roster.c ---- */
struct person *roster_find(const struct peer *p, struct span id);
struct seat *roster_seat(const struct peer *p, struct span id);
/* The seat to call: the newest that is not refused; NULL if there is none. */
struct seat *roster_usable_seat(const struct peer *p, const struct person *who);
/* The person of that card, made if new; NULL if it is ourselves or there is no room. */
struct person *roster_meet(struct peer *p, const struct card *card);
/* Keeps who this is for the next start. */
void roster_store(struct peer *p, struct person *who);
bool roster_there(const struct person *who); /* in the room, or linked */
void roster_list(struct peer *p, const struct signaling_message *m);
void roster_joined(struct peer *p, const struct signaling_member *m);
void roster_left(struct peer *p, struct span seat, bool said_goodbye);
/* We have our seat again: this is who is there. */
void roster_resumed(struct peer *p, const struct signaling_message *m);
void roster_away(struct peer *p, struct span seat);
void roster_back(struct peer *p, const struct signaling_message *m);
void roster_due(struct peer *p);
/* Forgets who is gone for good. At the end of a step: nobody holds a person then. */
void roster_sweep(struct peer *p);
void roster_clear(struct peer *p);

/* ---- attempt.c: one connection, and what the two say about it through the daemon ---- */
struct attempt *attempt_find(const struct peer *p, uint64_t rtc);
struct attempt *attempt_new(struct peer *p, struct person *who, const struct seat *seat, struct span link);
void attempt_free(struct peer *p, struct attempt *a); /* takes NULL; also at io */
struct attempt *attempt_call(struct peer *p, struct person *who, const struct seat *seat);
void attempt_restart(struct peer *p, struct attempt *a);
void attempt_signal(struct peer *p, const struct signaling_message *m); /* offer, answer or candidate */
/* The same through other peers. */
void attempt_requested(struct peer *p, struct person *who, const struct envelope *e);
void attempt_description(struct peer *p, struct attempt *a, struct span type, struct span sdp);
void attempt_candidate(struct peer *p, struct attempt *a, struct span candidate);
/* Tells the daemon how the call ended, for its statistics. */
void attempt_report(struct peer *p, const struct attempt *a, bool failed);
/* Sends one message on the open channel; nothing while that is congested. */
void attempt_send(struct peer *p, struct attempt *a, struct span text);

/* ---- link.c ---- */
bool link_is_up(const struct person *who);       /* introduced; perhaps just restarting */
bool link_can_send(const struct person *who);    /* messages: not while it is restarting or congested */
const char *link_path(const struct person *who); /* static */
/* The person was met, or sits elsewhere, or we do. */
void link_reseated(struct peer *p, struct person *who);
/* Our seat was kept over the loss of its socket; whole: what was said to us is not lost. */
void link_resumed(struct peer *p, struct person *who, bool whole);
/* Theirs was. */
void link_returned(struct peer *p, struct person *who);
/* Their socket is lost: what we said last may have gone with it. */
void link_unsure(struct person *who, struct span seat);
/* Their seat has another name. */
void link_seat_renamed(struct person *who, struct span from, struct span to);
void link_offered(struct peer *p, struct person *who, struct attempt *a);
void link_channel_open(struct peer *p, struct attempt *a, uint16_t channel, struct span label);
void link_channel_closed(struct peer *p, struct attempt *a, uint16_t channel);
void link_ice(struct peer *p, struct attempt *a, bool connected, enum peer_path path);
void link_introduced(struct peer *p, struct attempt *a);
void link_writable(struct peer *p, struct person *who); /* it can send again: what waited goes */
void link_heard(struct peer *p, struct attempt *a);
void link_pong(struct peer *p, struct attempt *a, uint64_t number);
/* The attempt is over; the next one follows in its time. */
void link_failed(struct peer *p, struct attempt *a, const char *reason);
void link_refused(struct peer *p, struct attempt *a, const char *reason);
void link_farewell(struct peer *p, struct person *who); /* they said that they are gone */
void link_due(struct peer *p, struct person *who);
void link_close(struct peer *p, struct person *who);
/* Somebody has something for this person: it is called even if the overlay does not ask for it. */
void link_wanted(struct peer *p, struct person *who);
/* Calls whom the overlay asks for now. */
void link_overlay(struct peer *p);

/* ---- intro.c ---- */
void intro_send(struct peer *p, struct attempt *a);
/* NULL if the introduction holds, else why not. */
const char *intro_judge(struct peer *p, const struct attempt *a, const struct envelope *e);

/* ---- trust.c ---- */
void trust_known(struct peer *p, struct span name, struct span id);
void trust_meet(struct peer *p, const struct person *who);
void trust_clear(struct peer *p);

/* ---- say.c: envelopes of ours ---- */
/* Over the link, or sealed and through others. False if neither is there. */
bool say_through(struct peer *p, struct person *who, struct envelope *e);
bool say_relayed(struct peer *p, struct person *who, struct envelope *e); /* through others in any case */
/* Fills in what every message of ours has; id has ID_CHARS + 1 bytes, chosen here. */
void say_begin(struct peer *p, struct envelope *e, char *id);
/* Signs and appends it to out. */
bool say_sign(struct peer *p, struct envelope *e, struct buf *out);
/* Both. */
bool say_envelope(struct peer *p, struct envelope *e, char *id, struct buf *out);
/* Makes and sends what is not kept: heartbeats, acknowledgements, presence ... Nothing if the link cannot take it. */
void say_to(struct peer *p, struct person *who, struct envelope *e);
void say_heartbeat(struct peer *p, struct person *who, const char *ping_or_pong, uint64_t number);
void say_status(struct peer *p, struct person *who, struct span status);
void say_typing(struct peer *p, const struct peer_event *ev);
/* To everybody whose link is up, and to those whose link comes up later. */
void say_presence(struct peer *p, struct span presence);
void say_status_to_all(struct peer *p, struct span status);
/* The conversation that a message from `from` to these people belongs to; none: the room's. */
void say_conversation(
    const struct peer *p, struct span from, const struct span *to, size_t n, char out[ENVELOPE_CONVERSATION_MAX + 1]);

/* ---- storage.c ---- */
void storage_put(struct peer *p, enum peer_table table, struct span key, struct span value);
void storage_delete(struct peer *p, enum peer_table table, struct span key);
/* Once all that was put so far is on the disk: tells the application, sends the message, tells `who`. */
void storage_then_notice(struct peer *p, const struct notice *n);
void storage_then_send(struct peer *p, const struct outgoing *m);
void storage_then_tell(struct peer *p, enum then_type type, const struct person *who, struct span id, bool group);
/* Rows of a table from a key to another (left out); the caller fills what the load is for. NULL: too many are under way. */
struct load *storage_load(struct peer *p, enum load_type type, enum peer_table table, struct span from, struct span to,
    unsigned limit, bool last);
/* The frame is taken. */
void storage_then_frame(struct peer *p, const struct person *who, struct buf *frame);
void storage_end_step(struct peer *p);
void storage_committed(struct peer *p, uint64_t ticket);
/* Takes the load that was answered off the list; the caller frees it. NULL: it is not ours. */
struct load *storage_answered(struct peer *p, uint64_t ticket);
void storage_clear(struct peer *p);
/* conversation/author/sequence */
void storage_message_key(struct buf *key, const char *conversation, struct span author, uint64_t sequence);
/* 16 hexadecimal digits: in byte order they stand as the numbers do. */
void storage_number(char out[17], uint64_t number);
bool storage_read_number(struct span text, uint64_t *number);

/* ---- restore.c: the core as it was ---- */
void restore_row(struct peer *p, enum peer_table table, struct span key, struct span value);

/* ---- conversation.c ---- */
struct conversation *conversation_find(const struct peer *p, struct span name);
/* The one of these people (ourselves among them or not), or of the room if n is 0; made if it is new. NULL if there are
 * too many, or memory is short. */
struct conversation *conversation_of(struct peer *p, struct span from, const struct span *to, size_t n);
struct conversation *conversation_restored(struct peer *p, struct span name, struct span value);
bool conversation_has(const struct peer *p, const struct conversation *c, const struct person *who);
/* It is known from where on we read it. */
void conversation_start(struct peer *p, struct conversation *c);
void conversation_store(struct peer *p, struct conversation *c);
void conversation_store_clock(struct peer *p, struct conversation *c, struct span author);
/* Whether this sequence was given up; it is forgotten then. */
bool conversation_was_missing(const struct conversation *c, struct span author, uint64_t sequence);
void conversation_missing(struct peer *p, struct conversation *c, struct span author, uint64_t from, uint64_t to);
void conversation_clear(struct peer *p);

/* ---- accept.c: what the application says ---- */
void accept_send(struct peer *p, const struct peer_event *ev);
void accept_remember_ref(struct peer *p, struct span ref, struct span id);
void accept_clear(struct peer *p);

/* ---- outbox.c ---- */
/* A message of ours with these readers; text and plain are taken. NULL when out of memory. */
struct outgoing *outbox_add(struct peer *p, const struct outgoing *like, struct buf *text, struct buf *plain);
/* False, and reported as failed, if too many wait for this reader. */
bool outbox_add_reader(struct peer *p, struct outgoing *m, struct person *who);
struct outgoing *outbox_find(const struct peer *p, struct span id);
/* It is on the disk: sends it. */
void outbox_release(struct peer *p, struct outgoing *m);
void outbox_flush(struct peer *p, struct person *who); /* what the link can take now */
void outbox_link_up(struct peer *p, struct person *who);
void outbox_link_down(struct peer *p, struct person *who);
void outbox_acknowledged(struct peer *p, struct person *who, struct span id);
void outbox_stored(struct peer *p, struct person *who, struct span id); /* on their disk, or on a custodian's */
/* They say how far they have read us in a conversation. */
void outbox_clock(struct peer *p, struct person *who, const struct conversation *c, uint64_t count);
void outbox_was_read(struct peer *p, struct person *who, struct span id);
/* They gave those of ours up. */
void outbox_missed(struct peer *p, struct person *who, const struct conversation *c, uint64_t from, uint64_t to);
/* After the rows were read. */
void outbox_restored(struct peer *p);
/* The first sequence of the room that this reader was sent and has not acknowledged; 0: none. */
uint64_t outbox_first_unheard(const struct person *who, const struct conversation *c);
void outbox_due(struct peer *p, struct person *who);
void outbox_expire(struct peer *p);
size_t outbox_waiting(const struct person *who); /* deliveries not done */
/* Reports every delivery that waits as failed and forgets all. */
void outbox_drop(struct peer *p, struct person *who, const char *reason);

/* ---- inbox.c ---- */
void inbox_data(struct peer *p, struct attempt *a, const struct peer_event *ev);
/* An envelope out of the store, as it came once. False if it cannot be read, or nobody knows its author. */
bool inbox_again(struct peer *p, struct span text);
/* Whether the envelope is signed by that person. */
bool inbox_signed_by(struct peer *p, const struct person *who, const struct envelope *e);
/* Counts a frame that broke a rule, and logs it at a bounded rate. */
void inbox_refuse(struct peer *p, const struct person *who, const char *why);

/* ---- receipt.c: what is owed for what was heard ---- */
void receipt_owe(struct peer *p, struct person *who, struct span id, bool group);
void receipt_stored(struct peer *p, struct person *who, struct span id); /* message_ack */
void receipt_seen(struct person *who, struct span id);                   /* it may be read later */
void receipt_read(struct peer *p, struct span id);                       /* a person saw this message */
void receipt_settle(struct peer *p, struct person *who);                 /* sends the receipts that are owed */
void receipt_due(struct peer *p, struct person *who);
void receipt_clear(struct person *who);

/* ---- talk.c: messages of people, in order ---- */
/* The author's signature holds. from: whose link it came on, NULL out of the store; raw: as it came. */
enum talk_way {
    TALK_TREE,  /* pushed along the tree */
    TALK_ALONE, /* to us alone: direct, sent again, out of somebody's history or our own store */
    TALK_HEAD   /* the last of its author: where a newcomer begins */
};
void talk_take(
    struct peer *p, struct person *from, struct person *author, struct envelope *e, struct span raw, enum talk_way way);
void talk_announced(struct peer *p, struct person *from, const struct envelope *e);
/* Sends a group message to the links of the tree, but to `from`. */
void talk_push(struct peer *p, const struct person *from, struct span raw);
/* The clock moved in another way: what waited for that is delivered. */
void talk_go_on(struct peer *p, struct conversation *c);
void talk_due(struct peer *p);

/* ---- history.c ---- */
void history_link_up(struct peer *p, struct person *who);
void history_ask(struct peer *p, struct conversation *c, struct person *who);
void history_request(struct peer *p, struct person *who, const struct envelope *e);
void history_reply(struct peer *p, struct person *who, const struct envelope *e);
void history_loaded(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n);
/* Tells `who` that `count` talk frames follow that belong to no tree, and whose authors these are. */
void history_announce(struct peer *p, struct person *who, const char *what, size_t count, uint64_t gone,
    struct person *const *authors, size_t author_count);

/* ---- ledger.c: the record of what the application said and was told ---- */
void ledger_add(struct peer *p, const struct notice *n);
/* What the application asks for: a `history` notice. */
void ledger_show(struct peer *p, const struct peer_event *ev);
void ledger_loaded(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n);

/* ---- custody.c ---- */
void custody_give(struct peer *p, struct delivery *d);
void custody_take(struct peer *p, struct person *giver, const struct envelope *e, struct span raw);
void custody_kept(struct peer *p, struct person *custodian, struct span id);
void custody_link_up(struct peer *p, struct person *who);
void custody_delivered(struct peer *p, const struct person *reader, struct span id);
/* False if the row cannot be read. */
bool custody_restored(struct peer *p, struct span key, struct span value);
void custody_expire(struct peer *p);
void custody_clear(struct peer *p);

/* ---- relay.c: to somebody through others ---- */
/* Over a link or through others. */
bool relay_reaches(const struct peer *p, const struct person *who);
/* Sends an envelope of ours that names one reader. */
bool relay_send(struct peer *p, struct person *who, struct span text);
/* Passes on what came on `from`'s link for somebody else. */
void relay_pass(struct peer *p, struct person *from, const struct envelope *e, struct span reader);
/* The application is told who can be reached now. */
void relay_show(struct peer *p);

/* ---- news.c: what everybody tells everybody about itself ---- */
void news_due(struct peer *p);
void news_changed(struct peer *p); /* tell it soon */
void news_now(struct peer *p);
/* The rooms that we tell of; what is no room's id is left out. */
void news_rooms(struct peer *p, const struct span *ids, size_t n);
void news_link_up(struct peer *p, struct person *who);
/* What this link has not been told yet, if it can take it. */
void news_tell(struct peer *p, struct person *who);
void news_heard(struct peer *p, struct person *from, const struct envelope *e, struct span raw);
/* They said good-bye: nobody leads there until they are heard of again. */
void news_gone(struct peer *p, struct person *who);
void news_clear(struct person *who);

static inline struct span person_id(const struct person *who)
{
    return span_of(who->id);
}

#endif
