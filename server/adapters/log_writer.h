/* SPDX-License-Identifier: MIT
 *
 * The way of a record from the loop to standard error or the journal. Whoever reads the log may stop reading, its disk
 * may be full or slow: the loop never waits for it.
 *
 * Records go through a ring of LOG_RING_BYTES to a thread of their own, which is the only one that waits. What finds
 * the ring full is dropped and counted; once records are written again, one more says how many are missing, in their
 * place. Records are taken again when half of the ring is free, so a reader that is just too slow gets long pieces of
 * the log, not every other record.
 */
#ifndef SERVER_ADAPTERS_LOG_WRITER_H
#define SERVER_ADAPTERS_LOG_WRITER_H

#include "base/err.h"
#include "base/log.h"

struct log_writer;

enum {
    LOG_RING_BYTES = 256 * 1024, /* some two thousand records; a power of two */
    LOG_FLUSH_MS = 1000          /* that what is in the ring may take at the end */
};

/* How a record is written. */
struct log_style {
    enum log_format format;
    bool fields; /* sent to the journal with its fields; as a line only if the journal does not take it */
};

/* Writes to fd, which is borrowed until the process ends. NULL with the sentence in e if there is no memory, descriptor
 * or thread for it. */
struct log_writer *log_writer_new(int fd, struct err *e);
/* Has the record written; never waits. From one thread only. */
void log_writer_put(struct log_writer *w, const struct log_record *r, struct log_style style);
/* Records that were dropped, or that the descriptor refused, so far. */
uint64_t log_writer_dropped(const struct log_writer *w);
/* Waits for what is in the ring, at most LOG_FLUSH_MS: what nobody took by then is lost with the process. Takes NULL. */
void log_writer_free(struct log_writer *w);

/* Writes the record at once, and waits as long as that takes: for while there is no writer. */
void log_write_now(int fd, const struct log_record *r, struct log_style style);

#endif
