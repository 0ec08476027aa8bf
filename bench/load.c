/* SPDX-License-Identifier: MIT
 *
 * The load generator: thousands of WebSocket clients in one thread. This file reads the command line and picks a mode
 * (mode.h); fleet.h holds the clients, ws_client.h a connection, dialect.h what is said on it, stats.h the figures.
 */
#include "bench/mode.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct mode {
    const char *name;
    bool (*run)(const struct load_options *options);
    unsigned clients; /* unless --clients */
};

static const struct mode modes[] = {
    {"relay", mode_relay, 200},
    {"star", mode_star, 192},
    {"pace", mode_pace, 20},
    {"flood", mode_flood, 1},
    {"crowd", mode_crowd, 9000},
    {"pulse", mode_pulse, 1},
    {"join", mode_join, 18000},
    {"idle", mode_idle, 18000},
};

static const struct dialect *const dialects[] = {&native_dialect, &socketio_dialect};

static const char usage[] =
    "usage: load MODE --server ADDRESS:PORT --pid PID [option]...\n"
    "  relay  pairs exchange signals; prints messages relayed a second, and a second of the server's processor time\n"
    "  star   in each room all exchange signals with one; prints as relay does\n"
    "  pace   pairs exchange signals at a steady rate; prints what one relay takes\n"
    "  flood  as much of --kind as one client can make, whatever the server answers; prints how much it was\n"
    "  crowd  all clients of --kind come in, and end at once: see mode_crowd.c\n"
    "  pulse  asks for /health --rate times a second; prints what the slowest answer took\n"
    "  join   all clients come in; prints joins a second, of all, the first and the last thousand\n"
    "  idle   all clients come in and stay silent for --seconds; prints the server's memory before and after\n"
    "options\n"
    "  --server ADDRESS:PORT  an IPv4 address of this machine\n"
    "  --also ADDRESS:PORT    another server of its cluster, of up to 7: clients go to all of them in turn\n"
    "  --pid PID              the server's process\n"
    "  --dialect NAME         native (default) or socketio\n"
    "  --clients N            relay: 200, pace: 20, flood: 1, crowd: 9000, join and idle: 18000\n"
    "  --room-size N          members of a room (2; relay and pace: always 2)\n"
    "  --tls                  speak TLS; the server's certificate is not checked\n"
    "  --proxied              each client names an address of its own in X-Forwarded-For, as behind a proxy\n"
    "  --spin                 never sleep, so that the server has nobody to wake\n"
    "  --join-rate N          clients that begin to come in a second (as fast as --handshakes lets them)\n"
    "  --handshakes N         handshakes under way at once (64)\n"
    "  --window N             relay, star: signals in flight from each side of a pair, or from each member (4)\n"
    "  --one-sided            relay: one side of each pair begins, so that its signals always go together\n"
    "  --rate N               pace: signals a second, of all clients together (1000)\n"
    "  --kind KIND            flood: one of those in mode_flood.c, such as pongs or lists\n"
    "  --room ROOM            flood of passwords or tokens: a room that was made with a password\n"
    "  --payload N            relay, star: bytes of the description in each signal (200)\n"
    "  --warmup S             relay, star, pace: seconds before measuring (1)\n"
    "  --seconds S            relay, star, pace: seconds measured; flood: of it; idle: seconds of silence (5)\n";

enum option_id {
    SERVER = 1,
    ALSO,
    JOIN_RATE,
    PID,
    DIALECT,
    CLIENTS,
    ROOM_SIZE,
    HANDSHAKES,
    WINDOW,
    RATE,
    KIND,
    ROOM,
    PAYLOAD,
    WARMUP,
    DURATION,
    TLS,
    PROXIED,
    SPIN,
    ONE_SIDED,
};

static bool parse_number(const char *text, unsigned min, unsigned max, unsigned *out)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno || end == text || *end || n < min || n > max)
        return false;
    *out = (unsigned)n;
    return true;
}

static bool parse_seconds(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= 0 && *out <= 3600;
}

static bool parse_server(const char *text, struct sockaddr_in *out)
{
    char address[INET_ADDRSTRLEN];
    const char *colon = strrchr(text, ':');
    unsigned port;
    if (!colon || (size_t)(colon - text) >= sizeof address || !parse_number(colon + 1, 1, 65535, &port))
        return false;
    memcpy(address, text, (size_t)(colon - text));
    address[colon - text] = '\0';
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, address, &out->sin_addr) == 1;
}

