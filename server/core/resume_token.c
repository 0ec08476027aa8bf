/* SPDX-License-Identifier: MIT
 *
 * The bytes under the seal: a version, then what has a fixed length, then the ids behind their lengths; the rest is
 * what the peer said of itself. A token whose seal holds was written by us, so its fields are taken as they are, but
 * for lengths, which another version might have written otherwise.
 */
#include "server/core/resume_token.h"

#include <assert.h>

#include "base/text.h"

enum {
    VERSION = 3,
    VERSION_MOVED = 4, /* the same, and its origin */
    SEALED_MAX = RESUME_TOKEN_PLAIN_MAX + SEAL_EXTRA,
    /* A version, what has a fixed length, and three lengths; ids; a name of which each byte is escaped, in quotes. */
    LONGEST = 1 + BOOT_BYTES + 4 + 8 + 8 + 1 + 1 + 1 + 1 + 1 + 2 + 2 * PEER_ID_MAX + ROOM_ID_MAX +
              DISPLAY_NAME_MAX * 6 + 2 + METADATA_MAX
};

_Static_assert((size_t)LONGEST <= RESUME_TOKEN_PLAIN_MAX, "every member gets a token");
_Static_assert(BASE64_LEN(SEALED_MAX) <= RESUME_TOKEN_MAX, "every token is one that a client may send");

static void put_id(struct buf *out, struct span id)
{
    buf_byte(out, (char)id.n);
    buf_span(out, id);
}

static void put_text(struct buf *out, struct span text)
{
    uint16_t n = (uint16_t)text.n;
    buf_add(out, &n, sizeof n);
    buf_span(out, text);
}

static bool write_plain(const struct resume_token *t, struct buf *out)
{
    buf_byte(out, t->origin.n ? VERSION_MOVED : VERSION);
    buf_add(out, t->boot, sizeof t->boot);
    buf_add(out, &t->generation, sizeof t->generation);
    buf_add(out, &t->incarnation, sizeof t->incarnation);
    buf_add(out, &t->expires, sizeof t->expires);
    buf_byte(out, t->kept);
    buf_byte(out, t->dialect);
    put_id(out, t->peer_id);
    put_id(out, t->room_id);
    if (t->origin.n)
        put_id(out, t->origin);
    put_text(out, t->introduction.display_name);
    buf_span(out, t->introduction.metadata);
    return !out->failed;
}

struct span resume_token_write(
    const struct core_crypto *crypto, const struct resume_token *t, char text[RESUME_TOKEN_MAX + 1])
{
    assert(t->peer_id.n <= PEER_ID_MAX && t->room_id.n <= ROOM_ID_MAX);
    assert(t->introduction.display_name.n <= UINT16_MAX);
    char sealed[SEALED_MAX];
    struct span token = {text, 0};
    struct buf plain;
    buf_init(&plain, RESUME_TOKEN_PLAIN_MAX);
    if (write_plain(t, &plain) && crypto->seal(crypto->ctx, plain.p, plain.len, sealed)) {
        base64_encode(sealed, plain.len + SEAL_EXTRA, text);
        token.n = BASE64_LEN(plain.len + SEAL_EXTRA);
    }
    buf_done(&plain);
    return token;
}

/* The sealed bytes in `out`; 0 if the text is not what base64 writes. */
static size_t decode(struct span text, char out[SEALED_MAX])
{
    if (text.n % 4 != 0 || text.n == 0 || text.n / 4 * 3 > SEALED_MAX)
        return 0;
    size_t n = text.n / 4 * 3;
    n -= text.p[text.n - 1] == '=';
    n -= text.p[text.n - 2] == '=';
    return base64_decode(text, out, n) ? n : 0;
}

static bool take(struct span *rest, void *out, size_t n)
{
    if (rest->n < n)
        return false;
    memcpy(out, rest->p, n);
    *rest = (struct span){rest->p + n, rest->n - n};
    return true;
}

static bool take_id(struct span *rest, struct span *id, size_t max)
{
    unsigned char n;
    if (!take(rest, &n, 1) || n > max || n > rest->n)
        return false;
    *id = (struct span){rest->p, n};
    *rest = (struct span){rest->p + n, rest->n - n};
    return true;
}

static bool take_text(struct span *rest, struct span *text)
{
    uint16_t n;
    if (!take(rest, &n, sizeof n) || n > rest->n)
        return false;
    *text = (struct span){rest->p, n};
    *rest = (struct span){rest->p + n, rest->n - n};
    return true;
}

static bool take_origin(struct span *rest, struct span *origin, char version)
{
    *origin = (struct span){NULL, 0};
    return version == VERSION || take_id(rest, origin, PEER_ID_MAX);
}

enum resume_token_found resume_token_read(
    const struct core_crypto *crypto, struct span text, struct resume_token *t, char space[RESUME_TOKEN_PLAIN_MAX])
{
    char sealed[SEALED_MAX], version, kept;
    size_t n = decode(text, sealed);
    if (n < SEAL_EXTRA || !crypto->open(crypto->ctx, sealed, n, space))
        return RESUME_TOKEN_FORGED;
    struct span rest = {space, n - SEAL_EXTRA};
    bool ok = take(&rest, &version, 1) && (version == VERSION || version == VERSION_MOVED) &&
              take(&rest, t->boot, BOOT_BYTES) && take(&rest, &t->generation, sizeof t->generation) &&
              take(&rest, &t->incarnation, sizeof t->incarnation) && take(&rest, &t->expires, sizeof t->expires) &&
              take(&rest, &kept, 1) && take(&rest, &t->dialect, 1) && take_id(&rest, &t->peer_id, PEER_ID_MAX) &&
              take_id(&rest, &t->room_id, ROOM_ID_MAX) && take_origin(&rest, &t->origin, version) &&
              take_text(&rest, &t->introduction.display_name);
    if (!ok)
        return RESUME_TOKEN_UNKNOWN;
    t->kept = kept != 0;
    t->introduction.metadata = rest;
    return RESUME_TOKEN_GOOD;
}
