/* SPDX-License-Identifier: MIT
 *
 * Design, section 3. Where two errors would both be right (a frame of two faults) both are allowed.
 */
#include "tests/sim/claim.h"

#include <string.h>

#include "protocol/limits.h"

enum error claim_error(const char *code)
{
    for (unsigned e = 1; e < ERRORS; e++)
        if (strcmp(error_code((enum error)e), code) == 0)
            return (enum error)e;
    return ERRORS;
}

static int depth_of(const json_t *v)
{
    int deepest = 0;
    const char *key;
    json_t *child;
    size_t i;
    if (json_is_array(v)) {
        json_array_foreach(v, i, child)
        {
            int d = depth_of(child);
            deepest = d > deepest ? d : deepest;
        }
    } else if (json_is_object(v)) {
        json_object_foreach((json_t *)(uintptr_t)v, key, child)
        {
            int d = depth_of(child);
            deepest = d > deepest ? d : deepest;
        }
    } else {
        return 0;
    }
    return deepest + 1;
}

static bool text_within(const json_t *v, size_t min, size_t max)
{
    return json_is_string(v) && json_string_length(v) >= min && json_string_length(v) <= max;
}

static bool absent_or_text(const json_t *body, const char *name, size_t max)
{
    const json_t *v = json_object_get(body, name);
    return !v || text_within(v, 0, max);
}

static bool room_ok(const json_t *v)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    return text_within(v, 1, ROOM_ID_MAX) && strspn(json_string_value(v), ALPHABET) == json_string_length(v);
}

static bool join_ok(const json_t *body)
{
    const json_t *metadata = json_object_get(body, "metadata");
    return room_ok(json_object_get(body, "roomId")) && absent_or_text(body, "displayName", DISPLAY_NAME_MAX) &&
           (!metadata || json_is_object(metadata)) && absent_or_text(body, "password", PASSWORD_MAX) &&
           absent_or_text(body, "token", TOKEN_MAX);
}

static bool relay_ok(const json_t *body, const char *type)
{
    const json_t *candidate = json_object_get(body, "candidate");
    if (!text_within(json_object_get(body, "to"), 1, PEER_ID_MAX) || !absent_or_text(body, "link", LINK_MAX))
        return false;
    if (strcmp(type, "signal") == 0)
        return json_object_get(body, "data") != NULL;
    if (strcmp(type, "ice-candidate") == 0)
        return json_is_object(candidate) || json_is_null(candidate);
    return json_is_string(json_object_get(body, "sdp"));
}

static void sort_out(struct claim *c, const char *type)
{
    c->errors = 1u << ERROR_BAD_MESSAGE;
    if (!absent_or_text(c->body, "ref", REF_MAX) || json_object_get(c->body, "from")) {
        c->type = CLAIM_BAD;
    } else if (strcmp(type, "join-room") == 0) {
        c->type = join_ok(c->body) ? CLAIM_JOIN : CLAIM_BAD;
        c->room = json_string_value(json_object_get(c->body, "roomId"));
    } else if (strcmp(type, "leave-room") == 0) {
        c->type = CLAIM_LEAVE;
    } else if (strcmp(type, "ping") == 0) {
        c->type = CLAIM_PING;
    } else if (strcmp(type, "report") == 0) {
        c->type = CLAIM_REPORT;
    } else if (strcmp(type, "resume") == 0) {
        c->type = json_is_string(json_object_get(c->body, "resumeToken")) ? CLAIM_RESUME : CLAIM_BAD;
    } else if (strcmp(type, "offer") == 0 || strcmp(type, "answer") == 0 || strcmp(type, "signal") == 0 ||
               strcmp(type, "ice-candidate") == 0) {
        c->type = relay_ok(c->body, type) ? CLAIM_RELAY : CLAIM_BAD;
        c->to = json_string_value(json_object_get(c->body, "to"));
    } else {
        c->errors = 1u << ERROR_UNKNOWN_TYPE;
    }
}

struct claim claim_read(struct span frame)
{
    struct claim c = {.type = CLAIM_BAD, .errors = 1u << ERROR_BAD_JSON | 1u << ERROR_BAD_MESSAGE};
    c.body = json_loadb(frame.p, frame.n, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(c.body, "type"));
    if (json_is_object(c.body) && type && depth_of(c.body) <= FRAME_DEPTH_MAX)
        sort_out(&c, type);
    return c;
}

void claim_done(struct claim *c)
{
    json_decref(c->body);
}
