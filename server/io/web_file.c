/* SPDX-License-Identifier: MIT
 *
 * All that touches the disk (finding, opening, reading, closing) is done on uv's thread pool: a disk that sleeps, or is on
 * the other side of a network, keeps nobody waiting but those who ask for it. WEB_READS_MAX downloads at once are at work
 * there; the others stand in a line, so each gets its piece in turn. A small file is one piece, and takes one job.
 *
 * A file is found once and read through one descriptor, so one that is replaced (renamed over) is sent as it was. One that
 * grows is sent as far as was promised. Of one that shrinks the rest cannot be sent: the download fails, and the client
 * sees a short body. One that is overwritten in place may be sent as a mixture of both; its entity tag is another then, so
 * whoever asks again gets the new one whole.
 *
 * While a job is at work the download's fields are its own; the loop may only mark the download as ended. So a download
 * that ends meanwhile lives on, unseen, until its job is back and its file closed.
 *
 * How many there may be, and who has to end for whom, is web_share.h's. One that has to is one whose client has a piece: it
 * holds nobody up but himself, and no job.
 *
 * Rejected: sendfile(2), whose reads block the loop; mmap(2), which kills the process (SIGBUS) when the file shrinks.
 */
#include "server/io/web_file.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "server/io/http_date.h"
#include "server/io/web_find.h"

enum download_state {
    DOWNLOAD_OPENING, /* the file is being looked for, and its first piece read */
    DOWNLOAD_HELD,    /* the connection has the last piece */
    DOWNLOAD_READING, /* the next piece is being read */
    DOWNLOAD_TOLD,    /* the last event was told, or its place given away; only web_end is left */
    DOWNLOAD_ENDED,   /* web_end was called: what is at work ends, the file is closed */
    DOWNLOAD_STATES
};

enum job {
    JOB_OPEN,
    JOB_READ,
    JOB_CLOSE
};

/* The request, until its head is told. */
struct opening {
    struct web_asked asked; /* its spans lie in bytes; path is the file's name */
    const char *root;       /* in bytes */
    const char *connect;    /* in bytes: what a page may connect to besides */
    bool room;              /* the path was that of a room */
    unsigned status;
    char *headers; /* owned; NULL: none */
    uint64_t length;
    const char *problem; /* static */
    char bytes[];
};

struct web_download {
    struct web_root *root;
    const struct web_events *events;
    void *ctx;
    enum download_state state;
    enum job job;
    bool waits;   /* in the line */
    bool at_work; /* on the pool */
    bool telling; /* within an event */
    uv_work_t work;
    struct web_download *prev, *next; /* the line */
    struct web_place place;
    /* The job's: */
    struct opening *opening; /* owned */
    int fd;                  /* owned; -1: none */
    uint64_t at, left;       /* where the next piece begins; bytes that are promised from there on */
    size_t size;             /* of a piece, at most */
    struct frame *piece;     /* owned */
    int error;               /* an errno; 0: none */
    char name[];             /* of the file, for the log */
};

struct web_root {
    uv_loop_t *loop;
    const struct logger *logger;
    const char *path, *sim;
    char *connect;             /* owned; NULL: nothing */
    struct web_share share;    /* places of downloads that were not ended */
    unsigned count;            /* downloads, those that end as well */
    unsigned working;          /* of them, on the pool */
    struct web_download *line; /* the others that want to be there */
    struct log_pace unreadable, refused, displaced;
    uint64_t limited;
};

#define DOWNLOAD_OF(of) ((struct web_download *)((char *)(of)-offsetof(struct web_download, place)))

static const char SHRUNK[] =
    "a file of server.web_root became shorter while it was sent: replace files by renaming a new one "
    "over them",
                  UNREADABLE[] = "a file of server.web_root cannot be read";

/* ---- on the pool ---- */

/* What pages of the folder may do. Scripts come from the folder only and may compile WebAssembly; what is said goes to
 * this server ('self' stands for its ws: and wss: too, CSP 3 section 6.7.2.8); nobody can frame a page, or reach it by
 * window.opener. Files that people send each other are shown from blob: and never run. Workers take the policy that their
 * own script comes with, so scripts carry it. It is part of the entity tag where it names other servers, since a browser keeps
 * it with the file. */
