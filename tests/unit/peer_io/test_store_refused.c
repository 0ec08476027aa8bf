/* SPDX-License-Identifier: MIT
 *
 * The tables on disk when something is wrong: a file that is not one of ours in good order is refused by name and left as
 * it is; what cannot be written is told, and what was committed stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/peer_io/stored.h"

enum {
    NOBODY = 65534
};

/* Opening must fail with a sentence that has this in it. */
static void refuses(const char *dir, const char *words)
{
    struct err err = {.text = ""};
    struct store *s = store_open(dir, &err);
    assert_null(s);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" says nothing of \"%s\"", err.text, words);
}

static char *file_bytes(const struct scratch *d, size_t *n)
{
    char path[SCRATCH_PATH];
    scratch_path(d, STORE_FILE, path);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    char *bytes = malloc(*n + 1);
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

static void assert_left(const struct scratch *d, const char *bytes, size_t n)
{
    size_t left_n;
    char *left = file_bytes(d, &left_n);
    assert_int_equal(left_n, n);
    assert_memory_equal(left, bytes, n);
    free(left);
}

static void write_bytes(const struct scratch *d, const char *bytes, size_t n)
{
    char path[SCRATCH_PATH];
    scratch_path(d, STORE_FILE, path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    chmod(path, 0600);
}

/* A hundred rows in each of two tables, closed: several pages. */
static void fill(const char *dir)
{
    char key[32], value[600];
    struct store *s = opened(dir);
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "%03d", i);
        put(s, TABLE_OUTGOING, key, value);
        put(s, TABLE_LOG, key, value);
    }
    store_close(s);
}

/* ---- files that are not ours, or not in order ---- */

static void refuses_garbage(void **state)
{
    struct scratch *d = *state;
    char garbage[8192];
    memset(garbage, 'g', sizeof garbage);
    write_bytes(d, garbage, sizeof garbage);
    refuses(d->path, "is damaged and was left as it is");
    assert_left(d, garbage, sizeof garbage);
}

