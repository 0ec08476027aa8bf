/* SPDX-License-Identifier: MIT
 *
 * What the application asks for: commands as `usher pipe` takes them, and questions that are answered at once. What is wrong
 * with a command is the answer to it; what the core finds wrong comes as a notice.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "peer/io/code_keys.h"
#include "peer/io/words.h"
#include "protocol/envelope.h"
#include "protocol/file_frame.h"
#include "protocol/message.h"
#include "web/core/face.h"
#include "web/core/ports.h"

enum {
    PATH_BYTES_MAX = 4095
};

/* ---- members of a command ---- */

/* Of value, if it is a text of at most max bytes without a NUL, or absent where it may be. */
static bool get_text(const json_t *all, const char *name, size_t max, bool must, struct span *out)
{
    const json_t *value = json_object_get(all, name);
    *out = (struct span){json_string_value(value), json_string_length(value)};
    if (!value || json_is_null(value)) {
        *out = (struct span){0};
        return !must;
    }
    return json_is_string(value) && out->n <= max && out->n == strlen(out->p);
}

/* A list of at most max texts. */
static bool get_list(const json_t *all, const char *name, size_t max, size_t longest, struct span *out, size_t *n)
{
    const json_t *list = json_object_get(all, name);
    *n = json_array_size(list);
    if (!list || json_is_null(list))
        return true;
    bool ok = json_is_array(list) && *n <= max;
    for (size_t i = 0; ok && i < *n; i++) {
        const json_t *one = json_array_get(list, i);
        out[i] = (struct span){json_string_value(one), json_string_length(one)};
        ok = out[i].p && out[i].n > 0 && out[i].n <= longest && out[i].n == strlen(out[i].p);
    }
    return ok;
}

static const char *wrong(const char *what)
{
    return face_sentence("this cannot be done: %s", what);
}

/* ---- commands ---- */

static const char *do_send(const json_t *all)
{
    struct span to[ENVELOPE_TO_MAX], paths[ENVELOPE_ATTACHMENTS_MAX];
    const json_t *text = json_object_get(all, "text"), *ttl = json_object_get(all, "ttl");
    struct peer_event event = {.type = PEER_SEND, .send = {.to = to, .attachments = paths}};
    event.send.text = (struct span){json_string_value(text), json_string_length(text)};
    if (!json_is_string(text) || event.send.text.n > PEER_TEXT_MAX)
        return wrong("a message is a text of at most 65,536 bytes");
    if (!get_text(all, "ref", REF_MAX, false, &event.send.ref))
        return wrong("ref is a text of at most 64 bytes");
    if (!get_list(all, "to", ENVELOPE_TO_MAX, PERSON_MAX, to, &event.send.to_count))
        return wrong("to is a list of at most 256 ids");
    if (!get_list(all, "attachments", ENVELOPE_ATTACHMENTS_MAX, PATH_BYTES_MAX, paths, &event.send.attachment_count))
        return wrong("a message has at most 16 attachments");
    if (ttl && (!json_is_integer(ttl) || json_integer_value(ttl) < 1 ||
                   (uint64_t)json_integer_value(ttl) > ENVELOPE_TTL_MAX_MS))
        return wrong("ttl is a number of milliseconds, at most 30 days");
    event.send.ttl_ms = (uint64_t)json_integer_value(ttl);
    face_step(&event);
    return NULL;
}

static const char *do_send_file(const json_t *all)
{
    struct span to[ENVELOPE_TO_MAX];
    struct peer_event event = {.type = PEER_FILE_SEND, .send_file = {.to = to}};
    if (!get_text(all, "path", PATH_BYTES_MAX, true, &event.send_file.path) ||
        !get_text(all, "ref", REF_MAX, false, &event.send_file.ref))
        return wrong("send-file wants a path, and a ref of at most 64 bytes");
    if (!get_list(all, "to", ENVELOPE_TO_MAX, PERSON_MAX, to, &event.send_file.to_count))
        return wrong("to is a list of at most 256 ids");
    face_step(&event);
    return NULL;
}

static const char *do_accept(const json_t *all)
{
    struct peer_event event = {.type = PEER_FILE_ACCEPT};
    if (!get_text(all, "fileId", ENVELOPE_ID_MAX, true, &event.accept_file.id) ||
        !get_text(all, "dir", PATH_BYTES_MAX, true, &event.accept_file.folder))
        return wrong("a file is accepted by its fileId");
    face_step(&event);
    return NULL;
}

static const char *file_step(const json_t *all, enum peer_event_type type)
{
    struct peer_event event = {.type = type};
    if (!get_text(all, "fileId", ENVELOPE_ID_MAX, true, &event.file_id))
        return wrong("a file is named by its fileId");
    face_step(&event);
    return NULL;
}

