/* SPDX-License-Identifier: MIT
 *
 * The parts of `usher exercise`: exercise.c runs the lines and prints the table, exercise_lines.c and exercise_files.c say what each tries,
 * exercise_actor.c plays the people, cut.c carries their connections to the server.
 */
#ifndef PEER_CLI_EXERCISE_H
#define PEER_CLI_EXERCISE_H

#include <glib.h>

#include "peer/cli/cut.h"
#include "peer/cli/options.h"

enum {
    ACTORS = 4,
    EXERCISE_WAIT_MS = 10000, /* for what is expected to come */
    EXERCISE_ALL_MS = 55000   /* for all lines: what has not begun by then does not */
};

struct exercise;

/* Somebody in the room, over all its lives. */
struct actor {
    struct exercise *exercise;
    const char *name;   /* static */
    gchar *state;       /* its directory */
    char id[27];        /* empty before its first life */
    struct usher *u;    /* NULL: it is away */
    GPtrArray *seen;    /* of struct seen: what it was told in this life */
    GString *state_now; /* the last `state` */
    char no_link[27];   /* a fault of this life */
    gboolean tamper;    /* likewise */
};

struct seen {
    enum usher_event_type type;
    gchar *id, *from, *by, *text, *ref, *kind;
    uint64_t count, size;
    gboolean up, verified, fatal;
};

void seen_free(void *item);

struct exercise {
    const struct options *options;
    struct cut *cut;
    gchar *folder, *room;
    struct actor actors[ACTORS]; /* ann, ben, cy; dora, who tampers */
    GString *wrong;              /* why the line in hand failed; empty: it did not */
    gint64 end;                  /* no wait is longer; monotonic microseconds */
};

/* ---- actors ---- */

/* All of these are false, with `wrong` filled in, if what they say does not come about in time. */
bool actor_start(struct actor *a);
bool actor_leave(struct actor *a); /* with a good-bye */
void actor_die(struct actor *a);   /* without one */
/* ann, ben and cy are there, without faults, and each is linked with each. */
bool gather(struct exercise *x);
/* Two of them see each other up on this path; NULL: any but "relay". */
bool linked(struct actor *a, struct actor *b, const char *path);

/* What an actor is to be told; members that are NULL may be anything. */
struct wanted {
    enum usher_event_type type;
    const char *id, *from, *by, *text, *ref, *kind;
};
/* Waits for it; NULL, with `wrong` filled in: it did not come. */
const struct seen *expect(struct actor *a, struct wanted w);
size_t count_seen(const struct actor *a, struct wanted w);
/* Waits for a condition; what names it for `wrong`. */
bool until(struct exercise *x, bool (*holds)(void *ctx), void *ctx, const char *what);
/* Sends, and waits for `accepted`: its id, which the actor keeps, or NULL. */
const char *say(struct actor *a, struct actor *to, const char *text);
void let_pass(struct exercise *x, unsigned ms);
/* Always false: "expected …; came: …". */
bool wrong(struct exercise *x, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* ---- lines ---- */

enum line_id {
    LINE_JOIN,
    LINE_CALL,
    LINE_DIRECT,
    LINE_GROUP,
    LINE_CAUSAL,
    LINE_ACKS,
    LINE_RELAY,
    LINE_OFFLINE,
    LINE_HISTORY,
    LINE_SEALED,
    LINE_TAMPERED,
    LINE_FILES,
    LINE_RESUME,
    LINE_RECONNECT,
    LINE_LOST,
    LINE_COUNT
};

/* Without what it stands on a line would fail for another's fault: it is not tried then. */
#define STANDS_ON(line) (1u << LINE_##line)
struct line {
    const char *name;
    bool (*run)(struct exercise *x);
    unsigned stands_on; /* earlier ones */
};
extern const struct line EXERCISE_LINES[LINE_COUNT];
bool exercise_files(struct exercise *x); /* one of them */

#endif
