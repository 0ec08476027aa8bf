/* SPDX-License-Identifier: MIT
 *
 * libusher: a person in a room, reachable over WebRTC data channels. One `struct usher` is one identity in one room;
 * several may live in one process on one thread. Everything happens on the GLib main context given; callbacks come
 * from its loop, never from inside a call. Strings are UTF-8. No function blocks.
 *
 *     struct usher *u = usher_new(&(struct usher_options){.room = "demo", .name = "ann"}, on_event, NULL, err, sizeof err);
 *     g_main_loop_run(loop);
 */
#ifndef USHER_H
#define USHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _GMainContext GMainContext;
struct usher;

/* What can go wrong, on purpose: for tests, as `usher exercise` is one. All zero for everybody else. */
struct usher_faults {
    /* Connections to each of the servers go to this port of 127.0.0.1 instead, where they can be cut; NULL: they do not. */
    const uint16_t *through;
    const char *no_link; /* with this identity no link is made: it is reached through others, if at all */
    bool tamper;         /* what is sealed is sent with a wrong byte */
};

enum {
    USHER_CODE_BYTES = 54 /* that hold any code and its NUL */
};

struct usher_options {
    const char *room; /* 1 to 64 of A-Za-z0-9_-; NULL only with a code or a partner */
    /* Instead of a room: the words that one person gave the other (usher_code_new). Who knows them meets in a room of their own,
     * and only those are taken who prove that they know them; so not even the server can pass for one of them. Making the
     * keys of it takes usher_new some 50 ms and 16 MiB. NULL: none */
    const char *code;
    /* Instead of both: an identity. The two meet in a room of their own, which is made of both identities, and which nobody has
     * to tell the other. Others who know both can come there too: an application serves who has this id. Only files move there:
     * messages are neither sent nor taken, and wait for another start. NULL: none */
    const char *partner;
    /* With a partner: a struct usher with a partner that outlives this one. This one is the same person, in another room. Such
     * ones have one state directory, which is locked once. NULL: none */
    struct usher *beside;
    const char *name;             /* shown to others; at most 128 bytes; may be NULL */
    const char *password, *token; /* may be NULL */
    /* Files that we offer are offered again by the next process that joins the room with this state and keeps offers too, until their
     * readers have them or they are ended. One that has changed meanwhile is USHER_FILE_FAILED. */
    bool keep_offers;
    const char *const *servers; /* ws://host:port or wss://…; none: ws://localhost:4000 */
    size_t server_count;
    const char *const *ice_addresses; /* host candidates are limited to these; none: see usher(1) */
    size_t ice_address_count;
    bool relay_only;       /* no direct links: only through TURN servers */
    const char *state_dir; /* NULL: $XDG_STATE_HOME/usher, or usher-2 … when that is in use */
    GMainContext *context; /* NULL: the default one */
    void (*log)(void *user, int priority, const char *line); /* syslog(3) priorities; NULL: nothing is logged */
    void *log_user;
    struct usher_faults faults;
};

