/* SPDX-License-Identifier: MIT
 *
 * Codes that people read to each other: six words of a list of 2,048, joined by "-". Each word is 11 bits, so a code is 66
 * bits of chance: nobody finds it by trying, since each try costs a scrypt (code_keys.h). Pure.
 */
#ifndef PEER_IO_WORDS_H
#define PEER_IO_WORDS_H

#include "base/err.h"
#include "base/rng.h"

enum {
    CODE_WORDS = 6,
    WORD_MAX = 8,                                       /* letters of the longest of the list */
    CODE_MAX = CODE_WORDS * WORD_MAX + (CODE_WORDS - 1) /* bytes of a code as it is written */
};

/* A new code, and a NUL. */
void words_code_new(const struct rng *rng, char out[CODE_MAX + 1]);
/* Reads a code as people type it: any case; between the words anything that is no letter; of a word its first four letters
 * are enough. Writes it as words_code_new does. False with one sentence in err: a word that is not in the list is named with
 * those that are the nearest. */
bool words_code_parse(const char *typed, char out[CODE_MAX + 1], struct err *err);

#endif
