/* SPDX-License-Identifier: MIT
 *
 * A client of the crowd; only the client*.c files include it.
 */
#ifndef SIM_CLIENT_INNER_H
#define SIM_CLIENT_INNER_H

#include "tests/sim/client.h"
#include "tests/sim/server_oracle.h"

enum {
    VIEW_MAX = 128
};

struct seen {
    char id[PEER_ID_MAX + 1];
    uint64_t tag; /* of the last frame from it */
    unsigned by;  /* who sent that one: a seat may pass to another, whose frames were under way for longer */
    bool away;
};

struct client {
    struct crowd *crowd;
    unsigned number, host;
    struct wire *wire; /* NULL: offline */
    bool open, joined, deaf;
    uint32_t ping; /* the number of the last one that came */
    char id[PEER_ID_MAX + 1];
    struct seen view[VIEW_MAX];
    size_t view_n;
    uint64_t received;
    /* its seat, also while it has no connection */
    char seat[PEER_ID_MAX + 1];
    char token[RESUME_TOKEN_MAX + 1], used[RESUME_TOKEN_MAX + 1]; /* the newest, and the one before it; empty: none */
    bool returned,
        lost; /* it resumed in this stay: frames of those who left may come; and was told that some are lost */
};

struct crowd {
    struct world *w;
    struct wire_net *net;
    struct daemon *d;
    struct crowd_options options;
    struct client *clients;
    uint64_t resumed, tag; /* tags count up over all */
    bool calm;
};

/* ---- client_hear.c ---- */
void client_hear(struct client *c, struct span text);
/* Without a connection: it knows its seat and nothing else. */
void client_forget(struct client *c);

/* ---- client_say.c ---- */
void client_join(struct client *c);
void client_resume(struct client *c, const char *token);
void client_act(struct client *c); /* something, drawn by lot */
/* 0: an orderly close, 1: a reset, 2: it vanishes mute, 3: it vanishes and its machine says so. */
void client_offline(struct client *c, unsigned how);

#endif
