/* SPDX-License-Identifier: MIT
 *
 * libusher: the state directory, the identity in it, and one glue. What is checked here are the application's options;
 * everything that comes from the network is checked by the core.
 */
#include "peer/include/usher.h"

#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/display_name.h"
#include "base/utf8.h"
#include "peer/io/code_keys.h"
#include "peer/io/crypto.h"
#include "peer/io/glue.h"
#include "peer/io/identity.h"
#include "peer/io/known.h"
#include "peer/io/pair_room.h"
#include "peer/io/state.h"
#include "peer/io/store.h"
#include "peer/io/words.h"
#include "protocol/envelope.h"
#include "protocol/message.h"

enum {
    ADDRESSES_MAX = 64,
    PATH_BYTES_MAX = 4095
};

struct usher {
    struct state state;
    struct crypto *crypto;
    struct known *known;
    bool beside; /* known is another's, and so is the lock */
    struct store *store;
    struct glue *glue;
    usher_callback *callback;
    void *user;
    void (*log)(void *user, int priority, const char *line);
    void *log_user;
    struct peer_person *people; /* what usher_people's answer borrows */
    struct usher_person *answer;
};

/* ---- what the application is told ---- */

/* A notice is an event: their lists are one, and so are the names of their texts. */
#define X(name, text) _Static_assert((int)NOTICE_##name == (int)USHER_##name, "the two lists differ in " #name);
PEER_NOTICE_LIST(X)
#undef X
_Static_assert((int)NOTICE_TYPES == (int)USHER_FILE_STALLED + 1, "an event is no notice");

const char *usher_event_name(enum usher_event_type type)
{
    return peer_notice_name((enum peer_notice_type)type);
}

static void on_notice(void *user, const struct peer_notice *n)
{
    struct usher *u = user;
    struct usher_event event = {.type = (enum usher_event_type)n->type,
        .kind = n->kind,
        .path = n->path,
        .to = (const char *const *)n->to,
        .names = (const char *const *)n->names,
        .to_count = n->to_count,
        .timestamp = n->timestamp,
        .count = n->count,
        .size = n->size,
        .took_ms = n->took_ms,
        .up = n->up,
        .verified = n->verified,
        .fatal = n->fatal,
#define X(text) .text = n->text,
        PEER_NOTICE_TEXTS(X)
#undef X
    };
    u->callback(u, &event, u->user);
}

/* A sentence for a person: what the values mean is plain from it, so their keys are left out. */
static void on_log(void *user, const struct log_record *record)
{
    struct usher *u = user;
    if (!u->log)
        return;
    struct buf line;
    buf_init(&line, LOG_LINE_MAX);
    buf_text(&line, record->message);
    for (unsigned i = 0; i < record->count; i++)
        buf_printf(&line, "%s%s", i == 0 ? ": " : ", ", record->fields[i].value);
    if (!line.failed)
        u->log(u->log_user, (int)record->level, line.p);
    buf_done(&line);
}

static void warn(struct usher *u, const char *event, const char *message, const char *reason)
{
    struct log_record record;
    log_record_init(&record, LOG_LEVEL_WARNING, event, message);
    log_record_add(&record, "reason", span_of(reason));
    on_log(u, &record);
}

static void on_remember(void *user, const char *name, const char *id)
{
    struct usher *u = user;
    struct err err;
    if (!known_remember(u->known, name, id, &err))
        warn(u, "known-not-written", "a name could not be remembered", err.text);
}

static bool open_known(struct usher *u, const struct usher_options *o, struct err *err)
{
    u->beside = o->beside != NULL;
    if (u->beside) {
        u->known = o->beside->known;
        return true;
    }
    u->known = known_open(u->state.path, err);
    if (u->known && known_unread(u->known) > 0) {
        struct err damage;
        err_set(&damage, "damaged lines in %.180s/known: %zu", u->state.path, known_unread(u->known));
        warn(u, "known-damaged", "some of the names that were known are forgotten", damage.text);
    }
    return u->known != NULL;
}

