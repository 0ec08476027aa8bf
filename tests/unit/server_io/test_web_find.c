/* SPDX-License-Identifier: MIT
 *
 * Which paths name a file, and that none leads out of the folder: on a real disk, three times over: with openat2(2), where the
 * kernel does not know it, and where a sandbox forbids it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "server/io/web_find.h"
#include "tests/unit/peer_io/scratch.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void test_names(void **state)
{
    static const struct {
        const char *path, *name;
    } CASES[] = {
        {"/", "index.html"},
        {"/room/abc", "room.html"},
        {"/room/A-b_9", "room.html"},
        {"/index.html", "index.html"},
        {"/sub/app.js", "sub/app.js"},
        {"/a b%.js", "a b%.js"},
        {"/gr\xc3\xbc\xc3\x9f.txt", "gr\xc3\xbc\xc3\x9f.txt"},
        {"/\xc0\xae\xc0\xae/x", "\xc0\xae\xc0\xae/x"}, /* bytes that no file has; not dots */
        {"/a..b/c.", "a..b/c."},
        {"/room/a.b", "room/a.b"}, /* a file of that name, if there is one */
        {"/room/", NULL},
        {"", NULL},
        {"*", NULL},
        {"index.html", NULL},
        {"//", NULL},
        {"//index.html", NULL},
        {"/sub/", NULL},
        {"/sub//app.js", NULL},
        {"/.", NULL},
        {"/..", NULL},
        {"/.secret", NULL},
        {"/sub/.secret", NULL},
        {"/../outside.txt", NULL},
        {"/sub/../index.html", NULL},
        {"/sub/./app.js", NULL},
        {"/..\\outside.txt", NULL},
        {"/sub\\app.js", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const char *name = web_name(CASES[i].path);
        if (CASES[i].name ? !name || strcmp(name, CASES[i].name) != 0 : name != NULL)
            fail_msg("%s names %s", CASES[i].path, name ? name : "nothing");
    }
}

/* ---- a folder with all sorts of things ---- */

static void put(const struct scratch *d, const char *name, const char *text)
{
    scratch_write(d, name, text, 0644);
}

static void put_folder(const struct scratch *d, const char *name)
{
    char path[SCRATCH_PATH];
    scratch_path(d, name, path);
    assert_int_equal(mkdir(path, 0755), 0);
}

/* To what stands in `to`, behind the scratch folder's path if absolute. */
static void put_link(const struct scratch *d, const char *to, const char *name, bool absolute)
{
    char path[SCRATCH_PATH], target[SCRATCH_PATH];
    scratch_path(d, name, path);
    scratch_path(d, to, target);
    assert_int_equal(symlink(absolute ? target : to, path), 0);
}

static void put_socket(const struct scratch *d, const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s/%s", d->path, name);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    close(fd);
}

static void plant(const struct scratch *d)
{
    char path[SCRATCH_PATH];
    put_folder(d, "root");
    put_folder(d, "root/sub");
    put_folder(d, "root-too");
    put(d, "outside.txt", "secret");
    put(d, "root-too/near.txt", "secret");
    put(d, "root/index.html", "index");
    put(d, "root/sub/app.js", "app");
    put(d, "root/a b%.js", "odd");
    put(d, "root/.hidden", "secret");
    put_link(d, "sub", "root/inner", false);
    put_link(d, "../index.html", "root/sub/up", false);
    put_link(d, "root/sub", "root/absolute", true);
    put_link(d, "../root/sub", "root/out-and-in", false);
    put_link(d, "root", "root/self", true);
    put_link(d, "outside.txt", "root/absolute.txt", true);
    put_link(d, "../outside.txt", "root/relative.txt", false);
    put_link(d, "root-too", "root/near", true);
    put_link(d, "../../outside.txt", "root/sub/far.txt", false);
    put_link(d, "round", "root/round", false);
    put_link(d, "nowhere", "root/dangling", false);
    put_link(d, "/proc/self/root/etc/passwd", "root/magic", false);
    /* What a ConfigMap of Kubernetes looks like: names with dots, but behind links. */
    put_folder(d, "root/..2026_01");
    put(d, "root/..2026_01/config.js", "config");
    put_link(d, "..2026_01", "root/..data", false);
    put_link(d, "..data/config.js", "root/config.js", false);
    scratch_path(d, "root/fifo", path);
    assert_int_equal(mkfifo(path, 0644), 0);
    put_socket(d, "root/socket");
    put_link(d, "/dev/null", "root/null", false);
    put_link(d, "root", "current", true);
}

