/* SPDX-License-Identifier: MIT
 *
 * The peer core under random events. Each byte pair chooses an event; frames and envelopes are built from templates
 * with the input's bytes in them, so that much of it gets past the parsers; the toy crypto accepts some signatures.
 * After each step the core checks itself, and its effects must keep what peer.h promises.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer/core/peer.h"
#include "protocol/envelope.h"
#include "tests/fuzz/input.h"
#include "protocol/file_frame.h"

enum {
    RTCS_MAX = 256,
    LOADS_MAX = 64,
    TEXT_MAX = 4096
};

struct fuzz {
    struct peer *p;
    struct peer_effects fx;
    struct input in;
    uint64_t now;
    bool live[RTCS_MAX];
    uint64_t last;
    uint64_t asked, committed; /* tickets */
    uint64_t loads[LOADS_MAX]; /* not answered, in order */
    size_t load_n;
    char text[TEXT_MAX];
};

static void toy_hash(void *ctx, struct span bytes, uint8_t hash[HASH_BYTES])
{
    uint32_t h = 2166136261u;
    (void)ctx;
    for (size_t i = 0; i < bytes.n; i++)
        h = (h ^ (uint8_t)bytes.p[i]) * 16777619u;
    for (int i = 0; i < HASH_BYTES; i++, h = h * 1664525u + 1013904223u)
        hash[i] = (uint8_t)(h >> 24);
}

static void toy_sign(void *ctx, struct span m, uint8_t signature[SIGNATURE_BYTES])
{
    (void)ctx;
    (void)m;
    memset(signature, 0, SIGNATURE_BYTES);
}

static bool toy_verify(void *ctx, const uint8_t key[KEY_BYTES], struct span m, const uint8_t signature[SIGNATURE_BYTES])
{
    (void)ctx;
    (void)key;
    (void)m;
    return signature[0] == 0;
}

static bool toy_agree(void *ctx, const uint8_t box[KEY_BYTES], uint8_t secret[KEY_BYTES])
{
    (void)ctx;
    memcpy(secret, box, KEY_BYTES);
    return box[0] != 0xff;
}

static void toy_seal(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
    struct span plain, uint8_t *sealed)
{
    (void)ctx;
    (void)nonce;
    (void)aad;
    for (size_t i = 0; i < plain.n; i++)
        sealed[i] = (uint8_t)plain.p[i] ^ key[i % KEY_BYTES];
    memset(sealed + plain.n, 0, TAG_BYTES);
}

/* As loose as toy_verify: what was altered opens too, to something else. */
static bool toy_open(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
    struct span sealed, uint8_t *plain)
{
    (void)ctx;
    (void)nonce;
    (void)aad;
    for (size_t i = 0; i + TAG_BYTES < sealed.n; i++)
        plain[i] = (uint8_t)sealed.p[i] ^ key[i % KEY_BYTES];
    return sealed.n >= TAG_BYTES && sealed.p[sealed.n - 1] == 0;
}

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SIG "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define FINGERPRINT "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:%02X"

static struct span sdp(struct fuzz *f, char *out, size_t n, bool escaped)
{
    const char *end = escaped ? "\\r\\n" : "\r\n";
    int len = snprintf(out, n,
        "v=0%so=- 1 1 IN IP4 0.0.0.0%ss=-%st=0 0%sm=application 9 UDP/DTLS/SCTP webrtc-datachannel%sa=mid:0%s"
        "a=ice-ufrag:abcd%sa=ice-pwd:0123456789abcdef0123456789%sa=setup:actpass%sa=sctp-port:5000%s"
        "a=fingerprint:sha-256 " FINGERPRINT "%s",
        end, end, end, end, end, end, end, end, end, end, input_byte(&f->in) & 3u, end);
    return (struct span){out, (size_t)len};
}

