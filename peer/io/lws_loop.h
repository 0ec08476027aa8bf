/* SPDX-License-Identifier: MIT
 *
 * A context of libwebsockets on a GLib main context, for connections that we open.
 */
#ifndef PEER_IO_LWS_LOOP_H
#define PEER_IO_LWS_LOOP_H

#include <glib.h>
#include <libwebsockets.h>

#include "base/err.h"

struct lws_loop {
    struct lws_context *lws;
    GMainLoop *loop; /* never run: lws's GLib plugin asks for one to find the context */
};

/* info has what is the caller's own: protocols, user, sizes of buffers; it is filled up. context is referenced. tls: whether any
 * connection uses it. False with one sentence in err; lws_loop_close is due in any case. */
bool lws_loop_open(
    struct lws_loop *l, GMainContext *context, struct lws_context_creation_info *info, bool tls, struct err *err);
/* Ends the connections that there are. Takes a zeroed one too. */
void lws_loop_close(struct lws_loop *l);

/* What is wrong with the server's certificate, as a static text; NULL if that is not the matter. */
const char *lws_loop_certificate_error(struct lws *wsi);

#endif
