/* SPDX-License-Identifier: MIT
 *
 * Normal path: ws_open connects without waiting and queues the upgrade request; on loopback the first ws_flush
 * already finds the socket connected, elsewhere it finds EAGAIN and the caller waits for writability. ws_read takes
 * the answer, then frames. Pings are answered in the queue, the caller flushes.
 *
 * Over TLS the handshake is a part of the first writes and reads. What comes is decrypted a record at a time, so a read
 * goes on until nothing is left that only OpenSSL knows of.
 *
 * The key of the request is a constant, so the one right answer is a constant too and no SHA-1 is needed. Failures
 * end the connection with a sentence; what a server under test must not do (masked, fragmented, binary or oversized
 * frames) is such a failure.
 */
#include "bench/ws_client.h"

#include "bench/stats.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

/* The example of RFC 6455 section 1.3 and its answer. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum {
    OP_TEXT = 1,
    OP_CLOSE = 8,
    OP_PING = 9,
    OP_PONG = 10
};
enum {
    FIN = 0x80,
    MASKED = 0x80,
    LENGTH_16 = 126,
    LENGTH_64 = 127
};

static bool over(struct ws_client *c, const char *problem)
{
    c->problem = problem;
    return false;
}

SSL_CTX *ws_tls_new(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx)
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ctx;
}

static bool start_tls(struct ws_client *c, SSL_CTX *ctx)
{
    c->tls = SSL_new(ctx);
    if (!c->tls || !SSL_set_fd(c->tls, c->fd)) {
        errno = ENOMEM;
        return false;
    }
    SSL_set_connect_state(c->tls);
    return true;
}

bool ws_open(struct ws_client *c, const struct in_addr *from, const struct ws_target *target, const struct rng *rng)
{
    *c = (struct ws_client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    buf_init(&c->in, WS_MESSAGE_MAX + WS_HEADER_MAX);
    buf_init(&c->out, WS_QUEUE_MAX);
    if (c->fd < 0)
        return false;
    int on = 1;
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr = *from};
    /* The port is chosen by connect(2), so that it need be free only towards this one server. */
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->stamped = target->stamped && setsockopt(c->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0;
    if (bind(c->fd, (struct sockaddr *)&source, sizeof source) != 0)
        goto fail;
    if (connect(c->fd, (const struct sockaddr *)&target->address, sizeof target->address) != 0 && errno != EINPROGRESS)
        goto fail;
    if (target->tls && !start_tls(c, target->tls))
        goto fail;
    rng->fill(rng->ctx, c->mask, sizeof c->mask);
    c->state = WS_UPGRADING;
    return buf_printf(&c->out,
        "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n%s%s%s%s\r\n",
        target->path, target->headers ? target->headers : "", target->subprotocol ? "Sec-WebSocket-Protocol: " : "",
        target->subprotocol ? target->subprotocol : "", target->subprotocol ? "\r\n" : "");
fail:
    ws_close(c);
    return false;
}

void ws_close(struct ws_client *c)
{
    if (c->fd >= 0) {
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(c->fd);
    }
    SSL_free(c->tls);
    c->tls = NULL;
    c->fd = -1;
    c->state = WS_CLOSED;
    buf_done(&c->in);
    buf_done(&c->out);
}

