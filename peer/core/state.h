/* SPDX-License-Identifier: MIT
 *
 * What the core's files share: its data (data.h) and, file by file, what each offers the others. Nobody outside
 * peer/core includes this.
 */
#ifndef PEER_CORE_STATE_H
#define PEER_CORE_STATE_H

#include "peer/core/data.h"

/* ---- effects.c: what io is to do. Out of memory loses the effect, as a network loses a packet. ---- */
struct peer_effect *effect_add(struct peer *p, enum peer_effect_type type);
struct peer_effect *effect_text(struct peer *p, enum peer_effect_type type, uint64_t rtc, struct span text);
/* Wakes the peer at that time at the latest. */
void effect_wake(struct peer *p, uint64_t at);
/* A record with up to one field (key may be NULL). */
void effect_log(
    struct peer *p, enum log_level level, const char *event, const char *message, const char *key, struct span value);
/* Copies into a member of n bytes with its NUL; false, with nothing done, if it does not fit. */
bool text_copy(char *out, size_t n, struct span text);
/* The pause before connection number `failures` + 1, which doubles: `base` and up to a quarter of it by chance. */
uint64_t effect_jitter(const struct peer *p, uint64_t base);

/* ---- notice.c ---- */
struct notice {
    enum peer_notice_type type;
    struct span id, from, by, ref, room, name, text, conversation, reason, code;
    const struct span *to, *names;
    size_t to_count;
    const char *kind, *path;
    uint64_t timestamp, count;
    bool up, verified, fatal;
};
void notice_give(struct peer *p, struct peer_notice **n);
struct peer_notice *notice_make(const struct notice *n); /* copies; NULL when out of memory */
void notice_add(struct peer *p, const struct notice *n);
void link_notice(struct peer *p, const struct person *who, const char *text);

/* ---- session.c ---- */
void session_start(struct peer *p);
void session_opened(struct peer *p);
/* A frame came: false if no session is open. */
bool session_hears(struct peer *p);
enum session_outcome {
    SESSION_DONE,    /* nothing more is to be done with it */
    SESSION_ENTERED, /* we are in the room, and this is who is there; session_ready follows */
    SESSION_KEPT,    /* likewise, on the entry that we had */
    SESSION_OF_ROOM  /* we are in the room, and it is about somebody there */
};
enum session_outcome session_handle(struct peer *p, const struct signaling_message *m);
void session_ready(struct peer *p);
void session_closed(struct peer *p, uint16_t close_code, struct span why);
void session_network(struct peer *p, bool cut); /* cut: the socket's own address is gone */
void session_due(struct peer *p);
void session_leave(struct peer *p);
/* Out of the room for TWIN_REST_MS. */
void session_rest(struct peer *p);
/* Hands the daemon a frame; dropped, and false, unless we are in the room. */
bool session_send(struct peer *p, struct buf *frame);
/* Tells the application the state if it changed. */
void session_show(struct peer *p);

/* ---- card.c: who somebody is, on one line: key, box, signature (base64) and name ---- */
enum {
    CARD_MAX = 3 * 96 + DISPLAY_NAME_MAX
};
struct card {
    char id[ID_CHARS + 1];
    uint8_t key[KEY_BYTES], box[KEY_BYTES], box_signature[SIGNATURE_BYTES];
    char name[DISPLAY_NAME_MAX + 1];
};
void card_write(struct buf *out, const struct person *who);
void card_write_ours(const struct peer *p, struct buf *out);
/* False unless the signature holds. */
bool card_read(const struct peer *p, struct span text, struct card *out);

