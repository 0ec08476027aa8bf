/* SPDX-License-Identifier: MIT
 *
 * One value per row of the option table, each with the place it came from. A stronger place (file < environment <
 * flag) replaces a weaker one whole, lists included; within one place a list grows and a single value may be given
 * once only, because the second of two lines far apart is nearly always a mistake.
 */
#include "server/config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

enum {
    SHOWN_MAX = 80 /* bytes of a value that is refused */
};

#define X(name, section, key, type, least, most, def, choices, flags, meaning) \
    {section, key, def, choices, meaning, least, most, OPTION_##type, flags},
const struct option options[OPTION_COUNT] = {OPTIONS(X)};
#undef X

struct value {
    char **items; /* owned; a text is a list of at most one */
    size_t n;
    unsigned long long number;
    enum config_source source;
    int line;
};

struct config {
    bool to_ask;
    struct value values[OPTION_COUNT];
};

static void value_clear(struct value *v)
{
    for (size_t i = 0; i < v->n; i++)
        free(v->items[i]);
    free(v->items);
    v->items = NULL;
    v->n = 0;
}

static bool value_append(struct value *v, const char *text)
{
    char *copy = strdup(text);
    char **items = realloc(v->items, (v->n + 1) * sizeof *items);
    if (items)
        v->items = items;
    if (!copy || !items) {
        free(copy);
        return false;
    }
    v->items[v->n++] = copy;
    return true;
}

static const struct value *value_of(const struct config *c, enum option_id id)
{
    return &c->values[id];
}

struct config *config_new(void)
{
    struct config *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        struct value *v = &c->values[i];
        if (o->type != OPTION_TEXT && o->type != OPTION_LIST) {
            bool ok = option_parse(o, o->def, &v->number);
            assert(ok);
            (void)ok;
        } else if (*o->def && !value_append(v, o->def)) {
            goto fail;
        }
    }
    return c;
fail:
    config_free(c);
    return NULL;
}

struct config *config_new_to_ask(void)
{
    struct config *c = config_new();
    if (c)
        c->to_ask = true;
    return c;
}

bool config_is_to_ask(const struct config *c)
{
    return c->to_ask;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        value_clear(&c->values[i]);
    free(c);
}

const struct option *option_find(const char *section, const char *key)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(options[i].section, section) == 0 && strcmp(options[i].key, key) == 0)
            return &options[i];
    return NULL;
}

/* "usherd.conf:12: limits.max_rooms" or "USHERD_LIMITS_MAX_ROOMS" or "--set limits.max_rooms". */
static void say_where(const struct option *o, const struct config_origin *from, struct buf *out)
{
    switch (from->source) {
    case CONFIG_FILE:
        buf_printf(out, "%s:%d: %s.%s", from->name, from->line, o->section, o->key);
        break;
    case CONFIG_ENVIRONMENT:
        buf_text(out, from->name);
        break;
    case CONFIG_DEFAULT:
    case CONFIG_FLAG:
        buf_printf(out, "%s %s.%s", from->name, o->section, o->key);
        break;
    }
}

/* Of a value as it was given, unless it is a secret or may hold one: a URL with a user and his password, or the query of one
 * that is called. */
static bool show_value(const struct option *o, const char *value, struct buf *out)
{
    size_t n = o == &options[OPTION_WEBHOOKS_URL] ? strcspn(value, "?#") : strlen(value);
    if (o->flags & OPTION_SECRET || strchr(value, '@'))
        return false;
    buf_printf(out, " = \"%.*s\"", (int)(n < SHOWN_MAX ? n : SHOWN_MAX), value);
    return true;
}

static bool refuse_value(const struct option *o, const char *value, const struct config_origin *from, struct err *e)
{
    struct buf text;
    buf_init(&text, sizeof e->text);
    say_where(o, from, &text);
    buf_text(&text, show_value(o, value, &text) ? ": expected " : " is not valid: expected ");
    option_allowed(o, &text);
    err_set(e, "%s", text.p ? text.p : "out of memory");
    buf_done(&text);
    return false;
}

