/* SPDX-License-Identifier: MIT
 *
 * A payload is checked whole before the first of its packets is acted on: of a bad one nothing has happened. What the
 * reference server passes over in silence (an open packet of a client, a byte that is no base64) is refused here.
 */
#include "protocol/engineio.h"

#include "base/utf8.h"
#include "protocol/limits.h"
#include "protocol/write.h"

enum {
    SEPARATOR = 0x1e,
    BINARY_MARK = 'b'
};

static enum engineio_type type_of(char mark)
{
    return mark >= '0' && mark <= '6' ? (enum engineio_type)(mark - '0') : ENGINEIO_BAD;
}

struct engineio_packet engineio_read(struct span text)
{
    if (text.n == 0)
        return (struct engineio_packet){.type = ENGINEIO_BAD};
    return (struct engineio_packet){type_of(text.p[0]), {text.p + 1, text.n - 1}};
}

struct engineio_packet engineio_next(struct span *payload)
{
    const char *end = span_find(*payload, SEPARATOR);
    struct span packet = {payload->p, end ? (size_t)(end - payload->p) : payload->n};
    size_t used = packet.n + (end != NULL);
    payload->p += used;
    payload->n -= used;
    struct engineio_packet p = engineio_read(packet);
    if (packet.n > 0 && packet.p[0] == BINARY_MARK)
        p.type = ENGINEIO_BINARY;
    return p;
}

/* RFC 4648 section 4, with its padding. */
static bool is_base64(struct span text)
{
    size_t n = text.n;
    if (n % 4 != 0)
        return false;
    for (int pad = 0; pad < 2 && n > 0 && text.p[n - 1] == '='; pad++)
        n--;
    for (size_t i = 0; i < n; i++) {
        char c = text.p[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
            return false;
    }
    return true;
}

static const char *check_packet(const struct engineio_packet *p)
{
    switch (p->type) {
    case ENGINEIO_CLOSE:
    case ENGINEIO_PONG:
    case ENGINEIO_MESSAGE:
    case ENGINEIO_NOOP:
        return NULL;
    case ENGINEIO_BINARY:
        return is_base64(p->data) ? NULL : "a binary packet is not in base64";
    case ENGINEIO_OPEN:
    case ENGINEIO_PING:
    case ENGINEIO_UPGRADE:
        return "a packet that no client may send here";
    case ENGINEIO_BAD:
        break;
    }
    return "a packet of no type";
}

const char *engineio_check(struct span payload)
{
    const char *problem = utf8_valid(payload.p, payload.n) ? NULL : "a payload that is not UTF-8";
    if (payload.n == 0 || payload.p[payload.n - 1] == SEPARATOR)
        problem = "an empty packet";
    while (!problem && payload.n > 0) {
        struct engineio_packet p = engineio_next(&payload);
        problem = check_packet(&p);
    }
    return problem;
}

/* ---- refusals ---- */

static const struct {
    unsigned status;
    const char *message;
} REFUSALS[ENGINEIO_ERRORS] = {
#define X(name, number, status, message) [number] = {status, message},
    ENGINEIO_ERROR_TABLE(X)
#undef X
};

unsigned engineio_status(enum engineio_error e)
{
    return REFUSALS[e].status;
}

void engineio_write_error(struct buf *out, enum engineio_error e)
{
    buf_byte(out, '{');
    write_member_u64(out, "code", e);
    write_member_string(out, "message", span_of(REFUSALS[e].message));
    buf_byte(out, '}');
}

/* ---- the open packet ---- */

void engineio_write_open(struct buf *out, const struct engineio_open *open)
{
    uint64_t timeout = open->ping_timeout_ms ? open->ping_timeout_ms : PING_TIMEOUT_DEFAULT_MS;
    buf_text(out, "0{");
    write_member_string(out, "sid", open->sid);
    write_member_raw(out, "upgrades", open->upgradable ? SPAN("[\"websocket\"]") : SPAN("[]"));
    write_member_u64(out, "pingInterval", open->ping_interval_ms ? open->ping_interval_ms : ENGINEIO_NEVER_MS);
    write_member_u64(out, "pingTimeout", open->ping_interval_ms ? timeout : ENGINEIO_NEVER_MS);
    write_member_u64(out, "maxPayload", open->max_payload);
    buf_byte(out, '}');
}
