/* SPDX-License-Identifier: MIT
 *
 * What the tests of the tree receive. After cmocka.h.
 */
#ifndef TESTS_PEER_TREE_MESSAGE_H
#define TESTS_PEER_TREE_MESSAGE_H

#include "peer/core/order/tree.h"

/* Pushed to us by that link; its author is "a". */
static inline struct tree_message message(const char *from, uint64_t sequence, bool is_new)
{
    return (struct tree_message){.from = span_of(from),
        .author = SPAN("a"),
        .sequence = sequence,
        .has = sequence,
        .hops = 1,
        .is_new = is_new,
        .pushed = true};
}

#endif
