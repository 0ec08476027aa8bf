/* SPDX-License-Identifier: MIT
 *
 * The first byte is the size of a piece, the rest a receiver's answer, read in such pieces and all at once: both must
 * come to the same. The same bytes as a URL: what is taken apart may be written into a request's head.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/adapters/webhook_url.h"
#include "server/io/webhook_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_webhook: %s\n", what);
        abort();
    }
}

static enum webhook_reading read_in(struct webhook_answer *a, struct span text, size_t piece)
{
    enum webhook_reading reading = WEBHOOK_MORE;
    while (reading == WEBHOOK_MORE && text.n > 0) {
        size_t room, n = piece < text.n ? piece : text.n;
        char *space = webhook_answer_space(a, &room);
        must(room > 0, "no room for more, and more is asked for");
        n = n < room ? n : room;
        memcpy(space, text.p, n);
        reading = webhook_answer_read(a, n);
        must((reading == WEBHOOK_WHOLE) == (a->status >= 200 && a->status <= 599), "a status out of nothing, or none");
        text.p += n;
        text.n -= n;
    }
    return reading;
}

static void check_answer(struct span text, size_t piece)
{
    static struct webhook_answer whole, pieces;
    whole.n = whole.status = pieces.n = pieces.status = 0;
    enum webhook_reading a = read_in(&whole, text, text.n), b = read_in(&pieces, text, piece);
    /* What is no HTTP may show only behind a head that is whole; read at once, the head counts. */
    must(a == b, "pieces are read otherwise");
    must(a != WEBHOOK_WHOLE || (whole.status == pieces.status && whole.retry_after_ms == pieces.retry_after_ms),
        "pieces say something else");
    must(webhook_answer_outcome(whole.status) <= WEBHOOK_TOO_LARGE, "no outcome");
}

static void check_url(struct span text)
{
    struct webhook_url url;
    char *copy = malloc(text.n + 1);
    must(copy != NULL, "out of memory");
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (webhook_url_read(copy, &url, NULL)) {
        must(*url.host && strlen(url.host) <= URL_HOST_MAX && url.port >= 1 && url.port <= URL_PORT_MAX, "no host");
        must(url.target[0] == '/', "a target that is no path");
        for (const char *c = url.target; *c; c++)
            must(*c > ' ' && *c < 0x7f && *c != '#', "a target that ends its line");
        for (const char *c = url.host; *c; c++)
            must(*c > ' ' && *c < 0x7f && !strchr("/?#@", *c), "a host that is none");
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct span rest = {(const char *)data + 1, size - 1};
    check_answer(rest, (size_t)*data + 1);
    check_url(rest);
    return 0;
}
