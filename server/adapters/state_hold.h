/* SPDX-License-Identifier: MIT
 *
 * The state folder while the daemon runs: that it is this process's, and that its keys are there. A folder can be removed and
 * made again under a running daemon (a cleaner of /tmp, another volume at the path). What is written there then would be
 * worth nothing: rooms without the key of their owners, and a second daemon could take the folder. So it is looked at before
 * each writing, and now and then: by the lock, which is one file only as long as the folder is the same.
 */
#ifndef SERVER_ADAPTERS_STATE_HOLD_H
#define SERVER_ADAPTERS_STATE_HOLD_H

#include "server/adapters/state_dir.h"

enum {
    STATE_KEYS_MAX = 2
};

struct state_hold {
    char dir[STATE_PATH_MAX];
    int lock; /* owned; -1: it is not ours */
    struct {
        const char *name; /* static */
        uint8_t bytes[STATE_KEY_BYTES];
    } keys[STATE_KEYS_MAX];
    size_t keys_n;
};

/* What state_hold_done takes, whatever follows. */
void state_hold_init(struct state_hold *h);
/* Finds or makes the folder of the setting and locks it for this process. Each of these that fails leaves the sentence in e. */
bool state_hold_take(struct state_hold *h, const char *setting, struct err *e);
/* As state_dir_key, and remembers it. At most STATE_KEYS_MAX. */
bool state_hold_key(
    struct state_hold *h, const char *name, const struct rng *rng, uint8_t key[STATE_KEY_BYTES], struct err *e);
/* Whether the folder is ours still. One that was made again is made ours: the lock is taken and the keys are written there,
 * and *again tells it. False if it is gone, somebody else's, or has other keys. Blocks on the disk: on one thread at a time,
 * whichever. */
bool state_hold_look(struct state_hold *h, bool *again, struct err *e);
/* Gives the folder free and forgets the keys. */
void state_hold_done(struct state_hold *h);

#endif
