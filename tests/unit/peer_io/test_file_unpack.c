/* SPDX-License-Identifier: MIT
 *
 * A folder that is unpacked, with an end of the process at each step of it: on a disk that has room for it twice, and
 * on one where the part must give back what was unpacked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "peer/io/file_disk.h"
#include "peer/io/file_part.h"
#include "peer/io/file_source.h"
#include "tests/unit/peer_io/file_trees.h"
#include "tests/unit/peer_io/mounts.h"

struct sender {
    struct file_source *s;
    uint8_t *room;
};

static void no_notice(void *ctx, const char *sentence)
{
    (void)ctx;
    (void)sentence;
}

static struct sender offer(const char *path)
{
    struct sender s = {file_source_new(path), malloc(MIB)};
    struct file_problem p;
    for (bool whole = false; !whole;)
        if (!file_source_step(s.s, no_notice, NULL, &whole, &p))
            fail_msg("%s", p.why.text);
    return s;
}

static void sender_done(struct sender *s)
{
    file_source_free(s->s);
    free(s->room);
}

static struct file_part *receive(const struct sender *s, const char *dir)
{
    struct file_part *part = file_part_new(dir, span_of(s->s->name), s->s->size, s->s->root, true);
    struct file_problem p;
    for (bool whole = false; !whole;)
        if (!file_part_step(part, &whole, &p))
            fail_msg("%s", p.why.text);
    return part;
}

/* How many blocks were missing. */
static unsigned fill(const struct sender *s, struct file_part *part)
{
    struct file_problem p;
    uint8_t hash[FILE_HASH_BYTES];
    bool whole;
    unsigned n = 0;
    assert_true(file_part_put_hashes(part, s->s->hashes, s->s->blocks, &p));
    for (uint32_t b = 0; b < s->s->blocks; b++) {
        if (file_bit(file_part_have(part), b))
            continue;
        assert_true(file_source_read(s->s, b, s->room, &p));
        struct span bytes = {(char *)s->room, file_block_bytes(s->s->size, b)};
        if (!file_part_write(part, b, 0, bytes, &whole, hash, &p))
            fail_msg("%s", p.why.text);
        assert_true(whole);
        assert_true(file_part_verified(part, b, &p));
        n++;
    }
    return n;
}

static unsigned finish(struct file_part *part, unsigned steps)
{
    struct file_problem p;
    bool whole = false;
    unsigned n = 0;
    for (; !whole && n < steps; n++)
        if (!file_part_finish_step(part, &whole, &p))
            fail_msg("step %u: %s", n, p.why.text);
    return whole ? n : UINT32_MAX;
}

/* So that steps of all kinds are needed: folders and files by the hundred, and large ones. */
static void make_tree(const char *source, unsigned large, size_t bytes)
{
    char name[64], path[PATH_ROOM];
    make_folder(source, "many", 0750);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "many/%03u", i);
        make_file(source, name, name, i % 2 ? 0644 : 0400);
    }
    make_folder(source, "closed", 0500);
    for (unsigned i = 0; i < large; i++) {
        snprintf(name, sizeof name, "large%u", i);
        path_in(source, name, path);
        desk_make(path, bytes + i, i + 1);
    }
}

static void check_tree(const char *source, const char *got, unsigned large)
{
    char name[64], a[PATH_ROOM], b[PATH_ROOM];
    check_folder(got, "many", 0750);
    check_folder(got, "closed", 0500);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "many/%03u", i);
        check_file(got, name, name, i % 2 ? 0644 : 0400);
    }
    for (unsigned i = 0; i < large; i++) {
        snprintf(name, sizeof name, "large%u", i);
        path_in(source, name, a);
        path_in(got, name, b);
        assert_true(desk_same(a, b));
    }
    assert_int_equal(count_in(got), large + 2);
}

static void remove_tree(const char *dir, const char *name)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    assert_true(file_disk_remove(fd, name, FILE_TREE_DEPTH_MAX));
    close(fd);
}

/* Unpacked, stopped after so many steps and begun again, for each number of steps there is. On the way nothing is
 * lost. */
static void stop_everywhere(struct place *p, unsigned large)
{
    struct sender s = offer(p->source);
    char got[PATH_ROOM];
    unsigned last = 0;
    path_in(p->dir, "tree", got);
    for (unsigned steps = 0; last == 0; steps++) {
        struct file_part *part = receive(&s, p->dir);
        assert_int_equal(fill(&s, part), s.s->blocks);
        if (finish(part, steps) != UINT32_MAX)
            last = steps;
        file_part_free(part, true);
        if (last == 0) {
            part = receive(&s, p->dir);
            assert_int_equal(fill(&s, part), 0);
            assert_int_not_equal(finish(part, 1000), UINT32_MAX);
            file_part_free(part, true);
        }
        check_tree(p->source, got, large);
        assert_int_equal(count_in(p->dir), 1);
        remove_tree(p->dir, "tree");
    }
    assert_true(last > 4);
    sender_done(&s);
}

