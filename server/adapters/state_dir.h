/* SPDX-License-Identifier: MIT
 *
 * The folder of what has to outlive the daemon: its keys and rooms.json. Made with mode 0700 when it is not there.
 * One daemon has it at a time: two would overwrite each other's rooms.json.
 */
#ifndef SERVER_ADAPTERS_STATE_DIR_H
#define SERVER_ADAPTERS_STATE_DIR_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"

#define STATE_LOCK_FILE "lock"

enum {
    STATE_PATH_MAX = 1024,
    STATE_KEY_BYTES = 32
};

/* The folder that counts: the setting, or when it is empty $STATE_DIRECTORY, $XDG_STATE_HOME/usherd or
 * ~/.local/state/usherd. False if none of them names one. */
bool state_dir_path(const char *setting, char path[STATE_PATH_MAX]);
/* Finds or makes that folder. Each of these that fails leaves the sentence in e; most return false then. */
bool state_dir_open(const char *setting, char path[STATE_PATH_MAX], struct err *e);
/* Whether state_dir_open would find or make it, as far as that shows, and could make files in it; nothing stays that it makes. */
bool state_dir_test(const char *setting, struct err *e);
/* Takes the folder for this process until the descriptor that is returned is closed, or the process ends however it
 * ends. -1 if it cannot be had. */
int state_dir_lock(const char *dir, struct err *e);
/* The key in the file of this name; a new one, of mode 0600, if there is no file. */
bool state_dir_key(
    const char *dir, const char *name, const struct rng *rng, uint8_t key[STATE_KEY_BYTES], struct err *e);
/* The whole file, at most `max` bytes, as a buffer of the caller's; empty if there is no file. */
bool state_dir_read(const char *dir, const char *name, size_t max, struct buf *out, struct err *e);

#endif
