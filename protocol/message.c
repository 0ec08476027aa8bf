/* SPDX-License-Identifier: MIT
 *
 * One row per message that a client may send, one rule per member: its kind, its bound, whether it must be there, and
 * the sentence for whoever breaks it. Members that no rule names pass unseen: the relay carries them on.
 */
#include "protocol/message.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#include "protocol/json_read.h"

enum {
    RULES_MAX = 5,
    TYPE_NAME_MAX = 16,
    FROM_EXTRA = sizeof "\"from\":\"\"" - 1
};

struct rule {
    enum member_name member;
    bool (*holds)(const struct scan *s, enum member_name m, size_t max);
    size_t max; /* bytes; 0 where the frame is the only bound */
    bool required;
    const char *problem;
};

struct row {
    bool relayed;
    struct rule rules[RULES_MAX]; /* up to the first without `holds` */
};

/* Text of at most max bytes. A string is never longer decoded than it was as sent. */
static bool is_text(const struct scan *s, enum member_name m, size_t max)
{
    if (s->m[m].kind != JSON_KIND_STRING)
        return false;
    if (max == 0 || s->m[m].value_n - 2 <= max)
        return true;
    char space[TOKEN_MAX];
    struct span text;
    assert(max <= sizeof space);
    return s->m[m].escaped && scan_text(s, m, space, max, &text);
}

static bool is_some_text(const struct scan *s, enum member_name m, size_t max)
{
    return is_text(s, m, max) && s->m[m].value_n > 2;
}

static bool is_room_id(const struct scan *s, enum member_name m, size_t max)
{
    char space[ROOM_ID_MAX];
    struct span id;
    return scan_text(s, m, space, max, &id) && room_id_valid(id);
}

/* Name and metadata are shown to the whole room, so they must be readable by every reader's JSON parser: no NUL, no
 * number that a double cannot hold, and shallow enough to stand inside `peers`. What is relayed to one peer is that
 * peer's to judge. */
static bool is_name(const struct scan *s, enum member_name m, size_t max)
{
    char space[DISPLAY_NAME_MAX];
    struct span text;
    assert(max <= sizeof space);
    return scan_text(s, m, space, max, &text) && text.n <= max && !span_find(text, '\0');
}

static bool nests_within(const json_t *value, unsigned depth)
{
    const char *name;
    json_t *item;
    size_t i;
    if (!json_is_object(value) && !json_is_array(value))
        return true;
    if (depth == 0)
        return false;
    json_array_foreach(value, i, item) if (!nests_within(item, depth - 1)) return false;
    json_object_foreach((json_t *)value, name, item) if (!nests_within(item, depth - 1)) return false;
    return true;
}

static bool is_metadata(const struct scan *s, enum member_name m, size_t max)
{
    struct span raw = scan_raw(s, m);
    if (s->m[m].kind != JSON_KIND_OBJECT || raw.n > max)
        return false;
    json_t *value = json_read(raw, 0, NULL);
    bool ok = value && nests_within(value, METADATA_DEPTH_MAX);
    json_decref(value);
    return ok;
}

static bool is_candidate(const struct scan *s, enum member_name m, size_t max)
{
    (void)max;
    return s->m[m].kind == JSON_KIND_OBJECT || s->m[m].kind == JSON_KIND_NULL;
}

static bool is_any(const struct scan *s, enum member_name m, size_t max)
{
    (void)max;
    return scan_has(s, m);
}

static bool is_duration(const struct scan *s, enum member_name m, size_t max)
{
    (void)max;
    return s->m[m].kind == JSON_KIND_NUMBER && scan_raw(s, m).p[0] != '-';
}

static const char *const OUTCOME_NAMES[OUTCOMES] = {
#define X(name, text) [OUTCOME_##name] = (text),
    OUTCOME_TABLE(X)
#undef X
};

/* OUTCOMES if it is none. */
static enum outcome read_outcome(const struct scan *s)
{
    char space[TYPE_NAME_MAX];
    struct span text;
    enum outcome o = 0;
    if (!scan_text(s, MEMBER_OUTCOME, space, sizeof space, &text))
        return OUTCOMES;
    while (o < OUTCOMES && !span_is(text, OUTCOME_NAMES[o]))
        o++;
    return o;
}

static bool is_outcome(const struct scan *s, enum member_name m, size_t max)
{
    (void)m;
    (void)max;
    return read_outcome(s) != OUTCOMES;
}

/* The sentences are static text, so the bounds stand in them as numbers. */
_Static_assert(ROOM_ID_MAX == 64 && DISPLAY_NAME_MAX == 128 && METADATA_MAX == 1024 && METADATA_DEPTH_MAX == 8 &&
                   PASSWORD_MAX == 256 && TOKEN_MAX == 8192 && RESUME_TOKEN_MAX == 4096 && REF_MAX == 64 &&
                   LINK_MAX == 64 && PEER_ID_MAX == 59,
    "the sentences below name these bounds");

