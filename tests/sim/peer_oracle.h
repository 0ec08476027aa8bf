/* SPDX-License-Identifier: MIT
 *
 * What people were promised, and whether it was kept; looked at with each row, frame and notice, at each crash, and when
 * all is healed. A message that was accepted reaches each of its readers exactly once, whoever crashes, and in the same
 * words, and not long after its time, or is reported failed by that reader's name, when its time is over or he said that he
 * misses it; never before what its sender knew when it spoke, unless that was reported missing, or had failed before its
 * reader came to the room. Nothing is said to be sent, stored, delivered or failed that a crash can take back; nobody
 * forgets what its reader still needs; and nobody else ever holds a message in the clear. Who loses its state, or puts back an older one, answers for what it finds: what was lost is owed by nobody, what is
 * pending once more may be settled once more; but what others said to have been delivered must have been, also then. A key
 * for idempotency names one message for ever; a peer's "up" and "down" alternate.
 *
 * The readers of a message to the room are those for whom its sender's core wrote a row of `delivery`: everybody whom it
 * could reach then, or had been linked with in the last hour, must be among them.
 */
#ifndef SIM_PEER_ORACLE_H
#define SIM_PEER_ORACLE_H

#include "tests/sim/diary.h"

enum {
    PEOPLE_MAX = 64
};

struct peer_oracle;

struct peer_oracle *peer_oracle_new(struct world *w);
void peer_oracle_free(struct peer_oracle *p); /* takes NULL */
/* A person of the run, by index 0 … PEOPLE_MAX - 1, its machine and its disk (borrowed; NULL: it has no keys). The
 * name is copied. */
void peer_oracle_person(
    struct peer_oracle *p, unsigned who, const char *id, unsigned host, const struct memory_store *store);
/* The process of `who` ended, and its disk is as the next one will find it. */
void peer_oracle_end(struct peer_oracle *p, unsigned who);

/* What is larger may fail for it as too large, whenever it likes. */
void peer_oracle_takes(struct peer_oracle *p, unsigned who, uint32_t bytes);
/* The files of `who`, whose process ended, are about to be lost, or replaced by an older copy; and: they are now. */
void peer_oracle_lose(struct peer_oracle *p, unsigned who);
void peer_oracle_lost(struct peer_oracle *p, unsigned who);

/* What an application asks for. */
struct ask {
    char text[DIARY_TEXT_MAX], ref[DIARY_TEXT_MAX];
    unsigned to[PEOPLE_MAX]; /* nobody: the room */
    size_t to_count;
};
/* Takes down that `who` asks for this; text and ref are filled in. */
void peer_oracle_send(struct peer_oracle *p, unsigned who, struct ask *ask);
/* What `who` asked for and heard nothing of, by *next (begin with 0): a new process asks again. False: that is all. */
bool peer_oracle_again(const struct peer_oracle *p, unsigned who, size_t *next, struct ask *ask);

/* The next process does not ask again for what was not accepted: it may be gone, but not half there. */
void peer_oracle_drop(struct peer_oracle *p, unsigned who);

/* Each row that `who` writes or removes, frame that it sends to another peer, and notice that it gets. */
void peer_oracle_row(struct peer_oracle *p, unsigned who, const struct peer_effect *put);
void peer_oracle_gone(const struct peer_oracle *p, unsigned who, const struct peer_effect *gone);
void peer_oracle_frame(struct peer_oracle *p, unsigned who, struct span frame);
void peer_oracle_notice(struct peer_oracle *p, unsigned who, const struct peer_notice *n);
/* Somebody in this run has no keys: what is said to everybody goes to him in the clear. */
void peer_oracle_strangers(struct peer_oracle *p);

/* Everybody is reachable and quiet: is all kept? The latter names what is not. */
bool peer_oracle_kept(const struct peer_oracle *p);
void peer_oracle_check(const struct peer_oracle *p);
bool peer_oracle_up(const struct peer_oracle *p, unsigned who, unsigned other);
unsigned peer_oracle_flaps(const struct peer_oracle *p, unsigned who, unsigned other); /* notices about it so far */
/* About what there is to look at in one person's memory: nothing to speak of in a small room. */
size_t peer_oracle_size(const struct peer_oracle *p);
uint64_t peer_oracle_delivered(const struct peer_oracle *p);
uint64_t peer_oracle_failed(const struct peer_oracle *p);
/* How many messages stand in the record of `who`, and how many it knows to be missing. */
size_t peer_oracle_heard(const struct peer_oracle *p, unsigned who);
size_t peer_oracle_missing(const struct peer_oracle *p, unsigned who);

/* What went over the links. */
struct traffic {
    uint64_t pushed, alone, announcements, receipts, news, pings, others;
    unsigned depth; /* of the deepest pushed message */
};
struct traffic *peer_oracle_traffic(struct peer_oracle *p);

#endif
