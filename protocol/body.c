/* SPDX-License-Identifier: MIT
 *
 * Members are written in the order of RFC 8785 where a reader of ours ever depended on it, and elsewhere in the order
 * in which they stand: the envelope's writer sorts them all.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/body.h"
#include "protocol/write.h"

#define KIND_TREE "tree"

enum {
    NUMBER_CHARS = 16,                      /* of a sequence in a stretch, hexadecimal */
    STRETCH_CHARS = 2 * (NUMBER_CHARS + 1), /* behind the author's id */
};

static void write_ticks(struct buf *out, const char *name, const struct envelope_tick *ticks, size_t n)
{
    char id[ENVELOPE_PERSON_MAX + 1];
    write_name(out, name);
    buf_byte(out, '{');
    for (size_t i = 0; i < n; i++)
        if (ticks[i].who.n <= ENVELOPE_PERSON_MAX) {
            memcpy(id, ticks[i].who.p, ticks[i].who.n);
            id[ticks[i].who.n] = '\0';
            write_member_u64(out, id, ticks[i].count);
        }
    buf_byte(out, '}');
}

static void write_strings(struct buf *out, const char *name, const struct span *texts, size_t n)
{
    write_name(out, name);
    buf_byte(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_byte(out, ',');
        write_string(out, texts[i]);
    }
    buf_byte(out, ']');
}

static struct span text_of(const struct envelope *e, const char *name)
{
    struct span text = {0};
    return envelope_string(e, name, &text) ? text : (struct span){0};
}

static uint64_t number_of(const struct envelope *e, const char *name)
{
    uint64_t number = 0;
    return envelope_number(e, name, &number) ? number : 0;
}

static bool ended(struct buf *out)
{
    buf_byte(out, '}');
    return !out->failed;
}

/* ---- cards ---- */

static void write_base64(struct buf *out, const uint8_t *bytes, size_t n)
{
    char text[BASE64_LEN(ENVELOPE_SIGNATURE_BYTES) + 1];
    assert(n <= ENVELOPE_SIGNATURE_BYTES);
    base64_encode(bytes, n, text);
    buf_text(out, text);
    buf_byte(out, ' ');
}

bool body_write_card(struct buf *out, const struct body_card *card)
{
    write_base64(out, card->key, sizeof card->key);
    write_base64(out, card->box, sizeof card->box);
    write_base64(out, card->signature, sizeof card->signature);
    buf_span(out, card->name);
    return !out->failed;
}

/* The next word of exactly n bytes in base64. */
static bool read_base64(struct span *text, uint8_t *out, size_t n)
{
    size_t chars = BASE64_LEN(n);
    if (text->n <= chars || text->p[chars] != ' ' || !base64_decode((struct span){text->p, chars}, out, n))
        return false;
    *text = (struct span){text->p + chars + 1, text->n - chars - 1};
    return true;
}

bool body_read_card(struct span text, struct body_card *card)
{
    bool ok = read_base64(&text, card->key, sizeof card->key) && read_base64(&text, card->box, sizeof card->box) &&
              read_base64(&text, card->signature, sizeof card->signature);
    card->name = text;
    return ok;
}

/* ---- receipts and questions ---- */

bool body_write_ids(struct buf *out, const struct span *ids, size_t n)
{
    assert(n > 0 && n <= ENVELOPE_OF_MAX);
    buf_byte(out, '{');
    write_strings(out, "of", ids, n);
    return ended(out);
}

size_t body_read_ids(const struct envelope *e, struct span ids[ENVELOPE_OF_MAX])
{
    size_t n = envelope_strings(e, "of", ids, ENVELOPE_OF_MAX);
    return n < ENVELOPE_OF_MAX ? n : ENVELOPE_OF_MAX;
}

/* ---- what a link's ends say ---- */

bool body_write_heartbeat(struct buf *out, const struct body_heartbeat *b)
{
    buf_byte(out, '{');
    write_member_u64(out, b->pong ? "pong" : "ping", b->number);
    return ended(out);
}