static const struct {
    const char *name, *text; /* NULL: nothing */
} PLANTED[] = {
    {"index.html", "index"},
    {"sub/app.js", "app"},
    {"a b%.js", "odd"},
    {"inner/app.js", "app"},
    {"sub/up", "index"},
    {"absolute/app.js", "app"},
    {"out-and-in/app.js", "app"},
    {"self/self/inner/app.js", "app"},
    {"config.js", "config"},
    {"sub", NULL},
    {"inner", NULL},
    {"self", NULL},
    {"nothing.html", NULL},
    {"index.html/x", NULL},
    {"absolute.txt", NULL},
    {"relative.txt", NULL},
    {"near/near.txt", NULL},
    {"sub/far.txt", NULL},
    {"inner/far.txt", NULL},
    {"absolute/far.txt", NULL},
    {"round", NULL},
    {"dangling", NULL},
    {"magic", NULL},
    {"fifo", NULL},
    {"socket", NULL},
    {"null", NULL},
};

/* How many of them are not what they should be; printed, because it may be a child that finds them. */
static unsigned count_wrong(const char *root)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < COUNT(PLANTED); i++) {
        struct web_found f;
        char text[16] = "";
        int error = web_find(root, PLANTED[i].name, SPAN(""), &f);
        bool right = PLANTED[i].text ? !error && read(f.fd, text, sizeof text - 1) >= 0 &&
                                           strcmp(text, PLANTED[i].text) == 0 && f.is.st_size == (off_t)strlen(text)
                                     : error && f.fd < 0 && !f.problem;
        if (!right)
            fprintf(stderr, "%s: %d (%s), \"%s\"\n", PLANTED[i].name, error, strerror(error), text);
        wrong += !right;
        if (f.fd >= 0)
            close(f.fd);
    }
    return wrong;
}

/* From now on openat2 fails like that, for this process. */
static bool forbid_openat2(int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = COUNT(code), .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
           syscall(SYS_openat2, -1, "", NULL, 0) == -1 && errno == error;
}

