/* SPDX-License-Identifier: MIT
 *
 * Names and keys, as ssh has its known hosts.
 *   owns     the remembered names, at most NAMES_MAX
 *   before   trust_known: before the start, what io remembered. trust_meet: the person has proved its key, or has none
 *   after    who proved a key first under a name keeps the name; a warning for everybody else who bears it or one that looks
 *            like it
 */
#ifndef PEER_PEOPLE_TRUST_H
#define PEER_PEOPLE_TRUST_H

#include "peer/core/peer.h"
#include "peer/core/order/hash.h"

struct person;

struct known {
    char name[DISPLAY_NAME_MAX + 1];
    char id[PERSON_MAX + 1];
    UT_hash_handle hh;
};

void trust_known(struct peer *p, struct span name, struct span id);
void trust_meet(struct peer *p, const struct person *who);
void trust_clear(struct peer *p);

#endif
