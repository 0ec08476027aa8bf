/* SPDX-License-Identifier: MIT
 *
 * resume: no seat outlives its socket here, so there is never one to come back to, and the client joins again.
 */
#include "server/core/on.h"

static enum error check(const struct core *c, const struct session *s, struct request *r)
{
    (void)c;
    (void)s;
    (void)r;
    return ERROR_RESUME_FAILED;
}

const struct handler on_resume = {check, NULL};
