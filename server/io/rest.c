/* SPDX-License-Identifier: MIT
 *
 * Rooms over HTTP: the core decides. Here a request becomes its event; the answer comes back as an effect (http_respond).
 */
#include "server/io/rest.h"

#include <stdlib.h>

enum {
    ARGUMENT_MAX = TOKEN_MAX + 16
};

static void ask(struct http_request *r, struct core_request *request)
{
    struct core_event e = io_event(r->io, CORE_REQUEST, r->conn);
    e.request = request;
    io_step(r->io, &e);
}

void rest_rooms(struct http_request *r)
{
    ask(r, &(struct core_request){.type = REQUEST_ROOMS});
}

void rest_create(struct http_request *r)
{
    ask(r, &(struct core_request){.type = REQUEST_CREATE, .token = http_bearer(r), .body = buf_view(&r->body)});
}

void rest_room(struct http_request *r)
{
    ask(r, &(struct core_request){.type = REQUEST_ROOM, .room = r->parameter});
}

void rest_close(struct http_request *r)
{
    ask(r, &(struct core_request){.type = REQUEST_CLOSE, .room = r->parameter, .token = http_bearer(r)});
}

void rest_ice_servers(struct http_request *r)
{
    ask(r, &(struct core_request){.type = REQUEST_ICE, .token = http_bearer(r)});
}

/* The decoded value of ?name=…; n = 0 if there is none, or if it does not fit with its name. */
static struct span argument(const struct http_request *r, const char *name, char *out, int max)
{
    return span_of(lws_get_urlarg_by_name(r->wsi, name, out, max));
}

void rest_validate(struct http_request *r)
{
    char room[ROOM_ID_MAX * 2];
    char *token = malloc(ARGUMENT_MAX);
    if (!token) {
        http_error(r, 503, NULL, error_code(ERROR_SERVER_FULL), error_text(ERROR_SERVER_FULL));
        return;
    }
    struct core_request request = {
        .type = REQUEST_VALIDATE,
        .room = argument(r, "room=", room, sizeof room),
        .token = argument(r, "token=", token, ARGUMENT_MAX),
    };
    if (request.token.n == 0)
        request.token = http_bearer(r);
    ask(r, &request);
    free(token);
}
