/* SPDX-License-Identifier: MIT
 *
 * What is answered about rooms over HTTP, by whoever listens there. What comes out may be printed, written into a file of lines
 * and shown in a header: ids are ids, names are short, a token has no space and no end of a line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "peer/io/rooms_answer.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/roomfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rooms(const struct rooms_answer *a)
{
    if (a->count > ROOMS_LISTED_MAX)
        abort();
    for (size_t i = 0; i < a->count; i++)
        if (!room_id_valid(span_of(a->rooms[i].id)) || strlen(a->rooms[i].name) > DISPLAY_NAME_MAX)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = {(const char *)data, size};
    struct rooms_answer a;
    const char *code, *message;
    if (rooms_answer_list(&a, body))
        check_rooms(&a);
    rooms_answer_done(&a);
    if (rooms_answer_made(&a, body)) {
        check_rooms(&a);
        if (a.count != 1 || !*a.owner_token || strpbrk(a.owner_token, " \t\r\n\"") || strlen(a.owner_token) > 512)
            abort();
    }
    rooms_answer_done(&a);
    if (rooms_answer_error(&a, body, &code, &message) && (!code || !message))
        abort();
    rooms_answer_done(&a);
    return 0;
}
