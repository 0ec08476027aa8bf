/* SPDX-License-Identifier: MIT
 *
 * The server oracle's model of what is asked over HTTP: requests that wait for their answer, and rooms.json, on the disk and on
 * its way there.
 */
#ifndef SIM_PENDING_H
#define SIM_PENDING_H

#include "tests/sim/seats.h"

enum {
    STATUSES_MAX = 8
};

/* A request. First it may wait for a hash (job), then for the disk (version), then its answer is due. */
struct asked {
    struct conn_id conn;
    enum core_request_type type;
    uint64_t job, version; /* 0: not waited for */
    bool due;
    unsigned may[STATUSES_MAX]; /* when it is due: the statuses that are right */
    size_t may_n;
    char room[ROOM_ID_MAX + 1]; /* of the room made or shown; of one made without an id of its own: "?" and a number */
    uint64_t incarnation;       /* of the room made; 0: none */
    struct room terms;          /* of the room to be made */
    struct asked *prev, *next;
};

/* A room as the file has it. */
struct filed {
    char id[ROOM_ID_MAX + 1];
    uint64_t incarnation;
    bool locked, listed;
    uint32_t max_peers;
    char password[PASSWORD_MAX + 1];
};

struct file {
    struct filed *v;
    size_t n, cap;
};

struct owner {
    char token[64];
    uint64_t incarnation;
    UT_hash_handle hh;
};

struct pending {
    struct asked *asked;
    struct owner *owners; /* of all rooms ever made; uthash by token */
    struct file writing, disk;
    bool filing;                  /* `writing` is what there was when its text was begun; it is being put together: */
    size_t filing_n;              /* of so many rooms the text is still to come, at most */
    uint64_t retry_at;            /* while `behind` */
    uint64_t changed, written_of; /* versions of what the file is to hold: now, and what was last asked to be written */
    bool storing, behind;         /* the last writing failed: it is tried again later */
    bool answering, stored;       /* those who waited for it are being answered; whether it did */
    uint64_t *closed;             /* incarnations of rooms that were closed in this life */
    size_t closed_n, closed_cap;
    uint64_t unnamed;
    struct asked *hashes; /* within a step: it may ask for a hash */
};

struct asked *pending_add(struct pending *d, struct conn_id conn, enum core_request_type type);
void pending_remove(struct pending *d, struct asked *a);
void pending_may(struct asked *a, unsigned status);
/* The present rooms that were made over HTTP, into the file. */
void pending_file(struct file *f, const struct seats *seats);
/* What of the file comes back at a start. */
void pending_restore(struct pending *d, struct seats *seats, uint64_t now);
/* The daemon is gone. */
void pending_reset(struct pending *d);
void pending_done(struct pending *d);

#endif
