/* SPDX-License-Identifier: MIT
 *
 * Three peers that talk, and an input that meddles: it drops, repeats and alters what passes between them, lets time pass,
 * kills and restarts them with rows of any text on their disks. Signatures and seals hold whatever was done to what they
 * cover, so altered frames get as far as those of a liar would. After each step each core checks itself.
 *
 * The corpus holds talks: what is said, passes, breaks and begins anew, with runs of the byte 15 between, which delivers
 * whatever is under way, wherever in an event a run begins.
 */
#include "tests/fuzz/input.h"
#include "tests/unit/peer/world.h"

enum {
    PEERS = 3,
    OLD_MAX = 64,
    STEPS_MAX = 400
};

struct fuzz {
    struct input in;
    struct world *w;
    char *old[OLD_MAX]; /* frames that came once */
    size_t old_n;
};

static bool always(void *ctx, const uint8_t *key, struct span m, const uint8_t *signature)
{
    (void)ctx;
    (void)key;
    (void)m;
    (void)signature;
    return true;
}

static bool open_anything(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
    struct span sealed, uint8_t *plain)
{
    if (sealed.n < TAG_BYTES)
        return false;
    toy_open(ctx, key, nonce, aad, sealed, plain);
    return true;
}

/* ---- altering ---- */

static json_t *any_value(struct fuzz *f)
{
    static const uint64_t numbers[] = {0, 1, 2, 7, 255, 1024, 9007199254740991u};
    const char *someone = peer_id(f->w->nodes[input_byte(&f->in) % PEERS].p);
    char text[256];
    struct span s;
    switch (input_byte(&f->in) % 8) {
    case 0:
    case 1:
        return json_integer((json_int_t)numbers[input_byte(&f->in) % 7]);
    case 2:
        return json_string(someone);
    case 3:
        return json_pack("[ss]", someone, peer_id(f->w->nodes[input_byte(&f->in) % PEERS].p));
    case 4:
        return json_pack("{sI}", someone, (json_int_t)numbers[input_byte(&f->in) % 7]);
    case 5:
        snprintf(text, sizeof text, "%s/%016x", someone, input_byte(&f->in) % 4);
        return json_pack("[s]", text);
    case 6:
        return json_string(input_byte(&f->in) & 1 ? "room:demo" : "custody");
    default:
        s = input_text(&f->in);
        return json_stringn(s.n ? s.p : "", s.n);
    }
}

static void alter(struct fuzz *f, json_t *message)
{
    static const char *const members[] = {"id", "from", "to", "route", "sequence", "vectorClock", "ttl", "retryCount",
        "hops", "since", "keys", "conversation", "timestamp", "encrypted", "requiresAck"};
    static const char *const meta[] = {"of", "clock", "missing", "new", "count", "for", "people", "gone", "card",
        "links", "presence", "version", "signal", "hops", "ping"};
    static const char *const fors[] = {"part", "more", "gap", "head", "start", "custody"};
    json_t *content = json_object_get(message, "content"), *metadata = json_object_get(content, "metadata");
    unsigned what = input_byte(&f->in);
    if (what % 4 == 0)
        json_object_set_new(message, "type",
            json_string(envelope_type_name((enum envelope_type)(1 + input_byte(&f->in) % (ENVELOPE_TYPES - 1)))));
    if (what % 4 == 1)
        json_object_set_new(message, members[input_byte(&f->in) % 15], any_value(f));
    if (what % 4 == 2 && metadata)
        json_object_set_new(metadata, meta[input_byte(&f->in) % 15], any_value(f));
    if (what % 4 == 3 && metadata)
        json_object_set_new(metadata, "for", json_string(fors[input_byte(&f->in) % 6]));
    if (what & 64)
        json_object_del(message, members[input_byte(&f->in) % 15]);
}

static char *altered(struct fuzz *f, struct span text)
{
    json_t *message = json_loadb(text.p, text.n, 0, NULL);
    if (!json_is_object(message)) {
        json_decref(message);
        return strndup(text.p, text.n);
    }
    for (unsigned i = 1 + input_byte(&f->in) % 2; i > 0; i--)
        alter(f, message);
    char *out = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    return out ? out : strdup("{");
}

/* ---- what happens ---- */

static void keep(struct fuzz *f, struct span text)
{
    size_t i = f->old_n < OLD_MAX ? f->old_n++ : input_byte(&f->in) % OLD_MAX;
    free(f->old[i]);
    f->old[i] = strndup(text.p, text.n);
}

/* One event of the queue, meddled with if it is a frame. */
static void deliver(struct fuzz *f)
{
    struct event *e = f->w->queue;
    if (!e)
        return;
    DL_DELETE(f->w->queue, e);
    unsigned how = e->ev.type == PEER_DATA ? input_byte(&f->in) : 255;
    if (e->ev.type == PEER_DATA)
        keep(f, e->ev.data.bytes);
    if (how % 8 == 0) {
        char *text = altered(f, e->ev.data.bytes);
        feed(
            f->w, e->node, (struct peer_event){.type = PEER_DATA, .rtc = e->ev.rtc, .data = {1, false, span_of(text)}});
        free(text);
    } else if (how % 8 != 1) {
        feed(f->w, e->node, e->ev);
    }
    if (how % 8 == 2)
        feed(f->w, e->node, e->ev);
    event_free(e);
}

