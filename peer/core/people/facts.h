/* SPDX-License-Identifier: MIT
 *
 * What a floor hands on to those above it.
 *   owns     each person's facts that were not handed on, and the queue of the people who have some
 *   before   the person is alive: LEFT is its last fact
 *   after    fact_next gives out all facts, those of one person in the order of FACT_LIST, each once however often it was
 *            added
 */
#ifndef PEER_PEOPLE_FACTS_H
#define PEER_PEOPLE_FACTS_H

#include "peer/core/peer.h"

struct person;

/* What a floor hands on to those above it, in the order in which they hear it of one person (hand_on.c says what each
 * does). */
#define FACT_LIST(X)                                                                                      \
    X(LINK_DOWN, "the link was up and is not any more")                                                   \
    X(LINK_REPLACED, "another connection took over a link that was up: what the former took may be lost") \
    X(LINK_UP, "introduced, or a plain peer's channel is open: messages flow")                            \
    X(LINK_WRITABLE, "the link takes messages again, after a restart or congestion")                      \
    X(FILES_OPEN, "the channel of files is open on a link that is up")                                    \
    X(REACHED, "a link or others lead there, after nobody did")                                           \
    X(PATH, "the application was told another path than before, or that there is none")                   \
    X(LEFT, "nobody knows this person any more: let go of it")
enum fact {
#define X(name, sentence) FACT_##name,
    FACT_LIST(X)
#undef X
    FACTS
};

void fact_add(struct peer *p, struct person *who, enum fact fact);
/* NULL: nothing is left to be handed on. */
struct person *fact_next(struct peer *p, enum fact *fact);

#endif
