/* SPDX-License-Identifier: MIT
 *
 * Folders from one place to another (file_scan.c, file_folder.c, file_folder_parse.c): what crosses and what is left
 * out, names that not every system can have, and lists that a liar wrote.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/peer_io/file_trees.h"
#include "tests/unit/peer_io/mounts.h"

enum {
    FROM = 1,
    TO = 2
};

static const char *notice_of(const struct desk *d, const char *what)
{
    const char *at = strstr(d->told[FROM].notice, what);
    if (!at)
        fail_msg("%s is not told in: %s", what, d->told[FROM].notice);
    return at;
}

static void test_tree(void **state)
{
    struct place p;
    struct desk d;
    char path[PATH_ROOM], got[PATH_ROOM];
    mode_t mask = umask(027);
    make_place(*state, &p);
    make_folder(p.source, "a", 0755);
    make_folder(p.source, "a/empty", 0700);
    make_folder(p.source, "a/b", 0777);
    make_file(p.source, "a/b/run.sh", "#!", 0755);
    make_file(p.source, "a/secret", "s", 0600);
    make_file(p.source, "a/locked", "l", 04444); /* setuid crosses nothing */
    make_file(p.source, "empty", "", 0644);
    make_folder(p.source, "sealed", 0555);
    assert_int_equal(chmod(p.source, 0750), 0);
    path_in(p.source, "link", path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    path_in(p.source, "folder-link", path);
    assert_int_equal(symlink("a", path), 0);
    path_in(p.source, "fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%.90s/socket", p.source);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    desk_open(&d);
    desk_offer(&d, FROM, p.source);
    close(fd);
    assert_true(d.told[FROM].tree);
    assert_string_equal(d.told[FROM].name, "tree");
    assert_int_equal(d.told[FROM].notices, 4);
    notice_of(&d, "tree/link is a symbolic link");
    notice_of(&d, "folder-link is a symbolic link");
    notice_of(&d, "fifo is a FIFO");
    notice_of(&d, "socket is a socket");
    desk_transfer(&d, FROM, TO, p.dir);
    path_in(p.dir, "tree", got);
    assert_string_equal(d.told[TO].path, got);
    check_folder(p.dir, "tree", 0750);
    check_folder(got, "a", 0750);
    check_folder(got, "a/empty", 0700);
    check_folder(got, "a/b", 0750);
    check_folder(got, "sealed", 0550);
    check_file(got, "a/b/run.sh", "#!", 0750);
    check_file(got, "a/secret", "s", 0600);
    check_file(got, "a/locked", "l", 0440);
    check_file(got, "empty", "", 0640);
    assert_int_equal(count_in(got), 3);
    assert_int_equal(count_in(p.dir), 1);
    assert_int_equal(d.told[TO].notices, 0);
    /* What is finished is served. */
    files_read(d.f, TO, 0, 3);
    DESK_WAIT(&d, TO, blocks);
    files_close(d.f, TO, false);
    files_close(d.f, FROM, false);
    desk_close(&d);
    umask(mask);
}

/* Names that can be offered but not used everywhere, and some that cannot even be offered. */
static void test_names(void **state)
{
    struct place p;
    struct desk d;
    char got[PATH_ROOM];
    make_place(*state, &p);
    make_file(p.source, "A", "1", 0644);
    make_file(p.source, "a", "2", 0644);
    make_file(p.source, "\xc3\xa4", "3", 0644);
    make_file(p.source, "a\xcc\x88", "4", 0644);
    make_folder(p.source, "CON", 0755);
    make_file(p.source, "CON/.bashrc", "5", 0644);
    make_folder(p.source, "con", 0755);
    make_file(p.source, "con/x", "6", 0644);
    make_file(p.source, "a\xff", "7", 0644);
    make_file(p.source, "a\xfe", "8", 0644);
    make_file(p.source, "a\n", "9", 0644);
    make_file(p.source, "a_", "10", 0644);
    make_file(p.source, "b\\..\\c", "11", 0644);
    desk_open(&d);
    desk_offer(&d, FROM, p.source);
    desk_transfer(&d, FROM, TO, p.dir);
    path_in(p.dir, "tree", got);
    check_file(got, "A", "1", 0);
    check_file(got, "a (1)", "2", 0);
    check_file(got, "_CON/_bashrc", "5", 0);
    check_file(got, "_con (1)/x", "6", 0);
    check_file(got, "a_", "10", 0);
    check_file(got, "b_.._c", "11", 0);
    check_file(got, "a\xcc\x88", "4", 0); /* which comes first by its bytes */
    check_file(got, "\xc3\xa4 (1)", "3", 0);
    assert_int_equal(count_in(got), 11);
    assert_int_equal(d.told[TO].notices, 1);
    assert_non_null(strstr(d.told[TO].notice, "6 names in the folder were changed"));
    desk_close(&d);
}

