/* SPDX-License-Identifier: MIT
 *
 * An offer of a file that envelope_parse refused ([M-36]): whose it can be told to, and what of it is wrong. Only for words to
 * people: nothing of it was verified.
 */
#ifndef PROTOCOL_REFUSED_OFFER_H
#define PROTOCOL_REFUSED_OFFER_H

#include "protocol/envelope.h"

struct refused_offer {
    char file_id[ENVELOPE_ID_MAX + 1]; /* empty: there is none that an answer could name */
    char name[ENVELOPE_NAME_MAX + 1];  /* its beginning, any UTF-8; empty: there is none */
    const char *code;                  /* static: "bad-name", "bad-size" ... as file_decline's reason */
    const char *problem;               /* static: the member and its bounds */
};

/* text: of the envelope, or, with opened, of what was in its `encrypted`. False: it is no offer, or no JSON, or memory is short. */
bool refused_offer_read(struct span text, bool opened, struct refused_offer *r);

#endif
