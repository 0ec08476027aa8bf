/* SPDX-License-Identifier: MIT
 *
 * Rows that were asked for have come: they go to whoever asked. The message log only looks things up; what follows from
 * its answer is for those who know what it was asked for.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/message/rows_loaded.h"
#include "peer/core/port/storage.h"
#include "peer/core/people/roster.h"
#include "peer/core/message/deliver.h"
#include "peer/core/message/history.h"
#include "peer/core/message/message_log.h"
#include "peer/core/message/receipt.h"

static void log_loaded(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n)
{
    struct log_answer answer = message_log_loaded(p, load, rows, n);
    struct person *author = roster_find(p, span_of(answer.author));
    switch (answer.type) {
    case LOG_ANSWER_HAS:
    case LOG_ANSWER_LACKS:
        deliver_had(p, load, answer.type == LOG_ANSWER_HAS);
        break;
    case LOG_ANSWER_READ:
        if (author)
            receipt_read_of(p, author, span_of(answer.id));
        break;
    case LOG_ANSWER_NONE:
        break;
    }
}

void rows_loaded(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n)
{
    assert(load && (rows || n == 0));
    if (load->type == LOAD_GAP || load->type == LOAD_HEAD)
        history_give(p, load, rows, n);
    else
        log_loaded(p, load, rows, n);
}
