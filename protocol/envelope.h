/* SPDX-License-Identifier: MIT
 *
 * The peer message envelope: one JSON text on the data channel `usher`, as protocol/README.md lays down. The normal
 * path: the sender fills a struct envelope, signs envelope_signed_bytes, sets the signature and writes it; the reader
 * parses, verifies the same bytes with the sender's key, and hands on. Signing and hashing are the caller's, so that
 * nothing here knows a crypto library; the tree behind a parsed envelope stays hidden too.
 *
 * A message of a plain peer carries no signature and parses as well (is_signed is false): what it may do is for the
 * caller to judge. Whoever relays an envelope parses it, changes route, retry_count or keys, and writes it: all other
 * members, also those that this version does not know, go on exactly as they were signed.
 */
#ifndef PROTOCOL_ENVELOPE_H
#define PROTOCOL_ENVELOPE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"
#include "protocol/limits.h"

/* What a type carries in content.metadata (? = may be absent; others are checked by envelope_parse):
 *   direct_message, group_message, private_message   nothing; `text` or `encrypted` is required
 *   message_ack, message_delivered, message_read, message_missed, message_query   of: [message ids], 1 to ENVELOPE_OF_MAX
 *   typing_indicator                                 nothing
 *   presence_update     presence: "online", "away" or "gone"
 *   presence_digest     versions: {id: version}
 *   status_update       nothing; `text` is required
 *   heartbeat           ping: number, or pong: the number that came as ping
 *   peer_introduction   context, room, reader (id), fingerprint and readerFingerprint ("sha-256 AB:CD:…"), key?, box?
 *                       and mac? (base64), name?. A plain peer's has name? only
 *   identity_claim      context, room, seat and reader (seats), started: milliseconds
 *   connection_request  signal: an object as the daemon would relay it
 *   file_offer          fileId, name, size, hash, chunkSize, kind?, paused?: 1;  file_accept fileId, have?, paused?: 1
 *   file_decline        fileId, reason?
 *   file_chunk          frame: one of file_frame.h, in base64;  file_complete fileId
 *   history_request     clock: {id: sequence}, new?: 1, missing? and expired?: ["id/first/last": 16 hex digits each]
 *   history_reply       count: how many messages follow, for: what they are, gone?: sequence, people?: [cards],
 *                       now?: milliseconds
 *   broadcast_announce  clock: {id: sequence}, hops?: {id: number};  broadcast_graft and broadcast_prune  author: id
 */
/* clang-format off */
#define ENVELOPE_TABLE(X) \
    X(DIRECT_MESSAGE, "direct_message") \
    X(GROUP_MESSAGE, "group_message") \
    X(PRIVATE_MESSAGE, "private_message") \
    X(MESSAGE_ACK, "message_ack") \
    X(MESSAGE_DELIVERED, "message_delivered") \
    X(MESSAGE_READ, "message_read") \
    X(MESSAGE_MISSED, "message_missed") \
    X(MESSAGE_QUERY, "message_query") \
    X(TYPING_INDICATOR, "typing_indicator") \
    X(PRESENCE_UPDATE, "presence_update") \
    X(PRESENCE_DIGEST, "presence_digest") \
    X(STATUS_UPDATE, "status_update") \
    X(FILE_OFFER, "file_offer") \
    X(FILE_ACCEPT, "file_accept") \
    X(FILE_DECLINE, "file_decline") \
    X(FILE_CHUNK, "file_chunk") \
    X(FILE_COMPLETE, "file_complete") \
    X(PEER_INTRODUCTION, "peer_introduction") \
    X(CONNECTION_REQUEST, "connection_request") \
    X(IDENTITY_CLAIM, "identity_claim") \
    X(HEARTBEAT, "heartbeat") \
    X(HISTORY_REQUEST, "history_request") \
    X(HISTORY_REPLY, "history_reply") \
    X(BROADCAST_ANNOUNCE, "broadcast_announce") \
    X(BROADCAST_GRAFT, "broadcast_graft") \
    X(BROADCAST_PRUNE, "broadcast_prune")
/* clang-format on */

enum envelope_type {
    ENVELOPE_UNKNOWN, /* a type of a later version: well-formed, to be ignored */
#define X(name, text) ENVELOPE_##name,
    ENVELOPE_TABLE(X)
#undef X
    ENVELOPE_TYPES
};

