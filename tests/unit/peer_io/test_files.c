/* SPDX-License-Identifier: MIT
 *
 * Files from one place to another through the threads (files.c, file_work.c, file_source.c, file_cache.c,
 * file_pool.c): of every size around a block's, with names that are taken, changed meanwhile, with more to write than
 * the disk takes, and closed in the middle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "tests/unit/peer_io/file_desk.h"
#include "tests/unit/peer_io/mounts.h"

enum {
    FROM = 1,
    TO = 2,
    OTHER = 3
};

struct place {
    char source[SCRATCH_PATH], dir[SCRATCH_PATH];
};

static struct place place_of(const struct scratch *s, const char *name)
{
    struct place p;
    scratch_path(s, name, p.source);
    scratch_path(s, "in", p.dir);
    mkdir(p.dir, 0700);
    return p;
}

static void test_sizes(void **state)
{
    static const size_t SIZES[] = {0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        struct desk d;
        char name[32];
        snprintf(name, sizeof name, "f%zu.bin", SIZES[i]);
        struct place at = place_of(*state, name);
        struct stat st;
        desk_open(&d);
        desk_make(at.source, SIZES[i], (unsigned)i);
        desk_offer(&d, FROM, at.source);
        assert_int_equal(d.told[FROM].size, SIZES[i]);
        assert_int_equal(d.told[FROM].block_n, (SIZES[i] + MIB - 1) / MIB);
        assert_false(d.told[FROM].tree);
        assert_string_equal(d.told[FROM].name, name);
        desk_transfer(&d, FROM, TO, at.dir);
        assert_true(desk_same(at.source, d.told[TO].path));
        mode_t mask = umask(0);
        umask(mask);
        assert_int_equal(stat(d.told[TO].path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0666 & ~mask);
        char rest[64];
        snprintf(rest, sizeof rest, "%s.part", name);
        assert_false(desk_is_there(at.dir, rest));
        strcat(rest, ".map");
        assert_false(desk_is_there(at.dir, rest));
        desk_close(&d);
    }
}

/* By an independent way: the command of OpenSSL, on what coreutils have split. */
static void test_root(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "f");
    char command[1024], is[2 * FILE_HASH_BYTES + 1], wanted[2 * FILE_HASH_BYTES + 1];
    desk_make(at.source, 2 * MIB + 5, 9);
    snprintf(command, sizeof command,
        "split -b 1M --filter='openssl dgst -sha256 -binary' '%s' | openssl dgst -sha256 -r | cut -c1-64", at.source);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    assert_non_null(fgets(wanted, sizeof wanted, p));
    pclose(p);
    desk_open(&d);
    desk_offer(&d, FROM, at.source);
    for (int i = 0; i < FILE_HASH_BYTES; i++)
        sprintf(is + 2 * i, "%02x", d.told[FROM].root[i]);
    assert_string_equal(is, wanted);
    desk_close(&d);
}

static void test_taken_names(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "notes.tar.gz");
    const char *wanted[] = {"notes.tar.gz", "notes (1).tar.gz", "notes (2).tar.gz"};
    desk_open(&d);
    for (unsigned i = 0; i < 3; i++) { /* three that are not the same */
        char path[SCRATCH_PATH + 32];
        desk_make(at.source, 100, i);
        desk_offer(&d, 1 + i, at.source);
        desk_transfer(&d, 1 + i, 4 + i, at.dir);
        snprintf(path, sizeof path, "%s/%s", at.dir, wanted[i]);
        assert_string_equal(d.told[4 + i].path, path);
    }
    desk_close(&d);
}

/* Two that have the same name and are not the same, at once. */
static void test_two_of_a_name(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "a"), bt = place_of(*state, "b");
    desk_make(at.source, MIB + 100, 1);
    desk_make(bt.source, MIB + 100, 2);
    desk_open(&d);
    desk_offer(&d, FROM, at.source);
    desk_offer(&d, OTHER, bt.source);
    desk_receive(&d, FROM, 4, at.dir, "x");
    desk_receive(&d, OTHER, 5, at.dir, "x");
    desk_carry_missing(&d, FROM, 4);
    desk_carry_missing(&d, OTHER, 5);
    desk_finish(&d, 5);
    desk_finish(&d, 4);
    assert_true(desk_same(at.source, d.told[4].path));
    assert_true(desk_same(bt.source, d.told[5].path));
    desk_close(&d);
}