/* SQLite by itself would make a new database and remove the log, and with it all since the last checkpoint. */
static void refuses_a_log_alone(void **state)
{
    struct scratch *d = *state;
    char folder[SCRATCH_PATH], wal[SCRATCH_PATH], moved[SCRATCH_PATH + 32], file[SCRATCH_PATH + 32];
    struct stat before, after;
    struct store *s = opened(d->path);
    put(s, TABLE_REF, "a", "1");
    commit(s);
    scratch_path(d, "elsewhere", folder);
    scratch_path(d, STORE_FILE "-wal", wal);
    snprintf(moved, sizeof moved, "%s/" STORE_FILE "-wal", folder);
    snprintf(file, sizeof file, "%s/" STORE_FILE, folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(rename(wal, moved), 0);
    assert_int_equal(stat(moved, &before), 0);
    assert_true(before.st_size > 0);
    refuses(folder, "is gone or empty, and its messages.db-wal is not");
    assert_int_not_equal(access(file, F_OK), 0);
    scratch_write(d, "elsewhere/" STORE_FILE, "", 0600);
    refuses(folder, "is gone or empty");
    assert_int_equal(stat(moved, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    store_close(s);
}

static void refuses_damage(void **state)
{
    struct scratch *d = *state;
    size_t n;
    fill(d->path);
    char *bytes = file_bytes(d, &n);
    write_bytes(d, bytes, n / 2);
    refuses(d->path, "is damaged");
    assert_left(d, bytes, n / 2);
    char *worse = malloc(n);
    memcpy(worse, bytes, n);
    memset(worse + n - 4096, 0x5a, 4096); /* a page of rows */
    write_bytes(d, worse, n);
    refuses(d->path, "is damaged");
    assert_left(d, worse, n);
    free(worse);
    write_bytes(d, bytes, n);
    store_close(opened(d->path));
    free(bytes);
}

/* What a full disk or a copy that failed leaves. To begin anew would forget all that was promised. */
static void refuses_an_empty_file(void **state)
{
    struct scratch *d = *state;
    write_bytes(d, "", 0);
    refuses(
        d->path, "is damaged: it is empty, which it never is; put a copy of it back, or move the whole folder away");
    assert_left(d, "", 0);
}

/* The last start ended while it made the file: nothing was lost with that. */
static void begins_again_what_was_half_made(void **state)
{
    struct scratch *d = *state;
    char path[SCRATCH_PATH];
    scratch_write(d, STORE_FILE ".new", "half", 0600);
    struct store *s = opened(d->path);
    put(s, TABLE_ID, "a", "1");
    commit(s);
    assert_string_equal(all(s, TABLE_ID), "a=1");
    store_close(s);
    scratch_path(d, STORE_FILE ".new", path);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void run_sql(const struct scratch *d, const char *sql)
{
    char path[SCRATCH_PATH];
    sqlite3 *db;
    scratch_path(d, STORE_FILE, path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    chmod(path, 0600);
}

static void refuses_a_newer_one(void **state)
{
    struct scratch *d = *state;
    size_t n;
    fill(d->path);
    run_sql(d, "PRAGMA user_version = 3");
    char *bytes = file_bytes(d, &n);
    refuses(d->path, "was written by a newer usher (version 3");
    assert_left(d, bytes, n);
    free(bytes);
    /* One of the version before is brought up to this one. */
    run_sql(d, "PRAGMA user_version = 1; DROP TABLE offer");
    struct store *s = opened(d->path);
    put(s, TABLE_OFFER, "a", "1");
    assert_string_equal(all(s, TABLE_OFFER), "a=1");
    assert_true(strlen(found(s, TABLE_LOG, "099", "", 1, false)) > 600);
    store_close(s);
}

static void refuses_somebody_elses(void **state)
{
    struct scratch *d = *state;
    size_t n;
    run_sql(d, "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
    char *bytes = file_bytes(d, &n);
    refuses(d->path, "is another program's database");
    assert_left(d, bytes, n);
    free(bytes);
    run_sql(d, "DROP TABLE theirs; PRAGMA application_id = 7");
    refuses(d->path, "is another program's database");
}

static void refuses_open_doors(void **state)
{
    struct scratch *d = *state;
    char path[SCRATCH_PATH];
    fill(d->path);
    scratch_path(d, STORE_FILE, path);
    chmod(path, 0640);
    refuses(d->path, "others may read");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    refuses(d->path, STORE_FILE);
}

/* ---- in another process: other rights, other limits ---- */

/* Runs what in a child and wants it to find nothing wrong. */
static void in_child(const struct scratch *d, void (*what)(const struct scratch *d))
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        what(d);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void child_wants(bool ok, const char *text, const char *words)
{
    if (ok && strstr(text, words))
        return;
    fprintf(stderr, "\"%s\" says nothing of \"%s\"\n", text, words);
    _exit(1);
}

static void open_read_only(const struct scratch *d)
{
    struct err err = {.text = ""};
    if (geteuid() == 0 && setuid(NOBODY) != 0)
        _exit(2);
    child_wants(!store_open(d->path, &err), err.text, "cannot write ");
}

static void refuses_what_it_cannot_write(void **state)
{
    struct scratch *d = *state;
    char path[SCRATCH_PATH];
    scratch_path(d, STORE_FILE, path);
    fill(d->path);
    if (geteuid() == 0) {
        assert_int_equal(chown(d->path, NOBODY, NOBODY), 0);
        assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    }
    chmod(path, 0400);
    in_child(d, open_read_only);
    chmod(path, 0600);
    chmod(d->path, 0500); /* no room for a WAL */
    in_child(d, open_read_only);
    chmod(d->path, 0700);
    assert_int_equal(unlink(path), 0);
    chmod(d->path, 0500);
    in_child(d, open_read_only);
    chmod(d->path, 0700);
}

/* A limit on the size of files stands for a full disk: the same call fails. */
static void fill_the_disk(const struct scratch *d)
{
    struct err err = {.text = ""}, again = {.text = ""};
    char value[4096];
    int i = 0;
    struct rlimit limit = {256 * 1024, 256 * 1024};
    memset(value, 'v', sizeof value);
    struct store *s = store_open(d->path, &err);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    bool ok = s != NULL;
    while (ok && i < 1000) {
        char key[32];
        snprintf(key, sizeof key, "%06d", i++);
        ok = store_put(s, TABLE_OUTGOING, span_of(key), (struct span){value, sizeof value}, &err) &&
             store_commit(s, &err);
    }
    child_wants(!ok && i > 10, err.text, "a quota or a limit");
    child_wants(!store_put(s, TABLE_REF, SPAN("late"), SPAN("1"), &again), again.text, "a quota or a limit");
    child_wants(!store_commit(s, &again), again.text, "a quota or a limit");
    store_close(s);
    char count[32];
    snprintf(count, sizeof count, "%d", i - 1);
    int fd = open("count", O_WRONLY | O_CREAT, 0600);
    if (fd < 0 || write(fd, count, strlen(count)) < 0)
        _exit(3);
}

static void fill_the_disk_there(const struct scratch *d)
{
    if (chdir(d->path) != 0)
        _exit(2);
    fill_the_disk(d);
}

static void loses_nothing_on_a_full_disk(void **state)
{
    struct scratch *d = *state;
    char path[SCRATCH_PATH], last[32];
    int committed = 0;
    in_child(d, fill_the_disk_there);
    scratch_path(d, "count", path);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &committed), 1);
    fclose(f);
    struct store *s = opened(d->path);
    assert_string_equal(all(s, TABLE_REF), "");
    snprintf(last, sizeof last, "%06d=v", committed - 1);
    struct store_rows rows;
    struct err err;
    assert_true(store_load(s, TABLE_OUTGOING, SPAN(""), SPAN(""), ROWS_MAX, false, &rows, &err));
    assert_true(rows.n >= (size_t)committed); /* a failed commit may have come through all the same */
    assert_memory_equal(rows.rows[committed - 1].key.p, last, 6);
    store_rows_free(&rows);
    store_close(s);
}

static void open_locked(const struct scratch *d)
{
    struct err err = {.text = ""};
    child_wants(!store_open(d->path, &err), err.text, "another program has ");
}

static void refuses_what_another_program_holds(void **state)
{
    struct scratch *d = *state;
    char path[SCRATCH_PATH];
    sqlite3 *db;
    fill(d->path);
    scratch_path(d, STORE_FILE, path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    in_child(d, open_locked);
    sqlite3_close(db);
    store_close(opened(d->path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_garbage),
        TEST(refuses_a_log_alone),
        TEST(refuses_damage),
        TEST(refuses_an_empty_file),
        TEST(begins_again_what_was_half_made),
        TEST(refuses_a_newer_one),
        TEST(refuses_somebody_elses),
        TEST(refuses_open_doors),
        TEST(refuses_what_it_cannot_write),
        TEST(loses_nothing_on_a_full_disk),
        TEST(refuses_what_another_program_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
