/* SPDX-License-Identifier: MIT
 *
 * What `send` and `receive` print: for a person lines, and on a terminal below them rows that are drawn anew; for a program
 * one JSON object a line, and nothing else.
 */
#ifndef PEER_CLI_SHOW_H
#define PEER_CLI_SHOW_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

enum {
    SHOW_ROWS_MAX = 3,
    SHOW_DRAW_MS = 100 /* the rows are drawn at most so often */
};

struct show {
    bool json, terminal;
    bool broken; /* nobody reads what is written */
    /* The rows as they are now, each for g_free; at most SHOW_ROWS_MAX, and their count. Called when they are drawn. */
    size_t (*rows)(void *user, long columns, char *rows[SHOW_ROWS_MAX]);
    void *user;
    size_t drawn; /* rows on the terminal */
    guint timer;
    gint64 drawn_at;
};

/* On standard output. The callback may be NULL: there are no rows. */
void show_init(
    struct show *s, bool json, size_t (*rows)(void *user, long columns, char *rows[SHOW_ROWS_MAX]), void *user);
/* Takes the rows away. */
void show_done(struct show *s);
/* A line for a person. Nothing with --json. */
void show_line(struct show *s, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A line for a person about something that went wrong, on standard error; with --json too. */
void show_remark(struct show *s, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The text as a QR code, where the terminal shows it whole. */
void show_qr(struct show *s, const char *text);
/* An event for a program; taken. Nothing without --json. */
void show_event(struct show *s, json_t *event);
/* The rows have changed. */
void show_changed(struct show *s);

#endif