static void test_taken_name(void **state)
{
    struct place p;
    struct desk d;
    char path[PATH_ROOM];
    make_place(*state, &p);
    make_file(p.source, "x", "x", 0644);
    make_folder(p.dir, "tree", 0755);
    path_in(p.dir, "tree (1)", path);
    assert_int_equal(symlink("nowhere", path), 0);
    make_folder(p.dir, "tree.part.d", 0755); /* empty, and in the way */
    desk_open(&d);
    desk_offer(&d, FROM, p.source);
    desk_transfer(&d, FROM, TO, p.dir);
    path_in(p.dir, "tree (2)", path);
    assert_string_equal(d.told[TO].path, path);
    check_file(path, "x", "x", 0644);
    make_file(path, "x", "X", 0644); /* so it is to come again */
    make_folder(p.dir, "tree.part.d", 0755);
    make_file(p.dir, "tree.part.d/mine", "m", 0600);
    desk_receive(&d, FROM, 3, p.dir, "tree");
    desk_carry_missing(&d, FROM, 3);
    files_finish(d.f, 3);
    desk_wait_problem(&d, 3, "io");
    assert_non_null(strstr(d.told[3].sentence, "tree.part.d"));
    check_file(p.dir, "tree.part.d/mine", "m", 0600);
    path_in(p.dir, "tree.part.d/mine", path);
    assert_int_equal(unlink(path), 0);
    desk_finish(&d, 3); /* moved out of the way, it goes on */
    desk_close(&d);
}

/* A folder that is there with all that is in it does not come again; one of whose files has another mode does. */
static void test_already_there(void **state)
{
    struct place p;
    struct desk d;
    char path[PATH_ROOM];
    make_place(*state, &p);
    make_file(p.source, "x", "x", 0644);
    make_folder(p.source, "empty", 0755);
    desk_open(&d);
    desk_offer(&d, FROM, p.source);
    desk_transfer(&d, FROM, TO, p.dir);
    path_in(p.dir, "tree", path);
    assert_string_equal(d.told[TO].path, path);
    desk_receive(&d, FROM, 3, p.dir, "tree");
    assert_int_equal(d.told[3].have[0], 1);
    desk_finish(&d, 3);
    assert_string_equal(d.told[3].path, path);
    assert_int_equal(count_in(p.dir), 1);
    path_in(p.dir, "tree/x", path);
    assert_int_equal(chmod(path, 0600), 0);
    desk_receive(&d, FROM, 4, p.dir, "tree");
    assert_int_equal(d.told[4].have[0], 0);
    desk_close(&d);
}

