/* SPDX-License-Identifier: MIT
 *
 * The shared vectors (tests/vectors) against our own code; vectors.test.mjs runs the same files from Node. They are
 * looked for in the folder named by the first argument or VECTORS, else in tests/vectors below the working directory.
 * Hashes and signatures are checked in Node only: nothing linked here knows cryptography, so a conversation's hash
 * comes from the vector, and what is hashed is compared instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "protocol/body.h"
#include "protocol/canonical.h"
#include "protocol/dialect.h"
#include "protocol/envelope.h"
#include "protocol/message.h"

enum {
    INPUT_MAX = 1024 * 1024,
    IDS_MAX = 16
};

static const char *folder(const char *given)
{
    const char *named = getenv("VECTORS");
    return given ? given : named ? named : "tests/vectors";
}

static json_t *load(void **state, const char *file)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s.json", (const char *)*state, file);
    json_t *cases = json_load_file(path, 0, &error);
    if (!cases)
        fail_msg("%s: %s", path, error.text);
    assert_true(json_array_size(cases) > 0);
    return cases;
}

static const char *text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void add_hex(struct buf *b, const char *hex)
{
    for (; hex[0] && hex[1]; hex += 2) {
        char digits[3] = {hex[0], hex[1], 0};
        buf_byte(b, (char)strtoul(digits, NULL, 16));
    }
}

static void add_part(struct buf *b, const json_t *part)
{
    if (json_is_string(part))
        buf_add(b, json_string_value(part), json_string_length(part));
    else if (text(part, "hex"))
        add_hex(b, text(part, "hex"));
    for (json_int_t i = json_integer_value(json_object_get(part, "times")); i > 0; i--)
        buf_text(b, text(part, "repeat"));
}

/* A text, or the concatenation of texts, {"hex"} and {"repeat","times"}. The caller ends the buffer. */
static struct buf bytes_of(const json_t *value)
{
    struct buf b;
    size_t i;
    json_t *part;
    buf_init(&b, INPUT_MAX);
    buf_reserve(&b, 0);
    add_part(&b, value);
    json_array_foreach(value, i, part) add_part(&b, part);
    assert_false(b.failed);
    return b;
}

static void says(bool holds, const json_t *one, const char *what)
{
    if (!holds)
        fail_msg("[%s] %s: %s", text(one, "clause"), text(one, "name"), what);
}

static void check_frame(const json_t *one)
{
    struct buf in = bytes_of(json_object_get(one, "in"));
    const json_t *expect = json_object_get(one, "expect");
    struct message m;
    enum error e = message_parse(buf_view(&in), &m);
    if (text(expect, "error")) {
        says(strcmp(error_code(e), text(expect, "error")) == 0, one, error_code(e));
        says(m.problem != NULL, one, "no sentence");
    } else {
        says(e == ERROR_NONE, one, m.problem ? m.problem : error_code(e));
        says(strcmp(message_name(m.type), text(expect, "type")) == 0, one, message_name(m.type));
    }
    if (text(expect, "ref"))
        says(span_is(m.ref, text(expect, "ref")), one, "another ref is echoed");
    else
        says(e == ERROR_NONE || m.ref.n == 0, one, "a ref is echoed");
    buf_done(&in);
}

static void test_frames(void **state)
{
    json_t *cases = load(state, "frames"), *one;
    size_t i;
    json_array_foreach(cases, i, one) check_frame(one);
    json_decref(cases);
}

static void test_splices(void **state)
{
    json_t *cases = load(state, "splices"), *one;
    size_t i;
    json_array_foreach(cases, i, one)
    {
        struct buf in = bytes_of(json_object_get(one, "in")), out = bytes_of(json_object_get(one, "expect"));
        struct message m;
        says(message_parse(buf_view(&in), &m) == ERROR_NONE, one, "is refused");
        struct frame *f = message_splice(&m, span_of(text(one, "from")));
        says(f && span_eq(frame_text(f), buf_view(&out)), one, "other bytes");
        frame_unref(f);
        buf_done(&in);
        buf_done(&out);
    }
    json_decref(cases);
}

static void check_packet(const json_t *one)
{
    struct buf in = bytes_of(json_object_get(one, "in"));
    const json_t *expect = json_object_get(one, "expect");
    const char *type = text(expect, "type"), *error = text(expect, "error"), *ref = text(expect, "ref");
    struct request r;
    enum error e = dialect_socketio.read(buf_view(&in), &r);
    if (error) {
        says(strcmp(error_code(e), error) == 0, one, error_code(e));
        says(r.problem != NULL, one, "no sentence");
        says(r.final == json_is_true(json_object_get(expect, "final")), one, "it ends the connection, or does not");
        says(r.attachments == json_integer_value(json_object_get(expect, "attachments")), one, "other attachments");
    } else {
        says(e == ERROR_NONE, one, r.problem ? r.problem : error_code(e));
        says(strcmp(message_name(r.type), type) == 0, one, message_name(r.type));
    }
    says(span_is(r.ref, ref ? ref : ""), one, "another ref is echoed");
    buf_done(&in);
}

