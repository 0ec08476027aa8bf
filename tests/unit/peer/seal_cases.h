/* SPDX-License-Identifier: MIT
 *
 * What a seal promises, under whatever ports the including test brings: the toys' and OpenSSL's hold to the same.
 */
#ifndef TEST_PEER_SEAL_CASES_H
#define TEST_PEER_SEAL_CASES_H

#include "base/rng.h"
#include "peer/core/people/seal.h"

#define SEAL_ANN "aaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SEAL_BOB "bbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SEAL_CID "cccccccccccccccccccccccccc"
#define SEAL_TEXT "the plain words"

/* Ann writes to Bob and Cid; Dot is neither. */
struct seal_people {
    struct peer_crypto ann, bob, cid, dot;
    uint8_t ann_box[KEY_BYTES], bob_box[KEY_BYTES], cid_box[KEY_BYTES];
};

static inline struct buf seal_room(void)
{
    struct buf b;
    buf_init(&b, PEER_MESSAGE_MAX);
    return b;
}

static inline struct envelope seal_message(struct span id)
{
    static const struct span to[] = {{SEAL_BOB, 26}, {SEAL_CID, 26}};
    static const struct envelope_tick clock[] = {{{SEAL_ANN, 26}, 9}};
    return (struct envelope){.type = ENVELOPE_PRIVATE_MESSAGE,
        .id = id,
        .from = SPAN(SEAL_ANN),
        .to = to,
        .to_count = 2,
        .text = SPAN(SEAL_TEXT),
        .metadata = SPAN("{\"mood\":\"glad\"}"),
        .timestamp = 1700000000000,
        .sequence = 9,
        .clock = clock,
        .clock_count = 1,
        .conversation = SPAN("p:" SEAL_ANN),
        .is_signed = true};
}

/* Ann's message as it goes out; its parsed form is the caller's to end. */
static inline struct envelope seal_sent(struct seal_people *p, struct span id, struct buf *text)
{
    struct seal_reader readers[] = {{SPAN(SEAL_BOB), p->bob_box}, {SPAN(SEAL_CID), p->cid_box}};
    struct envelope e = seal_message(id), parsed;
    struct rng_seeded seed;
    struct sealed sealed;
    rng_seeded_init(&seed, (uint64_t)id.p[0] + 1);
    struct rng rng = rng_seeded_port(&seed);
    assert_true(seal_envelope(&p->ann, &rng, &e, readers, 2, &sealed));
    assert_null(e.text.p);
    buf_reset(text);
    assert_true(envelope_write(&e, text));
    sealed_done(&sealed);
    assert_true(envelope_parse(buf_view(text), &parsed, NULL));
    return parsed;
}

static inline const char *seal_tried(const struct peer_crypto *reader, const struct envelope *e, const char *me,
    const uint8_t box[KEY_BYTES], struct buf *content)
{
    buf_reset(content);
    const char *why = seal_open(reader, e, span_of(me), box, content);
    if (why)
        assert_int_equal(content->len, 0);
    return why;
}

/* Each reader opens it, with the other's key gone too, and reads what Ann wrote; nobody sees it on the way. */
static inline void seal_reaches_its_readers(struct seal_people *p)
{
    struct buf text = seal_room(), content = seal_room(), one = seal_room(), before = seal_room(), after = seal_room();
    struct envelope e = seal_sent(p, SPAN("m1"), &text), alone;
    const char *problem;
    struct span mood;
    assert_null(memmem(text.p, text.len, SEAL_TEXT, strlen(SEAL_TEXT)));
    assert_null(memmem(text.p, text.len, "glad", 4));
    assert_null(seal_tried(&p->cid, &e, SEAL_CID, p->ann_box, &content));
    assert_true(envelope_copy_for(buf_view(&text), SPAN(SEAL_BOB), 0, SPAN(""), &one));
    assert_null(memmem(one.p, one.len, SEAL_CID "\":\"", 29));
    assert_true(envelope_parse(buf_view(&one), &alone, NULL));
    assert_int_equal(alone.key_count, 1);
    assert_null(seal_tried(&p->bob, &alone, SEAL_BOB, p->ann_box, &content));
    assert_true(envelope_signed_bytes(&alone, &before));
    assert_true(envelope_open_content(&alone, buf_view(&content), &problem));
    assert_true(span_is(alone.text, SEAL_TEXT));
    assert_true(span_is(alone.metadata, "{\"mood\":\"glad\"}"));
    assert_true(envelope_string(&alone, "mood", &mood) && span_is(mood, "glad"));
    assert_true(envelope_signed_bytes(&alone, &after));
    assert_true(span_eq(buf_view(&before), buf_view(&after)));
    assert_false(envelope_open_content(&alone, buf_view(&content), &problem)); /* once */
    envelope_done(&alone);
    envelope_done(&e);
    struct buf *all[] = {&text, &content, &one, &before, &after};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_done(all[i]);
}

