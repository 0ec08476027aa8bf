/* SPDX-License-Identifier: MIT
 *
 * The normal path: look at what the file says it is, change it to WAL, prepare statements as they are first needed,
 * begin a transaction with the first put, commit it when asked. docs/decisions/0005-storage.md says what is on the disk
 * when, and why.
 *
 * Nothing is written before the file is known to be ours and sound: a damaged one, a newer one and somebody else's stay
 * as they are. A new one is made whole beside its place and renamed: so a file without a byte was never ours, but is what
 * a full disk, a copy or a hand left of one. The first failure is the last word: a transaction of which a part is missing
 * must not be committed.
 */
#include "peer/io/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/io/state.h"

enum {
    BUSY_MS = 2000,         /* another program that only looks is gone by then */
    CHECKPOINT_PAGES = 4000 /* 16 MiB of WAL: a checkpoint, which syncs the database too, is then rare */
};

enum statement {
    PUT,
    DELETE,
    LOAD,
    LOAD_LAST_FIRST,
    STATEMENTS
};
static const char *const SQL[STATEMENTS] = {
    [PUT] = "REPLACE INTO \"%s\" (key, value) VALUES (?1, ?2)",
    [DELETE] = "DELETE FROM \"%s\" WHERE key = ?1",
    [LOAD] = "SELECT key, value FROM \"%s\" WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3",
    [LOAD_LAST_FIRST] = "SELECT key, value FROM \"%s\" WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3",
};

static const char *const NAMES[PEER_TABLES] = {
#define X(name, text, restored) [TABLE_##name] = text,
    PEER_TABLE_LIST(X)
#undef X
};
static const bool RESTORED[PEER_TABLES] = {
#define X(name, text, restored) [TABLE_##name] = restored,
    PEER_TABLE_LIST(X)
#undef X
};

/* The step from each version to the next; 0 is an empty file. */
static const char *const STEPS[STORE_VERSION] = {
#define X(name, text, restored) \
    "CREATE TABLE \"" text "\" (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    PEER_TABLE_LIST(X)
#undef X
        ,
    "CREATE TABLE IF NOT EXISTS \"offer\" (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"};

struct store {
    char file[STATE_PATH_MAX + 16];
    sqlite3 *db;
    sqlite3_stmt *statements[PEER_TABLES][STATEMENTS]; /* NULL: not needed yet */
    bool in_transaction, failed;
    struct err why; /* it failed */
};

/* ---- what a person is told ---- */

static bool explain(const struct store *s, int code, struct err *err)
{
    if (code == SQLITE_IOERR_WRITE) /* what write(2) fails with for every reason but a full disk */
        return err_set(err,
            "cannot write %.120s: a quota or a limit is used up, or the disk fails; make room or check it, then start "
            "again",
            s->file);
    switch (code & 0xff) {
    case SQLITE_FULL:
        return err_set(err, "cannot write %.180s: the disk is full; make room, then start again", s->file);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return err_set(err,
            "cannot write %.120s or beside it: make the folder and what is in it writable, or name another with "
            "--state",
            s->file);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, "another program has %.180s open: close it, then start again", s->file);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err,
            "%.120s is damaged and was left as it is: put a copy of it back, or move the whole folder away to begin "
            "anew",
            s->file);
    case SQLITE_IOERR:
        return err_set(err, "the disk failed at %.180s: check it, then start again", s->file);
    case SQLITE_NOMEM:
        return err_set(err, "out of memory");
    default:
        return err_set(err, "SQLite failed at %.180s: %s", s->file, sqlite3_errstr(code));
    }
}

static bool fail(struct store *s, int code, struct err *err)
{
    if (!s->failed)
        explain(s, code, &s->why);
    s->failed = true;
    *err = s->why;
    return false;
}

/* ---- opening ---- */

