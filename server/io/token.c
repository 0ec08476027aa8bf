/* SPDX-License-Identifier: MIT
 *
 * A token is `header.payload.signature` (RFC 7515 section 7.1). We read the header first and find the key it names;
 * only if the header's `alg` is the one algorithm of that key does libjwt see the token, and only its verdict on the
 * signature counts. libjwt 1.10 by itself would believe the header: it takes `none` where it is given no key, checks
 * an HS256 token with the text of an RSA public key, and looks at neither `exp` nor `nbf`. So those are ours, and each
 * has its test. A claim of the wrong type makes a token bad instead of being taken as absent: an `exp` in quotes must
 * not be good for ever.
 *
 * No sentence says more than what the sender knows, and neither sentences nor the log ever hold the token.
 */
#include "server/io/token.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "protocol/limits.h"

struct token_keys {
    struct token_key *keys; /* owned, count */
    size_t count;
    const char *const *admins; /* borrowed */
    size_t admin_count;
};

static const char BAD[] = "the token is not valid";

/* ---- keys ---- */

static bool alg_allowed(const struct token_settings *s, jwt_alg_t alg)
{
    for (size_t i = 0; i < s->algorithm_count; i++)
        if (token_alg_find(span_of(s->algorithms[i])) == alg)
            return true;
    return s->algorithm_count == 0;
}

static bool add_key(struct token_keys *keys, const struct token_settings *s, const char *path, struct err *e)
{
    struct token_key *k = &keys->keys[keys->count++];
    if (!token_key_load(k, path, false, e))
        return false;
    if (!alg_allowed(s, k->alg))
        return err_set(e, "%.160s: %s is not among auth.algorithms", path, token_alg_name(k->alg));
    for (size_t i = 0; i + 1 < keys->count; i++)
        if (strcmp(keys->keys[i].kid, k->kid) == 0)
            return err_set(e, "%.140s: another key has the kid %s already", path, k->kid);
    return true;
}

struct token_keys *token_keys_new(const struct token_settings *s, struct err *e)
{
    struct token_keys *keys = calloc(1, sizeof *keys);
    if (!keys || !(keys->keys = calloc(s->file_count + 1, sizeof *keys->keys))) {
        err_memory(e);
        goto fail;
    }
    keys->admins = s->admins;
    keys->admin_count = s->admin_count;
    for (size_t i = 0; i < s->algorithm_count; i++)
        if (token_alg_find(span_of(s->algorithms[i])) == JWT_ALG_INVAL) {
            err_set(e, "auth.algorithms = \"%.40s\": expected HS256, HS384, HS512, RS256 or ES256", s->algorithms[i]);
            goto fail;
        }
    for (size_t i = 0; i < s->file_count; i++)
        if (!add_key(keys, s, s->files[i], e))
            goto fail;
    return keys;
fail:
    token_keys_free(keys);
    return NULL;
}

void token_keys_free(struct token_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->count; i++)
        token_key_done(&keys->keys[i]);
    free(keys->keys);
    free(keys);
}

size_t token_keys_count(const struct token_keys *keys)
{
    return keys->count;
}

const struct token_key *token_keys_secret(const struct token_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        if (token_alg_is_secret(keys->keys[i].alg))
            return &keys->keys[i];
    return NULL;
}

/* ---- the header ---- */

/* RFC 4648 section 5 without padding, as RFC 7515 section 2 has it. Returns the bytes, or 0 for what is none. */
static size_t base64url_decode(struct span text, unsigned char *out)
{
    size_t n = 0;
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < text.n; i++) {
        static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        const char *at = memchr(ALPHABET, text.p[i], sizeof ALPHABET - 1);
        if (!at)
            return 0;
        bits = (bits << 6 | (uint32_t)(at - ALPHABET)) & 0xffffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (unsigned char)(bits >> have);
        }
    }
    return n;
}

static json_t *read_header(struct span token)
{
    unsigned char text[TOKEN_MAX];
    const char *dot = span_find(token, '.');
    if (!dot)
        return NULL;
    size_t n = base64url_decode((struct span){token.p, (size_t)(dot - token.p)}, text);
    return json_loadb((const char *)text, n, JSON_REJECT_DUPLICATES, NULL);
}

