/* SPDX-License-Identifier: MIT
 *
 * Which block is asked of whom.
 *   owns     struct partner: somebody who has the file, or blocks of it; struct fetch: a block that is asked for until it is
 *            verified; how many of them wait for one person (struct person's `fetching`)
 *   before   the download is FETCHING
 *            through others only a file's sender is asked, for stretches of RELAYED_STRETCH bytes, which are asked for again
 *            if they do not come
 *   after    no block is asked of two people at once; at most FETCH_MAX blocks of all files wait for one person, and FETCHES_MAX in
 *            all for somebody or for the disk. Whoever gives a wrong block is asked for no file any more, unless it is the
 *            sender, who is believed again until WRONG_MAX
 */
#ifndef PEER_TRANSFER_FETCH_H
#define PEER_TRANSFER_FETCH_H

#include "peer/core/peer.h"
#include "protocol/body.h"
#include "protocol/file_frame.h"

struct person;
struct download;

struct partner {
    struct partner *prev, *next;
    char who[PERSON_MAX + 1];
    uint8_t *map;    /* owned; NULL: it has all */
    uint8_t *coming; /* owned: what it has asked the sender for; NULL with map */
    bool told;       /* what we have, on this link */
};

struct fetch {
    struct fetch *prev, *next;
    char giver[PERSON_MAX + 1]; /* who was asked */
    bool awaited;               /* false: all has come, and io writes it */
    bool relayed;               /* it was asked for through others, a stretch at a time */
    uint32_t block, next_byte, bytes;
    uint32_t asked_to; /* where what was asked for ends */
    unsigned tries;    /* for this stretch, through others */
    uint64_t stuck_at; /* when it is asked for again through others, or nothing more is awaited of whoever was asked */
};

/* Somebody has these blocks (base64, of body_file_accept), or all of them. */
void fetch_partner(struct peer *p, struct person *who, struct download *d, struct span map);
void fetch_all_of(struct peer *p, struct person *who, struct download *d);
struct partner *fetch_find_partner(const struct download *d, struct span who);
void fetch_drop_partner(struct peer *p, struct download *d, struct span who);

/* Asks for as much as may be. */
void fetch_more(struct peer *p, struct download *d);
/* Frames of the channel. */
void fetch_hashes(struct peer *p, struct person *who, struct download *d, const struct file_frame *f, bool relayed);
void fetch_chunk(struct peer *p, struct person *who, struct download *d, const struct file_frame *f, bool relayed);
/* Their frame of the file is none, or of what was not asked for. */
void fetch_misfit(struct peer *p, struct person *who, struct download *d);
void fetch_refused(struct peer *p, struct person *who, struct download *d, uint32_t block);
void fetch_had(struct peer *p, struct person *who, struct download *d, uint32_t block);
void fetch_coming(struct person *who, struct download *d, uint32_t block);
/* io wrote a block whole, and this is its hash. */
void fetch_written(struct peer *p, struct download *d, uint32_t block, const uint8_t hash[HASH_BYTES]);

/* What was asked of them through others is to be asked for again. */
void fetch_drop_relayed(struct peer *p, struct person *who);
void fetch_link_down(struct peer *p, struct person *who);
void fetch_due(struct peer *p);
/* What was asked of them is to be asked for again. */
void fetch_drop_of(struct peer *p, struct download *d, struct span who);
/* Nothing is awaited any more of anybody, and they hear that. */
void fetch_stop(struct peer *p, struct download *d);
/* All of it, and who has some. */
void fetch_clear(struct peer *p, struct download *d);

#endif
