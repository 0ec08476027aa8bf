/* SPDX-License-Identifier: MIT
 *
 * A way to a server that can be cut: a port of loopback behind which every connection goes on to the server's own
 * address, byte for byte. What is lost and found again here does not touch the server.
 */
#ifndef PEER_CLI_CUT_H
#define PEER_CLI_CUT_H

#include <stdbool.h>
#include <stdint.h>

struct cut;

/* To the host and port of a ws:// or wss:// URL. NULL with one sentence in err (err_n bytes). */
struct cut *cut_new(const char *url, char *err, unsigned long err_n);
void cut_free(struct cut *c); /* takes NULL */
uint16_t cut_port(const struct cut *c);
/* Whether the server's address ever answered; why it did not at the last attempt, NULL: it did. */
bool cut_reached(const struct cut *c);
const char *cut_trouble(const struct cut *c);
/* Ends every connection. */
void cut_connections(struct cut *c);
/* Whether new ones are refused from now on: taken, and closed at once. */
void cut_refuse(struct cut *c, bool refuse);

#endif