#define TO MEMBER_TO, is_some_text, PEER_ID_MAX, true, "`to` must be a peer id: a string of 1 to 59 bytes"
#define LINK MEMBER_LINK, is_text, LINK_MAX, false, "`link` must be a string of at most 64 bytes"
#define SDP MEMBER_SDP, is_text, 0, true, "`sdp` must be a string"

static const struct rule REF = {MEMBER_REF, is_text, REF_MAX, false, "`ref` must be a string of at most 64 bytes"};

static const struct row ROWS[MESSAGES] = {
    [MESSAGE_JOIN_ROOM] =
        {.rules = {{MEMBER_ROOM_ID, is_room_id, ROOM_ID_MAX, true, "`roomId` must be 1 to 64 of A-Z a-z 0-9 _ -"},
             {MEMBER_DISPLAY_NAME, is_name, DISPLAY_NAME_MAX, false,
                 "`displayName` must be a string of at most 128 bytes without NUL"},
             {MEMBER_METADATA, is_metadata, METADATA_MAX, false,
                 "`metadata` must be an object of at most 1024 bytes, 8 deep, without NUL, numbers within a double"},
             {MEMBER_PASSWORD, is_text, PASSWORD_MAX, false, "`password` must be a string of at most 256 bytes"},
             {MEMBER_TOKEN, is_text, TOKEN_MAX, false, "`token` must be a string of at most 8192 bytes"}}},
    [MESSAGE_OFFER] = {.relayed = true, .rules = {{TO}, {SDP}, {LINK}}},
    [MESSAGE_ANSWER] = {.relayed = true, .rules = {{TO}, {SDP}, {LINK}}},
    [MESSAGE_ICE_CANDIDATE] = {.relayed = true,
        .rules = {{TO}, {MEMBER_CANDIDATE, is_candidate, 0, true, "`candidate` must be an object, or null at the end"},
            {LINK}}},
    [MESSAGE_SIGNAL] = {.relayed = true,
        .rules = {{TO}, {MEMBER_DATA, is_any, 0, true, "`data` is missing: any JSON value"}, {LINK}}},
    [MESSAGE_RESUME] = {.rules = {{MEMBER_RESUME_TOKEN, is_text, RESUME_TOKEN_MAX, true,
                            "`resumeToken` must be a string of at most 4096 bytes"}}},
    [MESSAGE_REPORT] = {.rules = {{MEMBER_PEER_ID, is_some_text, PEER_ID_MAX, true,
                                      "`peerId` must be a peer id: a string of 1 to 59 bytes"},
                            {MEMBER_OUTCOME, is_outcome, 0, true,
                                "`outcome` must be \"direct\", \"stun\", \"turn\", \"relay\" or \"failed\""},
                            {MEMBER_CONNECT_MS, is_duration, 0, false,
                                "`connectMs` must be a number of milliseconds from 0 up"},
                            {MEMBER_RTT_MS, is_duration, 0, false,
                                "`rttMs` must be a number of milliseconds from 0 up"}}},
};

bool message_is_relayed(enum message_type t)
{
    return ROWS[t].relayed;
}

const char *message_name(enum message_type t)
{
    static const char *const NAMES[MESSAGES] = {[MESSAGE_NONE] = "",
        [MESSAGE_SUBSCRIBE] = "subscribe",
        [MESSAGE_UNSUBSCRIBE] = "unsubscribe",
        [MESSAGE_PUBLISH] = "publish",
        [MESSAGE_FORWARD] = "forward",
        [MESSAGE_CONNECT] = "connect",
        [MESSAGE_DISCONNECT] = "disconnect",
        [MESSAGE_ALIVE] = "alive",
#define X(name, text) [MESSAGE_##name] = (text),
        MESSAGE_TABLE(X)
#undef X
    };
    return NAMES[t];
}

bool room_id_valid(struct span id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return id.n >= 1 && id.n <= ROOM_ID_MAX;
}

static enum error refuse(struct message *m, enum error e, enum member_name member, const char *problem)
{
    m->member = member;
    m->problem = problem;
    return e;
}

enum message_type message_find(struct span name)
{
#define X(id, text)                                                                \
    if (name.n == sizeof(text) - 1 && memcmp(name.p, text, sizeof(text) - 1) == 0) \
        return MESSAGE_##id;
    MESSAGE_TABLE(X)
#undef X
    return MESSAGE_NONE;
}

static const char TYPES_KNOWN[] = "`type` must be join-room, leave-room, offer, answer, ice-candidate, signal, resume, "
                                  "report or ping";

