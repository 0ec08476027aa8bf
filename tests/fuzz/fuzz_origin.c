/* SPDX-License-Identifier: MIT
 *
 * Any bytes as an origin, and as a STUN or TURN URL: what is taken is in its one form, which is taken again unchanged and
 * holds nothing but harmless characters; what is refused says why. An origin is let in by its own entry and by `*`, and
 * by no other.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/adapters/ice_url.h"
#include "server/io/origins.h"

enum {
    TEXT_MAX = 1024
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The origins module logs through it; nothing is logged here. */
void logger_write(const struct logger *l, const struct log_record *r)
{
    (void)l;
    (void)r;
    abort();
}

static void check_form(const char *out, const char *again, size_t max)
{
    size_t n = strlen(out);
    if (n == 0 || n > max || strcmp(out, again) != 0)
        abort();
    for (size_t i = 0; i < n; i++)
        if (out[i] <= 0x20 || out[i] >= 0x7f || strchr("\"\\,@ABCDEFGHIJKLMNOPQRSTUVWXYZ", out[i]))
            abort();
}

static void try_origin(const char *text, struct span whole)
{
    char out[ORIGIN_MAX + 1], again[ORIGIN_MAX + 1];
    struct err e = {.text = ""};
    static const char *const ANY[] = {"*"}, *const OTHER[] = {"https://app.example", "null", "http://[::1]:81"};
    if (!origins_allow(ANY, 1, whole) || origins_allow(NULL, 0, whole))
        abort();
    bool taken = origins_normalise(text, out, &e);
    if (!taken && (!*e.text || origins_allow(OTHER, 3, whole)))
        abort();
    if (!taken)
        return;
    if (!origins_normalise(out, again, &e))
        abort();
    check_form(out, again, ORIGIN_MAX);
    const char *const own[] = {out};
    struct span header = url_trim(span_of(text)); /* as HTTP has it (RFC 9110 section 5.5) */
    if (!origins_allow(own, 1, header) || (strlen(text) < whole.n && *out != '*' && origins_allow(own, 1, whole)))
        abort();
    for (size_t i = 0; i < 3; i++)
        if (origins_allow(OTHER + i, 1, header) != (strcmp(out, OTHER[i]) == 0))
            abort();
}

static void try_url(enum ice_url_kind kind, const char *text)
{
    char out[ICE_URL_MAX + 1], again[ICE_URL_MAX + 1];
    struct err e = {.text = ""};
    if (!ice_url_normalise(kind, text, out, &e)) {
        if (!*e.text)
            abort();
        return;
    }
    if (!ice_url_normalise(kind, out, again, &e))
        abort();
    check_form(out, again, ICE_URL_MAX);
    if (kind == ICE_URL_STUN && (ice_url_is_dtls(out) || strchr(out, '?')))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX + 1];
    size_t n = size < TEXT_MAX ? size : TEXT_MAX;
    memcpy(text, data, n);
    text[n] = '\0';
    struct span whole = {text, n};
    try_origin(text, whole);
    try_url(ICE_URL_STUN, text);
    try_url(ICE_URL_TURN, text);
    return 0;
}
