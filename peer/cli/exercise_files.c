/* SPDX-License-Identifier: MIT
 *
 * The line about files: ann sends ben one, ben dies in the middle of it and comes back, and only the rest comes then.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "peer/cli/exercise.h"

enum {
    FILE_BYTES = 24 << 20, /* 24 blocks, */
    BLOCKS_SEEN = 2        /* of which so many are there when ben dies */
};

static gchar *checksum_of(const char *path)
{
    gchar *bytes = NULL, *sum = NULL;
    gsize n = 0;
    if (g_file_get_contents(path, &bytes, &n, NULL))
        sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, n);
    g_free(bytes);
    return sum;
}

static bool make_file(struct exercise *x, const char *path)
{
    guint32 *words = g_new(guint32, FILE_BYTES / sizeof *words);
    for (size_t i = 0; i < FILE_BYTES / sizeof *words; i++)
        words[i] = g_random_int();
    bool ok = g_file_set_contents(path, (const char *)words, FILE_BYTES, NULL);
    g_free(words);
    return ok || wrong(x, "expected room for %d MiB in %s", FILE_BYTES >> 20, x->folder);
}

static bool has_some(void *ctx)
{
    const struct actor *a = ctx;
    struct usher_stats s;
    usher_stats(a->u, &s);
    return s.blocks_had_total >= BLOCKS_SEEN;
}

/* Takes what is offered. */
static bool accept_offer(struct actor *a, const struct actor *from, const char *folder)
{
    const struct seen *offer = expect(a, (struct wanted){USHER_FILE_OFFER, .from = from->id});
    return offer &&
           (usher_accept_file(a->u, offer->id, folder) || wrong(a->exercise, "expected that the file is taken"));
}

static bool same(struct exercise *x, const char *source, const char *copy)
{
    gchar *was = checksum_of(source), *is = checksum_of(copy);
    bool ok = was && g_strcmp0(was, is) == 0;
    g_free(was);
    g_free(is);
    return ok || wrong(x, "expected the SHA-256 of what was sent in %s; it is another", copy);
}

static bool send_and_resume(struct exercise *x, const char *source, const char *folder)
{
    struct actor *ann = &x->actors[0], *ben = &x->actors[1];
    const char *to = ben->id;
    if (!usher_send_file(ann->u, &to, 1, source, "file") ||
        !expect(ann, (struct wanted){USHER_ACCEPTED, .ref = "file"}) || !accept_offer(ben, ann, folder) ||
        !until(x, has_some, ben, "that some of the file comes"))
        return false;
    actor_die(ben);
    if (!actor_start(ben) || !linked(ann, ben, NULL) || !accept_offer(ben, ann, folder))
        return false;
    const struct seen *done = expect(ben, (struct wanted){USHER_FILE_COMPLETE, .from = ann->id});
    if (!done || !expect(ann, (struct wanted){USHER_FILE_COMPLETE, .by = ben->id}))
        return false;
    return (done->count < done->size || wrong(x, "expected that only the rest comes again; all of it came")) &&
           same(x, source, done->text);
}

bool exercise_files(struct exercise *x)
{
    gchar *source = g_build_filename(x->folder, "file", NULL), *folder = g_build_filename(x->folder, "received", NULL);
    bool ok = gather(x) && make_file(x, source) &&
              (g_mkdir(folder, 0700) == 0 || wrong(x, "expected to make a folder")) &&
              send_and_resume(x, source, folder);
    g_unlink(source);
    g_free(source);
    g_free(folder);
    return ok;
}
