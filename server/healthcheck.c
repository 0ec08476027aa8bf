/* SPDX-License-Identifier: MIT
 *
 * --healthcheck: GET /health on the first listen address, so that an image needs no curl. [::] and 0.0.0.0 are
 * reached by connecting to them, which is the machine itself. Where a PROXY header comes first, ours says that nobody is
 * behind us.
 *
 * Of the settings nothing is judged but where to ask: a daemon that runs is not ill because a file was moved, or is being
 * edited. The daemon may even have been started before TLS was set, or removed; then it is asked the other way.
 *
 * All of it together has PATIENCE_MS: whoever answers a byte at a time is not well.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "server/app.h"
#include "server/adapters/logger.h"
#include "server/io/listen_address.h"
#include "server/io/proxy_header.h"

enum {
    PATIENCE_MS = 3000,
    ANSWER_MAX = 2048
};

static const char REQUEST[] = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

static bool port_is_known(const struct listen_address *a)
{
    /* The port lies at the same place in both. */
    return a->at.any.sa_family == AF_UNIX || a->at.in.sin_port != 0;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until something can be read, or written. False with errno when the time is over. */
static bool wait_for(int fd, short event, int64_t end)
{
    struct pollfd p = {.fd = fd, .events = event};
    for (;;) {
        int64_t left = end - now_ms();
        int happened = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (happened > 0)
            return true;
        if (happened == 0)
            errno = EAGAIN;
        if (happened == 0 || errno != EINTR)
            return false;
    }
}

/* A connection: a socket that does not wait, TLS on it or NULL, and when patience ends. */
struct asked {
    int fd;
    SSL *ssl;
    int64_t end;
};

/* What a call of TLS returned: whether it is to be made again. */
static bool again(const struct asked *d, int result)
{
    int why = SSL_get_error(d->ssl, result);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return wait_for(d->fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, d->end);
    errno = EPROTO;
    return false;
}

static bool shake(const struct asked *d)
{
    int result;
    while ((result = SSL_connect(d->ssl)) != 1)
        if (!again(d, result))
            return false;
    return true;
}

static bool put(const struct asked *d, const void *bytes, size_t n)
{
    for (const char *at = bytes; n > 0;) {
        int did = d->ssl ? SSL_write(d->ssl, at, (int)n) : (int)send(d->fd, at, n, MSG_NOSIGNAL);
        if (did > 0) {
            at += did;
            n -= (size_t)did;
        } else if (d->ssl ? !again(d, did) : errno != EAGAIN || !wait_for(d->fd, POLLOUT, d->end)) {
            return false;
        }
    }
    return true;
}

/* The answer's first line, or all of what is no more than that. False with errno. */
static bool get_line(const struct asked *d, char *text, size_t size)
{
    size_t n = 0;
    text[0] = '\0';
    while (n < size - 1 && !strchr(text, '\n')) {
        int got =
            d->ssl ? SSL_read(d->ssl, text + n, (int)(size - 1 - n)) : (int)recv(d->fd, text + n, size - 1 - n, 0);
        if (got == 0 || (got < 0 && d->ssl && SSL_get_error(d->ssl, got) == SSL_ERROR_ZERO_RETURN))
            break;
        if (got > 0)
            n += (size_t)got;
        else if (d->ssl ? !again(d, got) : errno != EAGAIN || !wait_for(d->fd, POLLIN, d->end))
            return false;
        text[n] = '\0';
    }
    if (n == 0)
        errno = ECONNRESET;
    return n > 0;
}

/* Over TLS. The certificate is not looked at: whom it is for is no business of a daemon that asks itself. */
static bool exchange_secure(struct asked *d, char *text, size_t size)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    d->ssl = ctx ? SSL_new(ctx) : NULL;
    ERR_clear_error(); /* SSL_get_error(3) looks at what is left there */
    errno = ENOMEM;
    bool ok = d->ssl && SSL_set_fd(d->ssl, d->fd) == 1 && shake(d) && put(d, REQUEST, sizeof REQUEST - 1) &&
              get_line(d, text, size);
    int error = errno;
    SSL_free(d->ssl);
    SSL_CTX_free(ctx);
    errno = error;
    return ok;
}

/* A socket that does not wait, once it is connected. */
static bool join(int fd, const struct listen_address *a)
{
    const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* socket(7): of connect(2), too */
    bool joined = connect(fd, &a->at.any, a->len) == 0;
    if (!joined && errno == EINPROGRESS)
        errno = EAGAIN;
    return joined && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

/* A connection, or -1 with errno. Without IPv6 in the system, or (as in most containers) on its interfaces, a daemon at
 * [::] is reached over IPv4. */
static int reach(struct listen_address *a)
{
    int fd = socket(a->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && join(fd, a))
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if ((error == EAFNOSUPPORT || error == EADDRNOTAVAIL) && listen_address_without_ipv6(a))
        return reach(a);
    errno = error;
    return -1;
}

/* The answer's first line, or false with errno set. */
static bool exchange(struct asked *d, const struct listen_address *a, bool secure, char *text, size_t size)
{
    if (a->proxy && !put(d, PROXY_HEADER_OF_OURSELVES, PROXY_HEADER_LEAST))
        return false;
    if (secure && a->at.any.sa_family != AF_UNIX)
        return exchange_secure(d, text, size);
    return put(d, REQUEST, sizeof REQUEST - 1) && get_line(d, text, size);
}

/* The line as it may stand on a terminal. */
static void keep_line(char *text)
{
    text[strcspn(text, "\r\n")] = '\0';
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

/* The answer's first line, or false with errno set. */
static bool ask(struct listen_address *a, bool secure, int64_t end, char *text, size_t size)
{
    struct asked d = {.end = end};
    d.fd = reach(a);
    bool answered = d.fd >= 0 && exchange(&d, a, secure, text, size);
    int error = errno;
    if (d.fd >= 0)
        close(d.fd);
    errno = error;
    if (answered)
        keep_line(text);
    return answered;
}

static bool is_line(const char *text, const char *status)
{
    return strncmp(text, "HTTP/1.1 ", 9) == 0 && strncmp(text + 9, status, 3) == 0 && text[12] == ' ';
}

/* Whether the daemon may speak TLS where the settings do not say so, or the other way round: it was not restarted since. */
static bool is_other_way(bool secure, bool answered, const char *text)
{
    return secure ? !answered && errno == EPROTO : answered && is_line(text, "400");
}

static bool is_well(const char *address, bool secure, struct err *e)
{
    struct listen_address a;
    if (!listen_address_parse(address, &a, e))
        return false;
    if (!port_is_known(&a))
        return err_set(e, "%s: cannot ask port 0 for its health: give the port with --listen", address);
    char text[ANSWER_MAX], other[ANSWER_MAX];
    int64_t end = now_ms() + PATIENCE_MS;
    bool answered = ask(&a, secure, end, text, sizeof text);
    int error = errno;
    if (is_other_way(secure, answered, text) && ask(&a, !secure, end, other, sizeof other) && is_line(other, "200"))
        return true;
    if (!answered)
        return err_set(e, "%s: %s", address, error == EAGAIN ? "no answer in time" : strerror(error));
    return is_line(text, "200") || err_set(e, "%s: answered \"%s\"", address, text);
}

int healthcheck(const struct launch *l)
{
    struct err e;
    struct config *c = app_load_to_ask(l, &e);
    size_t n;
    bool well = c && is_well(config_list(c, OPTION_SERVER_LISTEN, &n)[0], *config_text(c, OPTION_TLS_CERTIFICATE), &e);
    config_free(c);
    if (!well)
        logger_complain(e.text);
    return well && puts("ok") >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
