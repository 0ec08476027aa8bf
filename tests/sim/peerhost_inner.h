/* SPDX-License-Identifier: MIT
 *
 * What a person of the simulated world is made of: peerhost.c is its process, peerhost_files.c its application as far as
 * that sends and takes files, and the part of io that gives them.
 */
#ifndef SIM_PEERHOST_INNER_H
#define SIM_PEERHOST_INNER_H

#include "tests/sim/filedisk.h"
#include "protocol/envelope.h"
#include "tests/sim/peerhost.h"

enum {
    OFFERS_MAX = 8
};

struct offer { /* what it offers in each of its lives */
    char name[64];
    const struct peerhost *to; /* NULL: the room */
    bool kept;                 /* the core has it on the disk */
};

struct given { /* whole, to a connection */
    struct given *next;
    uint64_t rtc;
    char id[ENVELOPE_ID_MAX + 1];
    uint32_t block, offset;
};

struct giving { /* of a file, to a connection */
    struct giving *next;
    uint64_t life;
    struct peerhost *host;
    struct peer_effect effect; /* PEER_FX_FILE_GIVE */
    uint32_t done;
};

struct peerhost {
    struct filedisk *files;
    struct giving *givings; /* in order, as they are begun */
    struct offer offers[OFFERS_MAX];
    unsigned offer_count;
    bool lies;           /* about files, until it is told not to */
    bool has_lied;       /* since it began */
    struct given *given; /* in this life */
    uint64_t life;
    struct peerhost_world in;
    unsigned who, host;
    struct peer_settings settings;
    struct peer_crypto crypto;
    char id[PERSON_MAX + 1], state[32];
    struct disk *disk;
    unsigned errors, strangers_heard;
    uint32_t message_max; /* 0: as large as any */
    unsigned run_out;
    /* one life */
    struct peer *core; /* NULL: not running */
    struct rtc_party *party;
    struct wire *wire;
    unsigned server;      /* of the wire */
    struct probe *probes; /* of all lives */
    struct peer_effects fx;
    uint64_t deadline, alarm, due; /* due: when it rings */
    unsigned joins;
    bool stepping;
};

struct peer_event peerhost_event(const struct peerhost *h, enum peer_event_type type);
struct peer_event peerhost_rtc_event(const struct peerhost *h, enum peer_event_type type, uint64_t rtc);
void peerhost_step(struct peerhost *h, struct peer_event event);

/* ---- peerhost_probe.c ---- */
void peerhost_probe(struct peerhost *h, unsigned server);
void peerhost_probes_free(struct peerhost *h);

/* ---- peerhost_files.c ---- */
void peerhost_on_file(void *who, struct peer_event e);
void peerhost_give(struct peerhost *h, struct peer_effect *e); /* PEER_FX_FILE_GIVE: taken */
void peerhost_answer_offer(struct peerhost *h, const struct peer_notice *n);
void peerhost_offer_again(struct peerhost *h); /* in a new life */
/* NOTICE_ACCEPTED: false if it is not of an offer of ours. */
bool peerhost_offer_kept(struct peerhost *h, const struct peer_notice *n);
void peerhost_files_end(struct peerhost *h, bool orderly);

#endif
