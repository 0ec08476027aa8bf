/* SPDX-License-Identifier: MIT
 *
 * Bodies: what content.metadata of a peer message holds, type by type, as C reads and writes it. The members and their
 * bounds stand in protocol/README.md, and envelope_parse has checked those that a type must have.
 *
 *     type                                        struct               from to
 *     message_ack, _delivered, _read, _missed,
 *     message_query                               ids                  body_write_ids, body_read_ids
 *     heartbeat                                   body_heartbeat       body_write_heartbeat, body_read_heartbeat
 *     peer_introduction                           body_introduction    …
 *     identity_claim                              body_claim
 *     connection_request                          a signal, raw        body_write_signal, body_read_signal
 *     presence_update                             body_presence
 *     presence_digest                             ticks                body_write_digest, body_read_digest
 *     broadcast_announce                          body_announcement
 *     broadcast_graft, broadcast_prune            an author            body_write_author, body_read_author
 *     history_request                             body_request
 *     history_reply                               body_reply
 *     file_offer                                  body_file_offer
 *     file_accept                                 body_file_accept
 *     file_decline                                body_file_decline
 *     file_chunk                                  a frame              body_write_file_chunk, body_read_file_chunk
 *     file_complete                               a file's id          body_write_file_id, body_read_file_id
 *
 * and a card, a line of text in some of them (body_write_card, body_read_card).
 *
 * Writers append to a buffer and return false when memory ran out or its maximum is reached; what it holds then is not
 * to be sent. All that is written is borrowed for the call. Readers fill spans that live as long as the envelope; an
 * absent text has p == NULL, an absent number is 0. Of arrays at most so many are read as there is place for.
 */
#ifndef PROTOCOL_BODY_H
#define PROTOCOL_BODY_H

#include "protocol/envelope.h"

enum {
    BODY_LINKS_MAX = 64,      /* links of one person that its presence lists */
    BODY_ROOMS_MAX = 16,      /* other rooms that one person may tell of */
    BODY_WANTS_MAX = 64,      /* authors whose gaps one history_request fills */
    BODY_STRETCHES_MAX = 64,  /* of one author's messages that will never be shown */
    BODY_PEOPLE_MAX = 64,     /* cards in one history_reply */
    BODY_KEY_BYTES = 32,      /* Ed25519 and X25519 public keys, RFC 8032 and RFC 7748 */
    BODY_FILE_HASH_BYTES = 32 /* SHA-256 */
};

/* Who somebody is: "key box signature name", the first three in base64, the name to the end of the line. */
struct body_card {
    uint8_t key[BODY_KEY_BYTES], box[BODY_KEY_BYTES];
    uint8_t signature[ENVELOPE_SIGNATURE_BYTES]; /* over box, by key: for the reader to check */
    struct span name;                            /* UTF-8, may be empty */
};
bool body_write_card(struct buf *out, const struct body_card *card);
/* False unless it has that shape; the name is any text. */
bool body_read_card(struct span text, struct body_card *card);

/* ids: 1 to ENVELOPE_OF_MAX. */
bool body_write_ids(struct buf *out, const struct span *ids, size_t n);
size_t body_read_ids(const struct envelope *e, struct span ids[ENVELOPE_OF_MAX]);

struct body_heartbeat {
    bool pong;
    uint64_t number;
};
bool body_write_heartbeat(struct buf *out, const struct body_heartbeat *b);
/* False: it is neither ping nor pong. */
bool body_read_heartbeat(const struct envelope *e, struct body_heartbeat *b);

struct body_introduction {
    struct span context, room, reader, fingerprint, reader_fingerprint;
    struct span key, box; /* base64; may be absent */
    struct span name;     /* may be absent */
    struct span mac;      /* base64; absent without a secret */
};
bool body_write_introduction(struct buf *out, const struct body_introduction *b);
void body_read_introduction(const struct envelope *e, struct body_introduction *b);

struct body_claim {
    struct span context, room, seat, reader;
    uint64_t started; /* milliseconds, by the wall clock of who says it */
};
bool body_write_claim(struct buf *out, const struct body_claim *b);
void body_read_claim(const struct envelope *e, struct body_claim *b);

/* A signal as the daemon would relay it: the JSON text of an object. */
bool body_write_signal(struct buf *out, struct span signal);
/* Appends it, with the member `from` first, as the daemon would hand it over; false if there is none. */
bool body_read_signal(const struct envelope *e, struct span from, struct buf *out);

