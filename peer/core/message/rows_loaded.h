/* SPDX-License-Identifier: MIT
 *
 * Rows that were asked for have come.
 *   owns     nothing: the load and its rows are the caller's
 *   before   the load was answered, and is off the list
 *   after    whoever asked has them
 */
#ifndef PEER_MESSAGE_ROWS_LOADED_H
#define PEER_MESSAGE_ROWS_LOADED_H

#include "peer/core/peer.h"

struct load;

void rows_loaded(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n);

#endif
