/* SPDX-License-Identifier: MIT */
#ifndef SERVER_IO_REST_H
#define SERVER_IO_REST_H

#include "server/io/http.h"

/* Handlers of routes.c. */
void rest_rooms(struct http_request *r);
void rest_create(struct http_request *r);
void rest_room(struct http_request *r);
void rest_close(struct http_request *r);
/* The names that clients of peerjs chose under this key. */
void rest_names(struct http_request *r, struct span key);
void rest_ice_servers(struct http_request *r);
void rest_validate(struct http_request *r);

#endif
