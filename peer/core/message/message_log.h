/* SPDX-License-Identifier: MIT
 *
 * The record of what the application said and was told.
 *   owns     the tables log and id, and the number of the newest row
 *   before   message_log_add: in the step that moves the clock, so that both are one commit
 *   after    a message stands there once; the newest LOG_MAX are kept. What is looked up is answered when its rows have come
 *            (rows_loaded.c)
 */
#ifndef PEER_MESSAGE_MESSAGE_LOG_H
#define PEER_MESSAGE_MESSAGE_LOG_H

#include "peer/core/port/notice.h"
#include "protocol/envelope.h"

struct person;
struct conversation;
struct load;

void message_log_add(struct peer *p, const struct notice *n);
/* What the application asks for: a `history` notice. */
void message_log_show(struct peer *p, const struct peer_event *ev);
/* A person read this message: we, if `by` is empty, and its author hears of it; or one of its readers, and the
 * application is told. An id that is not in the record is an error of the application's, and of others without effect. */
void message_log_read(struct peer *p, struct span id, struct span by);
/* Looks for a message at or below the clock; deliver_had hears of it, and answers `asker`: its author, or who kept a
 * copy. */
void message_log_had(struct peer *p, const struct conversation *c, const struct person *author,
    const struct person *asker, const struct envelope *e);
/* Likewise by its id alone, for its author. */
void message_log_asked(struct peer *p, const struct person *author, struct span id);
/* What the rows of a load show. */
struct log_answer {
    enum {
        LOG_ANSWER_NONE,
        LOG_ANSWER_HAS,   /* the message that was looked for is there, from that author */
        LOG_ANSWER_LACKS, /* it is not */
        LOG_ANSWER_READ   /* a person of ours read this message of that author's */
    } type;
    char id[ENVELOPE_ID_MAX + 1], author[PERSON_MAX + 1];
};
/* A load of the log's own was answered. */
struct log_answer message_log_loaded(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n);

#endif
