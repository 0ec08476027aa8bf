/* SPDX-License-Identifier: MIT
 *
 * A person in the world: the real peer core, with this as its io. It connects the signaling socket to the daemons,
 * runs the simulated WebRTC under the core's numbers, has a disk for what the core wants kept, and hands every notice to
 * the promises. Its process can crash and return with the same keys; its machine can move to another address.
 */
#ifndef SIM_PEERHOST_H
#define SIM_PEERHOST_H

#include "tests/sim/daemon.h"
#include "tests/sim/disk.h"
#include "tests/sim/fakecrypto.h"
#include "tests/sim/peer_oracle.h"
#include "tests/sim/rtcnet.h"

struct peerhost;

/* All borrowed; they outlive the host. */
struct peerhost_world {
    struct world *w;
    struct wire_net *wires;
    struct rtc_net *rtcs;
    struct peer_oracle *peer_oracle;
    struct daemon *const *daemons;
    unsigned daemon_count;
    struct peerhost *const *people; /* by who */
};

struct peerhost *peerhost_new(
    const struct peerhost_world *in, unsigned who, const char *room, const char *name, struct key_pair *keys);
/* A second process of that identity, on another machine, with a copy of its state directory as it is now. The peer
 * oracle does not hear of it, so it may say nothing. */
struct peerhost *peerhost_twin(const struct peerhost_world *in, const struct peerhost *of, struct key_pair *keys);
void peerhost_free(struct peerhost *h); /* takes NULL */

void peerhost_start(struct peerhost *h);
void peerhost_crash(struct peerhost *h);
/* Its state directory is copied as it is now. */
void peerhost_copy(struct peerhost *h);
/* Between two lives: its tables are lost, but not its keys; or the last copy is put back (without one: lost). */
void peerhost_lose(struct peerhost *h, bool put_back);
/* From its next start on it takes no larger messages over a link; 0: as large as any. */
void peerhost_takes(struct peerhost *h, uint32_t bytes);
/* An orderly end: PEER_LEAVE. It can be started again after NOTICE_LEFT. */
void peerhost_leave(struct peerhost *h);
void peerhost_move(struct peerhost *h);
/* The signaling socket breaks. */
void peerhost_unplug(struct peerhost *h);
/* Sends to these people; nobody: to the room. What was not accepted is asked for again by its next life. */
void peerhost_send(struct peerhost *h, const struct peerhost *const *to, size_t n);

/* Offers a file (filedisk.h) to that person, or (NULL) to the room, in this life and again in each that follows. */
void peerhost_offer(struct peerhost *h, const struct peerhost *to, const char *name);
/* What it gives of files is often wrong, and beside it comes what nobody asked for; until it is told not to, and then offers
 * its files again. */
void peerhost_lie(struct peerhost *h, bool lies);
/* What it offers outlives its process, and is not offered anew. Before its first life. */
void peerhost_keep_offers(struct peerhost *h);
/* Everybody who was offered one of its files by now has it. */
bool peerhost_files_done(const struct peerhost *h);

/* To an id that is nobody of the run's: a plain peer's seat. */
void peerhost_send_text(struct peerhost *h, struct span to, struct span text);
/* Unverified messages that came. */
unsigned peerhost_strangers_heard(const struct peerhost *h);

bool peerhost_is_up(const struct peerhost *h);
unsigned peerhost_joins(const struct peerhost *h); /* in this life; a seat taken again is no join */
const char *peerhost_id(const struct peerhost *h);
unsigned peerhost_who(const struct peerhost *h);
unsigned peerhost_host(const struct peerhost *h);
unsigned peerhost_server(const struct peerhost *h); /* that it is on, or tries */
const struct peer *peerhost_core(const struct peerhost *h);
const struct peer_stats *peerhost_stats(const struct peerhost *h);
struct disk *peerhost_disk(struct peerhost *h); /* borrowed; it outlives each of its lives */
const char *peerhost_fingerprint(const struct peerhost *h);
size_t peerhost_rtcs(const struct peerhost *h);
/* The text of the last NOTICE_STATE, and whether some NOTICE_ERROR came. */
const char *peerhost_state(const struct peerhost *h);
unsigned peerhost_errors(const struct peerhost *h);
/* How often it said that its memory ran out, and began again. */
unsigned peerhost_run_out(const struct peerhost *h);

#endif
