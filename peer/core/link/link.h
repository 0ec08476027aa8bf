/* SPDX-License-Identifier: MIT
 *
 * The link to one person, over all its connections.
 *   owns     struct link, one state machine (LINK_STATES; link.c has the table of legal moves)
 *   before   a connection that is named belongs to its person's link
 *   after    LINK_DOWN, LINK_REPLACED, LINK_UP and LINK_WRITABLE are noted as facts; who is wanted is called again for as long
 *            as something leads there
 */
#ifndef PEER_LINK_LINK_H
#define PEER_LINK_LINK_H

#include "peer/core/peer.h"

struct person;
struct connection;

#define LINK_STATES(X)                                                                        \
    X(IDLE, "nobody is being called: the person has no roster entry, or has just been met")   \
    X(WAITING, "it is the other's turn to call, or a pause before the next connection")       \
    X(CALLING, "a connection is begun; its channel is not open yet")                          \
    X(INTRODUCING, "the channel is open; the other's introduction has not been verified yet") \
    X(UP, "introduced, or the open channel of a plain peer: messages flow")                   \
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
    bool calls;               /* their last offer was of audio and video only, and the application knows */
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

/* ---- link_state.c: it only looks ---- */
bool link_is_up(const struct person *who);          /* introduced; perhaps just restarting */
bool link_is_calling(const struct person *who);     /* a connection is begun, and its channel is not open */
bool link_can_send(const struct person *who);       /* messages: not while it is restarting or congested */
bool link_fits(const struct person *who, size_t n); /* the link is up, and takes a message of so many bytes */
bool link_is_there(const struct person *who);       /* in the room, or linked */
const char *link_path(const struct person *who);    /* static */
/* Tells the application what the link is doing. */
void link_notice(struct peer *p, const struct person *who, const char *text);

/* ---- link.c: what the roster tells ---- */
/* The person was met, or sits elsewhere, or we do. */
void link_entry_changed(struct peer *p, struct person *who);
/* The person has an entry that it had not: the same process came back, or another that knows nothing of the link. */
void link_entry_new(struct peer *p, struct person *who);
/* Our entry was kept over the loss of its socket; whole: what was said to us is not lost. */
void link_resumed(struct peer *p, struct person *who, bool whole);
/* Theirs was. */
void link_returned(struct peer *p, struct person *who);
/* Their socket is lost: what we said last may have gone with it. */
void link_unsure(struct person *who, struct span peer_id);
/* They offer audio and video only: told once, until another offer is of use. */
void link_calls(struct peer *p, struct person *who);
/* Their entry has another name. */
void link_entry_renamed(struct person *who, struct span from, struct span to);

/* ---- what a connection tells ---- */
/* They offered this one: it is the current one, or a rival. Taken. */
void link_offered(struct peer *p, struct person *who, struct connection *a);
void link_channel_open(struct peer *p, struct connection *a, uint16_t channel, struct span label);
void link_channel_closed(struct peer *p, struct connection *a, uint16_t channel);
void link_introduced(struct peer *p, struct connection *a);
/* The connection is over; the next one follows in its time. reason is static, or lives as long as the call. */
void link_failed(struct peer *p, struct connection *a, const char *reason);
/* Its introduction was wrong. */
void link_refused(struct peer *p, struct connection *a, const char *reason);
void link_farewell(struct peer *p, struct person *who); /* they said that they are gone */
void link_due(struct peer *p, struct person *who);
void link_close(struct peer *p, struct person *who);

/* ---- link_pulse.c: whether it lives ---- */
void link_ice(struct peer *p, struct connection *a, bool connected, enum peer_path path);
/* Something came on it. */
void link_heard(struct peer *p, struct connection *a);
void link_pong(struct peer *p, struct connection *a, uint64_t number);

/* ---- link_wish.c: with whom, and whose turn ---- */
/* Somebody has something for this person: it is called even if the overlay does not ask for it. */
void link_wanted(struct peer *p, struct person *who);
/* Calls whom the overlay asks for now. */
void link_overlay(struct peer *p);

#endif
