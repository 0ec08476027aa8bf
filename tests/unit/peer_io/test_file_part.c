/* SPDX-License-Identifier: MIT
 *
 * Unfinished files (file_part.c, file_find.c, file_map.c, file_disk.c): found again after the end of a process,
 * however that came, and never believed; and what others put where they are to be, which nothing of ours touches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/peer_io/file_desk.h"
#include "tests/unit/peer_io/mounts.h"

enum {
    FROM = 1,
    TO = 2,
    OTHER = 3,
    BLOCKS = 4
};

/* A source of four blocks, the last short, and a folder to receive into. */
struct place {
    char source[SCRATCH_PATH], dir[SCRATCH_PATH], outside[SCRATCH_PATH];
};

static void make_place(const struct scratch *s, struct place *p)
{
    scratch_path(s, "f.bin", p->source);
    scratch_path(s, "in", p->dir);
    scratch_path(s, "outside", p->outside);
    assert_int_equal(mkdir(p->dir, 0700), 0);
    desk_make(p->source, (BLOCKS - 1) * MIB + 10, 3);
    scratch_write(s, "outside", "mine", 0600);
}

static void in_dir(const struct place *p, const char *name, char out[SCRATCH_PATH])
{
    snprintf(out, SCRATCH_PATH, "%.128s/%.100s", p->dir, name);
}

