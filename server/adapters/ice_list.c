/* SPDX-License-Identifier: MIT
 *
 * What is the same for everybody is written once; a peer costs one HMAC. The credentials are those of the scheme that
 * coturn calls use-auth-secret (draft-uberti-behave-turn-rest): the username is "<unix time it lapses>:<peer id>", the
 * password base64(HMAC-SHA1(secret, username)). So the TURN server needs no word from us, and whoever copies the
 * credentials out of a page can use them for turn_ttl only.
 */
#include "server/adapters/ice_list.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "protocol/limits.h"
#include "protocol/write.h"
#include "server/adapters/secret_text.h"

enum {
    SHA1_BYTES = 20,
    USERNAME_MAX = 20 + 1 + PEER_ID_MAX,
    LIST_TEXT_MAX = 256 * 1024
};

struct ice_list {
    char *text; /* owned: what of the array is the same for everybody, without its ends */
    bool turn;
    bool (*own)(const void *ctx, struct conn_id conn, char url[ICE_URL_MAX + 1]);
    const void *own_ctx;
    uint64_t ttl_ms;
    size_t secret_n;
    char secret[TURN_SECRET_MAX + 2]; /* a byte more than it may have, and a NUL */
};

static void write_urls(struct buf *out, const char *const *urls, size_t n)
{
    write_name(out, "urls");
    buf_byte(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_byte(out, ',');
        write_string(out, span_of(urls[i]));
    }
    buf_byte(out, ']');
}

static char *write_text(const struct ice_list_settings *s)
{
    struct buf text;
    buf_init(&text, LIST_TEXT_MAX);
    if (s->stun_count) {
        buf_byte(&text, '{');
        write_urls(&text, s->stun, s->stun_count);
        buf_text(&text, s->turn_count ? "}," : "}");
    }
    if (s->turn_count) {
        buf_byte(&text, '{');
        write_urls(&text, s->turn, s->turn_count);
    }
    char *taken = buf_take(&text, NULL);
    buf_done(&text);
    return taken;
}

struct ice_list *ice_list_new(const struct ice_list_settings *s, struct err *e)
{
    struct ice_list *l = calloc(1, sizeof *l);
    if (!l || !(l->text = write_text(s))) {
        err_memory(e);
        goto fail;
    }
    l->turn = s->turn_count > 0;
    l->ttl_ms = s->ttl_ms;
    l->own = s->own;
    l->own_ctx = s->own_ctx;
    if (l->turn && !secret_text_read("ice.turn_secret", s->secret, TURN_SECRET_MAX, l->secret, &l->secret_n, e))
        goto fail;
    return l;
fail:
    ice_list_free(l);
    return NULL;
}

void ice_list_free(struct ice_list *l)
{
    if (!l)
        return;
    OPENSSL_cleanse(l->secret, sizeof l->secret);
    free(l->text);
    free(l);
}

static void write_credentials(const struct ice_list *l, struct span peer_id, uint64_t unix_seconds, struct buf *out)
{
    char username[USERNAME_MAX + 1], credential[BASE64_LEN(SHA1_BYTES) + 1];
    unsigned char mac[SHA1_BYTES];
    int n = snprintf(username, sizeof username, "%" PRIu64 ":%.*s", unix_seconds + l->ttl_ms / 1000, (int)peer_id.n,
        peer_id.n ? peer_id.p : "");
    if (!HMAC(EVP_sha1(), l->secret, (int)l->secret_n, (const unsigned char *)username, (size_t)n, mac, NULL)) {
        out->failed = true;
        return;
    }
    base64_encode(mac, sizeof mac, credential);
    write_member_string(out, "username", span_of(username));
    write_member_string(out, "credential", span_of(credential));
    buf_byte(out, '}');
}

/* First, so that whoever asks only one STUN server asks the one that is here. */
static void write_own(const struct ice_list *l, struct conn_id conn, struct buf *out)
{
    char text[ICE_URL_MAX + 1];
    const char *url = text;
    if (!l->own || !l->own(l->own_ctx, conn, text))
        return;
    buf_byte(out, '{');
    write_urls(out, &url, 1);
    buf_text(out, *l->text ? "}," : "}");
}

void ice_list_write(void *ctx, struct conn_id conn, struct span peer_id, uint64_t unix_seconds, struct buf *out)
{
    const struct ice_list *l = ctx;
    buf_byte(out, '[');
    write_own(l, conn, out);
    buf_text(out, l->text);
    if (l->turn)
        write_credentials(l, peer_id, unix_seconds, out);
    buf_byte(out, ']');
}

uint64_t ice_list_refresh_ms(const struct ice_list *l)
{
    return l->turn ? l->ttl_ms / 5 * 4 : 0;
}
