/* SPDX-License-Identifier: MIT
 *
 * libusher: where the state is, and who is known, as an application asks before it has a struct usher. Another process may have the state directory:
 * it appends whole lines, and replaces the file in one step.
 */
#include "peer/include/usher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "peer/io/known.h"
#include "peer/io/state.h"
#include "protocol/message.h"

_Static_assert(sizeof((struct usher_known *)0)->name == DISPLAY_NAME_MAX + 1, "as usher.h has it");
_Static_assert(sizeof((struct usher_known *)0)->id == ID_CHARS + 1, "as usher.h has it");

struct listing {
    struct usher_known *list;
    size_t n;
};

static void list_one(void *user, struct span name, struct span id)
{
    struct listing *l = user;
    struct usher_known *one = &l->list[l->n];
    if (name.n >= sizeof one->name || id.n >= sizeof one->id)
        return;
    memcpy(one->name, name.p, name.n); /* all else is zero */
    memcpy(one->id, id.p, id.n);
    l->n++;
}

size_t usher_known(const char *state_dir, struct usher_known **list, char *err, size_t err_n)
{
    struct err e = {.text = ""};
    char path[STATE_PATH_MAX + 1];
    struct listing l = {.list = calloc(KNOWN_MAX, sizeof *l.list)};
    struct known *k = NULL;
    *list = l.list;
    if (!l.list)
        err_memory(&e);
    else if (!state_dir ? state_default(path, &e)
                        : strlen(state_dir) <= STATE_PATH_MAX || err_set(&e, "the state directory's name is too long"))
        k = known_open(state_dir ? state_dir : path, &e);
    if (k)
        known_each(k, list_one, &l);
    known_free(k);
    snprintf(err, err_n, "%s", e.text);
    return l.n;
}

void usher_known_free(struct usher_known *list)
{
    free(list);
}

bool usher_state_default(char *out, size_t n)
{
    struct err e;
    char path[STATE_PATH_MAX + 1];
    int length = state_default(path, &e) ? snprintf(out, n, "%s", path) : -1;
    return length >= 0 && (size_t)length < n;
}
