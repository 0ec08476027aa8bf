/* SPDX-License-Identifier: MIT
 *
 * The reference peer's core, its one face: a pure state machine of one person in one room. It keeps the signaling
 * session alive, knows the roster, decides who calls whom, judges introductions, and turns texts into signed messages
 * on links and back. An event comes in with its time; what is to be done goes out as effects, in order. Connections
 * (io's struct rtc) are known by a number that the core chooses and never uses twice. Nothing here reads a clock, a
 * socket, a file or a random device; crypto comes in as ports, so the simulator can use a fast fake.
 *
 *     PEER_START ─► PEER_FX_CONNECT ─► PEER_SIGNALING_OPEN, frames ─► join-room ─► peers ─► PEER_FX_RTC_NEW + _OFFER
 *     PEER_DESCRIPTION, PEER_CANDIDATE ─► PEER_FX_SIGNAL      PEER_CHANNEL_OPEN ─► introduction ─► notice: peer up
 *     PEER_SEND ─► notice: accepted ─► PEER_FX_RTC_SEND ─► … the reader's message_delivered ─► notice: delivered
 */
#ifndef PEER_CORE_PEER_H
#define PEER_CORE_PEER_H

#include "base/log.h"
#include "base/rng.h"
#include "base/span.h"
#include "base/text.h"
#include "protocol/limits.h"

struct peer;

enum {
    KEY_BYTES = 32,
    SIGNATURE_BYTES = 64,
    HASH_BYTES = 32,
    SECRET_BYTES = 32,
    NONCE_BYTES = 12,
    TAG_BYTES = 16,
    PERSON_MAX = PEER_ID_MAX,
    MESSAGE_ID_CHARS = 26,
    SERVERS_MAX = 16 /* that a person may name */
};

/* Crypto ports. Ed25519 (RFC 8032) and SHA-256; OpenSSL's in peer/io, a fast fake in most simulator runs. */
struct peer_crypto {
    void *ctx;                                                                        /* borrowed: outlives the peer */
    void (*sign)(void *ctx, struct span message, uint8_t signature[SIGNATURE_BYTES]); /* with our own key */
    bool (*verify)(
        void *ctx, const uint8_t key[KEY_BYTES], struct span message, const uint8_t signature[SIGNATURE_BYTES]);
    void (*sha256)(void *ctx, struct span bytes, uint8_t hash[HASH_BYTES]);
    /* The key that we share with the owner of an X25519 public key (RFC 7748), of our static private key, through
     * HKDF-SHA-256 (RFC 5869; no salt, info "usher-wrap-1"). False if theirs is no good (all zero secret). */
    bool (*agree)(void *ctx, const uint8_t box[KEY_BYTES], uint8_t secret[KEY_BYTES]);
    /* AES-256-GCM (NIST SP 800-38D): plain.n + TAG_BYTES bytes into sealed. */
    void (*seal)(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
        struct span plain, uint8_t *sealed);
    /* sealed.n - TAG_BYTES bytes into plain; false if it is too short or not exactly what that key sealed. */
    bool (*open)(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
        struct span sealed, uint8_t *plain);
};

struct peer_settings {
    char room[ROOM_ID_MAX + 1];
    char name[DISPLAY_NAME_MAX + 1]; /* UTF-8, may be empty */
    char password[PASSWORD_MAX + 1];
    char token[TOKEN_MAX + 1];
    uint8_t key[KEY_BYTES];                 /* our Ed25519 public key */
    uint8_t box[KEY_BYTES];                 /* our X25519 public key */
    uint8_t box_signature[SIGNATURE_BYTES]; /* over box, by key */
    /* With a secret only those who prove that they know it are taken, and nobody without a key (protocol/README.md, [I-7]). */
    bool has_secret;
    uint8_t secret[SECRET_BYTES];
    bool
        files_only; /* messages are neither taken nor acknowledged, and wait at their senders for another start of ours */
    bool keep_offers;             /* of files: those of this room go on in the next process */
    char no_link[PERSON_MAX + 1]; /* a fault for tests: with this person no link is made; may be empty */
    unsigned servers;             /* how many signaling URLs there are (1 to SERVERS_MAX): PEER_FX_CONNECT names one */
};

/* ---- storage ---- */
/* Tables of rows: a key and a value, both text, keys in byte order (docs/messaging.md). Those marked 1 are handed to
 * the core by PEER_RESTORE before PEER_START, each in the order of its keys. */
