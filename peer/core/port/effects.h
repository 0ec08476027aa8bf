/* SPDX-License-Identifier: MIT
 *
 * What io is to do.
 *   owns     the list of effects of the step in hand, and the time at which the peer is woken
 *   before   a step is in hand: peer_step has set where effects go
 *   after    effects are done by io in the order in which they were added. One for which there is no memory is lost, and with
 *            it the step, unless the caller says that it may be (memory.h)
 */
#ifndef PEER_PORT_EFFECTS_H
#define PEER_PORT_EFFECTS_H

#include "peer/core/peer.h"

#define NEVER UINT64_MAX /* a time that does not come */

/* One constructor a type; what it takes means what peer.h says of its members. Texts are copied. False: memory is short, and
 * nothing was added. */
bool effect_connect(struct peer *p, unsigned server);
bool effect_disconnect(struct peer *p);
bool effect_probe(struct peer *p, unsigned server, unsigned samples);
bool effect_signal(struct peer *p, struct span frame);
bool effect_ice_servers(struct peer *p, struct span ice_servers);
bool effect_rtc_new(struct peer *p, uint64_t rtc);
bool effect_rtc_offer(struct peer *p, uint64_t rtc, bool restart);
bool effect_rtc_remote(struct peer *p, uint64_t rtc, const char *type, struct span sdp); /* type is static */
bool effect_rtc_candidate(struct peer *p, uint64_t rtc, struct span candidate);
bool effect_rtc_send(struct peer *p, uint64_t rtc, uint16_t channel, struct span text); /* a text message */
bool effect_rtc_send_binary(struct peer *p, uint64_t rtc, uint16_t channel, struct span bytes);
/* A text that may be lost. */
bool effect_rtc_send_spare(struct peer *p, uint64_t rtc, uint16_t channel, struct span text);
bool effect_rtc_channel(struct peer *p, uint64_t rtc, const char *label); /* label is static */
bool effect_file_give(struct peer *p, uint64_t rtc, uint16_t channel, uint64_t file, uint64_t ticket, struct span id,
    uint32_t block, uint32_t offset, uint32_t n);
bool effect_file_read(struct peer *p, uint64_t file, uint64_t ticket, uint32_t block, uint32_t offset, uint32_t n);
bool effect_rtc_free(struct peer *p, uint64_t rtc);
bool effect_deadline(struct peer *p, uint64_t deadline);
bool effect_put(struct peer *p, enum peer_table table, struct span key, struct span value);
bool effect_delete(struct peer *p, enum peer_table table, struct span key);
bool effect_commit(struct peer *p, uint64_t ticket);
bool effect_load(struct peer *p, uint64_t ticket, enum peer_table table, struct span from, struct span to,
    unsigned limit, bool last_first);
bool effect_remember(struct peer *p, struct span name, struct span id);
bool effect_file_open(struct peer *p, uint64_t file, struct span path);
bool effect_file_close(struct peer *p, uint64_t file, bool keep);
bool effect_part_open(struct peer *p, uint64_t file, struct span folder, struct span name, uint64_t size,
    const uint8_t root[HASH_BYTES], bool tree);
bool effect_part_hashes(struct peer *p, uint64_t file, struct span hashes);
/* copied: the bytes are not the event's; else they are borrowed. */
bool effect_part_write(struct peer *p, uint64_t file, uint32_t block, uint32_t offset, struct span bytes, bool copied);
bool effect_part_verified(struct peer *p, uint64_t file, uint32_t block);
bool effect_part_finish(struct peer *p, uint64_t file);
bool effect_notice(struct peer *p, struct peer_notice *notice); /* taken, but if false */
/* Wakes the peer at that time at the latest. */
void effect_wake(struct peer *p, uint64_t at);
/* A record with up to one field (key may be NULL). event and message are static. */
void effect_log(
    struct peer *p, enum log_level level, const char *event, const char *message, const char *key, struct span value);
/* The pause before the next try, in milliseconds: `base` and up to a quarter of it by chance. */
uint64_t effect_jitter(const struct peer *p, uint64_t base);

/* Copies into a member of n bytes with its NUL; false, with nothing done, if it does not fit. */
bool text_copy(char *out, size_t n, struct span text);

#endif
