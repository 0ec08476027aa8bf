/* SPDX-License-Identifier: MIT
 *
 * The core as it was when its last commit was made.
 *   owns     nothing: each row goes to the module that wrote it
 *   before   PEER_START has not come; rows come table by table in the order of PEER_TABLE_LIST
 *   after    a row that cannot be read is left alone and logged
 */
#ifndef PEER_CORE_RESTORE_H
#define PEER_CORE_RESTORE_H

#include "peer/core/peer.h"

void restore_row(struct peer *p, enum peer_table table, struct span key, struct span value);

#endif
