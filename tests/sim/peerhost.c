/* SPDX-License-Identifier: MIT
 *
 * One life is one process: its sockets, connections and timers carry nothing into the next. The index of the life is
 * the argument of its timers, so a dead one's fire into nothing.
 */
#include "tests/sim/peerhost.h"

#include <assert.h>
#include <stdlib.h>

#include "protocol/envelope.h"
#include "tests/sim/peerhost_inner.h"
#include "tests/sim/short_memory.h"

enum {
    AGAIN_MS = 1000, /* a process whose memory ran out is started again by whoever watches it */
    CONNECT_MS = 15000,
    LATE_MAX_MS = 4,
    WAKE_MS = 3000 /* after a sleep what comes from outside may be there before a timer is */
};

static void end(struct peerhost *h, bool orderly);
static void run_out(struct peerhost *h);

struct peer_event peerhost_event(const struct peerhost *h, enum peer_event_type type)
{
    return (struct peer_event){.type = type, .now = world_now(h->in.w), .unix_ms = world_unix(h->in.w, h->host)};
}

/* ---- the signaling socket ---- */

static void on_open(void *who, struct wire *wire)
{
    struct peerhost *h = who;
    if (wire == h->wire)
        peerhost_step(h, peerhost_event(h, PEER_SIGNALING_OPEN));
}

static void on_frame(void *who, struct wire *wire, struct span text)
{
    struct peerhost *h = who;
    struct peer_event e = peerhost_event(h, PEER_SIGNALING_FRAME);
    e.frame = text;
    if (wire == h->wire)
        peerhost_step(h, e);
}

static void on_closed(void *who, struct wire *wire, uint16_t code)
{
    struct peerhost *h = who;
    struct peer_event e = peerhost_event(h, PEER_SIGNALING_CLOSED);
    if (wire != h->wire)
        return;
    h->wire = NULL;
    e.closed.code = code;
    e.closed.why = code ? SPAN("closed by the server") : SPAN("the connection broke");
    peerhost_step(h, e);
}

static void on_ping(void *who, struct wire *wire, uint32_t number)
{
    (void)who;
    wire_pong(wire, WIRE_CLIENT, number);
}

static void on_nothing(void *who, struct wire *wire)
{
    (void)who;
    (void)wire;
}

static void on_pong(void *who, struct wire *wire, uint32_t number)
{
    (void)who;
    (void)wire;
    (void)number;
}

static const struct wire_face WIRE_FACE = {on_open, on_frame, on_nothing, on_nothing, on_ping, on_pong, on_closed};

static void connect_timeout(void *who, uint64_t arg)
{
    struct wire *wire = (struct wire *)(uintptr_t)arg;
    struct peerhost *h = who;
    if (h->wire != wire || wire_is_open(wire, WIRE_CLIENT))
        return;
    wire_vanish(wire, WIRE_CLIENT, false);
    on_closed(h, wire, 0);
}

static void drop_wire(struct peerhost *h)
{
    struct wire *wire = h->wire;
    h->wire = NULL;
    if (wire)
        wire_close(wire, WIRE_CLIENT, 1000);
}

static void connect_to(struct peerhost *h, unsigned server)
{
    world_check(h->in.w, server < h->in.daemon_count, "%u connects to server %u", h->who, server);
    struct wire *former = h->wire;
    h->wire = NULL;
    if (former) /* no good-bye: its seat is kept */
        wire_break(former);
    h->server = server;
    world_trace(h->in.w, "peer %u connects to server %u", h->who, server);
    h->wire = wire_open(h->in.wires, h->host, daemon_listener(h->in.daemons[server]), &WIRE_FACE, h, false);
    world_at(h->in.w, world_now(h->in.w) + CONNECT_MS, connect_timeout, h, (uint64_t)(uintptr_t)h->wire);
}

/* ---- WebRTC ---- */

struct peer_event peerhost_rtc_event(const struct peerhost *h, enum peer_event_type type, uint64_t rtc)
{
    struct peer_event e = peerhost_event(h, type);
    e.rtc = rtc;
    return e;
}

static void on_description(void *who, uint64_t rtc, struct span type, struct span sdp)
{
    struct peer_event e = peerhost_rtc_event(who, PEER_DESCRIPTION, rtc);
    e.description.type = type;
    e.description.sdp = sdp;
    peerhost_step(who, e);
}

static void on_candidate(void *who, uint64_t rtc, struct span candidate)
{
    struct peer_event e = peerhost_rtc_event(who, PEER_CANDIDATE, rtc);
    e.candidate = candidate;
    peerhost_step(who, e);
}

