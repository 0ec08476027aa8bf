/* SPDX-License-Identifier: MIT
 *
 * A bot that says everything back, to whom it came from: to everybody what was said to everybody, else to that person.
 *
 *     cc echo.c $(pkg-config --cflags --libs usher) -o echo
 *     ./echo ws://localhost:4000 demo ./echo-state [ICE-ADDRESS]
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <usher.h>

static void on_event(struct usher *u, const struct usher_event *e, void *user)
{
    GMainLoop *loop = user;
    if (e->type == USHER_READY) {
        printf("I am %s\n", e->id);
        fflush(stdout);
    } else if (e->type == USHER_MESSAGE) {
        /* The id of what is answered is the idempotency key: answered once, whatever crashes in between. */
        usher_send(u, &e->from, strcmp(e->kind, "group_message") == 0 ? 0 : 1, e->text, e->id);
    } else if (e->type == USHER_ERROR) {
        fprintf(stderr, "%s: %s\n", e->code, e->text);
        if (e->fatal)
            g_main_loop_quit(loop);
    }
}

int main(int argc, char **argv)
{
    char err[256];
    if (argc < 4) {
        fputs("usage: echo SERVER ROOM STATE-DIR [ICE-ADDRESS]\n", stderr);
        return 2;
    }
    const char *servers[] = {argv[1]}, *addresses[] = {argv[4]};
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    struct usher *u = usher_new(&(struct usher_options){.room = argv[2],
                                    .name = "echo",
                                    .servers = servers,
                                    .server_count = 1,
                                    .ice_addresses = addresses,
                                    .ice_address_count = argc > 4,
                                    .state_dir = argv[3]},
        on_event, loop, err, sizeof err);
    if (!u) {
        fprintf(stderr, "echo: %s\n", err);
        return 1;
    }
    g_main_loop_run(loop);
    usher_free(u);
    g_main_loop_unref(loop);
    return 1; /* it only ends when it cannot go on */
}
