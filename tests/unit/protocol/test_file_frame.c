/* SPDX-License-Identifier: MIT
 *
 * Frames of usher-files: each type there and back, and one byte more, less or beyond its bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "protocol/file_frame.h"

static char bytes[FILE_CHUNK_MAX + 1];

static const struct file_frame FRAMES[] = {
    {FILE_FRAME_HASHES_WANTED, {"f1", 2}, 0, 0, 0, {0}},
    {FILE_FRAME_HASHES, {"f1", 2}, FILE_BLOCKS_MAX - 2, 0, 0, {bytes, 2 * (size_t)FILE_HASH_BYTES}},
    {FILE_FRAME_HASHES, {"f1", 2}, 0, 0, 0, {bytes, (size_t)FILE_HASHES_MAX *FILE_HASH_BYTES}},
    {FILE_FRAME_WANTED, {"f1", 2}, 7, 0, FILE_BLOCK_BYTES, {0}},
    {FILE_FRAME_WANTED, {"f1", 2}, FILE_BLOCKS_MAX - 1, FILE_BLOCK_BYTES - 1, 1, {0}},
    {FILE_FRAME_CHUNK, {"f1", 2}, 7, 0, 0, {bytes, FILE_CHUNK_MAX}},
    {FILE_FRAME_CHUNK, {"f1", 2}, 7, FILE_BLOCK_BYTES - 1, 0, {bytes, 1}},
    {FILE_FRAME_HAVE, {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64}, 7, 0, 0, {0}},
    {FILE_FRAME_STOP, {"f", 1}, 0, 0, 0, {0}},
    {FILE_FRAME_REFUSED, {"f1", 2}, 0x01020, 0, 0, {0}},
    {FILE_FRAME_COMING, {"f1", 2}, 8, 0, 0, {0}},
};

static void test_there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof FRAMES / sizeof FRAMES[0]; i++) {
        struct file_frame f;
        struct buf out;
        buf_init(&out, FILE_FRAME_HEAD_MAX + FILE_CHUNK_MAX);
        assert_true(file_frame_write(&out, &FRAMES[i]));
        assert_true(file_frame_read(buf_view(&out), &f));
        assert_int_equal(f.type, FRAMES[i].type);
        assert_true(span_eq(f.file_id, FRAMES[i].file_id));
        assert_int_equal(f.block, FRAMES[i].block);
        assert_int_equal(f.offset, FRAMES[i].offset);
        assert_int_equal(f.n, FRAMES[i].n);
        assert_true(span_eq(f.bytes, FRAMES[i].bytes));
        bool ends_in_bytes = f.bytes.n > 0;
        assert_false(file_frame_read((struct span){out.p, out.len - f.bytes.n - 1}, &f)); /* cut in its head */
        buf_byte(&out, 'x');
        if (!ends_in_bytes || f.type == FILE_FRAME_HASHES)
            assert_false(file_frame_read(buf_view(&out), &f));
        buf_done(&out);
    }
}

static void refused(const char *frame, size_t n)
{
    struct file_frame f;
    assert_false(file_frame_read((struct span){frame, n}, &f));
}
#define REFUSED(literal) refused(literal, sizeof(literal) - 1)

static void test_bounds(void **state)
{
    (void)state;
    refused(NULL, 0);
    REFUSED("\x05");
    REFUSED("\x00\x02"
            "f1\0\0\0\1");
    REFUSED("\x09\x02"
            "f1\0\0\0\1");
    REFUSED("\x05\x00\0\0\0\1"); /* no id */
    REFUSED("\x05\x02"
            "f/\0\0\0\1"); /* none that may be one */
    REFUSED("\x05\x02"
            "f1\0\4\0\0"); /* behind the last block */
    REFUSED("\x02\x02"
            "f1\0\0\0\0"
            "0123456789abcdef0123456789abcde"); /* 31 bytes */
    REFUSED("\x02\x02"
            "f1\0\0\0\0");
    REFUSED("\x02\x02"
            "f1\0\4\0\0"
            "0123456789abcdef0123456789abcdef");
    REFUSED("\x03\x02"
            "f1\0\0\0\0\0\0\0\0\0\0\0\0"); /* nothing */
    REFUSED("\x03\x02"
            "f1\0\0\0\0\0\x0f\xff\xff\0\0\0\2"); /* past the block */
    REFUSED("\x03\x02"
            "f1\0\0\0\0\xff\xff\xff\xff\0\0\0\2");
    REFUSED("\x04\x02"
            "f1\0\0\0\0\0\0\0\0");
    REFUSED("\x04\x02"
            "f1\0\0\0\0\0\x0f\xff\xff"
            "ab");
}

static void test_chunk_head(void **state)
{
    (void)state;
    char frame[FILE_FRAME_HEAD_MAX + 3];
    size_t n = file_frame_chunk_head(SPAN("f1"), 3, 16384, frame);
    memcpy(frame + n, "abc", 3);
    struct file_frame f;
    assert_true(file_frame_read((struct span){frame, n + 3}, &f));
    assert_int_equal(f.type, FILE_FRAME_CHUNK);
    assert_int_equal(f.block, 3);
    assert_int_equal(f.offset, 16384);
    assert_true(span_is(f.bytes, "abc"));
}

static void test_blocks_of_a_size(void **state)
{
    (void)state;
    assert_int_equal(file_blocks(0), 0);
    assert_int_equal(file_blocks(1), 1);
    assert_int_equal(file_blocks(FILE_BLOCK_BYTES), 1);
    assert_int_equal(file_blocks(FILE_BLOCK_BYTES + 1), 2);
    assert_true(file_blocks(UINT64_MAX) > FILE_BLOCKS_MAX);
    assert_int_equal(file_block_bytes(FILE_BLOCK_BYTES + 1, 0), FILE_BLOCK_BYTES);
    assert_int_equal(file_block_bytes(FILE_BLOCK_BYTES + 1, 1), 1);
    assert_int_equal(file_block_bytes(FILE_BLOCK_BYTES, 0), FILE_BLOCK_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_chunk_head),
        cmocka_unit_test(test_blocks_of_a_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
