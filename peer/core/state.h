/* SPDX-License-Identifier: MIT
 *
 * What the core's files share: its data and, file by file, what each offers the others. Nobody outside peer/core
 * includes this.
 *
 *     struct peer ─► people (by id) ─► seats: where the daemon shows this person; the first usable one is called
 *                                  ├─► link: one state machine ─► attempt: one connection (rtc), and perhaps a rival
 *                                  ├─► outbox: deliveries to this reader ─► outgoing: the message, shared by its readers
 *                                  └─► inbox: what was heard from this person, for duplicates and order
 */
#ifndef PEER_CORE_STATE_H
#define PEER_CORE_STATE_H

#include "peer/core/hash.h"
#include "peer/core/peer.h"
#include "protocol/envelope.h"
#include "protocol/sdp.h"
#include "protocol/signaling.h"

#define NEVER UINT64_MAX

enum {
    /* Every bound of this core, with its reason. */
    PEOPLE_MAX = 2048,             /* people known at once, absent ones too: a room of 1,024 that changed once */
    SEATS_MAX = 2 * PEOPLE_MAX,    /* after a reconnect a person sits twice until the daemon notices */
    NAMES_MAX = 4096,              /* remembered display names */
    CONVERSATIONS_MAX = 1024,      /* whose sequence we count; 64 KiB or so */
    HEARD_CONVERSATIONS_MAX = 256, /* of one sender */
    QUEUE_READER_MAX = 16384,      /* messages waiting for one reader */
    QUEUE_MAX = 65536,             /* deliveries waiting in all */
    QUEUE_BYTES_MAX = 64 * 1024 * 1024,
    SEEN_MAX = QUEUE_READER_MAX,    /* a returning sender may repeat as many as may wait for us */
    FLIGHT_MAX = 256,               /* unacknowledged on one link: what one acknowledgement can name */
    FLIGHT_BYTES_MAX = 1024 * 1024, /* likewise, in bytes: what io holds for a connection is bounded too */
    DONE_MAX = 1024,                /* delivered messages of one reader that may still be read by a person */
    REFS_MAX = 4096,                /* idempotency keys */
    ICE_SERVERS_MAX = 64 * 1024,

    /* Times in milliseconds. */
    RETRY_FIRST_MS = 1000,
    RETRY_LAST_MS = 30000, /* of links, after 1, 2 and 4 s; of the signaling session, after doubling */
    PATIENCE_MS = 3000,    /* whose turn it is to call may take so long; then we call */
    CONNECT_MS = 15000,    /* a link that is not up by then is reported and tried again */
    RESTART_MS = 5000,     /* for an ICE restart to bring the link back */
    PING_MS = 2000,
    PINGS_MAX = 3, /* unanswered */
    DEAD_MS = PINGS_MAX * PING_MS,
    OFFERS_MS = 1000,   /* one new attempt a person in this time, whoever offers how often */
    REFUSED_MS = 30000, /* a seat whose introduction was wrong is not talked to */
    ACK_DELAY_MS = 10,  /* deliveries acknowledged together */
    ACK_TIMEOUT_MS = 5000,
    TRIES_MAX = 3,              /* on one link */
    OPEN_MS = 15000,            /* for the WebSocket to open */
    ANSWER_MS = 10000,          /* for the daemon to answer: welcome, peers, pong */
    RETRY_AFTER_MAX_MS = 60000, /* what a daemon may ask us to wait */
    LOG_REFUSED_MS = 1000,
};

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
    char seat[PEER_ID_MAX + 1]; /* the other's, when it began */
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
    uint64_t next_offer_at;   /* from when on another new attempt of theirs is taken */
    uint64_t heard_at, ping_at, ping_number, rtt_ms;
    unsigned pings; /* sent since something was heard */
};

/* ---- messages ---- */

/* A message of ours, kept until every reader has it or its time is over. */
struct outgoing {
    char id[ID_CHARS + 1];
    char *text; /* owned: the envelope */
    size_t n;
    uint64_t order; /* counts up */
    uint64_t expires;
    struct delivery *deliveries; /* those not done */
    struct outgoing *prev, *next;
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
    size_t n;                           /* bytes of the message */
    struct delivery *prev, *next;       /* in its place */
    struct delivery *of_prev, *of_next; /* of its message */
    UT_hash_handle hh;                  /* by id, of its reader */
};

struct outbox {
    struct delivery *by_id;
    struct delivery *in[DELIVERY_PLACES];
    size_t count[DELIVERY_PLACES];
    size_t flight_bytes;
};

/* A message id heard from somebody. */
struct seen {
    char id[ENVELOPE_ID_MAX + 1];
    uint64_t sequence;
    uint64_t mark; /* first bytes of the signature: the same id with another content is not the same */
    bool owes_ack, owes_read;
    struct seen *ack_prev, *ack_next, *read_prev, *read_next;
    UT_hash_handle hh; /* in order of arrival */
};

