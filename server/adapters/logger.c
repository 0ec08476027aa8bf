/* SPDX-License-Identifier: MIT */
#include "server/adapters/logger.h"

#include <libwebsockets.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COMPLAINT_MAX = 512,
    COMPLAINT_MS = 1000
};

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

bool logger_open(struct logger *l, struct err *e)
{
    l->writer = log_writer_new(STDERR_FILENO, e);
    return l->writer != NULL;
}

void logger_close(struct logger *l)
{
    log_writer_free(l->writer);
    l->writer = NULL;
}

void logger_write(const struct logger *l, const struct log_record *r)
{
    if (r->level > l->level)
        return;
    struct log_style style = {l->format, l->format == LOG_JOURNAL && logger_detect() == LOG_JOURNAL};
    if (l->writer)
        log_writer_put(l->writer, r, style);
    else
        log_write_now(STDERR_FILENO, r, style);
}

uint64_t logger_dropped(const struct logger *l)
{
    return l->writer ? log_writer_dropped(l->writer) : 0;
}

/* A pipe that is ready takes 512 bytes at least without waiting (PIPE_BUF, POSIX). */
void logger_complain(const char *problem)
{
    char line[COMPLAINT_MAX];
    int n = snprintf(line, sizeof line, "%susherd: %s\n", logger_detect() == LOG_JOURNAL ? "<3>" : "", problem);
    size_t length = n < (int)sizeof line ? (size_t)n : sizeof line - 1;
    line[length - 1] = '\n';
    if (poll(&(struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT}, 1, COMPLAINT_MS) == 1)
        (void)!write(STDERR_FILENO, line, length);
}

void logger_say(const struct logger *l, enum log_level level, const char *event, const char *message)
{
    struct log_record r;
    log_record_init(&r, level, event, message);
    logger_write(l, &r);
}

/* libwebsockets hands its emitter no context. */
static const struct logger *lws_logger;

static void emit_lws(int level, const char *line)
{
    struct log_record r;
    (void)level;
    log_record_init(&r, LOG_LEVEL_WARNING, "libwebsockets", "libwebsockets says");
    log_record_add(&r, "line", (struct span){line, strcspn(line, "\n")});
    logger_write(lws_logger, &r);
}

void logger_take_lws(const struct logger *l, bool serving)
{
    enum log_level least = serving ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING;
    lws_logger = l;
    lws_set_log_level(l && l->level >= least ? LLL_ERR | LLL_WARN : 0, l ? emit_lws : NULL);
}
