/* SPDX-License-Identifier: MIT
 *
 * The files of a person, as peer/io keeps them: sources, whose contents follow from their names, and parts, which outlive
 * its process but for blocks that were not synced. Answers come in the world's time and in order. It judges what it is given:
 * no block is written that is there, none counts as verified that is wrong, and no file is finished that is not whole.
 */
#ifndef SIM_FILEDISK_H
#define SIM_FILEDISK_H

#include "peer/core/peer.h"
#include "tests/sim/world.h"

struct filedisk;

/* From the loop; times are not set. */
typedef void filedisk_answer(void *who, struct peer_event event);

struct filedisk *filedisk_new(struct world *w, const struct peer_crypto *crypto, filedisk_answer *answer, void *who);
void filedisk_free(struct filedisk *d); /* takes NULL */
/* PEER_FX_FILE_OPEN, _READ, _CLOSE and PEER_FX_PART_*. A path is "SIZE-SEED". */
void filedisk_effect(struct filedisk *d, const struct peer_effect *effect);
/* Bytes of an open file or part, borrowed; NULL: it is not open. n: how many there are from there on. */
const uint8_t *filedisk_bytes(const struct filedisk *d, uint64_t file, uint64_t at);
/* The process ends. */
void filedisk_end(struct filedisk *d, bool orderly);
bool filedisk_has(const struct filedisk *d, const char *name); /* whole, at its place */
/* Blocks that were written whole, over all lives. */
uint64_t filedisk_written(const struct filedisk *d);

#endif
