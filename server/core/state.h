/* SPDX-License-Identifier: MIT
 *
 * What the core is made of; only the files of this folder include it.
 *
 * A session is one connection, from the accepted socket to its end, found by its slot (events). A member is what a room
 * sees of a peer, found by the random part of its peer id (`to` of a relayed message); it has a session, or is away. A
 * room is a list through its members: the table of peer ids serves all rooms, since a table in each would cost more than
 * the members themselves.
 *
 * Everybody waits for each step, so what one does is bounded: by a few effects for each member of one room
 * (max_room_members), by the bounds below, and where much may be due at once by a batch of each kind (batch.h).
 */
#ifndef SERVER_CORE_STATE_H
#define SERVER_CORE_STATE_H

#include "base/text.h"
#include "protocol/dialect.h"
#include "protocol/limits.h"
#include "server/core/bucket.h"
#include "server/core/core.h"
#include "server/core/hash.h"
#include "server/core/table.h"
#include "server/core/resume_token.h"
#include "server/core/waiting.h"

enum {
    SLOTS_MAX = 1 << 24,          /* io numbers connections by small slots: more is no process's descriptors */
    ADDRESSES_IDLE_MAX = 1 << 16, /* addresses remembered for their rate only */
    PAUSE_MS = 100,               /* a paused connection is looked at this often */
    OWED_RETRY_MS = 100,          /* after memory ran out */
    AWAY_MAX = 1 << 16,           /* seats kept at once; of more, peers have left */
    TOMBSTONES_MAX = 1 << 16,     /* ends remembered after a start; of more, nobody returns from an earlier life */
    DELAYED_MAX = 128, /* attempts with a password or token that wait; of one address as many as it leaves free */
    ROOMS_PER_ADDRESS = ROOMS_KEPT_MAX / 10,
    TOPICS_PER_ADDRESS = ROOMS_PER_ADDRESS,
    ROOM_STORE_RETRY_MS = 5000, /* after rooms.json could not be written */
    HELD_SEAT_MAX = 64 * 1024,  /* bytes of frames kept for one seat */
    HELD_ALL_MAX = 16 * 1024 * 1024,
    HELD_SHARE = 8, /* what comes from one address may have this part of HELD_ALL_MAX */
    DIALECTS_MAX = 8,
    LETTERS_MAX = 1024, /* that wait for names which nobody has; of more, their senders are told at once */
    LETTERS_EACH = 64,  /* of one sender */
    LETTERS_BYTES_MAX = 4 * 1024 * 1024,
    LETTERS_TO_BYTES_MAX =
        HELD_SEAT_MAX, /* for one name: its client gets them all at once, and is to have room for them */
    LETTERS_SHARE = 8, /* one address may have this part of LETTERS_MAX and of LETTERS_BYTES_MAX */
    LETTER_MS = 5000,
    EXPECTS_CONNECT = 15, /* session.expects: more than a packet may have attachments */
};

enum session_state {
    SESSION_OPENED,     /* a socket; its WebSocket handshake is not done */
    SESSION_READY,      /* welcomed, in no room */
    SESSION_JOINED,     /* its member is in a room */
    SESSION_SUBSCRIBED, /* its member is in no room, and it has topics */
    SESSION_NAMED,      /* its member is in no room, and it has a name of its own */
    SESSION_CLOSING,    /* told to close; hears and says nothing more; its CORE_GONE is to come */
    SESSION_STATES
};

/* What a session's `alive` waits for. */
enum watch {
    WATCH_QUIET,  /* since its last sign of life: to be pinged */
    WATCH_PINGED, /* since its ping: to be given up */
    WATCH_PAUSED, /* since reading stopped: to be looked at again. Its pong would not be read, so none is asked for */
    WATCH_OWED,   /* something for it was lost for want of memory: to be closed */
    WATCHES,
    WATCH_NONE = WATCHES
};

