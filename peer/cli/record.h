/* SPDX-License-Identifier: MIT
 *
 * What this run printed of messages, its own among them, in order of printing: what `history` answers from.
 */
#ifndef PEER_CLI_RECORD_H
#define PEER_CLI_RECORD_H

#include <jansson.h>

struct record;

enum {
    RECORD_MESSAGES_MAX = 20000,
    RECORD_BYTES_MAX = 32 * 1024 * 1024 /* of text; the oldest are forgotten first */
};

struct record *record_new(void);
void record_free(struct record *r); /* takes NULL */
/* Takes message: an object with id and text. One whose id is there already is dropped. */
void record_add(struct record *r, json_t *message);
/* A new array of at most limit messages: those after the one of this id, or the newest if after is NULL. NULL when
 * no message has this id. */
json_t *record_list(struct record *r, const char *after, size_t limit);

#endif