static void on_channel_open(void *who, uint64_t rtc, uint16_t channel, struct span label)
{
    struct peer_event e = peerhost_rtc_event(who, PEER_CHANNEL_OPEN, rtc);
    e.opened.channel = channel;
    e.opened.label = label;
    peerhost_step(who, e);
}

static void on_data(void *who, uint64_t rtc, uint16_t channel, bool binary, struct span bytes)
{
    struct peer_event e = peerhost_rtc_event(who, PEER_DATA, rtc);
    e.data.channel = channel;
    e.data.binary = binary;
    e.data.bytes = bytes;
    peerhost_step(who, e);
}

static void on_congested(void *who, uint64_t rtc)
{
    peerhost_step(who, peerhost_rtc_event(who, PEER_CONGESTED, rtc));
}

static void on_writable(void *who, uint64_t rtc)
{
    peerhost_step(who, peerhost_rtc_event(who, PEER_WRITABLE, rtc));
}

static void on_ice(void *who, uint64_t rtc, bool connected)
{
    struct peer_event e = peerhost_rtc_event(who, PEER_ICE_STATE, rtc);
    e.ice.connected = connected;
    peerhost_step(who, e);
}

static void on_failed(void *who, uint64_t rtc, const char *reason)
{
    struct peer_event e = peerhost_rtc_event(who, PEER_RTC_FAILED, rtc);
    e.reason = span_of(reason);
    peerhost_step(who, e);
}

static const struct rtc_face RTC_FACE = {
    on_description, on_candidate, on_channel_open, on_data, on_congested, on_writable, on_ice, on_failed};

/* ---- effects ---- */

static void on_alarm(void *who, uint64_t arg)
{
    struct peerhost *h = who;
    if (!h->core || arg != h->alarm)
        return;
    if (world_now(h->in.w) > h->due) {
        h->due = world_now(h->in.w) + world_below(h->in.w, WAKE_MS);
        world_at(h->in.w, h->due, on_alarm, h, arg);
        return;
    }
    h->deadline = UINT64_MAX;
    peerhost_step(h, peerhost_event(h, PEER_TIME));
}

static void set_deadline(struct peerhost *h, uint64_t at)
{
    if (at == h->deadline)
        return;
    h->deadline = at;
    h->alarm++;
    if (at == UINT64_MAX)
        return;
    uint64_t soonest = at > world_now(h->in.w) ? at : world_now(h->in.w) + 1;
    h->due = soonest + world_below(h->in.w, LATE_MAX_MS);
    world_at(h->in.w, h->due, on_alarm, h, h->alarm);
}

/* A second process of an identity keeps promises to nobody whom the oracle knows. */
static bool is_judged(const struct peerhost *h)
{
    return h->in.peer_oracle != NULL;
}

static void on_disk(void *who, struct peer_event e)
{
    struct peerhost *h = who;
    e.now = world_now(h->in.w);
    e.unix_ms = world_unix(h->in.w, h->host);
    if (h->core) /* a row may have been one too many */
        peerhost_step(h, e);
}

static void notice(struct peerhost *h, const struct peer_notice *n)
{
    if (n->type == NOTICE_STATE) {
        snprintf(h->state, sizeof h->state, "%s", n->text);
        world_trace(h->in.w, "peer %u: %s", h->who, h->state);
    } else {
        world_trace(h->in.w, "peer %u: %s%s id=%s from=%s by=%s ref=%s text=%s code=%s", h->who,
            peer_notice_name(n->type), n->type == NOTICE_PEER ? n->up ? " up" : " down" : "", n->id ? n->id : "",
            n->from ? n->from : "", n->by ? n->by : "", n->ref ? n->ref : "", n->text ? n->text : "",
            n->code ? n->code : "");
    }
    h->joins += n->type == NOTICE_JOINED;
    h->errors += n->type == NOTICE_ERROR;
    if (n->type == NOTICE_FILE_OFFER)
        peerhost_answer_offer(h, n);
    if (n->type == NOTICE_ACCEPTED && peerhost_offer_kept(h, n))
        return;
    if (n->type >= NOTICE_FILE_OFFER)
        return;
    if (n->type == NOTICE_MESSAGE && !n->verified)
        h->strangers_heard++;
    else if (is_judged(h))
        peer_oracle_notice(h->in.peer_oracle, h->who, n);
}

