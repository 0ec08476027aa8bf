/* SPDX-License-Identifier: MIT
 *
 * The server oracle of the daemon: an independent, slow and simple model of what the protocol promises, written from the
 * specification and not from the core. It sees each event with the effects that the core answered and ends the run at
 * the first thing that must not be:
 *
 *     a frame that leaves its room, a relayed frame that is lost, doubled, changed or has another's `from`;
 *     an answer that is missing, doubled or goes to somebody else; a `ref` that is not echoed;
 *     `peers`, `resumed` and the news of who came, went away, came back and left that do not sum to the membership;
 *     a seat taken with a token that is not good for it, or kept for longer than the grace; a held frame that is lost,
 *     doubled or out of order; `recovered` where something was lost; a peer id used twice;
 *     a locked room entered without its password, a room that was closed and is back, one over HTTP that is answered
 *     wrongly, never or before it is on the disk; a limit exceeded; a connection idle for longer than ping interval and timeout together; a missing deadline;
 *     a connection that lives on after its close was asked for; a drain that does not end;
 *     webhooks that are not told each fact once, in order, when it is true.
 */
#ifndef SIM_SERVER_ORACLE_H
#define SIM_SERVER_ORACLE_H

#include "server/core/core.h"
#include "tests/sim/world.h"

struct server_oracle;

struct server_oracle *server_oracle_new(struct world *w, const struct core_settings *settings);
void server_oracle_free(struct server_oracle *j); /* takes NULL */
/* The daemon starts again and knows nobody; peer ids stay used, and resume tokens are remembered. */
void server_oracle_reset(struct server_oracle *j);
/* What is to be on its disk is there. */
void server_oracle_written(struct server_oracle *j);
/* It has read the file of its disk. */
void server_oracle_restore(struct server_oracle *j);
void server_oracle_step(
    struct server_oracle *j, const struct core *core, const struct core_event *event, const struct core_effects *fx);

/* For the clients at rest: how many members the room of this peer id has (0: in none), and who shares a room. */
size_t server_oracle_room_size(const struct server_oracle *j, const char *peer_id);
bool server_oracle_share_room(const struct server_oracle *j, const char *a, const char *b);
size_t server_oracle_members(const struct server_oracle *j);
size_t server_oracle_away(const struct server_oracle *j);
/* Frames for this peer id since it joined its room, the held ones as well. */
uint64_t server_oracle_relayed_to(const struct server_oracle *j, const char *peer_id);

#endif
