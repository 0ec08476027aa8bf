/* SPDX-License-Identifier: MIT
 *
 * Rooms of a server: one question, and the servers that it is put to in turn (http_client.h). A server of which nothing came is
 * passed over, as long as the question cannot have been heard; a list may be asked for twice. What a server answers is its
 * answer, whatever the next one might say. A proxy that stands before no daemon says so with 502, 503 or 504.
 *
 * The owner token of a room is written down before anybody is told of it: it is shown once, and whoever shows it may crash.
 */
#include <gio/gio.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "peer/include/usher.h"
#include "peer/io/http_client.h"
#include "peer/io/owner_tokens.h"
#include "peer/io/rooms_answer.h"
#include "peer/io/state.h"
#include "protocol/message.h"
#include "protocol/roomfile.h"
#include "protocol/write.h"

enum {
    SERVER_MS = 10000, /* as usher.h has it */
    BODY_MAX = 4096,   /* a name and a password, each byte escaped, and what is around them */
    PATH_MAX_BYTES = URL_PATH_MAX + ROOM_ID_MAX + 16,
    WHY_MAX = 8192,      /* bytes of what is said of all servers, */
    SENTENCE_MAX = 1024, /* and of one */
    MESSAGE_SHOWN = 512  /* of a server's own words */
};

enum asked {
    ASKED_LIST,
    ASKED_CREATE,
    ASKED_DELETE
};

struct usher_rooms {
    enum asked asked;
    struct http_client *http;
    struct url urls[URLS_MAX];
    unsigned count, at;
    char room[ROOM_ID_MAX + 1]; /* to be deleted */
    char path[PATH_MAX_BYTES];
    char token[TOKEN_MAX + 1]; /* empty: none */
    struct buf body;
    struct buf why;               /* what came of the servers before, and of this one */
    char dir[STATE_PATH_MAX + 1]; /* where owner tokens are kept; empty: nowhere, */
    struct err no_dir;            /* and why */
    usher_rooms_callback *callback;
    void *user;
};

/* ---- asking ---- */

/* What a server is called in the file of owner tokens: the address of what stands beside its WebSocket. */
static bool server_of(const struct url *url, char out[OWNER_SERVER_MAX + 1])
{
    char name[URL_NAME_MAX + 1], path[URL_PATH_MAX + 1];
    url_name(url, name);
    gchar *lower = g_ascii_strdown(name, -1);
    bool ok = url_beside(url, "", path, sizeof path);
    int n = snprintf(out, OWNER_SERVER_MAX + 1, "%s://%s%s", url->tls ? "https" : "http", lower, path);
    g_free(lower);
    return ok && n > 0 && n <= OWNER_SERVER_MAX;
}

static void ask(struct usher_rooms *r)
{
    static const char *const METHODS[] = {"GET", "POST", "DELETE"};
    char name[ROOM_ID_MAX + 16];
    const struct url *url = &r->urls[r->at];
    snprintf(name, sizeof name, "api/rooms%s%s", *r->room ? "/" : "", r->room);
    url_beside(url, name, r->path, sizeof r->path);
    http_client_ask(r->http, url,
        &(struct http_question){
            .method = METHODS[r->asked],
            .path = r->path,
            .body = buf_view(&r->body),
            .timeout_ms = SERVER_MS,
            .token = *r->token ? r->token : NULL,
        });
}

/* ---- what came ---- */

static void tell(struct usher_rooms *r, struct usher_rooms_answer *answer)
{
    char name[URL_NAME_MAX + 1];
    url_name(&r->urls[r->at], name);
    answer->server = name;
    r->callback(answer, r->user);
}

static void tell_end(struct usher_rooms *r, enum usher_rooms_end end, unsigned status, const char *text)
{
    tell(r, &(struct usher_rooms_answer){.end = end, .status = status, .text = text});
}

