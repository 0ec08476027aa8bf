/* SPDX-License-Identifier: MIT
 *
 * Signaling sockets: a WebSocket over TCP as the two cores see it. What is sent arrives once and in order, however
 * long the path takes, unless the socket breaks; and it breaks as TCP does: a reset is seen by both ends, an end that
 * vanished is seen by the other only when it sends and an answer (or none, for GIVE_UP_MS) comes back, a partition
 * just makes everything wait. A reader that does not read makes the sender's queue grow.
 *
 *     wire_open ─► listener accepts ─► (client may stop here: half a handshake) ─► request ─► open at both ends
 */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include "protocol/frame.h"
#include "tests/sim/world.h"

enum wire_end {
    WIRE_CLIENT,
    WIRE_SERVER
};

struct wire;

/* What an end hears. `closed` is the last; code as received, 0 if the socket broke or was refused. */
struct wire_face {
    void (*open)(void *who, struct wire *wire);
    void (*frame)(void *who, struct wire *wire, struct span text);
    void (*binary)(void *who, struct wire *wire);  /* a message that is not text */
    void (*garbage)(void *who, struct wire *wire); /* bytes that are no frame */
    void (*ping)(void *who, struct wire *wire, uint32_t number);
    void (*pong)(void *who, struct wire *wire, uint32_t number);
    void (*closed)(void *who, struct wire *wire, uint16_t code);
};

struct wire_listener {
    unsigned host;
    const struct wire_face *face;                 /* borrowed */
    void *who;                                    /* borrowed */
    bool up;                                      /* false: connections are refused by the kernel */
    void (*accept)(void *who, struct wire *wire); /* may call wire_close to refuse */
};

/* The world's sockets; they live as long as the net does. */
struct wire_net;
struct wire_net *wire_net_new(struct world *w);
void wire_net_free(struct wire_net *net); /* takes NULL */

/* Connects; the listener is looked at when the first packet arrives. With `half` the handshake never ends. */
struct wire *wire_open(struct wire_net *net, unsigned host, struct wire_listener *listener,
    const struct wire_face *face, void *who, bool half);
/* A number that the server end gives its socket. */
void wire_number(struct wire *wire, uint32_t number);
uint32_t wire_numbered(const struct wire *wire);

/* Sends: each is dropped unless that end is open. Takes the frame's reference. */
void wire_send(struct wire *wire, enum wire_end from, struct frame *frame);
void wire_send_binary(struct wire *wire, enum wire_end from);
void wire_send_garbage(struct wire *wire, enum wire_end from);
void wire_ping(struct wire *wire, enum wire_end from, uint32_t number);
void wire_pong(struct wire *wire, enum wire_end from, uint32_t number);
/* Closes after what is queued; this end hears `closed` when the other answered or CLOSE_MS passed. */
void wire_close(struct wire *wire, enum wire_end from, uint16_t code);
/* A reset: both ends hear `closed` 0, each as soon as a packet gets through. */
void wire_break(struct wire *wire);
/* This end is gone and hears nothing more. Its kernel answers packets with a reset, or stays mute. */
void wire_vanish(struct wire *wire, enum wire_end end, bool mute);
/* Whether this end reads. */
void wire_reading(struct wire *wire, enum wire_end end, bool reads);
/* Payload bytes that this end sent, that count against a queue's limit and were not read yet. */
size_t wire_backlog(const struct wire *wire, enum wire_end from);
bool wire_is_open(const struct wire *wire, enum wire_end end);

#endif