static void on_known(void *user, struct span name, struct span id)
{
    struct usher *u = user;
    glue_event(u->glue, &(struct peer_event){.type = PEER_KNOWN, .known = {name, id}});
}

/* ---- options ---- */

static bool copy_text(char *out, size_t room, const char *text, const char *what, struct err *err)
{
    text = text ? text : "";
    size_t n = strlen(text);
    if (n >= room || !utf8_valid(text, n))
        return err_set(err, "the %s is longer than %zu bytes, or not UTF-8", what, room - 1);
    memcpy(out, text, n + 1);
    return true;
}

static bool copy_code(const char *code, struct peer_settings *s, struct err *err)
{
    char words[CODE_MAX + 1];
    struct code_keys keys;
    if (!words_code_parse(code, words, err) || !code_keys_derive(words, &keys, err))
        return false;
    memcpy(s->room, keys.room, sizeof keys.room);
    memcpy(s->secret, keys.secret, sizeof s->secret);
    s->has_secret = true;
    code_keys_wipe(&keys);
    return true;
}

static bool copy_partner(const struct usher_options *o, const char *id, struct peer_settings *s, struct err *err)
{
    if (!person_id_valid(span_of(o->partner)) || strlen(o->partner) != ID_CHARS)
        return err_set(err, "a partner is an identity: %d letters and digits", ID_CHARS);
    if (strcmp(o->partner, id) == 0)
        return err_set(err, "%s is you: name somebody else", id);
    s->files_only = true;
    return pair_room(id, o->partner, s->room, err);
}

/* id: who we are. */
static bool copy_room(const struct usher_options *o, const char *id, struct peer_settings *s, struct err *err)
{
    if ((o->code != NULL) + (o->room != NULL) + (o->partner != NULL) > 1)
        return err_set(err, "a code has a room of its own, and so has a partner: give one of the three");
    if (o->code)
        return copy_code(o->code, s, err);
    if (o->partner)
        return copy_partner(o, id, s, err);
    if (!o->room || !room_id_valid(span_of(o->room)))
        return err_set(err, "a room's name is 1 to %d of A-Z, a-z, 0-9, - and _", ROOM_ID_MAX);
    return copy_text(s->room, sizeof s->room, o->room, "room's name", err);
}

static bool copy_settings(const struct usher_options *o, const char *id, struct peer_settings *s, struct err *err)
{
    return copy_room(o, id, s, err) && copy_text(s->name, sizeof s->name, o->name, "name", err) &&
           copy_text(s->password, sizeof s->password, o->password, "password", err) &&
           copy_text(s->token, sizeof s->token, o->token, "token", err);
}

static bool check_addresses(const struct usher_options *o, struct err *err)
{
    if (o->ice_address_count > ADDRESSES_MAX)
        return err_set(err, "at most %d ICE addresses can be named", ADDRESSES_MAX);
    for (size_t i = 0; i < o->ice_address_count; i++)
        if (!g_hostname_is_ip_address(o->ice_addresses[i]))
            return err_set(err, "an ICE address is numeric, like 192.0.2.1, not \"%s\"", o->ice_addresses[i]);
    return true;
}

bool usher_check_server(const char *url, char *err, size_t err_n)
{
    struct err e;
    struct url parsed;
    if (url_parse(url, &parsed, &e))
        return true;
    snprintf(err, err_n, "%s", e.text);
    return false;
}

/* ---- life ---- */

static void log_fallback(struct usher *u)
{
    struct log_record record;
    log_record_init(&record, LOG_LEVEL_NOTICE, "state-in-use",
        "another usher runs: this one is somebody else, with a state directory of its own");
    log_record_add(&record, "directory", span_of(u->state.path));
    on_log(u, &record);
}

