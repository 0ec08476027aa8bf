/* SPDX-License-Identifier: MIT
 *
 * One command a line. What is wrong with one is an `error` event that names what was expected, and costs nothing else.
 * A `send` waits for `ready` and while too much is unacknowledged; what stands behind it waits with it, so commands
 * are carried out in the order in which they came.
 */
#include <stdio.h>
#include <string.h>

#include "peer/cli/pipe.h"

enum {
    TEXT_MAX = 64 * 1024, /* as usher.h has it */
    REF_MAX_BYTES = 64,
    ATTACHMENTS_MAX = 16,
    READERS_MAX = 256,
    ROOMS_MAX = 16,
    PATH_BYTES_MAX = 4095,
    FILE_ID_BYTES_MAX = 64
};

#define TTL_MAX_MS (G_GINT64_CONSTANT(30) * 24 * 60 * 60 * 1000)

typedef void handler(struct pipe *p, const json_t *command);

/* A string member without NUL of at most max bytes. False after an error event. */
static bool get_text(struct pipe *p, const json_t *command, const char *name, size_t max, const char **text)
{
    const json_t *value = json_object_get(command, name);
    *text = json_string_value(value);
    if (*text && json_string_length(value) == strlen(*text) && json_string_length(value) <= max)
        return true;
    pipe_say_error(p, *text && json_string_length(value) > max ? "too-large" : "bad-command",
        "%s wants %s: a string of at most %zu bytes without NUL", json_string_value(json_object_get(command, "do")),
        name, max);
    return false;
}

static bool get_readers(struct pipe *p, const json_t *command, const char *to[READERS_MAX], size_t *count)
{
    const json_t *list = json_object_get(command, "to");
    bool ok = !list || (json_is_array(list) && json_array_size(list) > 0 && json_array_size(list) <= READERS_MAX);
    *count = 0;
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        to[i] = json_string_value(json_array_get(list, i));
        ok = to[i] != NULL && *to[i] != '\0';
        ++*count;
    }
    if (!ok)
        pipe_say_error(
            p, "bad-command", "send wants to: an array of 1 to %d ids, or no to for the whole room", READERS_MAX);
    return ok;
}

/* attachments: an array of paths, or absent. */
static bool get_attachments(struct pipe *p, const json_t *command, const char *paths[ATTACHMENTS_MAX], size_t *count)
{
    const json_t *list = json_object_get(command, "attachments");
    bool ok = !list || (json_is_array(list) && json_array_size(list) <= ATTACHMENTS_MAX);
    *count = ok ? json_array_size(list) : 0;
    for (size_t i = 0; ok && i < *count; i++) {
        const json_t *path = json_array_get(list, i);
        size_t n = json_string_length(path);
        ok = (paths[i] = json_string_value(path)) && n > 0 && n <= PATH_BYTES_MAX && n == strlen(paths[i]);
    }
    if (!ok)
        pipe_say_error(p, "bad-command", "send wants attachments: an array of at most %d paths", ATTACHMENTS_MAX);
    return ok;
}

static void do_send(struct pipe *p, const json_t *command)
{
    const char *text, *ref = NULL, *to[READERS_MAX], *paths[ATTACHMENTS_MAX];
    size_t count, path_count;
    if (json_object_get(command, "ref") && !get_text(p, command, "ref", REF_MAX_BYTES, &ref))
        return;
    if (!get_text(p, command, "text", TEXT_MAX, &text) || !get_readers(p, command, to, &count) ||
        !get_attachments(p, command, paths, &path_count))
        return;
    const json_t *ttl = json_object_get(command, "ttl");
    if (ttl && (json_integer_value(ttl) < 1 || json_integer_value(ttl) > TTL_MAX_MS)) {
        pipe_say_error(p, "bad-command",
            "send wants ttl: milliseconds, a number from 1 to %" G_GINT64_FORMAT " (30 days)", TTL_MAX_MS);
        return;
    }
    if (!usher_send_with(p->client.usher, to, count, text, ref, (uint64_t)json_integer_value(ttl), paths, path_count))
        pipe_say_error(p, "bad-command", "this cannot be sent");
}

static void do_read(struct pipe *p, const json_t *command)
{
    const char *id;
    if (get_text(p, command, "id", 64, &id))
        usher_read(p->client.usher, id);
}

static void do_typing(struct pipe *p, const json_t *command)
{
    (void)command;
    usher_typing(p->client.usher);
}

static void do_status(struct pipe *p, const json_t *command)
{
    const char *text;
    if (get_text(p, command, "text", TEXT_MAX, &text))
        usher_status(p->client.usher, text);
}

static void do_presence(struct pipe *p, const json_t *command)
{
    const char *presence = json_string_value(json_object_get(command, "presence"));
    if (presence && (strcmp(presence, "online") == 0 || strcmp(presence, "away") == 0))
        usher_presence(p->client.usher, presence);
    else
        pipe_say_error(p, "bad-command", "presence wants presence: \"online\" or \"away\"");
}