/* Of what it answers nothing can be made; it may have done what it was asked. */
static void failed(struct usher_rooms *r, unsigned status, const char *why)
{
    static const char *const DOUBT[] = {
        "", ": whether the room is made is not known", ": whether the room is gone is not known"};
    char text[SENTENCE_MAX];
    snprintf(text, sizeof text, "%s%s", why, DOUBT[r->asked]);
    tell_end(r, USHER_ROOMS_FAILED, status, text);
}

/* Nothing of use came from this server: the next one, or the end. */
static void unanswered(struct usher_rooms *r, bool heard, unsigned status, const char *why)
{
    if (heard && r->asked != ASKED_LIST) {
        failed(r, status, why);
        return;
    }
    buf_printf(&r->why, "%s%s", r->why.len ? "; " : "", why);
    if (r->at + 1 < r->count) {
        r->at++;
        ask(r);
        return;
    }
    tell_end(r, USHER_ROOMS_UNREACHABLE, status, r->why.failed ? why : r->why.p);
}

/* At most n bytes of it, whole characters. */
static void cut_text(const char *text, size_t n, char *out)
{
    size_t used = 0, more;
    while (text[used] && (more = utf8_next((const unsigned char *)text + used, strlen(text + used))) > 0 &&
           used + more <= n)
        used += more;
    memcpy(out, text, used);
    out[used] = '\0';
}

static void refused(struct usher_rooms *r, const struct http_answer *a)
{
    struct rooms_answer words;
    const char *code, *message;
    char text[SENTENCE_MAX], name[URL_NAME_MAX + 1];
    url_name(&r->urls[r->at], name);
    if (a->status >= 400 && rooms_answer_error(&words, a->body, &code, &message)) {
        cut_text(message, MESSAGE_SHOWN, text);
        tell(r,
            &(struct usher_rooms_answer){.end = USHER_ROOMS_REFUSED, .status = a->status, .code = code, .text = text});
        rooms_answer_done(&words);
        return;
    }
    if (a->status == 502 || a->status == 503 || a->status == 504) {
        snprintf(text, sizeof text, "the proxy at %s does not reach its daemon", name);
        unanswered(r, true, a->status, text);
        return;
    }
    if (a->status >= 300 && a->status < 400)
        snprintf(text, sizeof text, "%s redirects (HTTP status %u), which is not followed: name the daemon itself",
            name, a->status);
    else
        snprintf(text, sizeof text,
            "%s answers %.200s with HTTP status %u and no word of a daemon's: it is no usher daemon, or a proxy that "
            "keeps "
            "that path from it",
            name, r->path, a->status);
    tell_end(r, USHER_ROOMS_FAILED, a->status, text);
}

/* Without the spaces of JSON around it, and with an end: NULL if memory is short. */
static char *copy_json(struct span body)
{
    static const char SPACES[] = " \t\r\n";
    while (body.n > 0 && memchr(SPACES, body.p[body.n - 1], sizeof SPACES - 1))
        body.n--;
    while (body.n > 0 && memchr(SPACES, *body.p, sizeof SPACES - 1)) {
        body.p++;
        body.n--;
    }
    return strndup(body.n ? body.p : "", body.n);
}

static void nonsense(struct usher_rooms *r, unsigned status)
{
    char text[SENTENCE_MAX], name[URL_NAME_MAX + 1];
    url_name(&r->urls[r->at], name);
    snprintf(text, sizeof text, "what %s answers %.200s with is not what an usher daemon says", name, r->path);
    failed(r, status, text);
}

static void keep_token(
    struct usher_rooms *r, const struct rooms_answer *made, struct usher_rooms_answer *answer, struct err *why)
{
    char server[OWNER_SERVER_MAX + 1];
    *why = r->no_dir;
    bool kept = *r->dir && server_of(&r->urls[r->at], server) &&
                owner_tokens_keep(r->dir, server, made->rooms[0].id, made->owner_token, why);
    answer->kept = kept ? r->dir : NULL;
    answer->not_kept = kept ? NULL : why->text;
}

