/* SPDX-License-Identifier: MIT
 *
 * A connection is a `wire`, which outlives the link if it must: uv hands a handle back when it is closed, and a name's
 * resolution cannot be called back while a thread works at it.
 */
#include "server/io/redis_link.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    IN_MAX = 16 * 1024, /* bytes read at once: the reader moves what is left of them */
    TAGS_MIN = 64,
};

enum phase {
    PHASE_IDLE,
    PHASE_RESOLVING,
    PHASE_CONNECTING,
    PHASE_GREETING, /* AUTH and SELECT are to be answered */
    PHASE_OPEN,
};

struct wire {
    union {
        uv_handle_t any;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle;
    struct redis_link *link; /* NULL: it has given this wire up */
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    uv_write_t write;
    struct buf writing;               /* owned: what uv sends */
    struct addrinfo *addresses, *now; /* owned list; the one that is tried */
    bool resolving, opened, closing;
};

struct redis_link {
    uv_loop_t *loop;
    const struct redis_url *url;
    const struct redis_link_face *face;
    struct wire *wire; /* owned; NULL exactly while idle */
    redisReader *reader;
    enum phase phase;
    bool subscribes;
    bool writing;
    unsigned greetings; /* answers to AUTH and SELECT that are to come */
    unsigned ticks;     /* since an answer came, or was owed first */
    struct buf out;
    void **tags; /* owned ring, of a power of two: those of the commands without an answer */
    size_t tags_cap, tags_first, tags_n;
    char in[IN_MAX];
};

/* ---- the reader ---- */

#if HIREDIS_MAJOR < 1
/* Its array of answers would be taken from memory before the first of them is there. */
static void *create_array(const redisReadTask *task, int elements)
{
    static redisReplyObjectFunctions *usual;
    if (!usual) {
        redisReader *r = redisReaderCreate();
        usual = r ? r->fn : NULL;
        redisReaderFree(r);
    }
    return usual && elements <= REDIS_LINK_ARRAY_MAX ? usual->createArray(task, elements) : NULL;
}
#endif

static redisReader *new_reader(void)
{
    redisReader *r = redisReaderCreate();
    if (!r)
        return NULL;
    r->maxbuf = 0; /* keep it: it is needed again at once */
#if HIREDIS_MAJOR < 1
    static redisReplyObjectFunctions bounded;
    bounded = *r->fn;
    bounded.createArray = create_array;
    r->fn = &bounded;
#else
    r->maxelements = REDIS_LINK_ARRAY_MAX;
#endif
    return r;
}

/* ---- a wire and its end ---- */

static void wire_free(struct wire *w)
{
    if (w->resolving || w->opened)
        return; /* uv has it still */
    uv_freeaddrinfo(w->addresses);
    buf_done(&w->writing);
    free(w);
}

static void on_closed(uv_handle_t *handle)
{
    struct wire *w = handle->data;
    w->opened = w->closing = false;
    wire_free(w);
}

static void wire_close(struct wire *w)
{
    if (w->opened && !w->closing) {
        w->closing = true;
        uv_close(&w->handle.any, on_closed);
    }
}

static void wire_drop(struct wire *w)
{
    w->link = NULL;
    if (w->resolving)
        uv_cancel((uv_req_t *)&w->resolve);
    wire_close(w);
    wire_free(w);
}

static void *take_tag(struct redis_link *l)
{
    void *tag = l->tags[l->tags_first];
    l->tags_first = (l->tags_first + 1) & (l->tags_cap - 1);
    l->tags_n--;
    return tag;
}

/* The link is idle again. Nobody is told. */
static void reset(struct redis_link *l)
{
    if (l->wire)
        wire_drop(l->wire);
    l->wire = NULL;
    l->phase = PHASE_IDLE;
    l->writing = false;
    l->greetings = l->ticks = 0;
    buf_done(&l->out);
    redisReaderFree(l->reader);
    l->reader = NULL;
}

void redis_link_end(struct redis_link *l, const char *problem)
{
    char sentence[REDIS_LINK_PROBLEM_MAX];
    if (l->phase == PHASE_IDLE)
        return;
    snprintf(sentence, sizeof sentence, "%s", problem); /* it may lie in what is freed now */
    reset(l);
    while (l->tags_n > 0)
        l->face->reply(l->face->ctx, take_tag(l), NULL);
    l->face->down(l->face->ctx, sentence);
}

__attribute__((format(printf, 3, 4))) static void fail(struct redis_link *l, const char *what, const char *format, ...)
{
    char problem[REDIS_LINK_PROBLEM_MAX];
    int n = snprintf(problem, sizeof problem, "%s: ", what);
    va_list args;
    va_start(args, format);
    vsnprintf(problem + n, sizeof problem - (size_t)n, format, args);
    va_end(args);
    redis_link_end(l, problem);
}

/* ---- what comes ---- */

/* What Redis says of a greeting or of anything; the name of the command is ours. */
static void greeted(struct redis_link *l, const redisReply *r)
{
    if (r->type == REDIS_REPLY_ERROR) {
        fail(l, "Redis refuses the user, the password or the database of cluster.redis", "%.100s", r->str);
        return;
    }
    if (r->type != REDIS_REPLY_STATUS) {
        fail(l, "what answers there is no Redis", "an answer of type %d", r->type);
        return;
    }
    if (--l->greetings == 0) {
        l->phase = PHASE_OPEN;
        l->ticks = 0;
        l->face->open(l->face->ctx);
    }
}

static void answer(struct redis_link *l, const redisReply *r)
{
    l->ticks = 0;
    if (l->phase == PHASE_GREETING)
        greeted(l, r);
    else if (l->subscribes)
        l->face->reply(l->face->ctx, NULL, r);
    else if (l->tags_n > 0)
        l->face->reply(l->face->ctx, take_tag(l), r);
    else
        fail(l, "what answers there is no Redis", "it answers what nobody asked");
}

/* Hands over all answers that are whole. */
static void read_answers(struct redis_link *l)
{
    struct wire *w = l->wire;
    while (l->wire == w) { /* an answer may end it, and begin another */
        void *reply = NULL;
        if (redisReaderGetReply(l->reader, &reply) != REDIS_OK) {
            fail(l, "what answers there is no Redis", "%.100s", l->reader->errstr);
            return;
        }
        if (!reply)
            break;
        answer(l, reply);
        freeReplyObject(reply);
    }
    if (l->wire == w && l->reader->len > REDIS_LINK_REPLY_MAX)
        fail(l, "Redis is lost", "an answer of more than %d bytes", REDIS_LINK_REPLY_MAX);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct wire *w = handle->data;
    (void)suggested;
    *out = w->link ? uv_buf_init(w->link->in, IN_MAX) : uv_buf_init(NULL, 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct wire *w = stream->data;
    struct redis_link *l = w->link;
    if (!l || n == 0)
        return;
    if (n < 0)
        fail(l, "Redis is lost", "%s", n == UV_EOF ? "it closed the connection" : uv_strerror((int)n));
    else if (redisReaderFeed(l->reader, bytes->base, (size_t)n) != REDIS_OK)
        fail(l, "Redis is lost", "%.100s", l->reader->errstr);
    else
        read_answers(l);
}

/* ---- what goes ---- */

static void on_written(uv_write_t *request, int status)
{
    struct wire *w = request->data;
    struct redis_link *l = w->link;
    if (!l)
        return;
    l->writing = false;
    buf_reset(&w->writing);
    if (status != 0)
        fail(l, "Redis is lost", "%s", uv_strerror(status));
    else
        redis_link_flush(l);
}

void redis_link_flush(struct redis_link *l)
{
    struct wire *w = l->wire;
    if (l->phase < PHASE_GREETING || l->writing || l->out.len == 0)
        return;
    uv_buf_t bytes = uv_buf_init(l->out.p, (unsigned)l->out.len);
    int n = uv_try_write(&w->handle.stream, &bytes, 1);
    if (n > 0 && (size_t)n == l->out.len) {
        buf_reset(&l->out);
        return;
    }
    if (n > 0)
        buf_consume(&l->out, (size_t)n);
    /* uv sends the rest, and says what is wrong. */
    struct buf spare = w->writing;
    w->writing = l->out;
    l->out = spare;
    bytes = uv_buf_init(w->writing.p, (unsigned)w->writing.len);
    w->write.data = w;
    l->writing = uv_write(&w->write, &w->handle.stream, &bytes, 1, on_written) == 0;
    if (!l->writing)
        buf_reset(&w->writing); /* the stream is broken: reading tells, or the ticks */
}

size_t redis_link_owed(const struct redis_link *l)
{
    return l->tags_n;
}

size_t redis_link_waiting(const struct redis_link *l)
{
    return l->out.len + (l->wire ? l->wire->writing.len : 0);
}

static bool grow_tags(struct redis_link *l)
{
    size_t cap = l->tags_cap ? l->tags_cap * 2 : TAGS_MIN;
    void **tags = malloc(cap * sizeof *tags);
    if (!tags)
        return false;
    for (size_t i = 0; i < l->tags_n; i++)
        tags[i] = l->tags[(l->tags_first + i) & (l->tags_cap - 1)];
    free(l->tags);
    l->tags = tags;
    l->tags_cap = cap;
    l->tags_first = 0;
    return true;
}

/* An array of bulk strings. */
static bool write_command(struct buf *out, const struct span *words, size_t n)
{
    size_t before = out->len;
    buf_printf(out, "*%zu\r\n", n);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "$%zu\r\n", words[i].n);
        buf_span(out, words[i]);
        buf_text(out, "\r\n");
    }
    if (!out->failed)
        return true;
    out->failed = false;
    out->len = before;
    return false;
}

