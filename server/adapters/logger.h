/* SPDX-License-Identifier: MIT
 *
 * Records go to standard error, one write a line: text for a person, with priorities for a journal that reads it, or
 * JSON. Where standard error is journald's they go to it as fields instead: EVENT, PEER, ROOM and so on. Between
 * logger_open and logger_close nobody waits for whoever reads them (log_writer.h).
 */
#ifndef SERVER_ADAPTERS_LOGGER_H
#define SERVER_ADAPTERS_LOGGER_H

#include "server/adapters/log_writer.h"

struct logger {
    enum log_level level;
    enum log_format format;
    struct log_writer *writer; /* owned; NULL: records are written at once, and waited for */
};

/* What `auto` means: LOG_JOURNAL if standard error is the journal's (sd-daemon(3), $JOURNAL_STREAM), else LOG_TEXT. */
enum log_format logger_detect(void);
/* Has records written behind the caller's back from now on; false with the sentence in e. */
bool logger_open(struct logger *l, struct err *e);
/* Sees to it that what was logged is written, if that takes no more than a second. */
void logger_close(struct logger *l);
/* Writes the record unless it is less important than the logger's level. */
void logger_write(const struct logger *l, const struct log_record *r);
/* Records that nobody will read, so far. */
uint64_t logger_dropped(const struct logger *l);
/* What is wrong before there are settings to log by, or outside a daemon: one line, an error for the journal too. Who
 * does not read it within a second does not get it. */
void logger_complain(const char *problem);
/* A record without fields; the message is borrowed for the call. */
void logger_say(const struct logger *l, enum log_level level, const char *event, const char *message);
/* Sends libwebsockets' own errors and warnings through the same logger, as warnings: while the daemon starts. Once it
 * is serving any client can cause them at will, as many as it likes, so then only with log_level debug. The logger is
 * borrowed until the next call; NULL silences libwebsockets. */
void logger_take_lws(const struct logger *l, bool serving);

#endif