static bool open_glue(struct usher *u, const struct usher_options *o, const struct identity *identity, struct err *err)
{
    struct peer_settings settings = {.servers = 0};
    struct url urls[URLS_MAX];
    struct rtc_options rtc = {
        .addresses = o->ice_addresses, .address_count = o->ice_address_count, .relay_only = o->relay_only};
    if (!copy_settings(o, identity->id, &settings, err) ||
        !urls_parse(o->servers, o->server_count, urls, &settings.servers, err))
        return false;
    for (unsigned i = 0; i < settings.servers; i++)
        rtc.loopback = rtc.loopback || url_is_loopback(&urls[i]);
    if (!copy_text(settings.no_link, sizeof settings.no_link, o->faults.no_link, "identity without a link", err))
        return false;
    for (unsigned i = 0; i < settings.servers && o->faults.through; i++)
        urls[i].through = o->faults.through[i];
    settings.keep_offers = o->keep_offers;
    memcpy(settings.key, identity->key, KEY_BYTES);
    memcpy(settings.box, identity->box, KEY_BYTES);
    memcpy(settings.box_signature, identity->box_signature, SIGNATURE_BYTES);
    struct peer_crypto ports = crypto_ports(u->crypto);
    u->glue = glue_new(
        &(struct glue_options){
            .context = o->context ? o->context : g_main_context_default(),
            .settings = &settings,
            .crypto = &ports,
            .rtc = &rtc,
            .urls = urls,
            .tamper = o->faults.tamper,
            .store = u->store,
            .user = u,
            .on_notice = on_notice,
            .on_log = on_log,
            .on_remember = on_remember,
        },
        err);
    return u->glue != NULL;
}

/* Whoever comes to meet a partner must be who the partner knows. */
static bool open_state(struct usher *u, const struct usher_options *o, struct err *err)
{
    if (o->beside && !o->partner)
        return err_set(err, "only who has a partner can be beside another");
    if (o->beside) {
        memcpy(u->state.path, o->beside->state.path, sizeof u->state.path);
        return true;
    }
    if (!state_open(&u->state, o->state_dir, err))
        return false;
    return !o->partner || !u->state.fallback ||
           err_set(err, "another usher runs as the person whom your partner knows: end it first, or name another state "
                        "directory with --state");
}

static bool begin(struct usher *u, const struct usher_options *o, struct identity *identity, struct err *err)
{
    if (!check_addresses(o, err) || !open_state(u, o, err) || !identity_open(u->state.path, identity, err))
        return false;
    if (!open_known(u, o, err))
        return false;
    u->store = o->partner ? store_open_nowhere(err) : store_open(u->state.path, err);
    if (!u->store)
        return false;
    u->crypto = crypto_new(identity->seed, identity->box_seed);
    if (!u->crypto)
        return err_set(err, "OpenSSL could not use the identity's key");
    return open_glue(u, o, identity, err) && glue_restore(u->glue, err);
}

struct usher *usher_new(
    const struct usher_options *options, usher_callback *callback, void *user, char *err, size_t err_n)
{
    struct err e = {.text = "out of memory"};
    struct identity identity;
    struct usher *u = calloc(1, sizeof *u);
    if (!u)
        goto fail;
    u->state.lock = -1;
    u->callback = callback;
    u->user = user;
    u->log = options->log;
    u->log_user = options->log_user;
    bool begun = begin(u, options, &identity, &e);
    identity_wipe(&identity);
    if (!begun)
        goto fail;
    if (u->state.fallback)
        log_fallback(u);
    known_each(u->known, on_known, u);
    glue_event(u->glue, &(struct peer_event){.type = PEER_START});
    return u;
fail:
    snprintf(err, err_n, "%s", e.text);
    usher_free(u);
    return NULL;
}

void usher_free(struct usher *u)
{
    if (!u)
        return;
    glue_free(u->glue);
    crypto_free(u->crypto);
    store_close(u->store);
    if (!u->beside)
        known_free(u->known);
    state_close(&u->state);
    free(u->people);
    free(u->answer);
    free(u);
}

const char *usher_id(const struct usher *u)
{
    return peer_id(glue_peer(u->glue));
}

const char *usher_state_dir(const struct usher *u)
{
    return u->state.path;
}

