/* SPDX-License-Identifier: MIT */
#include "server/io/logger.h"

/* Where in our own source a record was made is no news to whoever reads the journal. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

enum log_format logger_detect(void)
{
    /* systemd.exec(5): device and inode of the journal's stream, which stderr may have been redirected away from. */
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    if (!stream || fstat(STDERR_FILENO, &st) != 0)
        return LOG_TEXT;
    char here[48];
    snprintf(here, sizeof here, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return strcmp(stream, here) == 0 ? LOG_JOURNAL : LOG_TEXT;
}

enum {
    JOURNAL_FIELDS_MAX = LOG_FIELDS_MAX + 4
};

/* With its fields, past standard error; false if the journal does not take it. */
static bool to_journal(const struct log_record *r)
{
    struct iovec fields[JOURNAL_FIELDS_MAX];
    struct buf text;
    buf_init(&text, LOG_LINE_MAX * 2);
    buf_text(&text, "SYSLOG_IDENTIFIER=usherd\n");
    log_fields(&text, r);
    int count = 0;
    char *at = text.failed ? NULL : text.p;
    for (char *end = at + text.len; at && at < end && count < JOURNAL_FIELDS_MAX; count++) {
        size_t n = strcspn(at, "\n");
        fields[count] = (struct iovec){.iov_base = at, .iov_len = n};
        at += n + 1;
    }
    bool sent = count > 0 && sd_journal_sendv(fields, count) == 0;
    buf_done(&text);
    return sent;
}

static void emit(enum log_format format, const struct log_record *r)
{
    if (format == LOG_JOURNAL && logger_detect() == LOG_JOURNAL && to_journal(r))
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct buf line;
    buf_init(&line, LOG_LINE_MAX);
    log_format(&line, r, format, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
    if (line.len > 0 && write(STDERR_FILENO, line.p, line.len) < 0) {
        /* Nobody is left to tell. */
    }
    buf_done(&line);
}

void logger_write(const struct logger *l, const struct log_record *r)
{
    if (r->level <= l->level)
        emit(l->format, r);
}

void logger_complain(const char *problem)
{
    fprintf(stderr, "%susherd: %s\n", logger_detect() == LOG_JOURNAL ? "<3>" : "", problem);
}

void logger_say(const struct logger *l, enum log_level level, const char *event, const char *message)
{
    struct log_record r;
    log_record_init(&r, level, event, message);
    logger_write(l, &r);
}

static void emit_lws(enum log_format format, const char *line)
{
    struct log_record r;
    log_record_init(&r, LOG_LEVEL_WARNING, "libwebsockets", "libwebsockets says");
    log_record_add(&r, "line", (struct span){line, strcspn(line, "\n")});
    emit(format, &r);
}

/* lws hands its emitter no context, so there is one for each format and no state. */
static void emit_lws_text(int level, const char *line)
{
    (void)level;
    emit_lws(LOG_TEXT, line);
}

static void emit_lws_journal(int level, const char *line)
{
    (void)level;
    emit_lws(LOG_JOURNAL, line);
}

static void emit_lws_json(int level, const char *line)
{
    (void)level;
    emit_lws(LOG_JSON, line);
}

void logger_take_lws(const struct logger *l, bool serving)
{
    static void (*const EMITTERS[])(int, const char *) = {
        [LOG_TEXT] = emit_lws_text, [LOG_JOURNAL] = emit_lws_journal, [LOG_JSON] = emit_lws_json};
    enum log_level least = serving ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING;
    lws_set_log_level(l->level >= least ? LLL_ERR | LLL_WARN : 0, EMITTERS[l->format]);
}