/* What happens, and which members of the event tell of it. */
enum usher_event_type {
    USHER_READY,     /* id: who we are; after USHER_JOINED */
    USHER_STATE,     /* text: disconnected, connecting, connected, joining, in-room, discovering, p2p-connected */
    USHER_JOINED,    /* room; to, names: who is there */
    USHER_PEER,      /* id, name, up, path (direct, turn, relay), verified; up again when the path is another */
    USHER_MESSAGE,   /* id, from, to, text, conversation, kind (direct_message, ...), verified, timestamp */
    USHER_ACCEPTED,  /* ref, id, conversation (absent for a ref that was accepted before) */
    USHER_DELIVERED, /* id, by */
    USHER_READ,      /* id, by */
    USHER_FAILED,    /* id, to, reason */
    USHER_TYPING,    /* from */
    USHER_PRESENCE,  /* from, text */
    USHER_STATUS,    /* from, text */
    USHER_LINK,      /* id, name, code, text: a link that is not simply up or down, or a doubt (see code below) */
    USHER_ROOMS,     /* from, to: the ids of other rooms that this person tells of */
    USHER_MISSING,   /* from, conversation, count: messages of that person that nobody had; id waited for them */
    USHER_HISTORY,   /* ref, text: a JSON array of messages, oldest first (usher_history) */
    USHER_ERROR, /* code, text, ref, or id: of a file, whose offer stays as it was; fatal if this peer cannot go on (unauthorized, out-of-memory ...) */
    USHER_LEFT,  /* after usher_leave: all is closed, and on the disk unless that failed */
    USHER_FILE_OFFER, /* id: of the file; from, name, size, kind (file, folder), conversation (the room's, if it is offered to all) */
    USHER_FILE_PROGRESS, /* id, count of size bytes: from (we receive it) or by (that reader has so much of ours) */
    USHER_FILE_COMPLETE, /* id, size, took_ms, count of bytes that had to come (0: it was there already): from, name and text, the
                          * path where it is now; or by, who has ours now */
    USHER_FILE_FAILED, /* id, reason (a word), text; ref: it was never offered; from: we do not get it; by: that reader does
                        * not. from and name, of an id that was not told of before, or of none (""): their offer was refused */
    USHER_FILE_PAUSED,  /* id, by: who paused it, perhaps we: a receiver asks for nothing, a sender gives nothing */
    USHER_FILE_RESUMED, /* id, by */
    USHER_FILE_STALLED /* id, from, name, text: we receive it, and nothing comes while its sender can be reached. It is asked
                         * for again; USHER_FILE_FAILED (`stalled`) follows after a minute in all, if that helps nothing */
};
/* "ready", "state", ...: as usher(1) calls it; static. */
const char *usher_event_name(enum usher_event_type type);

/* Borrowed for the callback. Text members are NULL when the type has none. Names are as others chose them, but for what
 * cannot be seen or would change what stands around it: control characters, line ends, directions of writing, invisible
 * ones, runs of spaces; < and > are _. Two people may have one name: the id is the person. The code "known-name" of a link
 * says that its name is, or looks like, one that is known with another key; "no-data-channel" that it calls us with audio or
 * video only, which no link can be made of. */
struct usher_event {
    enum usher_event_type type;
    const char *id, *from, *by, *ref, *room, *name, *text, *conversation, *reason, *code, *kind, *path;
    const char
        *attachments; /* of USHER_MESSAGE: a JSON array of objects: fileId, name, bytes, type, hash; NULL: none */
    const char *const *to;
    const char *const *names;
    size_t to_count;
    uint64_t timestamp; /* the sender's clock, milliseconds since 1970 */
    uint64_t count;     /* of USHER_MISSING: 0: nothing proves how many are missing, or that they exist */
    uint64_t size, took_ms;
    bool up, verified, fatal;
};
typedef void usher_callback(struct usher *u, const struct usher_event *event, void *user);

/* Opens the state directory (creating identity and directory at first use), joins the room and goes on joining it for
 * ever. NULL with one sentence in err (err_n bytes) when that cannot begin. The options are copied. */
struct usher *usher_new(
    const struct usher_options *options, usher_callback *callback, void *user, char *err, size_t err_n);
/* Whether url is a server's address as usher_new takes it; if not, one sentence in err. */
bool usher_check_server(const char *url, char *err, size_t err_n);
/* A new code of six words, for out (at least USHER_CODE_BYTES): 66 bits from the system's generator. False: n is too small. */
bool usher_code_new(char *out, size_t n);
/* Whether people may mean a code by this; then it is written to canonical (may be NULL, else at least USHER_CODE_BYTES) as
 * usher_code_new writes it. Case, and what stands between the words, do not matter, and of a word its first four letters
 * are enough. If it is none, one sentence in err names the word that is wrong, and those of the list that are nearest. */