/* What the check returns in a child, which may change itself; error: openat2's, or 0. */
static int in_child(int error, unsigned (*check)(const char *root), const char *root)
{
    pid_t child = fork();
    if (child == 0)
        _exit(error && !forbid_openat2(error) ? 100 : (int)check(root));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

static void test_ways(void **state)
{
    const struct scratch *d = *state;
    char root[SCRATCH_PATH], link[SCRATCH_PATH];
    plant(d);
    scratch_path(d, "root", root);
    scratch_path(d, "current", link);
    assert_int_equal(count_wrong(root), 0);
    assert_int_equal(count_wrong(link), 0);
    assert_int_equal(in_child(ENOSYS, count_wrong, root), 0);
    assert_int_equal(in_child(ENOSYS, count_wrong, link), 0);
    assert_int_equal(in_child(EPERM, count_wrong, root), 0);
}

/* ---- a folder that is swapped for a link that leads out, again and again ---- */

enum {
    SWAPPED_LOOKS = 3000
};

struct swapper {
    const char *a, *b;
    atomic_bool end;
};

static void *swap(void *ctx)
{
    struct swapper *s = ctx;
    while (!atomic_load(&s->end))
        renameat2(AT_FDCWD, s->a, AT_FDCWD, s->b, RENAME_EXCHANGE);
    return NULL;
}

static unsigned count_escapes(const char *root)
{
    char a[SCRATCH_PATH + 8], b[SCRATCH_PATH + 8];
    unsigned escapes = 0, found = 0;
    pthread_t thread;
    snprintf(a, sizeof a, "%s/safe", root);
    snprintf(b, sizeof b, "%s/trap", root);
    struct swapper s = {.a = a, .b = b};
    if (pthread_create(&thread, NULL, swap, &s) != 0)
        return 100;
    for (unsigned i = 0; i < SWAPPED_LOOKS || (found == 0 && i < 100 * SWAPPED_LOOKS); i++) {
        struct web_found f;
        char text[16] = "";
        if (web_find(root, "safe/near.txt", SPAN(""), &f) != 0)
            continue;
        found++;
        if (read(f.fd, text, sizeof text - 1) < 0 || strcmp(text, "public") != 0)
            escapes++;
        close(f.fd);
    }
    atomic_store(&s.end, true);
    pthread_join(thread, NULL);
    return found == 0 ? 101 : escapes > 0;
}

static void test_swapped(void **state)
{
    const struct scratch *d = *state;
    char root[SCRATCH_PATH];
    put_folder(d, "root");
    put_folder(d, "root/safe");
    put_folder(d, "root-too");
    put(d, "root/safe/near.txt", "public");
    put(d, "root-too/near.txt", "secret");
    put_link(d, "root-too", "root/trap", true);
    scratch_path(d, "root", root);
    assert_int_equal(in_child(0, count_escapes, root), 0);
    assert_int_equal(in_child(ENOSYS, count_escapes, root), 0);
}

/* ---- what is not opened, and what cannot be ---- */

static void test_only_looked_at(void **state)
{
    const struct scratch *d = *state;
    char path[SCRATCH_PATH], root[SCRATCH_PATH];
    plant(d);
    scratch_path(d, "root", root);
    scratch_path(d, "root/fifo", path);
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    assert_true(inotify_add_watch(watch, path, IN_OPEN) >= 0);
    struct web_found f;
    assert_int_equal(web_find(root, "fifo", SPAN(""), &f), ENOENT);
    struct pollfd told = {.fd = watch, .events = POLLIN};
    assert_int_equal(poll(&told, 1, 0), 0);
    /* The watch does tell of an opening. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(poll(&told, 1, 1000), 1);
    close(fd);
    close(watch);
}

static unsigned check_forbidden(const char *root)
{
    struct web_found f;
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) /* root may read all */
        return 100;
    int error = web_find(root, "index.html", SPAN("gzip"), &f);
    if (error != EACCES || f.fd >= 0 || !f.problem)
        return 1;
    /* A twin that may not be read is none; its original is sent. */
    error = web_find(root, "app.js", SPAN("gzip"), &f);
    return error || f.coding != CODING_IDENTITY || f.twins != 0 || f.is.st_size != 3 ? 2 : 0;
}

static void test_forbidden(void **state)
{
    const struct scratch *d = *state;
    char root[SCRATCH_PATH];
    put_folder(d, "root");
    scratch_write(d, "root/index.html", "index", 0);
    scratch_write(d, "root/app.js", "app", 0644);
    scratch_write(d, "root/app.js.gz", "gz", 0);
    assert_int_equal(chmod(d->path, 0755), 0);
    scratch_path(d, "root", root);
    assert_int_equal(in_child(0, check_forbidden, root), 0);
}

static unsigned check_no_descriptors(const char *root)
{
    struct web_found f;
    int next = dup(0);
    close(next);
    const struct rlimit none = {(rlim_t)next, (rlim_t)next}, one = {(rlim_t)next + 1, (rlim_t)next + 1};
    if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){one.rlim_cur, RLIM_INFINITY}) != 0 &&
        setrlimit(RLIMIT_NOFILE, &one) != 0)
        return 100;
    if (web_find(root, "index.html", SPAN(""), &f) != EMFILE || !f.problem || f.fd >= 0)
        return 1;
    if (setrlimit(RLIMIT_NOFILE, &none) != 0)
        return 101;
    return web_find(root, "index.html", SPAN(""), &f) != EMFILE || !f.problem || f.fd >= 0 ? 2 : 0;
}