static void send_message(struct peerhost *h, const struct peer_effect *e)
{
    struct span bytes = peer_text_view(e->message.bytes);
    world_trace(h->in.w, "peer %u: rtc %llu send %.*s", h->who, (unsigned long long)e->rtc,
        (int)(bytes.n < 120 ? bytes.n : 120), bytes.p);
    if (is_judged(h))
        peer_oracle_frame(h->in.peer_oracle, h->who, bytes);
    if (!e->message.spare || rtc_has_room(h->party, e->rtc))
        rtc_send(h->party, e->rtc, e->message.channel, e->message.binary, bytes);
}

static void execute(struct peerhost *h, struct peer_effect *e)
{
    if (e->type >= PEER_FX_RTC_NEW && e->type <= PEER_FX_RTC_FREE && e->type != PEER_FX_RTC_SEND) {
        static const char *const NAMES[] = {
            "new", "offer", "remote", "candidate", "send", "channel", "give", "read", "free"};
        world_trace(h->in.w, "peer %u: rtc %llu %s %s", h->who, (unsigned long long)e->rtc,
            NAMES[e->type - PEER_FX_RTC_NEW], e->type == PEER_FX_RTC_REMOTE ? e->description.type : "");
    }
    switch (e->type) {
    case PEER_FX_CONNECT:
        connect_to(h, e->server);
        break;
    case PEER_FX_DISCONNECT:
        drop_wire(h);
        break;
    case PEER_FX_PROBE:
        peerhost_probe(h, e->probe.server);
        break;
    case PEER_FX_SIGNAL:
        if (h->wire)
            wire_send(h->wire, WIRE_CLIENT, frame_of(peer_text_view(e->frame)));
        break;
    case PEER_FX_RTC_NEW:
        rtc_make(h->party, e->rtc);
        break;
    case PEER_FX_RTC_OFFER:
        rtc_offer(h->party, e->rtc, e->restart);
        break;
    case PEER_FX_RTC_REMOTE:
        rtc_remote(h->party, e->rtc, span_of(e->description.type), peer_text_view(e->description.sdp));
        break;
    case PEER_FX_RTC_CANDIDATE:
        rtc_candidate(h->party, e->rtc, peer_text_view(e->candidate));
        break;
    case PEER_FX_RTC_SEND:
        send_message(h, e);
        break;
    case PEER_FX_RTC_FREE:
        rtc_free(h->party, e->rtc);
        break;
    case PEER_FX_RTC_CHANNEL:
        rtc_open_channel(h->party, e->rtc, e->label);
        break;
    case PEER_FX_FILE_GIVE:
        peerhost_give(h, e);
        break;
    case PEER_FX_FILE_OPEN:
    case PEER_FX_FILE_READ:
    case PEER_FX_FILE_CLOSE:
    case PEER_FX_PART_OPEN:
    case PEER_FX_PART_HASHES:
    case PEER_FX_PART_WRITE:
    case PEER_FX_PART_VERIFIED:
    case PEER_FX_PART_FINISH:
        filedisk_effect(h->files, e);
        break;
    case PEER_FX_DEADLINE:
        set_deadline(h, e->deadline);
        break;
    case PEER_FX_PUT:
        disk_effect(h->disk, e);
        if (is_judged(h))
            peer_oracle_row(h->in.peer_oracle, h->who, e);
        break;
    case PEER_FX_DELETE:
        disk_effect(h->disk, e);
        if (is_judged(h))
            peer_oracle_gone(h->in.peer_oracle, h->who, e);
        break;
    case PEER_FX_REMEMBER:
    case PEER_FX_COMMIT:
    case PEER_FX_LOAD:
        disk_effect(h->disk, e);
        break;
    case PEER_FX_NOTICE:
        notice(h, e->notice);
        break;
    case PEER_FX_LOG:
        if (e->log->level <= LOG_LEVEL_WARNING)
            world_trace(h->in.w, "peer %u: %s: %s", h->who, e->log->event, e->log->message);
        break;
    case PEER_FX_NONE:
    case PEER_FX_ICE_SERVERS:
        break;
    }
}

void peerhost_step(struct peerhost *h, struct peer_event event)
{
    assert(h->core && !h->stepping);
    h->stepping = true;
    short_memory_core(true);
    peer_step(h->core, &event, &h->fx);
    short_memory_core(false);
    if (h->fx.out_of_memory) {
        h->stepping = false;
        run_out(h);
        return;
    }
    /* A check walks everything there is: in a larger room not after each step, of which there are more. */
    if (event.type != PEER_RESTORE && event.type != PEER_KNOWN &&
        world_afford(h->in.w, is_judged(h) ? peer_oracle_size(h->in.peer_oracle) : 0))
        peer_check(h->core);
    h->stepping = false;
    bool left = false;
    for (size_t i = 0; i < h->fx.n; i++) {
        left |= h->fx.v[i].type == PEER_FX_NOTICE && h->fx.v[i].notice->type == NOTICE_LEFT;
        execute(h, &h->fx.v[i]);
    }
    peer_effects_clear(&h->fx);
    world_check(h->in.w, left || peer_pending(h->core) == 0 || h->deadline != UINT64_MAX,
        "%u: messages are pending without a deadline", h->who);
    if (left)
        end(h, true);
}