bool body_read_heartbeat(const struct envelope *e, struct body_heartbeat *b)
{
    b->pong = envelope_number(e, "pong", &b->number);
    return b->pong || envelope_number(e, "ping", &b->number);
}

bool body_write_introduction(struct buf *out, const struct body_introduction *b)
{
    buf_byte(out, '{');
    write_member_string(out, "box", b->box);
    write_member_string(out, "context", b->context);
    write_member_string(out, "fingerprint", b->fingerprint);
    write_member_string(out, "key", b->key);
    write_member_optional(out, "mac", b->mac);
    write_member_optional(out, "name", b->name);
    write_member_string(out, "reader", b->reader);
    write_member_string(out, "readerFingerprint", b->reader_fingerprint);
    write_member_string(out, "room", b->room);
    return ended(out);
}

void body_read_introduction(const struct envelope *e, struct body_introduction *b)
{
    *b = (struct body_introduction){.context = text_of(e, "context"),
        .room = text_of(e, "room"),
        .reader = text_of(e, "reader"),
        .fingerprint = text_of(e, "fingerprint"),
        .reader_fingerprint = text_of(e, "readerFingerprint"),
        .key = text_of(e, "key"),
        .box = text_of(e, "box"),
        .name = text_of(e, "name"),
        .mac = text_of(e, "mac")};
}

bool body_write_claim(struct buf *out, const struct body_claim *b)
{
    buf_byte(out, '{');
    write_member_string(out, "context", b->context);
    write_member_string(out, "reader", b->reader);
    write_member_string(out, "room", b->room);
    write_member_string(out, "seat", b->seat);
    write_member_u64(out, "started", b->started);
    return ended(out);
}

void body_read_claim(const struct envelope *e, struct body_claim *b)
{
    *b = (struct body_claim){.context = text_of(e, "context"),
        .room = text_of(e, "room"),
        .seat = text_of(e, "seat"),
        .reader = text_of(e, "reader"),
        .started = number_of(e, "started")};
}

bool body_write_signal(struct buf *out, struct span signal)
{
    buf_byte(out, '{');
    write_member_raw(out, "signal", signal);
    return ended(out);
}

bool body_read_signal(const struct envelope *e, struct span from, struct buf *out)
{
    struct buf signal;
    buf_init(&signal, FRAME_MAX_DEFAULT);
    bool ok = envelope_member(e, "signal", &signal) && signal.len > 2;
    if (ok) {
        buf_byte(out, '{');
        write_member_string(out, "from", from);
        buf_byte(out, ',');
        buf_add(out, signal.p + 1, signal.len - 1);
    }
    buf_done(&signal);
    return ok && !out->failed;
}

/* ---- presence ---- */

bool body_write_presence(struct buf *out, const struct body_presence *b)
{
    assert(b->link_count <= BODY_LINKS_MAX && b->room_count <= BODY_ROOMS_MAX);
    buf_byte(out, '{');
    write_member_string(out, "card", b->card);
    write_ticks(out, "links", b->links, b->link_count);
    write_member_string(out, "presence", b->presence);
    if (b->room_count > 0)
        write_strings(out, "rooms", b->rooms, b->room_count);
    write_member_u64(out, "version", b->version);
    return ended(out);
}

void body_read_presence(const struct envelope *e, struct body_presence *b)
{
    size_t links = envelope_ticks(e, "links", b->links, BODY_LINKS_MAX);
    size_t rooms = envelope_strings(e, "rooms", b->rooms, BODY_ROOMS_MAX);
    b->link_count = links < BODY_LINKS_MAX ? links : BODY_LINKS_MAX;
    b->room_count = rooms < BODY_ROOMS_MAX ? rooms : BODY_ROOMS_MAX;
    b->card = text_of(e, "card");
    b->presence = text_of(e, "presence");
    b->version = number_of(e, "version");
}

