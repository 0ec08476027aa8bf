/* SPDX-License-Identifier: MIT
 *
 * A file that is replaced, never changed: a crash at any moment leaves the old one or the new one whole. And what a
 * person can do about a file that is refused.
 */
#ifndef BASE_OS_FILE_H
#define BASE_OS_FILE_H

#include "base/err.h"
#include "base/span.h"

/* Puts the bytes into dir/name, mode 0600: written beside it as name.new, forced to the disk, renamed over it, and the
 * folder forced to the disk as well. False with the reason in err; the old file is then as it was,
 * unless only the folder could not be forced. Blocks; may be called on any thread. */
bool os_file_replace(const char *dir, const char *name, struct span bytes, struct err *err);
/* What to do about this errno of a file, to stand behind its strerror: ": …", or "". Static. */
const char *os_file_advice(int error);

#endif