/* A write-ahead log whose database is gone, or empty: SQLite would take it for a new database and remove the log. */
static bool is_torn_apart(const char *file)
{
    char wal[STATE_PATH_MAX + 24];
    struct stat st;
    if (stat(file, &st) == 0 && st.st_size > 0)
        return false;
    snprintf(wal, sizeof wal, "%s-wal", file);
    return stat(wal, &st) == 0 && st.st_size > 0;
}

static bool check_file(const char *file, off_t *size, struct err *err)
{
    struct stat st;
    int fd = open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && fstat(fd, &st) == 0;
    if (!ok)
        err_set(err, "cannot write %.160s: %s: make it writable, or name another state directory with --state", file,
            strerror(errno));
    else if (!S_ISREG(st.st_mode))
        ok = err_set(err, "%.180s is not a file: move it away, or name another state directory with --state", file);
    else if (st.st_uid != geteuid())
        ok = err_set(err, "%.180s belongs to another user: name another state directory with --state", file);
    else if (st.st_mode & (S_IRWXG | S_IRWXO))
        ok = err_set(err, "others may read %.120s: say chmod 600 %.80s", file, file);
    else if (st.st_size == 0)
        ok = err_set(err,
            "%.120s is damaged: it is empty, which it never is; put a copy of it back, or move the whole folder away "
            "to begin anew",
            file);
    else
        *size = st.st_size;
    if (fd >= 0)
        close(fd); /* before SQLite has locks on it, which a close would drop */
    return ok;
}

static bool bring_up(struct store *s, int64_t version, struct err *err);