/* ---- roster.c ---- */
struct person *roster_find(const struct peer *p, struct span id);
struct roster_entry *roster_entry(const struct peer *p, struct span id);
/* The roster entry to call: the newest that is not refused; NULL if there is none. */
struct roster_entry *roster_usable_entry(const struct peer *p, const struct person *who);
/* The person of that card, made if new; NULL if it is ourselves or there is no room. */
struct person *roster_meet(struct peer *p, const struct card *card);
/* Keeps who this is for the next start. */
void roster_store(struct peer *p, struct person *who);
struct person *roster_meet_plain(struct peer *p, struct span id);
struct roster_entry *roster_add_entry(struct peer *p, struct person *who, struct span id);
void roster_remove_entry(struct peer *p, struct roster_entry *entry);
void roster_rename_entry(struct peer *p, struct roster_entry *entry, struct span to);
void roster_sweep(struct peer *p);
void roster_clear(struct peer *p);
void roster_free(struct person *who);
bool link_is_there(const struct person *who); /* in the room, or linked */

/* facts */
void fact_add(struct peer *p, struct person *who, enum fact fact);
struct person *fact_next(struct peer *p, enum fact *fact);
void hand_on(struct peer *p);

/* membership */
void membership_list(struct peer *p, const struct signaling_message *m);
void membership_joined(struct peer *p, const struct signaling_member *m);
void membership_left(struct peer *p, struct span peer_id, bool said_goodbye);
void membership_resumed(struct peer *p, const struct signaling_message *m);
void membership_away(struct peer *p, struct span peer_id);
void membership_back(struct peer *p, const struct signaling_message *m);
void membership_due(struct peer *p);
void membership_withdraw(struct peer *p);
void membership_clear(struct peer *p);
void membership_call_all(struct peer *p);

void signaling_frame(struct peer *p, struct span frame);
void signaling_due(struct peer *p);

/* ---- twin.c: another process with our identity ---- */
void twin_start(struct peer *p);
void twin_joined(struct peer *p); /* we have a roster entry; whom else the room has follows */
/* Somebody with our key sits there; was_there: before we came. */
void twin_seen(struct peer *p, struct span peer_id, bool was_there);
bool twin_claimed(struct peer *p, const struct signaling_message *m);
/* There may be one: nobody is called or answered yet. */
bool twin_doubts(const struct peer *p);
bool twin_due(struct peer *p);

/* ---- connection.c: one connection, and what the two say about it through the daemon ---- */
struct connection *connection_find(const struct peer *p, uint64_t rtc);
struct connection *connection_new(
    struct peer *p, struct person *who, const struct roster_entry *entry, struct span link);
void connection_free(struct peer *p, struct connection *a); /* takes NULL; also at io */
struct connection *call_begin(struct peer *p, struct person *who, const struct roster_entry *entry);
void call_restart(struct peer *p, struct connection *a);
void negotiation_signal(struct peer *p, const struct signaling_message *m); /* offer, answer or candidate */
/* The same through other peers. */
void negotiation_requested(struct peer *p, struct person *who, const struct envelope *e);
/* They proved to be here, at that time by their clock: what they offered before is over, whatever that clock said then. */
void negotiation_introduced(struct person *who, uint64_t timestamp);
bool call_describe(struct peer *p, struct connection *a, struct span type, struct span sdp);
void call_candidate(struct peer *p, struct connection *a, struct span candidate);
struct roster_entry *connection_entry(const struct peer *p, const struct connection *a);
/* Tells the daemon how the call ended, for its statistics. */
void connection_report(struct peer *p, struct connection *a, bool failed); /* once */
/* Whether the other end takes a message of so many bytes (RFC 8841 section 6.1). */
bool connection_fits(const struct connection *a, size_t n);
/* Sends one message on the open channel; nothing while that is congested, or if it does not fit. */
void connection_send(struct peer *p, struct connection *a, struct span text);