static void test_short_of_descriptors(void **state)
{
    const struct scratch *d = *state;
    char root[SCRATCH_PATH];
    plant(d);
    scratch_path(d, "root", root);
    assert_int_equal(in_child(0, check_no_descriptors, root), 0);
    struct web_found f;
    scratch_path(d, "nowhere", root);
    assert_int_equal(web_find(root, "index.html", SPAN(""), &f), ENOENT);
    assert_non_null(f.problem);
}

/* ---- types, twins and tags ---- */

static void set_age(const struct scratch *d, const char *name, time_t s, long ns)
{
    char path[SCRATCH_PATH];
    scratch_path(d, name, path);
    const struct timespec times[2] = {{.tv_sec = s, .tv_nsec = ns}, {.tv_sec = s, .tv_nsec = ns}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_types(void **state)
{
    static const struct {
        const char *name, *type;
    } CASES[] = {
        {"a.html", "text/html; charset=utf-8"},
        {"a.b.js", "text/javascript; charset=utf-8"},
        {"a.wasm", "application/wasm"},
        {"a.json", "application/json"},
        {"a.png", "image/png"},
        {"a.bin", "application/octet-stream"},
        {"html", "application/octet-stream"},
        {"a.html.gz", "application/octet-stream"},
    };
    const struct scratch *d = *state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct web_found f;
        put(d, CASES[i].name, "x");
        assert_int_equal(web_find(d->path, CASES[i].name, SPAN(""), &f), 0);
        assert_string_equal(f.type, CASES[i].type);
        close(f.fd);
    }
}

static void test_twins(void **state)
{
    enum {
        GZ = 1u << CODING_GZIP,
        BR = 1u << CODING_BR
    };
    static const struct {
        long br, gz; /* nanoseconds of the twin's time; the original's is 5; -1: there is none */
        const char *accept;
        unsigned twins;
        enum coding coding;
    } CASES[] = {
        {5, 5, "gzip, br", BR | GZ, CODING_BR},
        {9, 9, "gzip", BR | GZ, CODING_GZIP},
        {5, 5, "", BR | GZ, CODING_IDENTITY},
        {-1, 5, "gzip, br", GZ, CODING_GZIP},
        {4, 5, "gzip, br", GZ, CODING_GZIP},
        {4, 4, "gzip, br", 0, CODING_IDENTITY},
        {-1, -1, "gzip, br", 0, CODING_IDENTITY},
    };
    static const char *const TEXTS[CODINGS] = {[CODING_IDENTITY] = "app", [CODING_BR] = "br", [CODING_GZIP] = "gz"};
    const struct scratch *d = *state;
    put(d, "app.js", "app");
    set_age(d, "app.js", 1000, 5);
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char path[SCRATCH_PATH], text[8] = "";
        put(d, "app.js.br", "br");
        put(d, "app.js.gz", "gz");
        set_age(d, "app.js.br", 1000, CASES[i].br < 0 ? 0 : CASES[i].br);
        set_age(d, "app.js.gz", 1000, CASES[i].gz < 0 ? 0 : CASES[i].gz);
        scratch_path(d, "app.js.br", path);
        if (CASES[i].br < 0)
            unlink(path);
        scratch_path(d, "app.js.gz", path);
        if (CASES[i].gz < 0)
            unlink(path);
        struct web_found f;
        assert_int_equal(web_find(d->path, "app.js", span_of(CASES[i].accept), &f), 0);
        if (f.coding != CASES[i].coding || f.twins != CASES[i].twins)
            fail_msg("row %zu: %d, %x", i, (int)f.coding, f.twins);
        assert_string_equal(f.type, "text/javascript; charset=utf-8");
        assert_true(read(f.fd, text, sizeof text - 1) > 0);
        assert_string_equal(text, TEXTS[f.coding]);
        close(f.fd);
    }
}

