/* SPDX-License-Identifier: MIT
 *
 * Files that we offer, and who takes them.
 *   owns     struct upload, and of each its readers
 *   before   what comes from others was signed by them
 *   after    an offer is repeated until it is answered, and again on each new link until its reader has all of the file. One to
 *            the room lasts until it is ended, for whoever comes; one to people until each has ended: it has the file, has
 *            declined it, or the file cannot be read any more
 */
#ifndef PEER_TRANSFER_UPLOAD_H
#define PEER_TRANSFER_UPLOAD_H

#include "peer/core/peer.h"
#include "peer/core/order/hash.h"
#include "protocol/body.h"
#include "protocol/file_frame.h"

struct person;

enum upload_state {
    READER_OFFERED, /* and not answered */
    READER_TAKES,   /* it asks for what it wants */
    READER_ENDED    /* it has it, or has declined it */
};

struct upload_reader {
    struct upload_reader *prev, *next;
    char who[PERSON_MAX + 1];
    enum upload_state state;
    uint64_t offer_at; /* when it is offered (again) if the link is up; NEVER: when it comes up */
    unsigned tries;    /* on this link */
    uint32_t have;     /* blocks, as it says */
    uint64_t there;    /* bytes that it had when it first asked */
    bool has_asked;    /* it said what it has */
    bool paused;       /* it asks for nothing, as it says */
    bool may_return;   /* of one that has ended: it broke off, and may accept once more */
    uint64_t began, told_at;
};

struct upload {
    char id[ID_CHARS + 1];
    uint64_t file; /* io's number */
    bool open;     /* io has read it, so what follows is known */
    bool tree, room;
    bool paused;   /* nothing is given */
    bool attached; /* to a message that was not sent yet: it is not offered before */
    bool restored; /* of a former process: until it is open, `root` is what that offered */
    char *path;    /* owned */
    char ref[REF_MAX + 1];
    char name[ENVELOPE_NAME_MAX + 1];
    uint64_t size;
    uint32_t blocks;
    uint8_t *hashes; /* owned: HASH_BYTES a block */
    uint8_t root[HASH_BYTES];
    struct upload_reader *readers;
    UT_hash_handle hh; /* by id */
};

/* NULL: none of ours. */
struct upload *upload_find(const struct peer *p, struct span id);
struct upload *upload_of_file(const struct peer *p, uint64_t file);
struct upload_reader *upload_reader(const struct upload *u, struct span who);

/* A new one, of nobody yet. NULL: memory is short. */
struct upload *upload_new(struct peer *p, struct span id, struct span path);
struct upload_reader *upload_add_reader(struct upload *u, struct span who);
/* Those of a former process are read. */
void upload_start(struct peer *p);

/* The application offers a file, or ends one. */
/* NULL: it was refused, and that was told. */
struct upload *upload_begin(struct peer *p, const struct peer_event *ev);
/* The message that it belongs to was accepted: it is offered. */
void upload_release(struct peer *p, struct upload *u);
/* reason: what its readers hear. */
void upload_end(struct peer *p, struct upload *u, const char *reason);
void upload_pause(struct peer *p, struct upload *u, bool paused);
/* What io answers. */
void upload_opened(struct peer *p, struct upload *u, const struct peer_event *ev);
void upload_failed(struct peer *p, struct upload *u, struct span code, struct span why);
/* What readers say. */
void upload_accepted(struct peer *p, struct person *who, struct upload *u, const struct body_file_accept *b);
void upload_declined(struct peer *p, struct person *who, struct upload *u, struct span reason);
void upload_completed(struct peer *p, struct person *who, struct upload *u);
void upload_had(struct peer *p, struct person *who, struct upload *u); /* one block more */
void upload_hashes_wanted(struct peer *p, struct person *who, const struct upload *u, uint32_t first, bool relayed);

/* Their link is up, or others lead there. */
void upload_link_up(struct peer *p, struct person *who);
void upload_due(struct peer *p);
void upload_clear(struct peer *p);

#endif
