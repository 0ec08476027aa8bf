/* SPDX-License-Identifier: MIT
 *
 * A plain stranger: somebody's own page that knows offers, answers and candidates and nothing else. It answers a call,
 * or makes one, without a key, a `link`, an introduction or an answer to heartbeats; it says one unsigned message and
 * counts what it is told. It must be reachable, marked unverified, and nobody else's affair.
 */
#include "tests/sim/stories.h"

#include <jansson.h>

#include "protocol/write.h"

struct stranger {
    struct run *r;
    unsigned host;
    struct wire *wire;
    struct rtc_party *party;
    char seat[PEER_ID_MAX + 1], other[PEER_ID_MAX + 1];
    uint64_t rtc; /* the present one; 0: none yet */
    bool calls, offering, open, over;
    unsigned texts; /* of direct and group messages heard */
};

static void say(struct stranger *s, struct buf *b)
{
    buf_byte(b, '}');
    wire_send(s->wire, WIRE_CLIENT, frame_of(buf_view(b)));
    buf_done(b);
}

static struct buf to_other(const struct stranger *s, struct span type)
{
    struct buf b;
    buf_init(&b, FRAME_MAX_DEFAULT);
    buf_byte(&b, '{');
    write_member_string(&b, "type", type);
    write_member_string(&b, "to", span_of(s->other));
    return b;
}

/* ---- its connection ---- */

static void on_description(void *who, uint64_t rtc, struct span type, struct span sdp)
{
    struct stranger *s = who;
    struct buf b = to_other(s, type);
    (void)rtc;
    write_member_string(&b, "sdp", sdp);
    say(s, &b);
}

static void on_candidate(void *who, uint64_t rtc, struct span candidate)
{
    struct stranger *s = who;
    struct buf b = to_other(s, SPAN("ice-candidate"));
    (void)rtc;
    if (candidate.n > 0) {
        write_name(&b, "candidate");
        buf_byte(&b, '{');
        write_member_string(&b, "candidate", candidate);
        buf_text(&b, ",\"sdpMid\":\"0\",\"sdpMLineIndex\":0}");
    } else {
        write_member_raw(&b, "candidate", SPAN("null"));
    }
    say(s, &b);
}

static void on_channel_open(void *who, uint64_t rtc, uint16_t channel, struct span label)
{
    struct stranger *s = who;
    (void)label;
    s->open = true;
    rtc_send(s->party, rtc, channel, false,
        SPAN("{\"id\":\"hello-1\",\"type\":\"direct_message\",\"content\":{\"text\":\"hello from nowhere\"}}"));
}

static void on_data(void *who, uint64_t rtc, uint16_t channel, bool binary, struct span bytes)
{
    struct stranger *s = who;
    json_t *message = json_loadb(bytes.p, bytes.n, 0, NULL);
    const char *type = json_string_value(json_object_get(message, "type"));
    (void)rtc;
    (void)channel;
    world_check(s->r->w, !binary && type, "the stranger gets what is not a message");
    world_trace(s->r->w, "stranger: %s", type);
    s->texts += strcmp(type, "direct_message") == 0 || strcmp(type, "group_message") == 0;
    json_decref(message);
}

static void on_flow(void *who, uint64_t rtc)
{
    (void)who;
    (void)rtc;
}

static void on_ice(void *who, uint64_t rtc, bool connected)
{
    (void)who;
    (void)rtc;
    (void)connected;
}

static void on_failed(void *who, uint64_t rtc, const char *reason)
{
    struct stranger *s = who;
    (void)rtc;
    world_trace(s->r->w, "stranger: its connection is over: %s", reason);
    s->over = true;
}

static const struct rtc_face RTC_FACE = {
    on_description, on_candidate, on_channel_open, on_data, on_flow, on_flow, on_ice, on_failed};

/* ---- its socket ---- */

static void begin(struct stranger *s)
{
    rtc_make(s->party, ++s->rtc);
    s->over = false;
}

/* As browsers do: an offer that crosses our own rolls ours back (RFC 9429 section 4.1.10.2). */
static void hear_offer(struct stranger *s)
{
    if (s->offering) {
        rtc_free(s->party, s->rtc);
        begin(s);
    } else if (s->rtc == 0) {
        begin(s);
    }
    s->offering = false;
}