static const char POLICY[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "connect-src 'self'", /* and other servers */
    POLICY_REST[] = "; img-src 'self' blob: data:; media-src 'self' blob: mediastream:; worker-src 'self'; "
                    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
                    "Referrer-Policy: no-referrer\r\n",
                  RIGHTS[] = "Cross-Origin-Opener-Policy: same-origin\r\n"
                             "Permissions-Policy: camera=(self), microphone=(self), display-capture=(self), "
                             "picture-in-picture=(self), geolocation=(), payment=(), usb=()\r\n";

static bool has_policy(const char *type)
{
    return strncmp(type, "text/html", 9) == 0 || strncmp(type, "text/javascript", 15) == 0 ||
           strncmp(type, "image/svg", 9) == 0;
}

static void write_policy(struct buf *out, const char *type, const char *connect)
{
    if (has_policy(type)) {
        buf_text(out, POLICY);
        buf_text(out, connect);
        buf_text(out, POLICY_REST);
    }
    if (strncmp(type, "text/html", 9) == 0)
        buf_text(out, RIGHTS);
}

static void write_headers(
    struct buf *out, const struct opening *o, const struct web_found *f, const struct representation *r, bool whole)
{
    char date[HTTP_DATE_LEN + 1];
    const char *coding = coding_name(f->coding);
    buf_printf(out, "ETag: %s\r\nCache-Control: %s\r\n", r->etag.p,
        web_is_hashed(o->asked.path) ? "public, max-age=31536000, immutable" : "no-cache");
    if (f->twins)
        buf_text(out, "Vary: Accept-Encoding\r\n");
    if (!whole) /* RFC 9110 section 15.4.5: what else belongs to the file the client has already */
        return;
    buf_printf(out, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\nAccept-Ranges: bytes\r\n", f->type);
    write_policy(out, f->type, o->connect);
    if (coding)
        buf_printf(out, "Content-Encoding: %s\r\n", coding);
    if (r->dated && http_date_write(r->modified, date))
        buf_printf(out, "Last-Modified: %s\r\n", date);
}

/* RFC 9110 section 14.2: ranges are of GET only. */
static enum range_verdict choose_range(
    const struct web_asked *asked, const struct representation *r, int64_t now, struct byte_part *part)
{
    *part = (struct byte_part){0, r->size};
    return asked->head ? RANGE_WHOLE : range_choose(&asked->conditions, r, now, part);
}

/* The policy is part of it where it names servers: FNV-1a of those. */
static void write_etag(const struct web_found *f, const char *connect, char etag[WEB_ETAG_MAX])
{
    uint32_t digest = 2166136261U;
    web_etag(f, etag);
    if (!*connect || !has_policy(f->type))
        return;
    for (const char *at = connect; *at; at++)
        digest = (digest ^ (unsigned char)*at) * 16777619U;
    size_t n = strlen(etag) - 1; /* the quotation mark */
    snprintf(etag + n, WEB_ETAG_MAX - n, "-%08" PRIx32 "\"", digest);
}

static unsigned write_found(struct buf *out, const struct opening *o, const struct web_found *f, struct byte_part *part)
{
    const struct web_asked *asked = &o->asked;
    char etag[WEB_ETAG_MAX];
    int64_t now = time(NULL), modified = f->is.st_mtim.tv_sec;
    write_etag(f, o->connect, etag);
    const struct representation r = {span_of(etag), modified, http_dated(modified, now), (uint64_t)f->is.st_size};
    enum verdict verdict = conditions_check(&asked->conditions, &r, now);
    if (verdict == VERDICT_FAILED)
        return 412;
    if (verdict == VERDICT_NOT_MODIFIED) {
        write_headers(out, o, f, &r, false);
        return 304;
    }
    enum range_verdict range = choose_range(asked, &r, now, part);
    if (range == RANGE_UNSATISFIABLE) {
        buf_printf(out, "Content-Range: bytes */%" PRIu64 "\r\n", r.size);
        return 416;
    }
    write_headers(out, o, f, &r, true);
    if (range == RANGE_WHOLE)
        return 200;
    buf_printf(out, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", part->first,
        part->first + part->count - 1, r.size);
    return 206;
}

/* What may not be read is to a client as if it were not there. */
static unsigned status_of(const struct web_found *f, int error)
{
    return f->problem && error != EACCES && error != EPERM ? 503 : 404;
}

/* False if there is none. */
static bool open_file(struct web_download *d)
{
    struct opening *o = d->opening;
    struct web_found found;
    struct byte_part part;
    struct buf headers;
    d->error = web_find(o->root, o->asked.path, o->asked.accept_encoding, &found);
    if (o->room && d->error == ENOENT) {
        o->asked.path = WEB_INDEX;
        d->error = web_find(o->root, o->asked.path, o->asked.accept_encoding, &found);
    }
    if (d->error) {
        o->problem = found.problem;
        o->status = status_of(&found, d->error);
        return false;
    }
    d->fd = found.fd;
    buf_init(&headers, WEB_HEADERS_MAX);
    o->status = write_found(&headers, o, &found, &part);
    o->headers = buf_take(&headers, NULL);
    d->error = o->headers ? 0 : ENOMEM;
    buf_done(&headers);
    if (o->status == 200 || o->status == 206) {
        o->length = part.count;
        d->at = part.first;
        d->left = o->asked.head ? 0 : part.count;
    }
    return true;
}

static void read_piece(struct web_download *d)
{
    size_t n = d->left < d->size ? (size_t)d->left : d->size, got = 0;
    d->piece = frame_raw(n);
    if (!d->piece)
        d->error = ENOMEM;
    while (!d->error && got < n) {
        ssize_t more = pread(d->fd, frame_payload(d->piece) + got, n - got, (off_t)(d->at + got));
        if (more > 0)
            got += (size_t)more;
        else if (more == 0)
            d->error = ENODATA;
        else if (errno != EINTR)
            d->error = errno;
    }
    d->at += got;
    d->left -= got;
}

static const char *problem_of(int error)
{
    return error == ENODATA ? SHRUNK : UNREADABLE;
}

static void open_and_read(struct web_download *d)
{
    struct opening *o = d->opening;
    if (!open_file(d))
        return;
    if (d->left > 0 && !d->error)
        read_piece(d);
    if (d->error) { /* as long as nothing is told, the answer can be another */
        free(o->headers);
        o->headers = NULL;
        o->length = 0;
        o->status = 503;
        o->problem = problem_of(d->error);
    }
}

static void work(uv_work_t *w)
{
    struct web_download *d = w->data;
    if (d->job == JOB_OPEN)
        open_and_read(d);
    else if (d->job == JOB_READ)
        read_piece(d);
    if (d->error) {
        frame_unref(d->piece);
        d->piece = NULL;
    }
    if (d->fd >= 0 && (d->job == JOB_CLOSE || d->error || d->left == 0)) {
        close(d->fd);
        d->fd = -1;
    }
}

/* ---- on the loop ---- */

static void move(struct web_download *d, enum download_state to)
{
    static const unsigned MAY[DOWNLOAD_STATES] = {
        [DOWNLOAD_OPENING] = 1u << DOWNLOAD_HELD | 1u << DOWNLOAD_TOLD | 1u << DOWNLOAD_ENDED,
        [DOWNLOAD_HELD] = 1u << DOWNLOAD_READING | 1u << DOWNLOAD_TOLD | 1u << DOWNLOAD_ENDED,
        [DOWNLOAD_READING] = 1u << DOWNLOAD_HELD | 1u << DOWNLOAD_TOLD | 1u << DOWNLOAD_ENDED,
        [DOWNLOAD_TOLD] = 1u << DOWNLOAD_ENDED,
    };
    assert(MAY[d->state] & 1u << to);
    d->state = to;
    web_share_release(&d->place);
    if (to == DOWNLOAD_HELD)
        web_share_hold(&d->place);
    else if (to == DOWNLOAD_ENDED)
        web_share_give(&d->root->share, &d->place);
}

/* At most once in WEB_NOTICE_EVERY_MS: whoever asks for the file can cause it at will. */
static void say(struct web_download *d, const char *problem)
{
    struct web_root *root = d->root;
    struct log_record r;
    uint64_t n = log_pace(&root->unreadable, uv_now(root->loop), WEB_NOTICE_EVERY_MS);
    if (n == 0)
        return;
    log_record_init(&r, LOG_LEVEL_WARNING, "file-unreadable", problem);
    log_record_add(&r, "file", span_of(d->name));
    log_record_add(&r, "reason", span_of(d->error == ENODATA ? "end of file" : strerror(d->error)));
    log_record_addf(&r, "count", "%" PRIu64, n);
    logger_write(root->logger, &r);
}

/* Alike. */
static void say_full(struct web_root *root, struct log_pace *pace, const char *event, const char *text)
{
    struct log_record r;
    root->limited++;
    uint64_t n = log_pace(pace, uv_now(root->loop), WEB_NOTICE_EVERY_MS);
    if (n == 0)
        return;
    log_record_init(&r, LOG_LEVEL_WARNING, event, text);
    log_record_addf(&r, "limit", "%d", WEB_DOWNLOADS_MAX);
    log_record_addf(&r, "count", "%" PRIu64, n);
    logger_write(root->logger, &r);
}

static void free_opening(struct opening *o)
{
    if (o)
        free(o->headers);
    free(o);
}

static void worked(uv_work_t *w, int status);

static size_t piece_size(const struct web_root *root)
{
    size_t each = WEB_PIECES_BYTES / root->count;
    return each < WEB_PIECE_MIN ? WEB_PIECE_MIN : each > WEB_PIECE_MAX ? WEB_PIECE_MAX : each;
}

static void line_advance(struct web_root *root)
{
    while (root->line && root->working < WEB_READS_MAX) {
        struct web_download *d = root->line;
        DL_DELETE(root->line, d);
        d->waits = false;
        d->at_work = true;
        d->size = piece_size(root);
        root->working++;
        int started = uv_queue_work(root->loop, &d->work, work, worked);
        assert(started == 0);
        (void)started;
    }
}

static void line_join(struct web_download *d, enum job job)
{
    d->job = job;
    if (!d->waits)
        DL_APPEND(d->root->line, d);
    d->waits = true;
    line_advance(d->root);
}

/* An ended one that no job and no event holds: closes its file first, if it has one. */
static void finish(struct web_download *d)
{
    frame_unref(d->piece);
    d->piece = NULL;
    if (d->fd >= 0) {
        line_join(d, JOB_CLOSE);
        return;
    }
    if (d->waits)
        DL_DELETE(d->root->line, d);
    d->root->count--;
    free_opening(d->opening);
    free(d);
}

static void tell_head(struct web_download *d)
{
    struct opening *o = d->opening;
    d->opening = NULL;
    if (!d->piece)
        move(d, DOWNLOAD_TOLD);
    d->events->head(d->ctx, o->status, o->headers ? o->headers : "", o->length);
    free_opening(o);
}

static void tell_piece(struct web_download *d)
{
    struct frame *piece = d->piece;
    bool last = d->left == 0;
    d->piece = NULL;
    move(d, piece && !last ? DOWNLOAD_HELD : DOWNLOAD_TOLD);
    if (piece)
        d->events->piece(d->ctx, piece, last);
    else
        d->events->failed(d->ctx);
}

static void tell(struct web_download *d)
{
    const char *problem = d->opening ? d->opening->problem : d->error ? problem_of(d->error) : NULL;
    if (problem)
        say(d, problem);
    d->telling = true;
    if (d->opening)
        tell_head(d);
    if (d->state == DOWNLOAD_OPENING || d->state == DOWNLOAD_READING)
        tell_piece(d);
    d->telling = false;
}

static void worked(uv_work_t *w, int status)
{
    struct web_download *d = w->data;
    (void)status; /* nothing of ours is cancelled */
    d->at_work = false;
    d->root->working--;
    line_advance(d->root);
    if (d->state != DOWNLOAD_ENDED)
        tell(d);
    if (d->state == DOWNLOAD_ENDED && !d->at_work) /* an event may have asked for more first */
        finish(d);
}

/* ---- the face ---- */

struct web_root *web_root_new(uv_loop_t *loop, const struct logger *logger, const struct rng *rng)
{
    struct web_root *root = calloc(1, sizeof *root);
    if (!root)
        return NULL;
    root->loop = loop;
    root->logger = logger;
    web_share_init(&root->share, rng);
    return root;
}

uint64_t web_root_limited(const struct web_root *root)
{
    return root->limited;
}

void web_root_set(struct web_root *root, const char *path, const char *sim)
{
    root->path = path;
    root->sim = sim;
}

bool web_root_is_set(const struct web_root *root)
{
    return root->path && *root->path;
}

void web_root_free(struct web_root *root)
{
    assert(!root || root->count == 0);
    if (root)
        free(root->connect);
    free(root);
}

void web_root_connect(struct web_root *root, char *sources)
{
    free(root->connect);
    root->connect = sources;
}

bool web_root_has_sim(const struct web_root *root)
{
    return root->sim && *root->sim;
}

/* The folder that a path is of, and what it is called there. */
static const char *folder_of(const struct web_root *root, const char **path)
{
    if (!web_root_has_sim(root) || strncmp(*path, WEB_SIM, strlen(WEB_SIM)) != 0)
        return root->path;
    *path += strlen(WEB_SIM) - 1;
    return root->sim;
}

bool web_root_may_have(const struct web_root *root, const char *path)
{
    const char *folder = folder_of(root, &path);
    return folder && *folder && web_name(path);
}

bool web_root_has_room(const struct web_root *root, const char *path)
{
    return web_root_is_set(root) && web_is_room(path);
}

static char *keep_text(char **at, const char *text)
{
    size_t n = strlen(text) + 1;
    char *kept = memcpy(*at, text, n);
    *at += n;
    return kept;
}

enum {
    VALUES = 7
};

/* A copy that lasts until the head is told. */
static struct opening *opening_new(
    const char *root, const char *connect, const char *name, const struct web_asked *asked)
{
    struct web_asked copy = *asked;
    struct conditions *c = &copy.conditions;
    struct span *values[VALUES] = {&c->if_match, &c->if_none_match, &c->if_modified_since, &c->if_unmodified_since,
        &c->range, &c->if_range, &copy.accept_encoding};
    size_t n = strlen(root) + 1 + strlen(connect) + 1 + strlen(name) + 1;
    for (size_t i = 0; i < VALUES; i++)
        n += values[i]->n;
    struct opening *o = calloc(1, sizeof *o + n);
    if (!o)
        return NULL;
    char *at = o->bytes;
    o->root = keep_text(&at, root);
    o->connect = keep_text(&at, connect);
    copy.path = keep_text(&at, name);
    o->room = web_is_room(asked->path);
    for (size_t i = 0; i < VALUES; i++) {
        if (values[i]->n)
            memcpy(at, values[i]->p, values[i]->n);
        if (values[i]->p)
            values[i]->p = at; /* one that is there and empty stays there */
        at += values[i]->n;
    }
    o->asked = copy;
    return o;
}

/* One whose client has a piece, and its place is for another address. */
static void displace(struct web_download *d)
{
    struct web_root *root = d->root;
    say_full(root, &root->displaced, "downloads-ended",
        "as many files of server.web_root are sent as may be at once: addresses that have most lose some to others");
    move(d, DOWNLOAD_TOLD);
    web_share_give(&root->share, &d->place);
    d->telling = true;
    d->events->failed(d->ctx);
    d->telling = false;
    if (d->state == DOWNLOAD_ENDED)
        finish(d);
}

static bool make_room(struct web_root *root, const struct address *whose)
{
    if (root->count < WEB_DOWNLOADS_MAX + WEB_ENDING_MAX) {
        if (root->share.taken < WEB_DOWNLOADS_MAX)
            return true;
        struct web_place *other = web_share_for(&root->share, whose);
        if (other) {
            displace(DOWNLOAD_OF(other));
            return true;
        }
    }
    say_full(root, &root->refused, "downloads-refused",
        "as many files of server.web_root are sent as may be at once: who asks for another is told to come back");
    return false;
}

static struct web_download *download_new(struct web_root *root, const struct web_asked *asked)
{
    const char *path = asked->path, *folder = folder_of(root, &path), *name = web_name(path);
    size_t n = strlen(name) + 1;
    struct web_download *d = calloc(1, sizeof *d + n);
    struct opening *o = d ? opening_new(folder, root->connect ? root->connect : "", name, asked) : NULL;
    if (!o || !web_share_take(&root->share, &asked->whose, &d->place)) {
        free_opening(o);
        free(d);
        return NULL;
    }
    d->root = root;
    d->opening = o;
    d->fd = -1;
    d->work.data = d;
    memcpy(d->name, name, n);
    root->count++;
    return d;
}

struct web_download *web_open(
    struct web_root *root, const struct web_asked *asked, const struct web_events *ev, void *ctx)
{
    assert(web_root_may_have(root, asked->path));
    struct web_download *d = make_room(root, &asked->whose) ? download_new(root, asked) : NULL;
    if (!d)
        return NULL;
    d->events = ev;
    d->ctx = ctx;
    line_join(d, JOB_OPEN);
    return d;
}

void web_next(struct web_download *d)
{
    move(d, DOWNLOAD_READING);
    line_join(d, JOB_READ);
}

void web_end(struct web_download *d)
{
    if (!d)
        return;
    move(d, DOWNLOAD_ENDED);
    if (!d->at_work && !d->telling)
        finish(d);
}
