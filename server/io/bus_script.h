/* SPDX-License-Identifier: MIT
 *
 * Operations of the bus as commands of Redis, and its answers as the core hears them (server/core/bus.h). Each operation but
 * BUS_SEND is a script of server/io/redis, which is part of the program. Pure.
 */
#ifndef SERVER_IO_BUS_SCRIPT_H
#define SERVER_IO_BUS_SCRIPT_H

#include "base/buf.h"
#include "server/core/core.h"

struct redisReply; /* hiredis.h */

/* What each key and channel of ours begins with; 1 is the version of all that is kept and said. */
#define BUS_PREFIX "usher:1:"

enum {
    BUS_WORDS_FIXED = 16, /* of a command, beside its seats */
    BUS_SHA_CHARS = 40,
};

/* The whole text of an operation's script; false when out of memory. Not of BUS_SEND. */
bool bus_script_text(enum core_bus_op op, struct buf *out);

/* Space for the words that are not there as they are. */
struct bus_words {
    struct span *v; /* owned by the caller */
    size_t n;
    char numbers[BUS_WORDS_FIXED][24];
};
/* How many words the operation has. */
size_t bus_words_count(const struct core_bus *op);
/* Writes the words of EVALSHA into w->v, which has room for them; they are borrowed from the operation, the hash and w. */
void bus_words_write(const struct core_bus *op, const char *sha, struct bus_words *w);

/* The seats of answers, reused. Zeroed at first. */
struct bus_seats {
    struct core_bus_seat *v; /* owned: free */
    size_t cap;
};
/* What Redis answers to the operation. The answer borrows from the reply and the seats. False if it is no answer of ours. */
bool bus_answer_read(
    const struct core_bus *op, const struct redisReply *reply, struct bus_seats *seats, struct core_bus_answer *answer);

#endif