/* ---- link.c, link_pulse.c, link_wish.c ---- */
bool link_is_up(const struct person *who);          /* introduced; perhaps just restarting */
bool link_is_calling(const struct person *who);     /* a connection is under way, and its channel is not open */
bool link_can_send(const struct person *who);       /* messages: not while it is restarting or congested */
bool link_fits(const struct person *who, size_t n); /* the link is up, and takes a message of so many bytes */
const char *link_path(const struct person *who);    /* static */
/* The person was met, or sits elsewhere, or we do. */
void link_entry_changed(struct peer *p, struct person *who);
/* The person has a roster entry that it had not: the same process came back, or another that knows nothing of the link. */
void link_entry_new(struct peer *p, struct person *who);
/* Our roster entry was kept over the loss of its socket; whole: what was said to us is not lost. */
void link_resumed(struct peer *p, struct person *who, bool whole);
/* Theirs was. */
void link_returned(struct peer *p, struct person *who);
/* Their socket is lost: what we said last may have gone with it. */
void link_unsure(struct person *who, struct span peer_id);
/* Their roster entry has another name. */
void link_entry_renamed(struct person *who, struct span from, struct span to);
void link_offered(struct peer *p, struct person *who, struct connection *a);
void link_channel_open(struct peer *p, struct connection *a, uint16_t channel, struct span label);
void link_channel_closed(struct peer *p, struct connection *a, uint16_t channel);
void link_ice(struct peer *p, struct connection *a, bool connected, enum peer_path path);
void link_introduced(struct peer *p, struct connection *a);
void link_heard(struct peer *p, struct connection *a);
void link_pong(struct peer *p, struct connection *a, uint64_t number);
/* The connection is over; the next one follows in its time. */
void link_failed(struct peer *p, struct connection *a, const char *reason);
void link_refused(struct peer *p, struct connection *a, const char *reason);
void link_farewell(struct peer *p, struct person *who); /* they said that they are gone */
void link_due(struct peer *p, struct person *who);
void link_close(struct peer *p, struct person *who);
/* Somebody has something for this person: it is called even if the overlay does not ask for it. */
void link_wanted(struct peer *p, struct person *who);
/* Calls whom the overlay asks for now. */
void link_overlay(struct peer *p);

/* ---- intro.c ---- */
void introduction_send(struct peer *p, struct connection *a);
/* NULL if the introduction holds, else why not. */
const char *introduction_check(struct peer *p, const struct connection *a, const struct envelope *e);

/* ---- trust.c ---- */
void trust_known(struct peer *p, struct span name, struct span id);
void trust_meet(struct peer *p, const struct person *who);
void trust_clear(struct peer *p);

/* ---- say.c: envelopes of ours ---- */
/* Over the link, or sealed and through others. False if neither is there. */
bool send_through(struct peer *p, struct person *who, struct envelope *e);
bool send_relayed(struct peer *p, struct person *who, struct envelope *e); /* through others in any case */
/* What send_relayed sends, appended to out; false if it cannot be sealed to them. */
bool say_sealed(struct peer *p, const struct person *who, struct envelope *e, struct buf *out);
/* Whether send_through can say anything now. */
bool send_can(const struct peer *p, const struct person *who);
/* Fills in what every message of ours has; id has ID_CHARS + 1 bytes, chosen here. */
void say_begin(struct peer *p, struct envelope *e, char *id);
/* Signs and appends it to out. */
bool say_sign(const struct peer *p, struct envelope *e, struct buf *out);
/* Both. */
bool say_envelope(struct peer *p, struct envelope *e, char *id, struct buf *out);
/* Makes and sends what is not kept: heartbeats, acknowledgements, presence ... Nothing if the link cannot take it. */
void send_to(struct peer *p, struct person *who, struct envelope *e);
void send_heartbeat(struct peer *p, struct person *who, const char *ping_or_pong, uint64_t number);
void status_tell(struct peer *p, struct person *who, struct span status);
void status_path(struct peer *p, struct person *who);
void status_clear(struct peer *p);
void status_typing(struct peer *p);
/* To everybody whose link is up, and to those whose link comes up later. */
void gossip_presence(struct peer *p, struct span presence);
void status_set(struct peer *p, struct span status);
/* Why a text cannot be sent, as a sentence for the application: it is too large, as it is or as JSON. NULL: it can. */
const char *say_too_large(struct span text);
/* The conversation that a message from `from` to these people belongs to; none: the room's. */
void conversation_name(
    const struct peer *p, struct span from, const struct span *to, size_t n, char out[ENVELOPE_CONVERSATION_MAX + 1]);