/* clang-format off */
#define PEER_TABLE_LIST(X) \
    X(CONVERSATION, "conversation", 1) \
    X(CLOCK, "clock", 1) \
    X(PERSON, "person", 1) \
    X(OUTGOING, "outgoing", 1) \
    X(DELIVERY, "delivery", 1) \
    X(REF, "ref", 1) \
    X(WAIT, "wait", 1) \
    X(CUSTODY, "custody", 1) \
    X(OFFER, "offer", 1) \
    X(MESSAGE, "message", 0) \
    X(LOG, "log", 0) \
    X(ID, "id", 0)
/* clang-format on */
enum peer_table {
#define X(name, text, restored) TABLE_##name,
    PEER_TABLE_LIST(X)
#undef X
    PEER_TABLES
};
struct peer_row {
    struct span key, value;
};
enum {
    ROW_KEY_MAX = 255,
    ROWS_MAX = 1024,    /* that one PEER_FX_LOAD asks for at most */
    ROOMS_TOLD_MAX = 16 /* other rooms that one person may tell of */
};

/* ---- events ---- */
/* Which member each sets stands first behind its name; everything is borrowed for the step. */
enum peer_event_type {
    PEER_RESTORE,          /* restore: a stored row, before PEER_START */
    PEER_COMMITTED,        /* committed: that commit and all before it are on the disk */
    PEER_STORE_FAILED,     /* why a commit or a load failed; no further one is tried: the core ends */
    PEER_LOADED,           /* loaded: the answer to PEER_FX_LOAD */
    PEER_START,            /* first of those that are not PEER_RESTORE or PEER_KNOWN; once: again is without effect */
    PEER_KNOWN,            /* known: a remembered key, before PEER_START: the name belongs to the id */
    PEER_SIGNALING_OPEN,   /* the WebSocket is up */
    PEER_SIGNALING_FRAME,  /* frame: one text frame from the daemon */
    PEER_SIGNALING_CLOSED, /* closed: or could not be opened */
    PEER_NETWORK,          /* cut: the machine has other addresses than before */
    PEER_PROBED,           /* probed: the answer to PEER_FX_PROBE */
    PEER_DESCRIPTION,      /* description: ours, to be sent */
    PEER_CANDIDATE,        /* candidate: ours, to be sent; n = 0 at the end */
    PEER_CHANNEL_OPEN,     /* opened */
    PEER_CHANNEL_CLOSED,   /* closed_channel */
    PEER_DATA,             /* data: one whole message */
    PEER_CONGESTED,        /* io holds what could not be sent yet; the core sends nothing more ... */
    PEER_WRITABLE,         /* ... until this */
    PEER_ICE_STATE,        /* ice: the pair was lost or found again */
    PEER_FILE_GIVEN,       /* given: what PEER_FX_FILE_GIVE asked for is on its way, or will not be */
    PEER_RTC_FAILED,       /* reason ("ice", "fingerprint", "dtls", "sctp", "closed", "sdp"): it is over */
    /* files: `file` is the number that the effect gave it. After PEER_FILE_FAILED io has closed it. */
    PEER_FILE_OPENED, /* opened_file: to PEER_FX_FILE_OPEN */
    PEER_PART_OPENED, /* opened_part: to PEER_FX_PART_OPEN */
    PEER_PART_BLOCK,  /* part_block: a block was written whole, and what it is */
    PEER_PART_DONE,   /* part_done: to PEER_FX_PART_FINISH */
    PEER_FILE_FAILED, /* failed_file: it cannot be opened, read or written */
    PEER_FILE_READ,   /* read_file: to PEER_FX_FILE_READ */
    PEER_TIME,        /* the deadline came (or any later moment) */
    /* what the application asks for */
    PEER_SEND,         /* send */
    PEER_READ,         /* read: the id of a message that a person saw */
    PEER_TYPING,       /* sent to everybody in the room */
    PEER_STATUS,       /* status: free text about oneself */
    PEER_HISTORY,      /* history: notices with what was said and heard */
    PEER_ROOMS,        /* rooms: other rooms that we tell everybody of; replaces the former ones */
    PEER_PRESENCE,     /* presence: "online" or "away" */
    PEER_FILE_SEND,    /* send_file: offered to people, or to everybody who is or comes into the room */
    PEER_FILE_ACCEPT,  /* accept_file: one that was offered */
    PEER_FILE_DECLINE, /* file_id: one that was offered; or the end of one that is under way, whoever sends it */
    PEER_FILE_PAUSE,   /* file_id: one that is under way, whoever sends it ... */
    PEER_FILE_RESUME,  /* ... goes on */
    PEER_FILE_CANCEL,  /* file_id: as PEER_FILE_DECLINE, and the application is told, too */
    PEER_LEAVE,        /* leave the room for good: links are closed, the signaling socket too */
};