static const char *do_decline(const json_t *all)
{
    return file_step(all, PEER_FILE_DECLINE);
}

static const char *do_pause(const json_t *all)
{
    return file_step(all, PEER_FILE_PAUSE);
}

static const char *do_resume(const json_t *all)
{
    return file_step(all, PEER_FILE_RESUME);
}

static const char *do_cancel(const json_t *all)
{
    return file_step(all, PEER_FILE_CANCEL);
}

static const char *do_read(const json_t *all)
{
    struct peer_event event = {.type = PEER_READ};
    if (!get_text(all, "id", ENVELOPE_ID_MAX, true, &event.read))
        return wrong("what was read is named by its id");
    face_step(&event);
    return NULL;
}

static const char *do_typing(const json_t *all)
{
    (void)all;
    face_step(&(struct peer_event){.type = PEER_TYPING});
    return NULL;
}

static const char *do_status(const json_t *all)
{
    struct peer_event event = {.type = PEER_STATUS};
    if (!get_text(all, "text", PEER_TEXT_MAX, true, &event.status))
        return wrong("a status is a text of at most 65,536 bytes");
    face_step(&event);
    return NULL;
}

static const char *do_presence(const json_t *all)
{
    struct peer_event event = {.type = PEER_PRESENCE};
    if (!get_text(all, "presence", PEER_TEXT_MAX, true, &event.presence) ||
        (!span_is(event.presence, "online") && !span_is(event.presence, "away")))
        return wrong("a presence is \"online\" or \"away\"");
    face_step(&event);
    return NULL;
}

static const char *do_history(const json_t *all)
{
    const json_t *limit = json_object_get(all, "limit");
    struct peer_event event = {.type = PEER_HISTORY};
    if (!get_text(all, "after", ENVELOPE_ID_MAX, false, &event.history.after) ||
        !get_text(all, "before", ENVELOPE_ID_MAX, false, &event.history.before) ||
        !get_text(all, "ref", REF_MAX, false, &event.history.ref))
        return wrong("after and before are ids of messages");
    if (event.history.after.n > 0 && event.history.before.n > 0)
        return wrong("history goes on after a message, or goes back before one: give one of the two");
    if (json_integer_value(limit) < 1 || json_integer_value(limit) > ROWS_MAX)
        return wrong("limit is a number from 1 to 1024");
    event.history.limit = (unsigned)json_integer_value(limit);
    face_step(&event);
    return NULL;
}

static const char *do_announce(const json_t *all)
{
    struct span ids[ROOMS_TOLD_MAX] = {{0}};
    struct peer_event event = {.type = PEER_ROOMS, .rooms = {.ids = ids}};
    bool ok = get_list(all, "rooms", ROOMS_TOLD_MAX, ROOM_ID_MAX, ids, &event.rooms.count);
    for (size_t i = 0; ok && i < event.rooms.count; i++)
        ok = room_id_valid(ids[i]);
    if (!ok)
        return wrong("rooms is a list of at most 16 names of rooms");
    face_step(&event);
    return NULL;
}

static const char *do_leave(const json_t *all)
{
    (void)all;
    face_step(&(struct peer_event){.type = PEER_LEAVE});
    return NULL;
}

static const struct {
    const char *name;
    const char *(*run)(const json_t *all);
} COMMANDS[] = {
    {"send", do_send},
    {"send-file", do_send_file},
    {"accept", do_accept},
    {"decline", do_decline},
    {"pause", do_pause},
    {"resume", do_resume},
    {"cancel", do_cancel},
    {"read", do_read},
    {"typing", do_typing},
    {"status", do_status},
    {"presence", do_presence},
    {"history", do_history},
    {"announce", do_announce},
    {"leave", do_leave},
};

/* {"do": "send", "text": ...}. NULL, or one sentence. */
const char *EXPORT(web_do)(const char *json, size_t n);
const char *web_do(const char *json, size_t n)
{
    json_t *all = json_loadb(json, n, JSON_ALLOW_NUL, NULL);
    const char *name = json_string_value(json_object_get(all, "do"));
    const char *problem = name ? wrong("there is no such command") : wrong("half a character stands in a text");
    for (size_t i = 0; name && i < sizeof COMMANDS / sizeof COMMANDS[0]; i++)
        if (strcmp(COMMANDS[i].name, name) == 0)
            problem = COMMANDS[i].run(all);
    json_decref(all);
    return problem;
}

/* ---- questions ---- */

const char *EXPORT(web_id)(void);
const char *web_id(void)
{
    return peer_id(face_peer());
}

