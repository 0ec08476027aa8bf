/* SPDX-License-Identifier: MIT
 *
 * Envelopes of ours: what all have in common, and those that are sent once and kept by nobody. Plain peers get none of
 * the latter, since their applications would show them as messages.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/people/say.h"
#include "peer/core/people/seal.h"
#include "protocol/write.h"

/* By the clock; but of what a reader judges by its age ([M-57], [F-8]) each is newer than the last, whatever the clock
 * does. */
static uint64_t timestamp(struct peer *p, enum envelope_type type)
{
    bool judged = type == ENVELOPE_CONNECTION_REQUEST || type == ENVELOPE_PEER_INTRODUCTION;
    uint64_t *stamp = type == ENVELOPE_FILE_CHUNK ? &p->frame_stamp : &p->stamp;
    if (!judged && type != ENVELOPE_FILE_CHUNK)
        return p->unix_ms ? p->unix_ms : 1;
    *stamp = p->unix_ms > *stamp ? p->unix_ms : *stamp + 1;
    return *stamp;
}

void say_begin(struct peer *p, struct envelope *e, char *id)
{
    assert(id && e->type != ENVELOPE_UNKNOWN);
    id_random(&p->rng, id);
    e->id = span_of(id);
    e->from = span_of(p->id);
    e->timestamp = timestamp(p, e->type);
}

bool say_sign(const struct peer *p, struct envelope *e, struct buf *out)
{
    assert(e->id.n > 0 && e->from.n > 0 && e->timestamp > 0);
    return envelope_write_signed(e, p->crypto.sign, p->crypto.ctx, out);
}

bool say_envelope(struct peer *p, struct envelope *e, char *id, struct buf *out)
{
    say_begin(p, e, id);
    return say_sign(p, e, out);
}

bool say_sealed(struct peer *p, const struct person *who, struct envelope *e, struct buf *out)
{
    assert(!span_is(span_of(who->id), p->id));
    char id[ID_CHARS + 1];
    struct span to = person_id(who);
    struct seal_reader reader = {to, who->box};
    struct sealed sealed;
    struct span us = span_of(p->id);
    if (!who->keyed)
        return false;
    e->to = &to;
    e->to_count = 1;
    e->route = &us;
    e->route_count = 1;
    say_begin(p, e, id);
    bool ok = seal_envelope(&p->crypto, &p->rng, e, &reader, 1, &sealed);
    if (ok) {
        ok = say_sign(p, e, out);
        sealed_done(&sealed);
    }
    return ok;
}

const char *say_too_large(struct span text)
{
    struct buf json;
    if (text.n > PEER_TEXT_MAX)
        return "a text has at most 65536 bytes";
    buf_init(&json, TEXT_JSON_MAX);
    write_string(&json, text);
    bool fits = !json.failed;
    buf_done(&json);
    return fits ? NULL
                : "a text has at most 131072 bytes as JSON, where most control characters are 6: it has too many";
}
