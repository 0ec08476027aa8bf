/* SPDX-License-Identifier: MIT */
#include "server/announce.h"

static void say_option(
    enum option_id id, enum log_level level, const char *event, const char *message, const struct logger *l)
{
    struct log_record r;
    log_record_init(&r, level, event, message);
    log_record_addf(&r, "option", "%s.%s", options[id].section, options[id].key);
    logger_write(l, &r);
}

void announce_record(void *logger, const struct log_record *r)
{
    logger_write(logger, r);
}

void announce_start(const struct config *c, const struct logger *l)
{
    logger_say(l, LOG_LEVEL_NOTICE, "started", "usherd " USHER_VERSION " is ready");
    if (!config_changed(c, OPTION_ICE_STUN) && !config_changed(c, OPTION_ICE_STUN_LISTEN) &&
        !config_changed(c, OPTION_ICE_TURN))
        logger_say(l, LOG_LEVEL_NOTICE, "no-stun",
            "no STUN server is configured (ice.stun, ice.stun_listen): peers on different networks will need one");
    if (!config_number(c, OPTION_AUTH_REQUIRED))
        logger_say(l, LOG_LEVEL_NOTICE, "open",
            "this server is open: whoever reaches it may join rooms without a token (auth.required)");
}

void announce_restart(const struct config *old, const struct config *next, const struct logger *l)
{
    for (enum option_id id = 0; id < OPTION_COUNT; id++)
        if (!(options[id].flags & OPTION_RELOAD) && !config_equal(old, next, id))
            say_option(id, LOG_LEVEL_WARNING, "restart-needed", "this option changes when the daemon is restarted", l);
}

void announce_doubts(const struct config *c, char *const *environment, SSL_CTX *certificate, config_say *say, void *ctx)
{
    config_remark_environment(environment, say, ctx);
    config_remark(c, say, ctx);
    if (certificate)
        tls_remark(certificate, say, ctx);
}
