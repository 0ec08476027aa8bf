/* SPDX-License-Identifier: MIT
 *
 * Between peer/core and the world: feeds it events with their time, and carries out its effects on the signaling
 * socket, on connections and on a timer. What it has to tell its application it hands on as notices.
 */
#ifndef PEER_IO_GLUE_H
#define PEER_IO_GLUE_H

#include "peer/core/peer.h"
#include "peer/io/rtc.h"
#include "peer/io/store.h"
#include "peer/io/url.h"

struct glue;

enum {
    GLUE_NOTICES_MAX = 64 * 1024 /* an application that asks for more before it hears anything is told to wait */
};

struct glue_options {
    GMainContext *context;                /* referenced */
    const struct peer_settings *settings; /* copied */
    const struct peer_crypto *crypto;     /* copied; its ctx is borrowed */
    const struct rtc_options *rtc;        /* copied */
    const struct url *urls;               /* copied; settings->servers of them */
    bool tamper;                          /* a fault for tests: what is sealed is sent with a wrong byte */
    struct store *store;                  /* borrowed: outlives the glue */
    void *user;
    void (*on_notice)(void *user, const struct peer_notice *notice); /* from the loop only */
    void (*on_log)(void *user, const struct log_record *record);
    void (*on_remember)(void *user, const char *name, const char *id);
};

/* Does nothing yet. NULL with one sentence in err. */
struct glue *glue_new(const struct glue_options *options, struct err *err);
/* Closes everything at once. Takes NULL; not from inside a callback. */
void glue_free(struct glue *g);
/* Hands the core what is stored: before every other event. False with one sentence in err when it cannot all be read. */
bool glue_restore(struct glue *g, struct err *err);
/* One step of the core; its time is set here. What event borrows is borrowed for the call; NULL: no event of ours, only
 * what the store has answered. */
void glue_event(struct glue *g, struct peer_event *event);
/* Whether GLUE_NOTICES_MAX notices wait for the application, or much of what it asked for waits for the disk. */
bool glue_is_behind(const struct glue *g);
const struct peer *glue_peer(const struct glue *g);

#endif
