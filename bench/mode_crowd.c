/* SPDX-License-Identifier: MIT
 *
 * A crowd whose connections end all at once. It comes in from CROWD_SOURCES addresses, says `open`, and waits for a line on
 * its standard input; then it ends them, or stays silent until the server does, says `first` when one has ended and `closed`
 * when all have. From `open` on nothing is read, so the crowd costs the machine nothing, and pings stay unanswered.
 *
 *     silent      connections that send nothing
 *     heads       half of a request's head
 *     joined      WebSockets, in rooms of --room-size
 *
 * How they end (the line on standard input):
 *
 *     wait        the server ends them: their time is over
 *     reset       RST
 *     close       the sockets are closed: FIN
 *     closing     a Close frame, and the sockets stay open until the server closes them
 */
#include "bench/mode.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CROWD_SOURCES = 20,
    PATIENCE_MS = 60000,
};

static const char HALF_A_HEAD[] = "GET /health HTTP/1.1\r\nHost: loc";
/* 1000, masked with zeros */
static const char CLOSE_FRAME[] = {(char)0x88, (char)0x82, 0, 0, 0, 0, 0x03, (char)0xe8};

struct crowd {
    const struct load_options *options;
    struct fleet *fleet; /* owned; NULL: no WebSockets */
    int *sockets;        /* owned array; -1: ended */
};

static void say(const char *word)
{
    puts(word);
    fflush(stdout);
}

static bool dial(const struct crowd *c, unsigned i, struct span text)
{
    const struct load_options *o = c->options;
    const struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = fleet_address(i, CROWD_SOURCES)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    c->sockets[i] = fd;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(fd, (const struct sockaddr *)&from, sizeof from) == 0 &&
           connect(fd, (const struct sockaddr *)&o->fleet.server, sizeof o->fleet.server) == 0 &&
           send(fd, text.p, text.n, MSG_NOSIGNAL) == (ssize_t)text.n;
}

static bool dial_all(const struct crowd *c, struct span text)
{
    for (unsigned i = 0; i < c->options->fleet.clients; i++)
        if (!dial(c, i, text)) {
            fprintf(stderr, "load: client %u cannot connect: %s\n", i, strerror(errno));
            return false;
        }
    return true;
}

static bool join_all(struct crowd *c)
{
    if (!fleet_join(c->fleet) || !fleet_quiet(c->fleet, 500)) {
        fprintf(stderr, "load: %s\n", c->fleet->problem);
        return false;
    }
    for (unsigned i = 0; i < c->options->fleet.clients; i++)
        c->sockets[i] = c->fleet->clients[i].ws.fd;
    return true;
}

static bool come(struct crowd *c)
{
    const char *kind = c->options->kind ? c->options->kind : "";
    if (strcmp(kind, "silent") == 0)
        return dial_all(c, SPAN(""));
    if (strcmp(kind, "heads") == 0)
        return dial_all(c, SPAN(HALF_A_HEAD));
    if (strcmp(kind, "joined") == 0)
        return join_all(c);
    fputs("load: crowd needs a --kind: silent, heads or joined\n", stderr);
    return false;
}

/* With one call each and nothing in between, so that they end as much at once as they can. */
static bool begin_end(const struct crowd *c, const char *how)
{
    const struct linger reset = {.l_onoff = 1};
    unsigned n = c->options->fleet.clients;
    if (strcmp(how, "reset\n") == 0)
        for (unsigned i = 0; i < n; i++)
            setsockopt(c->sockets[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    bool ends = strcmp(how, "reset\n") == 0 || strcmp(how, "close\n") == 0;
    for (unsigned i = 0; ends && i < n; i++) {
        close(c->sockets[i]);
        c->sockets[i] = -1;
    }
    bool says = strcmp(how, "closing\n") == 0;
    for (unsigned i = 0; says && i < n; i++)
        (void)!send(c->sockets[i], CLOSE_FRAME, sizeof CLOSE_FRAME, MSG_NOSIGNAL);
    return ends || says || strcmp(how, "wait\n") == 0;
}

/* Nothing is read: what is waited for is the end of the server's side, one after the other. */
static bool await_end(const struct crowd *c)
{
    for (unsigned i = 0; i < c->options->fleet.clients; i++) {
        struct pollfd polled = {.fd = c->sockets[i], .events = POLLRDHUP};
        if (polled.fd >= 0 && poll(&polled, 1, PATIENCE_MS) != 1) {
            fputs("load: the server does not end the crowd\n", stderr);
            return false;
        }
        if (i == 0)
            say("first");
    }
    say("closed");
    return true;
}

bool mode_crowd(const struct load_options *o)
{
    struct crowd c = {.options = o, .sockets = calloc(o->fleet.clients, sizeof *c.sockets)};
    struct fleet_options options = o->fleet;
    options.sources = CROWD_SOURCES;
    c.fleet = fleet_new(&options); /* which sees to the descriptors */
    bool ok = c.sockets && c.fleet && come(&c);
    char how[16];
    if (ok)
        say("open");
    ok = ok && fgets(how, sizeof how, stdin) && begin_end(&c, how) && await_end(&c);
    free(c.sockets);
    free(c.fleet); /* what it owns goes with the process, at once */
    return ok;
}
