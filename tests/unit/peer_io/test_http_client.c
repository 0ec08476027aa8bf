/* SPDX-License-Identifier: MIT
 *
 * A question has its time, whoever answers: nobody, half an answer, or one that comes a byte at a time. And it says whether the
 * question may have been heard.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <gio/gio.h>

#include "peer/io/http_client.h"

enum {
    SHORT_MS = 300,
    LONG_MS = 10000
};

/* A server on a free port of loopback, in this process and on this loop. */
struct server {
    GSocketService *service;
    const char *says; /* at once, when somebody connects; then, if it dribbles, this again and again */
    bool dribbles, hangs_up, heard;
    char head[4096];
    GSocketConnection *connection;
    guint drip;
    char url[64];
};

struct ended {
    GMainLoop *loop;
    enum http_end end;
    unsigned status, times;
    char body[64], why[256];
};

static gboolean on_drip(gpointer user)
{
    struct server *s = user;
    GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(s->connection));
    if (g_output_stream_write(out, " ", 1, NULL, NULL) == 1)
        return G_SOURCE_CONTINUE;
    s->drip = 0;
    return G_SOURCE_REMOVE;
}

/* The question, or what there is of it: both ends are in this thread, so nothing here may wait. */
static void on_heard(GObject *in, GAsyncResult *result, gpointer user)
{
    struct server *s = user;
    GIOStream *stream = G_IO_STREAM(s->connection);
    assert_true(g_input_stream_read_finish(G_INPUT_STREAM(in), result, NULL) > 0);
    assert_true(
        g_output_stream_write_all(g_io_stream_get_output_stream(stream), s->says, strlen(s->says), NULL, NULL, NULL));
    if (s->dribbles)
        s->drip = g_timeout_add(20, on_drip, s);
    if (s->hangs_up)
        g_io_stream_close(stream, NULL, NULL);
    s->heard = true;
}

static gboolean on_connection(GSocketService *service, GSocketConnection *connection, GObject *source, gpointer user)
{
    struct server *s = user;
    (void)service;
    (void)source;
    s->connection = g_object_ref(connection);
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(connection)), s->head, sizeof s->head,
        G_PRIORITY_DEFAULT, NULL, on_heard, s);
    return TRUE;
}

static void server_open(struct server *s, const char *says)
{
    *s = (struct server){.says = says, .service = g_socket_service_new()};
    GInetAddress *loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    GSocketAddress *any = g_inet_socket_address_new(loopback, 0), *own = NULL;
    assert_true(g_socket_listener_add_address(
        G_SOCKET_LISTENER(s->service), any, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &own, NULL));
    g_snprintf(s->url, sizeof s->url, "ws://127.0.0.1:%u", g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(own)));
    g_signal_connect(s->service, "incoming", G_CALLBACK(on_connection), s);
    g_object_unref(own);
    g_object_unref(any);
    g_object_unref(loopback);
}

static void server_close(struct server *s)
{
    if (s->drip)
        g_source_remove(s->drip);
    g_clear_object(&s->connection);
    g_socket_service_stop(s->service);
    g_socket_listener_close(G_SOCKET_LISTENER(s->service));
    g_object_unref(s->service);
}

static void on_answer(void *user, const struct http_answer *a)
{
    struct ended *e = user;
    e->times++;
    e->end = a->end;
    e->status = a->status;
    g_snprintf(e->body, sizeof e->body, "%.*s", (int)a->body.n, a->body.n ? a->body.p : "");
    g_strlcpy(e->why, a->why ? a->why : "", sizeof e->why);
    g_main_loop_quit(e->loop);
}

