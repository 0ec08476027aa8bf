/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/utf8.h"

static const char *const LEVEL_NAMES[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

const char *log_level_name(enum log_level level)
{
    return LEVEL_NAMES[level];
}

bool log_level_parse(struct span name, enum log_level *level)
{
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++)
        if (span_is(name, LEVEL_NAMES[i])) {
            *level = (enum log_level)i;
            return true;
        }
    return false;
}

void log_record_init(struct log_record *r, enum log_level level, const char *event, const char *message)
{
    r->level = level;
    r->event = event;
    r->message = message;
    r->count = 0;
}

/* Not so are controls, those of C1 as well (to a terminal U+009B is ESC [), and what turns the direction of writing or
 * counts as a line's end to some readers (Unicode's Bidi_Control, U+2028, U+2029). p: a character of n bytes. */
static bool is_plain(const unsigned char *p, size_t n)
{
    if (n == 1)
        return *p >= 0x20 && *p != 0x7f;
    if (n == 2)
        return !(p[0] == 0xc2 && p[1] < 0xa0) && !(p[0] == 0xd8 && p[1] == 0x9c); /* U+0080 to 9F, U+061C */
    if (n != 3 || p[0] != 0xe2)
        return n > 0;
    if (p[1] == 0x80) /* U+200E, 200F, 2028 to 202E */
        return p[2] != 0x8e && p[2] != 0x8f && (p[2] < 0xa8 || p[2] > 0xae);
    return p[1] != 0x81 || p[2] < 0xa6 || p[2] > 0xa9; /* U+2066 to 2069 */
}

/* Takes the next character off; what is none, or not plain, is a question mark. */
static struct span next_plain(struct span *text)
{
    const unsigned char *p = (const unsigned char *)text->p;
    size_t n = utf8_next(p, text->n);
    struct span c = is_plain(p, n) ? (struct span){text->p, n} : SPAN("?");
    n = n ? n : 1;
    *text = (struct span){text->p + n, text->n - n};
    return c;
}

void log_record_add(struct log_record *r, const char *key, struct span value)
{
    if (r->count == LOG_FIELDS_MAX)
        return;
    struct log_field *f = &r->fields[r->count++];
    f->key = key;
    size_t made = 0;
    while (value.n > 0) {
        struct span c = next_plain(&value);
        if (made + c.n > LOG_VALUE_MAX)
            break;
        memcpy(f->value + made, c.p, c.n);
        made += c.n;
    }
    f->value[made] = '\0';
}

void log_record_addf(struct log_record *r, const char *key, const char *format, ...)
{
    char text[LOG_VALUE_MAX + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_record_add(r, key, span_of(text));
}

/* Values are plain already; a message may quote a path or a line of a file. */
static void add_plain(struct buf *out, const char *text, const char *escaped)
{
    struct span rest = span_of(text);
    while (rest.n > 0) {
        struct span c = next_plain(&rest);
        if (strchr(escaped, *c.p))
            buf_byte(out, '\\');
        buf_span(out, c);
    }
}

static void add_quoted(struct buf *out, const char *text)
{
    buf_byte(out, '"');
    add_plain(out, text, "\"\\");
    buf_byte(out, '"');
}

static void add_time(struct buf *out, uint64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_printf(out, "%s.%03uZ", text, (unsigned)(unix_ms % 1000));
}

static void format_json(struct buf *out, const struct log_record *r, uint64_t unix_ms)
{
    buf_text(out, "{\"time\":\"");
    add_time(out, unix_ms);
    buf_printf(out, "\",\"level\":\"%s\",\"event\":\"%s\",\"message\":", log_level_name(r->level), r->event);
    add_quoted(out, r->message);
    for (unsigned i = 0; i < r->count; i++) {
        buf_printf(out, ",\"%s\":", r->fields[i].key);
        add_quoted(out, r->fields[i].value);
    }
    buf_text(out, "}\n");
}

static void format_text(struct buf *out, const struct log_record *r)
{
    add_plain(out, r->message, "");
    for (unsigned i = 0; i < r->count; i++) {
        const char *value = r->fields[i].value;
        buf_printf(out, " %s=", r->fields[i].key);
        if (*value == '\0' || strpbrk(value, " \"=\\"))
            add_quoted(out, value);
        else
            buf_text(out, value);
    }
    buf_byte(out, '\n');
}

void log_fields(struct buf *out, const struct log_record *r)
{
    buf_text(out, "MESSAGE=");
    format_text(out, r);
    buf_printf(out, "PRIORITY=%d\nEVENT=%s\n", (int)r->level, r->event);
    for (unsigned i = 0; i < r->count; i++) {
        for (const char *c = r->fields[i].key; *c; c++)
            buf_byte(out, *c == '-' ? '_' : (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c));
        buf_printf(out, "=%s\n", r->fields[i].value);
    }
}

void log_format(struct buf *out, const struct log_record *r, enum log_format format, uint64_t unix_ms)
{
    switch (format) {
    case LOG_JSON:
        format_json(out, r, unix_ms);
        return;
    case LOG_JOURNAL:
        buf_printf(out, "<%d>", (int)r->level);
        break;
    case LOG_TEXT:
        add_time(out, unix_ms);
        buf_printf(out, " %-7s ", log_level_name(r->level));
        break;
    }
    format_text(out, r);
}

uint64_t log_pace(struct log_pace *p, uint64_t now_ms, uint64_t every_ms)
{
    p->unsaid++;
    if (now_ms < p->quiet_until)
        return 0;
    uint64_t n = p->unsaid;
    *p = (struct log_pace){.quiet_until = now_ms + every_ms};
    return n;
}
