/* SPDX-License-Identifier: MIT
 *
 * One entry of server.web_servers: a server that the page may go to, as the address of its WebSocket. It goes into a header
 * and into JSON as it is, so its form is strict. Pure.
 */
#ifndef SERVER_ADAPTERS_PAGE_SERVER_H
#define SERVER_ADAPTERS_PAGE_SERVER_H

#include "base/buf.h"
#include "base/err.h"

enum {
    PAGE_SERVER_MAX = 512 /* bytes of its normal form */
};

/* Brings wss://HOST, ws://HOST, with a port and a path or without, into the form wss://host[:port]/path; /ws is implied. False
 * with a sentence that says what is wrong and what to write. */
bool page_server_normalise(const char *text, char out[PAGE_SERVER_MAX + 1], struct err *e);
/* Adds what a page may connect to for it (CSP 3 section 6.7.2.8: https: does not stand for wss:), each with a space before
 * it: its WebSocket, and its /health. normal: what page_server_normalise wrote. */
void page_server_sources(const char *normal, struct buf *out);

#endif
