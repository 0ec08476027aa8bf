/* SPDX-License-Identifier: MIT
 *
 * What people were promised, and whether it was kept; looked at with each row, frame and notice, at each crash, and when
 * all is healed. A message that was accepted reaches each of its readers exactly once, whoever crashes, and in the same
 * words, and not long after its time, or is reported failed by that reader's name, when its time is over or he said that he
 * misses it; never before what its sender knew when it spoke, unless that was reported missing. Nothing is said to be sent, stored or delivered
 * that a crash can take back; nobody forgets what its reader still needs; and nobody else ever holds a message in the
 * clear. Who loses its state, or puts back an older one, is held to what it finds: what was lost is owed by nobody, what is
 * pending once more may be settled once more; but what others said to have been delivered must have been, also then. A key
 * for idempotency names one message for ever; a peer's "up" and "down" alternate.
 *
 * The readers of a message to the room are those for whom its sender's core wrote a row of `delivery`: everybody whom it
 * could reach then, or had been linked with in the last hour, must be among them.
 */
#ifndef SIM_PROMISES_H
#define SIM_PROMISES_H

#include "tests/sim/diary.h"

enum {
    PEOPLE_MAX = 64
};

struct promises;

struct promises *promises_new(struct world *w);
void promises_free(struct promises *p); /* takes NULL */
/* A person of the run, by index 0 … PEOPLE_MAX - 1, its machine and its disk (borrowed; NULL: it has no keys). The
 * name is copied. */
void promises_person(struct promises *p, unsigned who, const char *id, unsigned host, const struct shelf *shelf);
/* The process of `who` ended, and its disk is as the next one will find it. */
void promises_end(struct promises *p, unsigned who);

/* What is larger may fail for it as too large, whenever it likes. */
void promises_takes(struct promises *p, unsigned who, uint32_t bytes);
/* The files of `who`, whose process ended, are about to be lost, or replaced by an older copy; and: they are now. */
void promises_lose(struct promises *p, unsigned who);
void promises_lost(struct promises *p, unsigned who);

/* What an application asks for. */
struct ask {
    char text[DIARY_TEXT_MAX], ref[DIARY_TEXT_MAX];
    unsigned to[PEOPLE_MAX]; /* nobody: the room */
    size_t to_count;
};
/* Takes down that `who` asks for this; text and ref are filled in. */
void promises_send(struct promises *p, unsigned who, struct ask *ask);
/* What `who` asked for and heard nothing of, by *next (begin with 0): a new process asks again. False: that is all. */
bool promises_again(const struct promises *p, unsigned who, size_t *next, struct ask *ask);

/* The next process does not ask again for what was not accepted: it may be gone, but not half there. */
void promises_drop(struct promises *p, unsigned who);

/* Each row that `who` writes or removes, frame that it sends to another peer, and notice that it gets. */
void promises_row(struct promises *p, unsigned who, const struct peer_effect *put);
void promises_gone(const struct promises *p, unsigned who, const struct peer_effect *gone);
void promises_frame(struct promises *p, unsigned who, struct span frame);
void promises_notice(struct promises *p, unsigned who, const struct peer_notice *n);
/* Somebody in this run has no keys: what is said to everybody goes to him in the clear. */
void promises_strangers(struct promises *p);

/* Everybody is reachable and quiet: is all kept? The latter names what is not. */
bool promises_kept(const struct promises *p);
void promises_check(const struct promises *p);
bool promises_up(const struct promises *p, unsigned who, unsigned other);
unsigned promises_flaps(const struct promises *p, unsigned who, unsigned other); /* notices about it so far */
/* About what there is to look at in one person's memory: nothing to speak of in a small room. */
size_t promises_size(const struct promises *p);
uint64_t promises_delivered(const struct promises *p);
uint64_t promises_failed(const struct promises *p);
/* How many messages stand in the record of `who`, and how many it knows to be missing. */
size_t promises_heard(const struct promises *p, unsigned who);
size_t promises_missing(const struct promises *p, unsigned who);

/* What went over the links. */
struct traffic {
    uint64_t pushed, alone, announcements, receipts, news, pings, others;
    unsigned depth; /* of the deepest pushed message */
};
struct traffic *promises_traffic(struct promises *p);

#endif
