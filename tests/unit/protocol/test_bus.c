/* SPDX-License-Identifier: MIT
 *
 * What daemons say to each other, and keep for each other: there and back, to the byte, and what is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/bus.h"

static void bytes_are(const struct buf *b, const char *bytes, size_t n)
{
    assert_false(b->failed);
    assert_int_equal(b->len, n);
    assert_memory_equal(b->p, bytes, n);
}

static void test_terms(void **state)
{
    (void)state;
    struct buf b;
    struct bus_terms t = {.made = true, .keeper = SPAN("n1")}, again;
    t.room.incarnation = 0x0102030405060708;
    t.room.created_ms = 9;
    t.room.max_peers = 5;
    t.room.listed = true;
    memcpy(t.room.name, "Ki", t.room.name_n = 2);
    buf_init(&b, BUS_TERMS_MAX);
    bus_terms_write(&b, &t);
    static const char PLAIN[] = "\1\2\3\4\5\6\7\10\0\0\0\0\0\0\0\11\0\0\0\5\5\2n1\2Ki";
    bytes_are(&b, PLAIN, sizeof PLAIN - 1);
    buf_reset(&b);
    t.room.locked = true;
    memset(t.room.salt, 7, sizeof t.room.salt);
    memset(t.room.hash, 8, sizeof t.room.hash);
    bus_terms_write(&b, &t);
    assert_true(bus_terms_read(buf_view(&b), &again));
    assert_true(again.made && again.room.locked && again.room.listed);
    assert_int_equal(again.room.incarnation, t.room.incarnation);
    assert_memory_equal(again.room.hash, t.room.hash, sizeof t.room.hash);
    assert_true(span_is(again.keeper, "n1"));
    for (size_t n = 0; n < b.len; n++)
        assert_false(bus_terms_read((struct span){b.p, n}, &again));
    buf_byte(&b, 'x');
    assert_false(bus_terms_read(buf_view(&b), &again));
    b.p[20] = 8; /* a flag of another version */
    assert_false(bus_terms_read((struct span){b.p, b.len - 1}, &again));
    buf_done(&b);
}

static void test_entries(void **state)
{
    (void)state;
    struct buf b;
    struct bus_entry e = {true, 'n', 7, SPAN("m.a"), {SPAN("\"A\""), SPAN("{}")}}, again;
    buf_init(&b, BUS_ENTRY_MAX);
    bus_entry_write(&b, &e);
    static const char BYTES[] = "\1n\0\0\0\7\3m.a\0\3\"A\"{}";
    bytes_are(&b, BYTES, sizeof BYTES - 1);
    assert_true(bus_entry_read(buf_view(&b), &again));
    assert_true(again.away && again.dialect == 'n' && again.generation == 7);
    assert_true(span_is(again.previous, "m.a") && span_is(again.introduction.metadata, "{}"));
    for (size_t n = 0; n < sizeof BYTES - 3; n++)
        assert_false(bus_entry_read((struct span){b.p, n}, &again));
    b.p[0] = 2;
    assert_false(bus_entry_read(buf_view(&b), &again));
    buf_done(&b);
}

static void test_records(void **state)
{
    (void)state;
    struct buf b;
    struct bus_record r;
    const char *problem = NULL;
    buf_init(&b, BUS_RECORD_MAX);
    bus_record_write(&b, &(struct bus_record){.type = BUS_RECORD_ANNOUNCE,
                             .announce = {1, 2, 3, BUS_LEFT, 4, SPAN("a"), SPAN("n.x"), {NULL, 0}, {NULL, 0}}});
    static const char LEFT[] = "\0\0\0\43\1A\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3L\4\1a\3n.x\0";
    bytes_are(&b, LEFT, sizeof LEFT - 1);
    bus_record_write(&b, &(struct bus_record){.type = BUS_RECORD_SIGNAL,
                             .signal = {SPAN("n"), 5, 6, 'n', SPAN("n.x"), SPAN("m.y"), SPAN("{}")}});
    bus_record_write(
        &b, &(struct bus_record){.type = BUS_RECORD_NAME, .name = {SPAN("k"), SPAN("b"), SPAN("a"), SPAN("{}")}});
    bus_record_write(&b, &(struct bus_record){.type = BUS_RECORD_TOPIC, .topic = {SPAN("t"), SPAN("{}")}});
    struct span message = buf_view(&b);
    assert_int_equal(bus_record_read(&message, &r, &problem), BUS_READ_ONE);
    assert_true(r.type == BUS_RECORD_ANNOUNCE && r.announce.version == 3 && span_is(r.announce.peer, "n.x"));
    assert_int_equal(bus_record_read(&message, &r, &problem), BUS_READ_ONE);
    assert_true(r.type == BUS_RECORD_SIGNAL && r.signal.sequence == 6 && span_is(r.signal.bytes, "{}"));
    assert_int_equal(bus_record_read(&message, &r, &problem), BUS_READ_ONE);
    assert_true(r.type == BUS_RECORD_NAME && span_is(r.name.from, "a"));
    assert_int_equal(bus_record_read(&message, &r, &problem), BUS_READ_ONE);
    assert_true(r.type == BUS_RECORD_TOPIC && span_is(r.topic.topic, "t"));
    assert_int_equal(bus_record_read(&message, &r, &problem), BUS_READ_END);
    buf_done(&b);
}

static enum bus_read reads(const char *bytes, size_t n, const char *words)
{
    struct bus_record r;
    const char *problem = "";
    struct span message = {bytes, n};
    enum bus_read read = bus_record_read(&message, &r, &problem);
    assert_non_null(strstr(problem, words));
    return read;
}

static void test_what_is_none(void **state)
{
    (void)state;
    assert_int_equal(reads("\0\0\0", 3, "length"), BUS_READ_CUT);
    assert_int_equal(reads("\0\0\0\3\1A", 6, "length"), BUS_READ_CUT);
    assert_int_equal(reads("\177\0\0\0\1A", 6, "length"), BUS_READ_CUT);
    assert_int_equal(reads("\0\0\0\2\2A", 6, "another version"), BUS_READ_BAD);
    assert_int_equal(reads("\0\0\0\2\1Z", 6, "unknown kind"), BUS_READ_BAD);
    assert_int_equal(reads("\0\0\0\2\1S", 6, "too short"), BUS_READ_BAD);
    /* A room id that is none; and a member that joined without an entry. */
    static const char ROOM[] = "\0\0\0\43\1A\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3L\4\1/\3n.x\0";
    assert_int_equal(reads(ROOM, sizeof ROOM - 1, "must not be there"), BUS_READ_BAD);
    static const char ENTRY[] = "\0\0\0\43\1A\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3J\4\1a\3n.x\0";
    assert_int_equal(reads(ENTRY, sizeof ENTRY - 1, "must not be there"), BUS_READ_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
