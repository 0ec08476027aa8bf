/* SPDX-License-Identifier: MIT
 *
 * Sixteen bytes say what it is and how long, then come the addresses, client's first, then TLVs, which are skipped.
 * Combinations of family and transport that mean nothing for a TCP port (a datagram, a unix socket on the proxy's
 * machine) are valid and count as an address that is not told, as section 2.2 wants it.
 */
#include "server/io/proxy_header.h"

enum {
    SIGNATURE_BYTES = 12,
    VERSION_AT = 12, /* and, in its lower half, the command */
    FAMILY_AT = 13,  /* and, in its lower half, the transport */
    LENGTH_AT = 14,
    ADDRESSES_AT = 16,
    VERSION_2 = 2,
    COMMAND_LOCAL = 0,
    COMMAND_PROXY = 1,
    FAMILY_INET = 1,
    FAMILY_INET6 = 2,
    FAMILY_UNIX = 3,
    TRANSPORT_STREAM = 1,
    TRANSPORT_DGRAM = 2,
};

/* Bytes of both addresses and their ports, by family. */
static const size_t ADDRESSES_BYTES[] = {0, 12, 36, 216};

#define SIGNATURE 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a
const uint8_t PROXY_HEADER_OF_OURSELVES[PROXY_HEADER_LEAST] = {SIGNATURE, VERSION_2 << 4 | COMMAND_LOCAL, 0, 0, 0};

const char *proxy_problem_label(enum proxy_problem p)
{
    static const char *const LABELS[PROXY_PROBLEMS] = {
#define X(name, label, sentence) [PROXY_##name] = (label),
        PROXY_PROBLEM_TABLE(X)
#undef X
    };
    return LABELS[p];
}

const char *proxy_problem_text(enum proxy_problem p)
{
    static const char *const TEXTS[PROXY_PROBLEMS] = {
#define X(name, label, sentence) [PROXY_##name] = (sentence),
        PROXY_PROBLEM_TABLE(X)
#undef X
    };
    return TEXTS[p];
}

static struct proxy_header bad(enum proxy_problem problem)
{
    return (struct proxy_header){.command = PROXY_BAD, .problem = problem};
}

/* As soon as the bytes can be no header any more: whoever waits for an answer to them would wait for nothing. */
static enum proxy_problem strange(const uint8_t *bytes, size_t n)
{
    static const char VERSION_1[] = {'P', 'R', 'O', 'X', 'Y', ' '};
    size_t known = n < SIGNATURE_BYTES ? n : SIGNATURE_BYTES, old = n < sizeof VERSION_1 ? n : sizeof VERSION_1;
    if (memcmp(bytes, PROXY_HEADER_OF_OURSELVES, known) == 0)
        return PROXY_PROBLEMS;
    return memcmp(bytes, VERSION_1, old) == 0 ? PROXY_VERSION : PROXY_ABSENT;
}

/* `::` is what the core takes for a unix socket, which no limit counts: nobody connects from there. */
static bool is_nowhere(const struct address *a)
{
    static const struct address NOWHERE;
    return memcmp(a, &NOWHERE, sizeof *a) == 0;
}

static struct proxy_header read_addresses(const uint8_t *bytes, size_t length)
{
    unsigned family = bytes[FAMILY_AT] >> 4, transport = bytes[FAMILY_AT] & 0xf;
    if (family > FAMILY_UNIX || transport > TRANSPORT_DGRAM || length - ADDRESSES_AT < ADDRESSES_BYTES[family])
        return bad(PROXY_MALFORMED);
    struct proxy_header h = {.command = PROXY_UNKNOWN, .length = length};
    if (transport != TRANSPORT_STREAM || (family != FAMILY_INET && family != FAMILY_INET6))
        return h;
    h.command = PROXY_CLIENT;
    if (family == FAMILY_INET) {
        h.client.bytes[10] = h.client.bytes[11] = 0xff;
        memcpy(h.client.bytes + 12, bytes + ADDRESSES_AT, 4);
    } else {
        memcpy(h.client.bytes, bytes + ADDRESSES_AT, sizeof h.client.bytes);
    }
    return is_nowhere(&h.client) ? bad(PROXY_MALFORMED) : h;
}

struct proxy_header proxy_header_read(const uint8_t *bytes, size_t n)
{
    enum proxy_problem problem = strange(bytes, n);
    if (problem != PROXY_PROBLEMS)
        return bad(problem);
    if (n > VERSION_AT && bytes[VERSION_AT] >> 4 != VERSION_2)
        return bad(PROXY_VERSION);
    if (n < PROXY_HEADER_LEAST)
        return (struct proxy_header){.command = PROXY_MORE, .length = PROXY_HEADER_LEAST};
    unsigned command = bytes[VERSION_AT] & 0xf;
    size_t length = ADDRESSES_AT + ((size_t)bytes[LENGTH_AT] << 8 | bytes[LENGTH_AT + 1]);
    if (command > COMMAND_PROXY || length > PROXY_HEADER_MAX)
        return bad(PROXY_MALFORMED);
    if (n < length)
        return (struct proxy_header){.command = PROXY_MORE, .length = length};
    if (command == COMMAND_LOCAL)
        return (struct proxy_header){.command = PROXY_LOCAL, .length = length};
    return read_addresses(bytes, length);
}