bool redis_link_send(struct redis_link *l, void *tag, const struct span *words, size_t n)
{
    if (l->tags_n == l->tags_cap && !grow_tags(l))
        return false;
    if (!write_command(&l->out, words, n))
        return false;
    if (!l->subscribes) {
        if (l->tags_n == 0)
            l->ticks = 0;
        l->tags[(l->tags_first + l->tags_n++) & (l->tags_cap - 1)] = tag;
    }
    return true;
}

/* ---- how it begins ---- */

static void greet(struct redis_link *l)
{
    const struct redis_url *u = l->url;
    char number[16];
    struct span words[3];
    size_t n = 0;
    snprintf(number, sizeof number, "%u", u->database);
    l->phase = PHASE_GREETING;
    l->ticks = 0;
    if (*u->password) {
        words[n++] = SPAN("AUTH");
        if (*u->user)
            words[n++] = span_of(u->user);
        words[n++] = span_of(u->password);
        write_command(&l->out, words, n);
        l->greetings++;
    }
    if (u->database > 0 && !l->subscribes) /* channels are common to all databases, and PING is asked in none */
        write_command(&l->out, (struct span[]){SPAN("SELECT"), span_of(number)}, 2);
    else
        write_command(&l->out, (struct span[]){SPAN("PING")}, 1);
    l->greetings++;
    redis_link_flush(l);
}

