/* SPDX-License-Identifier: MIT
 *
 * Two people in one process, on one thread: ann greets ben as soon as she sees him, ben reads it, ann hears of that. They
 * live on a main context of their own, as in a program whose default one belongs to somebody else.
 *
 *     cc two.c $(pkg-config --cflags --libs usher) -o two
 *     ./two ws://localhost:4000 demo ./ann-state ./ben-state [ICE-ADDRESS]
 */
#include <glib.h>
#include <stdio.h>
#include <usher.h>

struct two {
    GMainLoop *loop;
    struct usher *ann, *ben;
    int status;
};

static void on_ann(struct usher *ann, const struct usher_event *e, void *user)
{
    struct two *two = user;
    if (e->type == USHER_PEER && e->up)
        usher_send(ann, &e->id, 1, "hello, ben", "greeting"); /* the same key: a second link means no second greeting */
    if (e->type == USHER_READ) {
        puts("ann: ben has read it");
        two->status = 0;
        g_main_loop_quit(two->loop);
    }
}

static void on_ben(struct usher *ben, const struct usher_event *e, void *user)
{
    (void)user;
    if (e->type != USHER_MESSAGE)
        return;
    printf("ben: %s says \"%s\"\n", e->from, e->text);
    usher_read(ben, e->id);
}

static gboolean on_timeout(void *loop)
{
    fputs("two: nothing came of it in 20 seconds\n", stderr);
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static void end_after(GMainLoop *loop, unsigned seconds)
{
    GSource *timeout = g_timeout_source_new_seconds(seconds);
    g_source_set_callback(timeout, on_timeout, loop, NULL);
    g_source_attach(timeout, g_main_loop_get_context(loop));
    g_source_unref(timeout);
}

int main(int argc, char **argv)
{
    char err[256] = "";
    if (argc < 5) {
        fputs("usage: two SERVER ROOM ANN-STATE BEN-STATE [ICE-ADDRESS]\n", stderr);
        return 2;
    }
    const char *servers[] = {argv[1]}, *addresses[] = {argv[5]};
    GMainContext *context = g_main_context_new();
    struct usher_options options = {.room = argv[2],
        .name = "ann",
        .servers = servers,
        .server_count = 1,
        .ice_addresses = addresses,
        .ice_address_count = argc > 5,
        .state_dir = argv[3],
        .context = context};
    struct two two = {.loop = g_main_loop_new(context, FALSE), .status = 1};
    two.ann = usher_new(&options, on_ann, &two, err, sizeof err);
    options.name = "ben";
    options.state_dir = argv[4];
    two.ben = two.ann ? usher_new(&options, on_ben, &two, err, sizeof err) : NULL;
    end_after(two.loop, 20);
    if (two.ben)
        g_main_loop_run(two.loop);
    else
        fprintf(stderr, "two: %s\n", err);
    usher_free(two.ann);
    usher_free(two.ben);
    g_main_loop_unref(two.loop);
    g_main_context_unref(context);
    return two.status;
}
