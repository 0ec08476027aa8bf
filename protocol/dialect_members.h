/* SPDX-License-Identifier: MIT
 *
 * What dialects share whose requests have the members of protocol/README.md section 2: a message that was checked
 * (message.h), as a request. The request's type is set; its spans point into the message.
 */
#ifndef PROTOCOL_DIALECT_MEMBERS_H
#define PROTOCOL_DIALECT_MEMBERS_H

#include <assert.h>

#include "protocol/dialect.h"

/* The member decoded, p = NULL if it is absent. It was checked to fit. */
static inline struct span members_text(const struct scan *s, enum member_name m, char *space, size_t n)
{
    struct span text = {NULL, 0};
    if (scan_has(s, m))
        scan_text(s, m, space, n, &text);
    return text;
}

static inline struct span members_raw(const struct scan *s, enum member_name m)
{
    return scan_has(s, m) ? scan_raw(s, m) : (struct span){NULL, 0};
}

static inline void members_read_join(const struct message *m, struct request *r)
{
    const struct scan *s = &m->scan;
    r->join.room_id = m->room_id;
    r->join.token = members_text(s, MEMBER_TOKEN, r->space, TOKEN_MAX);
    r->join.password = members_text(s, MEMBER_PASSWORD, r->space + TOKEN_MAX, PASSWORD_MAX);
    r->join.introduction = (struct introduction){members_raw(s, MEMBER_DISPLAY_NAME), members_raw(s, MEMBER_METADATA)};
}

static inline void members_read_report(const struct message *m, struct request *r)
{
    r->report.outcome = message_outcome(m);
    r->report.connected = message_connect_ms(m, &r->report.connect_ms);
    r->report.measured = message_rtt_ms(m, &r->report.rtt_ms);
}

static inline void members_read(const struct message *m, struct request *r)
{
    switch (r->type) {
    case MESSAGE_OFFER:
    case MESSAGE_ANSWER:
    case MESSAGE_ICE_CANDIDATE:
    case MESSAGE_SIGNAL:
        r->relay.to = m->to;
        break;
    case MESSAGE_JOIN_ROOM:
        members_read_join(m, r);
        break;
    case MESSAGE_RESUME:
        r->resume.token = members_text(&m->scan, MEMBER_RESUME_TOKEN, r->space, RESUME_TOKEN_MAX);
        break;
    case MESSAGE_REPORT:
        members_read_report(m, r);
        break;
    default:
        break;
    }
}

/* Of a message that is relayed. */
static inline struct relay_payload members_payload(const struct message *m)
{
    static const enum member_name VALUES[MESSAGES] = {
        [MESSAGE_OFFER] = MEMBER_SDP,
        [MESSAGE_ANSWER] = MEMBER_SDP,
        [MESSAGE_ICE_CANDIDATE] = MEMBER_CANDIDATE,
        [MESSAGE_SIGNAL] = MEMBER_DATA,
    };
    assert(message_is_relayed(m->type));
    return (struct relay_payload){scan_raw(&m->scan, VALUES[m->type]), members_raw(&m->scan, MEMBER_LINK)};
}

#endif
