/* SPDX-License-Identifier: MIT
 *
 * The module's face: what the host calls, and how this folder's files know each other. Structures never cross it: an event is
 * a call with its members as arguments, an effect a call of host.h, and what an application says and hears is JSON, as
 * `usher pipe` has it. Where bytes are an argument they are borrowed for the call; the host puts them into web_room().
 */
#ifndef WEB_CORE_FACE_H
#define WEB_CORE_FACE_H

#include <jansson.h>

#include "peer/core/peer.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

/* Of this instance; NULL: it has none. */
struct peer *face_peer(void);
/* One step, and its effects. type and members are set. */
void face_step(struct peer_event *event);
/* Tells the host of one effect. */
void face_effect(const struct peer_effect *e);
/* {"event": "message", "id": ...}: all members that are there. */
void face_notice(const struct peer_notice *n);
/* A text for the host, until the next one: owned by the face, NUL at the end. Takes json. */
const char *face_answer(json_t *json);
const char *face_sentence(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