static void do_peers(struct pipe *p, const json_t *command)
{
    (void)command;
    const struct usher_person *people;
    json_t *list = json_array();
    size_t n = usher_people(p->client.usher, &people);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s*, s:b, s:b, s:I}", "id", people[i].id, "name", people[i].name, "state",
                      people[i].up ? "up" : "down", "path", people[i].up ? people[i].path : NULL, "verified",
                      people[i].verified, "inRoom", people[i].in_room, "rttMs", (json_int_t)people[i].rtt_ms));
    pipe_say(p, json_pack("{s:s, s:o}", "event", "peers", "peers", list));
}

static void do_history(struct pipe *p, const json_t *command)
{
    const json_t *limit = json_object_get(command, "limit");
    const char *after = NULL, *ref = NULL;
    json_int_t n = limit ? json_integer_value(limit) : PIPE_HISTORY_LIMIT;
    if (n < 1 || n > PIPE_HISTORY_MAX) {
        pipe_say_error(p, "bad-command", "history wants limit: a number from 1 to %d", PIPE_HISTORY_MAX);
        return;
    }
    if ((json_object_get(command, "after") && !get_text(p, command, "after", 64, &after)) ||
        (json_object_get(command, "ref") && !get_text(p, command, "ref", REF_MAX_BYTES, &ref)))
        return;
    usher_history(p->client.usher, after, (unsigned)n, ref);
}

static json_t *links(struct pipe *p)
{
    const struct usher_person *people;
    size_t n = usher_people(p->client.usher, &people);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (people[i].up && strcmp(people[i].path, "relay") != 0)
            json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "id", people[i].id, "path", people[i].path,
                                            "rttMs", (json_int_t)people[i].rtt_ms));
    return list;
}

static void do_stats(struct pipe *p, const json_t *command)
{
    (void)command;
    struct usher_stats s;
    usher_stats(p->client.usher, &s);
    const struct {
        const char *name;
        uint64_t value;
    } NUMBERS[] = {
        {"callsTotal", s.calls_total},
        {"linksUpTotal", s.links_up_total},
        {"linksFailedTotal", s.links_failed_total},
        {"restartsTotal", s.restarts_total},
        {"reconnectsTotal", s.reconnects_total},
        {"connectMsLast", s.connect_ms_last},
        {"sentTotal", s.sent_total},
        {"receivedTotal", s.received_total},
        {"deliveredTotal", s.delivered_total},
        {"retransmittedTotal", s.retransmitted_total},
        {"refusedTotal", s.refused_total},
        {"linksUp", s.links_up},
        {"queued", s.queued},
        {"pending", usher_pending(p->client.usher)},
        {"pushedTotal", s.pushed_total},
        {"announcedTotal", s.announced_total},
        {"graftedTotal", s.grafted_total},
        {"prunedTotal", s.pruned_total},
        {"relayedTotal", s.relayed_total},
        {"relayedOutTotal", s.relayed_out_total},
        {"filesRelayedTotal", s.files_relayed_total},
        {"relayDroppedTotal", s.relay_dropped_total},
        {"missingTotal", s.missing_total},
        {"expiredTotal", s.expired_total},
        {"historyRequestsTotal", s.requests_total},
        {"historyRepliesTotal", s.replies_total},
        {"kept", s.kept},
        {"failedTotal", s.failed_total},
        {"aloneTotal", s.alone_total},
        {"acksTotal", s.acks_total},
        {"handedTotal", s.handed_total},
        {"filledTotal", s.filled_total},
        {"newsTotal", s.news_total},
        {"heartbeatsTotal", s.heartbeats_total},
        {"signalsTotal", s.signals_total},
        {"passingTotal", s.passing_total},
        {"fileFramesTotal", s.file_frames_total},
        {"blocksGivenTotal", s.blocks_given_total},
        {"blocksHadTotal", s.blocks_had_total},
        {"blocksWrongTotal", s.blocks_wrong_total},
        {"connectMsP50", s.connect_ms_p50},
        {"connectMsP99", s.connect_ms_p99},
        {"deliveryMsP50", s.delivery_ms_p50},
        {"deliveryMsP90", s.delivery_ms_p90},
        {"deliveryMsP99", s.delivery_ms_p99},
    };
    json_t *event = json_pack("{s:s}", "event", "stats");
    for (size_t i = 0; i < G_N_ELEMENTS(NUMBERS); i++)
        json_object_set_new(event, NUMBERS[i].name, json_integer((json_int_t)NUMBERS[i].value));
    json_object_set_new(event, "links", links(p));
    pipe_say(p, event);
}

