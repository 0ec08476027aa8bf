/* SPDX-License-Identifier: MIT
 *
 * Either end may open the channel, and both may at once: each sends on the one that it came to know first, and reads both.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/files_channel.h"
#include "peer/core/link/link.h"
#include "peer/core/people/facts.h"
#include "peer/core/port/effects.h"

#define FILES_LABEL "usher-files"

struct connection *files_channel(struct peer *p, struct person *who)
{
    assert(who && who->keyed);
    struct connection *a = link_is_up(who) ? who->link.connection : NULL;
    if (!a || a->files_open)
        return a;
    if (!a->files_asked)
        a->files_asked = effect_rtc_channel(p, a->rtc, FILES_LABEL);
    return NULL;
}

bool files_channel_send(struct peer *p, struct person *who, const struct file_frame *f)
{
    struct connection *a = files_channel(p, who);
    struct buf frame;
    if (!a || a->congested)
        return false;
    buf_init(&frame, PEER_MESSAGE_MAX);
    bool ok = file_frame_write(&frame, f) && effect_rtc_send_binary(p, a->rtc, a->files_channel, buf_view(&frame));
    buf_done(&frame);
    p->stats.file_frames_total += ok;
    return ok;
}

void files_channel_opened(struct peer *p, struct connection *a, uint16_t channel, struct span label)
{
    if (!span_is(label, FILES_LABEL) || a->files_open || !a->person->keyed)
        return;
    a->files_open = true;
    a->files_channel = channel;
    if (a->introduced && a == a->person->link.connection)
        fact_add(p, a->person, FACT_FILES_OPEN);
}

void files_channel_closed(struct connection *a, uint16_t channel)
{
    if (a->files_open && a->files_channel == channel)
        a->files_open = a->files_asked = false;
}