/* Lengths are bytes of the decoded string. */
enum {
    ENVELOPE_VERSION = 1,
    ENVELOPE_ID_MAX = 64, /* A-Za-z0-9._:- ; ours are ID_CHARS of base32 */
    ENVELOPE_TYPE_MAX = 32,
    ENVELOPE_PERSON_MAX = PEER_ID_MAX, /* an identity, or a plain peer's signaling id: A-Za-z0-9._- */
    ENVELOPE_TO_MAX = 256,             /* readers of a private message */
    ENVELOPE_ROUTE_MAX = 4,            /* the sender and up to 3 relays */
    ENVELOPE_CLOCK_MAX = 1024,         /* identities of one conversation */
    ENVELOPE_KEYS_MAX = ENVELOPE_CLOCK_MAX,
    ENVELOPE_KEY_CHARS_MAX = 128, /* one wrapped content key in base64 */
    ENVELOPE_ATTACHMENTS_MAX = 16,
    ENVELOPE_NAME_MAX = 255, /* an attachment's file name */
    ENVELOPE_MEDIA_TYPE_MAX = 127,
    ENVELOPE_METADATA_MAX = 192 * 1024,  /* its canonical text; leaves room for the rest in PEER_MESSAGE_MAX */
    ENVELOPE_OF_MAX = 256,               /* message ids that one acknowledgement names */
    ENVELOPE_FILE_MAP_MAX = 32 * 1024,   /* bytes of a map of a file's blocks */
    ENVELOPE_FILE_FRAME_MAX = 66 * 1024, /* bytes of a frame of a file: 64 KiB and its head */
    ENVELOPE_RETRIES_MAX = 1000000,
    ENVELOPE_HOPS_MAX = 1024,
    ENVELOPE_CONVERSATION_MAX = 5 + ROOM_ID_MAX, /* "room:" + id, or "p:" + ID_CHARS */
    ENVELOPE_SIGNATURE_BYTES = 64,               /* Ed25519, RFC 8032 section 5.1.6 */
    ENVELOPE_HASH_BYTES = 32,                    /* SHA-256 */
    ENVELOPE_FINGERPRINT_MAX = 128,              /* "sha-256 AB:CD:…" as in SDP, RFC 8122 section 5 */
    ENVELOPE_LATEST_TTL_DAYS = 30,
};
#define ENVELOPE_NUMBER_MAX ((UINT64_C(1) << 53) - 1) /* RFC 8785: what a double holds exactly */
#define ENVELOPE_TTL_DEFAULT_MS (UINT64_C(60) * 60 * 1000)
#define ENVELOPE_TTL_MAX_MS (ENVELOPE_LATEST_TTL_DAYS * UINT64_C(24) * 60 * 60 * 1000)
/* content.metadata.context of an introduction: no other signature of ours can be taken for one. */
#define ENVELOPE_INTRODUCTION_CONTEXT "usher-intro-1"

struct envelope_attachment {
    struct span file_id, name, media_type; /* media_type may be empty */
    uint64_t size;
    struct span hash; /* base64 of the root hash; may be empty */
};
struct envelope_tick {
    struct span who;
    uint64_t count;
};
struct envelope_key {
    struct span who, wrapped; /* base64 */
};

/* Filled by envelope_parse (spans and arrays live until envelope_done), or by a sender, whose spans and arrays are
 * borrowed for each call. Zero means absent for every member that may be: what is absent is not written. */
struct envelope {
    enum envelope_type type;
    struct span type_name; /* parse: as sent. Write: looked at for ENVELOPE_UNKNOWN only */
    struct span id;
    uint32_t version;      /* 0 is written as ENVELOPE_VERSION */
    struct span from;      /* may be absent without a signature: the link tells */
    const struct span *to; /* none: the whole room */
    size_t to_count;
    const struct span *route;
    size_t route_count;
    struct span text; /* p is NULL if absent; may be an empty text */
    const struct envelope_attachment *attachments;
    size_t attachment_count;
    struct span metadata; /* JSON text of an object; canonical after envelope_parse */
    uint64_t timestamp;   /* sender's wall clock, milliseconds since 1970 */
    uint64_t sequence;    /* clock[from] */
    const struct envelope_tick *clock;
    size_t clock_count;
    const struct envelope_tick *since; /* the first sequence that each of these readers was meant to get */
    size_t since_count;
    bool requires_ack;
    uint64_t ttl_ms; /* 0: none is given, see envelope_ttl */
    uint32_t retry_count;
    uint32_t hops; /* links that a group message has come along the tree; 0: not said */
    const struct envelope_key *keys;
    size_t key_count;
    struct span encrypted; /* base64, in place of text, attachments and metadata */
    struct span conversation;
    bool is_signed;
    uint8_t signature[ENVELOPE_SIGNATURE_BYTES];
    struct envelope_owned *owned; /* what envelope_parse allocated; NULL in a sender's envelope */
};

/* Reads one message (borrowed for the call only). On false, *e is empty and *problem, if asked for, is a static
 * sentence. Refused are duplicate names, nesting over PEER_DEPTH_MAX, any number that is no integer below 2^53, text
 * over PEER_MESSAGE_MAX, and any known member of another kind or out of its bounds. */
