/* SPDX-License-Identifier: MIT
 *
 * The one table of options: name, type, bounds, default, meaning. The parser, --print-config, conf/usherd.conf and
 * usherd.conf(5) all follow it, and a test holds the last two to it.
 *
 *     X(name, section, key, type, least, most, default, choices, flags, meaning)
 *
 * Bounds are of the number, of a text's bytes, or of a list's entries; durations in milliseconds, sizes in bytes.
 * Defaults are written as a person would write them in the file.
 */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

enum option_type {
    OPTION_BOOL,
    OPTION_INTEGER,
    OPTION_SIZE,
    OPTION_DURATION,
    OPTION_TEXT,
    OPTION_ENUM,
    OPTION_LIST,
};

enum option_flags {
    OPTION_RELOAD = 1, /* SIGHUP takes a new value over */
    OPTION_SECRET = 2, /* never printed, never logged */
    OPTION_FILE = 4,   /* names a file, a secret may: %d/NAME in it is a credential of the service manager's */
};

enum {
    OPTION_TEXT_MAX = 1024,      /* bytes of one text; a file's line cannot hold more than 197 anyway */
    OPTION_LIST_MAX = 64,        /* entries of one list */
    OPTION_WEBHOOKS_MAX = 8,     /* receivers: a thread and a queue each */
    OPTION_WEB_SERVERS_MAX = 15, /* a peer takes 16, and this server is one */
    OPTION_COUNT_MAX = 1000000000,
    OPTION_SIZE_MAX = 1024 * 1024 * 1024,
};
#define OPTION_DAY_MS 86400000ULL

