/* SPDX-License-Identifier: MIT
 *
 * Rows, and what was asked of the store.
 *   owns     the tickets of commits and loads, and the loads that io has not answered
 *   before   a key has at most ROW_KEY_MAX bytes; texts are UTF-8 without NUL
 *   after    what a step puts and deletes is one commit, asked for at its end; a load sees every put and delete before it.
 *            While rows are restored, and while the core ends, nothing is written
 */
#ifndef PEER_PORT_STORAGE_H
#define PEER_PORT_STORAGE_H

#include "peer/core/bounds.h"
#include "protocol/envelope.h"

enum load_type {
    LOAD_GAP,      /* for somebody's history request: one author's messages */
    LOAD_HEAD,     /* likewise, a newcomer's: one author's last */
    LOAD_AFTER,    /* for `history`: where in the log an id stands */
    LOAD_BEFORE,   /* likewise, of the id before which */
    LOAD_HISTORY,  /* the log itself */
    LOAD_OLDEST,   /* its rows that are too many */
    LOAD_READ,     /* for message_read: where in the log an id stands */
    LOAD_READ_ROW, /* that row */
    LOAD_HAD,      /* for a message at or below the clock: where in the log its id stands */
    LOAD_HAD_ROW   /* that row */
};
/* What was asked for, and on whose behalf: whoever loads fills in what the answer needs. */
struct load {
    enum load_type type;
    uint64_t ticket;
    char who[PERSON_MAX + 1], author[PERSON_MAX + 1], conversation[ENVELOPE_CONVERSATION_MAX + 1];
    uint64_t from, to; /* sequences, both included */
    bool final;        /* the last of the answer that it belongs to */
    unsigned limit;
    char ref[REF_MAX + 1];
    struct load *prev, *next;
};

void storage_put(struct peer *p, enum peer_table table, struct span key, struct span value);
void storage_delete(struct peer *p, enum peer_table table, struct span key);
/* Rows of a table from a key to another (left out); borrowed until it is answered. NULL: LOADS_MAX are in progress, or
 * memory is short. */
struct load *storage_load(struct peer *p, enum load_type type, enum peer_table table, struct span from, struct span to,
    unsigned limit, bool last);
/* Takes the load that was answered off the list; returned owned. NULL: it is not ours. */
struct load *storage_answered(struct peer *p, uint64_t ticket);
/* Asks for the commit of what was put, if anything was. */
void storage_end_step(struct peer *p);
/* That commit and all before it are on the disk. */
void storage_committed(struct peer *p, uint64_t ticket);
/* All that was put is on the disk. */
bool storage_is_settled(const struct peer *p);
void storage_clear(struct peer *p);

/* conversation/author/sequence */
struct row_key {
    char text[ENVELOPE_CONVERSATION_MAX + 1 + PERSON_MAX + 1 + 16 + 1];
};
/* author: at most PERSON_MAX bytes */
struct row_key storage_message_key(const char *conversation, struct span author, uint64_t sequence);
/* 16 hexadecimal digits: in byte order they stand as the numbers do. */
void storage_number(char out[17], uint64_t number);
/* False unless it is 16 such digits. */
bool storage_read_number(struct span text, uint64_t *number);

#endif