const char *EXPORT(web_people)(void);
const char *web_people(void)
{
    size_t n = peer_people(face_peer(), NULL, 0);
    struct peer_person *people = calloc(n + 1, sizeof *people);
    if (!people)
        ports_panic("memory ran out");
    n = peer_people(face_peer(), people, n);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct peer_person *p = &people[i];
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s*, s:b, s:b, s:I, s:I}", "id", p->id, "name", p->name, "state",
                      p->up ? "up" : "down", "path", p->up ? p->path : NULL, "verified", p->verified, "inRoom",
                      p->in_room, "rttMs", (json_int_t)p->rtt_ms, "rtc", (json_int_t)p->rtc));
    }
    free(people);
    return face_answer(list);
}

const char *EXPORT(web_stats)(void);
const char *web_stats(void)
{
    const struct peer_stats *s = peer_stats(face_peer());
    struct peer_times t = peer_times(face_peer());
    json_t *all = json_object();
#define X(name, sentence) json_object_set_new(all, #name, json_integer((json_int_t)s->name));
    PEER_COUNTER_LIST(X)
#undef X
    json_object_set_new(all, "pending", json_integer((json_int_t)peer_pending(face_peer())));
    json_object_set_new(all, "connect_ms_p50", json_integer((json_int_t)t.connect_p50));
    json_object_set_new(all, "connect_ms_p99", json_integer((json_int_t)t.connect_p99));
    json_object_set_new(all, "delivery_ms_p50", json_integer((json_int_t)t.delivery_p50));
    json_object_set_new(all, "delivery_ms_p90", json_integer((json_int_t)t.delivery_p90));
    json_object_set_new(all, "delivery_ms_p99", json_integer((json_int_t)t.delivery_p99));
    return face_answer(all);
}

const char *EXPORT(web_table_name)(unsigned table);
const char *web_table_name(unsigned table)
{
    static const char *const NAMES[] = {
#define X(name, text, restored) text,
        PEER_TABLE_LIST(X)
#undef X
    };
    return table < PEER_TABLES ? NAMES[table] : "";
}

bool EXPORT(web_table_restored)(unsigned table);
bool web_table_restored(unsigned table)
{
    static const bool RESTORED[] = {
#define X(name, text, restored) restored,
        PEER_TABLE_LIST(X)
#undef X
    };
    return table < PEER_TABLES && RESTORED[table];
}

/* ---- what needs no peer ---- */

/* {"code": ...} as it is written, and {"room": ...} where its two people meet; or {"problem": ...}. An empty text: a new code. */
const char *EXPORT(web_code)(const char *typed, size_t n);
const char *web_code(const char *typed, size_t n)
{
    char words[CODE_MAX + 1], text[256];
    struct code_keys keys;
    struct rng rng = ports_rng();
    struct err err;
    if (n == 0)
        words_code_new(&rng, words);
    else if (n >= sizeof text || !utf8_valid(typed, n))
        return face_answer(json_pack("{s:s}", "problem", "a code is six words"));
    memcpy(text, typed, n < sizeof text ? n : 0);
    text[n < sizeof text ? n : 0] = '\0';
    if ((n > 0 && !words_code_parse(text, words, &err)) || !code_keys_derive(words, &keys, &err))
        return face_answer(json_pack("{s:s}", "problem", err.text));
    json_t *all = json_pack("{s:s, s:s}", "code", words, "room", keys.room);
    code_keys_wipe(&keys);
    return face_answer(all);
}

/* 32 bytes, until the next call. */
const uint8_t *EXPORT(web_sha256)(const char *bytes, size_t n);
const uint8_t *web_sha256(const char *bytes, size_t n)
{
    static uint8_t hash[HASH_BYTES];
    struct peer_crypto crypto = ports_crypto();
    crypto.sha256(NULL, (struct span){bytes, n}, hash);
    return hash;
}

/* What stands before the bytes of a chunk of a file: one byte, its length, then it. */
const uint8_t *EXPORT(web_chunk_head)(const char *id, size_t n, unsigned block, unsigned offset);
const uint8_t *web_chunk_head(const char *id, size_t n, unsigned block, unsigned offset)
{
    static char head[1 + FILE_FRAME_HEAD_MAX];
    head[0] = (char)file_frame_chunk_head((struct span){id, n}, block, offset, head + 1);
    return (const uint8_t *)head;
}

unsigned EXPORT(web_block_bytes)(void);
unsigned web_block_bytes(void)
{
    return FILE_BLOCK_BYTES;
}

unsigned EXPORT(web_chunk_bytes)(void);
unsigned web_chunk_bytes(void)
{
    return FILE_CHUNK_BYTES;
}
