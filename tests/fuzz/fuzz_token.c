/* SPDX-License-Identifier: MIT
 *
 * A token of a client's. The first byte chooses: a token as it is, which nobody signed and which must not be believed;
 * or a header and a payload, with a newline between, which are signed here. Of those that are believed, the claims are
 * texts that end, and the times are right by a slower reading; a changed signature is never believed.
 */
#include <fcntl.h>
#include <jansson.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/utf8.h"
#include "server/adapters/token.h"

enum {
    NOW = 1700000000,
    LEEWAY = 30,
    PART_MAX = 6000
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char SECRET[] = "0123456789abcdef0123456789abcdef";

static struct token_keys *make_keys(void)
{
    char path[64], text[BASE64_LEN(sizeof SECRET) + 1];
    int fd = memfd_create("key", 0);
    base64_encode(SECRET, sizeof SECRET - 1, text);
    if (fd < 0 || dprintf(fd, "alg: HS256\nkid: k\n%s\n", text) < 0)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const char *files[] = {path};
    struct err e;
    struct token_keys *keys =
        token_keys_new(&(struct token_settings){.files = files, .file_count = 1, .leeway_s = LEEWAY}, &e);
    close(fd);
    return keys;
}

static void add_part(struct buf *out, const void *bytes, size_t n)
{
    static char text[BASE64_LEN(PART_MAX) + 1];
    base64_encode(bytes, n, text);
    for (const char *c = text; *c && *c != '='; c++)
        buf_byte(out, *c == '+' ? '-' : *c == '/' ? '_' : *c);
}

static void sign(struct buf *token, struct span header, struct span payload)
{
    unsigned char mac[32];
    add_part(token, header.p, header.n);
    buf_byte(token, '.');
    add_part(token, payload.p, payload.n);
    if (!HMAC(EVP_sha256(), SECRET, (int)sizeof SECRET - 1, (const unsigned char *)token->p, token->len, mac, NULL))
        abort();
    buf_byte(token, '.');
    add_part(token, mac, sizeof mac);
}

static void check_text(const char *text, size_t size)
{
    size_t n = strnlen(text, size);
    if (n == size || !utf8_valid(text, n))
        abort();
}

static double date(const json_t *claims, const char *name, double otherwise)
{
    const json_t *value = json_object_get(claims, name);
    return value ? json_number_value(value) : otherwise;
}

static void check_claims(struct span payload, const struct claims *c)
{
    check_text(c->room, sizeof c->room);
    check_text(c->name, sizeof c->name);
    check_text(c->subject, sizeof c->subject);
    json_t *claims = json_loadb(payload.p, payload.n, 0, NULL);
    if (!json_is_object(claims) || date(claims, "exp", 1e300) + LEEWAY <= NOW ||
        date(claims, "nbf", 0) - LEEWAY > NOW || date(claims, "iat", 0) - LEEWAY > NOW || c->expires <= NOW ||
        c->admin != json_is_true(json_object_get(claims, "admin")))
        abort();
    json_decref(claims);
}

static void try_signed(struct token_keys *keys, struct span header, struct span payload)
{
    struct buf token;
    struct claims c;
    buf_init(&token, 4 * PART_MAX);
    sign(&token, header, payload);
    if (!token_verify(keys, buf_view(&token), NOW, &c)) {
        check_claims(payload, &c);
        token.p[token.len - 2] = token.p[token.len - 2] == 'A' ? 'B' : 'A';
        if (!token_verify(keys, buf_view(&token), NOW, &c))
            abort();
    }
    buf_done(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct token_keys *keys;
    if (!keys && !(keys = make_keys()))
        abort();
    if (size == 0)
        return 0;
    struct span text = {(const char *)data + 1, size - 1};
    struct claims c;
    if (!token_verify(keys, text, NOW, &c))
        abort();
    const char *line = span_find(text, '\n');
    size_t n = line ? (size_t)(line - text.p) : 0;
    if (data[0] % 2 == 0 || !line || n > PART_MAX || text.n - n - 1 > PART_MAX)
        return 0;
    try_signed(keys, (struct span){text.p, n}, (struct span){line + 1, text.n - n - 1});
    return 0;
}
