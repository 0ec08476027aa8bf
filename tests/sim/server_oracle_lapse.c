/* SPDX-License-Identifier: MIT
 *
 * TURN credentials ([S-47]): each connection has some that hold, whatever steps the server's wall clock makes, forward or
 * back, but for the time in which the server looks at that clock; and nobody is told anew for nothing. The claims of tokens,
 * which lapse by the same clock, are looked at where they are used (server_oracle_may.c).
 */
#include <stdlib.h>

#include "tests/sim/server_oracle_inner.h"

enum {
    LOOK_MS = 10000, /* the longest time between looks at the wall clock, while somebody holds what lapses */
    SLACK_MS = 3000, /* for a crowd to be told, a batch at a time, and for this oracle to look */
};

void server_oracle_clock(struct server_oracle *j)
{
    int64_t lead = (int64_t)(j->event->unix_ms - world_now(j->w));
    if (!j->listening)
        j->wall_stepped = false;
    else if (lead != j->wall_lead)
        j->wall_stepped = true;
    j->wall_lead = lead;
}

void server_oracle_credentials(struct server_oracle *j, struct caller *c, bool again)
{
    const json_t *server = json_array_get(json_object_get(j->said, "iceServers"), 0);
    const char *username = json_string_value(json_object_get(server, "username"));
    uint64_t refresh = j->settings.ice_refresh_ms, now = world_now(j->w);
    world_check(j->w, !username == !refresh, "conn %u is told %s credentials", c->slot, username ? "of" : "no");
    if (!username)
        return;
    char *id = NULL;
    uint64_t until = strtoull(username, &id, 10) * 1000;
    world_check(j->w, *id == ':' && strcmp(id + 1, c->id) == 0, "conn %u is told another's credentials", c->slot);
    world_check(j->w, until > j->event->unix_ms, "conn %u is told what has lapsed", c->slot);
    world_check(j->w, !again || j->wall_stepped || now - c->ice_told >= refresh, "conn %u is told anew after %llu ms",
        c->slot, (unsigned long long)(now - c->ice_told));
    c->ice_until = until;
    c->ice_told = now;
    c->ice_lapsed = 0;
}

void server_oracle_lapse(struct server_oracle *j, struct caller *c)
{
    uint64_t now = world_now(j->w);
    if (!c->live || !c->ready || c->closing || c->ice_until == 0 || j->event->unix_ms < c->ice_until) {
        c->ice_lapsed = 0;
        return;
    }
    if (c->ice_lapsed == 0)
        c->ice_lapsed = now;
    world_check(j->w, j->wall_stepped && now - c->ice_lapsed <= LOOK_MS + SLACK_MS,
        "conn %u holds credentials that lapsed %llu ms ago", c->slot, (unsigned long long)(now - c->ice_lapsed));
}
