/* SPDX-License-Identifier: MIT
 *
 * A token is `header.payload.signature` (RFC 7515 section 7.1). The header is read first, to find the key it names; only
 * if its `alg` is the one algorithm of that key is the signature looked at (token_signature.c), and only then the
 * claims. libjwt makes tokens but does not judge them: it refuses every `typ` but JWT (RFC 9068's at+jwt, say), where
 * RFC 7519 section 5.1 leaves it to the application; it takes `none` where it is given no key, checks an HS256 token with
 * the text of an RSA public key, and looks at neither `exp` nor `nbf`. A claim of the wrong type makes a token bad
 * instead of being taken as absent: an `exp` in quotes must not be good for ever.
 *
 * Clocks differ, so each time is taken with a leeway. `iat` is one of them: a token that is made later than now, by more
 * than clocks may differ, was made by a clock that is wrong, and its other times are as wrong.
 *
 * No sentence says more than what the sender knows, and neither sentences nor the log ever hold the token.
 */
#include "server/io/token.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "protocol/limits.h"
#include "server/io/token_signature.h"

struct token_keys {
    struct token_key *keys; /* owned, count */
    size_t count;
    const char *const *admins; /* borrowed */
    size_t admin_count;
    double leeway_s;
};

static const char BAD[] = "the token is not valid";
static const char EMPTY_NAME[] = "the claim name of the token is empty: leave it out, or name whom the token is for";
static const char BAD_CLAIM[] = "a claim of the token is of the wrong type or too long";

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
    keys->leeway_s = (double)s->leeway_s;
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

/* ---- its three parts ---- */

/* RFC 4648 section 5 without padding, as RFC 7515 section 2 has it; bits that stand for nothing are zero (RFC 4648
 * section 3.5), so that a token has one spelling. Returns the bytes, or 0 for what is none. */
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
    return text.n % 4 != 1 && (bits & ((1U << have) - 1)) == 0 ? n : 0;
}

/* Borrowed from the token. */
struct parts {
    struct span header, payload, signature;
    struct span signed_text; /* the first two and the dot between them */
};

/* RFC 7515 section 7.1: two dots, no more. */
static bool split(struct span token, struct parts *p)
{
    const char *first = span_find(token, '.'), *end = token.p + token.n;
    if (!first)
        return false;
    struct span rest = {first + 1, (size_t)(end - first) - 1};
    const char *second = span_find(rest, '.');
    if (!second)
        return false;
    p->header = (struct span){token.p, (size_t)(first - token.p)};
    p->payload = (struct span){rest.p, (size_t)(second - rest.p)};
    p->signature = (struct span){second + 1, (size_t)(end - second) - 1};
    p->signed_text = (struct span){token.p, (size_t)(second - token.p)};
    return !span_find(p->signature, '.');
}

/* RFC 7515 section 4, RFC 7519 section 4: a name that comes twice may be refused, and is: two readers would choose
 * differently. */
static json_t *read_json(struct span part)
{
    unsigned char text[TOKEN_MAX];
    size_t n = base64url_decode(part, text);
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

/* The first whole second at which it has come; UINT64_MAX: never. */
static uint64_t second_of(double time)
{
    if (time >= (double)(UINT64_C(1) << 53))
        return UINT64_MAX;
    uint64_t whole = (uint64_t)time;
    return whole + ((double)whole < time);
}

/* RFC 7519 sections 4.1.4 to 4.1.6. */
static const char *judge_times(const struct token_keys *keys, const json_t *grants, uint64_t now, struct claims *c)
{
    double exp = INFINITY, nbf = 0, iat = 0, leeway = keys->leeway_s;
    if (!read_date(grants, "exp", &exp) || !read_date(grants, "nbf", &nbf) || !read_date(grants, "iat", &iat))
        return BAD_CLAIM;
    if ((double)now >= exp + leeway)
        return "the token has expired";
    if ((double)now + leeway < nbf || (double)now + leeway < iat)
        return "the token is not valid yet";
    c->expires = second_of(exp + leeway);
    return NULL;
}

static const char *read_claims(const struct token_keys *keys, const json_t *grants, uint64_t now, struct claims *c)
{
    const json_t *admin = json_object_get(grants, "admin");
    const char *problem = judge_times(keys, grants, now, c);
    if (problem)
        return problem;
    if ((admin && !json_is_boolean(admin)) || !read_text(grants, "room", c->room, sizeof c->room) ||
        !read_text(grants, "name", c->name, sizeof c->name) || !read_text(grants, "sub", c->subject, sizeof c->subject))
        return BAD_CLAIM;
    if (json_object_get(grants, "name") && !*c->name)
        return EMPTY_NAME;
    c->admin = json_is_true(admin);
    for (size_t i = 0; i < keys->admin_count && *c->subject; i++)
        c->admin = c->admin || strcmp(keys->admins[i], c->subject) == 0;
    return NULL;
}

/* ---- the verdict ---- */

static bool is_signed(const struct token_key *k, const struct parts *p)
{
    unsigned char signature[TOKEN_MAX];
    size_t n = base64url_decode(p->signature, signature);
    return n > 0 && token_signature_good(k, p->signed_text, signature, n);
}

const char *token_verify(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims)
{
    const struct token_keys *keys = ctx;
    struct parts p;
    *claims = (struct claims){.expires = UINT64_MAX};
    if (token.n > TOKEN_MAX || !split(token, &p))
        return BAD;
    json_t *header = read_json(p.header);
    const struct token_key *k = find_key(keys, header);
    json_decref(header);
    if (!k || !is_signed(k, &p))
        return BAD;
    json_t *grants = read_json(p.payload);
    const char *problem = json_is_object(grants) ? read_claims(keys, grants, unix_seconds, claims) : BAD;
    json_decref(grants);
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