/* ---- storage.c ---- */
void storage_put(struct peer *p, enum peer_table table, struct span key, struct span value);
void storage_delete(struct peer *p, enum peer_table table, struct span key);
/* Once all that was put so far is on the disk: tells the application, sends the message, tells `who`. */
void after_commit_notice(struct peer *p, const struct notice *n);
void after_commit_send(struct peer *p, const struct outgoing *m);
void after_commit_tell(
    struct peer *p, enum after_commit_type type, const struct person *who, struct span id, bool group);
/* Rows of a table from a key to another (left out); the caller fills what the load is for. NULL: too many are under way. */
struct load *storage_load(struct peer *p, enum load_type type, enum peer_table table, struct span from, struct span to,
    unsigned limit, bool last);
/* type: AFTER_COMMIT_FRAME or AFTER_COMMIT_SEALED. The frame is taken. */
void after_commit_frame(struct peer *p, enum after_commit_type type, const struct person *who, struct buf *frame);
void storage_end_step(struct peer *p);
void storage_committed(struct peer *p, uint64_t ticket);
bool after_commit_next(struct peer *p, struct after_commit *out);
void after_commit_done(struct after_commit *t);
void after_commit_clear(struct peer *p);
/* Takes the load that was answered off the list; the caller frees it. NULL: it is not ours. */
struct load *storage_answered(struct peer *p, uint64_t ticket);
void storage_clear(struct peer *p);
/* conversation/author/sequence */
void storage_message_key(struct buf *key, const char *conversation, struct span author, uint64_t sequence);
/* 16 hexadecimal digits: in byte order they stand as the numbers do. */
void storage_number(char out[17], uint64_t number);
bool storage_read_number(struct span text, uint64_t *number);

/* ---- restore.c: the core as it was ---- */
void restore_row(struct peer *p, enum peer_table table, struct span key, struct span value);

/* ---- conversation.c ---- */
struct conversation *conversation_find(const struct peer *p, struct span name);
/* The one of that name (conversation_name) and these people, or of the room if n is 0; made if it is new. NULL if there
 * are too many, or memory is short. */
struct conversation *conversation_of(
    struct peer *p, const char *name, struct span from, const struct span *to, size_t n);
struct conversation *conversation_restored(struct peer *p, struct span name, struct span value);
bool conversation_has(const struct conversation *c, const struct person *who);
/* It is known from where on we read it. */
void conversation_start(struct peer *p, struct conversation *c);
void conversation_store_clock(struct peer *p, struct conversation *c, struct span author);
/* The stretch that this sequence is in, if it will never be shown; else NULL. */
struct missing *conversation_missing(struct conversation *c, struct span author, uint64_t sequence);
#define CONVERSATION_EXPIRED " expired" /* behind the last sequence of such a stretch in its row */
/* These of that author will never be shown; untold: and the author is to be told so. False if it can be nobody's name. */
bool conversation_bury(struct peer *p, struct conversation *c, struct span author, struct missing like);
/* This stretch's author is told soon; at most once in ASK_AGAIN_MS. */
void conversation_tell(struct peer *p, struct conversation *c, struct missing *m);
/* Puts a message into the history; of a room only an author's newest are kept. */
void conversation_keep(
    struct peer *p, const struct conversation *c, struct span author, uint64_t sequence, struct span text);
void conversation_waiting_free(struct waiting *w);
void conversation_clear(struct peer *p);

/* ---- compose.c: what the application says ---- */
void compose_message(struct peer *p, const struct peer_event *ev);
void compose_remember_ref(struct peer *p, struct span ref, struct span id);
void compose_clear(struct peer *p);