/* How the two ends of a pair reach each other: RFC 8445's candidate types, the worse of both ends. */
enum peer_path {
    PEER_PATH_DIRECT, /* host, peer reflexive */
    PEER_PATH_STUN,   /* server reflexive */
    PEER_PATH_TURN    /* relayed */
};

struct peer_event {
    enum peer_event_type type;
    uint64_t now;     /* milliseconds on a clock that never goes back, and counts on while the machine sleeps */
    uint64_t unix_ms; /* wall clock, for timestamps only: never for deadlines */
    uint64_t rtc;     /* PEER_DESCRIPTION to PEER_RTC_FAILED: the connection's number */
    union {
        struct {
            enum peer_table table;
            struct peer_row row;
        } restore;
        uint64_t committed; /* its ticket */
        struct span why;
        struct {
            uint64_t ticket;
            const struct peer_row *rows; /* in the order asked for */
            size_t row_count;
        } loaded;
        struct {
            struct span name, id;
        } known;
        struct span frame;
        struct {
            uint16_t code;   /* of the server's Close; 0: it sent none */
            struct span why; /* for a person */
        } closed;
        bool cut; /* the address that the WebSocket has is gone */
        struct {
            unsigned server;
            uint64_t ms; /* how long /health took, the shortest of the samples, rounded up; 0: it is of no use now */
            struct span cluster; /* that its welcome named; empty: none */
        } probed;
        struct {
            struct span type, sdp; /* "offer" or "answer" */
        } description;
        struct span candidate;
        struct {
            uint16_t channel;
            struct span label;
        } opened;
        uint16_t closed_channel;
        struct {
            uint16_t channel;
            bool binary;
            struct span bytes;
        } data;
        struct {
            bool connected;
            enum peer_path path; /* if connected */
        } ice;
        struct span reason;
        struct {
            const struct span *to; /* people's ids; none: the whole room; several: a private message */
            size_t to_count;
            struct span text, ref;          /* ref: the application's idempotency key, may be empty */
            uint64_t ttl_ms;                /* 0: ENVELOPE_TTL_DEFAULT_MS */
            const struct span *attachments; /* paths of files that go with it, at most ENVELOPE_ATTACHMENTS_MAX */
            size_t attachment_count;
        } send;
        struct span read;
        struct span status;
        struct {
            struct span after, before; /* a message id, one of the two; neither: the newest */
            struct span ref;
            unsigned limit;
        } history;
        struct {
            const struct span *ids;
            size_t count;
        } rooms;
        struct span presence;
        struct {
            const struct span *to; /* people's ids; none: the room */
            size_t to_count;
            struct span path, ref; /* ref: may be empty */
        } send_file;
        struct {
            struct span id, folder;
        } accept_file;
        struct span file_id;
        struct {
            uint64_t ticket;
            bool ok; /* false: nothing more of it comes */
        } given;
        struct {
            uint64_t ticket;
            struct span bytes; /* n = 0: they cannot be read */
        } read_file;
        struct {
            uint64_t file, size;
            struct span name;
            const uint8_t *hashes; /* of its blocks, HASH_BYTES each */
            bool tree;             /* it is a folder */
        } opened_file;
        struct {
            uint64_t file;
            const uint8_t *hashes; /* of an earlier time; NULL: there was none */
            const uint8_t
                *have; /* with hashes: a bit for each block that is there: block b is bit b % 8 of byte b / 8 */
        } opened_part;
        struct {
            uint64_t file;
            uint32_t block;
            uint8_t hash[HASH_BYTES];
        } part_block;
        struct {
            uint64_t file;
            struct span path; /* where it is now */
        } part_done;
        struct {
            uint64_t file;
            struct span code, why; /* a word, a sentence */
        } failed_file;
    };
};