static enum error read_type(struct message *m)
{
    if (!scan_has(&m->scan, MEMBER_TYPE) || m->scan.m[MEMBER_TYPE].kind != JSON_KIND_STRING)
        return refuse(m, ERROR_BAD_MESSAGE, MEMBER_TYPE, "`type` must be there and be a string");
    char space[TYPE_NAME_MAX];
    struct span name;
    if (scan_text(&m->scan, MEMBER_TYPE, space, sizeof space, &name))
        m->type = message_find(name);
    return m->type == MESSAGE_NONE ? refuse(m, ERROR_UNKNOWN_TYPE, MEMBER_TYPE, TYPES_KNOWN) : ERROR_NONE;
}

static bool obeys(const struct scan *s, const struct rule *rule)
{
    return scan_has(s, rule->member) ? rule->holds(s, rule->member, rule->max) : !rule->required;
}

static inline enum error read_members(struct message *m)
{
    const struct row *row = &ROWS[m->type];
    for (const struct rule *rule = row->rules; rule < row->rules + RULES_MAX && rule->holds; rule++)
        if (!obeys(&m->scan, rule))
            return refuse(m, ERROR_BAD_MESSAGE, rule->member, rule->problem);
    if (row->relayed)
        scan_text(&m->scan, MEMBER_TO, m->to_space, sizeof m->to_space, &m->to);
    if (m->type == MESSAGE_JOIN_ROOM)
        scan_text(&m->scan, MEMBER_ROOM_ID, m->room_space, sizeof m->room_space, &m->room_id);
    return ERROR_NONE;
}

static inline void begin(struct message *m, enum message_type type)
{
    m->type = type;
    m->ref = m->to = m->room_id = (struct span){NULL, 0};
    m->problem = NULL;
    m->member = MEMBERS;
}

enum error message_read(enum message_type type, struct message *m)
{
    begin(m, type);
    return read_members(m);
}

enum error message_parse(struct span frame, struct message *m)
{
    begin(m, MESSAGE_NONE);
    enum error e = scan_frame(frame, &m->scan);
    bool ref_holds = obeys(&m->scan, &REF);
    if (ref_holds && scan_has(&m->scan, MEMBER_REF))
        m->ref = scan_raw(&m->scan, MEMBER_REF);
    if (e != ERROR_NONE)
        return refuse(m, e, m->scan.member, m->scan.problem);
    if (!ref_holds)
        return refuse(m, ERROR_BAD_MESSAGE, MEMBER_REF, REF.problem);
    e = read_type(m);
    return e == ERROR_NONE ? read_members(m) : e;
}

enum outcome message_outcome(const struct message *m)
{
    assert(m->type == MESSAGE_REPORT);
    return read_outcome(&m->scan);
}

const char *outcome_name(enum outcome o)
{
    return OUTCOME_NAMES[o];
}

/* The number is in the form of RFC 8259 section 6 already, and one of more characters than this is no measurement. */
static bool duration_ms(const struct message *m, enum member_name member, uint64_t *ms)
{
    assert(m->type == MESSAGE_REPORT);
    char text[32];
    if (!scan_has(&m->scan, member))
        return false;
    struct span raw = scan_raw(&m->scan, member);
    if (raw.n >= sizeof text)
        return false;
    memcpy(text, raw.p, raw.n);
    text[raw.n] = '\0';
    double value = strtod(text, NULL);
    *ms = value < MESSAGE_DURATION_MAX_MS ? (uint64_t)value : MESSAGE_DURATION_MAX_MS;
    return true;
}

bool message_connect_ms(const struct message *m, uint64_t *ms)
{
    return duration_ms(m, MEMBER_CONNECT_MS, ms);
}

bool message_rtt_ms(const struct message *m, uint64_t *ms)
{
    return duration_ms(m, MEMBER_RTT_MS, ms);
}

static char *put(char *at, const char *bytes, size_t n)
{
    memcpy(at, bytes, n);
    return at + n;
}

struct frame *message_splice(const struct message *m, struct span from)
{
    assert(message_is_relayed(m->type));
    const struct scan_member *to = &m->scan.m[MEMBER_TO];
    struct span frame = m->scan.frame;
    size_t behind = to->value_at + to->value_n;
    struct frame *f = frame_new(to->key_at + FROM_EXTRA + from.n + (frame.n - behind));
    if (!f)
        return NULL;
    char *at = put(frame_payload(f), frame.p, to->key_at);
    at = put(at, "\"from\":\"", 8);
    at = put(at, from.p, from.n);
    at = put(at, "\"", 1);
    put(at, frame.p + behind, frame.n - behind);
    return f;
}