static void replay(struct fuzz *f)
{
    struct node *n = &f->w->nodes[input_byte(&f->in) % PEERS];
    if (f->old_n == 0 || n->rtc_n == 0)
        return;
    struct wrtc *r = &n->rtcs[input_byte(&f->in) % n->rtc_n];
    char *text = altered(f, span_of(f->old[input_byte(&f->in) % f->old_n]));
    if (r->live)
        feed(f->w, (int)(n - f->w->nodes),
            (struct peer_event){.type = PEER_DATA, .rtc = r->id, .data = {1, false, span_of(text)}});
    free(text);
}

static void boot(struct fuzz *f, int i)
{
    struct node *n = &f->w->nodes[i];
    n->crypto.verify = always;
    n->crypto.open = open_anything;
    node_boot(f->w, i);
}

static void begin_anew(struct fuzz *f, int i)
{
    daemon_left(f->w, i, "disconnected");
    boot(f, i);
    memory_store_each(f->w->nodes[i].store, false, restore_row, &(struct restoring){f->w, i});
    for (unsigned rows = input_byte(&f->in) % 4; rows > 0; rows--) {
        char key[ROW_KEY_MAX + 1];
        struct span k = input_text(&f->in), v = input_text(&f->in);
        size_t old = f->old_n ? input_byte(&f->in) % f->old_n : 0;
        memcpy(key, k.p, k.n < ROW_KEY_MAX ? k.n : ROW_KEY_MAX);
        struct peer_row row = {{key, k.n < ROW_KEY_MAX ? k.n : ROW_KEY_MAX}, v};
        if (f->old_n && v.n == 0)
            row.value = span_of(f->old[old]);
        feed(f->w, i,
            (struct peer_event){
                .type = PEER_RESTORE, .restore = {(enum peer_table)(input_byte(&f->in) % TABLE_MESSAGE), row}});
    }
    feed(f->w, i, (struct peer_event){.type = PEER_START});
}

static void say(struct fuzz *f, int i)
{
    struct span to[PEERS];
    size_t n = input_byte(&f->in) % PEERS;
    for (size_t k = 0; k < n; k++)
        to[k] = span_of(peer_id(f->w->nodes[((size_t)i + k + 1) % PEERS].p));
    feed(f->w, i, (struct peer_event){.type = PEER_SEND, .send = {.to = to, .to_count = n, .text = SPAN("text")}});
}

static void something(struct fuzz *f)
{
    int i = (int)(input_byte(&f->in) % PEERS), other = (int)(input_byte(&f->in) % PEERS);
    switch (input_byte(&f->in) % 16) {
    case 0:
        say(f, i);
        break;
    case 1:
        f->w->now += 10u << input_byte(&f->in) % 12;
        feed(f->w, i, (struct peer_event){.type = PEER_TIME});
        break;
    case 2:
        begin_anew(f, i);
        break;
    case 3:
        part(f->w, i, other, input_byte(&f->in) & 1);
        break;
    case 4:
        feed(f->w, i, (struct peer_event){.type = PEER_HISTORY, .history = {.limit = input_byte(&f->in)}});
        break;
    case 5:
        feed(f->w, i,
            (struct peer_event){
                .type = PEER_PRESENCE, .presence = input_byte(&f->in) & 1 ? SPAN("away") : SPAN("online")});
        break;
    case 6:
        if (f->w->nodes[i].rtc_n && f->w->nodes[i].rtcs[0].live)
            later(f->w, i, PEER_RTC_FAILED, f->w->nodes[i].rtcs[0].id, SPAN("ice"));
        break;
    case 7:
        if (f->w->daemon_up)
            daemon_dies(f->w);
        f->w->daemon_up = input_byte(&f->in) & 1;
        break;
    case 8:
    case 9:
    case 10:
        replay(f);
        break;
    default:
        for (unsigned k = input_byte(&f->in) % 16; k > 0; k--)
            deliver(f);
        answer_storage(f->w);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct fuzz f = {.in = {bytes, n}, .w = world_make(PEERS)};
    for (int i = 0; i < PEERS; i++)
        boot(&f, i);
    for (int i = 0; i < PEERS; i++)
        start(f.w, i);
    for (int step = 0; f.in.n > 0 && step < STEPS_MAX; step++) {
        something(&f);
        for (int i = 0; i < PEERS; i++)
            forget_notices(&f.w->nodes[i]);
    }
    for (size_t i = 0; i < f.old_n; i++)
        free(f.old[i]);
    world_end(f.w);
    return 0;
}