/* The directory's entry, too, must outlast a crash of the machine. */
static bool rename_durably(const char *from, const char *to, const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && rename(from, to) == 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* An empty database with its tables, mode 0600. What an earlier attempt left is begun again. */
static bool make_file(struct store *s, const char *dir, struct err *err)
{
    char made[sizeof s->file + 8];
    snprintf(made, sizeof made, "%s.new", s->file);
    unlink(made);
    int fd = open(made, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(err, "cannot write %.160s: %s: make it writable, or name another state directory with --state",
            s->file, strerror(errno));
    close(fd);
    int code = sqlite3_open_v2(made, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    bool ok = code == SQLITE_OK ? bring_up(s, 0, err) : fail(s, code, err);
    sqlite3_close(s->db);
    s->db = NULL;
    if (ok && !rename_durably(made, s->file, dir))
        ok = err_set(err, "cannot write %.180s: %s", s->file, strerror(errno));
    if (!ok)
        unlink(made);
    return ok;
}

/* Runs one statement; its first row's first column, if there is one, goes to number or text (of room bytes). */
static bool ask(struct store *s, const char *sql, int64_t *number, char *text, size_t room, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(st);
    if (code == SQLITE_ROW && number)
        *number = sqlite3_column_int64(st, 0);
    if (code == SQLITE_ROW && text)
        snprintf(text, room, "%s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    return code == SQLITE_ROW || code == SQLITE_DONE || fail(s, code, err);
}

static bool run(struct store *s, const char *sql, struct err *err)
{
    int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || fail(s, code, err);
}

/* Reads only. Whose database it is comes before anything that could fail because it is not ours. */
static bool inspect(struct store *s, off_t size, int64_t *version, struct err *err)
{
    int64_t application = 0, tables = 0;
    char verdict[8] = "ok";
    if (!ask(s, "PRAGMA application_id", &application, NULL, 0, err) ||
        !ask(s, "PRAGMA user_version", version, NULL, 0, err) ||
        !ask(s, "SELECT count(*) FROM sqlite_schema", &tables, NULL, 0, err))
        return false;
    bool fresh = application == 0 && *version == 0 && tables == 0;
    if (!fresh && application != STORE_APPLICATION)
        return err_set(err, "%.180s is another program's database: name another state directory with --state", s->file);
    if (*version > STORE_VERSION || *version < 0)
        return err_set(err,
            "%.160s was written by a newer usher (version %" PRId64 " of its tables; this one knows %d): use that one",
            s->file, *version, STORE_VERSION);
    if (size <= STORE_CHECK_MAX && !ask(s, "PRAGMA quick_check(1)", NULL, verdict, sizeof verdict, err))
        return false;
    return strcmp(verdict, "ok") == 0 || fail(s, SQLITE_CORRUPT, err);
}

static bool bring_up(struct store *s, int64_t version, struct err *err)
{
    char header[96];
    if (version == STORE_VERSION)
        return true;
    snprintf(header, sizeof header, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", STORE_APPLICATION,
        STORE_VERSION);
    if (!run(s, "BEGIN IMMEDIATE", err))
        return false;
    for (; version < STORE_VERSION; version++)
        if (!run(s, STEPS[version], err))
            return false;
    return run(s, header, err);
}

static bool begin(struct store *s, off_t size, struct err *err)
{
    static const char *const READING =
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF;"
        "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096";
    char writing[128], mode[8] = "";
    int64_t version = 0;
    int code =
        sqlite3_open_v2(s->file, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK)
        return fail(s, code, err);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    /* What a crash left in the WAL stays there until the file is known to be sound. */
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (!run(s, READING, err) || !inspect(s, size, &version, err) ||
        !ask(s, "PRAGMA journal_mode = WAL", NULL, mode, sizeof mode, err))
        return false;
    if (strcmp(mode, "wal") != 0)
        return fail(s, SQLITE_CANTOPEN, err);
    snprintf(writing, sizeof writing, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = %d", CHECKPOINT_PAGES);
    return run(s, writing, err) && bring_up(s, version, err);
}

struct store *store_open(const char *dir, struct err *err)
{
    off_t size = 0;
    struct store *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, "out of memory");
        return NULL;
    }
    snprintf(s->file, sizeof s->file, "%.*s/" STORE_FILE, STATE_PATH_MAX, dir);
    if (is_torn_apart(s->file))
        err_set(err,
            "%.120s is gone or empty, and its " STORE_FILE "-wal is not: put a copy of both back, or move the whole "
            "folder away to begin anew",
            s->file);
    else if ((access(s->file, F_OK) == 0 || errno != ENOENT || make_file(s, dir, err)) &&
             check_file(s->file, &size, err) && begin(s, size, err))
        return s;
    s->failed = true;
    store_close(s);
    return NULL;
}

struct store *store_open_nowhere(struct err *err)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, "out of memory");
        return NULL;
    }
    snprintf(s->file, sizeof s->file, "the tables in memory");
    int code =
        sqlite3_open_v2(":memory:", &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK ? bring_up(s, 0, err) : fail(s, code, err))
        return s;
    store_close(s);
    return NULL;
}

void store_close(struct store *s)
{
    struct err err;
    if (!s)
        return;
    if (!s->failed && store_commit(s, &err)) /* the checkpoint at the end leaves one file */
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    for (int t = 0; t < PEER_TABLES; t++)
        for (int i = 0; i < STATEMENTS; i++)
            sqlite3_finalize(s->statements[t][i]);
    sqlite3_close(s->db);
    free(s);
}

/* ---- rows ---- */

static sqlite3_stmt *statement(struct store *s, enum peer_table table, enum statement which, struct err *err)
{
    sqlite3_stmt **st = &s->statements[table][which];
    char sql[160];
    if (s->failed) {
        *err = s->why;
        return NULL;
    }
    if (*st)
        return *st;
    sqlite3_snprintf(sizeof sql, sql, SQL[which], NAMES[table]);
    int code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL);
    if (code != SQLITE_OK)
        fail(s, code, err);
    return *st;
}

/* An empty span is an empty text, which is not NULL. It lives until the statement is reset. */
static void bind(sqlite3_stmt *st, int at, struct span text)
{
    sqlite3_bind_text64(st, at, text.n ? text.p : "", text.n, SQLITE_STATIC, SQLITE_UTF8);
}