/* A folder or a FIFO is no twin, one that leads out is none, and what is compressed already has none. */
static void test_no_twins(void **state)
{
    const struct scratch *d = *state;
    char root[SCRATCH_PATH], path[SCRATCH_PATH];
    put_folder(d, "root");
    scratch_path(d, "root", root);
    put(d, "outside.gz", "secret");
    put(d, "root/app.js", "app");
    put_folder(d, "root/app.js.br");
    put_link(d, "../outside.gz", "root/app.js.gz", false);
    put(d, "root/a.html", "html");
    scratch_path(d, "root/a.html.gz", path);
    assert_int_equal(mkfifo(path, 0644), 0);
    put(d, "root/a.png", "png");
    put(d, "root/a.png.gz", "gz");
    put(d, "root/only.js.gz", "gz");
    static const char *const NAMES[] = {"app.js", "a.html", "a.png"};
    struct web_found f;
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        assert_int_equal(web_find(root, NAMES[i], SPAN("gzip, br"), &f), 0);
        assert_int_equal(f.coding, CODING_IDENTITY);
        assert_int_equal(f.twins, 0);
        close(f.fd);
    }
    assert_int_equal(web_find(root, "only.js", SPAN("gzip"), &f), ENOENT);
}

static void tag_of(const struct scratch *d, const char *accept, char out[WEB_ETAG_MAX])
{
    struct web_found f;
    assert_int_equal(web_find(d->path, "app.js", span_of(accept), &f), 0);
    web_etag(&f, out);
    close(f.fd);
    assert_true(out[0] == '"' && strlen(out) > 2 && out[strlen(out) - 1] == '"');
}

static void test_tags(void **state)
{
    const struct scratch *d = *state;
    char first[WEB_ETAG_MAX], next[WEB_ETAG_MAX], from[SCRATCH_PATH], to[SCRATCH_PATH];
    put(d, "app.js", "app");
    set_age(d, "app.js", 1000, 5);
    tag_of(d, "gzip", first);
    tag_of(d, "", next);
    assert_string_equal(first, next);
    /* Another time, to the nanosecond. */
    set_age(d, "app.js", 1000, 6);
    tag_of(d, "", next);
    assert_string_not_equal(first, next);
    /* Another length. */
    put(d, "app.js", "apps");
    set_age(d, "app.js", 1000, 5);
    tag_of(d, "", next);
    assert_string_not_equal(first, next);
    /* Another file of the same length and time. */
    put(d, "app.new", "ape");
    set_age(d, "app.new", 1000, 5);
    scratch_path(d, "app.new", from);
    scratch_path(d, "app.js", to);
    assert_int_equal(rename(from, to), 0);
    tag_of(d, "", next);
    assert_string_not_equal(first, next);
    /* A twin, even if it is the very same file. */
    scratch_path(d, "app.js.gz", to);
    scratch_path(d, "app.js", from);
    assert_int_equal(link(from, to), 0);
    tag_of(d, "gzip", first);
    assert_string_not_equal(first, next);
    scratch_path(d, "app.js.br", to);
    assert_int_equal(link(from, to), 0);
    tag_of(d, "br", next);
    assert_string_not_equal(first, next);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

static void test_hashed_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool hashed;
    } NAMES[] = {
        {"app.0123456789abcdef.js", true},
        {"assets/usher.fedcba9876543210.wasm", true},
        {"a.b.0123456789abcdef.css", true},
        {"app.js", false},
        {"0123456789abcdef.js", false},      /* between two dots */
        {"app.0123456789abcdef", false},     /* alike */
        {"app.0123456789abcde.js", false},   /* 15 */
        {"app.0123456789abcdef0.js", false}, /* 17 */
        {"app.0123456789ABCDEF.js", false},
        {"app.0123456789abcdeg.js", false},
        {"v.0123456789abcdef.d/app.js", false}, /* a folder's name says nothing of the file */
        {"", false},
    };
    for (size_t i = 0; i < COUNT(NAMES); i++)
        if (web_is_hashed(NAMES[i].name) != NAMES[i].hashed)
            fail_msg("%s", NAMES[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashed_names),
        cmocka_unit_test(test_names),
        IN_SCRATCH(test_ways),
        IN_SCRATCH(test_swapped),
        IN_SCRATCH(test_only_looked_at),
        IN_SCRATCH(test_forbidden),
        IN_SCRATCH(test_short_of_descriptors),
        IN_SCRATCH(test_types),
        IN_SCRATCH(test_twins),
        IN_SCRATCH(test_no_twins),
        IN_SCRATCH(test_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