static void take_rooms(struct usher_rooms *r, const struct http_answer *a)
{
    struct rooms_answer read;
    struct err why;
    bool list = r->asked == ASKED_LIST;
    if (!(list ? rooms_answer_list(&read, a->body) : rooms_answer_made(&read, a->body))) {
        nonsense(r, a->status);
        return;
    }
    char *json = copy_json(a->body);
    struct usher_rooms_answer answer = {
        .end = USHER_ROOMS_DONE,
        .status = a->status,
        .json = json,
        .rooms = read.rooms,
        .count = read.count,
        .owner_token = read.owner_token,
    };
    if (!list)
        keep_token(r, &read, &answer, &why);
    if (json)
        tell(r, &answer);
    else
        tell_end(r, USHER_ROOMS_FAILED, a->status, "out of memory");
    free(json);
    rooms_answer_done(&read);
}

static void deleted(struct usher_rooms *r, unsigned status)
{
    char server[OWNER_SERVER_MAX + 1];
    struct err err;
    for (unsigned i = 0; i < r->count && *r->dir; i++)
        if (server_of(&r->urls[i], server))
            owner_tokens_forget(r->dir, server, r->room, &err); /* it opens nothing any more: no harm if it stays */
    tell_end(r, USHER_ROOMS_DONE, status, NULL);
}

static void on_answer(void *user, const struct http_answer *a)
{
    static const unsigned DONE[] = {200, 201, 204};
    struct usher_rooms *r = user;
    if (a->end == HTTP_NONSENSE)
        failed(r, 0, a->why);
    else if (a->end != HTTP_ANSWERED)
        unanswered(r, a->end == HTTP_NOT_ANSWERED, 0, a->why);
    else if (a->status != DONE[r->asked])
        refused(r, a);
    else if (r->asked == ASKED_DELETE)
        deleted(r, a->status);
    else
        take_rooms(r, a);
}

/* ---- beginning ---- */

static bool use_token(struct usher_rooms *r, const char *token, const char *what, struct err *err)
{
    if (!token)
        return true;
    if (!rooms_token_valid(token))
        return err_set(err, "%s is 1 to %d of A-Z, a-z, 0-9 and -._~+/=", what, TOKEN_MAX);
    snprintf(r->token, sizeof r->token, "%s", token);
    return true;
}

static bool find_token(struct usher_rooms *r, struct err *err)
{
    char server[OWNER_SERVER_MAX + 1], token[OWNER_TOKEN_MAX + 1];
    for (unsigned i = 0; i < r->count && *r->dir && !*r->token; i++) {
        if (!server_of(&r->urls[i], server))
            continue;
        if (!owner_tokens_find(r->dir, server, r->room, token, err))
            return false;
        if (rooms_token_valid(token))
            snprintf(r->token, sizeof r->token, "%s", token);
    }
    return true;
}

static bool check_text(const char *text, size_t max, const char *what, struct err *err)
{
    size_t n = text ? strlen(text) : 1;
    return (n >= 1 && n <= max && (!text || utf8_valid(text, n))) ||
           err_set(err, "the room's %s is 1 to %zu bytes of UTF-8", what, max);
}

static bool write_terms(struct usher_rooms *r, const struct usher_room_terms *t, struct err *err)
{
    if (!check_text(t->name, DISPLAY_NAME_MAX, "name", err) || !check_text(t->password, PASSWORD_MAX, "password", err))
        return false;
    if (t->max_peers > ROOM_PEERS_CEILING)
        return err_set(err, "a room has place for 1 to %d peers", ROOM_PEERS_CEILING);
    buf_byte(&r->body, '{');
    write_member_optional(&r->body, "name", span_of(t->name));
    write_member_optional(&r->body, "password", span_of(t->password));
    if (t->max_peers)
        write_member_u64(&r->body, "maxPeers", t->max_peers);
    write_member_bool(&r->body, "listed", t->listed);
    buf_byte(&r->body, '}');
    return !r->body.failed || err_memory(err);
}

