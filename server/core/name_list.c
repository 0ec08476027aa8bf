/* SPDX-License-Identifier: MIT
 *
 * While there are few names the list is made for each who asks. Where there are many it is long, and to make it takes a
 * walk through all: so it is made once a second at most for each key, and shared by all who ask, however slowly they read
 * it. A list that was made again after each change was rejected: many names change all the time.
 */
#include "server/core/name_list.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

#include "server/core/named.h"
#include "server/core/say.h"

enum {
    FEW = 256, /* names of all keys */
    LIST_MS = 1000
};

struct name_list {
    struct name_list *next; /* in core->name_lists: one for each key that io knows, and somebody asked for */
    struct frame *frame;    /* one reference */
    uint64_t made_at;
    uint8_t key_n;
    char key[];
};

static struct frame *make(struct core *c, struct span key)
{
    named_list(c, key, say_text(c));
    return say_body(c);
}

static struct name_list *find(const struct core *c, struct span key)
{
    struct name_list *l = c->name_lists;
    while (l && !span_eq((struct span){l->key, l->key_n}, key))
        l = l->next;
    return l;
}

static void name_list_free(struct core *c, struct name_list *l)
{
    LL_DELETE(c->name_lists, l);
    frame_unref(l->frame);
    free(l);
}

/* For those who ask later. Without memory for it they have it made once more. */
static void keep(struct core *c, struct span key, struct frame *frame)
{
    struct name_list *l = malloc(sizeof *l + key.n);
    if (!l)
        return;
    *l = (struct name_list){.frame = frame_ref(frame), .made_at = c->now, .key_n = (uint8_t)key.n};
    memcpy(l->key, key.p, key.n);
    LL_PREPEND(c->name_lists, l);
}

struct frame *name_list_get(struct core *c, struct span key)
{
    assert(key.n <= CHOSEN_KEY_MAX);
    bool few = c->named.count <= FEW;
    struct name_list *l = find(c, key);
    if (l && !few && c->now < l->made_at + LIST_MS)
        return frame_ref(l->frame);
    if (l)
        name_list_free(c, l);
    struct frame *frame = make(c, key);
    if (frame && !few)
        keep(c, key, frame);
    return frame;
}

void name_list_forget(struct core *c)
{
    while (c->name_lists)
        name_list_free(c, c->name_lists);
}
