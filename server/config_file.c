/* SPDX-License-Identifier: MIT
 *
 * Where settings come from: an inih file, the environment, --set. inih itself cuts a long line silently, takes an
 * indented line as more of the one before and says nothing of where it is, so the lines go through a reader of our
 * own that counts them and refuses both.
 */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <strings.h>

#include "server/config.h"

static const char PREFIX[] = "USHERD_";
enum {
    NAME_MAX_BYTES = 128
};

struct source {
    struct config *config;
    struct err *e;
    const char *path;
    FILE *file;
    int line;
    bool failed;
};

static void fail_line(struct source *s, const char *problem)
{
    s->failed = true;
    err_set(s->e, "%s:%d: %s", s->path, s->line, problem);
}

/* One line into inih's buffer, as fgets would. */
static char *read_line(char *line, int size, void *stream)
{
    struct source *s = stream;
    if (s->failed)
        return NULL;
    s->line++;
    int n = 0, c = 0;
    while (n < size - 1 && c != '\n' && (c = getc(s->file)) != EOF) {
        if (c < 0x20 && c != '\n' && c != '\t' && c != '\r') {
            fail_line(s, "a control character: expected text");
            return NULL;
        }
        line[n++] = (char)c;
    }
    line[n] = '\0';
    if (n == size - 1 && c != '\n') {
        fail_line(s, "the line is longer than 197 bytes: repeat the key for a list, or use the environment");
        return NULL;
    }
    bool indented = line[0] == ' ' || line[0] == '\t';
    const char *text = line + strspn(line, " \t\r\n");
    if (indented && *text && *text != ';' && *text != '#') {
        fail_line(s, "the line starts with a space: expected [section] or name = value at its start");
        return NULL;
    }
    return n > 0 ? line : NULL;
}

static void list_keys(const char *section, struct buf *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(options[i].section, section) == 0)
            buf_printf(out, " %s", options[i].key);
    if (out->len == 0)
        buf_text(out, " [server] [tls] [limits] [rooms] [auth] [ice] [dialects] [cluster]");
}

static bool refuse_unknown(const char *where, const char *section, const char *key, struct err *e)
{
    struct buf keys;
    buf_init(&keys, 2048);
    list_keys(section, &keys);
    err_set(e, "%s%.40s.%.40s is not an option: expected one of%s", where, section, key, keys.p);
    buf_done(&keys);
    return false;
}

/* inih's handler: 1 for done, 0 for failed. */
static int take_pair(void *user, const char *section, const char *key, const char *value)
{
    struct source *s = user;
    if (s->failed)
        return 0;
    const struct option *o = option_find(section, key);
    if (!o) {
        char where[sizeof s->e->text];
        snprintf(where, sizeof where, "%s:%d: ", s->path, s->line);
        s->failed = !refuse_unknown(where, section, key, s->e);
        return 0;
    }
    const struct config_origin from = {.source = CONFIG_FILE, .name = s->path, .line = s->line};
    s->failed = !config_assign(s->config, o, value, &from, s->e);
    return !s->failed;
}

bool config_load_file(struct config *c, const char *path, struct err *e)
{
    struct source s = {.config = c, .e = e, .path = path, .file = fopen(path, "re")};
    if (!s.file)
        return err_set(e, "%s: %s", path, strerror(errno));
    int line = ini_parse_stream(read_line, &s, take_pair, &s);
    bool unread = ferror(s.file) != 0;
    int error = errno;
    fclose(s.file);
    if (s.failed)
        return false;
    if (unread)
        return err_set(e, "%s: %s", path, strerror(error));
    if (line > 0)
        return err_set(e, "%s:%d: expected [section] or name = value", path, line);
    return line == 0 || err_set(e, "%s: out of memory", path);
}

/* "limits_max_rooms" to its row; NULL if there is none. `owned` tells whether the section at least is ours. */
static const struct option *find_variable(const char *name, bool *owned)
{
    *owned = false;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        size_t n = strlen(options[i].section);
        if (strncasecmp(name, options[i].section, n) != 0 || name[n] != '_')
            continue;
        *owned = true;
        if (strcasecmp(name + n + 1, options[i].key) == 0)
            return &options[i];
    }
    return NULL;
}

/* A list's entries stand between commas; spaces around them are dropped. */
static bool assign_entries(
    struct config *c, const struct option *o, const char *value, const struct config_origin *from, struct err *e)
{
    char entry[OPTION_TEXT_MAX + 1];
    do {
        value += strspn(value, " ");
        size_t n = strcspn(value, ",");
        size_t kept = n;
        while (kept > 0 && value[kept - 1] == ' ')
            kept--;
        if (kept >= sizeof entry)
            return err_set(e, "%s: an entry is longer than %d bytes", from->name, OPTION_TEXT_MAX);
        memcpy(entry, value, kept);
        entry[kept] = '\0';
        if (!config_assign(c, o, entry, from, e))
            return false;
        value += n;
    } while (*value++ == ',');
    return true;
}

static bool take_variable(struct config *c, const char *variable, struct err *e)
{
    const char *equals = strchr(variable, '=');
    if (!equals)
        return true;
    char name[NAME_MAX_BYTES];
    size_t n = (size_t)(equals - variable);
    if (n >= sizeof name)
        return true;
    memcpy(name, variable, n);
    name[n] = '\0';
    bool owned;
    const struct option *o = find_variable(name + sizeof PREFIX - 1, &owned);
    if (!o && owned)
        return err_set(e, "%s: there is no such option: see usherd.conf(5)", name);
    if (!o)
        return true; /* container platforms set names such as USHERD_PORT of their own */
    const struct config_origin from = {.source = CONFIG_ENVIRONMENT, .name = name};
    if (o->type == OPTION_LIST)
        return assign_entries(c, o, equals + 1, &from, e);
    return config_assign(c, o, equals + 1, &from, e);
}

bool config_load_environment(struct config *c, char *const *environment, struct err *e)
{
    for (; *environment; environment++)
        if (strncmp(*environment, PREFIX, sizeof PREFIX - 1) == 0 && !take_variable(c, *environment, e))
            return false;
    return true;
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