/* Where what is said to a member goes. */
enum place {
    PLACE_NONE,    /* nowhere: it has no connection yet, or no more, and no seat is kept */
    PLACE_SESSION, /* to its session */
    PLACE_AWAY,    /* it is held, until the member comes back to its seat */
    PLACES
};

struct room;
struct member;
struct address_state;
struct pending;
struct name_list;

/* 136 bytes; with a member of 120, what malloc adds and their share of a room and of the tables an idle member costs some
 * 360 (tests/unit/server_core/test_memory.c). */
struct session {
    struct conn_id conn;
    uint8_t state : 3;     /* enum session_state */
    uint8_t watch : 3;     /* enum watch */
    bool over_http : 1;    /* while SESSION_OPENED: its request came, and it will be no WebSocket */
    bool closed : 1;       /* its Close frame came; it is answered when nothing is owed any more, */
    bool meant : 1;        /* and by that frame it leaves for good */
    bool connected : 1;    /* its dialect `connects`, and it said that: it may be in no room for ever */
    bool steady : 1;       /* its dialect `asks_always` */
    bool paused : 1;       /* of a connected, steady one: reading stopped. Its `alive` goes on */
    uint8_t expects : 4;   /* what must come before all else: so many attachments, or EXPECTS_CONNECT; 0: nothing */
    uint8_t bad_frames;    /* until bad_until */
    uint8_t dialect;       /* of core->dialects; from SESSION_READY on */
    uint32_t ping;         /* the number of its last ping, until that is answered; else 0 */
    struct member *member; /* owned; not NULL exactly from SESSION_READY until SESSION_CLOSING */
    union {
        struct wait unjoined;        /* while SESSION_OPENED and not over_http, or SESSION_READY and not connected */
        struct wait pause;           /* while paused */
        struct subscription *topics; /* owned list, through of_session; while SESSION_SUBSCRIBED */
        struct named *named;         /* owned; while SESSION_NAMED */
    };
    struct wait alive;
    struct wait ice; /* while it has a member that was told of ICE servers: since it was told last */
    struct bucket messages;
    struct address_state *address; /* borrowed; NULL if no per-address limit counts it */
    uint64_t rate_told_until;      /* no rate-limited error before */
    uint64_t bad_until;            /* end of the window that bad_frames counts in */
};

/* A frame kept for a member that is away. */
struct held {
    struct held *prev, *next;
    struct frame *frame;           /* one reference */
    struct address_state *address; /* borrowed: its sender's; NULL if no per-address limit counts it */
};

struct member {
    char id[ID_CHARS];                   /* the random part of its peer id */
    uint16_t display_name_n, metadata_n; /* of `introduction` */
    uint8_t dialect : 3;                 /* of core->dialects: the one that its connection speaks, or spoke */
    uint8_t place : 2;                   /* enum place */
    uint8_t why : 3;                     /* enum departure, while it is away: how its connection was lost */
    uint8_t takes : 2;          /* how often it was taken over from a connection that looked alive; 2: twice or more */
    bool unheld : 1;            /* while it is away: a frame for it is lost */
    bool told_lost : 1;         /* the last `resumed` was not recovered: heard for certain once its token is used */
    bool returned : 1;          /* in a room by a token of an earlier boot */
    uint32_t generation;        /* of the last resume token that was used; the one given out is the next */
    uint32_t held_bytes;        /* of `held` */
    struct session *session;    /* at PLACE_SESSION: whose member it is; else NULL */
    char *introduction;         /* owned: both texts, one behind the other; NULL if it says nothing of itself */
    struct room *room;          /* borrowed; NULL: in none */
    struct member *prev, *next; /* in room->members */
    uint64_t taken_at : 48;     /* the last time, and how long before that the last but one was, at most UINT16_MAX */
    uint64_t taken_gap : 16;
    union {
        struct {                     /* while it has a session: */
            uint32_t relayed;        /* frames relayed to it, of which arrived for certain: */
            uint32_t pinged, proved; /* those before its last ping; those before the last that was answered */
        };
        struct {               /* while it is away: */
            struct held *held; /* owned */
            struct wait away;
        };
    };
};