static struct span frame(struct fuzz *f)
{
    char s[1024];
    unsigned who = input_byte(&f->in) & 3u, link = input_byte(&f->in) & 3u;
    int n = 0;
    switch (input_byte(&f->in) % 12) {
    case 0:
        n = snprintf(f->text, TEXT_MAX, "{\"type\":\"welcome\",\"peerId\":\"n.x\",\"iceServers\":[]}");
        break;
    case 1:
        n = snprintf(f->text, TEXT_MAX, "{\"type\":\"peers\",\"peerId\":\"n.%u5\",\"peers\":[{\"peerId\":\"n.%u\"}]}",
            link, who);
        break;
    case 2:
        n = snprintf(f->text, TEXT_MAX,
            "{\"type\":\"peer-joined\",\"peerId\":\"n.%u\",\"displayName\":\"d%u\",\"metadata\":{\"usher\":1,"
            "\"key\":\"%c" KEY "\",\"box\":\"" KEY "\",\"sig\":\"" SIG "\"}}",
            who, who, link ? 'B' : 'C');
        memmove(strstr(f->text, "\"key\":\"") + 8, strstr(f->text, "\"key\":\"") + 9,
            strlen(strstr(f->text, "\"key\":\"") + 8));
        n--;
        break;
    case 3:
        n = snprintf(f->text, TEXT_MAX, "{\"type\":\"peer-joined\",\"peerId\":\"n.%u\",\"displayName\":\"d\"}", who);
        break;
    case 4:
        n = snprintf(f->text, TEXT_MAX, "{\"type\":\"peer-left\",\"peerId\":\"n.%u\",\"reason\":\"%s\"}", who,
            link ? "left" : "timeout");
        break;
    case 5:
    case 6:
        sdp(f, s, sizeof s, true);
        n = snprintf(f->text, TEXT_MAX, "{\"type\":\"%s\",\"from\":\"n.%u\",\"link\":\"l%u\",\"sdp\":\"%s\"}",
            input_byte(&f->in) & 1 ? "offer" : "answer", who, link, s);
        break;
    case 7:
        sdp(f, s, sizeof s, true);
        n = snprintf(f->text, TEXT_MAX,
            "{\"type\":\"signal\",\"from\":\"n.%u\",\"data\":{\"type\":\"%s\",\"sdp\":\"%s\"}}", who,
            input_byte(&f->in) & 1 ? "offer" : "answer", s);
        break;
    case 8:
        n = snprintf(f->text, TEXT_MAX, "{\"type\":\"ice-candidate\",\"from\":\"n.%u\",\"candidate\":null}", who);
        break;
    case 9:
        n = snprintf(f->text, TEXT_MAX, "{\"type\":\"error\",\"code\":\"%s\",\"fatal\":true}",
            link ? "rate-limited" : "room-full");
        break;
    case 10:
        n = snprintf(f->text, TEXT_MAX, "{\"type\":\"server-draining\",\"reconnectAfterMs\":%u}", link * 1000);
        break;
    default:
        return input_text(&f->in);
    }
    return (struct span){f->text, (size_t)n};
}

enum {
    INTRODUCTION = 11, /* the last type */
    CONTENTS = 6
};

static struct span envelope(
    struct fuzz *f, const char *from, unsigned type, unsigned content, unsigned theirs, unsigned ours)
{
    static const char *const types[] = {"direct_message", "group_message", "private_message", "message_delivered",
        "message_read", "message_missed", "message_query", "heartbeat", "typing_indicator", "presence_update",
        "status_update", "peer_introduction"};
    static const char *const contents[CONTENTS] = {"\"text\":\"t\"", "\"metadata\":{\"of\":[\"m1\",\"m2\"]}",
        "\"metadata\":{\"ping\":1}", "\"metadata\":{\"pong\":2}", "\"metadata\":{\"presence\":\"gone\"}", ""};
    char intro[1024], name[ENVELOPE_CONVERSATION_MAX + 1];
    unsigned id = input_byte(&f->in) & 3u, sequence = (input_byte(&f->in) & 7u) + 1;
    bool group = type == 1;
    struct span ids[] = {span_of(from), span_of(peer_id(f->p))};
    envelope_people_conversation(ids, 2, toy_hash, NULL, name);
    snprintf(intro, sizeof intro,
        "\"metadata\":{\"context\":\"usher-intro-1\",\"room\":\"r\",\"reader\":\"%s\",\"fingerprint\":\"sha-"
        "256 " FINGERPRINT "\",\"readerFingerprint\":\"sha-256 " FINGERPRINT "\"}",
        peer_id(f->p), theirs, ours);
    int len = snprintf(f->text, TEXT_MAX,
        "{\"id\":\"m%u\",\"type\":\"%s\",\"version\":1,\"from\":\"%s\",%s%s%s\"content\":{%s},\"timestamp\":1,"
        "\"sequence\":%u,\"vectorClock\":{\"%s\":%u},\"requiresAck\":true,\"conversation\":\"%s\",\"signature\":\"" SIG
        "\"}",
        id, types[type], from, group ? "" : "\"to\":[\"", group ? "" : peer_id(f->p), group ? "" : "\"],",
        type == INTRODUCTION ? intro : contents[content], sequence, from, sequence, group ? "room:r" : name);
    return (struct span){f->text, (size_t)len};
}

