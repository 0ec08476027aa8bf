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
/* Opens a file that is one: a FIFO, a device or a file of /proc in its place would have us wait, here or when it is read. Flags as open(2) has
 * them; a file that is made has mode 0600. -1 if it cannot be, with the end of a sentence in why, like "this is a FIFO: expected
 * a PEM file" where `expected` is "a PEM file", or "Permission denied: …", and the errno in why->error. */
int os_file_open(const char *path, int flags, const char *expected, struct err *why);
/* What to do about this errno of a file, to stand behind its strerror: ": …", or "". Static. */
const char *os_file_advice(int error);

#endif
