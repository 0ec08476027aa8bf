/* SPDX-License-Identifier: MIT
 *
 * One value per row of the option table, each with the place it came from. A stronger place (file < environment <
 * flag) replaces a weaker one whole, lists included; within one place a list grows and a single value may be given
 * once only, because the second of two lines far apart is nearly always a mistake.
 */
#include "server/config.h"

#include <sys/stat.h>
#include <assert.h>
#include <stdlib.h>

#include "protocol/limits.h"
#include "server/io/cidr.h"
#include "server/io/listen_address.h"
#include "server/io/tls.h"

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

static bool refuse_value(const struct option *o, const char *value, const struct config_origin *from, struct err *e)
{
    struct buf text;
    buf_init(&text, sizeof e->text);
    say_where(o, from, &text);
    if (o->flags & OPTION_SECRET)
        buf_text(&text, " is not valid: expected ");
    else
        buf_printf(&text, " = \"%.40s\": expected ", value);
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

static bool text_fits(const struct option *o, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    if (o->type == OPTION_LIST)
        return n <= OPTION_TEXT_MAX;
    return n >= o->least && n <= o->most;
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

static bool assign_text(
    const struct option *o, struct value *v, const char *text, const struct config_origin *from, struct err *e)
{
    char resolved[OPTION_TEXT_MAX + 1];
    if (!text_fits(o, text))
        return refuse_value(o, text, from, e);
    if (!resolve(o, text, resolved))
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

bool config_assign(
    struct config *c, const struct option *o, const char *value, const struct config_origin *from, struct err *e)
{
    struct value *v = &c->values[o - options];
    if (v->source > from->source)
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

static bool node_valid(const char *node)
{
    size_t n = strspn(node, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return n > 0 && n <= NODE_MAX && node[n] == '\0';
}

static bool check_networks(const struct config *c, enum option_id id, struct err *e)
{
    size_t n;
    const char *const *entries = config_list(c, id, &n);
    struct cidr_list list;
    struct err problem;
    return cidr_list_parse(entries, n, &list, &problem) ||
           err_set(e, "%s.%s = %.200s", options[id].section, options[id].key, problem.text);
}

static bool check_tls(const struct config *c, struct err *e)
{
    const char *certificate = config_text(c, OPTION_TLS_CERTIFICATE), *key = config_text(c, OPTION_TLS_KEY);
    if (!*certificate && !*key)
        return true;
    if (!*certificate || !*key)
        return err_set(e, "tls.certificate and tls.key: expected both of them, or neither");
    SSL_CTX *ctx = tls_new(certificate, key, e);
    SSL_CTX_free(ctx);
    return ctx != NULL;
}

static bool check_web_root(const struct config *c, struct err *e)
{
    const char *root = config_text(c, OPTION_SERVER_WEB_ROOT);
    struct stat st;
    return !*root || (stat(root, &st) == 0 && S_ISDIR(st.st_mode)) ||
           err_set(e, "server.web_root = %.160s: expected a folder that is there, or nothing", root);
}

bool config_check(const struct config *c, struct err *e)
{
    if (!node_valid(config_text(c, OPTION_SERVER_NODE)))
        return err_set(e, "server.node = \"%.40s\": expected 1 to %d of A-Z a-z 0-9 _ -",
            config_text(c, OPTION_SERVER_NODE), NODE_MAX);
    if (!check_networks(c, OPTION_SERVER_TRUSTED_PROXIES, e) || !check_networks(c, OPTION_SERVER_METRICS_ALLOW, e) ||
        !check_web_root(c, e))
        return false;
    size_t n;
    const char *const *addresses = config_list(c, OPTION_SERVER_LISTEN, &n);
    for (size_t i = 0; i < n; i++) {
        struct listen_address a;
        struct err problem;
        if (!listen_address_parse(addresses[i], &a, &problem))
            return err_set(e, "server.listen = %.240s", problem.text);
    }
    return n > 0 || err_set(e, "server.listen is empty: expected at least one ADDR:PORT or unix:PATH");
}

bool config_acts(const struct config *c, struct err *e)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (options[i].flags & OPTION_REFUSE && config_changed(c, (enum option_id)i))
            return err_set(e,
                "%s.%s is set, but this version cannot act on it yet: "
                "remove it rather than have the daemon run open",
                options[i].section, options[i].key);
    size_t n;
    if (!check_tls(c, e))
        return false;
    config_list(c, OPTION_AUTH_KEYS, &n);
    if (n == 0 && config_number(c, OPTION_AUTH_REQUIRED))
        return err_set(e, "auth.required is set, but auth.keys is empty: expected at least one key file");
    config_list(c, OPTION_ICE_TURN, &n);
    if (n > 0 && !*config_text(c, OPTION_ICE_TURN_SECRET))
        return err_set(e, "ice.turn is set, but ice.turn_secret is empty: expected the secret of the TURN servers");
    return true;
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
