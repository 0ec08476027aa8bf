/* SPDX-License-Identifier: MIT
 *
 * `usher exercise`: the whole stack, line by line, against the server that is named. The people are several `struct
 * usher` in this process, with state directories of their own that go at the end, in a room that nobody else knows.
 * Their connections to the server are cut when a line wants a server to be lost; the server itself and its other clients see no
 * more than sockets that end.
 */
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "peer/cli/commands.h"
#include "peer/cli/exercise.h"

static int unlink_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static bool open_exercise(struct exercise *x)
{
    static const char *const NAMES[ACTORS] = {"ann", "ben", "cy", "dora"};
    char err[256];
    GError *error = NULL;
    const struct usher_options *o = &x->options->usher;
    x->folder = g_dir_make_tmp("usher-exercise-XXXXXX", &error);
    if (!x->folder) {
        fprintf(stderr, "usher: no temporary folder could be made: %s\n", error->message);
        g_error_free(error);
        return false;
    }
    x->room = g_strdup_printf("exercise-%08x%08x", g_random_int(), g_random_int());
    x->wrong = g_string_new(NULL);
    for (int i = 0; i < ACTORS; i++) {
        struct actor *a = &x->actors[i];
        a->exercise = x;
        a->name = NAMES[i];
        a->state = g_build_filename(x->folder, NAMES[i], NULL);
        a->state_now = g_string_new(NULL);
        a->seen = g_ptr_array_new_with_free_func(seen_free);
    }
    x->cut = o->server_count ? cut_new(o->servers, o->server_count, err, sizeof err)
                             : cut_new(&(const char *){OPTIONS_SERVER}, 1, err, sizeof err);
    if (!x->cut)
        fprintf(stderr, "usher: %s\n", err);
    return x->cut != NULL;
}

static void close_exercise(struct exercise *x)
{
    for (int i = 0; x->folder && i < ACTORS; i++) {
        usher_free(x->actors[i].u);
        if (x->actors[i].seen)
            g_ptr_array_unref(x->actors[i].seen);
        if (x->actors[i].state_now)
            g_string_free(x->actors[i].state_now, TRUE);
        g_free(x->actors[i].state);
    }
    cut_free(x->cut);
    while (g_main_context_iteration(NULL, FALSE))
        continue; /* what is closed in the background */
    if (x->folder)
        nftw(x->folder, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
    if (x->wrong)
        g_string_free(x->wrong, TRUE);
    g_free(x->room);
    g_free(x->folder);
}

/* True if it passed. */
static bool run_line(struct exercise *x, const struct line *line)
{
    gint64 began = g_get_monotonic_time();
    g_string_truncate(x->wrong, 0);
    bool ok = line->run(x);
    double ms = (double)(g_get_monotonic_time() - began) / 1000;
    printf("%-14s %8.0f ms  %s\n", line->name, ms, ok ? "ok" : "FAILED");
    if (!ok)
        printf("               %s\n", x->wrong->str);
    if (!ok && cut_trouble(x->cut))
        printf("               %s\n", cut_trouble(x->cut));
    fflush(stdout);
    return ok;
}

/* The first line that this one stands on and that did not pass; NULL: none. */
static const char *missing(const struct line *line, unsigned passed)
{
    for (unsigned i = 0; i < LINE_COUNT; i++)
        if (line->stands_on & ~passed & (1u << i))
            return EXERCISE_LINES[i].name;
    return NULL;
}

static size_t run_lines(struct exercise *x)
{
    size_t count = 0;
    unsigned passed = 0;
    for (unsigned i = 0; i < LINE_COUNT; i++) {
        const struct line *line = &EXERCISE_LINES[i];
        const char *broken = missing(line, passed);
        if (broken) {
            printf("%-14s              not tried: it stands on %s\n", line->name, broken);
        } else if (g_get_monotonic_time() >= x->end) {
            printf("%-14s              not tried: the time was over\n", line->name);
        } else if (run_line(x, line)) {
            passed |= 1u << i;
            count++;
        }
    }
    return count;
}

int exercise_run(const struct options *o)
{
    struct exercise x = {.options = o};
    size_t passed = 0;
    bool reached = true;
    signal(SIGPIPE, SIG_IGN);
    gint64 began = g_get_monotonic_time();
    x.end = began + (gint64)EXERCISE_ALL_MS * 1000;
    if (open_exercise(&x)) {
        passed = run_lines(&x);
        printf("%zu of %d passed in %.1f s\n", passed, LINE_COUNT,
            (double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC);
        reached = cut_reached(x.cut);
    }
    close_exercise(&x);
    if (!reached)
        return EXIT_NO_CONNECTION;
    return passed == LINE_COUNT ? EXIT_DONE : EXIT_FAILED;
}
