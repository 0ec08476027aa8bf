/* SPDX-License-Identifier: MIT
 *
 * The session with the daemon: our own place in the room.
 *   owns     struct session
 *   before   session_start once; frames only while a socket is open
 *   after    whatever ends the session, the next server is tried, for ever, unless waiting cannot help; the state that the
 *            application sees is told (a notice) each time it changes
 */
#ifndef PEER_LINK_SESSION_H
#define PEER_LINK_SESSION_H

#include "peer/core/peer.h"
#include "base/buf.h"
#include "peer/core/link/servers.h"

struct signaling_message;

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
    struct servers servers;
    unsigned server; /* in use, or tried */
    unsigned rounds; /* in which all servers were tried, since the room was left */
    bool connected_once, joined_once, ping_out, stopped;
    bool stay;           /* the next try is of the same server: it has our place */
    bool moving, near;   /* from `home` to `server`, which is better; because it is nearer */
    bool refused;        /* it does not want us: that takes longer to change than a failure */
    unsigned home;       /* that has our place meanwhile */
    uint64_t began;      /* when this try began */
    uint64_t look_at;    /* when to look at other servers */
    uint64_t measure_at; /* and at their distance */
    uint64_t at;         /* when this state has lasted long enough; JOINED: when to ping */
    uint64_t ping_ms;
    uint64_t pause_ms; /* what the daemon asked for; 0: nothing */
};

/* What a frame of the daemon means for others. */
enum session_outcome {
    SESSION_DONE,    /* nothing */
    SESSION_ENTERED, /* we are in the room, and this is who is there; session_ready follows */
    SESSION_KEPT,    /* likewise, on the entry that we had */
    SESSION_OF_ROOM  /* we are in the room, and it is about somebody there */
};

void session_init(struct peer *p); /* of a peer whose settings are there */
void session_start(struct peer *p);
void session_opened(struct peer *p);
/* A frame came: false if no session is open. */
bool session_hears(struct peer *p);
enum session_outcome session_handle(struct peer *p, const struct signaling_message *m);
/* The list of who is in the room came: we are in it, the first time. */
void session_ready(struct peer *p);
void session_closed(struct peer *p, uint16_t close_code, struct span why);
void session_lost(
    struct peer *p); /* a frame could not be read, for want of memory: it is asked again on a new socket */
void session_network(struct peer *p, bool cut); /* cut: the socket's own address is gone */
void session_due(struct peer *p);
/* In the room: to a server that is better, and back if it does not take us. */
void session_move(struct peer *p, unsigned server);
/* While a server is tried: the next one instead. */
void session_hop(struct peer *p);

/* ---- the other servers: session_servers.c ---- */
void session_look_at(struct peer *p, uint64_t at); /* they are looked at then */
void session_measure(struct peer *p);              /* likewise, and at their distance, after SETTLE_MS */
void session_look(struct peer *p);                 /* whatever of it is due */
void session_look_for_another(struct peer *p);     /* ours failed */
/* ms: how long /health took; 0: it is of no use now. cluster: that its welcome named. */
void session_probed(struct peer *p, unsigned server, uint64_t ms, struct span cluster);

void session_leave(struct peer *p);
/* Out of the room for TWIN_REST_MS. */
void session_rest(struct peer *p);
/* Hands the daemon a frame; dropped, and false, unless we are in the room. */
bool session_send(struct peer *p, struct buf *frame);
/* Tells the application the state if it changed. */
void session_show(struct peer *p);

#endif