static void test_stopped(void **state)
{
    struct place p;
    make_place(*state, &p);
    make_tree(p.source, 2, 9 * MIB);
    stop_everywhere(&p, 2);
}

/* 27 MiB on a disk of 41: what is unpacked must go from the part. */
static void test_stopped_on_a_small_disk(void **state)
{
    struct place p;
    make_place(*state, &p);
    if (!mounts || !mounts_small(p.dir, 41))
        skip();
    make_tree(p.source, 3, 9 * MIB);
    stop_everywhere(&p, 3);
    assert_int_equal(umount2(p.dir, MNT_DETACH), 0);
}

/* What was unpacked is damaged meanwhile, and the part has given it back: those blocks are to come again, and no
 * others. */
static void test_damaged_on_a_small_disk(void **state)
{
    struct place p;
    char got[PATH_ROOM], path[PATH_ROOM];
    make_place(*state, &p);
    if (!mounts || !mounts_small(p.dir, 41))
        skip();
    make_tree(p.source, 3, 9 * MIB);
    struct sender s = offer(p.source);
    struct file_part *part = receive(&s, p.dir);
    fill(&s, part);
    assert_int_equal(finish(part, 2), UINT32_MAX); /* most of the first large one */
    file_part_free(part, true);
    path_in(p.dir, "tree.part.d/large0", path);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "damaged", 7, 100), 7);
    close(fd);
    part = receive(&s, p.dir);
    unsigned again = fill(&s, part);
    assert_true(again >= 7 && again < 27);
    assert_int_not_equal(finish(part, 1000), UINT32_MAX);
    file_part_free(part, true);
    path_in(p.dir, "tree", got);
    check_tree(p.source, got, 3);
    sender_done(&s);
    assert_int_equal(umount2(p.dir, MNT_DETACH), 0);
}

/* No room for what is unpacked, not even with what the part gives back; with room it goes on. */
static void test_full_while_unpacking(void **state)
{
    struct place p;
    char filler[PATH_ROOM], got[PATH_ROOM];
    struct file_problem why;
    bool whole = false;
    make_place(*state, &p);
    if (!mounts || !mounts_small(p.dir, 41))
        skip();
    make_tree(p.source, 3, 9 * MIB);
    struct sender s = offer(p.source);
    struct file_part *part = receive(&s, p.dir);
    fill(&s, part);
    path_in(p.dir, "filler", filler);
    desk_make(filler, 10 * MIB, 1);
    while (file_part_finish_step(part, &whole, &why))
        assert_false(whole);
    assert_string_equal(why.code, "disk-full");
    assert_int_equal(unlink(filler), 0);
    assert_int_not_equal(finish(part, 1000), UINT32_MAX);
    path_in(p.dir, "tree", got);
    check_tree(p.source, got, 3);
    file_part_free(part, true);
    sender_done(&s);
    assert_int_equal(umount2(p.dir, MNT_DETACH), 0);
}

/* Given up in the middle: nothing is left. */
static void test_given_up(void **state)
{
    struct place p;
    make_place(*state, &p);
    make_tree(p.source, 1, 9 * MIB);
    struct sender s = offer(p.source);
    struct file_part *part = receive(&s, p.dir);
    fill(&s, part);
    assert_int_equal(finish(part, 2), UINT32_MAX);
    assert_int_equal(count_in(p.dir), 3);
    file_part_free(part, false);
    assert_int_equal(count_in(p.dir), 0);
    sender_done(&s);
}

/* A process that unpacks is killed, wherever it is just then. */
static void test_killed(void **state)
{
    struct place p;
    char got[PATH_ROOM];
    make_place(*state, &p);
    make_tree(p.source, 1, 9 * MIB);
    struct sender s = offer(p.source);
    path_in(p.dir, "tree", got);
    for (unsigned after = 1; after <= 4; after++) {
        int pipes[2];
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct file_part *part = receive(&s, p.dir);
            fill(&s, part);
            for (;;) {
                finish(part, 1);
                if (write(pipes[1], "s", 1) != 1)
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
        if (!desk_is_there(p.dir, "tree") || desk_is_there(p.dir, "tree.part.map")) {
            struct file_part *part = receive(&s, p.dir);
            assert_int_equal(fill(&s, part), 0);
            assert_int_not_equal(finish(part, 1000), UINT32_MAX);
            file_part_free(part, true);
        }
        check_tree(p.source, got, 1);
        assert_int_equal(count_in(p.dir), 1);
        remove_tree(p.dir, "tree");
    }
    sender_done(&s);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, mounts_setup, mounts_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_stopped),
        CASE(test_stopped_on_a_small_disk),
        CASE(test_damaged_on_a_small_disk),
        CASE(test_full_while_unpacking),
        CASE(test_given_up),
        CASE(test_killed),
    };
    umask(022);
    mounts = mounts_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