static void try_address(struct redis_link *l, const char *problem);

static void on_connected(uv_connect_t *request, int status)
{
    struct wire *w = request->data;
    struct redis_link *l = w->link;
    if (!l || status == UV_ECANCELED)
        return;
    if (status == 0)
        status = uv_read_start(&w->handle.stream, on_alloc, on_read);
    if (status == 0)
        greet(l);
    else
        try_address(l, uv_strerror(status));
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct wire *w = handle->data;
    w->opened = w->closing = false;
    if (w->link)
        try_address(w->link, NULL);
    else
        wire_free(w);
}

/* The next address of the name. A socket can be tried once, so its handle is closed first. */
static void try_address(struct redis_link *l, const char *problem)
{
    struct wire *w = l->wire;
    if (problem) {
        struct addrinfo *next = w->now ? w->now->ai_next : NULL;
        if (!next) {
            fail(l, "no connection to Redis", "%s", problem);
            return;
        }
        w->now = next;
        w->closing = true;
        uv_close(&w->handle.any, on_socket_closed);
        return;
    }
    if (uv_tcp_init(l->loop, &w->handle.tcp) != 0) {
        fail(l, "no connection to Redis", "out of memory");
        return;
    }
    w->opened = true;
    w->handle.any.data = w->connect.data = w;
    int status = uv_tcp_connect(&w->connect, &w->handle.tcp, w->now->ai_addr, on_connected);
    if (status != 0)
        try_address(l, uv_strerror(status));
    else
        uv_tcp_nodelay(&w->handle.tcp, 1);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
    struct wire *w = request->data;
    struct redis_link *l = w->link;
    w->resolving = false;
    w->addresses = w->now = addresses;
    if (!l) {
        wire_free(w);
    } else if (status != 0 || !addresses) {
        fail(l, "the name of cluster.redis has no address", "%s", uv_strerror(status ? status : UV_EAI_NONAME));
    } else {
        l->phase = PHASE_CONNECTING;
        try_address(l, NULL);
    }
}