static bool refuse_state(const struct option *o, const struct config_origin *from, struct err *e, const char *sentence)
{
    struct buf text;
    buf_init(&text, sizeof e->text);
    say_where(o, from, &text);
    err_set(e, "%s %s", text.p ? text.p : "", sentence);
    buf_done(&text);
    return false;
}

static bool refuse_text(
    const struct option *o, const char *value, const struct config_origin *from, const char *problem, struct err *e)
{
    struct buf text;
    buf_init(&text, sizeof e->text);
    say_where(o, from, &text);
    show_value(o, value, &text);
    err_set(e, "%s: %s", text.p ? text.p : "", problem);
    buf_done(&text);
    return false;
}

/* NULL, or what to say of a value that nobody could read. */
static const char *unprintable(const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return "holds a control character, such as the end of a line: expected printable text";
    return utf8_valid(text, n) ? NULL : "is not UTF-8: save the text as UTF-8";
}

static bool text_fits(const struct option *o, const char *text)
{
    size_t n = strlen(text);
    return o->type == OPTION_LIST || (n >= o->least && n <= o->most);
}

/* `%d/NAME`, behind the @ of a secret too, is the file in which the service manager passes that credential
 * (LoadCredential= in systemd.exec(5), where %d means the same). False if it passes none. */
static bool resolve(const struct option *o, const char *text, char out[OPTION_TEXT_MAX + 1])
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    size_t mark = o->flags & OPTION_SECRET && *text == '@';
    bool credential = o->flags & OPTION_FILE && strncmp(text + mark, "%d/", 3) == 0;
    int made = credential ? snprintf(out, OPTION_TEXT_MAX + 1, "%.*s%s%s", (int)mark, text, folder ? folder : "",
                                text + mark + 2)
                          : snprintf(out, OPTION_TEXT_MAX + 1, "%s", text);
    return !(credential && !folder) && made <= OPTION_TEXT_MAX;
}

/* Empties the value when it came from a weaker place. */
static bool make_way(struct value *v, const struct config_origin *from)
{
    if (v->source == from->source)
        return false;
    value_clear(v);
    v->source = from->source;
    v->line = from->line;
    return true;
}

static bool assign_number(
    const struct option *o, struct value *v, const char *text, const struct config_origin *from, struct err *e)
{
    unsigned long long number;
    if (!option_parse(o, text, &number))
        return refuse_value(o, text, from, e);
    if (o->type != OPTION_ENUM && (number < o->least || number > o->most))
        return refuse_value(o, text, from, e);
    if (!make_way(v, from) && from->source == CONFIG_FILE)
        return refuse_state(o, from, e, "was given before in this file");
    v->number = number;
    return true;
}

_Static_assert(OPTION_TEXT_MAX == 1024, "the sentence names it");

static bool assign_text(
    const struct option *o, struct value *v, const char *text, const struct config_origin *from, struct err *e)
{
    char ruled[OPTION_TEXT_MAX + 1], resolved[OPTION_TEXT_MAX + 1];
    struct err problem;
    const char *garbage = unprintable(text);
    if (garbage)
        return refuse_state(o, from, e, garbage);
    if (!text_fits(o, text))
        return refuse_value(o, text, from, e);
    if (strlen(text) > OPTION_TEXT_MAX)
        return refuse_text(o, text, from, "an entry is longer than 1024 bytes", e);
    if (*text && !config_rule((enum option_id)(o - options), text, ruled, &problem))
        return refuse_text(o, text, from, problem.text, e);
    if (!resolve(o, *text ? ruled : "", resolved))
        return refuse_state(o, from, e,
            "names a credential (%d/NAME), but there is no CREDENTIALS_DIRECTORY: pass it with "
            "LoadCredential=NAME:FILE "
            "in the service's unit, or name the file itself");
    bool first = make_way(v, from);
    if (o->type == OPTION_TEXT) {
        if (!first && from->source == CONFIG_FILE)
            return refuse_state(o, from, e, "was given before in this file");
        value_clear(v);
    }
    if (!*text)
        return true;
    if (o->type == OPTION_LIST && v->n == o->most)
        return refuse_value(o, text, from, e);
    return value_append(v, resolved) || refuse_state(o, from, e, "found no memory");
}