/* What belongs to the type more often than not. */
static struct span data(struct fuzz *f)
{
    static const unsigned right[] = {0, 0, 0, 1, 1, 1, 1, 2, 5, 4, 0, 5};
    struct peer_person people[4];
    size_t n = peer_people(f->p, people, 4);
    if (n == 0 || input_byte(&f->in) % 8 == 0)
        return input_text(&f->in);
    const char *from = people[input_byte(&f->in) % (n > 4 ? 4 : n)].id;
    unsigned type = input_byte(&f->in) % (INTRODUCTION + 1), theirs = input_byte(&f->in) & 3u,
             ours = input_byte(&f->in) & 3u, odd = input_byte(&f->in);
    return envelope(f, from, type, odd < 192 ? right[type] : odd % CONTENTS, theirs, ours);
}

static struct span label(struct fuzz *f)
{
    unsigned which = input_byte(&f->in);
    return which < 240 ? SPAN("usher") : which < 250 ? SPAN("usher-files") : input_text(&f->in);
}

/* Of the channel of files: any bytes, or one that is well formed, about a file that may be known. */
static struct span file_frame(struct fuzz *f)
{
    static char bytes[FILE_FRAME_HEAD_MAX + FILE_HASH_BYTES];
    static const char some[FILE_HASH_BYTES] = "bytes";
    unsigned type = input_byte(&f->in) % (FILE_FRAME_COMING + 2);
    struct file_frame made = {.type = (enum file_frame_type)type,
        .file_id = input_byte(&f->in) & 1 ? SPAN("f") : SPAN("g"),
        .block = input_byte(&f->in)};
    if (type == 0 || type > FILE_FRAME_COMING)
        return input_text(&f->in);
    if (type == FILE_FRAME_WANTED)
        made.n = 1 + input_byte(&f->in);
    else if (type == FILE_FRAME_CHUNK || type == FILE_FRAME_HASHES)
        made.bytes = (struct span){some, sizeof some};
    struct buf frame;
    buf_init(&frame, sizeof bytes);
    bool ok = file_frame_write(&frame, &made);
    assert(ok && frame.len <= sizeof bytes);
    memcpy(bytes, frame.p, frame.len);
    struct span written = {bytes, frame.len};
    buf_done(&frame);
    return ok ? written : SPAN("");
}

static void check_effect(struct fuzz *f, const struct peer_effect *fx)
{
    switch (fx->type) {
    case PEER_FX_CONNECT:
        assert(fx->server < 2);
        break;
    case PEER_FX_PROBE:
        assert(fx->probe.server < 2 && fx->probe.samples > 0);
        break;
    case PEER_FX_RTC_NEW:
        assert(fx->rtc == f->last + 1);
        f->last = fx->rtc;
        if (fx->rtc < RTCS_MAX)
            f->live[fx->rtc] = true;
        break;
    case PEER_FX_RTC_OFFER:
    case PEER_FX_RTC_REMOTE:
    case PEER_FX_RTC_CANDIDATE:
    case PEER_FX_RTC_SEND:
    case PEER_FX_RTC_FREE:
        assert(fx->rtc <= f->last && (fx->rtc >= RTCS_MAX || f->live[fx->rtc]));
        if (fx->type == PEER_FX_RTC_FREE && fx->rtc < RTCS_MAX)
            f->live[fx->rtc] = false;
        break;
    case PEER_FX_PUT:
        assert(fx->put.table < PEER_TABLES && strlen(fx->put.key) <= ROW_KEY_MAX && fx->put.value.p);
        break;
    case PEER_FX_DELETE:
        assert(fx->delete.table < PEER_TABLES && strlen(fx->delete.key) <= ROW_KEY_MAX);
        break;
    case PEER_FX_COMMIT:
        assert(fx->commit.ticket > f->asked);
        f->asked = fx->commit.ticket;
        break;
    case PEER_FX_LOAD:
        assert(fx->load.table < PEER_TABLES && fx->load.limit > 0 && fx->load.limit <= ROWS_MAX);
        assert(fx->load.from && fx->load.to && f->load_n < LOADS_MAX);
        f->loads[f->load_n++] = fx->load.ticket;
        break;
    default:
        break;
    }
}