bool envelope_parse(struct span text, struct envelope *e, const char **problem);
/* Frees what parse allocated and empties the envelope. Takes an empty or a sender's one too. */
void envelope_done(struct envelope *e);

/* Appends the JSON text, in canonical form. False when a member breaks its bounds, memory ran out or the text is larger
 * than PEER_MESSAGE_MAX or than out's maximum; what out holds then is not to be sent. */
bool envelope_write(const struct envelope *e, struct buf *out);
/* Appends what is signed: the RFC 8785 form of all members but route, retryCount, hops, keys and signature. */
bool envelope_signed_bytes(const struct envelope *e, struct buf *out);

/* Both of a sender's envelope: signs those bytes with `sign`, sets the signature, and appends the text. */
typedef void envelope_sign_fn(void *ctx, struct span message, uint8_t signature[ENVELOPE_SIGNATURE_BYTES]);
bool envelope_write_signed(struct envelope *e, envelope_sign_fn *sign, void *ctx, struct buf *out);

/* Appends the signed bytes without content and `encrypted`: what a seal is bound to. */
bool envelope_header_bytes(const struct envelope *e, struct buf *out);
/* Appends the RFC 8785 form of a sender's content: text, attachments and metadata. False, too, when a reader would
 * refuse it: once it is sealed, nobody in between can tell. */
bool envelope_content(const struct envelope *e, struct buf *out);
/* Gives a parsed envelope the content inside its `encrypted`, judged as if it had come in the clear; what is signed
 * stays what it was. Once for each envelope. On false *problem is a static sentence and the envelope is as it was, without content. */
bool envelope_open_content(struct envelope *e, struct span content, const char **problem);
/* Appends a copy of a numbered message that envelope_write made, for one of its readers: with the reader's entry of `keys`
 * alone, marked as sent so often before (0: not said), and with `route` as the first of its route (an id; n = 0:
 * it has none). Nothing is parsed. False when the text is no such message, memory ran out, or the copy is too large. */
bool envelope_copy_for(struct span text, struct span reader, uint32_t retry_count, struct span route, struct buf *out);

/* Members of content.metadata of a parsed envelope; false if absent or of another kind. Borrowed from the envelope.
 * What each type must carry there was checked by envelope_parse. */
bool envelope_string(const struct envelope *e, const char *name, struct span *text);
bool envelope_number(const struct envelope *e, const char *name, uint64_t *number);
/* An array of strings: copies at most max spans, returns how many there are; 0 if it is absent or holds others. */
size_t envelope_strings(const struct envelope *e, const char *name, struct span *texts, size_t max);
/* An object of ids with integers from 0 up: copies at most max, returns how many there are; 0 if it is absent or holds
 * others. */
size_t envelope_ticks(const struct envelope *e, const char *name, struct envelope_tick *ticks, size_t max);
/* How long it is to be tried, in milliseconds. */
uint64_t envelope_ttl(const struct envelope *e);
/* How far they say that one is; 0: nothing is said of it. */
uint64_t envelope_tick_of(const struct envelope_tick *ticks, size_t n, struct span who);
/* Appends the JSON text of an object. */
bool envelope_member(const struct envelope *e, const char *name, struct buf *out);

/* "room:<roomId>". */
void envelope_room_conversation(struct span room_id, char out[ENVELOPE_CONVERSATION_MAX + 1]);
/* "p:" + base32 of the first 128 bits of SHA-256 over the ids, sorted by bytes, each once, joined by line feeds. The
 * ids are everybody's, the sender's included: 1 to ENVELOPE_TO_MAX + 1 of them. sha256 has peer_crypto's shape. */
void envelope_people_conversation(const struct span *ids, size_t n,
    void (*sha256)(void *ctx, struct span bytes, uint8_t hash[ENVELOPE_HASH_BYTES]), void *ctx,
    char out[ENVELOPE_CONVERSATION_MAX + 1]);
/* Base32 of a hash's first 128 bits: an identity is that of the SHA-256 of the public key. */
void envelope_short_hash(const uint8_t hash[ENVELOPE_HASH_BYTES], char out[ID_CHARS + 1]);

/* 1 to ENVELOPE_PERSON_MAX of A-Za-z0-9._- */
bool person_id_valid(struct span id);
bool envelope_id_valid(struct span id);
/* The wire name; "" for ENVELOPE_UNKNOWN. */
const char *envelope_type_name(enum envelope_type t);
/* Direct, group and private messages: those that tick the sender's clock and are shown to a person. */
bool envelope_is_talk(enum envelope_type t);

#endif
