/* SPDX-License-Identifier: MIT
 *
 * Files that others offer us.
 *   owns     struct download, but for what fetch.h names
 *   before   what comes from others was signed by them
 *   after    nothing is written before the application has accepted; nothing counts as there before its hash was seen; what is
 *            complete has been moved to its place by io, and its sender told. When a link is lost, or the application ends it,
 *            what is there stays on the disk
 */
#ifndef PEER_TRANSFER_DOWNLOAD_H
#define PEER_TRANSFER_DOWNLOAD_H

#include "peer/core/peer.h"
#include "peer/core/order/hash.h"
#include "protocol/body.h"
#include "protocol/file_frame.h"

struct person;
struct partner;
struct fetch;

#define DOWNLOAD_STATES(X)                                                              \
    X(OFFERED, "the application has not answered")                                      \
    X(OPENING, "accepted: io looks for what is there already")                          \
    X(FETCHING, "blocks are asked for, whenever a link to somebody who has some is up") \
    X(FINISHING, "all is there: io moves it to its place")                              \
    X(DONE, "it is at its place, and may be served to others of the room")              \
    X(ENDED, "declined, or failed: an offer that is repeated is answered so")

enum download_state {
#define X(name, sentence) DOWNLOAD_##name,
    DOWNLOAD_STATES(X)
#undef X
};

struct download {
    char id[ENVELOPE_ID_MAX + 1];
    char from[PERSON_MAX + 1];
    enum download_state state;
    uint64_t order;       /* of its offer: the oldest that is done or ended is forgotten first */
    const char *end_code; /* of one that ended: static */
    uint64_t file;        /* io's number; 0: none yet, or no more */
    bool tree, room;
    bool paused, sender_paused; /* nothing is asked for; nothing is given */
    char name[ENVELOPE_NAME_MAX + 1];
    uint64_t size;
    uint32_t blocks;
    uint8_t root[HASH_BYTES];
    uint8_t *hashes; /* owned, from OPENING on: the first `known` of them */
    uint32_t known;
    uint64_t ask_after; /* its sender, who refused, is not asked for blocks before */
    uint64_t wanted_at; /* since when something is awaited, and nothing has come (stall.h); 0: nothing is */
    bool stalled;       /* and the application was told */
    bool accepted;      /* bytes of it may be on their way, even after its end */
    uint64_t moved_at;  /* when somebody last had another block */
    uint64_t hashes_at; /* when they are asked for again */
    bool unsaid;        /* its sender is to be told how it stands */
    bool proved;        /* all are known, and agree with the root */
    uint8_t *have;      /* owned, from OPENING on: a map of what is verified */
    uint8_t *asked;     /* owned: a map of what is asked for, or not yet verified */
    uint8_t *given_up;  /* owned: a map of what was asked for and then awaited no more: it may still come */
    uint32_t have_count;
    uint64_t there;           /* bytes of it that were there when it was accepted */
    uint32_t next;            /* nothing below is missing and not asked for */
    struct partner *partners; /* who has some of it (fetch.h) */
    struct fetch *fetches;    /* what is under way (fetch.h) */
    unsigned wrong;           /* blocks of `from` that were not what their hash says */
    uint64_t began, told_at;
    UT_hash_handle hh; /* by id */
};

struct download *download_find(const struct peer *p, struct span id);
bool download_is_from(const struct download *d, const struct person *who); /* its sender */
struct download *download_of_file(const struct peer *p, uint64_t file);
/* Whether this person may have these bytes of a block from us: `end` is where they end in it. */
bool download_serves(const struct download *d, const struct person *who, uint32_t block, uint32_t end);

/* What its sender says. */
void download_offered(struct peer *p, struct person *who, const struct envelope *e);
/* A message of theirs lists it: the offer comes, too, but may come later. */
void download_attached(struct peer *p, struct person *who, const struct body_file_offer *b, bool room);
/* Another of the room takes the same file, and has these blocks of it. */
void download_joined(struct peer *p, struct person *who, struct download *d, const struct body_file_accept *b);
/* An offer that cannot be taken, of any shape; id, name: n is 0 if it has none. code and why: static. */
void download_refuse(
    struct peer *p, struct person *who, struct span id, struct span name, const char *code, const char *why);
void download_withdrawn(struct peer *p, struct person *who, struct download *d, struct span reason);
/* What the application says. */
void download_accept(struct peer *p, struct span id, struct span folder);
/* False: it has ended before. code: what its sender hears; static. */
bool download_decline(struct peer *p, struct download *d, const char *code);
/* False: it is not under way. */
bool download_pause(struct peer *p, struct download *d, bool paused);
/* What io answers. */
void download_opened(struct peer *p, struct download *d, const struct peer_event *ev);
void download_done(struct peer *p, struct download *d, struct span path);
void download_failed(struct peer *p, struct download *d, struct span code, struct span why);

/* What fetch.c finds out: another block is verified; or why it cannot go on: code is static. */
void download_block_there(struct peer *p, struct download *d, uint32_t block);
void download_cannot(struct peer *p, struct download *d, const char *code, const char *why);

/* How it stands, to its sender; later if it cannot be said now. */
void download_say_state(struct peer *p, struct download *d);

/* Their link is up, or others lead there. */
void download_link_up(struct peer *p, struct person *who);
/* Says what could not be said before. */
void download_due(struct peer *p);
void download_clear(struct peer *p);

#endif
