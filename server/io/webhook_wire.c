/* SPDX-License-Identifier: MIT
 *
 * Sockets do not block; poll(2) waits for them, for the deadline and for the word to stop. A host with several
 * addresses is tried in the resolver's order (RFC 6724), each with its share of the time that is left, so that one that
 * swallows packets does not cost the others theirs.
 */
#include "server/io/webhook_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t webhook_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

__attribute__((format(printf, 2, 3))) static bool fail(struct webhook_wire *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!*w->problem)
        vsnprintf(w->problem, WEBHOOK_PROBLEM_MAX, format, args);
    va_end(args);
    return false;
}

/* Waits for the socket; what it was waited for is said in `what` if that does not come. */
static bool await(struct webhook_wire *w, short events, uint64_t until, const char *what)
{
    struct pollfd fds[] = {{.fd = w->fd, .events = events}, {.fd = w->stop, .events = POLLIN}};
    for (;;) {
        uint64_t now = webhook_now();
        if (now >= until)
            return fail(w, "%s in time", what);
        int n = poll(fds, 2, (int)(until - now));
        if (n < 0 && errno != EINTR)
            return fail(w, "%s", strerror(errno));
        if (n > 0 && fds[1].revents)
            return fail(w, "stopped");
        if (n > 0)
            return true;
    }
}

/* ---- the socket ---- */

static bool connect_to(struct webhook_wire *w, const struct addrinfo *a, uint64_t until)
{
    int error = 0, on = 1;
    socklen_t n = sizeof error;
    w->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (w->fd < 0)
        return fail(w, "no socket: %s", strerror(errno));
    setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(w->fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
        return fail(w, "cannot connect: %s", strerror(errno));
    if (!await(w, POLLOUT, until, "no connection"))
        return false;
    if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0)
        return fail(w, "cannot connect: %s", strerror(error ? error : errno));
    return true;
}

/* The problem of the last address is told. */
static bool connect_any(struct webhook_wire *w, const struct addrinfo *list)
{
    unsigned left = 0;
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        left++;
    for (const struct addrinfo *a = list; a; a = a->ai_next, left--) {
        uint64_t now = webhook_now(), rest = w->deadline > now ? w->deadline - now : 0;
        *w->problem = '\0';
        if (connect_to(w, a, now + rest / left))
            return true;
        if (w->fd >= 0)
            close(w->fd);
        w->fd = -1;
    }
    return false;
}

/* The host without the brackets of an IPv6 address. */
static void bare_host(const struct webhook_url *url, char out[URL_HOST_MAX + 1])
{
    size_t n = strlen(url->host), cut = *url->host == '[';
    snprintf(out, URL_HOST_MAX + 1, "%.*s", (int)(n - 2 * cut), url->host + cut);
}

static bool open_socket(struct webhook_wire *w, const struct webhook_url *url)
{
    char host[URL_HOST_MAX + 1], port[8];
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    bare_host(url, host);
    snprintf(port, sizeof port, "%u", url->port);
    int error = getaddrinfo(host, port, &hints, &list);
    if (error)
        return fail(w, "the host has no address: %s", gai_strerror(error));
    bool open = connect_any(w, list);
    freeaddrinfo(list);
    return open;
}

/* ---- TLS ---- */

static bool fail_tls(struct webhook_wire *w)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    long verified = SSL_get_verify_result(w->ssl);
    ERR_clear_error();
    if (verified != X509_V_OK)
        return fail(w, "its certificate is not accepted: %s", X509_verify_cert_error_string(verified));
    return fail(w, "TLS failed: %s", reason ? reason : "the receiver ended it");
}

/* Waits for what OpenSSL wants; false if it failed instead. */
static bool await_tls(struct webhook_wire *w, int result, const char *what)
{
    int wanted = SSL_get_error(w->ssl, result);
    if (wanted == SSL_ERROR_WANT_READ)
        return await(w, POLLIN, w->deadline, what);
    if (wanted == SSL_ERROR_WANT_WRITE)
        return await(w, POLLOUT, w->deadline, what);
    return fail_tls(w);
}

static SSL_CTX *make_context(struct webhook_wire *w)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx || SSL_CTX_set_default_verify_paths(ctx) != 1 || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
        SSL_CTX_free(ctx);
        ERR_clear_error();
        fail(w, "TLS could not be set up");
        return NULL;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    /* A body whose end we do not need may end without a word of TLS. */
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    return ctx;
}

/* RFC 6125: the name or the address that the certificate must have. Only a name is told in the handshake (RFC 6066). */
static bool expect_host(SSL *ssl, const struct webhook_url *url)
{
    char host[URL_HOST_MAX + 1];
    struct in6_addr any;
    bare_host(url, host);
    size_t n = strlen(host);
    if (n > 0 && host[n - 1] == '.')
        host[n - 1] = '\0';
    if (inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool open_tls(struct webhook_wire *w, const struct webhook_url *url, SSL_CTX **tls)
{
    if (!*tls && !(*tls = make_context(w)))
        return false;
    w->ssl = SSL_new(*tls);
    if (!w->ssl || SSL_set_fd(w->ssl, w->fd) != 1 || !expect_host(w->ssl, url)) {
        ERR_clear_error();
        return fail(w, "TLS could not be set up");
    }
    for (int done; (done = SSL_connect(w->ssl)) != 1;)
        if (!await_tls(w, done, "no end of the TLS handshake"))
            return false;
    return true;
}

/* ---- all of it ---- */

bool webhook_wire_open(struct webhook_wire *w, const struct webhook_url *url, SSL_CTX **tls)
{
    return open_socket(w, url) && (!url->tls || open_tls(w, url, tls));
}

bool webhook_wire_write(struct webhook_wire *w, struct span bytes)
{
    while (bytes.n > 0) {
        size_t taken = 0;
        if (w->ssl) {
            int done = SSL_write_ex(w->ssl, bytes.p, bytes.n, &taken);
            if (done != 1 && !await_tls(w, done, "the request was not taken"))
                return false;
        } else {
            ssize_t n = send(w->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
            taken = n > 0 ? (size_t)n : 0;
            if (n < 0 && errno != EAGAIN && errno != EINTR)
                return fail(w, "the connection broke: %s", strerror(errno));
            if (n < 0 && errno == EAGAIN && !await(w, POLLOUT, w->deadline, "the request was not taken"))
                return false;
        }
        bytes.p += taken;
        bytes.n -= taken;
    }
    return true;
}

static long read_tls(struct webhook_wire *w, char *out, size_t n)
{
    for (;;) {
        size_t got;
        int done = SSL_read_ex(w->ssl, out, n, &got);
        if (done == 1)
            return (long)got;
        if (SSL_get_error(w->ssl, done) == SSL_ERROR_ZERO_RETURN)
            return 0;
        if (!await_tls(w, done, "no answer"))
            return -1;
    }
}

long webhook_wire_read(struct webhook_wire *w, char *out, size_t n)
{
    if (w->ssl)
        return read_tls(w, out, n);
    for (;;) {
        ssize_t got = recv(w->fd, out, n, 0);
        if (got >= 0)
            return got;
        if (errno != EAGAIN && errno != EINTR) {
            fail(w, "the connection broke: %s", strerror(errno));
            return -1;
        }
        if (errno == EAGAIN && !await(w, POLLIN, w->deadline, "no answer"))
            return -1;
    }
}

void webhook_wire_close(struct webhook_wire *w)
{
    SSL_free(w->ssl);
    w->ssl = NULL;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}
