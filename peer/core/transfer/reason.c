/* SPDX-License-Identifier: MIT */
#include "peer/core/transfer/reason.h"

#include <stddef.h>

struct reason {
    const char *code, *sentence;
};

static const struct reason READERS[] = {
    {"declined", "declined, or ended, on the other side"},
    {"cancelled", "cancelled on the other side, which may still take it up again"},
    {"disk-full", "there is no room for it on the other side: when there is, the same command goes on"},
    {"failed", "it could not be written on the other side, where it is said why"},
    {"stalled", "the other side got nothing of it for a minute, and waits no more: send it again"},
    {"too-large", "it is larger than the other side takes, 256 GiB"},
    {"too-many-offers", "more files are offered than the other side takes at once: send a folder"},
    {"wrong-data", "what came of it on the other side is not what was offered: send it again"},
    {"wrong-hashes", "the hashes of its blocks do not agree with what was offered, says the other side: send it again"},
    {"bad-folder", "what came on the other side is not the folder that was offered: send it again"},
    {"bad-id", "the other side refuses the offer: the file's id must be 1 to 64 of A-Z a-z 0-9 . _ : -"},
    {"bad-name", "the other side refuses its name: it must be 1 to 255 bytes of UTF-8 without NUL"},
    {"bad-size", "the other side refuses its size: it must be an integer from 0 to 274877906944 (256 GiB)"},
    {"bad-hash", "the other side refuses its hash: it must be 32 bytes in base64"},
    {"bad-chunk-size", "the other side refuses its chunk size: it must be 1 to 65536"},
    {"bad-kind", "the other side refuses its kind: it must be a text of at most 255 bytes"},
    {"bad-paused", "the other side refuses the offer: `paused` must be an integer from 0 up"},
    {"bad-offer", "the other side refuses the offer: it is not as it must be"},
    {"offered-again", "it was offered once more, and goes on under the new offer"},
    {NULL, "the other side does not take it, and gives no reason that is known here"},
};

static const struct reason SENDERS[] = {
    {"ended", "its sender has ended the offer"},
    {"cancelled", "its sender has cancelled it"},
    {"not-offered", "its sender knows of no such offer any more: ask for it again"},
    {"file-changed", "it was changed at its sender while it was sent: what came of it is of no use; ask for it again"},
    {NULL, "its sender has ended the offer"},
};

static struct span find(const struct reason *r, struct span reason)
{
    while (r->code && !span_is(reason, r->code))
        r++;
    return span_of(r->sentence);
}

struct span reason_of_reader(struct span reason)
{
    return find(READERS, reason.n ? reason : SPAN("declined"));
}

bool reason_may_return(struct span reason)
{
    static const char *const MAY[] = {"cancelled", "disk-full", "failed", "stalled"};
    size_t i = 0;
    while (i < sizeof MAY / sizeof *MAY && !span_is(reason, MAY[i]))
        i++;
    return i < sizeof MAY / sizeof *MAY;
}

struct span reason_of_sender(struct span reason)
{
    return find(SENDERS, reason);
}