/* `keys` is not signed: whatever somebody makes of it ends in a reason. */
static inline void seal_trusts_no_key(struct seal_people *p)
{
    struct buf text = seal_room(), other = seal_room(), content = seal_room();
    struct envelope e = seal_sent(p, SPAN("m1"), &text), f = seal_sent(p, SPAN("m2"), &other), g = e;
    const char *altered = "a key that does not open";
    struct envelope_key bob = {SPAN(SEAL_BOB), {0}}, cid = {SPAN(SEAL_CID), {0}};
    for (size_t i = 0; i < e.key_count; i++)
        *(span_is(e.keys[i].who, SEAL_BOB) ? &bob : &cid) = e.keys[i];
    assert_string_equal(seal_tried(&p->dot, &e, SEAL_ANN, p->ann_box, &content), "a message that is not sealed to us");
    assert_string_equal(seal_tried(&p->dot, &e, SEAL_BOB, p->ann_box, &content), altered);
    assert_string_equal(seal_tried(&p->bob, &e, SEAL_BOB, p->cid_box, &content), altered); /* said to be from Cid */
    struct envelope_key given = {SPAN(SEAL_BOB), cid.wrapped};
    g.keys = &given;
    g.key_count = 1;
    assert_string_equal(seal_tried(&p->bob, &g, SEAL_BOB, p->ann_box, &content), altered); /* Cid's key */
    for (size_t i = 0; i < f.key_count; i++)
        if (span_is(f.keys[i].who, SEAL_BOB))
            given.wrapped = f.keys[i].wrapped;
    assert_string_equal(seal_tried(&p->bob, &g, SEAL_BOB, p->ann_box, &content), altered); /* another message's */
    char wrapped[ENVELOPE_KEY_CHARS_MAX];
    for (size_t i = 0; i < bob.wrapped.n; i++) {
        memcpy(wrapped, bob.wrapped.p, bob.wrapped.n);
        wrapped[i] = wrapped[i] == 'A' ? 'B' : 'A';
        given.wrapped = (struct span){wrapped, bob.wrapped.n};
        assert_string_equal(seal_tried(&p->bob, &g, SEAL_BOB, p->ann_box, &content), altered);
        given.wrapped = (struct span){bob.wrapped.p, i};
        assert_string_equal(seal_tried(&p->bob, &g, SEAL_BOB, p->ann_box, &content), altered);
    }
    g.key_count = 0;
    assert_non_null(seal_tried(&p->bob, &g, SEAL_BOB, p->ann_box, &content));
    envelope_done(&e);
    envelope_done(&f);
    buf_done(&text);
    buf_done(&other);
    buf_done(&content);
}

/* One text in the frame becomes another of the same length, `keys` and the rest stay. */
static inline const char *seal_after(
    struct seal_people *p, const struct buf *text, const char *from, const char *to, struct buf *content)
{
    char *copy = malloc(text->len), *at;
    struct envelope e;
    assert_non_null(copy);
    memcpy(copy, text->p, text->len);
    at = memmem(copy, text->len, from, strlen(from));
    assert_non_null(at);
    memcpy(at, to, strlen(to));
    assert_true(envelope_parse((struct span){copy, text->len}, &e, NULL));
    const char *why = seal_tried(&p->bob, &e, SEAL_BOB, p->ann_box, content);
    envelope_done(&e);
    free(copy);
    return why;
}

/* Content is bound to its header, whole, and cannot be cut or changed anywhere. */
static inline void seal_is_bound_to_its_header(struct seal_people *p)
{
    const char *altered = "sealed content that was altered";
    struct buf text = seal_room(), content = seal_room();
    struct envelope e = seal_sent(p, SPAN("m1"), &text), g = e;
    assert_string_equal(seal_after(p, &text, "\"to\":[\"bb", "\"to\":[\"dd", &content), altered);
    assert_string_equal(seal_after(p, &text, "1700000000000", "1700000000001", &content), altered);
    assert_string_equal(seal_after(p, &text, "private_message", "privatf_message", &content), altered);
    assert_string_equal(seal_after(p, &text, "\"id\":\"m1\"", "\"id\":\"m2\"", &content), "a key that does not open");
    size_t n = e.encrypted.n;
    char *sealed = malloc(n);
    assert_non_null(sealed);
    for (size_t i = 0; i < n; i++) {
        memcpy(sealed, e.encrypted.p, n);
        sealed[i] = sealed[i] == 'A' ? 'B' : 'A';
        g.encrypted = (struct span){sealed, n};
        assert_string_equal(seal_tried(&p->bob, &g, SEAL_BOB, p->ann_box, &content), altered);
        g.encrypted.n = i;
        assert_string_equal(seal_tried(&p->bob, &g, SEAL_BOB, p->ann_box, &content), altered);
    }
    free(sealed);
    envelope_done(&e);
    buf_done(&text);
    buf_done(&content);
}

#endif