/* ---- its life ---- */

struct peerhost *peerhost_new(
    const struct peerhost_world *in, unsigned who, const char *room, const char *name, struct key_pair *keys)
{
    struct peerhost *h = world_alloc(sizeof *h);
    uint8_t hash[HASH_BYTES];
    h->in = *in;
    h->who = who;
    h->host = world_host(in->w);
    h->crypto = key_pair_crypto(keys);
    key_pair_settings(keys, &h->settings);
    snprintf(h->settings.room, sizeof h->settings.room, "%s", room);
    snprintf(h->settings.name, sizeof h->settings.name, "%s", name);
    h->settings.servers = in->daemon_count;
    h->crypto.sha256(h->crypto.ctx, (struct span){(const char *)h->settings.key, KEY_BYTES}, hash);
    envelope_short_hash(hash, h->id);
    h->disk = disk_new(in->w, on_disk, h);
    h->files = filedisk_new(in->w, &h->crypto, peerhost_on_file, h);
    if (is_judged(h))
        peer_oracle_person(in->peer_oracle, who, h->id, h->host, disk_memory_store(h->disk));
    return h;
}

struct peerhost *peerhost_twin(const struct peerhost_world *in, const struct peerhost *of, struct key_pair *keys)
{
    struct peerhost_world apart = *in;
    apart.peer_oracle = NULL;
    struct peerhost *h = peerhost_new(&apart, of->who, of->settings.room, of->settings.name, keys);
    disk_take_copy(h->disk, of->disk);
    return h;
}

static void ask(struct peerhost *h, const struct ask *a)
{
    struct span ids[PEOPLE_MAX];
    for (size_t i = 0; i < a->to_count; i++)
        ids[i] = span_of(h->in.people[a->to[i]]->id);
    struct peer_event e = peerhost_event(h, PEER_SEND);
    e.send.to = a->to_count ? ids : NULL;
    e.send.to_count = a->to_count;
    e.send.text = span_of(a->text);
    e.send.ref = span_of(a->ref);
    world_trace(h->in.w, "peer %u sends %s to %zu", h->who, a->ref, a->to_count);
    peerhost_step(h, e);
}

static void on_again(void *who, uint64_t arg)
{
    struct peerhost *h = who;
    (void)arg;
    if (!h->core)
        peerhost_start(h);
}

/* The application was told by name, and ends. */
static void run_out(struct peerhost *h)
{
    const struct peer_notice *n = h->fx.out_of_memory;
    world_check(h->in.w, short_memory_failed(), "%u: memory did not run out", h->who);
    world_check(h->in.w, h->fx.n == 0 && n->fatal && strcmp(n->code, "out-of-memory") == 0, "%u: a void step says %s",
        h->who, n->code);
    notice(h, n);
    peer_effects_clear(&h->fx);
    end(h, false);
    h->run_out++;
    world_at(h->in.w, world_now(h->in.w) + AGAIN_MS, on_again, h, 0);
}

void peerhost_start(struct peerhost *h)
{
    assert(!h->core);
    world_trace(h->in.w, "peer %u starts as %s on host %u", h->who, h->id, h->host);
    short_memory_core(true);
    h->core = peer_new(&h->settings, &h->crypto, world_rng(h->in.w));
    short_memory_core(false);
    world_check(h->in.w, h->core || short_memory_failed(), "peer_new failed");
    if (!h->core) {
        world_at(h->in.w, world_now(h->in.w) + AGAIN_MS, on_again, h, 0);
        return;
    }
    world_check(h->in.w, strcmp(peer_id(h->core), h->id) == 0, "%u is called %s", h->who, peer_id(h->core));
    h->party = rtc_party_new(h->in.rtcs, h->host, &RTC_FACE, h);
    if (h->message_max)
        rtc_party_takes(h->party, h->message_max);
    h->deadline = UINT64_MAX;
    h->alarm++;
    h->joins = 0;
    disk_restore(h->disk);
    if (h->core)
        peerhost_step(h, peerhost_event(h, PEER_START));
    struct ask a;
    for (size_t next = 0; is_judged(h) && h->core && peer_oracle_again(h->in.peer_oracle, h->who, &next, &a);)
        ask(h, &a);
    peerhost_offer_again(h);
}

