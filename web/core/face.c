/* SPDX-License-Identifier: MIT
 *
 * Events of io: each is a function with the event's members. The host calls one at a time, and never from within an effect.
 */
#include "web/core/face.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"
#include "peer/io/code_keys.h"
#include "peer/io/words.h"
#include "protocol/file_frame.h"
#include "protocol/message.h"
#include "web/core/host.h"
#include "web/core/ports.h"

static struct {
    struct peer *peer;
    struct peer_effects effects;
    uint64_t now, unix_ms; /* of the next step */
    char *room, *answer;
    size_t room_n;
} face;

struct peer *face_peer(void)
{
    return face.peer;
}

/* ---- bytes that go in, texts that go out ---- */

/* Room for n bytes that the host writes before a call, until it asks again. */
uint8_t *EXPORT(web_room)(size_t n);
uint8_t *web_room(size_t n)
{
    if (n > face.room_n) {
        free(face.room);
        face.room_n = n;
        face.room = malloc(n);
        if (!face.room)
            ports_panic("memory ran out");
    }
    return (uint8_t *)face.room;
}

static const char *keep(char *text)
{
    free(face.answer);
    face.answer = text;
    if (!text)
        ports_panic("memory ran out");
    return text;
}

const char *face_answer(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return keep(text);
}

const char *face_sentence(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    return keep(n < 0 ? NULL : text);
}

/* ---- steps ---- */

/* The two clocks, before each step: in milliseconds. */
void EXPORT(web_clock)(double now, double unix_now);
void web_clock(double now, double unix_now)
{
    face.now = (uint64_t)now;
    face.unix_ms = (uint64_t)unix_now;
}

void face_step(struct peer_event *event)
{
    if (!face.peer)
        ports_panic("there is no peer yet");
    event->now = face.now;
    event->unix_ms = face.unix_ms;
    peer_step(face.peer, event, &face.effects);
    if (face.effects.out_of_memory) {
        face_notice(face.effects.out_of_memory);
        peer_notice_free(face.effects.out_of_memory);
        face.effects.out_of_memory = NULL;
    }
    for (size_t i = 0; i < face.effects.n; i++)
        face_effect(&face.effects.v[i]);
    peer_effects_clear(&face.effects);
}

static void rtc_step(double rtc, struct peer_event event)
{
    event.rtc = (uint64_t)rtc;
    face_step(&event);
}

/* ---- opening ---- */

static const char *copy_text(char *out, size_t room, const json_t *all, const char *name)
{
    const json_t *value = json_object_get(all, name);
    const char *text = json_string_value(value);
    size_t n = json_string_length(value);
    if (value && (!text || n >= room || n != strlen(text)))
        return face_sentence("%s is a text of at most %zu bytes, without a NUL", name, room - 1);
    memcpy(out, text ? text : "", n + 1);
    return NULL;
}

static const char *copy_room(const json_t *all, struct peer_settings *s)
{
    const char *code = json_string_value(json_object_get(all, "code"));
    const char *room = json_string_value(json_object_get(all, "room"));
    char words[CODE_MAX + 1];
    struct code_keys keys;
    struct err err;
    if (code && room)
        return face_sentence("a code has a room of its own: give one of the two");
    if (!code && (!room || !room_id_valid(span_of(room))))
        return face_sentence("a room's name is 1 to %d of A-Z, a-z, 0-9, - and _", ROOM_ID_MAX);
    if (!code)
        return copy_text(s->room, sizeof s->room, all, "room");
    if (!words_code_parse(code, words, &err) || !code_keys_derive(words, &keys, &err))
        return face_sentence("%s", err.text);
    memcpy(s->room, keys.room, sizeof keys.room);
    memcpy(s->secret, keys.secret, sizeof s->secret);
    s->has_secret = true;
    code_keys_wipe(&keys);
    return NULL;
}

static const char *copy_settings(const json_t *all, struct peer_settings *s)
{
    const char *problem = copy_room(all, s);
    if (!problem)
        problem = copy_text(s->name, sizeof s->name, all, "name");
    if (!problem)
        problem = copy_text(s->password, sizeof s->password, all, "password");
    if (!problem)
        problem = copy_text(s->token, sizeof s->token, all, "token");
    if (!problem)
        problem = copy_text(s->no_link, sizeof s->no_link, all, "noLink");
    s->keep_offers = true;
    s->servers = (unsigned)json_integer_value(json_object_get(all, "servers"));
    if (!problem && (s->servers == 0 || s->servers > SERVERS_MAX))
        problem = face_sentence("1 to %d servers can be named", SERVERS_MAX);
    return problem;
}