/* A file of the folder that is changed, or becomes a link, is noticed when it is read. */
static void test_changed(void **state)
{
    struct place p;
    struct desk d;
    char path[PATH_ROOM];
    make_place(*state, &p);
    make_file(p.source, "x", "before", 0644);
    make_folder(p.source, "y", 0755);
    make_file(p.source, "y/z", "before", 0644);
    desk_open(&d);
    for (uint64_t i = 1; i <= 4; i++)
        desk_offer(&d, i, p.source);
    path_in(p.source, "x", path);
    make_file(p.source, "x", "after!", 0644);
    files_read(d.f, 1, 0, 1);
    desk_wait_problem(&d, 1, "file-changed");
    make_file(p.source, "x", "short", 0644);
    files_read(d.f, 2, 0, 1);
    desk_wait_problem(&d, 2, "file-changed");
    assert_non_null(strstr(d.told[2].sentence, "tree/x"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("y/z", path), 0); /* which has the same content */
    files_read(d.f, 3, 0, 1);
    desk_wait_problem(&d, 3, "file-changed");
    assert_int_equal(unlink(path), 0);
    make_file(p.source, "x", "before", 0644);
    path_in(p.source, "y", path);
    char other[PATH_ROOM];
    path_in(p.source, "yy", other);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink("yy", path), 0);
    files_read(d.f, 4, 0, 1);
    desk_wait_problem(&d, 4, "file-changed");
    desk_close(&d);
}

static void test_bounds(void **state)
{
    struct place p;
    struct desk d;
    char path[PATH_ROOM] = "d";
    make_place(*state, &p);
    for (unsigned i = 0; i < FILE_TREE_DEPTH_MAX; i++) {
        make_folder(p.source, path, 0755);
        strcat(path, "/d");
    }
    strcpy(strrchr(path, '/'), "/f"); /* one too deep */
    make_file(p.source, path, "x", 0644);
    desk_open(&d);
    desk_offer(&d, FROM, p.source);
    assert_int_equal(d.told[FROM].notices, 1);
    notice_of(&d, "too many folders deep");
    desk_transfer(&d, FROM, TO, p.dir);
    path_in(p.source, "huge", path);
    make_file(p.source, "huge", "", 0644);
    if (truncate(path, (off_t)FILE_SIZE_MAX - 100) == 0) {
        assert_true(files_open(d.f, 4, p.source));
        desk_wait_problem(&d, 4, "too-large");
    }
    desk_close(&d);
}

/* ---- many files ---- */

static void test_many(void **state)
{
    enum {
        FOLDERS = 10,
        FILES = 1000
    };
    struct place p;
    struct desk d;
    char path[PATH_ROOM], name[64];
    make_place(*state, &p);
    for (unsigned i = 0; i < FOLDERS; i++) {
        snprintf(name, sizeof name, "folder%u", i);
        make_folder(p.source, name, 0755);
    }
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "folder%u/file%u", i % FOLDERS, i);
        make_file(p.source, name, name, 0644);
    }
    desk_open(&d);
    gint64 began = g_get_monotonic_time();
    desk_offer(&d, FROM, p.source);
    gint64 listed = g_get_monotonic_time();
    desk_receive(&d, FROM, TO, p.dir, "tree");
    desk_carry_missing(&d, FROM, TO);
    gint64 filled = g_get_monotonic_time();
    desk_finish(&d, TO);
    gint64 done = g_get_monotonic_time();
    print_message("listed and hashed %.0f files/s, unpacked %.0f files/s\n", FILES * 1e6 / (double)(listed - began),
        FILES * 1e6 / (double)(done - filled));
    path_in(p.dir, "tree", path);
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "folder%u/file%u", i % FOLDERS, i);
        check_file(path, name, name, 0644 & ~022);
    }
    desk_close(&d);
}

/* ---- lists that a liar wrote ---- */