static void meet(struct stranger *s, const char *other)
{
    snprintf(s->other, sizeof s->other, "%s", other);
    if (!s->calls)
        return;
    begin(s);
    s->offering = true;
    rtc_offer(s->party, s->rtc, false);
}

static void heard(struct stranger *s, const json_t *said, const char *type)
{
    const char *id = json_string_value(json_object_get(said, "peerId"));
    if (strcmp(type, "welcome") == 0) {
        snprintf(s->seat, sizeof s->seat, "%s", id);
        wire_send(s->wire, WIRE_CLIENT,
            frame_of(SPAN("{\"type\":\"join-room\",\"roomId\":\"room\",\"displayName\":\"page\"}")));
    } else if (strcmp(type, "peers") == 0) {
        const json_t *first = json_array_get(json_object_get(said, "peers"), 0);
        if (first)
            meet(s, json_string_value(json_object_get(first, "peerId")));
    } else if (strcmp(type, "offer") == 0 || strcmp(type, "answer") == 0) {
        snprintf(s->other, sizeof s->other, "%s", json_string_value(json_object_get(said, "from")));
        if (type[0] == 'o')
            hear_offer(s);
        s->offering = false;
        rtc_remote(s->party, s->rtc, span_of(type), span_of(json_string_value(json_object_get(said, "sdp"))));
    } else if (strcmp(type, "ice-candidate") == 0 && s->rtc > 0) {
        const json_t *candidate = json_object_get(said, "candidate");
        const char *text = json_string_value(json_object_get(candidate, "candidate"));
        rtc_candidate(s->party, s->rtc, span_of(text));
    }
}

static void on_frame(void *who, struct wire *wire, struct span text)
{
    struct stranger *s = who;
    json_t *said = json_loadb(text.p, text.n, 0, NULL);
    (void)wire;
    heard(s, said, json_string_value(json_object_get(said, "type")));
    json_decref(said);
}

static void on_nothing(void *who, struct wire *wire)
{
    (void)who;
    (void)wire;
}

static void on_ping(void *who, struct wire *wire, uint32_t number)
{
    (void)who;
    wire_pong(wire, WIRE_CLIENT, number);
}

static void on_closed(void *who, struct wire *wire, uint16_t code)
{
    struct stranger *s = who;
    (void)wire;
    world_fail(s->r->w, "the stranger is thrown out: %u", code);
}

static void on_pong(void *who, struct wire *wire, uint32_t number)
{
    (void)who;
    (void)wire;
    (void)number;
}

static const struct wire_face WIRE_FACE = {on_nothing, on_frame, on_nothing, on_nothing, on_ping, on_pong, on_closed};

static void stranger_comes(struct stranger *s, struct run *r, bool calls)
{
    *s = (struct stranger){.r = r, .calls = calls, .host = world_host(r->w)};
    s->party = rtc_party_new(r->rtcs, s->host, &RTC_FACE, s);
    s->wire = wire_open(r->wires, s->host, daemon_listener(r->daemons[0]), &WIRE_FACE, s, false);
}

static void meet_a_stranger(struct run *r, const struct world_options *options, bool calls)
{
    struct core_settings settings = daemon_settings();
    struct stranger s;
    run_init(r, options);
    run_add_daemon(r, &settings);
    struct peerhost *ann = run_add_person(r, "room", "ann");
    peerhost_start(ann);
    run_for(r, 1000);
    stranger_comes(&s, r, calls);
    run_for(r, 20000);
    world_check(r->w, s.open && !s.over, "no channel to the stranger");
    peer_oracle_person(r->peer_oracle, PEOPLE_MAX - 1, s.seat, 0, NULL);
    run_for(r, 60000);
    world_check(r->w, s.open && !s.over, "the stranger was dropped");
    world_check(
        r->w, peerhost_stats(ann)->links_up == 1, "%llu links", (unsigned long long)peerhost_stats(ann)->links_up);
    world_check(
        r->w, peerhost_strangers_heard(ann) == 1, "its message was heard %u times", peerhost_strangers_heard(ann));
    peerhost_send_text(ann, span_of(s.seat), SPAN("who are you?"));
    run_for(r, 5000);
    world_check(r->w, s.texts == 1, "the stranger heard %u texts", s.texts);
}

void story_stranger_is_called(struct run *r, const struct world_options *options)
{
    meet_a_stranger(r, options, false);
}

void story_stranger_calls(struct run *r, const struct world_options *options)
{
    meet_a_stranger(r, options, true);
}