static void choose_dir(struct usher_rooms *r, const char *dir)
{
    if (!dir) {
        if (!state_default(r->dir, &r->no_dir))
            *r->dir = '\0';
    } else if (!*dir || strlen(dir) > STATE_PATH_MAX) {
        err_set(&r->no_dir, "the state directory's name is empty or too long");
    } else {
        snprintf(r->dir, sizeof r->dir, "%s", dir);
    }
}

static struct usher_rooms *rooms_new(
    const struct usher_options *o, enum asked asked, usher_rooms_callback *callback, void *user, struct err *err)
{
    bool tls = false;
    struct usher_rooms *r = calloc(1, sizeof *r);
    if (!r) {
        err_memory(err);
        return NULL;
    }
    r->asked = asked;
    r->callback = callback;
    r->user = user;
    buf_init(&r->body, BODY_MAX);
    buf_init(&r->why, WHY_MAX);
    choose_dir(r, o->state_dir);
    if (!urls_parse(o->servers, o->server_count, r->urls, &r->count, err))
        goto fail;
    for (unsigned i = 0; i < r->count; i++)
        tls = tls || r->urls[i].tls;
    r->http = http_client_new(o->context ? o->context : g_main_context_default(), tls, on_answer, r, err);
    if (r->http)
        return r;
fail:
    usher_rooms_free(r);
    return NULL;
}

/* The request has begun; or it has not, for the reason in e. */
static struct usher_rooms *begun(struct usher_rooms *r, bool ok, const struct err *e, char *err, size_t err_n)
{
    if (ok) {
        ask(r);
        return r;
    }
    snprintf(err, err_n, "%s", e->text);
    usher_rooms_free(r);
    return NULL;
}

struct usher_rooms *usher_rooms_list(
    const struct usher_options *options, usher_rooms_callback *callback, void *user, char *err, size_t err_n)
{
    struct err e;
    struct usher_rooms *r = rooms_new(options, ASKED_LIST, callback, user, &e);
    return begun(r, r != NULL, &e, err, err_n);
}

struct usher_rooms *usher_rooms_create(const struct usher_options *options, const struct usher_room_terms *terms,
    usher_rooms_callback *callback, void *user, char *err, size_t err_n)
{
    struct err e;
    struct usher_rooms *r = rooms_new(options, ASKED_CREATE, callback, user, &e);
    bool ok = r && use_token(r, options->token, "a token", &e) && write_terms(r, terms, &e);
    return begun(r, ok, &e, err, err_n);
}

struct usher_rooms *usher_rooms_delete(const struct usher_options *options, const char *room, const char *owner_token,
    usher_rooms_callback *callback, void *user, char *err, size_t err_n)
{
    struct err e;
    struct usher_rooms *r = rooms_new(options, ASKED_DELETE, callback, user, &e);
    bool ok = r && (room_id_valid(span_of(room)) ||
                       err_set(&e, "a room's name is 1 to %d of A-Z, a-z, 0-9, - and _", ROOM_ID_MAX));
    if (ok)
        snprintf(r->room, sizeof r->room, "%s", room);
    ok = ok &&
         use_token(r, owner_token ? owner_token : options->token, owner_token ? "an owner token" : "a token", &e) &&
         (*r->token || find_token(r, &e));
    return begun(r, ok, &e, err, err_n);
}

void usher_rooms_free(struct usher_rooms *r)
{
    if (!r)
        return;
    http_client_free(r->http);
    if (r->body.p)
        OPENSSL_cleanse(r->body.p, r->body.len); /* the password */
    buf_done(&r->body);
    buf_done(&r->why);
    OPENSSL_cleanse(r->token, sizeof r->token);
    free(r);
}