/* A token without `kid` is for the one key there is, if it is the only one. */
static const struct token_key *find_key(const struct token_keys *keys, const json_t *header)
{
    const char *alg = json_string_value(json_object_get(header, "alg"));
    const json_t *kid = json_object_get(header, "kid");
    /* RFC 7515 section 4.1.11: what `crit` names must be understood, and we know no extension. */
    if (!alg || json_object_get(header, "crit") || (!kid && keys->count != 1) || (kid && !json_is_string(kid)))
        return NULL;
    for (size_t i = 0; i < keys->count; i++) {
        const struct token_key *k = &keys->keys[i];
        if ((!kid || strcmp(json_string_value(kid), k->kid) == 0) && token_alg_find(span_of(alg)) == k->alg)
            return k;
    }
    return NULL;
}

/* ---- the claims ---- */

/* RFC 7519 section 2, NumericDate: it may have a fraction. Absent leaves *out as it is. */
static bool read_date(const json_t *grants, const char *name, double *out)
{
    const json_t *value = json_object_get(grants, name);
    if (value)
        *out = json_number_value(value);
    return !value || (json_is_number(value) && isfinite(*out) && *out >= 0);
}

static bool read_text(const json_t *grants, const char *name, char *out, size_t size)
{
    const json_t *value = json_object_get(grants, name);
    if (!value)
        return true;
    size_t n = json_string_length(value);
    if (!json_is_string(value) || n >= size)
        return false;
    memcpy(out, json_string_value(value), n + 1);
    return true;
}

static const char *read_claims(const struct token_keys *keys, const json_t *grants, uint64_t now, struct claims *c)
{
    double exp = INFINITY, nbf = 0;
    const json_t *admin = json_object_get(grants, "admin");
    if (!read_date(grants, "exp", &exp) || !read_date(grants, "nbf", &nbf) || (admin && !json_is_boolean(admin)) ||
        !read_text(grants, "room", c->room, sizeof c->room) || !read_text(grants, "name", c->name, sizeof c->name) ||
        !read_text(grants, "sub", c->subject, sizeof c->subject))
        return "a claim of the token is of the wrong type or too long";
    if ((double)now >= exp)
        return "the token has expired";
    if ((double)now < nbf)
        return "the token is not valid yet";
    c->expires = exp < (double)(UINT64_C(1) << 53) ? (uint64_t)exp : UINT64_MAX;
    c->admin = json_is_true(admin);
    for (size_t i = 0; i < keys->admin_count && *c->subject; i++)
        c->admin = c->admin || strcmp(keys->admins[i], c->subject) == 0;
    return NULL;
}

/* ---- the signature ---- */

static const char *verify(
    const struct token_keys *keys, const struct token_key *k, const char *token, uint64_t now, struct claims *claims)
{
    jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, token, k->bytes, k->n) != 0)
        return BAD;
    const char *problem = BAD;
    char *text = jwt_get_alg(jwt) == k->alg ? jwt_get_grants_json(jwt, NULL) : NULL;
    json_t *grants = text ? json_loads(text, 0, NULL) : NULL;
    if (json_is_object(grants))
        problem = read_claims(keys, grants, now, claims);
    json_decref(grants);
    free(text);
    jwt_free(jwt);
    return problem;
}

const char *token_verify(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims)
{
    const struct token_keys *keys = ctx;
    char text[TOKEN_MAX + 1];
    *claims = (struct claims){.expires = UINT64_MAX};
    if (token.n == 0 || token.n > TOKEN_MAX || span_find(token, '\0'))
        return BAD;
    memcpy(text, token.p, token.n);
    text[token.n] = '\0';
    json_t *header = read_header(token);
    const struct token_key *k = find_key(keys, header);
    json_decref(header);
    const char *problem = k ? verify(keys, k, text, unix_seconds, claims) : BAD;
    if (problem)
        *claims = (struct claims){.expires = UINT64_MAX};
    return problem;
}

/* ---- making one ---- */

char *token_make(const struct token_key *key, const struct claims *c, uint64_t unix_seconds)
{
    jwt_t *jwt = NULL;
    char *token = NULL;
    if (jwt_new(&jwt) != 0)
        return NULL;
    bool ok = jwt_set_alg(jwt, key->alg, key->bytes, key->n) == 0 && jwt_add_header(jwt, "kid", key->kid) == 0 &&
              jwt_add_grant_int(jwt, "iat", (long)unix_seconds) == 0 &&
              (!*c->room || jwt_add_grant(jwt, "room", c->room) == 0) &&
              (!*c->name || jwt_add_grant(jwt, "name", c->name) == 0) &&
              (!*c->subject || jwt_add_grant(jwt, "sub", c->subject) == 0) &&
              (!c->admin || jwt_add_grant_bool(jwt, "admin", 1) == 0) &&
              (c->expires == UINT64_MAX || jwt_add_grant_int(jwt, "exp", (long)c->expires) == 0);
    if (ok)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    return token;
}
