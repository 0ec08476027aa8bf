/* SPDX-License-Identifier: MIT
 *
 * What the application is told.
 *   owns     nothing: what is made is the effect's, or the caller's
 *   before   the members that peer.h names for this type are set; an absent text has p == NULL
 *   after    the notice is an effect of its own, with copies of all texts; names of others are cleaned of what could pass
 *            for something else on a screen
 */
#ifndef PEER_PORT_NOTICE_H
#define PEER_PORT_NOTICE_H

#include "peer/core/peer.h"

struct notice {
    enum peer_notice_type type;
#define X(text) struct span text;
    PEER_NOTICE_TEXTS(X)
#undef X
    const struct span *to, *names; /* to_count of each; NULL: none */
    size_t to_count;
    const char *kind, *path; /* static */
    uint64_t timestamp, count, size, took_ms;
    bool up, verified, fatal;
};
struct peer_notice *notice_make(const struct notice *n); /* returned owned; NULL when out of memory */
void notice_add(struct peer *p, const struct notice *n);
/* One that was made: taken, and *n is NULL, unless memory is short. */
void notice_give(struct peer *p, struct peer_notice **n);

#endif
