/* SPDX-License-Identifier: MIT
 *
 * What is of use at once or not at all: that somebody types, and the free text about oneself, which whoever links with
 * us later is told, too.
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

/* What is of use at once or not at all: over the link, or through others. */
static void status_send(struct peer *p, struct person *who, struct envelope e)
{
    if (send_can(p, who))
        send_through(p, who, &e);
}

void status_tell(struct peer *p, struct person *who, struct span status)
{
    assert(who && !who->left);
    status_send(p, who, (struct envelope){.type = ENVELOPE_STATUS_UPDATE, .text = status});
}

void status_path(struct peer *p, struct person *who)
{
    if (p->status && who->shown && !link_is_up(who)) /* a link that comes up tells it by itself */
        status_tell(p, who, span_of(p->status));
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
        status_tell(p, who, status);
}

void status_typing(struct peer *p)
{
    for (struct person *who = p->people; who; who = who->hh.next)
        status_send(p, who, (struct envelope){.type = ENVELOPE_TYPING_INDICATOR});
}
