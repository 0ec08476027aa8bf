/* SPDX-License-Identifier: MIT
 *
 * Rooms over HTTP: the core decides. Here a request becomes its event; the answer comes back as an effect (http_respond).
 */
#include "server/io/rest.h"

#include "server/io/query.h"

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
    ask(r, &(struct core_request){.type = REQUEST_CREATE, .token = http_bearer(r), .body = http_body_of(r)});
}

void rest_room(struct http_request *r)
{
    ask(r, &(struct core_request){.type = REQUEST_ROOM, .room = r->asked->parameter});
}

void rest_close(struct http_request *r)
{
    ask(r, &(struct core_request){.type = REQUEST_CLOSE, .room = r->asked->parameter, .token = http_bearer(r)});
}

void rest_ice_servers(struct http_request *r)
{
    ask(r, &(struct core_request){.type = REQUEST_ICE, .token = http_bearer(r)});
}

void rest_names(struct http_request *r, struct span key)
{
    ask(r, &(struct core_request){.type = REQUEST_NAMES, .room = key});
}

void rest_validate(struct http_request *r)
{
    struct buf room, token;
    buf_init(&room, REQUEST_HEAD_MAX);
    buf_init(&token, REQUEST_HEAD_MAX);
    struct core_request request = {.type = REQUEST_VALIDATE};
    if (query_find(r->asked->head.query, "room", &room))
        request.room = buf_view(&room);
    if (query_find(r->asked->head.query, "token", &token))
        request.token = buf_view(&token);
    if (request.token.n == 0)
        request.token = http_bearer(r);
    ask(r, &request);
    buf_done(&token);
    buf_done(&room);
}