/* The sentence names the file; all else goes on. */
static void test_no_source(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "absent");
    char fifo[SCRATCH_PATH];
    scratch_path(*state, "fifo", fifo);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    desk_open(&d);
    assert_true(files_open(d.f, FROM, at.source));
    desk_wait_problem(&d, FROM, "no-such-file");
    assert_non_null(strstr(d.told[FROM].sentence, at.source));
    assert_int_equal(d.told[FROM].call, FILES_OPEN);
    assert_true(files_open(d.f, OTHER, fifo));
    desk_wait_problem(&d, OTHER, "not-a-file");
    assert_non_null(strstr(d.told[OTHER].sentence, "FIFO"));
    files_read(d.f, FROM, 0, 1); /* of no use, and no harm */
    files_close(d.f, FROM, false);
    desk_make(at.source, 10, 1);
    desk_offer(&d, 4, at.source);
    desk_close(&d);
}

static void test_too_large_source(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "huge");
    desk_make(at.source, 0, 1);
    desk_open(&d);
    if (truncate(at.source, (off_t)FILE_SIZE_MAX + 1) == 0) {
        assert_true(files_open(d.f, FROM, at.source));
        desk_wait_problem(&d, FROM, "too-large");
    }
    desk_close(&d);
}

static void test_source_that_changes(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "f");
    desk_make(at.source, 3 * MIB, 1);
    desk_open(&d);
    desk_offer(&d, FROM, at.source);
    int fd = open(at.source, O_WRONLY);
    assert_int_equal(pwrite(fd, "changed", 7, MIB + 5), 7);
    files_read(d.f, FROM, 0, 5);
    DESK_WAIT(&d, FROM, blocks);
    files_read(d.f, FROM, 1, 6);
    desk_wait_problem(&d, FROM, "file-changed");
    assert_int_equal(d.told[FROM].call, FILES_READ);
    assert_int_equal(d.told[FROM].block, 1);
    assert_int_equal(d.told[FROM].ticket, 6);
    assert_int_equal(ftruncate(fd, 2 * MIB + 7), 0);
    files_read(d.f, FROM, 2, 7);
    desk_wait_problem(&d, FROM, "file-changed");
    close(fd);
    files_read(d.f, FROM, 3, 8);
    desk_wait_problem(&d, FROM, "io"); /* there is no such block */
    desk_close(&d);
}

/* A block that was read is not read again for the next who wants it. */
static void test_cache(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "f");
    desk_make(at.source, (FILE_CACHE_BLOCKS + 2) * MIB, 1);
    desk_open(&d);
    desk_offer(&d, FROM, at.source);
    files_read(d.f, FROM, 0, 1);
    DESK_WAIT(&d, FROM, blocks);
    struct file_block *first = file_block_ref(d.told[FROM].b);
    assert_int_equal(truncate(at.source, 10), 0);
    files_read(d.f, FROM, 0, 2);
    DESK_WAIT(&d, FROM, blocks);
    assert_ptr_equal(d.told[FROM].b, first);
    desk_make(at.source, (FILE_CACHE_BLOCKS + 2) * MIB, 1);
    for (uint32_t i = 1; i <= FILE_CACHE_BLOCKS; i++) {
        files_read(d.f, FROM, i, 3);
        DESK_WAIT(&d, FROM, blocks);
    }
    files_read(d.f, FROM, 0, 4); /* which is out by now */
    DESK_WAIT(&d, FROM, blocks);
    assert_ptr_not_equal(d.told[FROM].b, first);
    file_block_unref(first);
    desk_close(&d);
}