bool body_write_digest(struct buf *out, const struct envelope_tick *versions, size_t n)
{
    buf_byte(out, '{');
    write_ticks(out, "versions", versions, n);
    return ended(out);
}

size_t body_read_digest(const struct envelope *e, struct envelope_tick *versions, size_t max)
{
    size_t n = envelope_ticks(e, "versions", versions, max);
    return n < max ? n : max;
}

/* ---- the tree ---- */

bool body_write_announcements(struct buf *out, const struct body_announcement *news, size_t n)
{
    buf_byte(out, '{');
    for (int hops = 0; hops < 2; hops++) {
        write_name(out, hops ? "hops" : "clock");
        buf_byte(out, '{');
        for (size_t i = 0; i < n; i++) {
            char id[ENVELOPE_PERSON_MAX + 1];
            if (news[i].author.n > ENVELOPE_PERSON_MAX || (hops && news[i].hops == 0))
                continue;
            memcpy(id, news[i].author.p, news[i].author.n);
            id[news[i].author.n] = '\0';
            write_member_u64(out, id, hops ? news[i].hops : news[i].sequence);
        }
        buf_byte(out, '}');
    }
    return ended(out);
}

struct body_announcement *body_read_announcements(const struct envelope *e, size_t *n)
{
    static const size_t max = ENVELOPE_CLOCK_MAX;
    struct envelope_tick *ticks = calloc(2 * max, sizeof *ticks), *hops = ticks ? ticks + max : NULL;
    struct body_announcement *news = ticks ? calloc(max, sizeof *news) : NULL;
    size_t count = news ? envelope_ticks(e, "clock", ticks, max) : 0;
    size_t m = count ? envelope_ticks(e, "hops", hops, max) : 0;
    *n = count < max ? count : max;
    for (size_t i = 0; i < *n; i++) {
        uint64_t depth = envelope_tick_of(hops, m < max ? m : max, ticks[i].who);
        news[i] =
            (struct body_announcement){ticks[i].who, ticks[i].count, depth < ENVELOPE_HOPS_MAX ? (uint32_t)depth : 0};
    }
    free(ticks);
    if (*n > 0)
        return news;
    free(news);
    return NULL;
}

bool body_write_author(struct buf *out, struct span author)
{
    buf_byte(out, '{');
    write_member_string(out, "author", author);
    return ended(out);
}

bool body_read_author(const struct envelope *e, struct span *author)
{
    return envelope_string(e, "author", author);
}

/* ---- history ---- */

/* "id/first/last": nothing, if there are none. */
static void write_stretches(struct buf *out, const char *name, const struct body_stretch *stretches, size_t n)
{
    struct span texts[BODY_STRETCHES_MAX];
    char text[BODY_STRETCHES_MAX][ENVELOPE_PERSON_MAX + STRETCH_CHARS + 1];
    assert(n <= BODY_STRETCHES_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct body_stretch *s = &stretches[i];
        assert(s->author.n > 0 && s->author.n <= ENVELOPE_PERSON_MAX);
        int length = snprintf(text[i], sizeof text[i], "%.*s/%016llx/%016llx", (int)s->author.n, s->author.p,
            (unsigned long long)s->from, (unsigned long long)s->to);
        texts[i] = (struct span){text[i], (size_t)length};
    }
    if (n > 0)
        write_strings(out, name, texts, n);
}

static bool read_number(const char *text, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < NUMBER_CHARS; i++) {
        const char *digits = "0123456789abcdef", *at = memchr(digits, text[i], 16);
        if (!at)
            return false;
        *number = *number << 4 | (uint64_t)(at - digits);
    }
    return true;
}

