/* SPDX-License-Identifier: MIT
 *
 * The core's tables on disk: one SQLite database, `messages.db`, in the state directory. All functions block until the
 * disk has answered; one thread at a time uses a store (store_thread.h).
 */
#ifndef PEER_IO_STORE_H
#define PEER_IO_STORE_H

#include "base/err.h"
#include "peer/core/peer.h"

#define STORE_FILE "messages.db"
enum {
    STORE_VERSION = 2,                 /* of the tables: a newer file is refused, an older one is brought up to it */
    STORE_APPLICATION = 0x75736872,    /* "ushr": another program's database is refused */
    STORE_CHECK_MAX = 32 * 1024 * 1024 /* bytes: a file up to here is checked whole when it is opened */
};

struct store;

/* Opens the database of a state directory, which its process has locked, or makes it, mode 0600. NULL with one sentence
 * in err if it cannot be used; the file is then as it was: nothing that is damaged is ever begun anew. */
struct store *store_open(const char *dir, struct err *err);
/* One that is nowhere: what is put into it is gone when it is closed. NULL with one sentence in err. */
struct store *store_open_nowhere(struct err *err);
/* Commits what was put, unless something failed before, and closes. Takes NULL. */
void store_close(struct store *s);

/* The rows of the tables that are restored, in the order of PEER_TABLE_LIST and of their keys; row is borrowed for the
 * call. False with one sentence in err when they cannot all be read. */
bool store_restore(struct store *s, void (*each)(void *user, enum peer_table table, const struct peer_row *row),
    void *user, struct err *err);

/* Durable with the next commit. False with one sentence in err, as all of these: after that the store takes nothing
 * more, says the same again, and what was not committed is lost. */
bool store_put(struct store *s, enum peer_table table, struct span key, struct span value, struct err *err);
bool store_delete(struct store *s, enum peer_table table, struct span key, struct err *err);
/* On the disk when it returns true; at once if nothing was put or deleted. */
bool store_commit(struct store *s, struct err *err);

struct store_rows {
    struct peer_row *rows; /* owned, and what they point to */
    size_t n;
};
/* At most limit rows (<= ROWS_MAX) with from <= key < to (to empty: up to the last), the last first if descending; what
 * is not committed is among them. The caller frees them, also after a failure. */
bool store_load(struct store *s, enum peer_table table, struct span from, struct span to, unsigned limit,
    bool descending, struct store_rows *rows, struct err *err);
void store_rows_free(struct store_rows *rows);

#endif