/* As send(2) and recv(2) do it: -1 with EAGAIN if the socket, or the handshake of TLS, is not that far. */
static ssize_t tls_result(struct ws_client *c, int n)
{
    int error = n > 0 ? SSL_ERROR_NONE : SSL_get_error(c->tls, n);
    if (error == SSL_ERROR_NONE || error == SSL_ERROR_ZERO_RETURN)
        return n > 0 ? n : 0;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

static ssize_t write_socket(struct ws_client *c, const char *bytes, size_t n)
{
    if (!c->tls)
        return send(c->fd, bytes, n, MSG_NOSIGNAL);
    return tls_result(c, SSL_write(c->tls, bytes, n < INT_MAX ? (int)n : INT_MAX));
}

static ssize_t read_socket(struct ws_client *c, char *bytes)
{
    return c->tls ? tls_result(c, SSL_read(c->tls, bytes, WS_READ_MAX)) : recv(c->fd, bytes, WS_READ_MAX, 0);
}

bool ws_flush(struct ws_client *c)
{
    while (c->out.len > 0) {
        ssize_t n = write_socket(c, c->out.p, c->out.len);
        if (n < 0)
            return errno == EAGAIN || errno == ENOTCONN || over(c, strerror(errno));
        buf_consume(&c->out, (size_t)n);
    }
    return true;
}

static bool append_frame(const struct ws_client *c, struct buf *out, int opcode, struct span payload)
{
    unsigned char header[WS_HEADER_MAX] = {(unsigned char)(FIN | opcode)};
    size_t n = 2;
    if (payload.n < LENGTH_16) {
        header[1] = (unsigned char)(MASKED | payload.n);
    } else if (payload.n <= UINT16_MAX) {
        header[1] = MASKED | LENGTH_16;
        for (int shift = 8; shift >= 0; shift -= 8)
            header[n++] = (unsigned char)(payload.n >> shift);
    } else {
        header[1] = MASKED | LENGTH_64;
        for (int shift = 56; shift >= 0; shift -= 8)
            header[n++] = (unsigned char)(payload.n >> shift);
    }
    memcpy(header + n, c->mask, sizeof c->mask);
    n += sizeof c->mask;
    char *at = buf_reserve(out, n + payload.n);
    if (!at)
        return false;
    memcpy(at, header, n);
    for (size_t i = 0; i < payload.n; i++)
        at[n + i] = (char)(payload.p[i] ^ c->mask[i % sizeof c->mask]);
    out->len += n + payload.n;
    return true;
}

bool ws_frame(const struct ws_client *c, struct buf *out, struct span text)
{
    return append_frame(c, out, OP_TEXT, text);
}

struct frame_in {
    unsigned opcode;
    struct span payload;
    size_t size; /* with its header; 0 while it is not whole */
};

/* RFC 6455 section 5.2. False on what a server must not send, or ours never does. */
static bool parse_frame(struct ws_client *c, struct span bytes, struct frame_in *f)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    *f = (struct frame_in){0};
    if (bytes.n < 2)
        return true;
    if (!(p[0] & FIN) || (p[0] & 0x70) || (p[1] & MASKED))
        return over(c, "the server sent a fragmented, compressed or masked frame");
    size_t header = 2;
    uint64_t length = p[1];
    if (length >= LENGTH_16) {
        header = length == LENGTH_16 ? 4 : 10;
        if (bytes.n < header)
            return true;
        length = 0;
        for (size_t i = 2; i < header; i++)
            length = length << 8 | p[i];
    }
    if (length > WS_MESSAGE_MAX)
        return over(c, "the server sent a message over 1 MiB");
    if (bytes.n - header < length)
        return true;
    *f = (struct frame_in){p[0] & 0x0fU, {bytes.p + header, (size_t)length}, header + (size_t)length};
    return true;
}

static bool take_frame(struct ws_client *c, const struct frame_in *f, ws_on_text *on_text, void *ctx)
{
    switch (f->opcode) {
    case OP_TEXT:
        on_text(ctx, f->payload);
        return true;
    case OP_PING:
        return append_frame(c, &c->out, OP_PONG, f->payload) || over(c, "too much is queued");
    case OP_PONG:
        return true;
    case OP_CLOSE:
        return over(c, "the server closed the connection");
    default:
        return over(c, "the server sent a frame that is not text");
    }
}

/* Returns how many bytes the answer to the upgrade request takes, 0 while it is not whole. */
static size_t take_upgrade(struct ws_client *c, struct span bytes)
{
    static const char first_line[] = "HTTP/1.1 101 ";
    const char *end = memmem(bytes.p, bytes.n, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t n = (size_t)(end - bytes.p) + 4;
    if (memcmp(bytes.p, first_line, sizeof first_line - 1) != 0 || !memmem(bytes.p, n, ACCEPT, sizeof ACCEPT - 1)) {
        c->problem = "the server refused the upgrade to WebSocket";
        return 0;
    }
    c->state = WS_OPEN;
    return n;
}

/* Takes all that is whole from the bytes read; returns how many were used. Stops at a problem. */
static size_t take_all(struct ws_client *c, struct span bytes, ws_on_text *on_text, void *ctx)
{
    size_t used = c->state == WS_UPGRADING ? take_upgrade(c, bytes) : 0;
    struct frame_in f;
    while (c->state == WS_OPEN && parse_frame(c, (struct span){bytes.p + used, bytes.n - used}, &f) && f.size > 0) {
        used += f.size;
        if (!take_frame(c, &f, on_text, ctx))
            break;
    }
    return used;
}

static bool read_once(struct ws_client *c, struct ws_scratch *scratch, ws_on_text *on_text, void *ctx)
{
    size_t kept = c->in.len;
    if (kept)
        memcpy(scratch->bytes, c->in.p, kept);
    ssize_t n = c->stamped ? receive_stamped(c->fd, scratch->bytes + kept, WS_READ_MAX, &c->came_at)
                           : read_socket(c, scratch->bytes + kept);
    if (n < 0)
        return errno == EAGAIN || over(c, strerror(errno));
    if (n == 0)
        return over(c, "the server dropped the connection");
    struct span bytes = {scratch->bytes, kept + (size_t)n};
    size_t used = take_all(c, bytes, on_text, ctx);
    buf_reset(&c->in);
    if (c->problem)
        return false;
    return used == bytes.n || buf_add(&c->in, bytes.p + used, bytes.n - used) || over(c, "a message of no end");
}

bool ws_read(struct ws_client *c, struct ws_scratch *scratch, ws_on_text *on_text, void *ctx)
{
    assert(c->state != WS_CLOSED);
    bool ok;
    do
        ok = read_once(c, scratch, on_text, ctx);
    while (ok && c->tls && SSL_pending(c->tls) > 0);
    return ok;
}
