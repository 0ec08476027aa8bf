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

/* ---- for bus_rest.c, which asks the bus first ---- */

struct room_terms;
/* The room of these terms, of which the cluster knows, is made here; false if it is not, and the request is answered. */
bool rest_make(struct core *c, struct session *s, struct room_terms *t);
/* Whether this token closes the room; the request is answered if not. */
bool rest_may_close(
    struct core *c, struct session *s, struct span token, struct span room_id, uint64_t incarnation, bool made);
/* The answer to a validate: what is known of the room, and whether one more may come in. */
void rest_validated(struct core *c, struct conn_id conn, bool exists, bool locked, enum error e, const char *problem);
void rest_refuse(struct core *c, struct conn_id conn, enum error e, const char *problem);
void rest_refuse_unknown(struct core *c, struct conn_id conn);
void rest_refuse_taken(struct core *c, struct conn_id conn);

#endif