/* ---- outbox.c, outbox_keep.c ---- */
/* A message of ours with these readers; text and plain are taken. NULL when out of memory. */
struct outgoing *outbox_add(struct peer *p, const struct outgoing *like, struct buf *text, struct buf *plain);
/* False, and reported as failed, if too many wait for this reader. */
bool outbox_add_reader(struct peer *p, struct outgoing *m, struct person *who);
struct outgoing *outbox_find(const struct peer *p, struct span id);
/* It is on the disk: sends it. */
void outbox_release(struct peer *p, struct outgoing *m);
void outbox_flush(struct peer *p, struct person *who); /* what the link can take now */
void outbox_link_up(struct peer *p, struct person *who);
void outbox_link_down(struct peer *p, struct person *who);
void outbox_new_carrier(struct peer *p);
void outbox_reached(struct peer *p, struct person *who); /* on whatever way, after there was none: tried again */
void outbox_acknowledged(struct peer *p, struct person *who, struct span id);
void outbox_stored(struct peer *p, struct person *who, struct span id); /* on their disk, or on a custodian's */
/* They say how far they have read us in a conversation: what they have not named up to there is sent to them again. */
void outbox_passed(struct peer *p, struct person *who, const struct conversation *c, uint64_t count);
/* They say of this very message that they will never show it. */
void outbox_never_shown(struct peer *p, struct person *who, struct span id);
void outbox_was_read(struct peer *p, struct person *who, struct span id);
/* They lack something of ours in this conversation, and no link brings it: what is late goes again. */
void outbox_asked(struct peer *p, struct person *who, const struct conversation *c);
/* They will never show those of ours; the reason is static. */
void outbox_missed(
    struct peer *p, struct person *who, const struct conversation *c, uint64_t from, uint64_t to, const char *reason);
/* After the rows were read. */
void outbox_restored(struct peer *p);
/* The first sequence of the room that this reader was sent and has not acknowledged; 0: none. */
uint64_t outbox_first_unheard(const struct person *who, const struct conversation *c);
/* A copy for one reader: with its key alone, as often as it was tried, and with us as the first of its route if it goes
 * through others. */
bool outbox_copy(const struct peer *p, const struct delivery *d, bool relayed, struct buf *out);
void outbox_due(struct peer *p, struct person *who);
void outbox_expire(struct peer *p);
void outbox_clear(struct peer *p); /* at the end: what nobody waits for, and no commit has let go */
/* Reports every delivery that waits as failed and forgets all. */
void outbox_drop(struct peer *p, struct person *who, const char *reason);

/* ---- receive.c ---- */
void receive_data(struct peer *p, struct connection *a, const struct peer_event *ev);
/* An envelope out of the store, as it came once. False if it cannot be read, or nobody knows its author. */
bool receive_again(struct peer *p, struct span text);
/* Whether the envelope is signed with that key. */
bool guard_signed_by(struct peer *p, const uint8_t key[KEY_BYTES], const struct envelope *e);
/* Opens what is sealed to us by that person. NULL, or a static reason. */
const char *guard_open(const struct peer *p, const struct person *who, struct envelope *e);
/* Whether one more of what somebody may do once in each_ms, or `burst` times at once, fits now; it is paid for then. */
bool guard_affords(const struct peer *p, uint64_t *paid_until, uint64_t each_ms, uint64_t burst);
/* Counts a frame that broke a rule, and logs it at a bounded rate. */
void guard_refuse(struct peer *p, const struct person *who, const char *why);

/* ---- expiry.c: whether a message came in time ---- */
/* They said on their link that it is so late; not before `since`, by our clock. */
void expiry_heartbeat_heard(struct peer *p, struct person *who, uint64_t timestamp, uint64_t since);
/* Talk came that rested nowhere. */
void expiry_message_heard(struct peer *p, struct person *author, const struct envelope *e);
/* Their news came, newer than what we had. */
void expiry_gossip_heard(struct peer *p, struct person *who, uint64_t timestamp);
/* What their clock shows, to be told to others; 0: we do not know. And what others say of it. */
uint64_t expiry_clock_of(const struct peer *p, const struct person *who);
void expiry_vouched(struct peer *p, struct person *who, uint64_t clock);
bool expiry_is_over(const struct peer *p, const struct person *author, const struct envelope *e);
/* How much of its time to live is left. */
uint64_t expiry_left(const struct peer *p, const struct person *author, const struct envelope *e);
/* At the beginning of a step: was our own clock set? */
bool expiry_watch(struct peer *p);

