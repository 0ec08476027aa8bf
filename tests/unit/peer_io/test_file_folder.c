/* SPDX-License-Identifier: MIT
 *
 * Folders from one place to another: what crosses and what is left out, names that not every system can have, lists that a
 * liar wrote, and an end of the process at each step of the unpacking, on disks with room and without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "peer/io/file_disk.h"
#include "peer/io/file_part.h"
#include "peer/io/file_source.h"
#include "tests/unit/peer_io/file_desk.h"
#include "tests/unit/peer_io/mounts.h"

enum {
    FROM = 1,
    TO = 2,
    PATH_ROOM = 1024
};

struct place {
    char source[SCRATCH_PATH], dir[SCRATCH_PATH];
};

static void make_place(const struct scratch *s, struct place *p)
{
    scratch_path(s, "tree", p->source);
    scratch_path(s, "in", p->dir);
    assert_int_equal(mkdir(p->source, 0755), 0);
    assert_int_equal(mkdir(p->dir, 0700), 0);
}

static void path_in(const char *dir, const char *name, char out[PATH_ROOM])
{
    assert_true(snprintf(out, PATH_ROOM, "%s/%s", dir, name) < PATH_ROOM);
}

static void make_folder(const char *dir, const char *name, unsigned mode)
{
    char path[PATH_ROOM];
    path_in(dir, name, path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void make_file(const char *dir, const char *name, const char *text, unsigned mode)
{
    char path[PATH_ROOM];
    path_in(dir, name, path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

/* mode 0: any */
static void check_file(const char *dir, const char *name, const char *text, unsigned mode)
{
    char path[PATH_ROOM], is[256] = "";
    struct stat st;
    path_in(dir, name, path);
    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
        fail_msg("%s is not there", path);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    is[fread(is, 1, sizeof is - 1, f)] = '\0';
    fclose(f);
    if (strcmp(is, text) != 0)
        fail_msg("%s has %s", path, is);
    if (mode && (st.st_mode & 07777) != mode)
        fail_msg("%s has the mode %o", path, st.st_mode & 07777);
}

static void check_folder(const char *dir, const char *name, unsigned mode)
{
    char path[PATH_ROOM];
    struct stat st;
    path_in(dir, name, path);
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        fail_msg("%s is not there", path);
    if ((st.st_mode & 07777) != mode)
        fail_msg("%s has the mode %o", path, st.st_mode & 07777);
}

static unsigned count_in(const char *path)
{
    unsigned n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

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
    static const char *const BAD[] = {"", "u", "usher-tree 1 00000027 755\n", "usher-tree 1 16777216 755\n",
        "\x7f"
        "ELF"};
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

/* ---- an end in the middle ---- */

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

/* Unpacked, stopped after so many steps and begun again, for each number of steps there is. On the way nothing is lost. */
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
    make_tree(p.source, 2, 17 * MIB);
    stop_everywhere(&p, 2);
}

static bool mounts;

/* 51 MiB on a disk of 72: what is unpacked must go from the part. */
static void test_stopped_on_a_small_disk(void **state)
{
    struct place p;
    make_place(*state, &p);
    if (!mounts || !mounts_small(p.dir, 72))
        skip();
    make_tree(p.source, 3, 17 * MIB);
    stop_everywhere(&p, 3);
    assert_int_equal(umount2(p.dir, MNT_DETACH), 0);
}

/* What was unpacked is damaged meanwhile, and the part has given it back: those blocks are to come again, and no others. */
static void test_damaged_on_a_small_disk(void **state)
{
    struct place p;
    char got[PATH_ROOM], path[PATH_ROOM];
    make_place(*state, &p);
    if (!mounts || !mounts_small(p.dir, 72))
        skip();
    make_tree(p.source, 3, 17 * MIB);
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
    assert_true(again >= 15 && again < 51);
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
    if (!mounts || !mounts_small(p.dir, 72))
        skip();
    make_tree(p.source, 3, 17 * MIB);
    struct sender s = offer(p.source);
    struct file_part *part = receive(&s, p.dir);
    fill(&s, part);
    path_in(p.dir, "filler", filler);
    desk_make(filler, 12 * MIB, 1);
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
    make_tree(p.source, 1, 17 * MIB);
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
    make_tree(p.source, 1, 17 * MIB);
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

#define CASE(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_tree),
        CASE(test_names),
        CASE(test_taken_name),
        CASE(test_changed),
        CASE(test_bounds),
        CASE(test_many),
        CASE(test_hostile_lists),
        CASE(test_no_list),
        CASE(test_alike),
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
