/* SPDX-License-Identifier: MIT
 *
 * The peer envelope from hostile bytes. Whatever is parsed can be written, and what was written is parsed to the same
 * again: both as a relay writes (over the tree that came) and as a sender does (from the members alone). The canonical
 * form of a canonical form is itself, and changing what may change on the way leaves the signed bytes alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol/canonical.h"
#include "protocol/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_envelope: %s\n", what);
        abort();
    }
}

static struct buf room(void)
{
    struct buf b;
    buf_init(&b, 2 * PEER_MESSAGE_MAX);
    return b;
}

/* Both directions again from text that was written: nothing may move any more. */
static void check_fixed(struct span text)
{
    struct envelope e;
    struct buf again = room();
    const char *problem;
    must(envelope_parse(text, &e, &problem), "what was written is refused");
    must(envelope_write(&e, &again) && span_eq(text, buf_view(&again)), "writing it again gives another text");
    envelope_done(&e);
    buf_done(&again);
}

static void check_relayed(struct envelope *e)
{
    struct buf before = room(), after = room(), text = room();
    must(envelope_signed_bytes(e, &before), "no signed bytes");
    struct span route = SPAN("a");
    struct envelope relayed = *e;
    relayed.route = &route;
    relayed.route_count = 1;
    relayed.retry_count = 7;
    relayed.key_count = 0;
    if (envelope_write(&relayed, &text)) {
        struct envelope arrived;
        must(envelope_parse(buf_view(&text), &arrived, NULL), "a relayed message is refused");
        must(arrived.route_count == 1 && arrived.retry_count == 7, "the relay's members are lost");
        must(envelope_signed_bytes(&arrived, &after), "no signed bytes at the reader");
        must(span_eq(buf_view(&before), buf_view(&after)), "relaying changed the signed bytes");
        envelope_done(&arrived);
    }
    buf_done(&before);
    buf_done(&after);
    buf_done(&text);
}

static void check_canonical(struct span json)
{
    struct buf once = room(), twice = room();
    if (canonical_text(json, &once)) {
        must(canonical_text(buf_view(&once), &twice), "a canonical form is refused");
        must(span_eq(buf_view(&once), buf_view(&twice)), "the canonical form moves");
    }
    buf_done(&once);
    buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    check_canonical(text);
    struct envelope e;
    const char *problem = NULL;
    if (!envelope_parse(text, &e, &problem)) {
        must(problem != NULL && !e.owned, "a refusal has no sentence, or leaves something behind");
        return 0;
    }
    struct buf out = room();
    if (envelope_write(&e, &out)) {
        check_fixed(buf_view(&out));
        check_relayed(&e);
        struct envelope sender = e;
        sender.owned = NULL;
        buf_reset(&out);
        must(envelope_write(&sender, &out), "the members alone cannot be written");
        check_fixed(buf_view(&out));
    }
    envelope_done(&e);
    buf_done(&out);
    return 0;
}