static void step(struct fuzz *f, struct peer_event ev)
{
    ev.now = f->now;
    ev.unix_ms = 1700000000000 + f->now;
    peer_step(f->p, &ev, &f->fx);
    for (size_t i = 0; i < f->fx.n; i++)
        check_effect(f, &f->fx.v[i]);
    peer_effects_clear(&f->fx);
    peer_check(f->p);
}

/* What a disk may say: only what was asked for, but with rows of any content. */
static void storage_event(struct fuzz *f, struct peer_event *ev, struct peer_row *row)
{
    if (ev->type == PEER_STORE_FAILED && input_byte(&f->in) < 8) {
        ev->why = SPAN("the disk is full");
    } else if (ev->type == PEER_COMMITTED && f->committed < f->asked) {
        ev->committed = f->committed = f->asked;
    } else if (ev->type == PEER_LOADED && f->load_n > 0) {
        ev->loaded.ticket = f->loads[0];
        memmove(f->loads, f->loads + 1, --f->load_n * sizeof *f->loads);
        *row = (struct peer_row){input_text(&f->in), input_text(&f->in)};
        ev->loaded.rows = row;
        ev->loaded.row_count = input_byte(&f->in) & 1;
    } else {
        ev->type = PEER_TIME;
    }
}

static void random_event(struct fuzz *f)
{
    struct peer_row row;
    struct peer_event ev = {.type = (enum peer_event_type)(input_byte(&f->in) % (PEER_LEAVE + 1))};
    struct peer_person people[4];
    struct span to[4];
    char s[1024];
    if (ev.type == PEER_START || (ev.type == PEER_LEAVE && input_byte(&f->in) < 250))
        ev.type = PEER_SIGNALING_FRAME; /* it was started, and that comes once */
    ev.rtc = f->last > 3 ? f->last - input_byte(&f->in) % 3 : 1 + input_byte(&f->in) % 3;
    uint16_t channel = input_byte(&f->in) & 1;
    f->now += input_byte(&f->in) < 32 ? 5000 : 10;
    switch (ev.type) {
    case PEER_RESTORE:
    case PEER_COMMITTED:
    case PEER_STORE_FAILED:
    case PEER_LOADED:
        storage_event(f, &ev, &row);
        break;
    case PEER_KNOWN:
        ev.known.name = SPAN("d1");
        ev.known.id = input_text(&f->in);
        break;
    case PEER_PROBED:
        ev.probed.server = input_byte(&f->in) & 1;
        ev.probed.ms = input_byte(&f->in);
        ev.probed.cluster = input_byte(&f->in) & 1 ? SPAN("a") : SPAN("");
        break;
    case PEER_SIGNALING_FRAME:
        ev.frame = frame(f);
        break;
    case PEER_DESCRIPTION:
        ev.description.type = input_byte(&f->in) & 1 ? SPAN("offer") : SPAN("answer");
        ev.description.sdp = sdp(f, s, sizeof s, false);
        break;
    case PEER_CHANNEL_OPEN:
        ev.opened.channel = channel;
        ev.opened.label = label(f);
        break;
    case PEER_CHANNEL_CLOSED:
        ev.closed_channel = channel;
        break;
    case PEER_DATA:
        ev.data.channel = channel;
        ev.data.binary = input_byte(&f->in) > 250;
        ev.data.bytes = ev.data.binary ? file_frame(f) : data(f);
        break;
    case PEER_ICE_STATE:
        ev.ice.connected = input_byte(&f->in) & 1;
        break;
    case PEER_SEND: {
        size_t n = peer_people(f->p, people, 4);
        ev.send.to = to;
        ev.send.to_count = n ? input_byte(&f->in) % ((n > 4 ? 4 : n) + 1) : 0;
        for (size_t i = 0; i < ev.send.to_count; i++)
            to[i] = span_of(people[i].id);
        ev.send.text = input_text(&f->in);
        ev.send.ref = input_byte(&f->in) & 1 ? SPAN("r") : SPAN("");
        break;
    }
    case PEER_PRESENCE:
        ev.presence = SPAN("away");
        break;
    case PEER_CANDIDATE:
        ev.candidate = input_text(&f->in);
        break;
    case PEER_STATUS:
        ev.status = input_text(&f->in);
        break;
    case PEER_READ:
        ev.read = input_byte(&f->in) & 1 ? SPAN("m1") : input_text(&f->in);
        break;
    default:
        break;
    }
    step(f, ev);
}

