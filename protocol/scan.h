/* SPDX-License-Identifier: MIT
 *
 * The envelope scanner: one pass over a signaling frame validates all of it (grammar, UTF-8, depth, escapes) and
 * yields the spans of the top-level members that the protocol names. It allocates nothing and builds no tree: the
 * relay splices what it finds. What it accepts is what jansson's json_loadb accepts for an object, less nesting over
 * FRAME_DEPTH_MAX, a second `type`, `to` or `ref`, a top-level `from`, an escape in a top-level member name and the
 * raw NUL that jansson swallows behind a number; and besides that numbers of any size and \u0000. A differential fuzz test (tests/fuzz/fuzz_scan.c) holds the two
 * together. Of any other member that stands twice the last counts, as in jansson.
 */
#ifndef PROTOCOL_SCAN_H
#define PROTOCOL_SCAN_H

#include <stdint.h>

#include "base/span.h"
#include "protocol/error.h"

/* Every top-level member name that a message from a client may give meaning to. */
/* clang-format off */
#define MEMBER_TABLE(X) \
    X(TYPE, "type") \
    X(TO, "to") \
    X(REF, "ref") \
    X(ROOM_ID, "roomId") \
    X(DISPLAY_NAME, "displayName") \
    X(METADATA, "metadata") \
    X(PASSWORD, "password") \
    X(TOKEN, "token") \
    X(RESUME_TOKEN, "resumeToken") \
    X(SDP, "sdp") \
    X(CANDIDATE, "candidate") \
    X(DATA, "data") \
    X(LINK, "link") \
    X(PEER_ID, "peerId") \
    X(OUTCOME, "outcome") \
    X(CONNECT_MS, "connectMs") \
    X(RTT_MS, "rttMs") \
    X(TOPIC, "topic") \
    X(TOPICS, "topics") \
    X(DST, "dst") \
    X(PAYLOAD, "payload") \
    X(PID, "pid") \
    X(OFFSET, "offset")
/* clang-format on */

enum member_name {
#define X(name, text) MEMBER_##name,
    MEMBER_TABLE(X)
#undef X
    MEMBERS
};

enum json_kind {
    JSON_KIND_NONE,
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
    JSON_KIND_STRING,
    JSON_KIND_NUMBER,
    JSON_KIND_TRUE,
    JSON_KIND_FALSE,
    JSON_KIND_NULL
};

struct scan_member {
    uint32_t key_at;   /* offset of the name's opening quote */
    uint32_t value_at; /* offset of the value's first byte; for a string its opening quote */
    uint32_t value_n;  /* bytes of the value, quotes included */
    uint8_t kind;      /* enum json_kind */
    bool escaped;      /* a string with a backslash in it */
};

struct scan {
    struct span frame; /* borrowed */
    uint32_t present;  /* bit 1 << member: the entries of m that are filled; the rest is not initialised */
    struct scan_member m[MEMBERS];
    const char *problem;     /* static sentence for a refused frame, else NULL */
    enum member_name member; /* the member at fault, MEMBERS if none */
};

/* Reads the frame (borrowed for as long as `s` is used). ERROR_NONE, ERROR_BAD_JSON or ERROR_BAD_MESSAGE. */
enum error scan_frame(struct span frame, struct scan *s);
/* The same for a frame that is an array: the members are those of its second value, if that is an object, and `first` is
 * its first value as sent, `second` its second; n = 0: it has none. */
enum error scan_list(struct span frame, struct scan *s, struct span *first, struct span *second);

static inline bool scan_has(const struct scan *s, enum member_name m)
{
    return (s->present & (1u << m)) != 0;
}

/* The member's JSON text as sent (a string with its quotes). The member must be present. */
struct span scan_raw(const struct scan *s, enum member_name m);
/* The member as text when it is a string without escapes: the bytes between the quotes, borrowed from the frame;
 * with escapes: decoded into room (room_n bytes). False if it is no string or does not fit. */
bool scan_text(const struct scan *s, enum member_name m, char *room, size_t room_n, struct span *text);
/* The same for a string of its JSON text, as sent and found sound; false for another value. */
bool scan_string(struct span raw, char *room, size_t room_n, struct span *text);
const char *member_name(enum member_name m);

#endif