bool usher_identity(const char *state_dir, char *out, char *err, size_t err_n)
{
    struct err e;
    struct state state = {.lock = -1};
    struct identity identity;
    bool absent = false;
    bool ok = state_dir ? strlen(state_dir) <= STATE_PATH_MAX || err_set(&e, "the state directory's name is too long")
                        : state_default(state.path, &e);
    if (ok && state_dir)
        snprintf(state.path, sizeof state.path, "%s", state_dir);
    if (ok) {
        char path[STATE_PATH_MAX + 1];
        memcpy(path, state.path, sizeof path);
        ok = identity_load(path, &identity, &absent, &e) ||
             (absent && state_open(&state, path, &e) && identity_open(path, &identity, &e));
    }
    state_close(&state);
    if (ok) {
        snprintf(out, ID_CHARS + 1, "%s", identity.id);
        identity_wipe(&identity);
    } else {
        snprintf(err, err_n, "%s", e.text);
    }
    return ok;
}

/* ---- what the application asks for ---- */

bool usher_send_with(struct usher *u, const char *const *to, size_t to_count, const char *text, const char *ref,
    uint64_t ttl_ms, const char *const *paths, size_t path_count)
{
    char *whole[ENVELOPE_ATTACHMENTS_MAX];
    struct span files[ENVELOPE_ATTACHMENTS_MAX], readers[ENVELOPE_TO_MAX], body = span_of(text),
                                                                           reference = span_of(ref);
    if (to_count > ENVELOPE_TO_MAX || body.n > PEER_TEXT_MAX || !utf8_valid(body.p, body.n) || reference.n > REF_MAX ||
        !utf8_valid(reference.p, reference.n) || ttl_ms > ENVELOPE_TTL_MAX_MS ||
        path_count > ENVELOPE_ATTACHMENTS_MAX || glue_is_behind(u->glue))
        return false;
    for (size_t i = 0; i < path_count; i++) {
        if (strlen(paths[i]) > PATH_BYTES_MAX)
            return false;
    }
    for (size_t i = 0; i < to_count; i++)
        readers[i] = span_of(to[i]);
    for (size_t i = 0; i < path_count; i++)
        files[i] = span_of(whole[i] = g_canonicalize_filename(paths[i], NULL));
    struct peer_event event = {
        .type = PEER_SEND, .send = {readers, to_count, body, reference, ttl_ms, files, path_count}};
    glue_event(u->glue, &event);
    for (size_t i = 0; i < path_count; i++)
        g_free(whole[i]);
    return true;
}

bool usher_send_within(
    struct usher *u, const char *const *to, size_t to_count, const char *text, const char *ref, uint64_t ttl_ms)
{
    return usher_send_with(u, to, to_count, text, ref, ttl_ms, NULL, 0);
}

bool usher_send(struct usher *u, const char *const *to, size_t to_count, const char *text, const char *ref)
{
    return usher_send_within(u, to, to_count, text, ref, 0);
}

void usher_read(struct usher *u, const char *message_id)
{
    glue_event(u->glue, &(struct peer_event){.type = PEER_READ, .read = span_of(message_id)});
}

void usher_typing(struct usher *u)
{
    glue_event(u->glue, &(struct peer_event){.type = PEER_TYPING});
}

void usher_status(struct usher *u, const char *text)
{
    glue_event(u->glue, &(struct peer_event){.type = PEER_STATUS, .status = span_of(text)});
}

void usher_presence(struct usher *u, const char *presence)
{
    glue_event(u->glue, &(struct peer_event){.type = PEER_PRESENCE, .presence = span_of(presence)});
}

bool usher_announce_rooms(struct usher *u, const char *const *rooms, size_t count)
{
    struct span ids[ROOMS_TOLD_MAX];
    if (count > ROOMS_TOLD_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        ids[i] = span_of(rooms[i]);
        if (!room_id_valid(ids[i]))
            return false;
    }
    struct peer_event event = {.type = PEER_ROOMS, .rooms = {ids, count}};
    glue_event(u->glue, &event);
    return true;
}