/* ---- receipt.c: what is owed for what was heard ---- */
void receipt_owe(struct peer *p, struct person *who, struct span id, bool group);
void receipt_stored(struct peer *p, struct person *who, struct span id); /* message_ack */
/* Asks an author's reader which of these it has (message_query), and answers such a question. */
void receipt_query(struct peer *p, struct person *who, const struct span *ids, size_t n);
void receipt_asked(struct peer *p, struct person *author, struct span id);
void receipt_missed(struct peer *p, struct person *who, struct span id); /* message_missed */
bool receipt_knows(const struct person *who, struct span id); /* a message of theirs that was shown in this life */
void receipt_read(struct peer *p, struct span id);            /* a person saw this message */
void receipt_read_of(struct peer *p, struct person *who, struct span id); /* likewise, one of theirs */
void receipt_settle(struct peer *p, struct person *who);                  /* sends the receipts that are owed */
/* What is owed goes through others in a while, unless a link comes up before. */
void receipt_link_down(struct peer *p, struct person *who);
void receipt_due(struct peer *p, struct person *who);
void receipt_clear(struct person *who);

/* ---- deliver.c: messages of people, in order ---- */
/* The author's signature holds. from: whose link it came on, NULL out of the store; raw: as it came. */
enum arrival {
    ARRIVED_BY_TREE,      /* pushed along the tree */
    ARRIVED_ALONE,        /* to us alone: direct, sent again, or out of our own store */
    ARRIVED_FROM_HISTORY, /* out of somebody's history */
    ARRIVED_AS_HEAD       /* the last of its author: where a newcomer begins */
};
void deliver_message(
    struct peer *p, struct person *from, struct person *author, struct envelope *e, struct span raw, enum arrival way);
/* The clock moved in another way: what waited for that is delivered. */
void deliver_waiting_messages(struct peer *p, struct conversation *c);
/* Whether the log has what message_log_had looked for, from that author. */
void deliver_had(struct peer *p, const struct load *load, bool had);
void deliver_due(struct peer *p);

/* ---- broadcast.c: group messages along the tree ---- */
/* Sends an author's group message to the links of its tree, but to `from` (NULL: it is ours). */
void broadcast_push(struct peer *p, const struct person *from, struct span author, struct span raw);
/* One came along the tree: it goes on if it is the first of its kind, else its bringer is told to leave the tree. */
void broadcast_pass_on(struct peer *p, const struct conversation *c, struct person *from, const struct envelope *e,
    struct span raw, bool is_new);
/* The tree hears of what came otherwise, from `from` (NULL: out of our own store): nobody needs to be asked for it, and the
 * links are told. */
void broadcast_pass_by(
    struct peer *p, const struct conversation *c, const struct person *from, const struct envelope *e);
void broadcast_announced(struct peer *p, struct person *from, const struct envelope *e);
/* They told in another way of messages of the room up to this one. */
void broadcast_lacked(struct peer *p, const struct person *from, struct span author, uint64_t sequence);
/* They have sent all that they have of what they were asked for. */
void broadcast_answered(struct peer *p, const struct person *who);
void broadcast_due(struct peer *p);
void broadcast_link_up(struct peer *p, const struct person *who);
void broadcast_link_down(struct peer *p, const struct person *who);

/* ---- history.c ---- */
void history_link_up(struct peer *p, struct person *who);
/* Tells our clock; of a conversation of few, asks its author for what is behind it. */
void history_ask(struct peer *p, struct conversation *c, struct person *who);
/* Asks for those messages of the room that we lack. False: none of them, or it cannot be said. */
bool history_want(struct peer *p, struct person *who, const struct tree_graft *wants, size_t n);
/* linked: it came on their own link, not through others. */
void history_request(struct peer *p, struct person *who, const struct envelope *e, bool linked);
void history_reply(struct peer *p, struct person *who, const struct envelope *e);
void history_give(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n);
/* What is handed over on a link, as history_reply says it. */
struct handout {
    const char *conversation; /* NULL: it is of none in particular */
    const char *what;
    size_t count;          /* talk frames that follow and belong to no tree */
    uint64_t gone;         /* of the giver's own messages those up to this are no more; 0: none */
    struct person *author; /* of the frames; NULL: it needs no introduction */
};
void history_announce(struct peer *p, struct person *who, const struct handout *h);

