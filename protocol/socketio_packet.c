/* SPDX-License-Identifier: MIT
 *
 * From left to right: what one part leaves is the next one's. Stricter than socket.io-parser where that takes by accident
 * what no client writes: an empty packet, spaces among digits.
 */
#include "protocol/socketio_packet.h"

#include "base/utf8.h"
#include "protocol/limits.h"

static bool take_digit(struct span *rest, unsigned *digit)
{
    if (rest->n == 0 || *rest->p < '0' || *rest->p > '9')
        return false;
    *digit = (unsigned)(*rest->p - '0');
    *rest = (struct span){rest->p + 1, rest->n - 1};
    return true;
}

static bool take_type(struct span *rest, enum socketio_type *type)
{
    unsigned digit;
    if (!take_digit(rest, &digit) || digit >= SOCKETIO_TYPES)
        return false;
    *type = (enum socketio_type)digit;
    return true;
}

static bool take_attachments(struct span *rest, uint8_t *attachments)
{
    unsigned n = 0, digit, digits = 0;
    for (; n <= ATTACHMENTS_MAX && take_digit(rest, &digit); digits++)
        n = n * 10 + digit;
    if (digits == 0 || n > ATTACHMENTS_MAX || rest->n == 0 || *rest->p != '-')
        return false;
    *rest = (struct span){rest->p + 1, rest->n - 1};
    *attachments = (uint8_t)n;
    return true;
}

/* It goes back to the client within a packet, which a control character might end. */
static bool is_namespace(struct span space)
{
    for (size_t i = 0; i < space.n; i++)
        if ((unsigned char)space.p[i] < ' ')
            return false;
    return space.n <= SOCKETIO_NAMESPACE_MAX && utf8_valid(space.p, space.n);
}

static bool take_namespace(struct span *rest, struct span *space)
{
    *space = (struct span){NULL, 0};
    if (rest->n == 0 || *rest->p != '/')
        return true;
    const char *comma = span_find(*rest, ',');
    size_t n = comma ? (size_t)(comma - rest->p) : rest->n;
    struct span name = {rest->p, n};
    size_t behind = comma ? n + 1 : n;
    *rest = (struct span){rest->p + behind, rest->n - behind};
    if (n > 1)
        *space = name; /* "/" alone is the main one */
    return is_namespace(name);
}

static bool take_id(struct span *rest, struct span *id)
{
    unsigned digit;
    *id = (struct span){rest->p, 0};
    while (take_digit(rest, &digit))
        id->n++;
    return id->n <= SOCKETIO_ID_MAX;
}

const char *socketio_packet_read(struct span bytes, struct socketio_packet *p)
{
    p->attachments = 0;
    if (!take_type(&bytes, &p->type))
        return "a packet begins with its type, 0 to 6";
    bool binary = p->type == SOCKETIO_BINARY_EVENT || p->type == SOCKETIO_BINARY_ACK;
    if (binary && !take_attachments(&bytes, &p->attachments))
        return "a binary packet tells how many attachments it has: at most 10, and a hyphen";
    if (!take_namespace(&bytes, &p->space))
        return "a namespace is at most 128 bytes of UTF-8 without control characters";
    if (!take_id(&bytes, &p->id))
        return "the id of an acknowledgement has at most 16 digits";
    p->payload = bytes;
    return NULL;
}
_Static_assert(
    ATTACHMENTS_MAX == 10 && SOCKETIO_NAMESPACE_MAX == 128 && SOCKETIO_ID_MAX == 16, "the sentences name these bounds");

bool socketio_is_reserved(struct span event)
{
    static const char *const NAMES[] = {
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (span_is(event, NAMES[i]))
            return true;
    return false;
}
