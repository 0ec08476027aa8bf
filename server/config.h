/* SPDX-License-Identifier: MIT
 *
 * The daemon's settings: the table's defaults, overlaid by a file, the environment and flags, in that order whatever
 * the order of calls. Everything is checked when it is set; config_check looks at what only shows when all is there.
 * A reload makes a new object, checks it and swaps it in whole.
 */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "server/options.h"

struct config;

enum config_source {
    CONFIG_DEFAULT,
    CONFIG_FILE,
    CONFIG_ENVIRONMENT,
    CONFIG_FLAG
};

/* The defaults. NULL when out of memory. */
struct config *config_new(void);
/* The same for who only asks a daemon that runs. What is read into it is the first address of server.listen, and whether
 * tls.certificate is set; anything else, be it right or wrong, is passed over. */
struct config *config_new_to_ask(void);
bool config_is_to_ask(const struct config *c);
/* Takes NULL. */
void config_free(struct config *c);

/* Each returns false with the sentence in e: where, which option, what was found, what is allowed. */
bool config_load_file(struct config *c, const char *path, struct err *e);
/* USHERD_SECTION_KEY=value; lists with commas. What looks like a misspelt option is refused; variables that container
 * platforms make of the names of their services are skipped. */
bool config_load_environment(struct config *c, char *const *environment, struct err *e);
/* `section.key=value`, as --set takes it. A list grows with each call. */
bool config_set(struct config *c, const char *assignment, struct err *e);
/* Refuses what can be seen only when all settings are there, and folders that are not. Holds for one setting alone as
 * well. */
bool config_check(const struct config *c, struct err *e);
/* Refuses to run with settings that lack others. */
bool config_acts(const struct config *c, struct err *e);

/* Settings that are allowed and hardly meant, each as a record to be logged. */
typedef void config_say(void *ctx, const struct log_record *r);
void config_remark(const struct config *c, config_say *say, void *ctx);
/* Likewise variables that begin like ours and set nothing; those of a container platform with LOG_LEVEL_DEBUG. */
void config_remark_environment(char *const *environment, config_say *say, void *ctx);

/* Typed readers: OPTION_BOOL, _INTEGER, _SIZE (bytes), _DURATION (ms) and _ENUM (index of the choice). */
unsigned long long config_number(const struct config *c, enum option_id id);
/* Borrowed; "" when empty. */
const char *config_text(const struct config *c, enum option_id id);
/* Borrowed; n entries. */
const char *const *config_list(const struct config *c, enum option_id id, size_t *n);
/* Whether somebody set it to something else than its default. */
bool config_changed(const struct config *c, enum option_id id);
/* Where the value comes from. */
enum config_source config_source_of(const struct config *c, enum option_id id);
bool config_equal(const struct config *a, const struct config *b, enum option_id id);

/* Appends an inih file of the effective settings; secrets as `********`. */
void config_print(const struct config *c, struct buf *out);

/* ---- for those who read settings: where a value comes from, told in errors ---- */
struct config_origin {
    enum config_source source;
    const char *name; /* the file's path, the variable's name, or "--set" */
    int line;         /* of a file, else 0 */
};
bool config_assign(
    struct config *c, const struct option *o, const char *value, const struct config_origin *from, struct err *e);
/* Whether it matters what stands there; else config_assign passes over it, or takes it as it is. */
bool config_judges(const struct config *c, const struct option *o);
/* NULL if there is none. */
const struct option *option_find(const char *section, const char *key);

/* The option that was probably meant by `section.key`, or by `section_key` with that separator: one that a slip of the
 * finger away is near; else one of another section, or of a shorter or longer name. NULL if there is none. */
const struct option *option_near(const char *name, char separator);
const struct option *option_suggest(const char *name, char separator);
/* Static; NULL if no section is near. */
const char *option_suggest_section(const char *section);

/* ---- what a value must be beyond its type (config_rules.c) ---- */
/* Brings a text, or an entry of a list, into the form that counts; false with a sentence that does not repeat the value. */
bool config_rule(enum option_id id, const char *text, char out[OPTION_TEXT_MAX + 1], struct err *problem);

/* ---- values as text (config_value.c) ---- */
/* Parses a number of type bool, integer, size, duration or enum, without its bounds. */
bool option_parse(const struct option *o, const char *text, unsigned long long *number);
/* Appends the number as a person would write it. */
void option_format(const struct option *o, unsigned long long number, struct buf *out);
/* Appends what is allowed: "a duration from 0s to 24h". */
void option_allowed(const struct option *o, struct buf *out);

#endif
