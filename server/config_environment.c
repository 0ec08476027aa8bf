/* SPDX-License-Identifier: MIT
 *
 * Settings from the environment: USHERD_SECTION_KEY. Others put variables with our prefix there as well. For each
 * Service of the namespace Kubernetes gives each container (kubelet's envvars.go; NAME is the Service's, in capitals
 * and with _ for -)
 *
 *     NAME_SERVICE_HOST, NAME_SERVICE_PORT, NAME_SERVICE_PORT_<port's name>
 *     NAME_PORT=tcp://10.0.0.1:80, NAME_PORT_80_TCP=tcp://10.0.0.1:80, NAME_PORT_80_TCP_PROTO, _PORT and _ADDR
 *
 * and Docker for each --link (NAME is its alias) the second line, with _START and _END of several ports, and
 *
 *     NAME_NAME=/this/other, NAME_ENV_<variable of the other container>
 *
 * So a Service called usherd-server makes USHERD_SERVER_SERVICE_HOST. These are skipped. But USHERD_SERVER_PORT=4000 is
 * not among them, since that value is no address: whoever wrote it means a setting, and hears that there is none.
 */
#include "server/config.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

static const char PREFIX[] = "USHERD_";
enum {
    PREFIX_BYTES = sizeof PREFIX - 1,
    NAME_MAX_BYTES = 128,
    KEY_TEXT_MAX = 64
};

/* Names with our prefix that are read elsewhere. */
static const char *const OURS[] = {"USHERD_CONFIG"};

enum variable_kind {
    VARIABLE_OPTION,   /* sets an option */
    VARIABLE_OURS,     /* read elsewhere */
    VARIABLE_PLATFORM, /* made by Kubernetes or Docker */
    VARIABLE_MISSPELT, /* looks like an option and is none */
    VARIABLE_FOREIGN,  /* what it is for is not known */
};

struct variable {
    char name[NAME_MAX_BYTES];
    const char *value; /* borrowed */
    enum variable_kind kind;
    const struct option *option; /* what it sets, or what may be meant; NULL: none */
};

/* ---- the platform's ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

static bool is_word(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return n > 0 && text[n] == '\0';
}

static bool is_among(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

/* What stands behind `_PORT_`: a number, a protocol, and nothing or one of a few words. */
static bool is_port_variable(const char *text)
{
    static const char *const PROTOCOLS[] = {"TCP", "UDP", "SCTP"};
    static const char *const WORDS[] = {"", "_PROTO", "_PORT", "_ADDR", "_START", "_END", "_PORT_START", "_PORT_END"};
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '_')
        return false;
    text += digits + 1;
    for (size_t i = 0; i < sizeof PROTOCOLS / sizeof *PROTOCOLS; i++) {
        size_t n = strlen(PROTOCOLS[i]);
        if (strncmp(text, PROTOCOLS[i], n) == 0 && is_among(text + n, WORDS, sizeof WORDS / sizeof *WORDS))
            return true;
    }
    return false;
}

/* Whether `mark` stands somewhere in the name and what is behind it passes. */
static bool has_behind(const char *name, const char *mark, bool (*passes)(const char *text))
{
    for (const char *at = name; (at = strstr(at, mark)); at++)
        if (passes(at + strlen(mark)))
            return true;
    return false;
}

static bool is_platforms(const char *name, const char *value)
{
    if (ends_with(name, "_SERVICE_HOST") || ends_with(name, "_SERVICE_PORT"))
        return true;
    if (ends_with(name, "_PORT") && strstr(value, "://"))
        return true;
    if (ends_with(name, "_NAME") && *value == '/')
        return true;
    return has_behind(name, "_SERVICE_PORT_", is_word) || has_behind(name, "_PORT_", is_port_variable) ||
           has_behind(name, "_ENV_", is_word);
}

/* ---- what a variable is ---- */