/* Against socket.io-parser they are held in tests/e2e/socketio_protocol.test.mjs. */
static void test_packets(void **state)
{
    size_t i;
    json_t *one, *cases = load(state, "socketio");
    json_array_foreach(cases, i, one) check_packet(one);
    json_decref(cases);
}

static void test_errors(void **state)
{
    json_t *cases = load(state, "errors"), *one;
    size_t i;
    bool seen[ERRORS] = {true};
    json_array_foreach(cases, i, one)
    {
        const json_t *close = json_object_get(json_object_get(one, "expect"), "close");
        enum error e = ERROR_NONE + 1;
        while (e < ERRORS && strcmp(error_code(e), text(one, "in")) != 0)
            e++;
        says(e < ERRORS, one, "no such code");
        says(error_close_code(e) == json_integer_value(close), one, "another close code");
        seen[e] = true;
    }
    for (enum error e = ERROR_NONE; e < ERRORS; e++)
        if (!seen[e])
            fail_msg("no vector has %s", error_code(e));
    json_decref(cases);
}

static void test_canonical(void **state)
{
    json_t *cases = load(state, "canonical"), *one;
    size_t i;
    json_array_foreach(cases, i, one)
    {
        struct buf out;
        buf_init(&out, INPUT_MAX);
        bool ok = canonical_text(span_of(text(one, "in")), &out);
        const char *expect = text(one, "expect");
        says(ok == (expect != NULL), one, ok ? "is accepted" : "is refused");
        says(!ok || span_is(buf_view(&out), expect), one, "another form");
        buf_done(&out);
    }
    json_decref(cases);
}

/* Stands for SHA-256: checks what is hashed, answers from the vector. */
static void vector_sha256(void *ctx, struct span bytes, uint8_t hash[ENVELOPE_HASH_BYTES])
{
    const json_t *one = ctx;
    says(span_is(bytes, text(one, "hashed")), one, "something else is hashed");
    struct buf b;
    buf_init(&b, ENVELOPE_HASH_BYTES);
    add_hex(&b, text(one, "sha256"));
    assert_int_equal(b.len, ENVELOPE_HASH_BYTES);
    memcpy(hash, b.p, ENVELOPE_HASH_BYTES);
    buf_done(&b);
}

static void test_ids(void **state)
{
    json_t *cases = load(state, "ids"), *one;
    size_t i, n;
    json_array_foreach(cases, i, one)
    {
        char made[ENVELOPE_CONVERSATION_MAX + 1];
        json_t *in = json_object_get(one, "in"), *id;
        if (json_is_array(in)) {
            struct span ids[IDS_MAX];
            json_array_foreach(in, n, id) ids[n] = span_of(json_string_value(id));
            envelope_people_conversation(ids, json_array_size(in), vector_sha256, one, made);
        } else {
            struct buf hash;
            buf_init(&hash, ENVELOPE_HASH_BYTES);
            add_hex(&hash, text(one, "sha256"));
            assert_int_equal(hash.len, ENVELOPE_HASH_BYTES);
            envelope_short_hash((const uint8_t *)hash.p, made);
            buf_done(&hash);
        }
        says(strcmp(made, text(one, "expect")) == 0, one, made);
    }
    json_decref(cases);
}

static void check_signed(const json_t *one, const struct envelope *e)
{
    const json_t *expect = json_object_get(one, "expect");
    char signature[BASE64_LEN(ENVELOPE_SIGNATURE_BYTES) + 1];
    struct buf out;
    buf_init(&out, INPUT_MAX);
    says(e->is_signed, one, "the signature is not seen");
    base64_encode(e->signature, sizeof e->signature, signature);
    says(strcmp(signature, text(expect, "signature")) == 0, one, "another signature");
    says(envelope_signed_bytes(e, &out), one, "no signed bytes");
    says(span_is(buf_view(&out), text(expect, "canonical")), one, "other bytes are signed");
    buf_done(&out);
}

static void test_envelopes(void **state)
{
    json_t *cases = load(state, "envelopes"), *one;
    size_t i;
    json_array_foreach(cases, i, one)
    {
        struct buf in = bytes_of(json_object_get(one, "in"));
        const json_t *expect = json_object_get(one, "expect");
        struct envelope e;
        const char *problem = NULL;
        bool ok = envelope_parse(buf_view(&in), &e, &problem);
        says(ok == json_is_object(expect), one, ok ? "is accepted" : problem);
        if (ok)
            says(span_is(e.type_name, text(expect, "type")), one, "another type");
        if (ok && text(expect, "canonical"))
            check_signed(one, &e);
        envelope_done(&e);
        buf_done(&in);
    }
    json_decref(cases);
}