/* Makes the instance's peer; keys: the two private ones, KEY_BYTES each. NULL, or one sentence. */
const char *EXPORT(web_open)(const char *json, size_t n, const uint8_t *keys, size_t keys_n);
const char *web_open(const char *json, size_t n, const uint8_t *keys, size_t keys_n)
{
    struct peer_settings settings = {.servers = 0};
    json_t *all = json_loadb(json, n, JSON_ALLOW_NUL, NULL);
    const char *problem = keys_n == 2 * (size_t)KEY_BYTES ? NULL : face_sentence("the identity is damaged");
    if (!problem)
        problem = json_is_object(all) ? copy_settings(all, &settings) : face_sentence("these are no settings");
    json_decref(all);
    if (problem)
        return problem;
    struct web_identity identity = ports_identity(keys, keys + KEY_BYTES);
    memcpy(settings.key, identity.key, KEY_BYTES);
    memcpy(settings.box, identity.box, KEY_BYTES);
    memcpy(settings.box_signature, identity.box_signature, SIGNATURE_BYTES);
    struct peer_crypto crypto = ports_crypto();
    struct rng rng = ports_rng();
    face.peer = peer_new(&settings, &crypto, &rng);
    return face.peer ? NULL : face_sentence("memory ran out");
}

void EXPORT(web_restore)(unsigned table, const char *key, size_t key_n, const char *value, size_t n);
void web_restore(unsigned table, const char *key, size_t key_n, const char *value, size_t n)
{
    face_step(
        &(struct peer_event){.type = PEER_RESTORE, .restore = {(enum peer_table)table, {{key, key_n}, {value, n}}}});
}

void EXPORT(web_known)(const char *name, size_t name_n, const char *id, size_t n);
void web_known(const char *name, size_t name_n, const char *id, size_t n)
{
    face_step(&(struct peer_event){.type = PEER_KNOWN, .known = {{name, name_n}, {id, n}}});
}

void EXPORT(web_start)(void);
void web_start(void)
{
    face_step(&(struct peer_event){.type = PEER_START});
}

/* ---- the tables ---- */

void EXPORT(web_committed)(double ticket);
void web_committed(double ticket)
{
    face_step(&(struct peer_event){.type = PEER_COMMITTED, .committed = (uint64_t)ticket});
}

void EXPORT(web_store_failed)(const char *why, size_t n);
void web_store_failed(const char *why, size_t n)
{
    face_step(&(struct peer_event){.type = PEER_STORE_FAILED, .why = {why, n}});
}