/* Of two blocks by turns, as two senders bring them; what was gathered of one is not of the other. */
static void test_pieces_of_two_blocks(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "f");
    struct file_block *both[2];
    desk_make(at.source, 2 * MIB, 1);
    desk_open(&d);
    desk_offer(&d, FROM, at.source);
    desk_receive(&d, FROM, TO, at.dir, "f");
    for (uint32_t block = 0; block < 2; block++) {
        files_read(d.f, FROM, block, 1);
        DESK_WAIT(&d, FROM, blocks);
        both[block] = file_block_ref(d.told[FROM].b);
    }
    for (uint32_t offset = 0; offset < MIB; offset += DESK_PIECE)
        for (uint32_t block = 0; block < 2; block++) {
            uint32_t n = MIB - offset < DESK_PIECE ? MIB - offset : DESK_PIECE;
            files_write(d.f, TO, block, offset, (struct span){(const char *)both[block]->bytes + offset, n});
        }
    desk_wait(&d, TO, &d.told[TO].written, 2);
    for (uint32_t block = 0; block < 2; block++) {
        files_verified(d.f, TO, block);
        file_block_unref(both[block]);
    }
    desk_finish(&d, TO);
    assert_true(desk_same(at.source, d.told[TO].path));
    desk_close(&d);
}

/* Pieces of a block that begins anew, that leave one out, and that lie outside. */
static void test_pieces(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "f");
    static char zeros[DESK_PIECE];
    desk_make(at.source, MIB + 10, 1);
    desk_open(&d);
    desk_offer(&d, FROM, at.source);
    desk_receive(&d, FROM, TO, at.dir, "f");
    files_write(d.f, TO, 1, 0, (struct span){zeros, 5});
    desk_carry(&d, FROM, TO, 1); /* anew, from 0 */
    files_write(d.f, TO, 0, 0, (struct span){zeros, 100});
    files_write(d.f, TO, 0, 200, (struct span){zeros, 100});
    files_write(d.f, TO, 0, 100, (struct span){zeros, 100}); /* of nothing that began */
    files_write(d.f, TO, 1, 5, (struct span){zeros, 6});
    desk_wait_problem(&d, TO, "io");
    assert_int_equal(d.told[TO].call, FILES_WRITE);
    files_write(d.f, TO, 2, 0, (struct span){zeros, 1});
    desk_wait_problem(&d, TO, "io");
    files_finish(d.f, TO);
    desk_wait_problem(&d, TO, "incomplete");
    desk_carry(&d, FROM, TO, 0);
    files_write(d.f, TO, 1, 0, (struct span){zeros, 5}); /* not verified any more */
    files_finish(d.f, TO);
    desk_wait_problem(&d, TO, "incomplete");
    files_read(d.f, TO, 1, 1);
    desk_wait_problem(&d, TO, "io");
    desk_carry(&d, FROM, TO, 1);
    desk_finish(&d, TO);
    assert_true(desk_same(at.source, d.told[TO].path));
    desk_close(&d);
}

/* What is verified is served to others, before the end and after it. */
static void test_part_serves(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "f");
    desk_make(at.source, 2 * MIB + 9, 1);
    desk_open(&d);
    desk_offer(&d, FROM, at.source);
    desk_receive(&d, FROM, TO, at.dir, "f");
    files_read(d.f, TO, 0, 1);
    desk_wait_problem(&d, TO, "io");
    desk_carry_missing(&d, FROM, TO);
    char other[SCRATCH_PATH];
    scratch_path(*state, "other", other);
    assert_int_equal(mkdir(other, 0700), 0);
    desk_receive(&d, FROM, OTHER, other, "../elsewhere/g");
    desk_keep(&d.told[TO].hashes, d.told[FROM].hashes, 3 * FILE_HASH_BYTES);
    desk_carry(&d, TO, OTHER, 0);
    desk_finish(&d, TO);
    files_close(d.f, FROM, false);
    desk_carry(&d, TO, OTHER, 1);
    desk_carry(&d, TO, OTHER, 2);
    desk_finish(&d, OTHER);
    assert_true(desk_same(at.source, d.told[OTHER].path));
    assert_true(desk_is_there(other, "g"));
    desk_close(&d);
}