/* The kernel of a host that lives closes the sockets of a process that died. */
static void end(struct peerhost *h, bool orderly)
{
    world_trace(h->in.w, "peer %u is gone", h->who);
    if (h->wire) {
        wire_vanish(h->wire, WIRE_CLIENT, false);
        wire_break(h->wire);
    }
    h->wire = NULL;
    if (h->party)
        rtc_party_down(h->party);
    peer_free(h->core);
    h->core = NULL;
    disk_end(h->disk, orderly);
    peerhost_files_end(h, orderly);
    if (is_judged(h))
        peer_oracle_end(h->in.peer_oracle, h->who);
}

void peerhost_crash(struct peerhost *h)
{
    end(h, false);
}

void peerhost_takes(struct peerhost *h, uint32_t bytes)
{
    h->message_max = bytes;
    peer_oracle_takes(h->in.peer_oracle, h->who, bytes);
}

void peerhost_copy(struct peerhost *h)
{
    world_trace(h->in.w, "peer %u: its state is copied", h->who);
    disk_copy(h->disk);
}

void peerhost_lose(struct peerhost *h, bool put_back)
{
    assert(!h->core);
    world_trace(h->in.w, "peer %u: its state is %s", h->who, put_back ? "an older one" : "lost");
    peer_oracle_lose(h->in.peer_oracle, h->who);
    disk_lose(h->disk, put_back);
    peer_oracle_lost(h->in.peer_oracle, h->who);
}

void peerhost_free(struct peerhost *h)
{
    if (!h)
        return;
    peer_free(h->core);
    peer_effects_done(&h->fx);
    disk_free(h->disk);
    peerhost_files_end(h, false);
    peerhost_probes_free(h);
    filedisk_free(h->files);
    free(h);
}

void peerhost_leave(struct peerhost *h)
{
    peerhost_step(h, peerhost_event(h, PEER_LEAVE));
}

void peerhost_move(struct peerhost *h)
{
    world_trace(h->in.w, "peer %u moves to another address", h->who);
    rtc_party_move(h->party);
    peerhost_unplug(h);
}

void peerhost_unplug(struct peerhost *h)
{
    struct wire *wire = h->wire;
    if (!wire)
        return;
    world_trace(h->in.w, "peer %u: its signaling socket breaks", h->who);
    wire_break(wire);
}

void peerhost_send(struct peerhost *h, const struct peerhost *const *to, size_t n)
{
    struct ask a = {.to_count = n};
    for (size_t i = 0; i < n; i++)
        a.to[i] = to[i]->who;
    peer_oracle_send(h->in.peer_oracle, h->who, &a);
    ask(h, &a);
}

void peerhost_send_text(struct peerhost *h, struct span to, struct span text)
{
    struct peer_event e = peerhost_event(h, PEER_SEND);
    e.send.to = &to;
    e.send.to_count = 1;
    e.send.text = text;
    peerhost_step(h, e);
}

unsigned peerhost_strangers_heard(const struct peerhost *h)
{
    return h->strangers_heard;
}

bool peerhost_is_up(const struct peerhost *h)
{
    return h->core != NULL;
}

unsigned peerhost_joins(const struct peerhost *h)
{
    return h->core ? h->joins : 0;
}

const char *peerhost_id(const struct peerhost *h)
{
    return h->id;
}

unsigned peerhost_who(const struct peerhost *h)
{
    return h->who;
}

unsigned peerhost_server(const struct peerhost *h)
{
    return h->server;
}

unsigned peerhost_host(const struct peerhost *h)
{
    return h->host;
}

const struct peer *peerhost_core(const struct peerhost *h)
{
    return h->core;
}

const struct peer_stats *peerhost_stats(const struct peerhost *h)
{
    return peer_stats(h->core);
}

struct disk *peerhost_disk(struct peerhost *h)
{
    return h->disk;
}

const char *peerhost_fingerprint(const struct peerhost *h)
{
    return rtc_party_fingerprint(h->party);
}

size_t peerhost_rtcs(const struct peerhost *h)
{
    return rtc_count(h->party);
}

const char *peerhost_state(const struct peerhost *h)
{
    return h->state;
}

unsigned peerhost_errors(const struct peerhost *h)
{
    return h->errors;
}

unsigned peerhost_run_out(const struct peerhost *h)
{
    return h->run_out;
}