/* ---- effects ---- */
/* Which member each sets stands behind its name; peer_effect_done frees what it owns. */
enum peer_effect_type {
    PEER_FX_NONE,       /* nothing any more: it was taken */
    PEER_FX_CONNECT,    /* server: open the signaling WebSocket (any older one breaks, so that its seat is kept) */
    PEER_FX_DISCONNECT, /* close it with 1000 after what is queued was sent */
    PEER_FX_PROBE,  /* probe: time that server's /health, then see on a connection of its own whether it welcomes us.
                              Answered by PEER_PROBED, later, once for each, within PROBE_LOST_MS */
    PEER_FX_SIGNAL, /* frame: send it to the daemon */
    PEER_FX_ICE_SERVERS,   /* ice_servers, for connections made from now on */
    PEER_FX_RTC_NEW,       /* make a connection under this number */
    PEER_FX_RTC_OFFER,     /* restart; channel label "usher" */
    PEER_FX_RTC_REMOTE,    /* description. If io cannot use it: PEER_RTC_FAILED "sdp" */
    PEER_FX_RTC_CANDIDATE, /* candidate */
    PEER_FX_RTC_SEND,      /* message */
    PEER_FX_RTC_CHANNEL,   /* label: open one more channel; PEER_CHANNEL_OPEN tells its number */
    PEER_FX_FILE_GIVE, /* give: send these bytes of a file as frames (protocol/file_frame.h), behind what was given before */
    PEER_FX_FILE_READ, /* read_file: answered by PEER_FILE_READ */
    PEER_FX_RTC_FREE,  /* close and forget; no event for this number is wanted any more */
    PEER_FX_DEADLINE,  /* deadline: wake with PEER_TIME then at the latest; replaces the earlier */
    /* The next four in order; what is put or deleted becomes durable with the next commit, which covers all before it.
     * A load sees every put and delete before it. */
    PEER_FX_PUT,    /* put; replaces an older value */
    PEER_FX_DELETE, /* delete; the row may be absent */
    PEER_FX_COMMIT, /* commit; answered by PEER_COMMITTED, later, never from within the step's effects. io may answer several by the last */
    PEER_FX_LOAD,        /* load; answered by PEER_LOADED */
    PEER_FX_REMEMBER,    /* remember: keep it for PEER_KNOWN at the next start */
    PEER_FX_FILE_OPEN,   /* open_file: read it once, for its hashes */
    PEER_FX_FILE_CLOSE,  /* close_file: of either kind; what is under way of it ends */
    PEER_FX_PART_OPEN,   /* open_part: what was received of that file before, or a new one */
    PEER_FX_PART_HASHES, /* part_hashes: to be kept beside it */
    PEER_FX_PART_WRITE, /* part_write: the bytes may be the event's, so to be used within the step. Those of a block come in order; offset 0: anew */
    PEER_FX_PART_VERIFIED, /* part_verified: the block is as it should be */
    PEER_FX_PART_FINISH,   /* part_finish: all blocks are */
    PEER_FX_NOTICE,        /* notice, for the application */
    PEER_FX_LOG,           /* log */
};

/* What the application is told, and its name. peer/include/usher.h lists the same in the same order (the compiler holds the
 * two together in peer/io/usher.c), and says which members each sets; text members are NULL when absent. */
/* clang-format off */
#define PEER_NOTICE_LIST(X) \
    X(READY, "ready") \
    X(STATE, "state") \
    X(JOINED, "joined") \
    X(PEER, "peer") \
    X(MESSAGE, "message") \
    X(ACCEPTED, "accepted") \
    X(DELIVERED, "delivered") \
    X(READ, "read") \
    X(FAILED, "failed") \
    X(TYPING, "typing") \
    X(PRESENCE, "presence") \
    X(STATUS, "status") \
    X(LINK, "link") \
    X(ROOMS, "rooms") \
    X(MISSING, "missing") \
    X(HISTORY, "history") \
    X(ERROR, "error") \
    X(LEFT, "left") \
    X(FILE_OFFER, "file-offer") \
    X(FILE_PROGRESS, "file-progress") \
    X(FILE_COMPLETE, "file-complete") \
    X(FILE_FAILED, "file-failed") \
    X(FILE_PAUSED, "file-paused") \
    X(FILE_RESUMED, "file-resumed") \
    X(FILE_STALLED, "file-stalled")
/* Its texts. */
#define PEER_NOTICE_TEXTS(X) X(id) X(from) X(by) X(ref) X(room) X(name) X(text) X(conversation) X(reason) X(code) \
    X(attachments)
/* clang-format on */

enum peer_notice_type {
#define X(name, text) NOTICE_##name,
    PEER_NOTICE_LIST(X)
#undef X
    NOTICE_TYPES
};
const char *peer_notice_name(enum peer_notice_type type); /* static */