static bool parse_dialect(const char *text, const struct dialect **out)
{
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++) {
        if (strcmp(dialects[i]->name, text) == 0) {
            *out = dialects[i];
            return true;
        }
    }
    return false;
}

static bool parse_option(int option, const char *text, struct load_options *o)
{
    unsigned pid;
    switch (option) {
    case SERVER:
        return parse_server(text, &o->fleet.server);
    case ALSO:
        return o->fleet.also_n < FLEET_ALSO_MAX && parse_server(text, &o->fleet.also[o->fleet.also_n++]);
    case JOIN_RATE:
        return parse_number(text, 1, 1000000, &o->fleet.join_rate);
    case PID:
        if (!parse_number(text, 1, 1U << 30, &pid))
            return false;
        o->server = (pid_t)pid;
        return true;
    case DIALECT:
        return parse_dialect(text, &o->fleet.dialect);
    case CLIENTS:
        return parse_number(text, 1, FLEET_MAX, &o->fleet.clients);
    case ROOM_SIZE:
        return parse_number(text, 1, 1000, &o->fleet.room_size);
    case HANDSHAKES:
        return parse_number(text, 1, FLEET_MAX, &o->fleet.handshakes);
    case WINDOW:
        return parse_number(text, 1, 1000, &o->window);
    case RATE:
        return parse_number(text, 1, 1000000, &o->rate);
    case KIND:
        o->kind = text;
        return true;
    case ROOM:
        o->room = text;
        return true;
    case PAYLOAD:
        return parse_number(text, 1, 65000, &o->payload);
    case WARMUP:
        return parse_seconds(text, &o->warmup);
    case DURATION:
        return parse_seconds(text, &o->seconds);
    case TLS:
        o->fleet.tls = true;
        return true;
    case SPIN:
        o->fleet.spin = true;
        return true;
    case ONE_SIDED:
        o->one_sided = true;
        return true;
    case PROXIED:
        o->fleet.proxied = true;
        return true;
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct load_options *o)
{
    static const struct option names[] = {
        {"server", required_argument, NULL, SERVER},
        {"also", required_argument, NULL, ALSO},
        {"join-rate", required_argument, NULL, JOIN_RATE},
        {"pid", required_argument, NULL, PID},
        {"dialect", required_argument, NULL, DIALECT},
        {"clients", required_argument, NULL, CLIENTS},
        {"room-size", required_argument, NULL, ROOM_SIZE},
        {"handshakes", required_argument, NULL, HANDSHAKES},
        {"window", required_argument, NULL, WINDOW},
        {"rate", required_argument, NULL, RATE},
        {"kind", required_argument, NULL, KIND},
        {"room", required_argument, NULL, ROOM},
        {"payload", required_argument, NULL, PAYLOAD},
        {"warmup", required_argument, NULL, WARMUP},
        {"seconds", required_argument, NULL, DURATION},
        {"tls", no_argument, NULL, TLS},
        {"proxied", no_argument, NULL, PROXIED},
        {"spin", no_argument, NULL, SPIN},
        {"one-sided", no_argument, NULL, ONE_SIDED},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == '?')
            return false;
        if (!parse_option(option, optarg, o)) {
            fprintf(stderr, "load: \"%s\" is not a value for this option\n", optarg);
            return false;
        }
    }
    if (optind < argc || !o->server || !o->fleet.server.sin_port) {
        fputs("load: --server and --pid are needed, and nothing that is no option\n", stderr);
        return false;
    }
    return true;
}

static const struct mode *find_mode(const char *name)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    return NULL;
}

int main(int argc, char **argv)
{
    const struct mode *mode = argc > 1 ? find_mode(argv[1]) : NULL;
    struct load_options options = {
        .fleet = {.dialect = &native_dialect, .room_size = 2, .handshakes = 64},
        .window = 4,
        .rate = 1000,
        .payload = 200,
        .warmup = 1,
        .seconds = 5,
    };
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    if (!mode) {
        fputs(usage, stderr);
        return 2;
    }
    options.fleet.clients = mode->clients;
    if (!parse_options(argc - 1, argv + 1, &options))
        return 2;
    options.fleet.stamped = mode->run == mode_pace;
    if (mode->run == mode_relay || mode->run == mode_pace) {
        options.fleet.room_size = 2;
        options.fleet.clients += options.fleet.clients & 1U;
    }
    return mode->run(&options) ? 0 : 1;
}
