/* SPDX-License-Identifier: MIT
 *
 * A log record is data: the cores make them, the io side writes them as text, with journal priorities, or as JSON
 * lines. Values are copied and cut at LOG_VALUE_MAX, so a record outlives what it speaks of and hostile input cannot
 * fill a disk. Never put a secret in one.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

#include "base/buf.h"

/* syslog(3) priorities, so that "<6>" prefixes need no table. */
enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};
enum log_format {
    LOG_TEXT,
    LOG_JOURNAL,
    LOG_JSON
};
enum {
    LOG_FIELDS_MAX = 6,
    LOG_VALUE_MAX = 95,
    LOG_LINE_MAX = 2048
};

struct log_field {
    const char *key; /* static text */
    char value[LOG_VALUE_MAX + 1];
};

struct log_record {
    enum log_level level;
    const char *event;   /* static text, a-z and dashes: what a search looks for */
    const char *message; /* static text: the sentence for a person */
    unsigned count;
    struct log_field fields[LOG_FIELDS_MAX];
};

void log_record_init(struct log_record *r, enum log_level level, const char *event, const char *message);
/* Adds a field; one too many is dropped. Control characters and bytes outside UTF-8 become '?'. */
void log_record_add(struct log_record *r, const char *key, struct span value);
void log_record_addf(struct log_record *r, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends the record as journald takes it: lines of NAME=value, the first of them MESSAGE, with its fields behind it, as
 * in LOG_TEXT; then each field under its own name, so that journalctl(1) can look for ROOM=lobby. */
void log_fields(struct buf *out, const struct log_record *r);
/* Appends one line, with its newline. unix_ms is the wall clock; LOG_JOURNAL leaves the time to journald. */
void log_format(struct buf *out, const struct log_record *r, enum log_format format, uint64_t unix_ms);

/* The pace of records that others can cause at will. Zeroed at first. */
struct log_pace {
    uint64_t quiet_until; /* milliseconds of the caller's clock */
    uint64_t unsaid;
};
/* Counts one of what is told; how many there were since the last record if another is due, once in every_ms, else 0.
 * now_ms never goes back. */
uint64_t log_pace(struct log_pace *p, uint64_t now_ms, uint64_t every_ms);

const char *log_level_name(enum log_level level);
/* "error", "warning", "notice", "info" or "debug"; false on anything else. */
bool log_level_parse(struct span name, enum log_level *level);

#endif
