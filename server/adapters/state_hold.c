/* SPDX-License-Identifier: MIT
 *
 * A key that is there and is not ours was written by a daemon that had the folder meanwhile, and so were its rooms: nothing is
 * written over them. Where only a key is missing and the folder is the same, somebody took it away to have a new one at
 * the next start: it is not put back.
 */
#include "server/adapters/state_hold.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os_file.h"

void state_hold_init(struct state_hold *h)
{
    *h = (struct state_hold){.lock = -1};
}

bool state_hold_take(struct state_hold *h, const char *setting, struct err *e)
{
    assert(h->lock < 0);
    if (!state_dir_open(setting, h->dir, e))
        return false;
    h->lock = state_dir_lock(h->dir, e);
    return h->lock >= 0;
}

bool state_hold_key(
    struct state_hold *h, const char *name, const struct rng *rng, uint8_t key[STATE_KEY_BYTES], struct err *e)
{
    assert(h->keys_n < STATE_KEYS_MAX);
    if (!state_dir_key(h->dir, name, rng, key, e))
        return false;
    h->keys[h->keys_n].name = name;
    memcpy(h->keys[h->keys_n++].bytes, key, STATE_KEY_BYTES);
    return true;
}

static bool is_ours(const struct state_hold *h)
{
    char path[STATE_PATH_MAX + sizeof "/" STATE_LOCK_FILE];
    struct stat held, there;
    snprintf(path, sizeof path, "%s/" STATE_LOCK_FILE, h->dir);
    return fstat(h->lock, &held) == 0 && stat(path, &there) == 0 && held.st_dev == there.st_dev &&
           held.st_ino == there.st_ino;
}

static bool put_key(const struct state_hold *h, size_t at, struct err *e)
{
    const char *name = h->keys[at].name;
    const struct span ours = {(const char *)h->keys[at].bytes, STATE_KEY_BYTES};
    struct buf text;
    if (!state_dir_read(h->dir, name, STATE_KEY_BYTES, &text, e))
        return false;
    bool there = text.p != NULL, same = there && span_eq(buf_view(&text), ours);
    buf_done(&text);
    if (!there)
        return os_file_replace(h->dir, name, ours, e);
    return same || err_set(e,
                       "%.200s/%s is not this daemon's, nor is what lies beside it: restart usherd to go on with that, "
                       "or empty "
                       "the folder to keep the rooms that it has now",
                       h->dir, name);
}

static bool put_keys(const struct state_hold *h, struct err *e)
{
    for (size_t i = 0; i < h->keys_n; i++)
        if (!put_key(h, i, e))
            return false;
    return true;
}

bool state_hold_look(struct state_hold *h, bool *again, struct err *e)
{
    struct stat is;
    *again = false;
    if (is_ours(h))
        return true;
    if (stat(h->dir, &is) != 0)
        return err_set_errno(e, errno,
            "the state folder %.200s is gone: %s: make it again, for the user that this runs as; nothing needs a "
            "restart",
            h->dir, strerror(errno));
    int lock = state_dir_lock(h->dir, e);
    if (lock < 0)
        return false;
    if (!put_keys(h, e)) {
        close(lock);
        return false;
    }
    close(h->lock);
    h->lock = lock;
    *again = true;
    return true;
}

void state_hold_done(struct state_hold *h)
{
    if (h->lock >= 0)
        close(h->lock);
    OPENSSL_cleanse(h->keys, sizeof h->keys);
    state_hold_init(h);
}
