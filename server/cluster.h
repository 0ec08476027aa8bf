/* SPDX-License-Identifier: MIT
 *
 * The section [cluster] as the daemon needs it: where Redis is, and the keys that all daemons of the cluster have.
 */
#ifndef SERVER_CLUSTER_H
#define SERVER_CLUSTER_H

#include "protocol/limits.h"
#include "server/adapters/owner.h"
#include "server/adapters/redis_url.h"
#include "server/adapters/seal.h"
#include "server/config.h"

struct cluster {
    bool on; /* else nothing else is set */
    struct redis_url url;
    uint64_t lease_ms;
    char id[CLUSTER_ID_MAX + 1];                                    /* its name, in `welcome` */
    uint8_t resume_key[SEAL_KEY_BYTES], owner_key[STATE_KEY_BYTES]; /* made of cluster.node_secret */
};

/* False with the sentence in e. */
bool cluster_read(const struct config *c, struct cluster *cluster, struct err *e);
/* Forgets the keys. */
void cluster_done(struct cluster *cluster);

#endif
