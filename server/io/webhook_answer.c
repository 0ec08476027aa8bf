/* SPDX-License-Identifier: MIT
 *
 * A 2xx is the receiver's word that it has the events. A redirect is not followed: the events would go where nobody
 * meant to send them; but it may be a gateway's word while the receiver is away, so they wait. Any other 4xx but 408, 425
 * and 429 says that this request is wrong: it is the same at the next try, and what waits behind it would wait in vain.
 */
#include "server/io/webhook_answer.h"

#include <string.h>
#include <strings.h>

#include "base/span.h"

char *webhook_answer_space(struct webhook_answer *a, size_t *room)
{
    *room = sizeof a->head - a->n;
    return a->head + a->n;
}

/* One line without its end; false if that has not come. */
static bool take_line(struct span *rest, struct span *line)
{
    const char *end = span_find(*rest, '\n');
    if (!end)
        return false;
    *line = (struct span){rest->p, (size_t)(end - rest->p)};
    rest->n -= line->n + 1;
    rest->p = end + 1;
    if (line->n > 0 && line->p[line->n - 1] == '\r')
        line->n--;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* `HTTP/1.1 204 No Content`; 0: it is none. */
static unsigned read_status(struct span line)
{
    const char *p = line.p;
    bool good = line.n >= 12 && memcmp(p, "HTTP/1.", 7) == 0 && is_digit(p[7]) && p[8] == ' ' && p[9] >= '1' &&
                p[9] <= '5' && is_digit(p[10]) && is_digit(p[11]) && (line.n == 12 || p[12] == ' ');
    return good ? (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0')) : 0;
}

static uint64_t read_seconds(struct span line)
{
    static const char NAME[] = "retry-after:";
    size_t at = sizeof NAME - 1;
    uint64_t seconds = 0;
    if (line.n < at || strncasecmp(line.p, NAME, at) != 0)
        return 0;
    while (at < line.n && (line.p[at] == ' ' || line.p[at] == '\t'))
        at++;
    for (; at < line.n && is_digit(line.p[at]) && seconds < WEBHOOK_KEPT_MS; at++)
        seconds = seconds * 10 + (uint64_t)(line.p[at] - '0');
    return seconds * 1000;
}

/* The head that begins the rest, if it is whole. */
static enum webhook_reading read_head(struct webhook_answer *a, struct span *rest)
{
    struct span line;
    if (!take_line(rest, &line))
        return WEBHOOK_MORE;
    unsigned status = read_status(line);
    uint64_t retry_after = 0, found;
    if (status == 0)
        return WEBHOOK_BAD;
    while (take_line(rest, &line)) {
        if (line.n == 0) {
            a->status = status;
            a->retry_after_ms = retry_after;
            return WEBHOOK_WHOLE;
        }
        if ((found = read_seconds(line)) > 0)
            retry_after = found;
    }
    return WEBHOOK_MORE;
}

enum webhook_reading webhook_answer_read(struct webhook_answer *a, size_t n)
{
    a->n += n;
    struct span rest = {a->head, a->n};
    enum webhook_reading reading;
    do {
        reading = read_head(a, &rest);
    } while (reading == WEBHOOK_WHOLE && a->status < 200 && a->status != 101);
    if (reading == WEBHOOK_WHOLE && a->status == 101) /* nobody asked for another protocol */
        reading = WEBHOOK_BAD;
    if (reading == WEBHOOK_MORE && a->n == sizeof a->head)
        reading = WEBHOOK_BAD;
    if (reading != WEBHOOK_WHOLE)
        a->status = 0;
    return reading;
}

enum webhook_outcome webhook_answer_outcome(unsigned status)
{
    if (status >= 200 && status < 300)
        return WEBHOOK_DELIVERED;
    if (status == 413)
        return WEBHOOK_TOO_LARGE;
    if (status < 400 || status >= 500 || status == 408 || status == 425 || status == 429)
        return WEBHOOK_FAILED;
    return WEBHOOK_REFUSED;
}
