/* SPDX-License-Identifier: MIT
 *
 * HTTP dates (RFC 9110 section 5.6.7), whatever the locale: written in the one form that is allowed, read in all three.
 */
#ifndef SERVER_IO_HTTP_DATE_H
#define SERVER_IO_HTTP_DATE_H

#include <stdint.h>

#include "base/span.h"

enum {
    HTTP_DATE_LEN = 29 /* of "Sun, 06 Nov 1994 08:49:37 GMT" */
};

/* Writes Unix seconds as text with its NUL; false, and "", for years that four digits do not hold. */
bool http_date_write(int64_t unix_s, char out[HTTP_DATE_LEN + 1]);
/* False if the whole text is no date. The year of the form of RFC 850 has two digits: now, in Unix seconds, tells its
 * century. */
bool http_date_read(struct span text, int64_t now, int64_t *unix_s);

#endif