bool usher_code_check(const char *code, char *canonical, size_t n, char *err, size_t err_n);
/* How many bytes must be put in, taken out, changed or swapped with their neighbour to make b of a, each at most 32 bytes; else
 * 1000: to find what somebody meant who mistyped it. */
unsigned usher_word_distance(const char *a, const char *b);
/* Closes everything at once. usher_leave first says good-bye. Takes NULL; not from inside a callback. */
void usher_free(struct usher *u);

const char *usher_id(const struct usher *u);        /* 26 characters; borrowed */
const char *usher_state_dir(const struct usher *u); /* borrowed */

/* to_count 0: everybody in the room; 1: a direct message; more: a private one. USHER_ACCEPTED follows (with ref, if one
 * was given), or USHER_ERROR, "too-large" too: as JSON, where most control characters are 6 bytes, a text has at most
 * 128 KiB. False if text is over 64 KiB or not UTF-8, ref is over 64 bytes, there are more than 256
 * readers, 65,536 events wait for the loop to deliver them, or the disk is thousands of messages behind. */
bool usher_send(struct usher *u, const char *const *to, size_t to_count, const char *text, const char *ref);
/* The same for a message that is worth something for so many milliseconds only (1 to 30 days; 0: an hour, as usher_send has
 * it): whoever has not got it by then never does, and USHER_FAILED names that reader. */
bool usher_send_within(
    struct usher *u, const char *const *to, size_t to_count, const char *text, const char *ref, uint64_t ttl_ms);
/* The same with files or folders, at most 16: they are read once, then the message goes out and lists them, and they are offered to its
 * readers as usher_send_file does. If one cannot be read nothing is sent: USHER_ERROR with ref. False, too, if a path is longer than
 * 4,095 bytes. */
bool usher_send_with(struct usher *u, const char *const *to, size_t to_count, const char *text, const char *ref,
    uint64_t ttl_ms, const char *const *paths, size_t path_count);
void usher_read(struct usher *u, const char *message_id);
void usher_typing(struct usher *u);
void usher_status(struct usher *u, const char *text); /* of at most 64 KiB, and 128 KiB as JSON; else USHER_ERROR */
void usher_presence(struct usher *u, const char *presence); /* "online" or "away" */
/* Tells everybody, over all links, of these rooms (ids, at most 16; count 0: of none any more): for rooms that strangers may
 * know of, since whoever learns of them can pass them on. False, and nothing has changed, if one is no room's id or there
 * are more. */
bool usher_announce_rooms(struct usher *u, const char *const *rooms, size_t count);
/* The record of what was said and heard, over all starts: the limit (1 to 1024; 0: as many) messages behind the one of
 * that id, or the newest if after is NULL. USHER_HISTORY follows, or USHER_ERROR "no-such-message"; both carry ref. At
 * most 4 MiB: there may be fewer, the first of those behind after, or the newest. Each message is an object with id, from,
 * to, text, conversation, type, timestamp. */
void usher_history(struct usher *u, const char *after, unsigned limit, const char *ref);
/* Offers a file or a folder to these people, or (to_count 0) to everybody who is or comes into the room; who is absent is
 * offered it when he comes, for as long as this process lives. It is read once before it is offered. USHER_ACCEPTED follows, whose id is the
 * file's, or USHER_FILE_FAILED with ref. False if path is longer than 4,095 bytes, ref over 64 bytes, or there are more than
 * 256 readers. */
bool usher_send_file(struct usher *u, const char *const *to, size_t to_count, const char *path, const char *ref);
/* Receives a file that was offered into a folder, which exists. What came of it there before is not sent again, nor is a file
 * that is there already, whole and under its name. False if folder is longer than 4,095 bytes. */
