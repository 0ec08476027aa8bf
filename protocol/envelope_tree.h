/* SPDX-License-Identifier: MIT
 *
 * Between envelope.c and envelope_read.c only: what a parsed envelope owns, and reading one from jansson's tree.
 */
#ifndef PROTOCOL_ENVELOPE_TREE_H
#define PROTOCOL_ENVELOPE_TREE_H

#include "protocol/envelope.h"

struct json_t;

struct envelope_owned {
    struct json_t *tree;   /* one reference; all spans point into it */
    struct json_t *opened; /* likewise: the content that was sealed; NULL until it was opened */
    struct span *to, *route;
    struct envelope_attachment *attachments;
    struct envelope_tick *clock, *since;
    struct envelope_key *keys;
    struct buf metadata;
};

/* Fills *e from the tree, of which it takes a reference of its own; false, with *e empty and a sentence, when a member
 * breaks its bounds or memory ran out. */
bool envelope_read(struct json_t *tree, struct envelope *e, const char **problem);
/* Takes the opened content in, as envelope_open_content promises. */
bool envelope_read_opened(struct json_t *content, struct envelope *e, const char **problem);
/* Likewise between the two: "room:" + a room id, or "p:" + a short hash. */
bool envelope_conversation_valid(struct span conversation);

#endif
