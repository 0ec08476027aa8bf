/* SPDX-License-Identifier: MIT
 *
 * The list is in the order of the alphabet, and no two words begin with the same four letters: so a word that is typed short
 * is found, or is none. What is found nowhere is compared with each of the list.
 */
#include "peer/io/words.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/edit_distance.h"
#include "peer/io/words_list.h"

enum {
    WORDS_COUNT = sizeof WORDS / sizeof WORDS[0],
    PREFIX_LETTERS = 4, /* that tell a word from all others */
    NEAREST_MAX = 3,    /* that are proposed */
    NEAR = 3,           /* letters: what is further away is no help */
    TYPED_MAX = 16      /* letters of a word that are looked at; what is longer is none of the list */
};
_Static_assert(WORDS_COUNT == 2048, "a word is 11 bits");

void words_code_new(const struct rng *rng, char out[CODE_MAX + 1])
{
    char *end = out;
    for (int i = 0; i < CODE_WORDS; i++) {
        const char *word = WORDS[rng_below(rng, WORDS_COUNT)];
        if (i > 0)
            *end++ = '-';
        end = stpcpy(end, word);
    }
    assert(end <= out + CODE_MAX);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *find_word(const char *typed)
{
    size_t n = strlen(typed);
    for (size_t i = 0; i < WORDS_COUNT; i++)
        if (strcmp(typed, WORDS[i]) == 0 || (n >= PREFIX_LETTERS && strncmp(typed, WORDS[i], n) == 0))
            return WORDS[i];
    return NULL;
}

/* ", did you mean a, b or c?", or nothing. */
static void nearest_words(const char *typed, char *out, size_t room)
{
    const char *best[NEAREST_MAX];
    unsigned count = 0, shortest = NEAR + 1;
    for (size_t i = 0; i < WORDS_COUNT; i++) {
        unsigned d = edit_distance(typed, WORDS[i]);
        if (d < shortest) {
            shortest = d;
            count = 0;
        }
        if (d == shortest && d <= NEAR && d < strlen(typed) && count < NEAREST_MAX)
            best[count++] = WORDS[i];
    }
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < count; i++)
        used += (size_t)snprintf(out + used, room - used, "%s%s",
            i == 0          ? ": did you mean "
            : i + 1 < count ? ", "
                            : " or ",
            best[i]);
    if (count > 0)
        snprintf(out + used, room - used, "?");
}

static bool wrong_word(struct err *err, const char *typed, int number)
{
    char nearest[64];
    nearest_words(typed, nearest, sizeof nearest);
    return err_set(err, "word %d of the code, \"%s\", is none of the list%s", number, typed, nearest);
}

bool words_code_parse(const char *typed, char out[CODE_MAX + 1], struct err *err)
{
    char *end = out;
    int words = 0;
    for (const char *p = typed; *p;) {
        char word[TYPED_MAX + 1];
        size_t n = 0;
        if (!is_letter(*p)) {
            p++;
            continue;
        }
        for (; is_letter(*p); p++)
            if (n < TYPED_MAX)
                word[n++] = (char)(*p | 0x20);
        word[n] = '\0';
        const char *found = find_word(word);
        if (!found)
            return wrong_word(err, word, words + 1);
        if (++words > CODE_WORDS)
            return err_set(
                err, "a code has %d words, and this one more: leave out what does not belong to it", CODE_WORDS);
        if (words > 1)
            *end++ = '-';
        end = stpcpy(end, found);
    }
    if (words == CODE_WORDS)
        return true;
    return err_set(
        err, "a code has %d words, like those that \"usher send\" prints, and this one %d", CODE_WORDS, words);
}
