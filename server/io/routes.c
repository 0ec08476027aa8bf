/* SPDX-License-Identifier: MIT
 *
 * What is served over HTTP, a row for each path and method, and the handlers that need nothing but the core's numbers.
 */
#include "server/io/check_page.h"
#include "server/io/http.h"
#include "server/io/rest.h"

#include <inttypes.h>

enum {
    HEALTH_MAX = 256,
    LIST_MAX = 8192 /* 15 addresses of servers */
};

static void health(struct http_request *r)
{
    const struct core_stats *s = core_stats(r->io->core);
    struct buf body;
    buf_init(&body, HEALTH_MAX);
    buf_printf(&body,
        "{\"status\":\"ok\",\"version\":\"%s\",\"uptimeSeconds\":%" PRIu64 ",\"connections\":%" PRIu64
        ",\"rooms\":%" PRIu64 "}\n",
        r->io->version, (uv_now(r->io->loop) - r->io->started_at) / 1000, s->connections, s->rooms);
    http_answer(r, &(struct http_answer){.status = 200, .body = buf_view(&body)});
    buf_done(&body);
}

/* The page asks where else it may go: server.web_servers, whose form needs no escapes. */
static void servers(struct http_request *r)
{
    const struct io_settings *s = &r->io->settings;
    struct buf body;
    buf_init(&body, LIST_MAX);
    buf_text(&body, "{\"servers\":[");
    for (size_t i = 0; i < s->web_servers_count; i++)
        buf_printf(&body, "%s\"%s\"", i ? "," : "", s->web_servers[i]);
    buf_text(&body, "]}\n");
    http_answer(r, &(struct http_answer){.status = 200, .body = buf_view(&body)});
    buf_done(&body);
}

/* For load balancers: whether a new connection would be served. A daemon that is full or drains refuses most of these
 * before they come here, with the same answer. */
static void ready(struct http_request *r)
{
    enum error e = core_ready(r->io->core);
    if (e == ERROR_NONE && !core_clustered(r->io->core))
        http_error(r, 503, "Retry-After: 5\r\n", "not-clustered",
            "this daemon is cut off from its cluster, whose Redis is not there or has another daemon of its name: it "
            "serves only rooms of its own");
    else if (e == ERROR_NONE)
        http_answer(r, &(struct http_answer){.status = 200, .body = SPAN("{\"status\":\"ready\"}\n")});
    else
        http_error(r, 503, "Retry-After: 5\r\n", error_code(e), error_text(e));
}

const struct route routes[] = {
    {"/health", HTTP_GET, NULL, health},
    {"/ready", HTTP_GET, NULL, ready},
    {"/metrics", HTTP_GET, NULL, http_metrics},
    {"/api/rooms", HTTP_GET, NULL, rest_rooms},
    {"/api/rooms", HTTP_POST, http_usual_body, rest_create},
    {"/api/rooms/:id", HTTP_GET, NULL, rest_room},
    {"/api/rooms/:id", HTTP_DELETE, NULL, rest_close},
    {"/api/servers", HTTP_GET, NULL, servers},
    {"/api/ice-servers", HTTP_GET, NULL, rest_ice_servers},
    {"/api/validate", HTTP_GET, NULL, rest_validate},
    {"/room.html", HTTP_GET, NULL, http_old_room},
    {"/sim", HTTP_GET, NULL, http_sim},
    {"/check", HTTP_GET, NULL, check_page},
    {"/check/check.js", HTTP_GET, NULL, check_script},
    {"/check/check.css", HTTP_GET, NULL, check_style},
    {"/check/result", HTTP_POST, http_usual_body, check_result},
};
const size_t routes_count = sizeof routes / sizeof *routes;