struct body_presence {
    struct span card, presence;
    uint64_t version;
    struct envelope_tick links[BODY_LINKS_MAX]; /* who is linked with them, and their round trip in milliseconds */
    size_t link_count;
    struct span rooms[BODY_ROOMS_MAX];
    size_t room_count;
};
bool body_write_presence(struct buf *out, const struct body_presence *b);
void body_read_presence(const struct envelope *e, struct body_presence *b);

/* Whose presence one has, by version. */
bool body_write_digest(struct buf *out, const struct envelope_tick *versions, size_t n);
size_t body_read_digest(const struct envelope *e, struct envelope_tick *versions, size_t max);

/* The newest of each author, and how many links it came along; 0: not said. */
struct body_announcement {
    struct span author;
    uint64_t sequence;
    uint32_t hops;
};
bool body_write_announcements(struct buf *out, const struct body_announcement *news, size_t n);
/* Returned owned (free), n of them; NULL if there are none or memory is short. */
struct body_announcement *body_read_announcements(const struct envelope *e, size_t *n);

bool body_write_author(struct buf *out, struct span author);
bool body_read_author(const struct envelope *e, struct span *author);

/* An author's sequences from the one to the other, both included. */
struct body_stretch {
    struct span author;
    uint64_t from, to;
};
struct body_want {
    struct span author;
    uint64_t past, to; /* behind the one, up to the other */
};
struct body_request {
    const struct envelope_tick *clock; /* to write */
    size_t clock_count;
    struct body_want wants[BODY_WANTS_MAX];
    size_t want_count;
    struct body_stretch missing[BODY_STRETCHES_MAX], expired[BODY_STRETCHES_MAX];
    size_t missing_count, expired_count;
    bool is_new;
};
bool body_write_request(struct buf *out, const struct body_request *b);
/* All but the clock, which may be long. */
void body_read_request(const struct envelope *e, struct body_request *b);
size_t body_read_clock(const struct envelope *e, struct envelope_tick *clock, size_t max);

struct body_reply {
    struct span what;                    /* `for` */
    uint64_t count, gone;                /* gone: 0 if nothing is */
    uint64_t now;                        /* 0: the clock of the author is not known */
    bool has_gone;                       /* read: it is named, be it 0 */
    struct span people[BODY_PEOPLE_MAX]; /* cards */
    size_t people_count;
};
bool body_write_reply(struct buf *out, const struct body_reply *b);
void body_read_reply(const struct envelope *e, struct body_reply *b);

struct body_file_offer {
    struct span file_id, name;
    uint64_t size;
    uint8_t hash[BODY_FILE_HASH_BYTES]; /* of the hashes of its blocks */
    uint64_t chunk_size;
    bool paused;
    bool tree; /* it is a folder: a list of what is in it, then the contents (protocol/file_tree.h) */
};
bool body_write_file_offer(struct buf *out, const struct body_file_offer *b);
void body_read_file_offer(const struct envelope *e, struct body_file_offer *b);

struct body_file_accept {
    struct span file_id;
    struct span
        have; /* in base64: a bit for each block that is there: block b is bit b % 8 of byte b / 8; may be absent */
    bool paused;
};
bool body_write_file_accept(struct buf *out, const struct body_file_accept *b);
void body_read_file_accept(const struct envelope *e, struct body_file_accept *b);

struct body_file_decline {
    struct span file_id, reason; /* reason: may be absent */
};
bool body_write_file_decline(struct buf *out, const struct body_file_decline *b);
void body_read_file_decline(const struct envelope *e, struct body_file_decline *b);

/* A frame of the channel of files, on its way through others. */
bool body_write_file_chunk(struct buf *out, struct span frame);
/* Appends it; false when memory is short. */
bool body_read_file_chunk(const struct envelope *e, struct buf *out);

/* What a message lists of its attachments, as applications get it: a JSON array of objects with fileId, name, bytes, type (may be
 * absent) and hash (likewise). */
bool body_write_attachments(struct buf *out, const struct envelope_attachment *attachments, size_t n);
/* Of an attachment that is a folder: its media type. */
#define BODY_TREE_MEDIA_TYPE "inode/directory"

bool body_write_file_id(struct buf *out, struct span file_id);
struct span body_read_file_id(const struct envelope *e);

#endif