struct conversation {
    char name[ENVELOPE_CONVERSATION_MAX + 1];
    uint64_t last; /* sequence */
    UT_hash_handle hh;
};

struct inbox {
    struct seen *seen;
    char certificate[SDP_FINGERPRINT_MAX + 1]; /* of the process that was linked last */
    struct seen *acks, *reads;                 /* owed */
    size_t ack_count;
    uint64_t acks_at; /* when to send them */
    struct conversation *conversations;
};

struct person {
    char id[PERSON_MAX + 1];
    char name[DISPLAY_NAME_MAX + 1];
    bool keyed;
    uint8_t key[KEY_BYTES];
    struct seat *seats; /* newest first; none: not in the room */
    struct link link;
    struct outbox outbox;
    struct inbox inbox;
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
    size_t outgoing_count, queued, queued_bytes;
    uint64_t order;
    struct conversation *conversations; /* sequences of ours */
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
    uint64_t timestamp;
    bool up, verified, fatal;
};
void notice_add(struct peer *p, const struct notice *n); /* copies */
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

/* ---- roster.c ---- */
struct person *roster_find(const struct peer *p, struct span id);
struct seat *roster_seat(const struct peer *p, struct span id);
/* The seat to call: the newest that is not refused; NULL if there is none. */
struct seat *roster_usable_seat(const struct peer *p, const struct person *who);
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
void attempt_description(struct peer *p, struct attempt *a, struct span type, struct span sdp);
void attempt_candidate(struct peer *p, struct attempt *a, struct span candidate);
/* Tells the daemon how the call ended, for its statistics. */
void attempt_report(struct peer *p, const struct attempt *a, bool failed);
/* Sends one message on the open channel. */
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

/* ---- intro.c ---- */
void intro_send(struct peer *p, struct attempt *a);
/* NULL if the introduction holds, else why not. */
const char *intro_judge(struct peer *p, const struct attempt *a, const struct envelope *e);

/* ---- trust.c ---- */
void trust_known(struct peer *p, struct span name, struct span id);
void trust_meet(struct peer *p, const struct person *who);
void trust_clear(struct peer *p);

/* ---- say.c: envelopes of ours ---- */
/* Fills in what every message of ours has, signs, and appends it to out. id has ID_CHARS + 1 bytes, chosen here. */
bool say_envelope(struct peer *p, struct envelope *e, char *id, struct buf *out);
/* Makes and sends what is not kept: heartbeats, acknowledgements, presence ... Nothing if the link cannot take it. */
void say_to(struct peer *p, struct person *who, struct envelope *e);
void say_heartbeat(struct peer *p, struct person *who, const char *ping_or_pong, uint64_t number);
void say_presence(struct peer *p, struct person *who, struct span presence);
void say_status(struct peer *p, struct person *who, struct span status);
void say_typing(struct peer *p, const struct peer_event *ev);
/* To everybody whose link is up, and to those whose link comes up later. */
void say_presence_to_all(struct peer *p, struct span presence);
void say_status_to_all(struct peer *p, struct span status);
/* The conversation that a message from `from` to these people belongs to; none: the room's. */
void say_conversation(
    const struct peer *p, struct span from, const struct span *to, size_t n, char out[ENVELOPE_CONVERSATION_MAX + 1]);

/* ---- outbox.c ---- */
void outbox_accept(struct peer *p, const struct peer_event *ev);
void outbox_flush(struct peer *p, struct person *who); /* what the link can take now */
void outbox_link_up(struct peer *p, struct person *who);
void outbox_acknowledged(struct peer *p, struct person *who, struct span id);
void outbox_was_read(struct peer *p, struct person *who, struct span id);
void outbox_due(struct peer *p, struct person *who);
void outbox_expire(struct peer *p);
size_t outbox_waiting(const struct person *who); /* deliveries not done */
/* Reports every delivery that waits as failed and forgets all. */
void outbox_drop(struct peer *p, struct person *who, const char *reason);
void outbox_clear(struct peer *p);

/* ---- inbox.c ---- */
void inbox_data(struct peer *p, struct attempt *a, const struct peer_event *ev);
void inbox_read(struct peer *p, struct span id);       /* a person saw this message */
void inbox_settle(struct peer *p, struct person *who); /* sends the receipts that are owed */
void inbox_due(struct peer *p, struct person *who);
void inbox_clear(struct person *who);
/* Linked to the process that has this certificate. */
void inbox_linked(struct person *who, const char *certificate);
/* Counts a frame that broke a rule, and logs it at a bounded rate. */
void inbox_refuse(struct peer *p, const struct person *who, const char *why);

/* ---- conversation.c: a bounded map of names to sequences; the oldest goes first ---- */
/* The entry of that name, new ones with `last` = start; NULL when out of memory. */
struct conversation *conversation_get(struct conversation **map, const char *name, size_t max, uint64_t start);
void conversation_clear(struct conversation **map);

static inline struct span person_id(const struct person *who)
{
    return span_of(who->id);
}

#endif
