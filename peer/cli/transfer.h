/* SPDX-License-Identifier: MIT
 *
 * What `send` and `receive` have in common: one partner or a room, the files between us, how far they are, and the end.
 */
#ifndef PEER_CLI_TRANSFER_H
#define PEER_CLI_TRANSFER_H

#include "peer/cli/client.h"
#include "peer/cli/progress.h"
#include "peer/cli/show.h"

enum {
    TRANSFER_ID_MAX = 64,     /* bytes of the id of a file or a person */
    TRANSFER_FILES_MAX = 4096 /* that are kept in mind: what is offered beyond is declined */
};

enum item_state {
    ITEM_WAITING, /* not offered yet, or nobody has begun */
    ITEM_ACTIVE,  /* bytes come or go */
    ITEM_DONE,
    ITEM_FAILED
};

struct item {
    char id[TRANSFER_ID_MAX + 1]; /* of the file; empty: it has none yet */
    struct usher *usher;          /* which of the client's tells of it; borrowed */
    char *name;                   /* owned, harmless */
    char *path;                   /* owned: what we send; NULL: we receive it */
    guint ref;                    /* which of those that we send */
    char *where;                  /* owned: where it is now, that we received; NULL: nowhere yet */
    uint64_t done, size;
    enum item_state state;
    unsigned quarters; /* that were told of */
    bool there;        /* whoever receives it had it already */
};

/* Said as a status, so that a receiver knows that nothing more comes. */
#define TRANSFER_ALL_SENT "all sent"
/* Behind that, with their number behind it: files that could not be offered at all. */
#define TRANSFER_BUT_FOR ", but for "
/* Likewise, with the id of the one who is served behind it, when another comes who knows the code. */
#define TRANSFER_SENDS_TO "sends to "

struct transfer {
    struct client client;
    struct usher *usher; /* which of the client's an event is of */
    struct show show;
    const struct options *options;
    bool sends, private;               /* private: with one partner */
    bool finished;                     /* all is there: only the good-bye waits */
    char partner[TRANSFER_ID_MAX + 1]; /* empty: none yet */
    char *partner_name;                /* owned, harmless */
    bool partner_up;
    char stage[32];
    GPtrArray *items; /* of struct item, owned */
    struct speed speed;
    gint64 began; /* when the first byte came or went; 0: none did */
    guint end_timer, connect_timer, hint_timer;
    unsigned unsent; /* files that a sender named and could not offer, as it says */
    bool met;        /* somebody was there */
    bool (*on_open)(
        struct transfer *t); /* once, before anything happens; false: it ends. NULL: there is nothing to do */
    /* In a room: whether this one is served, where that is not everybody (then NULL). */
    bool (*serves)(const struct transfer *t, const char *id);
    void (*on_partner)(struct transfer *t, bool up);
    void (*on_event)(struct transfer *t, const struct usher_event *event); /* before all else hears of it */
    void (*on_settled)(struct transfer *t); /* after each event: whether it was the last that is waited for */
    void *user;
};

/* This one is the partner from now on. */
void transfer_choose(struct transfer *t, const char *id, const char *name);
/* Before all else; t is all zero. */
void transfer_init(struct transfer *t, const struct options *o);
/* Frees what transfer_init made; transfer_run does it too. */
void transfer_done(struct transfer *t);
/* Joins with the options as they are and runs to the end. Returns the exit status. */
int transfer_run(struct transfer *t, const struct options *o);
/* name and path are copied; path may be NULL. */
struct item *transfer_add(struct transfer *t, const char *id, const char *name, const char *path, uint64_t size);
struct item *transfer_find(const struct transfer *t, const char *id); /* NULL: none */
void transfer_forget(struct transfer *t, struct item *item);
unsigned transfer_count(const struct transfer *t, enum item_state state);
/* Tells how far an item is. */
void transfer_progress(struct transfer *t, struct item *item, uint64_t done);
/* moved: bytes of it that had to come; 0: it was there already. path: where it is; NULL: we sent it. */
void transfer_complete(struct transfer *t, struct item *item, uint64_t moved, const char *path);
void transfer_failed(struct transfer *t, struct item *item, const char *reason, const char *text);
/* The exit status that all files together give. */
int transfer_outcome(const struct transfer *t);
/* Once: says what came of all, and ends when the partner is gone, or END_SECONDS from now. */
void transfer_finish(struct transfer *t);
/* A copy of somebody's name that is harmless, or the beginning of the id if there is none; for g_free. */
char *transfer_call(const char *name, const char *id);
/* Likewise of somebody who is here, or was a moment ago; else the beginning of the id. */
char *transfer_person(const struct transfer *t, const char *id);

#endif
