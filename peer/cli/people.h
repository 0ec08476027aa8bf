/* SPDX-License-Identifier: MIT
 *
 * People who are known: who proved a key to us before, by the name that they had then.
 */
#ifndef PEER_CLI_PEOPLE_H
#define PEER_CLI_PEOPLE_H

#include "peer/cli/options.h"

enum {
    PEOPLE_ID_MAX = 64,    /* as TRANSFER_ID_MAX */
    PEOPLE_NEAREST_MAX = 3 /* names that are proposed in place of one that is not known */
};

/* Who is meant by o->to: an identity, a name as it is known, or one that differs from a single one that is known in case, spaces
 * and accents only. name: what to call that one, harmless, for g_free. False when one line was written to stderr: nobody is
 * known by that name, or several. */
bool people_find(const struct options *o, char id[PEOPLE_ID_MAX + 1], char **name);
/* Those who were met last, at most max, each once. Their count; list is for usher_known_free, and not NULL. all: how many
 * are known. 0 too if they cannot be read, which is said on stderr then. */
size_t people_newest(const struct options *o, size_t max, struct usher_known **list, size_t *all);

#endif