void usher_history(struct usher *u, const char *after, unsigned limit, const char *ref)
{
    struct peer_event event = {
        .type = PEER_HISTORY, .history = {.after = span_of(after), .ref = span_of(ref), .limit = limit}};
    glue_event(u->glue, &event);
}

bool usher_send_file(struct usher *u, const char *const *to, size_t to_count, const char *path, const char *ref)
{
    struct span readers[ENVELOPE_TO_MAX], reference = span_of(ref);
    if (to_count > ENVELOPE_TO_MAX || strlen(path) > PATH_BYTES_MAX || reference.n > REF_MAX ||
        !utf8_valid(reference.p, reference.n))
        return false;
    for (size_t i = 0; i < to_count; i++)
        readers[i] = span_of(to[i]);
    char *whole = g_canonicalize_filename(path, NULL); /* the next process may begin in another folder */
    struct peer_event event = {.type = PEER_FILE_SEND, .send_file = {readers, to_count, span_of(whole), reference}};
    glue_event(u->glue, &event);
    g_free(whole);
    return true;
}

bool usher_accept_file(struct usher *u, const char *file_id, const char *folder)
{
    if (strlen(folder) > PATH_BYTES_MAX)
        return false;
    struct peer_event event = {.type = PEER_FILE_ACCEPT, .accept_file = {span_of(file_id), span_of(folder)}};
    glue_event(u->glue, &event);
    return true;
}

void usher_decline_file(struct usher *u, const char *file_id)
{
    glue_event(u->glue, &(struct peer_event){.type = PEER_FILE_DECLINE, .file_id = span_of(file_id)});
}

void usher_pause_file(struct usher *u, const char *file_id)
{
    glue_event(u->glue, &(struct peer_event){.type = PEER_FILE_PAUSE, .file_id = span_of(file_id)});
}

void usher_resume_file(struct usher *u, const char *file_id)
{
    glue_event(u->glue, &(struct peer_event){.type = PEER_FILE_RESUME, .file_id = span_of(file_id)});
}

void usher_cancel_file(struct usher *u, const char *file_id)
{
    glue_event(u->glue, &(struct peer_event){.type = PEER_FILE_CANCEL, .file_id = span_of(file_id)});
}

void usher_leave(struct usher *u)
{
    glue_event(u->glue, &(struct peer_event){.type = PEER_LEAVE});
}

size_t usher_pending(const struct usher *u)
{
    return peer_pending(glue_peer(u->glue));
}

size_t usher_people(struct usher *u, const struct usher_person **people)
{
    size_t n = peer_people(glue_peer(u->glue), NULL, 0);
    free(u->people);
    free(u->answer);
    u->people = calloc(n + 1, sizeof *u->people);
    u->answer = calloc(n + 1, sizeof *u->answer);
    *people = u->answer;
    if (!u->people || !u->answer)
        return 0;
    peer_people(glue_peer(u->glue), u->people, n);
    for (size_t i = 0; i < n; i++) {
        const struct peer_person *p = &u->people[i];
        u->answer[i] = (struct usher_person){p->id, p->name, p->path, p->up, p->verified, p->in_room, p->rtt_ms};
    }
    return n;
}

void usher_name_skeleton(const char *name, char *out, size_t room)
{
    size_t n = strlen(name);
    display_name_skeleton((struct span){name, n < room ? n : room - 1}, out);
}

void usher_stats(const struct usher *u, struct usher_stats *stats)
{
    const struct peer_stats *s = peer_stats(glue_peer(u->glue));
    struct peer_times t = peer_times(glue_peer(u->glue));
    *stats = (struct usher_stats){.connect_ms_p50 = t.connect_p50,
        .connect_ms_p99 = t.connect_p99,
        .delivery_ms_p50 = t.delivery_p50,
        .delivery_ms_p90 = t.delivery_p90,
        .delivery_ms_p99 = t.delivery_p99,
#define X(name, sentence) .name = s->name,
        PEER_COUNTER_LIST(X)
#undef X
    };
}
