/* SPDX-License-Identifier: MIT
 *
 * A description is walked once, line by line. Attributes before the first m= line hold for all sections; those of the
 * first section that carries a data channel override them (RFC 8866 section 5.13); attributes of other sections only
 * give their mid. What must be there and well formed is asked at the end, so that the order of lines does not matter.
 *
 * Rejected: the drafts' a=sctpmap form (no browser has written it since 2019) and names of hashes that RFC 8122
 * allows but nobody should trust (MD5, SHA-1).
 */
#include "protocol/sdp.h"

#include <inttypes.h>
#include <limits.h>

/* What may stand at session level and be overridden by a section. */
struct level {
    struct span ufrag, pwd, setup, fingerprint;
};

struct parser {
    struct sdp *out;
    struct level top, data;
    struct span group; /* mids of the BUNDLE group */
    bool in_data, found_data, port_zero, bundle_only;
    struct span sctp_port, max_message_size;
};

static bool starts(struct span s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

static struct span rest(struct span s, size_t n)
{
    return (struct span){s.p + n, s.n - n};
}

/* The next word of *s, which loses it and the spaces behind it. */
static struct span word(struct span *s)
{
    size_t n = 0;
    while (n < s->n && s->p[n] != ' ')
        n++;
    struct span w = {s->p, n};
    while (n < s->n && s->p[n] == ' ')
        n++;
    *s = rest(*s, n);
    return w;
}

static bool next_line(struct span *text, struct span *line)
{
    if (text->n == 0)
        return false;
    const char *end = span_find(*text, '\n');
    size_t n = end ? (size_t)(end - text->p) : text->n;
    *line = (struct span){text->p, n};
    *text = rest(*text, end ? n + 1 : n);
    if (line->n && line->p[line->n - 1] == '\r')
        line->n--;
    return true;
}

static bool parse_number(struct span s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (s.n == 0 || s.n > 19)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *out = v;
    return v <= max;
}

/* ice-char, RFC 8839 section 5.4 */
static bool is_credential(struct span s, size_t min)
{
    if (s.n < min || s.n > SDP_CREDENTIAL_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
            return false;
    }
    return true;
}

/* A token of RFC 8866, as far as it keeps an answer that repeats it well formed: visible ASCII. */
static bool is_visible(struct span s, size_t max)
{
    if (s.n == 0 || s.n > max)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            return false;
    return true;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char upper_hex(char c)
{
    if (c >= 'a' && c <= 'f')
        return (char)(c - 'a' + 'A');
    return (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') ? c : '\0';
}

static size_t hash_bytes(const char *name)
{
    if (strcmp(name, "sha-256") == 0)
        return 32;
    if (strcmp(name, "sha-384") == 0)
        return 48;
    return strcmp(name, "sha-512") == 0 ? 64 : 0;
}

bool sdp_fingerprint(struct span text, char out[SDP_FINGERPRINT_MAX + 1])
{
    enum {
        NAME = 7
    }; /* "sha-256" */
    if (text.n < NAME + 1 || text.p[NAME] != ' ')
        return false;
    for (size_t i = 0; i < NAME; i++)
        out[i] = lower(text.p[i]);
    out[NAME] = '\0';
    size_t bytes = hash_bytes(out);
    struct span digits = rest(text, NAME + 1);
    if (bytes == 0 || digits.n != bytes * 3 - 1)
        return false;
    out[NAME] = ' ';
    char *to = out + NAME + 1;
    for (size_t i = 0; i < digits.n; i++) {
        to[i] = i % 3 == 2 ? digits.p[i] : upper_hex(digits.p[i]);
        if (to[i] == '\0' || (i % 3 == 2 && to[i] != ':'))
            return false;
    }
    to[digits.n] = '\0';
    return true;
}

static bool is_data(struct span proto, struct span formats)
{
    return (span_is(proto, "UDP/DTLS/SCTP") || span_is(proto, "TCP/DTLS/SCTP")) &&
           span_is(formats, "webrtc-datachannel");
}

/* m=<kind> <port> <proto> <formats>, RFC 8866 section 5.14 */
static bool on_media(struct parser *p, struct span value)
{
    struct sdp *out = p->out;
    if (out->media_count == SDP_MEDIA_MAX)
        return false;
    struct span kind = word(&value), port = word(&value), proto = word(&value);
    if (!is_visible(kind, SDP_MID_MAX) || !is_visible(proto, SDP_MID_MAX))
        return false;
    out->media[out->media_count] = (struct sdp_media){.kind = kind, .proto = proto};
    p->in_data = !p->found_data && span_is(kind, "application") && is_data(proto, value);
    if (p->in_data) {
        p->found_data = true;
        p->port_zero = span_is(port, "0");
        out->data = out->media_count;
    }
    out->media_count++;
    return true;
}

/* Takes a value into *slot if the line is `name` and the slot is empty: the first of several counts. */
static bool take(struct span line, const char *name, struct span *slot)
{
    if (!starts(line, name))
        return false;
    if (slot->n == 0)
        *slot = rest(line, strlen(name));
    return true;
}

static void on_fingerprint(struct span value, struct span *slot)
{
    char text[SDP_FINGERPRINT_MAX + 1];
    if (sdp_fingerprint(value, text) && (slot->n == 0 || starts((struct span){text, 7}, "sha-256")))
        *slot = value;
}

static void on_data_attribute(struct parser *p, struct span line)
{
    struct sdp *out = p->out;
    if (starts(line, "candidate:")) {
        if (out->candidate_count < PEER_CANDIDATES_MAX)
            out->candidates[out->candidate_count++] = line;
    } else if (span_is(line, "end-of-candidates")) {
        out->end_of_candidates = true;
    } else if (span_is(line, "bundle-only")) {
        p->bundle_only = true;
    } else if (!take(line, "sctp-port:", &p->sctp_port)) {
        take(line, "max-message-size:", &p->max_message_size);
    }
}

static void on_attribute(struct parser *p, struct span line)
{
    struct sdp *out = p->out;
    if (out->media_count && take(line, "mid:", &out->media[out->media_count - 1].mid))
        return;
    if (out->media_count && !p->in_data)
        return;
    struct level *level = p->in_data ? &p->data : &p->top;
    if (take(line, "ice-ufrag:", &level->ufrag) || take(line, "ice-pwd:", &level->pwd) ||
        take(line, "setup:", &level->setup))
        return;
    if (starts(line, "fingerprint:"))
        on_fingerprint(rest(line, strlen("fingerprint:")), &level->fingerprint);
    else if (p->in_data)
        on_data_attribute(p, line);
    else
        take(line, "group:BUNDLE ", &p->group);
}

static bool read_lines(struct parser *p, struct span text, struct err *err)
{
    struct span line;
    for (size_t n = 0; next_line(&text, &line); n++) {
        if (n == SDP_LINES_MAX)
            return err_set(err, "the session description has more than %d lines", SDP_LINES_MAX);
        if (n == 0 && !span_is(line, "v=0"))
            return err_set(err, "the session description does not begin with v=0");
        if (starts(line, "m=") && !on_media(p, rest(line, 2)))
            return err_set(err, "the session description has a bad m= line, or more than %d", SDP_MEDIA_MAX);
        if (starts(line, "a="))
            on_attribute(p, rest(line, 2));
    }
    return true;
}

static bool in_group(struct span group, struct span mid)
{
    while (group.n)
        if (span_eq(word(&group), mid))
            return true;
    return false;
}

static bool parse_setup(struct span text, enum sdp_setup *out)
{
    if (span_is(text, "actpass"))
        *out = SDP_ACTPASS;
    else if (span_is(text, "active"))
        *out = SDP_ACTIVE;
    else if (span_is(text, "passive"))
        *out = SDP_PASSIVE;
    else
        return false;
    return true;
}

static bool finish_sctp(struct parser *p, struct err *err)
{
    uint64_t port = SDP_SCTP_PORT, size = SDP_MESSAGE_DEFAULT;
    if (p->sctp_port.n && (!parse_number(p->sctp_port, UINT16_MAX, &port) || port == 0))
        return err_set(err, "a=sctp-port is not a port");
    if (p->max_message_size.n && !parse_number(p->max_message_size, INT64_MAX, &size))
        return err_set(err, "a=max-message-size is not a number");
    p->out->sctp_port = (uint16_t)port;
    p->out->max_message_size = size == 0 || size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
    return true;
}

/* Whether there are sections, all of them audio or video: a call. */
static bool is_call(const struct sdp *s)
{
    bool call = s->media_count > 0;
    for (size_t i = 0; i < s->media_count; i++)
        call = call && (span_is(s->media[i].kind, "audio") || span_is(s->media[i].kind, "video"));
    return call;
}

static bool finish(struct parser *p, struct err *err)
{
    struct sdp *out = p->out;
    out->no_data = is_call(out);
    if (!p->found_data || (p->port_zero && !p->bundle_only))
        return err_set(err, "the session description offers no data channel");
    /* Name and password are a pair: never one of each level. */
    struct level *ice = p->data.ufrag.n || p->data.pwd.n ? &p->data : &p->top;
    out->ufrag = ice->ufrag;
    out->pwd = ice->pwd;
    if (!is_credential(out->ufrag, 4) || !is_credential(out->pwd, 22))
        return err_set(err, "a=ice-ufrag or a=ice-pwd is missing or malformed");
    struct span fingerprint = p->data.fingerprint.n ? p->data.fingerprint : p->top.fingerprint;
    if (!sdp_fingerprint(fingerprint, out->fingerprint))
        return err_set(err, "a=fingerprint is missing, malformed or of a hash other than SHA-2");
    if (!parse_setup(p->data.setup.n ? p->data.setup : p->top.setup, &out->setup))
        return err_set(err, "a=setup is not actpass, active or passive");
    for (size_t i = 0; i < out->media_count; i++)
        if (out->media[i].mid.n && !is_visible(out->media[i].mid, SDP_MID_MAX))
            return err_set(err, "a=mid is malformed");
    struct span mid = out->media[out->data].mid;
    out->bundle = mid.n && in_group(p->group, mid);
    return finish_sctp(p, err);
}

bool sdp_parse(struct span text, struct sdp *out, struct err *err)
{
    *out = (struct sdp){.setup = SDP_ACTPASS};
    struct parser p = {.out = out};
    if (text.n > SDP_MAX)
        return err_set(err, "the session description is longer than %d bytes", SDP_MAX);
    return read_lines(&p, text, err) && finish(&p, err);
}

static void add_line(struct buf *out, const char *name, struct span value)
{
    buf_text(out, name);
    buf_span(out, value);
    buf_text(out, "\r\n");
}

static void build_mid(const struct sdp_media *m, struct buf *out)
{
    if (m->mid.n)
        add_line(out, "a=mid:", m->mid);
}

/* A refused section keeps its place with port 0, RFC 9429 section 5.3.1. */
static void build_refused(const struct sdp_media *m, struct buf *out)
{
    buf_text(out, "m=");
    buf_span(out, m->kind);
    buf_text(out, " 0 ");
    buf_span(out, m->proto);
    buf_text(out, " 0\r\nc=IN IP4 0.0.0.0\r\n");
    build_mid(m, out);
}

static void build_data(const struct sdp *s, struct buf *out)
{
    static const char *const setups[] = {"actpass", "active", "passive"};
    buf_text(out, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n");
    add_line(out, "a=ice-ufrag:", s->ufrag);
    add_line(out, "a=ice-pwd:", s->pwd);
    buf_text(out, "a=ice-options:trickle\r\n");
    add_line(out, "a=fingerprint:", span_of(s->fingerprint));
    add_line(out, "a=setup:", span_of(setups[s->setup]));
    build_mid(&s->media[s->data], out);
    buf_printf(out, "a=sctp-port:%u\r\n", s->sctp_port);
    buf_printf(out, "a=max-message-size:%" PRIu32 "\r\n", s->max_message_size == UINT32_MAX ? 0 : s->max_message_size);
    for (size_t i = 0; i < s->candidate_count; i++)
        add_line(out, "a=", s->candidates[i]);
    if (s->end_of_candidates)
        buf_text(out, "a=end-of-candidates\r\n");
}

bool sdp_build(const struct sdp *s, struct buf *out)
{
    buf_printf(out, "v=0\r\no=- %" PRIu64 " %u IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", s->sess_id, s->version);
    if (s->bundle)
        add_line(out, "a=group:BUNDLE ", s->media[s->data].mid);
    for (size_t i = 0; i < s->media_count; i++)
        if (i == s->data)
            build_data(s, out);
        else
            build_refused(&s->media[i], out);
    return !out->failed;
}