struct peer_notice {
    enum peer_notice_type type;
#define X(text) char *text; /* owned, UTF-8 */
    PEER_NOTICE_TEXTS(X)
#undef X
    char **to;    /* owned, to_count */
    char **names; /* NOTICE_JOINED: beside to */
    size_t to_count;
    const char *kind, *path; /* static */
    uint64_t timestamp, count, size, took_ms;
    bool up, verified, fatal;
};
void peer_notice_free(struct peer_notice *n); /* takes NULL */

/* n bytes and a NUL. */
struct peer_text {
    char *p;
    size_t n;
};
static inline struct span peer_text_view(struct peer_text text)
{
    return (struct span){text.p, text.n};
}

/* The effect owns what its pointers without `const` point to, none of them NULL. Whoever keeps any of it takes the effect
 * whole. */
struct peer_effect {
    enum peer_effect_type type;
    uint64_t rtc; /* PEER_FX_RTC_*: the connection's number */
    union {
        unsigned server;
        struct {
            unsigned server, samples;
        } probe;
        struct peer_text frame;
        struct peer_text ice_servers; /* the JSON array of `welcome` or `ice-servers` */
        bool restart;                 /* of ICE */
        struct {
            const char *type; /* static: "offer" or "answer" */
            struct peer_text sdp;
        } description;
        struct peer_text candidate; /* n = 0: there are no more */
        struct {
            uint16_t channel;
            bool binary, spare;     /* spare: it may be lost, and is if the connection has much to send */
            struct peer_text bytes; /* one whole message */
        } message;
        const char *label; /* static */
        struct {
            uint16_t channel;
            uint64_t file, ticket;
            char *id; /* of the file, as its frames name it */
            uint32_t block, offset, n;
        } give;
        struct {
            uint64_t file, ticket;
            uint32_t block, offset, n;
        } read_file;
        struct {
            uint64_t file;
            char *path;
        } open_file;
        struct {
            uint64_t file;
            bool keep; /* of a part that is not finished: it stays, to be resumed */
        } close_file;
        struct {
            uint64_t file, size;
            char *folder, *name; /* name: as somebody else chose it */
            uint8_t root[HASH_BYTES];
            bool tree;
        } open_part;
        struct {
            uint64_t file;
            struct peer_text hashes;
        } part_hashes;
        struct {
            uint64_t file;
            uint32_t block, offset;
            struct span bytes; /* borrowed from the event, or of `copy` */
            char *copy;        /* NULL: they are the event's */
        } part_write;
        struct {
            uint64_t file;
            uint32_t block;
        } part_verified;
        struct {
            uint64_t file;
        } part_finish;
        uint64_t deadline; /* UINT64_MAX: none */
        struct {
            enum peer_table table;
            char *key;
            struct peer_text value;
        } put;
        struct {
            enum peer_table table;
            char *key;
        } delete;
        struct {
            uint64_t ticket; /* of commits and loads: counts up */
        } commit;
        struct {
            uint64_t ticket;
            enum peer_table table;
            char *from, *to; /* keys: from this one to that one, which is left out; an empty `to`: to the end */
            unsigned limit;
            bool last_first;
        } load;
        struct {
            char *name, *id; /* a display name, and whose it is */
        } remember;
        struct peer_notice *notice;
        struct log_record *log;
    };
};
void peer_effect_done(struct peer_effect *e);                    /* frees what it owns: PEER_FX_NONE is left */
struct peer_effect peer_effect_take(struct peer_effect *effect); /* whole, returned owned: PEER_FX_NONE is left */

/* A list the caller owns and reuses: zero it once, execute and clear it after each step.
 *
 * A step that lacks the memory for what must not be lost is void: it has no effects, as if the process had died before it,
 * and is the peer's last. What was accepted is on the disk, and the next start goes on from there. */
struct peer_effects {
    struct peer_effect *v;
    size_t n, cap;
    struct peer_notice *out_of_memory; /* owned: the step is void, and this is to be told; NULL: it is not */
};
void peer_effects_clear(struct peer_effects *fx); /* frees what the effects own */
void peer_effects_done(struct peer_effects *fx);

