/* SPDX-License-Identifier: MIT
 *
 * The WebSocket to the daemon. Everything runs on one GLib main context; callbacks come from its loop, never from
 * inside one of these calls.
 *
 *     signaling_connect ─► on_open ─► on_frame …  ─► on_closed(reason)        signaling_send: queued in order
 *                      └─► on_closed(reason)
 */
#ifndef PEER_IO_SIGNALING_H
#define PEER_IO_SIGNALING_H

#include <glib.h>
#include <sys/socket.h>

#include "base/span.h"
#include "peer/io/url.h"

struct signaling;

enum {
    SIGNALING_MESSAGE_MAX = 4 * 1024 * 1024, /* `peers` of a full room is the largest that a daemon sends */
    SIGNALING_QUEUE_MAX = 1024 * 1024        /* bytes waiting for a daemon that does not read: then it is given up */
};

struct signaling_callbacks {
    void (*on_open)(void *user);
    void (*on_frame)(void *user, struct span text); /* one whole text message, borrowed */
    /* Once for each signaling_connect: the code of the server's Close, 0 if it sent none, and a sentence for a person. */
    void (*on_closed)(void *user, uint16_t code, const char *why);
    void (*on_flushed)(void *user); /* after signaling_disconnect: the good-bye is sent */
};

/* context is referenced, user borrowed. NULL with one sentence in err. tls: whether any URL is wss. */
struct signaling *signaling_new(
    GMainContext *context, bool tls, const struct signaling_callbacks *callbacks, void *user, struct err *err);
/* Closes at once. Takes NULL; not from inside a callback. */
void signaling_free(struct signaling *s);

/* Drops any connection there is, without a callback for it, and tries this one. The URL is copied. */
void signaling_connect(struct signaling *s, const struct url *url);
/* Sends what is queued, then closes with code 1000. on_flushed follows, and no on_closed. */
void signaling_disconnect(struct signaling *s);
/* Once the machine's addresses have changed: whether it is open from an address that is gone, or still connecting over the
 * former route. */
bool signaling_is_cut(const struct signaling *s);
/* Our own address of the connection; false if it is not open. */
bool signaling_own_address(const struct signaling *s, struct sockaddr_storage *own);
/* Queues one text frame (copied); dropped when there is no connection. */
void signaling_send(struct signaling *s, struct span text);

#endif