/* What is none is left out. */
static size_t read_stretches(const struct envelope *e, const char *name, struct body_stretch *out)
{
    struct span texts[BODY_STRETCHES_MAX];
    size_t n = envelope_strings(e, name, texts, BODY_STRETCHES_MAX), count = 0;
    for (size_t i = 0; i < n && i < BODY_STRETCHES_MAX; i++) {
        const struct span t = texts[i];
        if (t.n <= STRETCH_CHARS || t.n > ENVELOPE_PERSON_MAX + STRETCH_CHARS)
            continue;
        struct body_stretch s = {.author = {t.p, t.n - STRETCH_CHARS}};
        const char *first = t.p + s.author.n;
        if (first[0] == '/' && first[NUMBER_CHARS + 1] == '/' && read_number(first + 1, &s.from) &&
            read_number(first + NUMBER_CHARS + 2, &s.to))
            out[count++] = s;
    }
    return count;
}

static void write_wants(struct buf *out, const struct body_want *wants, size_t n)
{
    struct envelope_tick ticks[BODY_WANTS_MAX];
    assert(n <= BODY_WANTS_MAX);
    for (int past = 0; past < 2 && n > 0; past++) {
        for (size_t i = 0; i < n; i++)
            ticks[i] = (struct envelope_tick){wants[i].author, past ? wants[i].past : wants[i].to};
        write_ticks(out, past ? "past" : "want", ticks, n);
    }
}

bool body_write_request(struct buf *out, const struct body_request *b)
{
    buf_byte(out, '{');
    write_ticks(out, "clock", b->clock, b->clock_count);
    write_stretches(out, "missing", b->missing, b->missing_count);
    write_stretches(out, "expired", b->expired, b->expired_count);
    write_wants(out, b->wants, b->want_count);
    if (b->is_new)
        write_member_u64(out, "new", 1);
    return ended(out);
}

void body_read_request(const struct envelope *e, struct body_request *b)
{
    struct envelope_tick wants[BODY_WANTS_MAX], past[BODY_WANTS_MAX];
    size_t n = envelope_ticks(e, "want", wants, BODY_WANTS_MAX), m = envelope_ticks(e, "past", past, BODY_WANTS_MAX);
    b->clock = NULL;
    b->clock_count = 0;
    b->want_count = n < BODY_WANTS_MAX ? n : BODY_WANTS_MAX;
    for (size_t i = 0; i < b->want_count; i++)
        b->wants[i] = (struct body_want){wants[i].who,
            envelope_tick_of(past, m < BODY_WANTS_MAX ? m : BODY_WANTS_MAX, wants[i].who), wants[i].count};
    b->missing_count = read_stretches(e, "missing", b->missing);
    b->expired_count = read_stretches(e, "expired", b->expired);
    b->is_new = number_of(e, "new") > 0;
}

size_t body_read_clock(const struct envelope *e, struct envelope_tick *clock, size_t max)
{
    size_t n = envelope_ticks(e, "clock", clock, max);
    return n < max ? n : max;
}

bool body_write_reply(struct buf *out, const struct body_reply *b)
{
    assert(b->people_count <= BODY_PEOPLE_MAX);
    buf_byte(out, '{');
    write_member_u64(out, "count", b->count);
    write_member_string(out, "for", b->what);
    if (b->gone)
        write_member_u64(out, "gone", b->gone);
    write_strings(out, "people", b->people, b->people_count);
    if (b->now)
        write_member_u64(out, "now", b->now);
    return ended(out);
}

void body_read_reply(const struct envelope *e, struct body_reply *b)
{
    size_t n = envelope_strings(e, "people", b->people, BODY_PEOPLE_MAX);
    b->people_count = n < BODY_PEOPLE_MAX ? n : BODY_PEOPLE_MAX;
    b->what = text_of(e, "for");
    b->count = number_of(e, "count");
    b->now = number_of(e, "now");
    b->gone = 0;
    b->has_gone = envelope_number(e, "gone", &b->gone);
}

/* ---- files ---- */

bool body_write_file_offer(struct buf *out, const struct body_file_offer *b)
{
    char hash[BASE64_LEN(BODY_FILE_HASH_BYTES) + 1];
    base64_encode(b->hash, sizeof b->hash, hash);
    buf_byte(out, '{');
    write_member_u64(out, "chunkSize", b->chunk_size);
    write_member_string(out, "fileId", b->file_id);
    write_member_string(out, "hash", span_of(hash));
    if (b->tree)
        write_member_string(out, "kind", SPAN(KIND_TREE));
    write_member_string(out, "name", b->name);
    if (b->paused)
        write_member_u64(out, "paused", 1);
    write_member_u64(out, "size", b->size);
    return ended(out);
}

