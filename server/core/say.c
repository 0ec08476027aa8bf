/* SPDX-License-Identifier: MIT
 *
 * The normal path: a frame is made once and every reader's effect holds a reference. When memory runs out, something
 * for a connection is lost: a frame, a pause, a close. No connection may go on with a hole in what it was told (it
 * would see ghosts, or wait for ever), so it is condemned: put on the list of those that are owed a close, which is
 * paid at the start of a later step, when there is memory. Making room beforehand was rejected: how much a step needs
 * is known only after it.
 */
#include "server/core/say.h"

#include <assert.h>

#include "server/core/alive.h"
#include "server/core/effects.h"
#include "server/core/member.h"
#include "server/core/notice.h"
#include "server/core/remote.h"

enum {
    TEXT_KEPT = 64 * 1024
};

struct span say_peer_id(const struct core *c, const struct member *m, char space[PEER_ID_MAX])
{
    return m->place == PLACE_NODE ? remote_id(m, space) : say_own_id(c, m, space);
}

struct span say_own_id(const struct core *c, const struct member *m, char space[PEER_ID_MAX])
{
    memcpy(space, c->prefix, c->prefix_n);
    memcpy(space + c->prefix_n, m->id, ID_CHARS);
    return (struct span){space, (size_t)c->prefix_n + ID_CHARS};
}

struct buf *say_text(struct core *c)
{
    buf_reset(&c->text);
    return &c->text;
}

/* A large buffer is given back after its reply. */
static struct frame *done(struct core *c, struct frame *frame)
{
    if (c->text.cap > TEXT_KEPT)
        buf_done(&c->text);
    return frame;
}

struct frame *say_body(struct core *c)
{
    struct frame *body = c->text.failed ? NULL : frame_raw(c->text.len);
    if (body)
        memcpy(frame_payload(body), c->text.p, c->text.len);
    return done(c, body);
}

const struct dialect *say_dialect(const struct core *c, uint8_t dialect)
{
    assert(dialect < c->dialects_n);
    return c->dialects[dialect];
}

bool say_has_words(const struct core *c, uint8_t dialect, enum reply_type type)
{
    return say_dialect(c, dialect)->replies & dialect_bit(type);
}

struct frame *say_frame(struct core *c, uint8_t dialect, const struct reply *r)
{
    const struct dialect *d = say_dialect(c, dialect);
    struct buf *text = say_text(c);
    if (!say_has_words(c, dialect, r->type))
        return frame_raw(0);
    d->write(text, r);
    assert(text->len > 0 || text->failed);
    struct frame *frame = done(c, text->failed ? NULL : d->frame(buf_view(text)));
    if (frame && (r->type == REPLY_PEERS || r->type == REPLY_RESUMED))
        frame->unlimited = true;
    return frame;
}

static void condemn(struct core *c, struct session *s)
{
    if (s->watch == WATCH_OWED)
        return;
    notice_session(c, NOTICE_MEMORY, "a message was lost", s);
    alive_watch(c, s, WATCH_OWED);
}

static bool emit(struct core *c, struct session *s, const struct core_effect *e)
{
    if (effects_add(c->fx, e))
        return true;
    condemn(c, s);
    return false;
}

bool say_send(struct core *c, struct session *s, struct frame *frame)
{
    if (!frame) {
        condemn(c, s);
        return false;
    }
    c->stats.frames_out++;
    c->stats.bytes_out += frame_text(frame).n;
    return emit(c, s, &(struct core_effect){.type = CORE_SEND, .conn = s->conn, .frame = frame});
}

void say_reply(struct core *c, struct session *s, struct frame *frame)
{
    if (frame && say_is_nothing(frame))
        frame_unref(frame);
    else
        say_send(c, s, frame);
}

void say(struct core *c, struct session *s, const struct reply *r)
{
    say_reply(c, s, say_frame(c, s->dialect, r));
}

void say_unprepare(struct said *said)
{
    for (unsigned i = 0; i < DIALECTS_MAX; i++)
        frame_unref(said->in[i]);
    *said = (struct said){{NULL}};
}

bool say_prepare(struct core *c, const struct room *room, const struct reply *r, struct said *said)
{
    *said = (struct said){{NULL}};
    for (const struct member *m = room ? room->members : NULL; m; m = m->next) {
        struct frame **frame = &said->in[m->dialect];
        if (!member_is_here(m) || *frame || (*frame = say_frame(c, m->dialect, r)))
            continue;
        say_unprepare(said);
        return false;
    }
    return true;
}

void say_shared(struct core *c, struct session *s, const struct reply *r, struct said *said)
{
    struct frame **frame = &said->in[s->dialect];
    if (!*frame)
        *frame = say_frame(c, s->dialect, r);
    say_reply(c, s, *frame ? frame_ref(*frame) : NULL);
}

void say_prepared(struct core *c, const struct room *room, struct said *said)
{
    for (const struct member *m = room->members; m; m = m->next)
        if (member_is_here(m))
            say_reply(c, m->session, frame_ref(said->in[m->dialect]));
    say_unprepare(said);
}

void say_to_room(struct core *c, const struct room *room, const struct member *except, const struct reply *r)
{
    assert(!except || except->room == room);
    struct said said = {{NULL}};
    for (const struct member *m = room->members; m; m = m->next)
        if (m != except && member_is_here(m))
            say_shared(c, m->session, r, &said);
    say_unprepare(&said);
}

void say_error(struct core *c, struct session *s, const struct reply_error *e)
{
    assert(e->error != ERROR_NONE && e->error < ERRORS);
    c->stats.errors[e->error]++;
    say(c, s, &(struct reply){.type = REPLY_ERROR, .error = *e});
}

void say_ref_done(struct core *c, struct session *s, struct span ref)
{
    if (say_has_words(c, s->dialect, REPLY_DONE))
        say(c, s, &(struct reply){.type = REPLY_DONE, .ref = ref});
}

bool say_close(struct core *c, struct session *s, uint16_t code, const char *reason)
{
    assert(strnlen(reason, CLOSE_REASON_MAX + 1) <= CLOSE_REASON_MAX);
    return emit(c, s, &(struct core_effect){.type = CORE_CLOSE, .conn = s->conn, .close = {reason, code}});
}

bool say_ping(struct core *c, struct session *s, uint32_t number)
{
    assert(number != 0);
    const struct dialect *d = say_dialect(c, s->dialect);
    s->ping = number;
    if (d->ask_alive) {
        d->ask_alive(say_text(c), number);
        return say_send(c, s, done(c, c->text.failed ? NULL : d->frame(buf_view(&c->text))));
    }
    return emit(c, s, &(struct core_effect){.type = CORE_PING, .conn = s->conn, .ping = number});
}

bool say_pause(struct core *c, struct session *s)
{
    return emit(c, s, &(struct core_effect){.type = CORE_PAUSE, .conn = s->conn});
}

bool say_resume(struct core *c, struct session *s)
{
    return emit(c, s, &(struct core_effect){.type = CORE_RESUME, .conn = s->conn});
}

void say_refusal(struct core *c, struct conn_id conn, enum error e)
{
    /* Lost only if the very first effect of all finds no memory: io's own time for the handshake ends it then. */
    effects_add(
        c->fx, &(struct core_effect){.type = CORE_CLOSE, .conn = conn, .close = {error_code(e), error_close_code(e)}});
}
