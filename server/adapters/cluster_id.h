/* SPDX-License-Identifier: MIT
 *
 * The name of a cluster, as `welcome` has it: the same on all daemons that share cluster.node_secret, and of no use to who wants to
 * know that.
 */
#ifndef SERVER_ADAPTERS_CLUSTER_ID_H
#define SERVER_ADAPTERS_CLUSTER_ID_H

#include <stdbool.h>

#include "base/span.h"
#include "protocol/limits.h"

/* 26 characters of base32: 128 bits of HKDF-Expand (RFC 5869 section 2.3, info "usher cluster id") of the secret, which is random
 * as it stands. False, and out is "": OpenSSL has no memory. */
bool cluster_id_make(struct span secret, char out[CLUSTER_ID_MAX + 1]);

#endif
