/* SPDX-License-Identifier: MIT
 *
 * Offers on the disk, so that they outlive the process (a row a file in the table of offers).
 *   owns     nothing
 *   before   the settings say that offers are kept; else each of these does nothing
 *   after    a row stands there from when the offer is accepted until nobody is left who may have it; of those of other rooms
 *            nothing is changed. At most UPLOADS_MAX are read
 */
#ifndef PEER_TRANSFER_UPLOAD_STORE_H
#define PEER_TRANSFER_UPLOAD_STORE_H

#include "peer/core/peer.h"

struct upload;

/* As it is now. */
void upload_store_write(struct peer *p, const struct upload *u);
void upload_store_delete(struct peer *p, const struct upload *u);

#endif