/* A person with a key joins, is called, answers and introduces itself: our seat is the smaller one. */
static void link_up(struct fuzz *f)
{
    struct peer_person who;
    char s[1024];
    struct fuzz zeros = {0};
    step(f, (struct peer_event){.type = PEER_SIGNALING_FRAME,
                .frame = SPAN("{\"type\":\"peer-joined\",\"peerId\":\"n.3\",\"displayName\":\"d1\",\"metadata\":{"
                              "\"usher\":1,\"key\":\"" KEY "\",\"box\":\"" KEY "\",\"sig\":\"" SIG "\"}}")});
    struct peer_event description = {.type = PEER_DESCRIPTION, .rtc = 1, .description.type = SPAN("offer")};
    description.description.sdp = sdp(&zeros, s, sizeof s, false);
    step(f, description);
    sdp(&zeros, s, sizeof s, true);
    int n = snprintf(f->text, TEXT_MAX, "{\"type\":\"answer\",\"from\":\"n.3\",\"sdp\":\"%s\"}", s);
    step(f, (struct peer_event){.type = PEER_SIGNALING_FRAME, .frame = {f->text, (size_t)n}});
    step(f, (struct peer_event){.type = PEER_CHANNEL_OPEN, .rtc = 1, .opened = {0, SPAN("usher")}});
    peer_people(f->p, &who, 1);
    step(f, (struct peer_event){
                .type = PEER_DATA, .rtc = 1, .data = {0, false, envelope(f, who.id, INTRODUCTION, 0, 0, 0)}});
    assert(peer_stats(f->p)->links_up == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct fuzz f = {.in = {bytes, n}, .now = 1000};
    struct rng_seeded seed;
    rng_seeded_init(&seed, 1);
    struct rng rng = rng_seeded_port(&seed);
    struct peer_settings settings = {.room = "r", .name = "me", .servers = 2, .key = {1}};
    struct peer_crypto crypto = {NULL, toy_sign, toy_verify, toy_hash, toy_agree, toy_seal, toy_open};
    f.p = peer_new(&settings, &crypto, &rng);
    assert(f.p);
    for (unsigned rows = input_byte(&f.in) & 3; rows > 0; rows--) {
        enum peer_table table = (enum peer_table)(input_byte(&f.in) % TABLE_MESSAGE); /* the tables that are restored */
        struct peer_row row = {input_text(&f.in), input_text(&f.in)};
        step(&f, (struct peer_event){.type = PEER_RESTORE, .restore = {table, row}});
    }
    step(&f, (struct peer_event){.type = PEER_START});
    step(&f, (struct peer_event){.type = PEER_SIGNALING_OPEN});
    step(&f, (struct peer_event){.type = PEER_SIGNALING_FRAME,
                 .frame = SPAN("{\"type\":\"welcome\",\"peerId\":\"n.x\",\"iceServers\":[]}")});
    step(&f, (struct peer_event){
                 .type = PEER_SIGNALING_FRAME, .frame = SPAN("{\"type\":\"peers\",\"peerId\":\"n.25\",\"peers\":[]}")});
    if (input_byte(&f.in) & 1)
        link_up(&f);
    while (f.in.n > 0)
        random_event(&f);
    peer_effects_done(&f.fx);
    peer_free(f.p);
    return 0;
}
