/* SPDX-License-Identifier: MIT
 *
 * libusher: codes, as an application asks for them before it has a struct usher.
 */
#include "peer/include/usher.h"

#include <stdio.h>

#include "base/edit_distance.h"
#include "base/os_rng.h"
#include "peer/io/words.h"

_Static_assert(USHER_CODE_BYTES == CODE_MAX + 1, "as usher.h has it");

bool usher_code_new(char *out, size_t n)
{
    struct rng rng = os_rng();
    if (n < USHER_CODE_BYTES)
        return false;
    words_code_new(&rng, out);
    return true;
}

bool usher_code_check(const char *code, char *canonical, size_t n, char *err, size_t err_n)
{
    char words[CODE_MAX + 1];
    struct err e;
    if (!words_code_parse(code, words, &e)) {
        snprintf(err, err_n, "%s", e.text);
        return false;
    }
    if (canonical)
        snprintf(canonical, n, "%s", words);
    return true;
}

_Static_assert(EDIT_DISTANCE_MAX == 32 && EDIT_DISTANCE_FAR == 1000, "as usher.h has it");

unsigned usher_word_distance(const char *a, const char *b)
{
    return edit_distance(a, b);
}
