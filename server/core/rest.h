/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_REST_H
#define SERVER_CORE_REST_H

#include "server/core/pending.h"
#include "server/core/state.h"

/* An HTTP request about rooms. */
void rest_request(struct core *c, struct session *s, const struct core_request *r);
/* Its password is hashed (hash is NULL if that failed): goes on making the room. Borrows the pending. */
void rest_create_hashed(struct core *c, struct pending *e, const uint8_t *hash);

/* It was delayed for its token, and is looked at now. Borrows the pending. */
void rest_delayed(struct core *c, const struct pending *e);

/* Answers the request of this connection; takes the body. */
void rest_respond(struct core *c, struct conn_id conn, uint16_t status, struct frame *body);
/* What it made, or changed, is not on the disk. */
void rest_refuse_unmade(struct core *c, struct conn_id conn);
void rest_refuse_unstored(struct core *c, struct conn_id conn);

#endif
