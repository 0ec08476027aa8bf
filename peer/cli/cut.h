/* SPDX-License-Identifier: MIT
 *
 * Connections to servers, which can be cut: for each a port of loopback behind which every connection goes on to that server's
 * own address, byte for byte. What is lost and found again here does not touch the server.
 */
#ifndef PEER_CLI_CUT_H
#define PEER_CLI_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cut;

/* To the hosts and ports of ws:// or wss:// URLs. NULL with one sentence in err (err_n bytes). */
struct cut *cut_new(const char *const *urls, size_t n, char *err, size_t err_n);
void cut_free(struct cut *c);                   /* takes NULL */
const uint16_t *cut_ports(const struct cut *c); /* one a URL, as long as the cut lives */
/* Whether one of the addresses ever answered; why none did at the last attempt, NULL: it did. */
bool cut_reached(const struct cut *c);
const char *cut_trouble(const struct cut *c);
/* Each refused a connection, and none was ever reached: waiting changes nothing. */
bool cut_hopeless(const struct cut *c);
/* Ends every connection. */
void cut_connections(struct cut *c);
/* Whether new ones are refused from now on: taken, and closed at once. */
void cut_refuse(struct cut *c, bool refuse);

#endif
