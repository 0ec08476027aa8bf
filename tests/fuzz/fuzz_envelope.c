/* SPDX-License-Identifier: MIT
 *
 * The peer envelope from hostile bytes. Whatever is parsed can be written, and what was written is parsed to the same
 * again: both as a relay writes (over the tree that came) and as a sender does (from the members alone). The canonical
 * form of a canonical form is itself, and changing what may change on the way leaves the signed bytes alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol/body.h"
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

/* A copy made of the text is the one that is made of the parsed envelope. */
static void check_copy(const struct envelope *e, struct span text)
{
    struct buf copy = room(), other = room();
    struct envelope one = *e;
    struct span us = SPAN("us"), reader = e->key_count > 0 ? e->keys[0].who : SPAN("nobody");
    one.retry_count = 2;
    one.route = &us;
    one.route_count = 1;
    one.key_count = e->key_count > 0;
    bool made = envelope_copy_for(text, reader, 2, us, &copy);
    must(!made || e->sequence > 0, "a copy of what has no number");
    if (made && envelope_write(&one, &other))
        must(span_eq(buf_view(&copy), buf_view(&other)), "a copy is another message");
    buf_done(&copy);
    buf_done(&other);
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

/* Whatever its type, each reader takes it; and what it read of a request can be written and read to the same again. */
static void check_bodies(const struct envelope *e)
{
    union {
        struct body_heartbeat heartbeat;
        struct body_introduction introduction;
        struct body_claim claim;
        struct body_presence presence;
        struct body_reply reply;
        struct body_card card;
        struct span ids[ENVELOPE_OF_MAX];
        struct envelope_tick ticks[8];
    } u;
    struct body_request request, again;
    size_t n;
    struct buf out = room();
    body_read_heartbeat(e, &u.heartbeat);
    body_read_introduction(e, &u.introduction);
    body_read_claim(e, &u.claim);
    body_read_reply(e, &u.reply);
    body_read_ids(e, u.ids);
    body_read_digest(e, u.ticks, 8);
    body_read_presence(e, &u.presence);
    body_read_card(u.presence.card, &u.card);
    body_read_signal(e, SPAN("a"), &out);
    free(body_read_announcements(e, &n));
    buf_reset(&out);
    body_read_request(e, &request);
    if (request.missing_count + request.expired_count > 0 && body_write_request(&out, &request)) {
        const char *begin = "{\"type\":\"x\",\"content\":{\"metadata\":", *end = "},\"id\":\"1\"}";
        struct buf message = room();
        struct envelope arrived;
        buf_text(&message, begin);
        buf_span(&message, buf_view(&out));
        buf_text(&message, end);
        if (envelope_parse(buf_view(&message), &arrived, NULL)) {
            body_read_request(&arrived, &again);
            must(again.missing_count == request.missing_count && again.expired_count == request.expired_count,
                "stretches are lost");
            envelope_done(&arrived);
        }
        buf_done(&message);
    }
    buf_done(&out);
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
    check_bodies(&e);
    struct buf out = room();
    if (envelope_write(&e, &out)) {
        check_fixed(buf_view(&out));
        check_relayed(&e);
        struct envelope sender = e;
        sender.owned = NULL;
        buf_reset(&out);
        must(envelope_write(&sender, &out), "the members alone cannot be written");
        check_fixed(buf_view(&out));
        check_copy(&sender, buf_view(&out));
    }
    envelope_done(&e);
    buf_done(&out);
    return 0;
}