/* What was read of a body, written again. */
static bool rewrite(const struct envelope *e, struct buf *out)
{
    struct span ids[ENVELOPE_OF_MAX], author;
    struct envelope_tick ticks[8];
    struct buf signal;
    size_t n;
    bool ok;
    switch (e->type) {
    case ENVELOPE_HEARTBEAT: {
        struct body_heartbeat b;
        return body_read_heartbeat(e, &b) && body_write_heartbeat(out, &b);
    }
    case ENVELOPE_PEER_INTRODUCTION: {
        struct body_introduction b;
        body_read_introduction(e, &b);
        return body_write_introduction(out, &b);
    }
    case ENVELOPE_IDENTITY_CLAIM: {
        struct body_claim b;
        body_read_claim(e, &b);
        return body_write_claim(out, &b);
    }
    case ENVELOPE_CONNECTION_REQUEST:
        buf_init(&signal, INPUT_MAX);
        ok = body_read_signal(e, SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaa"), &signal) &&
             body_write_signal(out, buf_view(&signal));
        buf_done(&signal);
        return ok;
    case ENVELOPE_PRESENCE_UPDATE: {
        struct body_presence b;
        body_read_presence(e, &b);
        return body_write_presence(out, &b);
    }
    case ENVELOPE_PRESENCE_DIGEST:
        return body_write_digest(out, ticks, body_read_digest(e, ticks, 8));
    case ENVELOPE_BROADCAST_ANNOUNCE: {
        struct body_announcement *news = body_read_announcements(e, &n);
        ok = news && body_write_announcements(out, news, n);
        free(news);
        return ok;
    }
    case ENVELOPE_BROADCAST_GRAFT:
        return body_read_author(e, &author) && body_write_author(out, author);
    case ENVELOPE_HISTORY_REQUEST: {
        struct body_request b;
        body_read_request(e, &b);
        b.clock = ticks;
        b.clock_count = envelope_ticks(e, "clock", ticks, 8);
        return body_write_request(out, &b);
    }
    case ENVELOPE_HISTORY_REPLY: {
        struct body_reply b;
        body_read_reply(e, &b);
        return body_write_reply(out, &b);
    }
    case ENVELOPE_FILE_OFFER: {
        struct body_file_offer b;
        body_read_file_offer(e, &b);
        return body_write_file_offer(out, &b);
    }
    case ENVELOPE_FILE_ACCEPT: {
        struct body_file_accept b;
        body_read_file_accept(e, &b);
        return body_write_file_accept(out, &b);
    }
    case ENVELOPE_FILE_DECLINE: {
        struct body_file_decline b;
        body_read_file_decline(e, &b);
        return body_write_file_decline(out, &b);
    }
    case ENVELOPE_FILE_COMPLETE:
        return body_write_file_id(out, body_read_file_id(e));
    default:
        n = body_read_ids(e, ids);
        return n > 0 && body_write_ids(out, ids, n);
    }
}

static void test_bodies(void **state)
{
    json_t *cases = load(state, "bodies"), *one;
    size_t i;
    json_array_foreach(cases, i, one)
    {
        const json_t *in = json_object_get(one, "in"), *expect = json_object_get(one, "expect");
        json_t *message =
            json_pack("{s:s, s:s, s:{s:O}}", "id", "1", "type", text(one, "type"), "content", "metadata", (json_t *)in);
        char *written = json_dumps(message, JSON_COMPACT);
        const char *problem = NULL;
        struct envelope e;
        struct buf out;
        buf_init(&out, INPUT_MAX);
        says(envelope_parse(span_of(written), &e, &problem), one, problem);
        says(rewrite(&e, &out), one, "is not written again");
        json_t *again = json_loadb(out.p, out.len, JSON_REJECT_DUPLICATES, NULL);
        says(json_equal(again, expect ? expect : in), one, "something else is written");
        json_decref(again);
        json_decref(message);
        free(written);
        envelope_done(&e);
        buf_done(&out);
    }
    json_decref(cases);
}

static void test_cards(void **state)
{
    static const char KEY[] = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    char text[512], short_one[512];
    struct body_card card;
    struct buf out;
    (void)state;
    snprintf(text, sizeof text, "%s %s %086d== Ann \xc3\xa9", KEY, KEY, 0);
    memset(text + 2 * sizeof KEY, 'A', 86);
    buf_init(&out, sizeof text);
    assert_true(body_read_card(span_of(text), &card));
    assert_true(span_is(card.name, "Ann \xc3\xa9"));
    assert_true(body_write_card(&out, &card));
    assert_true(span_is(buf_view(&out), text));
    /* One that ends early, at any place before the name, is none. */
    for (size_t n = 0; n < 2 * sizeof KEY + 89; n++) {
        memcpy(short_one, text, n);
        assert_false(body_read_card((struct span){short_one, n}, &card));
    }
    text[sizeof KEY - 1] = '/';
    assert_false(body_read_card(span_of(text), &card));
    buf_done(&out);
}

int main(int argc, char **argv)
{
    char *path = (char *)folder(argc > 1 ? argv[1] : NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_frames, path),
        cmocka_unit_test_prestate(test_splices, path),
        cmocka_unit_test_prestate(test_packets, path),
        cmocka_unit_test_prestate(test_errors, path),
        cmocka_unit_test_prestate(test_canonical, path),
        cmocka_unit_test_prestate(test_ids, path),
        cmocka_unit_test_prestate(test_envelopes, path),
        cmocka_unit_test_prestate(test_bodies, path),
        cmocka_unit_test(test_cards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
