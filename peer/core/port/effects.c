/* SPDX-License-Identifier: MIT
 *
 * Each constructor sets all members of its type and copies what the effect is to own. When memory runs out an effect is lost
 * whole; whoever added it says whether that may be (memory.h): a frame may, as a network loses a packet; a row, a deadline
 * or what the application is told may not.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/memory.h"

static bool has_room(struct peer_effects *fx)
{
    if (fx->n < fx->cap)
        return true;
    size_t cap = fx->cap ? 2 * fx->cap : 16;
    struct peer_effect *v = realloc(fx->v, cap * sizeof *v);
    if (!v)
        return false;
    fx->v = v;
    fx->cap = cap;
    return true;
}

/* Taken. whole: no part of it is missing for want of memory. */
static bool add(struct peer *p, struct peer_effect effect, bool whole)
{
    assert(p->fx);
    if (whole && has_room(p->fx)) {
        p->fx->v[p->fx->n++] = effect;
        return true;
    }
    peer_effect_done(&effect);
    return false;
}

static struct peer_text copy_of(struct span text)
{
    assert(text.p || text.n == 0);
    struct peer_text copy = {malloc(text.n + 1), text.n};
    if (!copy.p)
        return copy;
    if (text.n)
        memcpy(copy.p, text.p, text.n);
    copy.p[text.n] = '\0';
    return copy;
}

/* ---- the signaling socket ---- */

bool effect_connect(struct peer *p, unsigned server)
{
    assert(server < p->settings.servers);
    return add(p, (struct peer_effect){.type = PEER_FX_CONNECT, .server = server}, true);
}

bool effect_disconnect(struct peer *p)
{
    return add(p, (struct peer_effect){.type = PEER_FX_DISCONNECT}, true);
}

bool effect_probe(struct peer *p, unsigned server, unsigned samples)
{
    assert(server < p->settings.servers && samples > 0);
    return add(p, (struct peer_effect){.type = PEER_FX_PROBE, .probe = {server, samples}}, true);
}

bool effect_signal(struct peer *p, struct span frame)
{
    struct peer_text copy = copy_of(frame);
    return add(p, (struct peer_effect){.type = PEER_FX_SIGNAL, .frame = copy}, copy.p);
}

bool effect_ice_servers(struct peer *p, struct span ice_servers)
{
    struct peer_text copy = copy_of(ice_servers);
    return add(p, (struct peer_effect){.type = PEER_FX_ICE_SERVERS, .ice_servers = copy}, copy.p);
}

/* ---- connections ---- */

bool effect_rtc_new(struct peer *p, uint64_t rtc)
{
    assert(rtc > 0);
    return add(p, (struct peer_effect){.type = PEER_FX_RTC_NEW, .rtc = rtc}, true);
}

bool effect_rtc_offer(struct peer *p, uint64_t rtc, bool restart)
{
    return add(p, (struct peer_effect){.type = PEER_FX_RTC_OFFER, .rtc = rtc, .restart = restart}, true);
}

bool effect_rtc_remote(struct peer *p, uint64_t rtc, const char *type, struct span sdp)
{
    assert(type);
    struct peer_text copy = copy_of(sdp);
    return add(p, (struct peer_effect){.type = PEER_FX_RTC_REMOTE, .rtc = rtc, .description = {type, copy}}, copy.p);
}

bool effect_rtc_candidate(struct peer *p, uint64_t rtc, struct span candidate)
{
    struct peer_text copy = copy_of(candidate);
    return add(p, (struct peer_effect){.type = PEER_FX_RTC_CANDIDATE, .rtc = rtc, .candidate = copy}, copy.p);
}

static bool add_message(struct peer *p, uint64_t rtc, uint16_t channel, bool binary, bool spare, struct span bytes)
{
    struct peer_text copy = copy_of(bytes);
    return add(p, (struct peer_effect){.type = PEER_FX_RTC_SEND, .rtc = rtc, .message = {channel, binary, spare, copy}},
        copy.p);
}

bool effect_rtc_send(struct peer *p, uint64_t rtc, uint16_t channel, struct span text)
{
    return add_message(p, rtc, channel, false, false, text);
}

bool effect_rtc_send_binary(struct peer *p, uint64_t rtc, uint16_t channel, struct span bytes)
{
    return add_message(p, rtc, channel, true, false, bytes);
}

bool effect_rtc_send_spare(struct peer *p, uint64_t rtc, uint16_t channel, struct span text)
{
    return add_message(p, rtc, channel, false, true, text);
}

bool effect_rtc_channel(struct peer *p, uint64_t rtc, const char *label)
{
    assert(label);
    return add(p, (struct peer_effect){.type = PEER_FX_RTC_CHANNEL, .rtc = rtc, .label = label}, true);
}

bool effect_file_give(struct peer *p, uint64_t rtc, uint16_t channel, uint64_t file, uint64_t ticket, struct span id,
    uint32_t block, uint32_t offset, uint32_t n)
{
    assert(n > 0);
    char *copy = copy_of(id).p;
    return add(p,
        (struct peer_effect){
            .type = PEER_FX_FILE_GIVE, .rtc = rtc, .give = {channel, file, ticket, copy, block, offset, n}},
        copy);
}

