/* SPDX-License-Identifier: MIT
 *
 * What is said in passing: that somebody types, which is of use at once or not at all, and the free text about oneself,
 * which whoever can be reached later is sent, too.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/message/status.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/people/say.h"
#include "peer/core/link/link.h"
#include "peer/core/link/send.h"

/* Over the link, or through others. */
static bool status_send(struct peer *p, struct person *who, struct envelope e)
{
    return send_can(p, who) && send_through(p, who, &e);
}

void status_tell(struct peer *p, struct person *who)
{
    assert(who && !who->left);
    who->status_unsent =
        p->status && who->keyed &&
        !status_send(p, who, (struct envelope){.type = ENVELOPE_STATUS_UPDATE, .text = span_of(p->status)});
    if (who->status_unsent && who->shown)
        effect_wake(p, p->now + ACK_TIMEOUT_MS);
}

void status_due(struct peer *p, struct person *who)
{
    if (who->status_unsent && who->shown)
        status_tell(p, who);
}

void status_path(struct peer *p, struct person *who)
{
    if (who->shown && !link_is_up(who)) /* a link that comes up tells it by itself */
        status_tell(p, who);
}

void status_clear(struct peer *p)
{
    free(p->status);
    p->status = NULL;
}

void status_set(struct peer *p, struct span status)
{
    const char *problem = say_too_large(status);
    char *copy = problem ? NULL : malloc(status.n + 1);
    if (problem)
        notice_add(p, &(struct notice){.type = NOTICE_ERROR, .code = SPAN("too-large"), .text = span_of(problem)});
    if (!copy)
        return;
    text_copy(copy, status.n + 1, status);
    free(p->status);
    p->status = copy;
    for (struct person *who = p->people; who; who = who->hh.next)
        status_tell(p, who);
}

void status_typing(struct peer *p)
{
    for (struct person *who = p->people; who; who = who->hh.next)
        status_send(p, who, (struct envelope){.type = ENVELOPE_TYPING_INDICATOR});
}
