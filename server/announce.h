/* SPDX-License-Identifier: MIT
 *
 * What is said of the settings when they come into force. Everything is borrowed for the call.
 */
#ifndef SERVER_ANNOUNCE_H
#define SERVER_ANNOUNCE_H

#include "server/config.h"
#include "server/adapters/logger.h"
#include "server/io/tls.h"

/* A config_say and tls_say that logs; logger is a const struct logger. */
void announce_record(void *logger, const struct log_record *r);
/* The daemon serves: that it does, whom it lets in, and which options have no effect. */
void announce_start(const struct config *c, const struct logger *l);
/* A reload keeps what cannot change while the daemon runs. */
void announce_restart(const struct config *old, const struct config *next, const struct logger *l);
/* What is allowed and hardly meant, in the settings, among the variables and of the certificate (NULL: there is none). */
void announce_doubts(
    const struct config *c, char *const *environment, SSL_CTX *certificate, config_say *say, void *ctx);

#endif