bool config_judges(const struct config *c, const struct option *o)
{
    return !c->to_ask || o == &options[OPTION_SERVER_LISTEN];
}

/* The daemon may have been started with another value since, so nothing is asked of this one. */
static bool assign_unjudged(
    const struct option *o, struct value *v, const char *text, const struct config_origin *from, struct err *e)
{
    if (o != &options[OPTION_TLS_CERTIFICATE])
        return true;
    make_way(v, from);
    value_clear(v);
    return !*text || value_append(v, text) || refuse_state(o, from, e, "found no memory");
}

bool config_assign(
    struct config *c, const struct option *o, const char *value, const struct config_origin *from, struct err *e)
{
    struct value *v = &c->values[o - options];
    if (v->source > from->source)
        return true;
    if (!config_judges(c, o))
        return assign_unjudged(o, v, value, from, e);
    if (c->to_ask && v->source == from->source && v->n > 0)
        return true;
    if (o->type == OPTION_TEXT || o->type == OPTION_LIST)
        return assign_text(o, v, value, from, e);
    return assign_number(o, v, value, from, e);
}

unsigned long long config_number(const struct config *c, enum option_id id)
{
    assert(options[id].type != OPTION_TEXT && options[id].type != OPTION_LIST);
    return value_of(c, id)->number;
}

const char *config_text(const struct config *c, enum option_id id)
{
    assert(options[id].type == OPTION_TEXT);
    const struct value *v = value_of(c, id);
    return v->n ? v->items[0] : "";
}

const char *const *config_list(const struct config *c, enum option_id id, size_t *n)
{
    assert(options[id].type == OPTION_LIST);
    const struct value *v = value_of(c, id);
    *n = v->n;
    return (const char *const *)v->items;
}

enum config_source config_source_of(const struct config *c, enum option_id id)
{
    return value_of(c, id)->source;
}

bool config_equal(const struct config *a, const struct config *b, enum option_id id)
{
    const struct value *x = value_of(a, id), *y = value_of(b, id);
    if (x->number != y->number || x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (strcmp(x->items[i], y->items[i]) != 0)
            return false;
    return true;
}

bool config_changed(const struct config *c, enum option_id id)
{
    const struct option *o = &options[id];
    const struct value *v = value_of(c, id);
    if (o->type == OPTION_TEXT || o->type == OPTION_LIST)
        return *o->def ? v->n != 1 || strcmp(v->items[0], o->def) != 0 : v->n != 0;
    unsigned long long def;
    return !option_parse(o, o->def, &def) || def != v->number;
}

static void print_option(const struct config *c, size_t i, struct buf *out)
{
    const struct option *o = &options[i];
    const struct value *v = &c->values[i];
    if (o->type != OPTION_TEXT && o->type != OPTION_LIST) {
        buf_printf(out, "%s = ", o->key);
        option_format(o, v->number, out);
        buf_byte(out, '\n');
    } else if (v->n == 0) {
        buf_printf(out, "%s =\n", o->key);
    } else {
        for (size_t k = 0; k < v->n; k++)
            buf_printf(out, "%s = %s\n", o->key, o->flags & OPTION_SECRET ? "********" : v->items[k]);
    }
}

void config_print(const struct config *c, struct buf *out)
{
    const char *section = "";
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(section, options[i].section) != 0) {
            buf_printf(out, "%s[%s]\n", *section ? "\n" : "", options[i].section);
            section = options[i].section;
        }
        print_option(c, i, out);
    }
}