/* ---- numbers ---- */
/* clang-format off */
#define PEER_COUNTER_LIST(X) \
    X(calls_total, "connections begun") \
    X(links_up_total, "links that came up") \
    X(links_failed_total, "connections that did not") \
    X(restarts_total, "ICE restarts") \
    X(reconnects_total, "signaling connections after the first") \
    X(connect_ms_last, "offer or its arrival to introduced, of the newest link, in milliseconds") \
    X(sent_total, "messages accepted") \
    X(received_total, "messages shown") \
    X(delivered_total, "deliveries acknowledged") \
    X(retransmitted_total, "messages sent to a reader once more") \
    X(refused_total, "frames from peers refused: bad envelope, signature, replay ...") \
    X(failed_total, "deliveries reported failed") \
    X(alone_total, "messages sent to one reader, repeats too") \
    X(pushed_total, "of the tree: messages sent") \
    X(announced_total, "of the tree: announcements sent") \
    X(grafted_total, "of the tree: grafts sent") \
    X(pruned_total, "of the tree: prunes sent") \
    X(acks_total, "receipts sent") \
    X(news_total, "presence sent: whole, and digests") \
    X(heartbeats_total, "heartbeats sent") \
    X(signals_total, "signals sent through peers") \
    X(passing_total, "typing and status sent") \
    X(relayed_total, "messages passed on for others") \
    X(relayed_out_total, "messages of ours sent through others") \
    X(files_relayed_total, "frames of files passed on for others") \
    X(relay_dropped_total, "messages for others that found no way") \
    X(missing_total, "gaps that nobody filled") \
    X(expired_total, "messages that came past their time to live, and were not shown") \
    X(requests_total, "history requests sent") \
    X(replies_total, "history replies sent") \
    X(handed_total, "messages sent out of history and store-and-forward") \
    X(filled_total, "messages that came out of others' history and were new") \
    X(file_frames_total, "frames of files sent, but for their bytes") \
    X(blocks_given_total, "blocks of files sent to others") \
    X(blocks_had_total, "blocks of files received and verified") \
    X(blocks_wrong_total, "blocks of files that were not what they should be") \
    X(kept, "copies kept for others, now") \
    X(links_up, "links up, now") \
    X(queued, "messages waiting for a link or an acknowledgement, now")
/* clang-format on */
struct peer_stats {
#define X(name, sentence) uint64_t name;
    PEER_COUNTER_LIST(X)
#undef X
};

/* Percentiles of the newest 256, in milliseconds; 0: none yet. */
struct peer_times {
    uint64_t connect_p50, connect_p99;                 /* offer or its arrival to introduced */
    uint64_t delivery_p50, delivery_p90, delivery_p99; /* asked to send, to a reader's message_delivered */
};

/* Who is in the room, or linked, as the application sees it. */
struct peer_person {
    char id[PERSON_MAX + 1];
    char name[DISPLAY_NAME_MAX + 1];
    bool up, verified, in_room;
    const char *path; /* static */
    uint64_t rtt_ms;  /* of the newest ping; 0: not measured yet */
    uint64_t rtc;     /* the number of its link's connection; 0: it has none that is up */
};

/* Settings and ports are copied; what their ctx points to is borrowed. NULL when out of memory. */
struct peer *peer_new(const struct peer_settings *settings, const struct peer_crypto *crypto, const struct rng *rng);
void peer_free(struct peer *p); /* takes NULL */
/* After one that was void, PEER_SEND is refused, PEER_LEAVE is followed by NOTICE_LEFT, and nothing else happens. */
void peer_step(struct peer *p, const struct peer_event *event, struct peer_effects *fx);
const char *peer_id(const struct peer *p); /* our identity: base32 of the first 128 bits of SHA-256 of our key */
const struct peer_stats *peer_stats(const struct peer *p);
struct peer_times peer_times(const struct peer *p);
/* Copies at most max people; returns how many there are. */
size_t peer_people(const struct peer *p, struct peer_person *out, size_t max);
/* How many messages are not yet acknowledged by every reader that is there, or not sent, for their files are still read. */
size_t peer_pending(const struct peer *p);
/* Who has not acknowledged that message of ours yet: copies at most max ids, returns how many there are. */
size_t peer_readers(const struct peer *p, struct span id, char (*ids)[PERSON_MAX + 1], size_t max);
/* Whom that author's group messages are pushed to: copies at most max ids, returns how many. For tests. */
size_t peer_tree(const struct peer *p, struct span author, char (*ids)[PERSON_MAX + 1], size_t max);
/* Asserts that roster, links and queues agree, from PEER_START on. For tests. */
void peer_check(const struct peer *p);

#endif
