/* SPDX-License-Identifier: MIT
 *
 * What the state of a link says: whether it is up, and what it takes. It only looks; link.c moves.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/port/notice.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"

bool link_is_up(const struct person *who)
{
    return who->link.state == LINK_UP || who->link.state == LINK_RESTARTING;
}

bool link_is_calling(const struct person *who)
{
    return who->link.state == LINK_CALLING;
}

bool link_can_send(const struct person *who)
{
    assert(who->link.state != LINK_UP || who->link.connection);
    return who->link.state == LINK_UP && !who->link.connection->congested;
}

bool link_fits(const struct person *who, size_t n)
{
    return link_is_up(who) && connection_fits(who->link.connection, n);
}

const char *link_path(const struct person *who)
{
    return who->link.connection && who->link.connection->path == PEER_PATH_TURN ? "turn" : "direct";
}

bool link_is_there(const struct person *who)
{
    return who->entries || link_is_up(who);
}

static void notice_coded(struct peer *p, const struct person *who, struct span code, struct span text)
{
    notice_add(
        p, &(struct notice){
               .type = NOTICE_LINK, .id = person_id(who), .name = span_of(who->name), .code = code, .text = text});
}

void link_calls(struct peer *p, struct person *who)
{
    if (!who->link.calls)
        notice_coded(p, who, SPAN("no-data-channel"),
            SPAN("offers audio or video only: usher takes data channels only, so there is no link"));
    who->link.calls = true;
}

void link_notice(struct peer *p, const struct person *who, const char *text)
{
    assert(text[0]);
    notice_coded(p, who, (struct span){NULL, 0}, span_of(text));
}
