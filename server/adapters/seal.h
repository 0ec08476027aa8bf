/* SPDX-License-Identifier: MIT
 *
 * What nobody but this daemon can read or change: AES-256-GCM under its own key, for the core's port.
 */
#ifndef SERVER_ADAPTERS_SEAL_H
#define SERVER_ADAPTERS_SEAL_H

#include "server/core/core.h"

#define RESUME_KEY_FILE "resume.key"

enum {
    SEAL_KEY_BYTES = 32
};

struct seal;

/* The key is copied, the rng borrowed. NULL when out of memory. */
struct seal *seal_new(const uint8_t key[SEAL_KEY_BYTES], const struct rng *rng);
void seal_free(struct seal *s); /* takes NULL */
/* Lives as long as the seal. */
const struct core_crypto *seal_port(const struct seal *s);

#endif