/* More than may wait: all of it is written. */
static void test_behind(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "f");
    enum {
        BLOCKS = 48
    };
    desk_make(at.source, (size_t)BLOCKS * MIB, 1);
    desk_open(&d);
    desk_offer(&d, FROM, at.source);
    desk_receive(&d, FROM, TO, at.dir, "f");
    files_read(d.f, FROM, 0, 1);
    DESK_WAIT(&d, FROM, blocks);
    for (uint32_t i = 0; i < BLOCKS; i++)
        desk_write(&d, TO, i, d.told[FROM].b);
    desk_wait(&d, TO, &d.told[TO].written, BLOCKS);
    desk_close(&d);
}

/* What is closed is not heard of any more, in whatever it was. */
static void test_closed(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "f");
    desk_make(at.source, 40 * MIB, 1);
    desk_open(&d);
    assert_true(files_open(d.f, FROM, at.source));
    files_read(d.f, FROM, 0, 1);
    files_close(d.f, FROM, false);
    desk_offer(&d, 4, at.source);
    desk_receive(&d, 4, 5, at.dir, "f");
    desk_carry(&d, 4, 5, 0);
    assert_true(desk_is_there(at.dir, "f.part"));
    files_close(d.f, 5, false);
    files_write(d.f, 5, 1, 0, SPAN("x")); /* of no use, and no harm */
    desk_receive(&d, 4, 6, at.dir, "g");
    assert_false(desk_is_there(at.dir, "f.part"));
    assert_false(desk_is_there(at.dir, "f.part.map"));
    assert_false(file_bit(d.told[6].have, 0));
    desk_carry(&d, 4, 6, 7);
    files_close(d.f, 6, true);
    desk_ask(&d, 4, 7, at.dir, "h"); /* which is not before that, and not at all if it is closed */
    files_close(d.f, 7, false);
    desk_receive(&d, 4, 8, at.dir, "h");
    assert_true(d.told[8].knows_hashes);
    assert_true(file_bit(d.told[8].have, 7));
    assert_false(file_bit(d.told[8].have, 6));
    assert_int_equal(d.told[7].part + d.told[7].problems, 0);
    files_close(d.f, 8, true);
    desk_ask(&d, 4, 9, at.dir, "h"); /* and what is asked before it is open does nothing */
    files_write(d.f, 9, 1, 0, SPAN("x"));
    files_verified(d.f, 9, 1);
    files_finish(d.f, 9);
    DESK_WAIT(&d, 9, part);
    assert_false(file_bit(d.told[9].have, 1));
    assert_int_equal(d.told[9].problems, 0);
    assert_int_equal(d.told[FROM].opened + d.told[FROM].problems + d.told[FROM].blocks, 0);
    desk_close(&d);
}

static void test_hashing_is_told(void **state)
{
    struct desk d;
    struct place at = place_of(*state, "f");
    desk_make(at.source, 1, 1);
    assert_int_equal(truncate(at.source, (off_t)1024 * MIB), 0);
    desk_open(&d);
    gint64 began = g_get_monotonic_time();
    desk_offer(&d, FROM, at.source);
    gint64 took = g_get_monotonic_time() - began;
    assert_true(d.told[FROM].hashing >= 1);
    assert_int_equal(d.told[FROM].hashing_total, 1024LL * MIB);
    assert_true(d.told[FROM].hashing <= took / 100000 + 1);
    desk_close(&d);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, mounts_setup, mounts_teardown)
#define CASE_ON_DISK(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE_ON_DISK(test_sizes),
        CASE(test_root),
        CASE(test_taken_names),
        CASE(test_two_of_a_name),
        CASE(test_no_source),
        CASE(test_too_large_source),
        CASE(test_source_that_changes),
        CASE(test_cache),
        CASE(test_pieces_of_two_blocks),
        CASE(test_pieces),
        CASE(test_part_serves),
        CASE(test_behind),
        CASE(test_closed),
        CASE(test_hashing_is_told),
    };
    mounts = mounts_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
