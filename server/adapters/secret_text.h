/* SPDX-License-Identifier: MIT
 *
 * A secret as it stands in a setting: itself, or `@` and the file that holds it.
 */
#ifndef SERVER_ADAPTERS_SECRET_TEXT_H
#define SERVER_ADAPTERS_SECRET_TEXT_H

#include <stddef.h>

#include "base/err.h"

/* Writes the secret, of at most max bytes, and a NUL to out, which has max + 2, and its length to *n. A file must hold one line. False with
 * the sentence in e, which names the option and never the secret. */
bool secret_text_read(const char *option, const char *value, size_t max, char *out, size_t *n, struct err *e);

#endif
