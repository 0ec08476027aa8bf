/* SPDX-License-Identifier: MIT
 *
 * The files of server/check are in the program as they are. Their Content-Security-Policy lets the page load its own script
 * and style and talk to where it came from, and nothing else; nobody can frame it.
 *
 * Results are counts: nothing of who sent them is kept, and what is none of the words in the tables is refused. They are
 * their senders' word, and anybody may send some; so that nobody fills a graph at will, RESULTS_MAX are taken a minute.
 */
#include "server/io/check_page.h"

#include "server/io/query.h"

enum {
    RESULTS_MAX = 600,
    WINDOW_MS = 60000,
    WORD_MAX = 16
};

#define FILE_OF(name, path)                                                                              \
    __asm__(".section .rodata\n" #name ":\n.incbin \"" path "\"\n" #name "_end:\n.byte 0\n.previous\n"); \
    extern const char name[] __attribute__((visibility("hidden")));                                      \
    extern const char name##_end[] __attribute__((visibility("hidden")));
FILE_OF(check_html, "server/check/page.html")
FILE_OF(check_js, "server/check/check.js")
FILE_OF(check_css, "server/check/check.css")
#undef FILE_OF

static const char POLICY[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n";

static void answer(struct http_request *r, const char *type, const char *begin, const char *end)
{
    http_answer(r,
        &(struct http_answer){.status = 200, .type = type, .headers = POLICY, .body = {begin, (size_t)(end - begin)}});
}

void check_page(struct http_request *r)
{
    answer(r, "text/html; charset=utf-8", check_html, check_html_end);
}

void check_script(struct http_request *r)
{
    answer(r, "text/javascript; charset=utf-8", check_js, check_js_end);
}

void check_style(struct http_request *r)
{
    answer(r, "text/css; charset=utf-8", check_css, check_css_end);
}

/* Finds the outcome of one part; false if there is none, or it is no such word. */
static bool read_outcome(struct span form, enum check_part part, enum check_outcome *outcome)
{
    static const char *const WORDS[CHECK_OUTCOMES] = {
#define X(name, text) [CHECK_##name] = (text),
        CHECK_OUTCOME_TABLE(X)
#undef X
    };
    struct buf word;
    bool found = false;
    buf_init(&word, WORD_MAX);
    bool there = query_find(form, check_part_name(part), &word);
    for (enum check_outcome o = 0; there && o < CHECK_OUTCOMES; o++)
        if (span_is(buf_view(&word), WORDS[o])) {
            *outcome = o;
            found = true;
        }
    buf_done(&word);
    return found;
}

static bool is_too_many(struct io *io)
{
    uint64_t now = uv_now(io->loop);
    if (now - io->check_since >= WINDOW_MS) {
        io->check_since = now;
        io->check_taken = 0;
    }
    return io->check_taken++ >= RESULTS_MAX;
}

void check_result(struct http_request *r)
{
    struct io *io = r->io;
    struct span form = http_body_of(r);
    enum check_outcome outcomes[CHECK_PARTS];
    if (form.n == 0) { /* the page asks whether it may post */
        http_answer(r, &(struct http_answer){.status = 204});
        return;
    }
    for (enum check_part part = 0; part < CHECK_PARTS; part++)
        if (!read_outcome(form, part, &outcomes[part])) {
            http_error(r, 400, NULL, error_code(ERROR_BAD_MESSAGE),
                "expected a form with websocket, polling, stun and turn, each works, fails or skipped");
            return;
        }
    if (is_too_many(io)) {
        http_error(r, 429, "Retry-After: 60\r\n", error_code(ERROR_RATE_LIMITED), "too many results: try again later");
        return;
    }
    for (enum check_part part = 0; part < CHECK_PARTS; part++)
        io->stats.check[part][outcomes[part]]++;
    http_answer(r, &(struct http_answer){.status = 204});
}
