/* SPDX-License-Identifier: MIT
 *
 * Where settings come from: an inih file, and --set. inih itself cuts a long line silently, takes an indented line as
 * more of the one before, ignores what stands behind a section's bracket, and says nothing of where it is, so the lines
 * go through a reader of our own that counts them and refuses these. A comment may be as long as it likes.
 */
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/os_file.h"
#include "server/config.h"

enum {
    NAME_MAX_BYTES = 128
};
static const char SECTIONS[] = "[server] [tls] [limits] [rooms] [auth] [ice] [webhooks] [dialects] [cluster]";

struct source {
    struct config *config;
    struct err *e;
    const char *path;
    FILE *file;
    int line;
    bool lenient;   /* lines that are wrong are passed over */
    bool semicolon; /* the line has a ` ;` behind its name: inih cuts the value there */
    bool failed;
};

__attribute__((format(printf, 2, 3))) static void fail_line(struct source *s, const char *format, ...)
{
    char problem[sizeof s->e->text];
    va_list args;
    va_start(args, format);
    vsnprintf(problem, sizeof problem, format, args);
    va_end(args);
    s->failed = true;
    err_set(s->e, "%s:%d: %s", s->path, s->line, problem);
}

/* A file may begin with a byte order mark, which inih skips too. */
static const char *skip_mark(const struct source *s, const char *line)
{
    static const char MARK[] = "\xef\xbb\xbf";
    return s->line == 1 && strncmp(line, MARK, sizeof MARK - 1) == 0 ? line + sizeof MARK - 1 : line;
}

static bool is_comment(const char *text)
{
    return *text == '#' || *text == ';';
}

/* The section must be one of ours, or its options would be missed without a word. inih ignores what stands behind the
 * bracket, too. */
static void check_section(struct source *s, const char *text)
{
    size_t n = strcspn(text + 1, "]\r\n");
    const char *rest = text[1 + n] == ']' ? text + 2 + n : text + 1 + n;
    rest += strspn(rest, " \t\r\n");
    if (*rest && !is_comment(rest)) {
        fail_line(s, "expected nothing behind [%.*s]: a name = value has a line of its own", (int)(n < 40 ? n : 40),
            text + 1);
        return;
    }
    char section[NAME_MAX_BYTES];
    snprintf(section, sizeof section, "%.*s", (int)n, text + 1);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(section, options[i].section) == 0)
            return;
    const char *near = option_suggest_section(section);
    if (text[1 + n] == ']')
        fail_line(s, "[%.40s] is not a section: %s%s%s%s", section, near ? "did you mean [" : "expected one of ",
            near ? near : SECTIONS, near ? "]?" : "", "");
}

/* Notes a ` ;` in the value, for a setting that must not be cut there. */
static void note_semicolon(struct source *s, const char *text)
{
    const char *value = text + strcspn(text, "=:");
    s->semicolon = false;
    for (; *value; value++)
        s->semicolon = s->semicolon || (value[0] == ';' && (value[-1] == ' ' || value[-1] == '\t'));
}

static void check_line(struct source *s, const char *line)
{
    const char *text = skip_mark(s, line);
    bool indented = *text == ' ' || *text == '\t';
    text += strspn(text, " \t\r\n");
    if (!*text || is_comment(text))
        return;
    if (indented)
        fail_line(s, "the line starts with a space: expected [section] or name = value at its start");
    else if (*text == '[')
        check_section(s, text);
    else
        note_semicolon(s, text);
}

static void skip_rest(struct source *s)
{
    for (int c = 0; c != '\n' && c != EOF;)
        c = getc(s->file);
}

/* Into the buffer, up to what is no text. Returns what it ended with. */
static int read_text(struct source *s, char *line, int size)
{
    int n = 0, c = 0;
    while (n < size - 1 && c != '\n' && (c = getc(s->file)) != EOF) {
        if (c < 0x20 && c != '\n' && c != '\t' && c != '\r') {
            fail_line(s, "a control character: expected text%s", c == 0 ? " in UTF-8, which this is not" : "");
            break;
        }
        line[n++] = (char)c;
    }
    line[n] = '\0';
    return c;
}

static void cut_line(struct source *s, char *line, int size)
{
    const char *text = skip_mark(s, line);
    if (!is_comment(text + strspn(text, " \t")))
        fail_line(s, "the line is longer than 197 bytes: repeat the key for a list, or use the environment");
    line[size - 2] = '\n'; /* whole: later versions of inih would read on for the end of it */
}

/* A line that is wrong, for whom that does not matter, is empty; but a section that is none still ends the one before. */
static void pass_over(struct source *s, char *line)
{
    s->failed = false;
    if (*skip_mark(s, line) != '[')
        memcpy(line, "\n", 2);
}