void body_read_file_offer(const struct envelope *e, struct body_file_offer *b)
{
    *b = (struct body_file_offer){.file_id = text_of(e, "fileId"),
        .name = text_of(e, "name"),
        .size = number_of(e, "size"),
        .chunk_size = number_of(e, "chunkSize"),
        .paused = number_of(e, "paused") > 0,
        .tree = span_is(text_of(e, "kind"), KIND_TREE)};
    bool is_hash = base64_decode(text_of(e, "hash"), b->hash, sizeof b->hash);
    assert(is_hash); /* envelope_parse has looked */
    (void)is_hash;
}

bool body_write_file_accept(struct buf *out, const struct body_file_accept *b)
{
    buf_byte(out, '{');
    write_member_string(out, "fileId", b->file_id);
    write_member_optional(out, "have", b->have);
    if (b->paused)
        write_member_u64(out, "paused", 1);
    return ended(out);
}

void body_read_file_accept(const struct envelope *e, struct body_file_accept *b)
{
    *b = (struct body_file_accept){
        .file_id = text_of(e, "fileId"), .have = text_of(e, "have"), .paused = number_of(e, "paused") > 0};
}

bool body_write_file_decline(struct buf *out, const struct body_file_decline *b)
{
    buf_byte(out, '{');
    write_member_string(out, "fileId", b->file_id);
    write_member_optional(out, "reason", b->reason);
    return ended(out);
}

void body_read_file_decline(const struct envelope *e, struct body_file_decline *b)
{
    *b = (struct body_file_decline){.file_id = text_of(e, "fileId"), .reason = text_of(e, "reason")};
}

bool body_write_file_chunk(struct buf *out, struct span frame)
{
    struct buf text;
    buf_init(&text, BASE64_LEN(ENVELOPE_FILE_FRAME_MAX) + 1);
    char *chars = frame.n <= ENVELOPE_FILE_FRAME_MAX ? buf_reserve(&text, BASE64_LEN(frame.n) + 1) : NULL;
    if (chars) {
        base64_encode((const uint8_t *)frame.p, frame.n, chars);
        buf_byte(out, '{');
        write_member_string(out, "frame", (struct span){chars, BASE64_LEN(frame.n)});
    }
    buf_done(&text);
    return chars && ended(out);
}

bool body_read_file_chunk(const struct envelope *e, struct buf *out)
{
    struct span text = text_of(e, "frame");
    size_t n = base64_bytes(text);
    char *bytes = buf_reserve(out, n);
    bool ok = bytes && base64_decode(text, (uint8_t *)bytes, n);
    out->len += ok ? n : 0;
    return ok;
}

bool body_write_attachments(struct buf *out, const struct envelope_attachment *attachments, size_t n)
{
    buf_byte(out, '[');
    for (size_t i = 0; i < n; i++) {
        const struct envelope_attachment *a = &attachments[i];
        if (i > 0)
            buf_byte(out, ',');
        buf_byte(out, '{');
        write_member_string(out, "fileId", a->file_id);
        write_member_string(out, "name", a->name);
        write_member_u64(out, "bytes", a->size);
        write_member_optional(out, "type", a->media_type.n ? a->media_type : (struct span){0});
        write_member_optional(out, "hash", a->hash.n ? a->hash : (struct span){0});
        buf_byte(out, '}');
    }
    buf_byte(out, ']');
    return !out->failed;
}

bool body_write_file_id(struct buf *out, struct span file_id)
{
    buf_byte(out, '{');
    write_member_string(out, "fileId", file_id);
    return ended(out);
}

struct span body_read_file_id(const struct envelope *e)
{
    return text_of(e, "fileId");
}