/* What a room made over HTTP has besides. */
struct made {
    struct room_terms terms;
    struct address_state *maker; /* borrowed; NULL: unknown, as after a restart, or no limit counts it */
    uint64_t version;            /* room_store.changed when it was made: counts up through core->rooms[kind] */
    uint16_t line_n;             /* bytes in rooms.json */
    uint16_t names_n;
    char names[]; /* see room_names_write */
};

enum room_kind {
    ROOM_JOINED,   /* made by join-room */
    ROOM_LISTED,   /* made over HTTP, to be listed */
    ROOM_UNLISTED, /* made over HTTP */
    ROOM_KINDS
};

_Static_assert(SESSION_STATES <= 1 << 3 && WATCH_NONE < 1 << 3, "they fit into struct session");
_Static_assert((int)EXPECTS_CONNECT > (int)ATTACHMENTS_MAX, "they can be told apart");
_Static_assert(DEPARTURES <= 1 << 3, "every departure fits into member.why");
_Static_assert(PLACES <= 1 << 2 && DIALECTS_MAX <= 1 << 3, "they fit into struct member");

struct room {
    uint64_t incarnation;     /* random: another room under this id has another */
    uint64_t created_ms;      /* Unix time */
    struct made *made;        /* owned; NULL exactly for ROOM_JOINED */
    struct room *prev, *next; /* in core->rooms[kind] */
    struct wait empty;        /* while it has no member */
    struct member *members;
    uint32_t count;
    uint32_t hash; /* of its id */
    uint8_t kind;  /* enum room_kind */
    bool closing;  /* nobody is told who leaves: room-closed says it */
    uint8_t id_n;
    char id[]; /* no NUL */
};

/* One session's share in a topic. */
struct subscription {
    struct subscription *prev, *next; /* in topic->subscriptions */
    struct subscription *of_session;  /* the next one of its session */
    struct session *session;
    struct topic *topic;
};

/* What y-webrtc has in place of rooms: it is there while somebody has subscribed to it. */
struct topic {
    struct subscription *subscriptions; /* owned */
    struct address_state *maker; /* borrowed: of the address that made it; NULL if no per-address limit counts it */
    uint32_t count;              /* of subscriptions */
    uint32_t hash;               /* of its name */
    uint16_t name_n;
    char name[]; /* any text; no NUL behind it */
};

/* A name that a client chose, as the clients of peerjs do. */
struct named {
    struct session *session; /* that has it */
    uint32_t hash;           /* of key and id */
    uint32_t letters;        /* of it that wait for others */
    uint8_t key_n, id_n, secret_n;
    char text[]; /* key, id and secret, one behind the other */
};

/* What was said to a name that nobody has, until somebody takes that name or its time is over. */
struct letter {
    struct wait wait;              /* in core->letters */
    struct named *from;            /* who is told of its end; NULL: is gone */
    struct address_state *address; /* borrowed: its sender's; NULL if no per-address limit counts it */
    struct frame *frame;           /* one reference */
    uint8_t key_n, to_n;
    char text[]; /* the key and the name that it is for */
};

/* rooms.json: see room_store.c. */
struct room_store {
    uint64_t changed, asked; /* versions of what it is to hold: now, and as io was told last */
    size_t bytes;            /* of all rooms' lines */
    struct frame *file;      /* owned; it is being put together; NULL: it is not */
    uint64_t version;        /* of `file` */
    size_t at;               /* so much of its text is there */
    const struct room *next; /* the room whose line is next; NULL: all are there */
    bool storing;            /* io is writing it, or: */
    bool answering, stored;  /* those who waited for it are being told that it was stored, or was not */
    bool failed;             /* it is behind since the last writing */
    uint64_t retry_at;       /* while failed */
};

