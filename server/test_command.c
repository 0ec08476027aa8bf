/* SPDX-License-Identifier: MIT
 *
 * `usherd --test-config`: settings that are refused have ended it before; here is said what is allowed and hardly meant,
 * as the daemon would log it when it starts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "server/announce.h"
#include "server/app.h"

static void print_record(void *ctx, const struct log_record *r)
{
    (void)ctx;
    if (r->level > LOG_LEVEL_NOTICE)
        return;
    fprintf(stderr, "usherd: %s: %s", log_level_name(r->level), r->message);
    for (unsigned i = 0; i < r->count; i++)
        fprintf(stderr, "%s%s=%s", i == 0 ? " (" : ", ", r->fields[i].key, r->fields[i].value);
    fprintf(stderr, "%s\n", r->count > 0 ? ")" : "");
}

int test_command(const struct config *config)
{
    const char *certificate = config_text(config, OPTION_TLS_CERTIFICATE);
    struct err e;
    SSL_CTX *tls = *certificate ? tls_new(certificate, config_text(config, OPTION_TLS_KEY), &e) : NULL;
    announce_doubts(config, environ, tls, print_record, NULL);
    if (tls)
        tls_warn(&(struct tls_warned){0}, tls, time(NULL), print_record, NULL);
    SSL_CTX_free(tls);
    return puts("the settings are valid") < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