bool usher_accept_file(struct usher *u, const char *file_id, const char *folder);
/* Declines one that was offered, or ends one that is under way, whoever sends it; what came of it stays on the disk. */
void usher_decline_file(struct usher *u, const char *file_id);
/* Pauses one that is under way, whoever sends it, until it is resumed by whoever paused it; the other is told, over lost links and
 * again on new ones. USHER_FILE_PAUSED and USHER_FILE_RESUMED tell of either end's. */
void usher_pause_file(struct usher *u, const char *file_id);
void usher_resume_file(struct usher *u, const char *file_id);
/* As usher_decline_file; USHER_FILE_FAILED with the reason `cancelled` tells of it at both ends. */
void usher_cancel_file(struct usher *u, const char *file_id);
/* Says good-bye, closes links and socket; USHER_LEFT follows when all is on the disk. */
void usher_leave(struct usher *u);
/* Messages not yet acknowledged by every reader. */
size_t usher_pending(const struct usher *u);

struct usher_person {
    const char *id, *name, *path; /* borrowed until the next call of usher_people or usher_free */
    bool up, verified, in_room;
    uint64_t rtt_ms;
};
size_t usher_people(struct usher *u, const struct usher_person **people);
/* What is left of a name when case, spaces, accents and letters that look alike are made equal (a skeleton, UTS 39): two
 * names with one skeleton may be taken for each other. For comparing, not for showing; cut off at room - 1 bytes. */
void usher_name_skeleton(const char *name, char *out, size_t room);

struct usher_stats {
    uint64_t calls_total, links_up_total, links_failed_total, restarts_total, reconnects_total, connect_ms_last;
    uint64_t sent_total, received_total, delivered_total, retransmitted_total, refused_total, links_up, queued;
    uint64_t failed_total; /* deliveries reported failed */
    /* Percentiles of the newest 256, in milliseconds; 0: none yet. Connecting: from the offer to the introduction.
     * Delivery: from usher_send to a reader's acknowledgement. */
    uint64_t connect_ms_p50, connect_ms_p99, delivery_ms_p50, delivery_ms_p90, delivery_ms_p99;
    uint64_t alone_total, acks_total; /* frames of messages to one reader, repeats too; of acknowledgements */
    /* Frames of group messages sent along the tree, announcements, and changes of the tree. */
    uint64_t pushed_total, announced_total, grafted_total, pruned_total;
    /* Messages passed on for others, and what was sent through others; frames of files passed on; dropped because it found no way. */
    uint64_t relayed_total, relayed_out_total, files_relayed_total, relay_dropped_total;
    uint64_t missing_total, requests_total, replies_total; /* gaps that nobody filled; frames of history */
    uint64_t expired_total;                                /* messages that came past their time, and were not shown */
    uint64_t kept;                                         /* copies kept for others, now */
    uint64_t handed_total;                                 /* messages sent out of history, and copies for others */
    uint64_t filled_total;                                 /* messages that came out of others' history and were new */
    /* Other frames sent: who is here and linked with whom; pings and pongs; calls through friends; typing and status. */
    uint64_t news_total, heartbeats_total, signals_total, passing_total;
    /* Of files: frames sent, but for their bytes; blocks of 1 MiB sent; received and verified; received and not what they should be. */
    uint64_t file_frames_total, blocks_given_total, blocks_had_total, blocks_wrong_total;
};
void usher_stats(const struct usher *u, struct usher_stats *stats);

/* The identity in a state directory (made if there is none), without joining: its id to out (27 bytes). False with one
 * sentence in err. */
bool usher_identity(const char *state_dir, char *out, char *err, size_t err_n);

/* The state directory of whoever names none, if nobody uses it, to out. False: it is longer than n - 1 bytes, or there is no
 * home directory. */
bool usher_state_default(char *out, size_t n);

/* People who proved their keys to whoever has this state directory (NULL: the default one, whoever uses it), with the name that
 * they had then, those who were met first first; a name is that of one person, but one person may have several. Names
 * may hold anything but a NUL: they are not for showing as they are. 0: nobody, or with one sentence in err (else it is empty)
 * it cannot be read; an absent directory is not made. The list is for usher_known_free. */