static void check_outside(const struct place *p)
{
    char text[16] = "";
    FILE *f = fopen(p->outside, "r");
    struct stat st;
    assert_non_null(f);
    assert_int_equal(fread(text, 1, sizeof text, f), 4);
    assert_string_equal(text, "mine");
    assert_int_equal(fstat(fileno(f), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    fclose(f);
}

/* Blocks 0 and 2 are there, and the process ends. */
static void half(const struct place *p, const char *name)
{
    struct desk d;
    desk_open(&d);
    desk_offer(&d, FROM, p->source);
    desk_receive(&d, FROM, TO, p->dir, name);
    desk_carry(&d, FROM, TO, 0);
    desk_carry(&d, FROM, TO, 2);
    desk_close(&d);
}

/* Which blocks are there now, as bits; the rest is carried, and the file is whole in the end. name: what it is called
 * then. */
static unsigned resume(const struct place *p, const char *offered, const char *name, bool knows_hashes)
{
    struct desk d;
    char path[SCRATCH_PATH];
    desk_open(&d);
    desk_offer(&d, FROM, p->source);
    desk_receive(&d, FROM, TO, p->dir, offered);
    unsigned have = d.told[TO].have[0];
    assert_int_equal(d.told[TO].knows_hashes, knows_hashes);
    desk_carry_missing(&d, FROM, TO);
    desk_finish(&d, TO);
    in_dir(p, name, path);
    assert_string_equal(d.told[TO].path, path);
    assert_true(desk_same(p->source, path));
    desk_close(&d);
    return have;
}

static void change(const char *path, off_t at, const char *bytes, size_t n)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
}

static void test_resume(void **state)
{
    struct place p;
    struct stat st;
    char part[SCRATCH_PATH];
    make_place(*state, &p);
    half(&p, "f.bin");
    in_dir(&p, "f.bin.part", part);
    assert_int_equal(stat(part, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, (BLOCKS - 1) * MIB + 10);
    in_dir(&p, "f.bin.part.map", part);
    assert_int_equal(stat(part, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(resume(&p, "f.bin", "f.bin", true), 5);
    assert_false(desk_is_there(p.dir, "f.bin.part"));
    assert_false(desk_is_there(p.dir, "f.bin.part.map"));
}

/* It is called what it was called first; and a person may have given it another name. */
static void test_resume_under_other_names(void **state)
{
    struct place p;
    char from[SCRATCH_PATH], to[SCRATCH_PATH];
    make_place(*state, &p);
    half(&p, "f.bin");
    in_dir(&p, "f.bin.part", from);
    in_dir(&p, "g.part", to);
    assert_int_equal(rename(from, to), 0);
    in_dir(&p, "f.bin.part.map", from);
    in_dir(&p, "g.part.map", to);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(resume(&p, "h", "g", true), 5);
}

/* A map without its part: all is to come, under the same name. */
static void test_part_that_is_gone(void **state)
{
    struct place p;
    char part[SCRATCH_PATH];
    make_place(*state, &p);
    half(&p, "f.bin");
    in_dir(&p, "f.bin.part", part);
    assert_int_equal(unlink(part), 0);
    assert_int_equal(resume(&p, "f.bin", "f.bin", true), 0);
}

static void test_part_that_was_changed(void **state)
{
    struct place p;
    char part[SCRATCH_PATH];
    make_place(*state, &p);
    half(&p, "f.bin");
    in_dir(&p, "f.bin.part", part);
    change(part, 2 * MIB + 77, "x", 1);
    assert_int_equal(truncate(part, 3 * MIB), 0);
    assert_int_equal(resume(&p, "f.bin", "f.bin", true), 1);
}

/* A map that a crash has torn: what is left of it is used. */
static void test_torn_maps(void **state)
{
    enum {
        HASHES_AT = 160,
        BITMAP_AT = HASHES_AT + BLOCKS * FILE_HASH_BYTES
    };
    static const struct {
        off_t length, change; /* 0: not */
        unsigned have;
        bool knows_hashes;
        const char *name;
    } CASES[] = {
        {0, BITMAP_AT, 5, true, "f.bin"}, /* says that all is there */
        {BITMAP_AT, 0, 0, true, "f.bin"},
        {0, HASHES_AT + 40, 0, false, "f.bin"},
        {HASHES_AT + 40, 0, 0, false, "f.bin"},
        {0, 100, 5, true, "f.bin"}, /* the stage */
        {96, 0, 0, false, "f.bin"},
        {0, 20, 0, false, "f (1).bin"}, /* of another size: it is not this one's */
        {0, 70, 0, false, "f (1).bin"},
        {95, 0, 0, false, "f (1).bin"},
        {1, 0, 0, false, "f (1).bin"},
    };
    struct place p;
    make_place(*state, &p);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char map[SCRATCH_PATH], path[SCRATCH_PATH];
        half(&p, "f.bin");
        in_dir(&p, "f.bin.part.map", map);
        if (CASES[i].length)
            assert_int_equal(truncate(map, CASES[i].length), 0);
        if (CASES[i].change)
            change(map, CASES[i].change, "\xff", 1);
        assert_int_equal(resume(&p, "f.bin", CASES[i].name, CASES[i].knows_hashes), CASES[i].have);
        in_dir(&p, CASES[i].name, path);
        assert_int_equal(unlink(path), 0);
        unlink(map);
        in_dir(&p, "f.bin.part", path);
        unlink(path);
    }
}

/* What somebody else has begun under that name, or what looks like it, stays as it is. */
static void test_foreign_parts(void **state)
{
    struct place p;
    char part[SCRATCH_PATH];
    make_place(*state, &p);
    in_dir(&p, "f.bin.part", part);
    assert_int_equal(link(p.outside, part), 0);
    assert_int_equal(resume(&p, "f.bin", "f (1).bin", false), 0);
    in_dir(&p, "f (2).bin.part.map", part);
    assert_int_equal(symlink(p.outside, part), 0);
    in_dir(&p, "f (1).bin.part", part);
    assert_int_equal(symlink(p.outside, part), 0);
    in_dir(&p, "f (3).bin.part", part);
    assert_int_equal(mkdir(part, 0700), 0);
    assert_int_equal(resume(&p, "f.bin", "f (4).bin", false), 0);
    assert_false(desk_is_there(p.dir, "f (1).bin.part.map"));
    assert_true(desk_is_there(p.dir, "f (2).bin.part.map"));
    check_outside(&p);
}

/* The name of the part leads elsewhere by now, though the map is ours. */
static void test_planted_parts(void **state)
{
    struct place p;
    char part[SCRATCH_PATH];
    make_place(*state, &p);
    half(&p, "f.bin");
    in_dir(&p, "f.bin.part", part);
    assert_int_equal(unlink(part), 0);
    assert_int_equal(symlink(p.outside, part), 0);
    assert_int_equal(resume(&p, "f.bin", "f (1).bin", false), 0);
    check_outside(&p);
    assert_int_equal(unlink(part), 0);
    half(&p, "f.bin");
    assert_int_equal(unlink(part), 0);
    assert_int_equal(link(p.outside, part), 0);
    assert_int_equal(resume(&p, "f.bin", "f (1) (1).bin", false), 0);
    check_outside(&p);
}

static void test_planted_names(void **state)
{
    struct place p;
    char name[SCRATCH_PATH];
    make_place(*state, &p);
    in_dir(&p, "f.bin", name);
    assert_int_equal(symlink(p.outside, name), 0);
    in_dir(&p, "f (1).bin", name);
    assert_int_equal(symlink("nowhere", name), 0);
    in_dir(&p, "f (2).bin", name);
    assert_int_equal(mkdir(name, 0700), 0);
    assert_int_equal(resume(&p, "f.bin", "f (3).bin", false), 0);
    check_outside(&p);
    assert_false(desk_is_there(p.dir, "nowhere"));
}

/* Replaced while it is being received: what has the name is not what was verified. */
static void test_replaced(void **state)
{
    struct place p;
    struct desk d;
    char part[SCRATCH_PATH];
    make_place(*state, &p);
    desk_open(&d);
    desk_offer(&d, FROM, p.source);
    desk_receive(&d, FROM, TO, p.dir, "f.bin");
    desk_carry_missing(&d, FROM, TO);
    in_dir(&p, "f.bin.part", part);
    assert_int_equal(unlink(part), 0);
    assert_int_equal(link(p.outside, part), 0);
    files_finish(d.f, TO);
    desk_wait_problem(&d, TO, "file-changed");
    assert_false(desk_is_there(p.dir, "f.bin"));
    desk_close(&d);
    check_outside(&p);
}

/* ---- what is there already ---- */

static void copy_of(const struct place *p, const char *name, char out[SCRATCH_PATH])
{
    in_dir(p, name, out);
    desk_make(out, (BLOCKS - 1) * MIB + 10, 3);
}

/* Asks for the source under its name. The blocks that need not come, as bits. */
static unsigned ask_again(struct desk *d, const struct place *p)
{
    desk_open(d);
    desk_offer(d, FROM, p->source);
    desk_receive(d, FROM, TO, p->dir, "f.bin");
    return d->told[TO].have[0];
}

static void test_already_there(void **state)
{
    struct place p;
    struct desk d;
    char path[SCRATCH_PATH];
    make_place(*state, &p);
    copy_of(&p, "f.bin", path);
    assert_int_equal(ask_again(&d, &p), 15);
    assert_true(d.told[TO].knows_hashes);
    files_read(d.f, TO, 2, 7); /* it is served like any other */
    DESK_WAIT(&d, TO, blocks);
    assert_int_equal(d.told[TO].b->n, MIB);
    desk_finish(&d, TO);
    assert_string_equal(d.told[TO].path, path);
    files_close(d.f, TO, false); /* which takes away what is not finished only */
    desk_close(&d);
    assert_true(desk_same(p.source, path));
    assert_false(desk_is_there(p.dir, "f.bin.part"));
    assert_false(desk_is_there(p.dir, "f (1).bin"));
}

/* It had got a number, for another has its name. */
static void test_already_there_with_a_number(void **state)
{
    struct place p;
    struct desk d;
    char path[SCRATCH_PATH];
    make_place(*state, &p);
    copy_of(&p, "f.bin", path);
    change(path, 2 * MIB, "x", 1);
    copy_of(&p, "f (1).bin", path);
    assert_int_equal(ask_again(&d, &p), 15);
    desk_finish(&d, TO);
    assert_string_equal(d.told[TO].path, path);
    desk_close(&d);
}

/* A byte is another, or it is longer, or a link to it has the name: it comes, and gets a number. */
static void test_not_there(void **state)
{
    struct place p;
    char path[SCRATCH_PATH];
    make_place(*state, &p);
    copy_of(&p, "f.bin", path);
    change(path, 3 * MIB + 9, "x", 1);
    assert_int_equal(resume(&p, "f.bin", "f (1).bin", false), 0);
    in_dir(&p, "f (1).bin", path);
    assert_int_equal(unlink(path), 0);
    copy_of(&p, "f.bin", path);
    assert_int_equal(truncate(path, 3 * MIB + 11), 0);
    assert_int_equal(resume(&p, "f.bin", "f (1).bin", false), 0);
    in_dir(&p, "f (1).bin", path);
    assert_int_equal(unlink(path), 0);
    in_dir(&p, "f.bin", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(p.source, path), 0);
    assert_int_equal(resume(&p, "f.bin", "f (1).bin", false), 0);
}

static void test_in_use(void **state)
{
    struct place p;
    struct desk d, e;
    make_place(*state, &p);
    desk_open(&d);
    desk_open(&e);
    desk_offer(&d, FROM, p.source);
    desk_offer(&e, FROM, p.source);
    desk_receive(&d, FROM, TO, p.dir, "f.bin");
    desk_carry(&d, FROM, TO, 0);
    desk_ask(&e, FROM, TO, p.dir, "f.bin");
    desk_wait_problem(&e, TO, "in-use");
    files_close(e.f, TO, false); /* which takes nothing away */
    desk_ask(&e, FROM, OTHER, p.dir, "g");
    desk_wait_problem(&e, OTHER, "in-use");
    desk_carry(&d, FROM, TO, 1);
    desk_close(&d);
    desk_receive(&e, FROM, 4, p.dir, "f.bin");
    assert_int_equal(e.told[4].have[0], 3);
    desk_close(&e);
}

/* A process that writes is killed in the middle of it. */
static void test_killed(void **state)
{
    struct place p;
    make_place(*state, &p);
    for (unsigned after = 1; after <= 3; after++) {
        int pipes[2];
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct desk d;
            desk_open(&d);
            desk_offer(&d, FROM, p.source);
            desk_receive(&d, FROM, TO, p.dir, "f.bin");
            for (uint32_t i = 0;; i = (i + 1) % BLOCKS) {
                desk_carry(&d, FROM, TO, i);
                if (write(pipes[1], "b", 1) != 1)
                    _exit(1);
            }
        }
        close(pipes[1]);
        for (unsigned i = 0; i < after; i++) {
            char b;
            assert_int_equal(read(pipes[0], &b, 1), 1);
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        close(pipes[0]);
        char path[SCRATCH_PATH];
        resume(&p, "f.bin", "f.bin", true);
        in_dir(&p, "f.bin", path);
        assert_int_equal(unlink(path), 0);
    }
}

/* ---- folders and disks that cannot be written to ---- */

static void ask(struct desk *d, uint64_t file, const char *dir, uint64_t size, const char *code)
{
    static const uint8_t root[FILE_HASH_BYTES] = {1};
    assert_true(files_receive(d->f, file, dir, SPAN("f.bin"), size, root, false));
    desk_wait_problem(d, file, code);
    assert_int_equal(d->told[file].call, FILES_RECEIVE);
}

static void test_no_folder(void **state)
{
    struct place p;
    struct desk d;
    make_place(*state, &p);
    desk_open(&d);
    ask(&d, 1, p.outside, 5, "not-a-file");
    assert_non_null(strstr(d.told[1].sentence, "is not a folder"));
    ask(&d, 2, "/nowhere/at/all", 5, "no-such-file");
    ask(&d, 3, p.dir, FILE_SIZE_MAX + 1, "too-large");
    ask(&d, 4, p.dir, (uint64_t)1 << 63, "too-large");
    ask(&d, 5, p.dir, UINT64_MAX, "too-large");
    desk_close(&d);
    check_outside(&p);
    assert_int_equal(rmdir(p.dir), 0); /* nothing was left in it */
}

/* A limit on the size of files is a disk that is full, for this. */
static void test_limited(void **state)
{
    struct place p;
    struct desk d;
    struct rlimit before, limit;
    make_place(*state, &p);
    desk_open(&d);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){MIB, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ask(&d, 1, p.dir, 3 * MIB, "disk-full");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    desk_close(&d);
    assert_int_equal(rmdir(p.dir), 0);
}

static void test_full_disk(void **state)
{
    struct place p;
    struct desk d;
    char filler[SCRATCH_PATH];
    make_place(*state, &p);
    if (!mounts || !mounts_small(p.dir, 5))
        skip();
    desk_open(&d);
    ask(&d, 5, p.dir, 6 * MIB, "disk-full");
    assert_non_null(strstr(d.told[5].sentence, "needs 6.2 MB, and"));
    assert_non_null(strstr(d.told[5].sentence, "has 5.2 MB left"));
    desk_offer(&d, FROM, p.source);
    desk_receive(&d, FROM, TO, p.dir, "f.bin");
    desk_carry(&d, FROM, TO, 0);
    in_dir(&p, "filler", filler);
    desk_make(filler, 2 * MIB + MIB / 2, 1);
    files_read(d.f, FROM, 1, 77);
    DESK_WAIT(&d, FROM, blocks);
    desk_write(&d, TO, 1, d.told[FROM].b);
    DESK_WAIT(&d, TO, written);
    files_verified(d.f, TO, 1);
    files_read(d.f, FROM, 2, 77);
    DESK_WAIT(&d, FROM, blocks);
    desk_write(&d, TO, 2, d.told[FROM].b);
    desk_wait_problem(&d, TO, "disk-full");
    assert_int_equal(d.told[TO].call, FILES_WRITE);
    assert_int_equal(d.told[TO].block, 2);
    files_close(d.f, TO, true);
    desk_ask(&d, FROM, OTHER, p.dir, "f.bin"); /* not even begun, for it could not end */
    desk_wait_problem(&d, OTHER, "disk-full");
    files_close(d.f, OTHER, true);
    assert_int_equal(unlink(filler), 0);
    desk_receive(&d, FROM, 4, p.dir, "f.bin");
    assert_int_equal(d.told[4].have[0], 3);
    desk_carry_missing(&d, FROM, 4);
    desk_finish(&d, 4);
    assert_true(desk_same(p.source, d.told[4].path));
    desk_close(&d);
    assert_int_equal(umount2(p.dir, MNT_DETACH), 0);
}

static void test_read_only(void **state)
{
    struct place p;
    struct desk d;
    make_place(*state, &p);
    if (!mounts || !mounts_read_only(p.dir))
        skip();
    desk_open(&d);
    ask(&d, 1, p.dir, 5, "no-permission");
    assert_non_null(strstr(d.told[1].sentence, "read-only"));
    desk_close(&d);
    assert_int_equal(umount2(p.dir, MNT_DETACH), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, mounts_setup, mounts_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_resume),
        CASE(test_resume_under_other_names),
        CASE(test_part_that_is_gone),
        CASE(test_part_that_was_changed),
        CASE(test_torn_maps),
        CASE(test_foreign_parts),
        CASE(test_planted_parts),
        CASE(test_planted_names),
        CASE(test_replaced),
        CASE(test_already_there),
        CASE(test_already_there_with_a_number),
        CASE(test_not_there),
        CASE(test_in_use),
        CASE(test_killed),
        CASE(test_no_folder),
        CASE(test_limited),
        CASE(test_full_disk),
        CASE(test_read_only),
    };
    mounts = mounts_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