static void ask(const char *url_text, unsigned timeout_ms, struct ended *e)
{
    struct url url;
    struct err err;
    *e = (struct ended){.loop = g_main_loop_new(NULL, FALSE)};
    assert_true(url_parse(url_text, &url, &err));
    struct http_client *c = http_client_new(g_main_context_default(), false, on_answer, e, &err);
    assert_non_null(c);
    http_client_ask(c, &url, &(struct http_question){.method = "GET", .path = "/x", .timeout_ms = timeout_ms});
    assert_int_equal(e->times, 0);
    g_main_loop_run(e->loop);
    http_client_free(c);
    g_main_loop_unref(e->loop);
    assert_int_equal(e->times, 1);
}

static void has_the_whole_answer(void **state)
{
    (void)state;
    struct server s;
    struct ended e;
    server_open(&s, "HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nword");
    ask(s.url, LONG_MS, &e);
    server_close(&s);
    assert_int_equal(e.end, HTTP_ANSWERED);
    assert_int_equal(e.status, 201);
    assert_string_equal(e.body, "word");
    assert_string_equal(e.why, "");
}

static void ends_in_time(const char *says, bool dribbles, const char *why)
{
    struct server s;
    struct ended e;
    server_open(&s, says);
    s.dribbles = dribbles;
    gint64 begun = g_get_monotonic_time();
    ask(s.url, SHORT_MS, &e);
    gint64 took = g_get_monotonic_time() - begun;
    server_close(&s);
    assert_int_equal(e.end, HTTP_NOT_ANSWERED);
    assert_non_null(strstr(e.why, why));
    assert_true(took >= SHORT_MS * 1000 / 2 && took < LONG_MS * 1000);
}

static void waits_for_nobody(void **state)
{
    (void)state;
    ends_in_time("", false, "does not answer");
    ends_in_time("HTTP/1.1 200 OK\r\nX: ", true, "does not answer");
    ends_in_time("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", false, "takes too long");
    ends_in_time("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", true, "takes too long");
}

static void tells_whether_it_was_heard(void **state)
{
    (void)state;
    struct server s;
    struct ended e;
    server_open(&s, "");
    s.hangs_up = true;
    ask(s.url, LONG_MS, &e);
    assert_int_equal(e.end, HTTP_NOT_ANSWERED);
    assert_non_null(strstr(e.why, "hung up without an answer"));
    server_close(&s);
    ask(s.url, LONG_MS, &e);
    assert_int_equal(e.end, HTTP_NOT_SENT);
    assert_non_null(strstr(e.why, "nothing listens at 127.0.0.1:"));
    server_open(&s, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    s.hangs_up = true;
    ask(s.url, LONG_MS, &e);
    server_close(&s);
    assert_int_equal(e.end, HTTP_NOT_ANSWERED);
    assert_non_null(strstr(e.why, "in the middle"));
    assert_string_equal(e.body, "");
}

static void a_name_that_nobody_has_is_not_asked(void **state)
{
    (void)state;
    struct ended e;
    ask("ws://nobody.invalid", LONG_MS, &e);
    assert_int_equal(e.end, HTTP_NOT_SENT);
    assert_non_null(strstr(e.why, "nobody.invalid"));
}

static void one_that_is_freed_says_nothing(void **state)
{
    (void)state;
    struct server s;
    struct ended e = {.loop = NULL};
    struct url url;
    struct err err;
    server_open(&s, "");
    assert_true(url_parse(s.url, &url, &err));
    struct http_client *c = http_client_new(g_main_context_default(), false, on_answer, &e, &err);
    assert_non_null(c);
    http_client_ask(c, &url, &(struct http_question){.method = "GET", .path = "/x", .timeout_ms = SHORT_MS});
    while (!s.heard)
        g_main_context_iteration(NULL, TRUE);
    http_client_free(c);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    assert_int_equal(e.times, 0);
    server_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_whole_answer),
        cmocka_unit_test(waits_for_nobody),
        cmocka_unit_test(tells_whether_it_was_heard),
        cmocka_unit_test(a_name_that_nobody_has_is_not_asked),
        cmocka_unit_test(one_that_is_freed_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