/* The run of bytes as a file, and what becomes of it here. NULL: it is unpacked. */
static void unpack_list(struct place *p, const char *lines, const char *contents, const char *code)
{
    struct desk d;
    char path[PATH_ROOM], head[64];
    path_in(p->source, "list", path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    snprintf(head, sizeof head, "usher-tree 1 %08zu 755\n", strlen(lines) + FILE_TREE_HEAD);
    fprintf(f, "%s%s%s", head, lines, contents);
    fclose(f);
    desk_open(&d);
    desk_offer(&d, FROM, path);
    d.told[FROM].tree = true;
    desk_receive(&d, FROM, TO, p->dir, "../tree");
    desk_carry_missing(&d, FROM, TO);
    if (code) {
        files_finish(d.f, TO);
        desk_wait_problem(&d, TO, code);
        files_close(d.f, TO, false);
    } else {
        desk_finish(&d, TO);
    }
    desk_close(&d);
}

static void test_hostile_lists(void **state)
{
    static const struct {
        const char *lines, *contents;
    } BAD[] = {
        {"f 644 1 ../x\n", "x"},
        {"f 644 1 /tmp/x\n", "x"},
        {"d 755 a\nf 644 1 a/../../x\n", "x"},
        {"f 644 2 x\n", "x"},  /* more than there is */
        {"f 644 1 x\n", "xx"}, /* less */
        {"f 644 1 x\nf 644 1 x\n", "xx"},
        {"f 644 9223372036854775808 x\n", "x"},
        {"f 644 274877906944 x\n", "x"},
        {"f 644 1 a/x\n", "x"},
        {"l 777 1 x\n", "x"},
        {"f 644 1 x", ""},
    };
    struct place p;
    make_place(*state, &p);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        unpack_list(&p, BAD[i].lines, BAD[i].contents, "bad-folder");
        assert_int_equal(count_in(p.dir), 0);
    }
    assert_int_equal(count_in(p.source), 1);
    unpack_list(&p, "f 4755 1 x\n", "x", "bad-folder");
    unpack_list(&p, "f 777 1 x\n", "x", NULL);
    char path[PATH_ROOM];
    path_in(p.dir, "tree", path);
    check_file(path, "x", "x", 0755);
}

/* Nothing in front of the contents, or less than a first line. */
static void test_no_list(void **state)
{
    static const char *const BAD[] = {
        "", "u", "usher-tree 1 00000027 755\n", "usher-tree 1 16777216 755\n", "\x7f\x45LF"};
    struct place p;
    make_place(*state, &p);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct desk d;
        char path[PATH_ROOM];
        make_file(p.source, "list", BAD[i], 0644);
        path_in(p.source, "list", path);
        desk_open(&d);
        desk_offer(&d, FROM, path);
        d.told[FROM].tree = true;
        desk_receive(&d, FROM, TO, p.dir, "tree");
        desk_carry_missing(&d, FROM, TO);
        files_finish(d.f, TO);
        desk_wait_problem(&d, TO, "bad-folder");
        files_close(d.f, TO, false);
        desk_close(&d);
        assert_int_equal(count_in(p.dir), 0);
    }
}

/* A list of nothing but names that are one name costs no more than another. */
static void test_alike(void **state)
{
    enum {
        N = 4096
    };
    struct place p;
    make_place(*state, &p);
    char *lines = malloc((size_t)N * 32), *at = lines;
    for (unsigned i = 0; i < N; i++) { /* 12 letters of either case, sorted: capitals come first */
        at += sprintf(at, "f 644 0 ");
        for (int bit = 11; bit >= 0; bit--)
            *at++ = i >> bit & 1 ? 'a' : 'A';
        at += sprintf(at, ".x\n");
    }
    unpack_list(&p, lines, "", NULL);
    free(lines);
    char path[PATH_ROOM];
    path_in(p.dir, "tree", path);
    assert_int_equal(count_in(path), N);
    check_file(path, "AAAAAAAAAAAA.x", "", 0);
    check_file(path, "aaaaaaaaaaaa (4095).x", "", 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, mounts_setup, mounts_teardown)
#define CASE_ON_DISK(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_tree),
        CASE(test_names),
        CASE(test_taken_name),
        CASE(test_already_there),
        CASE(test_changed),
        CASE(test_bounds),
        CASE_ON_DISK(test_many),
        CASE(test_hostile_lists),
        CASE(test_no_list),
        CASE(test_alike),
    };
    umask(022);
    mounts = mounts_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
