/* SPDX-License-Identifier: MIT
 *
 * The doors to WebSockets: RFC 6455 section 4.2. Each path is a dialect's. Whoever does not knock as the RFC says gets an
 * HTTP answer that tells why.
 */
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "server/io/engineio.h"
#include "server/io/framing.h"
#include "server/io/http.h"
#include "server/io/peerjs.h"

static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

enum {
    KEY_CHARS = 24, /* base64 of 16 bytes */
    ACCEPT_CHARS = 28,
};

static bool always(const struct io_settings *s)
{
    (void)s;
    return true;
}

static bool socketio(const struct io_settings *s)
{
    return s->socketio;
}

static bool ywebrtc(const struct io_settings *s)
{
    return s->ywebrtc;
}

struct door {
    const char *path; /* NULL: see peerjs.h */
    const struct dialect *dialect;
    const char *subprotocol; /* NULL: its clients name none */
    bool (*open)(const struct io_settings *s);
    bool (*ask)(struct http_request *r); /* whether its query is right; else it is answered. NULL: none is wanted */
    void (*enter)(struct http_request *r, const struct dialect *dialect); /* NULL: as any WebSocket does */
};

static void enter_peerjs(struct http_request *r, const struct dialect *dialect)
{
    struct peerjs_name chosen;
    peerjs_name_read(&chosen, &r->io->settings, &r->asked->head);
    framing_open(r->io, r->conn, dialect, &chosen.name);
    peerjs_name_done(&chosen);
}

static const struct door PEERJS = {.dialect = &dialect_peerjs, .enter = enter_peerjs};

static const struct door DOORS[] = {
    {"/ws", &dialect_native, "usher.v1", always, NULL, NULL},
    {ENGINEIO_PATH, &dialect_socketio, NULL, socketio, engineio_ask, engineio_enter},
    {"/y-webrtc", &dialect_ywebrtc, NULL, ywebrtc, NULL, NULL},
};

const struct door *upgrade_door(const struct io *io, const char *path)
{
    for (size_t i = 0; i < sizeof DOORS / sizeof *DOORS; i++)
        if (strcmp(path, DOORS[i].path) == 0)
            return DOORS[i].open(&io->settings) ? &DOORS[i] : NULL;
    return peerjs_is_door(&io->settings, path) && !http_has_route(path) ? &PEERJS : NULL;
}

static void not_upgraded(struct http_request *r)
{
    http_error(r, 426, "Upgrade: websocket\r\n", "upgrade-required", "this is a WebSocket's address");
}

const struct route upgrade_route = {"", HTTP_GET, NULL, not_upgraded};

/* RFC 9110 section 7.8: who asks to switch to something else is answered as if he had not. */
bool upgrade_wanted(const struct request_head *h)
{
    return request_head_list_has(h, "Upgrade", "websocket", true);
}

static bool is_key(struct span key)
{
    static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (key.n != KEY_CHARS || key.p[KEY_CHARS - 2] != '=' || key.p[KEY_CHARS - 1] != '=')
        return false;
    for (size_t i = 0; i < KEY_CHARS - 2; i++)
        if (!memchr(LETTERS, key.p[i], sizeof LETTERS - 1))
            return false;
    return true;
}

/* Section 4.2.2, 5.4. */
static bool write_accept(struct span key, char out[ACCEPT_CHARS + 1])
{
    unsigned char text[KEY_CHARS + sizeof GUID - 1], hash[SHA_DIGEST_LENGTH];
    memcpy(text, key.p, KEY_CHARS);
    memcpy(text + KEY_CHARS, GUID, sizeof GUID - 1);
    if (!EVP_Digest(text, sizeof text, hash, NULL, EVP_sha1(), NULL))
        return false;
    EVP_EncodeBlock((unsigned char *)out, hash, sizeof hash);
    return true;
}

static void switch_protocols(struct http_request *r, const struct door *door, struct span key, const char *subprotocol)
{
    struct io *io = r->io;
    struct conn *c = r->conn;
    char accept[ACCEPT_CHARS + 1];
    struct buf text;
    buf_init(&text, HTTP_HEADERS_MAX);
    bool hashed = write_accept(key, accept);
    buf_printf(&text,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
        hashed ? accept : "");
    if (subprotocol)
        buf_printf(&text, "Sec-WebSocket-Protocol: %s\r\n", subprotocol);
    buf_text(&text, "\r\n");
    struct frame *f = text.failed || !hashed ? NULL : frame_raw(text.len);
    if (f)
        memcpy(frame_payload(f), text.p, text.len);
    buf_done(&text);
    turn_queue(io, c, f);
    if (!c->doomed && door->enter)
        door->enter(r, door->dialect);
    else if (!c->doomed)
        framing_open(io, c, door->dialect, NULL);
}

static bool names_subprotocols(const struct request_head *h)
{
    for (size_t i = 0; i < h->headers_count; i++)
        if (header_is(&h->headers[i], "Sec-WebSocket-Protocol"))
            return true;
    return false;
}

void upgrade(struct http_request *r, const struct door *door)
{
    struct request_head *h = &r->asked->head;
    struct span key = {NULL, 0}, version;
    uint64_t body = 1; /* unless it is told to be 0 */
    bool named = door->subprotocol && names_subprotocols(h);
    if (r->method != HTTP_GET || r->is_head || h->minor == 0 ||
        !request_head_list_has(h, "Connection", "upgrade", true))
        http_error(r, 400, NULL, "bad-handshake", "a WebSocket begins with GET, HTTP/1.1 and Connection: Upgrade");
    else if (request_head_body(h, &body) != BODY_NONE && body != 0)
        http_error(r, 400, NULL, "bad-handshake", "a WebSocket's handshake has no body");
    else if (!request_head_find(h, "Sec-WebSocket-Version", &version) || !span_is(version, "13"))
        http_error(r, 426, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", "bad-handshake",
            "speak WebSocket version 13");
    else if (!request_head_find(h, "Sec-WebSocket-Key", &key) || !is_key(key))
        http_error(r, 400, NULL, "bad-handshake", "Sec-WebSocket-Key must be 16 bytes in base64");
    else if (named && !request_head_list_has(h, "Sec-WebSocket-Protocol", door->subprotocol, false))
        http_error(r, 400, NULL, "bad-subprotocol", "the subprotocol here is usher.v1");
    else if (!http_origin_allowed(r->io, h))
        http_refuse_origin(r, "this origin may not connect");
    else if (!door->ask || door->ask(r))
        switch_protocols(r, door, key, named ? door->subprotocol : NULL);
}
