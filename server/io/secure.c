/* SPDX-License-Identifier: MIT
 *
 * TLS: libwebsockets has the socket and moves its bytes (its "raw" role); what they mean is read above, as on a plain
 * socket. Its own HTTP and WebSocket engines are not used: docs/decisions/0008-front-door.md tells why.
 *
 * libwebsockets makes a context of its own from the certificate at start; tls_attach has each handshake served with
 * the one that was loaded last. Its timers are not used: it keeps them in one sorted list, so each costs as many steps
 * as there are connections. But it gives one to each connection whose handshake is done, which would end it: that one is
 * taken away again.
 *
 * It watches the socket itself for writing only. Our poller tells when there is something to be read, by the rules for
 * all (plain.c), and libwebsockets goes on with the handshake or reads one record, of which a few frames are looked at
 * (front.c).
 *
 * What the socket does not take of a write, libwebsockets keeps and writes first of all. As long as it has such a rest it
 * reads nothing, and asks again at once whether it could: so the connection is not read then.
 *
 * After its handshake a client may send messages of that protocol (new keys; in TLS 1.2 a handshake that is refused), which
 * cost time and bring nothing. Each is a read of its own and counts as a message of a WebSocket does; who sends more than
 * SHAKEN_MAX of them without a byte beside is closed.
 */
#include <assert.h>
#include <libwebsockets.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/io/transport.h"

/* On a foreign loop libwebsockets takes one call to begin its end and, once the loop has closed its handles, one to
 * free itself, when it clears io->lws through pcontext. Freeing sooner would leave the loop with freed handles. */
enum {
    LWS_DESTROY_CALLS = 4,
    TLS_READ_SIZE = 16 * 1024, /* as much as a record of TLS holds (RFC 8446 section 5.1) */
    SHAKEN_MAX = 32, /* messages of a handshake take 8 at most; RFC 8446 section 5.5 has keys last 2^24 records */
};

/* ---- what libwebsockets tells ---- */

static struct conn *conn_of(struct lws *wsi)
{
    struct conn *c = lws_get_opaque_user_data(wsi);
    return c && c->wsi == wsi ? c : NULL;
}

/* libwebsockets lets go of the socket: the slot is ended with the turn, without it. */
static void let_go(struct io *io, struct conn *c, struct lws *wsi)
{
    plain_stop(io, c);
    lws_set_opaque_user_data(wsi, NULL);
    c->wsi = NULL;
    c->fd = -1;
    if (!io->freeing)
        turn_kill(io, c);
}

/* The handshake has it watch the socket for reading, and its end sets the timer. LIMIT_HANDSHAKE goes on. */
static void keep_quiet(struct conn *c)
{
    lws_rx_flow_control(c->wsi, 0);
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
}

static void came(struct io *io, struct conn *c, unsigned char *bytes, size_t n)
{
    c->shakes = false;
    c->shaken = 0;
    turn_read(io);
    front_bytes(io, c, bytes, n);
    c->bulk = c->rest || n >= (size_t)READ_LEAST << READ_SHIFT;
    turn_relieve(io);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct io *io = lws_context_user(lws_get_context(wsi));
    struct conn *c;
    switch (reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        tls_attach(user, &io->tls);
        return 0;
    case LWS_CALLBACK_RAW_ADOPT:
        c = lws_get_opaque_user_data(wsi);
        c->wsi = wsi;
        return 0;
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_RAW_WRITEABLE:
    case LWS_CALLBACK_RAW_CLOSE:
    case LWS_CALLBACK_WSI_DESTROY:
        c = conn_of(wsi);
        break;
    default:
        return 0;
    }
    if (!c)
        return 0;
    if (reason == LWS_CALLBACK_RAW_RX) {
        came(io, c, in, len);
    } else if (reason == LWS_CALLBACK_RAW_WRITEABLE) {
        if (!c->doomed)
            turn_writeable(io, c);
    } else {
        let_go(io, c, wsi);
    }
    return 0;
}

static const struct lws_protocols PROTOCOLS[] = {
    {.name = "usher", .callback = callback, .tx_packet_size = FRAME_MAX_CEILING * 16},
    {.name = NULL},
};

/* Zero seconds to hang up: libwebsockets keeps no liveness timers, the core does that. */
static const lws_retry_bo_t NO_LIVENESS = {.secs_since_valid_hangup = 0};

bool secure_open(struct io *io, const char *certificate, const char *key, struct err *e)
{
    void *loops[] = {io->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = PROTOCOLS,
        .foreign_loops = loops,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .timeout_secs = HANDSHAKE_MS / 1000,
        .pt_serv_buf_size = TLS_READ_SIZE,
        .retry_and_idle_policy = &NO_LIVENESS,
        .user = io,
        .vhost_name = "usherd",
        .pcontext = &io->lws,
        .ssl_cert_filepath = certificate,
        .ssl_private_key_filepath = key,
        .alpn = "http/1.1",
    };
    io->lws = lws_create_context(&info);
    if (!io->lws)
        return err_set(e, "libwebsockets did not start: is its libuv plugin installed (libwebsockets-evlib-uv)?");
    io->vhost = lws_create_vhost(io->lws, &info);
    return io->vhost || err_set(e, "libwebsockets did not start: out of memory");
}

