/* SPDX-License-Identifier: MIT
 *
 * What a file_decline's reason says to a person: a word on the wire, a sentence here.
 *   owns     nothing
 *   before   nothing: a reason may be anything
 *   after    a static sentence: of one that is not known, that the other gives no more reason
 */
#ifndef PEER_TRANSFER_REASON_H
#define PEER_TRANSFER_REASON_H

#include "base/span.h"

struct span reason_of_reader(struct span reason); /* to the file's sender: why a reader does not get it */
struct span reason_of_sender(struct span reason); /* to a reader: why its sender gives it no more */
/* Whether the reader may accept the file once more after that, as long as its sender keeps the offer. */
bool reason_may_return(struct span reason);

#endif