#define OPTIONS(X)                                                                                                     \
    X(SERVER_LISTEN, "server", "listen", LIST, 1, 16, "[::]:4000", "", 0,                                              \
        "an address to listen on: ADDR:PORT, [ADDR]:PORT or unix:PATH; repeat the line for several; port 0 takes any " \
        "free one; with the word proxy behind it, each connection must begin with a PROXY protocol header of version " \
        "2, so let nobody but the proxy get there")                                                                    \
    X(SERVER_NODE, "server", "node", TEXT, 1, 32, "n1", "", 0,                                                         \
        "this daemon's name, the first part of every peer id it gives out: 1 to 32 of A-Z a-z 0-9 _ -")                \
    X(SERVER_STATE_DIR, "server", "state_dir", TEXT, 0, OPTION_TEXT_MAX, "", "", 0,                                    \
        "where the daemon keeps its keys and rooms; empty: $STATE_DIRECTORY, else $XDG_STATE_HOME/usherd")             \
    X(SERVER_WEB_ROOT, "server", "web_root", TEXT, 0, OPTION_TEXT_MAX, "packaged", "", OPTION_RELOAD,                  \
        "the folder of the page served at / and at /room/ID; packaged: the one that came with the program, if it is "  \
        "installed; empty: none")                                                                                      \
    X(SERVER_WEB_SERVERS, "server", "web_servers", LIST, 0, OPTION_WEB_SERVERS_MAX, "", "", OPTION_RELOAD,             \
        "further servers that the page goes to when this one fails, such as wss://b.example; repeat the line for "     \
        "several. The order counts, and must be the same on all of them: name this server, too, unless it is first")   \
    X(SERVER_SIM_ROOT, "server", "sim_root", TEXT, 0, OPTION_TEXT_MAX, "", "", OPTION_RELOAD,                          \
        "the folder of the page served at /sim, in which a run of the simulator is replayed: share/usher/sim where "   \
        "usher is installed; empty: none")                                                                             \
    X(SERVER_LOG_LEVEL, "server", "log_level", ENUM, 0, 0, "info", "error warning notice info debug", OPTION_RELOAD,   \
        "the least important kind of record that is logged")                                                           \
    X(SERVER_LOG_FORMAT, "server", "log_format", ENUM, 0, 0, "auto", "auto text journal json", OPTION_RELOAD,          \
        "how records are written to standard error; auto: journal under systemd, else text")                           \
    X(SERVER_PING_INTERVAL, "server", "ping_interval", DURATION, 0, OPTION_DAY_MS, "25s", "", OPTION_RELOAD,           \
        "how long a connection may be silent before it is pinged; keep it below the idle timeout of every proxy")      \
    X(SERVER_PING_TIMEOUT, "server", "ping_timeout", DURATION, 0, OPTION_DAY_MS, "20s", "", OPTION_RELOAD,             \
        "how long the answer to a ping may take before the connection counts as broken")                               \
    X(SERVER_RESUME_GRACE, "server", "resume_grace", DURATION, 0, OPTION_DAY_MS, "30s", "", OPTION_RELOAD,             \
        "how long the seat of a broken connection is kept for its return")                                             \
    X(SERVER_DRAIN_TIMEOUT, "server", "drain_timeout", DURATION, 0, OPTION_DAY_MS, "10s", "", OPTION_RELOAD,           \
        "how long a stopping daemon waits for its connections to close")                                               \
    X(SERVER_ORIGINS, "server", "origins", LIST, 0, OPTION_LIST_MAX, "*", "", OPTION_RELOAD,                           \
        "web origins whose pages may connect, such as https://app.example; *: all; a client that names no origin is "  \
        "no web page and may")                                                                                         \
    X(SERVER_TRUSTED_PROXIES, "server", "trusted_proxies", LIST, 0, OPTION_LIST_MAX, "", "", OPTION_RELOAD,            \
        "addresses or networks of proxies whose X-Forwarded-For is believed; unix: whoever comes through a unix "      \
        "socket")                                                                                                      \
    X(SERVER_METRICS_ALLOW, "server", "metrics_allow", LIST, 0, OPTION_LIST_MAX, "", "", OPTION_RELOAD,                \
        "addresses or networks, besides loopback, that may read /metrics")                                             \
    X(TLS_CERTIFICATE, "tls", "certificate", TEXT, 0, OPTION_TEXT_MAX, "", "", OPTION_RELOAD | OPTION_FILE,            \
        "the PEM file of the certificate chain; empty: no TLS")                                                        \
    X(TLS_KEY, "tls", "key", TEXT, 0, OPTION_TEXT_MAX, "", "", OPTION_RELOAD | OPTION_FILE,                            \
        "the PEM file of the certificate's key")                                                                       \
    X(LIMITS_MAX_CONNECTIONS, "limits", "max_connections", INTEGER, 0, OPTION_COUNT_MAX, "100000", "", OPTION_RELOAD,  \
        "connections in all; 0: as many as the process has descriptors")                                               \
    X(LIMITS_MAX_CONNECTIONS_PER_ADDRESS, "limits", "max_connections_per_address", INTEGER, 0, OPTION_COUNT_MAX,       \
        "1000", "", OPTION_RELOAD,                                                                                     \
        "connections from one address; 0: no limit. Behind a proxy set server.trusted_proxies")                        \
    X(LIMITS_CONNECTION_RATE, "limits", "connection_rate", INTEGER, 0, OPTION_COUNT_MAX, "50", "", OPTION_RELOAD,      \
        "new connections a second from one address; 0: no limit")                                                      \
    X(LIMITS_CONNECTION_BURST, "limits", "connection_burst", INTEGER, 0, OPTION_COUNT_MAX, "500", "", OPTION_RELOAD,   \
        "new connections from one address at once, above its rate; 0: no limit")                                       \
    X(LIMITS_MAX_ROOMS, "limits", "max_rooms", INTEGER, 0, OPTION_COUNT_MAX, "100000", "", OPTION_RELOAD,              \
        "rooms in all; 0: no limit")                                                                                   \
    X(LIMITS_MAX_ROOM_MEMBERS, "limits", "max_room_members", INTEGER, 0, OPTION_COUNT_MAX, "64", "", OPTION_RELOAD,    \
        "members of one room; 0: no limit")                                                                            \
    X(LIMITS_MAX_FRAME, "limits", "max_frame", SIZE, 0, 1024 * 1024, "64K", "", OPTION_RELOAD,                         \
        "bytes of one message from a client; 0: 1M")                                                                   \
    X(LIMITS_MAX_QUEUE, "limits", "max_queue", SIZE, 0, OPTION_SIZE_MAX, "256K", "", OPTION_RELOAD,                    \
        "bytes waiting for a client that does not read, above which it is dropped; 0: no limit")                       \
    X(LIMITS_MESSAGE_RATE, "limits", "message_rate", INTEGER, 0, OPTION_COUNT_MAX, "100", "", OPTION_RELOAD,           \
        "messages a second from one connection, above which it is read no faster; 0: no limit")                        \
    X(LIMITS_MESSAGE_BURST, "limits", "message_burst", INTEGER, 0, OPTION_COUNT_MAX, "1000", "", OPTION_RELOAD,        \
        "messages from one connection at once, above its rate; 0: no limit")                                           \
    X(LIMITS_JOIN_RATE, "limits", "join_rate", INTEGER, 0, OPTION_COUNT_MAX, "20", "", OPTION_RELOAD,                  \
        "joins and rooms made over HTTP a second from one address, ten times that at once, and 1000 such rooms kept; " \
        "0: no limit")                                                                                                 \
    X(LIMITS_JOIN_TIMEOUT, "limits", "join_timeout", DURATION, 0, OPTION_DAY_MS, "10s", "", OPTION_RELOAD,             \
        "how long a connection may stay outside a room; 0: for ever")                                                  \
    X(LIMITS_AUTH_FAILURES, "limits", "auth_failures", INTEGER, 0, 60000, "10", "", OPTION_RELOAD,                     \
        "wrong passwords or tokens a minute from one address, above which it is refused unheard; after the third it "  \
        "waits longer each time; 0: no limit")                                                                         \
    X(ROOMS_AUTO_CREATE, "rooms", "auto_create", BOOL, 0, 1, "yes", "", OPTION_RELOAD,                                 \
        "whether join-room makes a room that does not exist")                                                          \
    X(ROOMS_LISTED, "rooms", "listed", BOOL, 0, 1, "no", "", OPTION_RELOAD,                                            \
        "whether a room made by join-room is shown in the list of rooms")                                              \
    X(ROOMS_LINGER, "rooms", "linger", DURATION, 0, OPTION_DAY_MS, "0s", "", OPTION_RELOAD,                            \
        "how long an empty room made by join-room is kept")                                                            \
    X(ROOMS_TTL, "rooms", "ttl", DURATION, 0, 365 * OPTION_DAY_MS, "24h", "", OPTION_RELOAD,                           \
        "how long an empty room made over HTTP is kept")                                                               \
    X(AUTH_REQUIRED, "auth", "required", BOOL, 0, 1, "no", "", OPTION_RELOAD, "whether join-room needs a token")       \
    X(AUTH_ALGORITHMS, "auth", "algorithms", LIST, 0, OPTION_LIST_MAX, "", "", OPTION_RELOAD,                          \
        "signature algorithms that keys may name, of HS256 HS384 HS512 RS256 ES256; empty: all of them")               \
    X(AUTH_KEYS, "auth", "keys", LIST, 0, OPTION_LIST_MAX, "", "", OPTION_RELOAD | OPTION_FILE,                        \
        "files of the keys that tokens are checked with, one key a file as KEY FILES of usherd.conf(5) shows; "        \
        "several while keys change")                                                                                   \
    X(AUTH_ADMIN, "auth", "admin", LIST, 0, OPTION_LIST_MAX, "", "", OPTION_RELOAD,                                    \
        "subjects whose tokens may close any room, besides those with the claim admin")                                \
    X(AUTH_LEEWAY, "auth", "leeway", DURATION, 0, 3600000, "30s", "", OPTION_RELOAD,                                   \
        "how far the clocks of those who make tokens may be off: exp, nbf and iat are judged with so much tolerance")  \
    X(ICE_STUN, "ice", "stun", LIST, 0, OPTION_LIST_MAX, "", "", OPTION_RELOAD,                                        \
        "STUN servers told to clients, such as stun:stun.l.google.com:19302; peers on different networks need one")    \
    X(ICE_STUN_LISTEN, "ice", "stun_listen", TEXT, 0, OPTION_TEXT_MAX, "", "", OPTION_RELOAD,                          \
        "a UDP address where the daemon is a STUN server itself, such as [::]:3478; clients are told of it under the " \
        "host that they connected to")                                                                                 \
    X(ICE_STUN_PUBLIC, "ice", "stun_public", TEXT, 0, OPTION_TEXT_MAX, "", "", OPTION_RELOAD,                          \
        "HOST:PORT under which clients reach stun_listen, where that is not the host that they connected to")          \
    X(ICE_TURN, "ice", "turn", LIST, 0, OPTION_LIST_MAX, "", "", OPTION_RELOAD,                                        \
        "TURN servers told to clients, such as turn:turn.example:3478?transport=udp")                                  \
    X(ICE_TURN_SECRET, "ice", "turn_secret", TEXT, 0, OPTION_TEXT_MAX, "", "",                                         \
        OPTION_RELOAD | OPTION_SECRET | OPTION_FILE,                                                                   \
        "the secret shared with the TURN servers, from which time-limited credentials are made; @FILE: what is in "    \
        "FILE")                                                                                                        \
    X(ICE_TURN_TTL, "ice", "turn_ttl", DURATION, 1000, 7 * OPTION_DAY_MS, "1h", "", OPTION_RELOAD,                     \
        "how long TURN credentials are good")                                                                          \
    X(WEBHOOKS_URL, "webhooks", "url", LIST, 0, OPTION_WEBHOOKS_MAX, "", "", OPTION_RELOAD,                            \
        "a URL where what happens in rooms is told, such as https://app.example/usher; each has a queue of its own")   \
    X(WEBHOOKS_SECRET, "webhooks", "secret", TEXT, 0, OPTION_TEXT_MAX, "", "",                                         \
        OPTION_RELOAD | OPTION_SECRET | OPTION_FILE,                                                                   \
        "the secret that signs what is told there, of 16 to 256 bytes; @FILE: what is in FILE")                        \
    X(DIALECTS_SOCKETIO, "dialects", "socketio", BOOL, 0, 1, "yes", "", OPTION_RELOAD,                                 \
        "whether socket.io-client 4 is served at /socket.io/")                                                         \
    X(DIALECTS_PEERJS, "dialects", "peerjs", BOOL, 0, 1, "yes", "", OPTION_RELOAD,                                     \
        "whether peerjs is served, at /peerjs and every path that ends so")                                            \
    X(DIALECTS_PEERJS_KEYS, "dialects", "peerjs_keys", LIST, 0, OPTION_LIST_MAX, "peerjs", "", OPTION_RELOAD,          \
        "the keys that clients of peerjs may name, each with names of its own: 1 to 64 of A-Z a-z 0-9 _ -")            \
    X(DIALECTS_PEERJS_DISCOVERY, "dialects", "peerjs_discovery", BOOL, 0, 1, "no", "", OPTION_RELOAD,                  \
        "whether anybody may list the names of clients of peerjs, at /peerjs/peers")                                   \
    X(DIALECTS_YWEBRTC, "dialects", "ywebrtc", BOOL, 0, 1, "no", "", OPTION_RELOAD,                                    \
        "whether y-webrtc is served at /y-webrtc")                                                                     \
    X(CLUSTER_REDIS, "cluster", "redis", TEXT, 0, OPTION_TEXT_MAX, "", "", OPTION_SECRET | OPTION_FILE,                \
        "the Redis or Valkey that several daemons share, as redis://USER:PASSWORD@HOST:PORT/DATABASE or unix:/PATH; "  \
        "empty: this daemon is alone; @FILE: what is in FILE")                                                         \
    X(CLUSTER_NODE_SECRET, "cluster", "node_secret", TEXT, 0, OPTION_TEXT_MAX, "", "", OPTION_SECRET | OPTION_FILE,    \
        "the secret that all daemons of a cluster share, of 32 to 256 bytes: what `openssl rand -hex 32` prints; "     \
        "@FILE: what is in FILE")                                                                                      \
    X(CLUSTER_LEASE, "cluster", "lease", DURATION, 3000, OPTION_DAY_MS, "15s", "", 0,                                  \
        "how long a silent daemon counts as alive: as long it takes until the peers of one that died have left")

enum option_id {
#define X(name, ...) OPTION_##name,
    OPTIONS(X)
#undef X
    OPTION_COUNT
};

struct option {
    const char *section;
    const char *key;
    const char *def;     /* default, as text; "" for none */
    const char *choices; /* OPTION_ENUM: words with a space between */
    const char *meaning;
    unsigned long long least, most;
    enum option_type type;
    unsigned flags;
};

extern const struct option options[OPTION_COUNT];

#endif