static uint32_t number_at(const char *p)
{
    const uint8_t *b = (const uint8_t *)p;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* Of each row: the lengths of key and value, 4 bytes each, the lowest first; key; value. */
void EXPORT(web_loaded)(double ticket, const char *rows, size_t n);
void web_loaded(double ticket, const char *rows, size_t n)
{
    static struct peer_row list[ROWS_MAX];
    size_t count = 0;
    while (n >= 8 && count < ROWS_MAX) {
        size_t key_n = number_at(rows), value_n = number_at(rows + 4);
        if (key_n > n - 8 || value_n > n - 8 - key_n)
            ports_panic("rows are cut off");
        list[count++] = (struct peer_row){{rows + 8, key_n}, {rows + 8 + key_n, value_n}};
        rows += 8 + key_n + value_n;
        n -= 8 + key_n + value_n;
    }
    face_step(&(struct peer_event){.type = PEER_LOADED, .loaded = {(uint64_t)ticket, list, count}});
}

/* ---- signaling, the network, the clock ---- */

void EXPORT(web_signaling_open)(void);
void web_signaling_open(void)
{
    face_step(&(struct peer_event){.type = PEER_SIGNALING_OPEN});
}

void EXPORT(web_signaling_frame)(const char *frame, size_t n);
void web_signaling_frame(const char *frame, size_t n)
{
    face_step(&(struct peer_event){.type = PEER_SIGNALING_FRAME, .frame = {frame, n}});
}

void EXPORT(web_signaling_closed)(unsigned code, const char *why, size_t n);
void web_signaling_closed(unsigned code, const char *why, size_t n)
{
    face_step(&(struct peer_event){.type = PEER_SIGNALING_CLOSED, .closed = {(uint16_t)code, {why, n}}});
}

/* ms: 0: it is of no use now. */
void EXPORT(web_probed)(unsigned server, double ms, const char *cluster, size_t n);
void web_probed(unsigned server, double ms, const char *cluster, size_t n)
{
    face_step(&(struct peer_event){.type = PEER_PROBED, .probed = {server, (uint64_t)ms, {cluster, n}}});
}

void EXPORT(web_network)(void);
void web_network(void)
{
    face_step(&(struct peer_event){.type = PEER_NETWORK});
}

void EXPORT(web_time)(void);
void web_time(void)
{
    face_step(&(struct peer_event){.type = PEER_TIME});
}

/* ---- connections ---- */

void EXPORT(web_description)(double rtc, const char *type, size_t type_n, const char *sdp, size_t n);
void web_description(double rtc, const char *type, size_t type_n, const char *sdp, size_t n)
{
    rtc_step(rtc, (struct peer_event){.type = PEER_DESCRIPTION, .description = {{type, type_n}, {sdp, n}}});
}

void EXPORT(web_candidate)(double rtc, const char *candidate, size_t n);
void web_candidate(double rtc, const char *candidate, size_t n)
{
    rtc_step(rtc, (struct peer_event){.type = PEER_CANDIDATE, .candidate = {candidate, n}});
}

void EXPORT(web_channel_open)(double rtc, unsigned channel, const char *label, size_t n);
void web_channel_open(double rtc, unsigned channel, const char *label, size_t n)
{
    rtc_step(rtc, (struct peer_event){.type = PEER_CHANNEL_OPEN, .opened = {(uint16_t)channel, {label, n}}});
}

void EXPORT(web_channel_closed)(double rtc, unsigned channel);
void web_channel_closed(double rtc, unsigned channel)
{
    rtc_step(rtc, (struct peer_event){.type = PEER_CHANNEL_CLOSED, .closed_channel = (uint16_t)channel});
}

void EXPORT(web_data)(double rtc, unsigned channel, bool binary, const char *bytes, size_t n);
void web_data(double rtc, unsigned channel, bool binary, const char *bytes, size_t n)
{
    rtc_step(rtc, (struct peer_event){.type = PEER_DATA, .data = {(uint16_t)channel, binary, {bytes, n}}});
}

void EXPORT(web_congested)(double rtc);
void web_congested(double rtc)
{
    rtc_step(rtc, (struct peer_event){.type = PEER_CONGESTED});
}

void EXPORT(web_writable)(double rtc);
void web_writable(double rtc)
{
    rtc_step(rtc, (struct peer_event){.type = PEER_WRITABLE});
}

/* path: "direct", "stun", "turn"; "": the pair was lost. */
void EXPORT(web_ice)(double rtc, const char *path, size_t n);
void web_ice(double rtc, const char *path, size_t n)
{
    struct span name = {path, n};
    enum peer_path known = span_is(name, "turn")   ? PEER_PATH_TURN
                           : span_is(name, "stun") ? PEER_PATH_STUN
                                                   : PEER_PATH_DIRECT;
    rtc_step(rtc, (struct peer_event){.type = PEER_ICE_STATE, .ice = {n > 0, known}});
}

void EXPORT(web_rtc_failed)(double rtc, const char *reason, size_t n);
void web_rtc_failed(double rtc, const char *reason, size_t n)
{
    rtc_step(rtc, (struct peer_event){.type = PEER_RTC_FAILED, .reason = {reason, n}});
}

/* ---- files ---- */

void EXPORT(web_file_given)(double rtc, double ticket, bool ok);
void web_file_given(double rtc, double ticket, bool ok)
{
    rtc_step(rtc, (struct peer_event){.type = PEER_FILE_GIVEN, .given = {(uint64_t)ticket, ok}});
}

void EXPORT(web_file_read)(double ticket, const char *bytes, size_t n);
void web_file_read(double ticket, const char *bytes, size_t n)
{
    face_step(&(struct peer_event){.type = PEER_FILE_READ, .read_file = {(uint64_t)ticket, {bytes, n}}});
}

void EXPORT(web_file_opened)(
    double file, double size, const char *name, size_t name_n, const uint8_t *hashes, size_t n);
void web_file_opened(double file, double size, const char *name, size_t name_n, const uint8_t *hashes, size_t n)
{
    if (n != file_blocks((uint64_t)size) * HASH_BYTES)
        ports_panic("a file has a hash for each of its blocks");
    face_step(&(struct peer_event){
        .type = PEER_FILE_OPENED, .opened_file = {(uint64_t)file, (uint64_t)size, {name, name_n}, hashes, false}});
}

/* have: a bit for each block; none: there was no earlier time. */
void EXPORT(web_part_opened)(double file, const uint8_t *hashes, size_t hashes_n, const uint8_t *have, size_t have_n);
void web_part_opened(double file, const uint8_t *hashes, size_t hashes_n, const uint8_t *have, size_t have_n)
{
    bool known = hashes_n > 0 && have_n >= (hashes_n / HASH_BYTES + 7) / 8;
    face_step(&(struct peer_event){
        .type = PEER_PART_OPENED, .opened_part = {(uint64_t)file, known ? hashes : NULL, known ? have : NULL}});
}

void EXPORT(web_part_block)(double file, unsigned block, const uint8_t *hash, size_t n);
void web_part_block(double file, unsigned block, const uint8_t *hash, size_t n)
{
    struct peer_event event = {.type = PEER_PART_BLOCK, .part_block = {.file = (uint64_t)file, .block = block}};
    if (n != HASH_BYTES)
        ports_panic("a hash has 32 bytes");
    memcpy(event.part_block.hash, hash, HASH_BYTES);
    face_step(&event);
}

void EXPORT(web_part_done)(double file, const char *path, size_t n);
void web_part_done(double file, const char *path, size_t n)
{
    face_step(&(struct peer_event){.type = PEER_PART_DONE, .part_done = {(uint64_t)file, {path, n}}});
}

void EXPORT(web_file_failed)(double file, const char *code, size_t code_n, const char *why, size_t n);
void web_file_failed(double file, const char *code, size_t code_n, const char *why, size_t n)
{
    face_step(
        &(struct peer_event){.type = PEER_FILE_FAILED, .failed_file = {(uint64_t)file, {code, code_n}, {why, n}}});
}
