/* SPDX-License-Identifier: MIT
 *
 * A seal is a number, the bytes as they are and a digest of both: nobody in the simulation reads what is sealed, and
 * every altered byte is seen. A token is its claims between bars and their digest.
 */
#include "tests/sim/ports.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/world.h"

enum {
    NUMBER_BYTES = SEAL_EXTRA - 16
};

static const uint64_t SECRET = 0x5ea1ed, SIGNED = 0x70ce4, OWNED = 0x0133e4, HASHED = 0x4a54;

static void spread(uint64_t seed, const void *bytes, size_t n, void *out, size_t out_n)
{
    uint64_t h = world_digest(seed, bytes, n);
    for (uint64_t i = 0; i < out_n; i += sizeof h) { /* as wide everywhere: a history is the same on any machine */
        h = world_digest(h, &i, sizeof i);
        memcpy((char *)out + i, &h, sizeof h);
    }
}

static bool seal(void *ctx, const void *plain, size_t n, void *sealed)
{
    struct ports *p = ctx;
    char *out = sealed;
    p->sealed++;
    memset(out, 0, NUMBER_BYTES);
    memcpy(out, &p->sealed, sizeof p->sealed);
    memcpy(out + NUMBER_BYTES, plain, n);
    spread(SECRET + p->secret, out, NUMBER_BYTES + n, out + NUMBER_BYTES + n, SEAL_EXTRA - NUMBER_BYTES);
    return true;
}

static bool open_seal(void *ctx, const void *sealed, size_t n, void *plain)
{
    const char *in = sealed;
    char right[SEAL_EXTRA - NUMBER_BYTES];
    const struct ports *p = ctx;
    spread(SECRET + p->secret, in, n - sizeof right, right, sizeof right);
    if (memcmp(right, in + n - sizeof right, sizeof right) != 0)
        return false;
    memcpy(plain, in + NUMBER_BYTES, n - SEAL_EXTRA);
    return true;
}

struct core_crypto ports_crypto(struct ports *p)
{
    return (struct core_crypto){seal, open_seal, p};
}

void ports_fill(struct ports *p, struct core_ports *ports)
{
    ports->verify = ports_verify;
    ports->owner_token = ports_owner;
    ports->ice_servers = ports_ice;
    ports->verify_ctx = ports->owner_ctx = ports->ice_ctx = p;
}

void ports_token(
    char text[PORTS_TOKEN_MAX], const char *room, const char *name, uint64_t expires_unix_seconds, bool admin)
{
    int n = snprintf(text, PORTS_TOKEN_MAX, "%s|%s|%" PRIu64 "|%d|", room, name, expires_unix_seconds, admin);
    snprintf(text + n, PORTS_TOKEN_MAX - (size_t)n, "%016" PRIx64, world_digest(SIGNED, text, (size_t)n));
}

/* What stands before the next bar; false if there is none or it is too long. */
static bool take(struct span *rest, char *out, size_t max)
{
    const char *bar = memchr(rest->p, '|', rest->n);
    size_t n = bar ? (size_t)(bar - rest->p) : max;
    if (n >= max)
        return false;
    memcpy(out, rest->p, n);
    out[n] = '\0';
    *rest = (struct span){bar + 1, rest->n - n - 1};
    return true;
}

const char *ports_verify(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims)
{
    char expires[24], admin[2], mac[17];
    struct span rest = token;
    (void)ctx;
    *claims = (struct claims){.expires = 0};
    if (!take(&rest, claims->room, sizeof claims->room) || !take(&rest, claims->name, sizeof claims->name) ||
        !take(&rest, expires, sizeof expires) || !take(&rest, admin, sizeof admin) || rest.n != 16)
        return "the token is none";
    snprintf(mac, sizeof mac, "%016" PRIx64, world_digest(SIGNED, token.p, token.n - rest.n));
    if (memcmp(mac, rest.p, rest.n) != 0)
        return "the token is not ours";
    claims->expires = strtoull(expires, NULL, 10);
    claims->admin = admin[0] == '1';
    return claims->expires <= unix_seconds ? "the token has expired" : NULL;
}

bool ports_owner(void *ctx, struct span room_id, uint64_t incarnation, uint8_t token[OWNER_TOKEN_BYTES])
{
    (void)ctx;
    spread(OWNED ^ incarnation, room_id.p, room_id.n, token, OWNER_TOKEN_BYTES);
    return true;
}

void ports_ice(void *ctx, struct conn_id conn, struct span peer_id, uint64_t unix_seconds, struct buf *out)
{
    const struct ports *p = ctx;
    (void)conn;
    if (p->ice_ttl_ms == 0) {
        buf_text(out, "[]");
        return;
    }
    buf_printf(out, "[{\"urls\":[\"turn:t\"],\"username\":\"%" PRIu64 ":%.*s\",\"credential\":\"c\"}]",
        unix_seconds + p->ice_ttl_ms / 1000, (int)peer_id.n, peer_id.p);
}

void ports_hash(const struct core_hash *ask, uint8_t hash[ROOM_HASH_BYTES])
{
    uint64_t salted = world_digest(HASHED, ask->salt, sizeof ask->salt);
    spread(salted, ask->password, ask->password_n, hash, ROOM_HASH_BYTES);
}