static bool change(
    struct store *s, enum peer_table table, enum statement which, struct span key, struct span value, struct err *err)
{
    sqlite3_stmt *st = statement(s, table, which, err);
    if (!st || (!s->in_transaction && !run(s, "BEGIN IMMEDIATE", err)))
        return false;
    s->in_transaction = true;
    bind(st, 1, key);
    if (which == PUT)
        bind(st, 2, value);
    int code = sqlite3_step(st);
    bool ok = code == SQLITE_DONE || fail(s, code, err);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return ok;
}

bool store_put(struct store *s, enum peer_table table, struct span key, struct span value, struct err *err)
{
    return change(s, table, PUT, key, value, err);
}

bool store_delete(struct store *s, enum peer_table table, struct span key, struct err *err)
{
    return change(s, table, DELETE, key, (struct span){0}, err);
}

bool store_commit(struct store *s, struct err *err)
{
    if (s->failed) {
        *err = s->why;
        return false;
    }
    if (!s->in_transaction)
        return true;
    s->in_transaction = false;
    return run(s, "COMMIT", err);
}

static struct span column(sqlite3_stmt *st, int at)
{
    const void *text = sqlite3_column_text(st, at); /* before its length, which it may change */
    return (struct span){text, (size_t)sqlite3_column_bytes(st, at)};
}

static bool keep(struct store_rows *rows, sqlite3_stmt *st)
{
    struct span key = column(st, 0), value = column(st, 1);
    char *bytes = key.p && value.p ? malloc(key.n + value.n + 1) : NULL;
    if (!bytes)
        return false;
    memcpy(bytes, key.p, key.n);
    memcpy(bytes + key.n, value.p, value.n);
    rows->rows[rows->n++] = (struct peer_row){{bytes, key.n}, {bytes + key.n, value.n}};
    return true;
}

bool store_load(struct store *s, enum peer_table table, struct span from, struct span to, unsigned limit,
    bool descending, struct store_rows *rows, struct err *err)
{
    limit = limit < ROWS_MAX ? limit : ROWS_MAX;
    *rows = (struct store_rows){calloc(limit + 1u, sizeof *rows->rows), 0};
    sqlite3_stmt *st = statement(s, table, descending ? LOAD_LAST_FIRST : LOAD, err);
    if (!st)
        return false;
    if (!rows->rows)
        return fail(s, SQLITE_NOMEM, err);
    bind(st, 1, from);
    if (to.n)
        bind(st, 2, to);
    else
        sqlite3_bind_zeroblob(st, 2, 0); /* a blob, even an empty one, comes after every text */
    sqlite3_bind_int64(st, 3, limit);
    int code;
    while ((code = sqlite3_step(st)) == SQLITE_ROW)
        if (!keep(rows, st)) {
            code = SQLITE_NOMEM;
            break;
        }
    bool ok = code == SQLITE_DONE || fail(s, code, err);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return ok;
}

void store_rows_free(struct store_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        free((char *)rows->rows[i].key.p);
    free(rows->rows);
    *rows = (struct store_rows){NULL, 0};
}

bool store_restore(struct store *s, void (*each)(void *user, enum peer_table table, const struct peer_row *row),
    void *user, struct err *err)
{
    for (enum peer_table t = 0; t < PEER_TABLES; t++) {
        sqlite3_stmt *st = RESTORED[t] ? statement(s, t, LOAD, err) : NULL;
        if (!RESTORED[t])
            continue;
        if (!st)
            return false;
        bind(st, 1, SPAN(""));
        sqlite3_bind_zeroblob(st, 2, 0);
        sqlite3_bind_int64(st, 3, -1);
        int code;
        while ((code = sqlite3_step(st)) == SQLITE_ROW) {
            struct peer_row row = {column(st, 0), column(st, 1)};
            if (!row.key.p || !row.value.p) {
                code = SQLITE_NOMEM;
                break;
            }
            each(user, t, &row);
        }
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
        if (code != SQLITE_DONE)
            return fail(s, code, err);
    }
    return true;
}
