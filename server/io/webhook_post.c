/* SPDX-License-Identifier: MIT
 *
 * The request is HTTP/1.1 with `Connection: close`: all that is read of the answer is its head, and the body is thrown
 * away, as much of it as comes within REST_MS and REST_MAX, only so that a receiver that is still writing sees no reset.
 * The signature covers the time of this try, so that a receiver can refuse what somebody recorded and sends again later.
 */
#include "server/io/webhook_post.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/io/webhook_wire.h"

_Static_assert(sizeof((struct webhook_result *)0)->problem == WEBHOOK_PROBLEM_MAX, "the wire tells its problem there");

enum {
    MAC_BYTES = 32,
    HEAD_MAX = WEBHOOK_URL_MAX + URL_HOST_MAX + 512,
    REST_MS = 500,
    REST_MAX = 64 * 1024,
};

/* HMAC-SHA-256 (RFC 2104, FIPS 180-4) of the time, a dot and the body, in hexadecimal. */
static bool sign(const struct webhook_post *p, char out[2 * MAC_BYTES + 1])
{
    uint8_t mac[MAC_BYTES];
    unsigned n = 0;
    struct buf text;
    buf_init(&text, p->body.n + 32);
    buf_number(&text, p->unix_s);
    buf_byte(&text, '.');
    buf_span(&text, p->body);
    bool ok = !text.failed && HMAC(EVP_sha256(), p->secret.p, (int)p->secret.n, (const unsigned char *)text.p, text.len,
                                  mac, &n) != NULL;
    buf_done(&text);
    for (size_t i = 0; ok && i < sizeof mac; i++)
        snprintf(out + 2 * i, 3, "%02x", mac[i]);
    return ok;
}

static bool write_head(const struct webhook_post *p, struct buf *head)
{
    char signature[2 * MAC_BYTES + 1], port[8] = "";
    if (!sign(p, signature))
        return false;
    if (p->url->port_named)
        snprintf(port, sizeof port, ":%u", p->url->port);
    buf_printf(head,
        "POST %s HTTP/1.1\r\nHost: %s%s\r\nUser-Agent: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
        "Connection: close\r\nX-Usher-Delivery: %s\r\nX-Usher-Timestamp: %" PRIu64
        "\r\nX-Usher-Signature: sha256=%s\r\n\r\n",
        p->url->target, p->url->host, port, p->agent, p->body.n, p->id, p->unix_s, signature);
    return !head->failed;
}

/* The answer may come before all was sent, from a receiver that does not want it. */
static bool exchange(struct webhook_wire *w, struct span head, struct span body, struct webhook_answer *a)
{
    bool sent = webhook_wire_write(w, head) && webhook_wire_write(w, body);
    enum webhook_reading reading = WEBHOOK_MORE;
    while (reading == WEBHOOK_MORE) {
        size_t room;
        char *space = webhook_answer_space(a, &room);
        long n = webhook_wire_read(w, space, room);
        if (n <= 0) {
            if (n == 0 && sent)
                snprintf(w->problem, WEBHOOK_PROBLEM_MAX, "the connection ended without an answer");
            return false;
        }
        reading = webhook_answer_read(a, (size_t)n);
    }
    if (reading == WEBHOOK_BAD)
        snprintf(w->problem, WEBHOOK_PROBLEM_MAX, "its answer is no HTTP/1.1");
    return reading == WEBHOOK_WHOLE;
}

static void throw_rest_away(struct webhook_wire *w)
{
    char bytes[4096];
    uint64_t end = webhook_now() + REST_MS;
    w->deadline = end < w->deadline ? end : w->deadline;
    for (size_t all = 0; all < REST_MAX;) {
        long n = webhook_wire_read(w, bytes, sizeof bytes);
        if (n <= 0)
            return;
        all += (size_t)n;
    }
}

static void judge(const struct webhook_answer *a, struct webhook_result *result)
{
    result->outcome = webhook_answer_outcome(a->status);
    result->retry_after_ms = a->retry_after_ms;
    if (result->outcome == WEBHOOK_DELIVERED)
        return;
    snprintf(result->problem, sizeof result->problem, "it answered %u%s", a->status,
        a->status < 400 ? ": redirects are not followed, name the final address in webhooks.url" : "");
}

void webhook_post(const struct webhook_post *p, SSL_CTX **tls, struct webhook_result *result)
{
    char rest_problem[WEBHOOK_PROBLEM_MAX] = "";
    struct webhook_answer *answer = calloc(1, sizeof *answer);
    struct buf head;
    struct webhook_wire wire = {
        .fd = -1, .stop = p->stop, .deadline = webhook_now() + WEBHOOK_TRY_MS, .problem = result->problem};
    *result = (struct webhook_result){.outcome = WEBHOOK_FAILED};
    buf_init(&head, HEAD_MAX);
    if (!answer || !write_head(p, &head)) {
        snprintf(result->problem, sizeof result->problem, "no memory for the request");
    } else if (webhook_wire_open(&wire, p->url, tls) && exchange(&wire, buf_view(&head), p->body, answer)) {
        *result->problem = '\0';
        judge(answer, result);
        wire.problem = rest_problem;
        throw_rest_away(&wire);
    }
    webhook_wire_close(&wire);
    ERR_clear_error();
    buf_done(&head);
    free(answer);
}