static int resolve(struct redis_link *l)
{
    static const struct addrinfo HINTS = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct wire *w = l->wire;
    char port[8];
    snprintf(port, sizeof port, "%u", l->url->port);
    l->phase = PHASE_RESOLVING;
    w->resolve.data = w;
    int status = uv_getaddrinfo(l->loop, &w->resolve, on_resolved, l->url->host, port, &HINTS);
    w->resolving = status == 0;
    return status;
}

static int connect_pipe(struct redis_link *l)
{
    struct wire *w = l->wire;
    int status = uv_pipe_init(l->loop, &w->handle.pipe, 0);
    if (status != 0)
        return status;
    l->phase = PHASE_CONNECTING;
    w->opened = true;
    w->handle.any.data = w->connect.data = w;
    uv_pipe_connect(&w->connect, &w->handle.pipe, l->url->path, on_connected);
    return 0;
}

static bool open_wire(struct redis_link *l)
{
    l->reader = new_reader();
    l->wire = calloc(1, sizeof *l->wire);
    if (!l->reader || !l->wire)
        return false;
    l->wire->link = l;
    buf_init(&l->out, REDIS_LINK_OUT_MAX);
    buf_init(&l->wire->writing, REDIS_LINK_OUT_MAX);
    return (*l->url->host ? resolve(l) : connect_pipe(l)) == 0;
}

void redis_link_open(struct redis_link *l)
{
    l->ticks = 0;
    if (!open_wire(l))
        l->phase = PHASE_RESOLVING, l->ticks = REDIS_LINK_TICKS; /* the next tick says so */
}

void redis_link_tick(struct redis_link *l)
{
    bool owed = l->phase != PHASE_IDLE && (l->phase != PHASE_OPEN || l->subscribes || l->tags_n > 0);
    l->ticks = owed ? l->ticks + 1 : 0;
    if (l->ticks <= REDIS_LINK_TICKS)
        return;
    fail(l, l->phase == PHASE_OPEN ? "Redis is lost" : "no connection to Redis", "no answer in %d seconds",
        REDIS_LINK_TICKS * REDIS_LINK_TICK_MS / 1000);
}

struct redis_link *redis_link_new(
    uv_loop_t *loop, const struct redis_url *url, bool subscribes, const struct redis_link_face *face)
{
    struct redis_link *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->loop = loop;
    l->url = url;
    l->subscribes = subscribes;
    l->face = face;
    return l;
}

void redis_link_free(struct redis_link *l)
{
    if (!l)
        return;
    reset(l);
    while (l->tags_n > 0)
        l->face->reply(l->face->ctx, take_tag(l), NULL);
    free(l->tags);
    free(l);
}
