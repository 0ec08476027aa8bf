/* SPDX-License-Identifier: MIT
 *
 * Who answers may be any program that listens there, so each member is looked at before it is believed. Members that are not
 * known are left alone: a newer daemon has them.
 */
#include "peer/io/rooms_answer.h"

#include <ctype.h>
#include <stdlib.h>

#include "peer/io/owner_tokens.h"
#include "protocol/json_read.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/roomfile.h"

bool rooms_token_valid(const char *token)
{
    size_t n = strlen(token), good = 0;
    while (isalnum((unsigned char)token[good]) || (token[good] && strchr("-._~+/=", token[good])))
        good++;
    return n > 0 && n == good && n <= TOKEN_MAX;
}

static bool read_number(const json_t *value, uint64_t *out)
{
    *out = (uint64_t)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool read_room(const json_t *value, struct usher_room *room)
{
    const json_t *id = json_object_get(value, "id"), *name = json_object_get(value, "name");
    const json_t *max = json_object_get(value, "maxPeers"), *locked = json_object_get(value, "locked");
    room->max_peers = 0;
    if (!json_is_string(id) || !room_id_valid((struct span){json_string_value(id), json_string_length(id)}))
        return false;
    if (!json_is_string(name) || json_string_length(name) > DISPLAY_NAME_MAX || !json_is_boolean(locked))
        return false;
    room->id = json_string_value(id);
    room->name = json_string_value(name);
    room->locked = json_is_true(locked);
    return read_number(json_object_get(value, "peers"), &room->peers) &&
           read_number(json_object_get(value, "createdAt"), &room->created) &&
           (json_is_null(max) || read_number(max, &room->max_peers));
}

static bool begin(struct rooms_answer *out, struct span body)
{
    *out = (struct rooms_answer){.tree = json_read(body, JSON_REJECT_DUPLICATES, NULL)};
    return json_is_object(out->tree);
}

static bool give_up(struct rooms_answer *out)
{
    rooms_answer_done(out);
    return false;
}

/* These values as rooms, n of them. */
static bool read_rooms(struct rooms_answer *out, const json_t *const *values, size_t n)
{
    out->rooms = calloc(n ? n : 1, sizeof *out->rooms);
    if (!out->rooms)
        return false;
    for (out->count = 0; out->count < n; out->count++)
        if (!read_room(values[out->count], &out->rooms[out->count]))
            return false;
    return true;
}

bool rooms_answer_list(struct rooms_answer *out, struct span body)
{
    const json_t *values[ROOMS_LISTED_MAX];
    const json_t *list = begin(out, body) ? json_object_get(out->tree, "rooms") : NULL;
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > ROOMS_LISTED_MAX)
        return give_up(out);
    for (size_t i = 0; i < n; i++)
        values[i] = json_array_get(list, i);
    return read_rooms(out, values, n) || give_up(out);
}

bool rooms_answer_made(struct rooms_answer *out, struct span body)
{
    const json_t *token = begin(out, body) ? json_object_get(out->tree, "ownerToken") : NULL;
    out->owner_token = json_string_value(token);
    if (!out->owner_token || json_string_length(token) > OWNER_TOKEN_MAX || !rooms_token_valid(out->owner_token))
        return give_up(out);
    return read_rooms(out, (const json_t *const[]){out->tree}, 1) || give_up(out);
}

bool rooms_answer_error(struct rooms_answer *out, struct span body, const char **code, const char **message)
{
    const json_t *error = begin(out, body) ? json_object_get(out->tree, "error") : NULL;
    *code = json_string_value(json_object_get(error, "code"));
    *message = json_string_value(json_object_get(error, "message"));
    return (*code && *message) || give_up(out);
}

void rooms_answer_done(struct rooms_answer *out)
{
    json_decref(out->tree);
    free(out->rooms);
    *out = (struct rooms_answer){.count = 0};
}