static const struct option *find_option(const char *key)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        size_t n = strlen(options[i].section);
        if (strncasecmp(key, options[i].section, n) == 0 && key[n] == '_' &&
            strcasecmp(key + n + 1, options[i].key) == 0)
            return &options[i];
    }
    return NULL;
}

static bool in_our_section(const char *key)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        size_t n = strlen(options[i].section);
        if (strncasecmp(key, options[i].section, n) == 0 && key[n] == '_')
            return true;
    }
    return false;
}

/* False if it is not for us: another prefix, or no `=`. */
static bool read_variable(const char *text, struct variable *v)
{
    size_t n = strcspn(text, "=");
    if (strncmp(text, PREFIX, PREFIX_BYTES) != 0 || text[n] != '=')
        return false;
    snprintf(v->name, sizeof v->name, "%.*s", (int)(n < sizeof v->name ? n : sizeof v->name - 1), text);
    v->value = text + n + 1;
    const char *key = v->name + PREFIX_BYTES;
    v->option = n < sizeof v->name ? find_option(key) : NULL;
    v->kind = VARIABLE_OPTION;
    if (v->option)
        return true;
    char lower[KEY_TEXT_MAX];
    snprintf(lower, sizeof lower, "%s", key);
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    v->option = option_suggest(lower, '_');
    if (is_among(v->name, OURS, sizeof OURS / sizeof *OURS))
        v->kind = VARIABLE_OURS;
    else if (is_platforms(v->name, v->value))
        v->kind = VARIABLE_PLATFORM;
    else
        v->kind = in_our_section(key) || option_near(lower, '_') ? VARIABLE_MISSPELT : VARIABLE_FOREIGN;
    return true;
}

/* "USHERD_LIMITS_MAX_ROOMS". */
static void write_name(const struct option *o, char out[NAME_MAX_BYTES])
{
    snprintf(out, NAME_MAX_BYTES, "%s%s_%s", PREFIX, o->section, o->key);
    for (char *c = out; *c; c++)
        *c = (char)toupper((unsigned char)*c);
}

static bool refuse_misspelt(const struct variable *v, struct err *e)
{
    char meant[NAME_MAX_BYTES];
    if (!v->option)
        return err_set(e, "%s: there is no such option: see usherd.conf(5)", v->name);
    write_name(v->option, meant);
    return err_set(e, "%s: there is no such option: did you mean %s?", v->name, meant);
}

/* ---- taking it ---- */

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

bool config_load_environment(struct config *c, char *const *environment, struct err *e)
{
    for (; *environment; environment++) {
        struct variable v;
        if (!read_variable(*environment, &v))
            continue;
        if (v.kind == VARIABLE_MISSPELT && !config_is_to_ask(c))
            return refuse_misspelt(&v, e);
        if (v.kind != VARIABLE_OPTION)
            continue;
        const struct config_origin from = {.source = CONFIG_ENVIRONMENT, .name = v.name};
        bool taken = v.option->type == OPTION_LIST && config_judges(c, v.option)
                         ? assign_entries(c, v.option, v.value, &from, e)
                         : config_assign(c, v.option, v.value, &from, e);
        if (!taken)
            return false;
    }
    return true;
}

void config_remark_environment(char *const *environment, config_say *say, void *ctx)
{
    for (; *environment; environment++) {
        struct variable v;
        struct log_record r;
        char meant[NAME_MAX_BYTES];
        if (!read_variable(*environment, &v))
            continue;
        if (v.kind == VARIABLE_PLATFORM)
            log_record_init(&r, LOG_LEVEL_DEBUG, "variable-skipped", "this variable is the platform's, not a setting");
        else if (v.kind == VARIABLE_FOREIGN)
            log_record_init(&r, v.option ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE, "variable-unknown",
                "this variable begins like a setting, but no option has its name");
        else
            continue;
        log_record_add(&r, "variable", span_of(v.name));
        if (v.kind == VARIABLE_FOREIGN && v.option) {
            write_name(v.option, meant);
            log_record_add(&r, "meant", span_of(meant));
        }
        say(ctx, &r);
    }
}