void secure_close(struct io *io)
{
    for (int i = 0; io->lws && i < LWS_DESTROY_CALLS; i++) {
        lws_context_destroy(io->lws);
        uv_run(io->loop, UV_RUN_DEFAULT);
    }
}

/* RFC 8446 section 5.1: what begins a handshake. */
static bool begins_tls(const struct conn *c)
{
    unsigned char first;
    return recv(c->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1 || first == 0x16;
}

void secure_start(struct io *io, struct conn *c)
{
    if (!begins_tls(c)) {
        front_no_tls(io, c);
        return;
    }
    const lws_adopt_desc_t desc = {
        .vh = io->vhost,
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL,
        .fd.sockfd = c->fd,
        .opaque = c,
    };
    plain_stop(io, c);
    c->state = CONN_HEAD;
    c->http = NULL;
    c->reads = c->shakes = true;
    if (!lws_adopt_descriptor_vhost_via_info(&desc)) {
        c->fd = -1; /* closed */
        turn_kill(io, c);
        return;
    }
    keep_quiet(c);
    tls_count(lws_get_ssl(c->wsi), &c->shaken);
    if (!plain_start(io, c))
        turn_kill(io, c);
}

void secure_move(struct conn *from, struct conn *to)
{
    if (!from->wsi)
        return;
    to->wsi = from->wsi;
    from->wsi = NULL;
    lws_set_opaque_user_data(to->wsi, to);
    tls_count(lws_get_ssl(to->wsi), &to->shaken);
}

/* ---- what we do ---- */

static void again(struct io *io, struct conn *c)
{
    (void)io;
    lws_callback_on_writable(c->wsi);
}

static void control_reading(struct io *io, struct conn *c)
{
    plain_interest(io, c, c->reads && c->handed == 0 ? POLLER_READ : 0);
}

/* Of so many bytes that were written last, libwebsockets may have kept a rest. */
static bool keeps_rest(struct io *io, struct conn *c, size_t written)
{
    bool rest = lws_partial_buffered(c->wsi), kept = c->handed > 0;
    c->handed = rest ? (uint32_t)written : 0;
    if (rest != kept)
        control_reading(io, c);
    if (rest)
        again(io, c);
    return rest;
}

static bool is_out(struct io *io, struct conn *c)
{
    return !keeps_rest(io, c, c->handed);
}

static ssize_t write_socket(struct io *io, struct conn *c, struct span bytes)
{
    if (!is_out(io, c))
        return 0;
    if (lws_write(c->wsi, (unsigned char *)bytes.p, bytes.n, LWS_WRITE_RAW) < 0)
        return -1;
    keeps_rest(io, c, bytes.n);
    return (ssize_t)bytes.n;
}

/* An answer of TLS itself found no room in the socket (RFC 8446 section 4.6.3: a KeyUpdate that was asked for), and nothing
 * is read before it has gone: what is there would be told again in each turn. It counts as a rest of one byte. */
static void wait_for_room(struct io *io, struct conn *c)
{
    c->handed = 1;
    control_reading(io, c);
    again(io, c);
}

/* It counts as a message does, so that message_rate bounds how many are read. */
static void count_shake(struct io *io, struct conn *c)
{
    struct core_event e = io_event(io, CORE_CONTROL, c);
    if (c->state == CONN_OPEN && !c->doomed)
        io_step(io, &e);
}

static void receive_secure(struct io *io, struct conn *c)
{
    struct lws_pollfd readable = {.fd = c->fd, .events = LWS_POLLIN, .revents = LWS_POLLIN};
    uint8_t shaken = c->shaken;
    lws_service_fd(io->lws, &readable);
    if (!c->wsi)
        return;
    if (c->shakes)
        keep_quiet(c);
    if (c->shaken > shaken)
        count_shake(io, c);
    if (c->shaken > SHAKEN_MAX)
        turn_kill(io, c);
    else if (!c->shakes && c->handed == 0 && SSL_want_write(lws_get_ssl(c->wsi)))
        wait_for_room(io, c);
}

static void read_socket(struct io *io, struct conn *c, bool on)
{
    c->reads = on;
    control_reading(io, c);
}

static void shut(struct io *io, struct conn *c)
{
    (void)io;
    SSL_shutdown(lws_get_ssl(c->wsi)); /* close_notify: RFC 8446 section 6.1 */
    shutdown(c->fd, SHUT_WR);
}

/* A shut-down socket fails libwebsockets' next read or write, so a connection with half a batch buffered ends as well,
 * without the five seconds that libwebsockets would give it to flush. */
static void close_socket(struct io *io, struct conn *c)
{
    struct lws *wsi = c->wsi;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    plain_stop(io, c);
    if (c->queue || lws_partial_buffered(wsi))
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    shutdown(c->fd, SHUT_RDWR);
    lws_set_opaque_user_data(wsi, NULL);
    c->wsi = NULL;
    c->fd = -1;
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

const struct transport transport_secure = {.write = write_socket,
    .is_out = is_out,
    .again = again,
    .receive = receive_secure,
    .read = read_socket,
    .shut = shut,
    .close = close_socket};
