/* SPDX-License-Identifier: MIT
 *
 * `usherd token`: a token for trying, made with a key that the daemon of the same settings takes. In earnest tokens are
 * made by whatever knows the users; this shows what it has to make. It is signed with the first secret of auth.keys,
 * or with the private key of --key, and goes to standard output alone, so that $(usherd token …) works.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/utf8.h"
#include "protocol/message.h"
#include "server/app.h"

enum {
    TTL_DEFAULT_S = 3600
};

static const char HELP[] =
    "usherd token --room ROOM [--sub S] [--name N] [--ttl T] [--admin] [--key FILE] [--config FILE] [--set ...]\n"
    "\n"
    "    --room ROOM      the room it opens; or what room ids begin with and *; * alone opens all\n"
    "    --sub SUBJECT    whom it is for\n"
    "    --name NAME      how others see whoever uses it\n"
    "    --ttl TIME       how long it is good: a number with s, m or h (default 1h); 0: for ever\n"
    "    --admin          it may close rooms\n"
    "    --key FILE       sign with this key file, which for RS256 and ES256 holds a private key;\n"
    "                     else the first secret of auth.keys signs\n"
    "    --config FILE, --set section.key=value   as of usherd itself\n";

struct order {
    struct launch launch;
    struct claims claims;
    const char *key;
    unsigned long long ttl_ms;
    bool help;
};

static bool take_room(struct order *o, const char *room, struct err *e)
{
    size_t n = strlen(room);
    size_t fixed = n > 0 && room[n - 1] == '*' ? n - 1 : n;
    bool all = n == 1 && fixed == 0;
    if (!all && !room_id_valid((struct span){room, fixed}))
        return err_set(e, "--room expects 1 to %d of A-Z a-z 0-9 _ -, or the first of them and *", ROOM_ID_MAX);
    memcpy(o->claims.room, room, n + 1);
    return true;
}

static bool take_text(char *out, size_t size, const char *flag, const char *text, struct err *e)
{
    size_t n = strlen(text);
    if (n >= size || !utf8_valid(text, n))
        return err_set(e, "%s expects at most %zu bytes of UTF-8", flag, size - 1);
    memcpy(out, text, n + 1);
    return true;
}

static bool take_ttl(struct order *o, const char *text, struct err *e)
{
    return option_parse(&options[OPTION_ICE_TURN_TTL], text, &o->ttl_ms) ||
           err_set(e, "--ttl expects a number with s, m or h, not \"%.40s\"", text);
}

static bool take_set(struct order *o, const char *assignment, struct err *e)
{
    if (o->launch.count == LAUNCH_SETS_MAX)
        return err_set(e, "more than %d of --set", LAUNCH_SETS_MAX);
    o->launch.sets[o->launch.count++] = assignment;
    return true;
}

static bool take_value(struct order *o, const char *flag, const char *value, struct err *e)
{
    if (strcmp(flag, "--room") == 0)
        return take_room(o, value, e);
    if (strcmp(flag, "--sub") == 0)
        return take_text(o->claims.subject, sizeof o->claims.subject, flag, value, e);
    if (strcmp(flag, "--name") == 0 && !*value)
        return err_set(e, "--name is empty: leave it out, or name whom the token is for");
    if (strcmp(flag, "--name") == 0)
        return take_text(o->claims.name, sizeof o->claims.name, flag, value, e);
    if (strcmp(flag, "--ttl") == 0)
        return take_ttl(o, value, e);
    if (strcmp(flag, "--set") == 0)
        return take_set(o, value, e);
    if (strcmp(flag, "--key") == 0)
        o->key = value;
    else if (strcmp(flag, "--config") == 0)
        o->launch.file = value;
    else
        return err_set(e, "\"%.60s\" is not known: see usherd token --help", flag);
    return true;
}

static bool parse(struct order *o, int argc, char **argv, struct err *e)
{
    for (int i = 1; i < argc; i++) {
        bool admin = strcmp(argv[i], "--admin") == 0, help = strcmp(argv[i], "--help") == 0;
        o->claims.admin = o->claims.admin || admin;
        o->help = o->help || help;
        if (admin || help)
            continue;
        if (i + 1 == argc)
            return err_set(e, "\"%.60s\" is not known or lacks its value: see usherd token --help", argv[i]);
        if (!take_value(o, argv[i], argv[i + 1], e))
            return false;
        i++;
    }
    return o->help || *o->claims.room || err_set(e, "expected --room ROOM: see usherd token --help");
}

static bool sign(const struct order *o, const struct token_key *key, struct err *e)
{
    uint64_t now = (uint64_t)time(NULL);
    struct claims claims = o->claims;
    claims.expires = o->ttl_ms ? now + o->ttl_ms / 1000 : UINT64_MAX;
    char *token = token_make(key, &claims, now);
    if (!token)
        return err_set(e, "the token could not be signed");
    bool ok = puts(token) >= 0;
    free(token);
    return ok || err_set(e, "the token could not be written");
}

static bool sign_with_file(const struct order *o, struct err *e)
{
    struct token_key key = {0};
    bool ok = token_key_load(&key, o->key, true, e) && sign(o, &key, e);
    token_key_done(&key);
    return ok;
}

static bool sign_with_settings(const struct order *o, struct err *e)
{
    struct config *config = app_load(&o->launch, e);
    struct token_keys *keys = config ? app_token_keys(config, e) : NULL;
    const struct token_key *secret = keys ? token_keys_secret(keys) : NULL;
    bool ok = keys && (secret || err_set(e, "auth.keys has no key for HS256, HS384 or HS512: name one with --key")) &&
              sign(o, secret, e);
    token_keys_free(keys);
    config_free(config);
    return ok;
}

int token_command(int argc, char **argv)
{
    struct order o = {.ttl_ms = TTL_DEFAULT_S * 1000};
    struct err e;
    int code = EXIT_SUCCESS;
    if (!parse(&o, argc, argv, &e))
        code = EXIT_USAGE;
    else if (o.help)
        return fputs(HELP, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    else if (!(o.key ? sign_with_file(&o, &e) : sign_with_settings(&o, &e)))
        code = EXIT_FAILURE;
    if (code != EXIT_SUCCESS)
        fprintf(stderr, "usherd: %s\n", e.text);
    return code;
}