struct usher_known {
    char name[129], id[27];
};
size_t usher_known(const char *state_dir, struct usher_known **list, char *err, size_t err_n);
void usher_known_free(struct usher_known *list); /* takes NULL */

/* ---- rooms of a server, over HTTP (usherd(8)) ----
 *
 * Nobody joins, and no identity is needed. Of the options servers, token, state_dir and context count. HTTP goes where the
 * WebSocket goes, http:// for ws:// and https:// for wss://, with the same look at certificates; below the path of the server's
 * address, if it has one: wss://host/usher/ws is asked at https://host/usher/api/rooms. Redirects are not followed.
 *
 * The servers are tried in turn: the next one when nobody was reached, or a list did not come. What may have been done already
 * is not asked again. Each has 10 seconds, answers at most 2 MiB. */

struct usher_rooms; /* one request */

struct usher_room {
    const char *id, *name;     /* the name is as its maker chose it, control characters and all */
    uint64_t peers, max_peers; /* who is in it now; 0: no limit */
    uint64_t created;          /* milliseconds since 1970, by the server's clock */
    bool locked;               /* it has a password */
};

enum usher_rooms_end {
    USHER_ROOMS_DONE,
    USHER_ROOMS_REFUSED,     /* code and text are the server's own: any UTF-8, text at most 512 bytes */
    USHER_ROOMS_UNREACHABLE, /* text says of each server why it has no answer; nothing was done */
    USHER_ROOMS_FAILED       /* text: who answers is no usherd, or the answer to what may have been done did not come */
};

/* Borrowed for the callback. */
struct usher_rooms_answer {
    enum usher_rooms_end end;
    const char *server; /* host:port of the one that was asked last */
    unsigned status;    /* of HTTP; 0: there was no answer */
    const char *code, *text;
    const char *json;               /* what came, one JSON object without what stands around it; NULL: nothing did */
    const struct usher_room *rooms; /* those that are listed; or the one that was made */
    size_t count;
    const char *owner_token; /* of the room that was made */
    const char *kept;        /* the state directory in which it is kept; NULL: it is not, */
    const char *not_kept;    /* and this is why */
};
typedef void usher_rooms_callback(const struct usher_rooms_answer *answer, void *user);

struct usher_room_terms {
    const char *name;     /* 1 to 128 bytes: the room's id if it can be one; NULL: the server makes one up */
    const char *password; /* 1 to 256 bytes; NULL: none */
    uint32_t max_peers;   /* 1 to 1,000,000,000; 0: as many as the server allows */
    bool listed;
};

/* Each begins a request, whose callback comes once. NULL with one sentence in err (err_n bytes) when that cannot begin. What they
 * are given is copied. */
struct usher_rooms *usher_rooms_list(
    const struct usher_options *options, usher_rooms_callback *callback, void *user, char *err, size_t err_n);
/* The room's owner token is written to the file "rooms" of the state directory (state_dir, or $XDG_STATE_HOME/usher, which
 * another process may have in use) before the callback. options->token is shown to the server, if there is one. */
struct usher_rooms *usher_rooms_create(const struct usher_options *options, const struct usher_room_terms *terms,
    usher_rooms_callback *callback, void *user, char *err, size_t err_n);
/* With owner_token; if it is NULL, with options->token; if that is too, with the owner token that is kept of this room for one of
 * the servers, or none. When the room is gone, so is what was kept of it. */
struct usher_rooms *usher_rooms_delete(const struct usher_options *options, const char *room, const char *owner_token,
    usher_rooms_callback *callback, void *user, char *err, size_t err_n);
/* Ends the request, if it has not ended. Takes NULL; not from inside its callback. */
void usher_rooms_free(struct usher_rooms *r);

#ifdef __cplusplus
}
#endif
#endif