bool effect_file_read(struct peer *p, uint64_t file, uint64_t ticket, uint32_t block, uint32_t offset, uint32_t n)
{
    assert(n > 0);
    return add(p, (struct peer_effect){.type = PEER_FX_FILE_READ, .read_file = {file, ticket, block, offset, n}}, true);
}

bool effect_rtc_free(struct peer *p, uint64_t rtc)
{
    return add(p, (struct peer_effect){.type = PEER_FX_RTC_FREE, .rtc = rtc}, true);
}

bool effect_deadline(struct peer *p, uint64_t deadline)
{
    return add(p, (struct peer_effect){.type = PEER_FX_DEADLINE, .deadline = deadline}, true);
}

/* ---- the store ---- */

bool effect_put(struct peer *p, enum peer_table table, struct span key, struct span value)
{
    char *k = copy_of(key).p;
    struct peer_text v = copy_of(value);
    return add(p, (struct peer_effect){.type = PEER_FX_PUT, .put = {table, k, v}}, k && v.p);
}

bool effect_delete(struct peer *p, enum peer_table table, struct span key)
{
    char *k = copy_of(key).p;
    return add(p, (struct peer_effect){.type = PEER_FX_DELETE, .delete = {table, k}}, k);
}

bool effect_commit(struct peer *p, uint64_t ticket)
{
    return add(p, (struct peer_effect){.type = PEER_FX_COMMIT, .commit = {ticket}}, true);
}

bool effect_load(struct peer *p, uint64_t ticket, enum peer_table table, struct span from, struct span to,
    unsigned limit, bool last_first)
{
    char *f = copy_of(from).p, *t = copy_of(to).p;
    return add(p, (struct peer_effect){.type = PEER_FX_LOAD, .load = {ticket, table, f, t, limit, last_first}}, f && t);
}

bool effect_remember(struct peer *p, struct span name, struct span id)
{
    char *n = copy_of(name).p, *i = copy_of(id).p;
    return add(p, (struct peer_effect){.type = PEER_FX_REMEMBER, .remember = {n, i}}, n && i);
}

/* ---- files ---- */

bool effect_file_open(struct peer *p, uint64_t file, struct span path)
{
    char *copy = copy_of(path).p;
    return add(p, (struct peer_effect){.type = PEER_FX_FILE_OPEN, .open_file = {file, copy}}, copy);
}

bool effect_file_close(struct peer *p, uint64_t file, bool keep)
{
    return add(p, (struct peer_effect){.type = PEER_FX_FILE_CLOSE, .close_file = {file, keep}}, true);
}

bool effect_part_open(struct peer *p, uint64_t file, struct span folder, struct span name, uint64_t size,
    const uint8_t root[HASH_BYTES], bool tree)
{
    char *f = copy_of(folder).p, *n = copy_of(name).p;
    struct peer_effect effect = {
        .type = PEER_FX_PART_OPEN, .open_part = {.file = file, .size = size, .folder = f, .name = n, .tree = tree}};
    memcpy(effect.open_part.root, root, HASH_BYTES);
    return add(p, effect, f && n);
}

bool effect_part_hashes(struct peer *p, uint64_t file, struct span hashes)
{
    struct peer_text copy = copy_of(hashes);
    return add(p, (struct peer_effect){.type = PEER_FX_PART_HASHES, .part_hashes = {file, copy}}, copy.p);
}

bool effect_part_write(struct peer *p, uint64_t file, uint32_t block, uint32_t offset, struct span bytes, bool copied)
{
    char *copy = copied ? copy_of(bytes).p : NULL;
    struct span from = copied ? (struct span){copy, bytes.n} : bytes;
    return add(p, (struct peer_effect){.type = PEER_FX_PART_WRITE, .part_write = {file, block, offset, from, copy}},
        copy || !copied);
}

bool effect_part_verified(struct peer *p, uint64_t file, uint32_t block)
{
    return add(p, (struct peer_effect){.type = PEER_FX_PART_VERIFIED, .part_verified = {file, block}}, true);
}

bool effect_part_finish(struct peer *p, uint64_t file)
{
    return add(p, (struct peer_effect){.type = PEER_FX_PART_FINISH, .part_finish = {file}}, true);
}

/* ---- the application and the log ---- */

bool effect_notice(struct peer *p, struct peer_notice *notice)
{
    assert(p->fx && notice);
    return has_room(p->fx) && add(p, (struct peer_effect){.type = PEER_FX_NOTICE, .notice = notice}, true);
}

void effect_log(
    struct peer *p, enum log_level level, const char *event, const char *message, const char *key, struct span value)
{
    assert(event && message);
    bool before = memory_short(p);
    struct log_record *record = malloc(sizeof *record);
    if (record) {
        log_record_init(record, level, event, message);
        if (key)
            log_record_add(record, key, value);
        add(p, (struct peer_effect){.type = PEER_FX_LOG, .log = record}, true);
    }
    memory_spared(p, before);
}

/* ---- and what most effects need ---- */

void effect_wake(struct peer *p, uint64_t at)
{
    if (at < p->wake)
        p->wake = at;
}

bool text_copy(char *out, size_t n, struct span text)
{
    assert(out && n > 0);
    if (text.n >= n)
        return false;
    if (text.n)
        memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return true;
}

uint64_t effect_jitter(const struct peer *p, uint64_t base)
{
    assert(base > 0);
    return base + rng_below(&p->rng, (uint32_t)(base / 4) + 1);
}