static void do_announce(struct pipe *p, const json_t *command)
{
    const json_t *list = json_object_get(command, "rooms");
    const char *rooms[ROOMS_MAX];
    size_t n = json_array_size(list);
    bool ok = json_is_array(list) && n <= ROOMS_MAX;
    for (size_t i = 0; ok && i < n; i++)
        ok = (rooms[i] = json_string_value(json_array_get(list, i))) != NULL;
    if (!ok || !usher_announce_rooms(p->client.usher, rooms, n))
        pipe_say_error(p, "bad-command", "announce wants rooms: an array of at most %d room ids", ROOMS_MAX);
}

static void do_leave(struct pipe *p, const json_t *command)
{
    (void)command;
    if (!p->client.left)
        usher_leave(p->client.usher);
}

static void do_quit(struct pipe *p, const json_t *command)
{
    (void)command;
    client_leave(&p->client, EXIT_DONE);
}

static void do_send_file(struct pipe *p, const json_t *command)
{
    const char *path, *ref = NULL, *to[READERS_MAX];
    size_t count;
    if (json_object_get(command, "ref") && !get_text(p, command, "ref", REF_MAX_BYTES, &ref))
        return;
    if (!get_text(p, command, "path", PATH_BYTES_MAX, &path) || !get_readers(p, command, to, &count))
        return;
    if (!usher_send_file(p->client.usher, to, count, path, ref))
        pipe_say_error(p, "bad-command", "this cannot be sent");
}

/* Into the folder where usher was started, unless `dir` names another. */
static void do_accept(struct pipe *p, const json_t *command)
{
    const char *id, *folder = ".";
    if (!get_text(p, command, "fileId", FILE_ID_BYTES_MAX, &id) ||
        (json_object_get(command, "dir") && !get_text(p, command, "dir", PATH_BYTES_MAX, &folder)))
        return;
    usher_accept_file(p->client.usher, id, folder);
}

static void do_decline(struct pipe *p, const json_t *command)
{
    const char *id;
    if (get_text(p, command, "fileId", FILE_ID_BYTES_MAX, &id))
        usher_decline_file(p->client.usher, id);
}

static void do_pause(struct pipe *p, const json_t *command)
{
    const char *id;
    if (get_text(p, command, "fileId", FILE_ID_BYTES_MAX, &id))
        usher_pause_file(p->client.usher, id);
}

static void do_resume(struct pipe *p, const json_t *command)
{
    const char *id;
    if (get_text(p, command, "fileId", FILE_ID_BYTES_MAX, &id))
        usher_resume_file(p->client.usher, id);
}

static void do_cancel(struct pipe *p, const json_t *command)
{
    const char *id;
    if (get_text(p, command, "fileId", FILE_ID_BYTES_MAX, &id))
        usher_cancel_file(p->client.usher, id);
}

/* usher(1) tells of each. */
static const struct {
    const char *name;
    handler *handle;
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
    {"peers", do_peers},
    {"history", do_history},
    {"stats", do_stats},
    {"announce", do_announce},
    {"leave", do_leave},
    {"quit", do_quit},
};

static void say_which_there_are(struct pipe *p)
{
    GString *names = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++)
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", COMMANDS[i].name);
    pipe_say_error(p, "bad-command", "expected do: one of %s", names->str);
    g_string_free(names, TRUE);
}

/* What its errors carry; NULL if it has none that can be one. */
static const char *ref_of(const json_t *command)
{
    const json_t *value = json_object_get(command, "ref");
    const char *ref = json_string_value(value);
    size_t n = json_string_length(value);
    return ref && n > 0 && n <= REF_MAX_BYTES && n == strlen(ref) ? ref : NULL;
}

static handler *find(const char *name)
{
    for (size_t i = 0; name && i < G_N_ELEMENTS(COMMANDS); i++)
        if (strcmp(name, COMMANDS[i].name) == 0)
            return COMMANDS[i].handle;
    return NULL;
}

static bool must_wait(const struct pipe *p)
{
    return !p->client.left && (!p->ready || usher_pending(p->client.usher) >= PIPE_PENDING_MAX);
}

bool pipe_command(struct pipe *p, char *line, size_t n)
{
    if (p->client.leaving || strspn(line, " \t\r") == n)
        return true;
    json_error_t error;
    json_t *command = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    bool taken = true;
    if (!json_is_object(command)) {
        pipe_say_error(p, "bad-json", "expected one JSON object a line: %s", command ? "this is none" : error.text);
    } else {
        handler *handle = find(json_string_value(json_object_get(command, "do")));
        p->ref = ref_of(command);
        if (!handle)
            say_which_there_are(p);
        else if ((handle == do_send || handle == do_send_file) && must_wait(p))
            taken = false;
        else
            handle(p, command);
    }
    p->ref = NULL;
    json_decref(command);
    return taken;
}