/* ---- message log.c: the record of what the application said and was told ---- */
void message_log_add(struct peer *p, const struct notice *n);
/* What the application asks for: a `history` notice. */
void message_log_show(struct peer *p, const struct peer_event *ev);
/* A person read this message: we, if `by` is empty, and its author is told; or one of its readers, and we are told. An
 * id that is not in the record is an error of the application's, and of others without effect. */
void message_log_read(struct peer *p, struct span id, struct span by);
/* Looks for a message at or below the clock; deliver_had hears, and answers `asker`: its author, or who kept a copy. */
void message_log_had(struct peer *p, const struct conversation *c, const struct person *author,
    const struct person *asker, const struct envelope *e);
/* Likewise by its id alone, for its author. */
void message_log_asked(struct peer *p, const struct person *author, struct span id);
struct log_answer {
    enum {
        LOG_ANSWER_NONE,
        LOG_ANSWER_HAS,
        LOG_ANSWER_LACKS,
        LOG_ANSWER_READ
    } type;
    char id[ENVELOPE_ID_MAX + 1], author[PERSON_MAX + 1];
};
struct log_answer message_log_loaded(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n);
void rows_loaded(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n);

/* ---- store_and_forward.c ---- */
void store_and_forward_give(struct peer *p, struct delivery *d);
void store_and_forward_take(struct peer *p, struct person *giver, const struct envelope *e, struct span raw);
/* A custodian says that a copy is on his disk. What he has not said so of when his link goes is given once more. */
void store_and_forward_kept(struct peer *p, const struct person *custodian, struct span id);
void store_and_forward_link_down(struct peer *p, const struct person *custodian);
void store_and_forward_link_up(struct peer *p, struct person *who);
/* The reader has it on his disk. */
void store_and_forward_delivered(struct peer *p, const struct person *reader, struct span id);
/* False if the row cannot be read. */
bool store_and_forward_restored(struct peer *p, struct span key, struct span value);
void store_and_forward_expire(struct peer *p);
void store_and_forward_clear(struct peer *p);

/* ---- relay.c: to somebody through others ---- */
/* Over a link or through others. */
bool relay_reaches(const struct peer *p, const struct person *who);
/* Sends an envelope of ours that names one reader. */
bool relay_send(struct peer *p, struct person *who, struct span text);
/* Passes on what came on `from`'s link for somebody else. */
void relay_pass(struct peer *p, struct person *from, const struct envelope *e, struct span reader);
/* The application is told who can be reached now, and how, where that has changed. */
void relay_show(struct peer *p);

/* ---- presence_gossip.c: what everybody tells everybody about itself ---- */
void gossip_due(struct peer *p);
void gossip_changed(struct peer *p); /* tell it soon */
void gossip_now(struct peer *p);
/* The rooms that we tell of; what is no room's id is left out. */
void gossip_rooms(struct peer *p, const struct span *ids, size_t n);
void gossip_link_up(struct peer *p, struct person *who);
/* What this link has not been told yet, if it can take it. */
void gossip_tell(struct peer *p, struct person *who);
void gossip_heard(struct peer *p, struct person *from, const struct envelope *e, struct span raw);
/* Their digest came. */
void gossip_compared(struct peer *p, struct person *from, const struct envelope *e);
/* They said good-bye: nobody leads there until they are heard of again. */
void relay_forget(struct peer *p, struct person *who);
/* Whether `who` told that it is linked with that person. */
bool relay_names(const struct person *who, const char *id);
void gossip_clear(struct person *who);

#endif