/* One line into inih's buffer, as fgets would. */
static char *read_line(char *line, int size, void *stream)
{
    struct source *s = stream;
    if (s->failed)
        return NULL;
    s->line++;
    int last = read_text(s, line, size);
    if (*line == '\0' && last == EOF)
        return NULL;
    bool cut = !s->failed && last != '\n' && strlen(line) == (size_t)size - 1;
    if (cut)
        cut_line(s, line, size);
    if (!s->failed)
        check_line(s, line);
    bool broken = s->failed && last != '\n' && last != EOF;
    if (s->failed && s->lenient)
        pass_over(s, line);
    if (cut || broken)
        skip_rest(s);
    return s->failed ? NULL : line;
}

static void list_keys(const char *section, struct buf *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(options[i].section, section) == 0)
            buf_printf(out, " %s", options[i].key);
    if (out->len == 0)
        buf_printf(out, " %s", SECTIONS);
}

static bool refuse_unknown(const char *where, const char *section, const char *key, struct err *e)
{
    char name[2 * NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%s.%s", section, key);
    const struct option *meant = option_suggest(name, '.');
    if (meant)
        return err_set(
            e, "%s%.40s.%.40s is not an option: did you mean %s.%s?", where, section, key, meant->section, meant->key);
    struct buf keys;
    buf_init(&keys, 2048);
    list_keys(section, &keys);
    err_set(e, "%s%.40s.%.40s is not an option: expected one of%s", where, section, key, keys.p);
    buf_done(&keys);
    return false;
}

/* Two marks of a remark behind a value: inih takes the one away, the other it leaves in the value. */
static bool has_remark(const struct source *s, const struct option *o, const char *value)
{
    return (s->semicolon && o->flags & OPTION_SECRET) || *value == '#' || strstr(value, " #") || strstr(value, "\t#");
}

/* inih's handler: 1 for done, 0 for failed. */
static int take_pair(void *user, const char *section, const char *key, const char *value)
{
    struct source *s = user;
    if (s->failed)
        return 0;
    const struct option *o = option_find(section, key);
    if (!o && s->lenient)
        return 1;
    if (!o) {
        char where[sizeof s->e->text];
        snprintf(where, sizeof where, "%s:%d: ", s->path, s->line);
        s->failed = !refuse_unknown(where, section, key, s->e);
        return 0;
    }
    if (config_judges(s->config, o) && has_remark(s, o, value)) {
        fail_line(s,
            "%s.%s: a comment stands on a line of its own (a value that really has ` #`, or a secret ` ;`, is given in "
            "the environment)",
            o->section, o->key);
        return 0;
    }
    const struct config_origin from = {.source = CONFIG_FILE, .name = s->path, .line = s->line};
    s->failed = !config_assign(s->config, o, value, &from, s->e);
    return !s->failed;
}

bool config_load_file(struct config *c, const char *path, struct err *e)
{
    struct err why;
    int fd = os_file_open(path, O_RDONLY, "a configuration file", &why);
    if (fd < 0)
        return err_set_errno(e, why.error, "%s: %s", path, why.text);
    struct source s = {.config = c, .e = e, .path = path, .file = fdopen(fd, "r")};
    s.lenient = config_is_to_ask(c);
    if (!s.file) {
        close(fd);
        return err_memory(e);
    }
    int line = ini_parse_stream(read_line, &s, take_pair, &s);
    bool unread = ferror(s.file) != 0;
    int error = errno;
    fclose(s.file);
    if (s.failed)
        return false;
    if (unread)
        return err_set(e, "%s: %s", path, strerror(error));
    if (line > 0 && !s.lenient)
        return err_set(e, "%s:%d: expected [section] or name = value", path, line);
    return line >= 0 || err_set(e, "%s: out of memory", path);
}

bool config_set(struct config *c, const char *assignment, struct err *e)
{
    const char *equals = strchr(assignment, '=');
    const char *dot = memchr(assignment, '.', equals ? (size_t)(equals - assignment) : strlen(assignment));
    if (!equals || !dot || equals - assignment >= NAME_MAX_BYTES)
        return err_set(e, "--set %.60s: expected section.key=value", assignment);
    char section[NAME_MAX_BYTES], key[NAME_MAX_BYTES];
    snprintf(section, sizeof section, "%.*s", (int)(dot - assignment), assignment);
    snprintf(key, sizeof key, "%.*s", (int)(equals - dot - 1), dot + 1);
    const struct option *o = option_find(section, key);
    if (!o)
        return refuse_unknown("--set ", section, key, e);
    const struct config_origin from = {.source = CONFIG_FLAG, .name = "--set"};
    return config_assign(c, o, equals + 1, &from, e);
}