/* What is known of an address: an IPv4 address, or the /64 of an IPv6 one. */
struct address_state {
    struct address address;
    uint32_t hash; /* of it */
    uint32_t connections;
    uint32_t rooms;                 /* made from it over HTTP, and there now */
    uint32_t topics;                /* made from it, and there now */
    uint32_t letters, letter_bytes; /* sent from it, and waiting */
    uint32_t held_bytes;            /* of frames sent from it to members that were away, until they are freed */
    struct bucket arrivals, joins;
    uint64_t blamed_until; /* when the last wrong password or token is forgiven: see auth_throttle.c */
    struct wait idle; /* while it has neither connections nor rooms nor topics nor letters, and nothing of it is held */
};

/* Kinds of log record that are written at most once a second, with a count. */
enum notice {
    NOTICE_REFUSED,
    NOTICE_FATAL,
    NOTICE_SLOW,
    NOTICE_FULL,
    NOTICE_MEMORY,
    NOTICE_STORE,
    NOTICE_RATE,
    NOTICE_JOINS,
    NOTICE_ROOM_FULL,
    NOTICE_WRONG,
    NOTICE_AUTH,
    NOTICE_UNHELD,
    NOTICES
};

struct core {
    struct core_settings settings;
    const struct rng *rng;
    char prefix[NODE_MAX + 1]; /* "<node>." of every peer id */
    uint8_t prefix_n;
    uint32_t hash_key;
    char boot[BOOT_BYTES];
    bool started;
    uint64_t started_at;     /* the first event, which came when io began to listen */
    struct table tombstones; /* stays and rooms that ended since, which no token of an earlier boot may bring back */
    uint64_t tombstones_at;  /* where in that table freeing goes on, when they matter no more */
    bool returns_over;       /* no token of an earlier boot is good any more */

    const struct dialect *dialects[DIALECTS_MAX]; /* that were spoken so far: */
    uint8_t dialects_n;

    struct session **slots;
    uint32_t slot_cap;
    struct table members; /* by peer id; those away as well */
    struct table room_ids;
    struct table topics;          /* by name */
    struct table named;           /* sessions that chose a name, by key and name */
    struct name_list *name_lists; /* owned: see name_list.c */
    struct waiting letters;
    struct room *rooms[ROOM_KINDS]; /* in the order in which they were made */
    struct frame *room_list; /* owned: the answer to GET /api/rooms, until something in it changes; NULL: to be made */
    struct table addresses;  /* by address */
    struct waiting watch[WATCHES];
    struct waiting paused; /* sessions, through `pause` */
    struct waiting away;   /* members */
    struct waiting unjoined;
    struct waiting ice, ice_stale; /* the second: told before the wall clock was set forward */
    int64_t wall_least;  /* of the wall clock's lead over `now` since the last of those was put there: the least */
    struct waiting idle; /* addresses */
    uint32_t idle_count;
    struct waiting lingering; /* empty rooms that join-room made */
    struct waiting unused;    /* empty rooms made over HTTP */
    uint32_t made_count;      /* rooms made over HTTP */
    struct held *litter;      /* owned list: frames that nobody will get, to be freed */
    struct pending *hashes;   /* owned list: what waits for a hash, */
    uint32_t hashing;         /* so many */
    struct pending *delays;   /* owned list: what waits for a time, */
    uint32_t delayed;         /* so many, and the nearest such time: */
    uint64_t delayed_due;
    struct pending *stores; /* owned list: what waits for the disk, in order of `job` */
    uint64_t last_job;
    struct room_store room_store;

    bool draining, drained;
    uint64_t drain_end;
    uint64_t drain_told, drain_total; /* connections that were told when to return, of so many at the beginning */
    uint32_t drain_slot;              /* the next that is to be looked at */
    struct {
        uint64_t quiet_until;
        uint64_t count;         /* since the last record */
        const char *reason;     /* of the last that was counted */
        struct address address; /* its connection's; all zero: none */
    } notices[NOTICES];
    uint32_t unsaid; /* kinds of notice with a count */
    struct core_stats stats;

    /* During a step. */
    size_t fx_before; /* effects that were in the list before it */
    uint64_t now;
    uint64_t unix_ms;
    struct core_effects *fx;
    struct buf text; /* where replies are written */
};

#endif
