/* SPDX-License-Identifier: MIT */
#include "server/io/peerjs.h"

#include <openssl/rand.h>

#include "server/io/query.h"
#include "server/io/rest.h"

enum {
    VALUE_MAX = 512, /* bytes of one in the query; what is longer counts as absent */
    UUID_CHARS = 36
};

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && strcmp(path + n - m, end) == 0;
}

static bool is_key(const struct io_settings *s, struct span key)
{
    for (size_t i = 0; i < s->peerjs_keys_count; i++)
        if (span_is(key, s->peerjs_keys[i]))
            return true;
    return false;
}

bool peerjs_is_door(const struct io_settings *s, const char *path)
{
    return s->peerjs && ends_in(path, "/peerjs");
}

/* ---- over HTTP ---- */

/* RFC 9562 section 5.4: version 4. Nobody has chosen the same one. */
static bool write_uuid(char text[UUID_CHARS + 1])
{
    unsigned char b[16];
    if (RAND_bytes(b, sizeof b) != 1)
        return false;
    b[6] = (unsigned char)(0x40 | (b[6] & 0x0f));
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    for (size_t i = 0, at = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        at += (size_t)snprintf(text + at, 3, "%02x", b[i]);
    }
    return true;
}

static void answer_id(struct http_request *r)
{
    char id[UUID_CHARS + 1];
    if (write_uuid(id))
        http_answer(r, &(struct http_answer){.status = 200,
                           .type = "text/html; charset=utf-8",
                           .headers = "Cache-Control: no-store\r\n",
                           .body = span_of(id)});
    else
        http_error(r, 503, NULL, error_code(ERROR_SERVER_FULL), "the system has no random numbers");
}

static struct span key_in(const char *path)
{
    const char *end = strrchr(path, '/'), *begin = end;
    while (begin > path && begin[-1] != '/')
        begin--;
    return (struct span){begin, (size_t)(end - begin)};
}

static void answer_peers(struct http_request *r)
{
    if (r->io->settings.peerjs_discovery)
        rest_names(r, key_in(r->asked->path));
    else
        http_error(r, 401, NULL, error_code(ERROR_UNAUTHORIZED), "dialects.peerjs_discovery is not set here");
}

const struct route *peerjs_route(const struct io_settings *s, const char *path)
{
    static const struct route ID = {"", HTTP_GET, NULL, answer_id}, PEERS = {"", HTTP_GET, NULL, answer_peers};
    const struct route *route = ends_in(path, "/id") ? &ID : ends_in(path, "/peers") ? &PEERS : NULL;
    return s->peerjs && route && is_key(s, key_in(path)) ? route : NULL;
}

/* ---- the WebSocket ---- */

static struct span value_of(const struct request_head *h, const char *name, struct buf *space)
{
    buf_init(space, VALUE_MAX);
    if (query_find(h->query, name, space))
        return buf_view(space);
    return (struct span){NULL, 0};
}

void peerjs_name_read(struct peerjs_name *n, const struct io_settings *s, const struct request_head *h)
{
    struct client_name *name = &n->name;
    *name = (struct client_name){.key = value_of(h, "key", &n->key),
        .id = value_of(h, "id", &n->id),
        .secret = value_of(h, "token", &n->secret)};
    if (name->key.n > 0 && !is_key(s, name->key)) {
        name->problem = "Invalid key provided";
        name->key.n = 0;
    }
}

void peerjs_name_done(struct peerjs_name *n)
{
    buf_done(&n->key);
    buf_done(&n->id);
    buf_done(&n->secret);
}
