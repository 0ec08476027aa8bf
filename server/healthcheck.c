/* SPDX-License-Identifier: MIT
 *
 * --healthcheck: GET /health on the first listen address, so that an image needs no curl. [::] and 0.0.0.0 are
 * reached by connecting to them, which is the machine itself. Where a PROXY header comes first, ours says that nobody is
 * behind us.
 */
#include <openssl/ssl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "server/app.h"
#include "server/io/listen_address.h"
#include "server/io/proxy_header.h"

enum {
    PATIENCE_S = 3,
    ANSWER_MAX = 2048
};

static const char REQUEST[] = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

static bool port_is_known(const struct listen_address *a)
{
    /* The port lies at the same place in both. */
    return a->at.any.sa_family == AF_UNIX || a->at.in.sin_port != 0;
}

/* Over TLS. The certificate is not looked at: whom it is for is no business of a daemon that asks itself. */
static bool exchange_secure(int fd, char *text, size_t size)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;
    size_t n = 0;
    bool ok = ssl && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1 &&
              SSL_write(ssl, REQUEST, sizeof REQUEST - 1) == (int)sizeof REQUEST - 1;
    for (int got = 1; ok && got > 0 && n<size - 1; n += got> 0 ? (size_t)got : 0)
        got = SSL_read(ssl, text + n, (int)(size - 1 - n));
    text[n] = '\0';
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    if (n == 0)
        errno = EPROTO;
    return n > 0;
}

/* A connection, or -1 with errno. Without IPv6 in the system, or (as in most containers) on its interfaces, a daemon at
 * [::] is reached over IPv4. */
static int reach(struct listen_address *a)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(a->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (connect(fd, &a->at.any, a->len) == 0)
            return fd;
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    if ((error == EAFNOSUPPORT || error == EADDRNOTAVAIL) && listen_address_without_ipv6(a))
        return reach(a);
    errno = error;
    return -1;
}

/* The answer up to its end, or false with errno set. */
static bool exchange(int fd, const struct listen_address *a, bool secure, char *text, size_t size)
{
    if (a->proxy && send(fd, PROXY_HEADER_OF_OURSELVES, PROXY_HEADER_LEAST, MSG_NOSIGNAL) != PROXY_HEADER_LEAST)
        return false;
    if (secure && a->at.any.sa_family != AF_UNIX)
        return exchange_secure(fd, text, size);
    if (send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) < 0)
        return false;
    size_t n = 0;
    ssize_t got = 0;
    while (n < size - 1 && (got = recv(fd, text + n, size - 1 - n, 0)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    return got >= 0;
}

static bool ask(const char *address, bool secure, struct err *e)
{
    struct listen_address a;
    if (!listen_address_parse(address, &a, e))
        return false;
    if (!port_is_known(&a))
        return err_set(e, "%s: cannot ask port 0 for its health: give the port with --listen", address);
    char text[ANSWER_MAX];
    int fd = reach(&a);
    bool answered = fd >= 0 && exchange(fd, &a, secure, text, sizeof text);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (!answered)
        return err_set(e, "%s: %s", address, error == EAGAIN ? "no answer in time" : strerror(error));
    if (strncmp(text, "HTTP/1.1 200 ", 13) != 0)
        return err_set(e, "%s: answered \"%.*s\"", address, (int)strcspn(text, "\r\n"), text);
    return true;
}

int healthcheck(const struct config *config)
{
    size_t n;
    const char *const *addresses = config_list(config, OPTION_SERVER_LISTEN, &n);
    struct err e;
    if (ask(addresses[0], *config_text(config, OPTION_TLS_CERTIFICATE) != 0, &e)) {
        puts("ok");
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "usherd: %s\n", e.text);
    return EXIT_FAILURE;
}
