/* SPDX-License-Identifier: MIT
 *
 * What went wrong with a file: a code for programs, and one sentence for a person.
 */
#ifndef PEER_IO_FILE_PROBLEM_H
#define PEER_IO_FILE_PROBLEM_H

#include "base/err.h"

/* "no-such-file" "not-a-file" "no-permission" "too-large" "file-changed" "disk-full" "in-use" "incomplete" "bad-folder"
 * "memory" "io". */
struct file_problem {
    const char *code; /* static; NULL: none */
    struct err why;
};

/* Both return false. */
bool file_problem_set(struct file_problem *p, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "cannot open PATH: No such file or directory: put it there, or correct the path"; the code is the errno's. */
bool file_problem_errno(struct file_problem *p, int error, const char *cannot, const char *path);
bool file_problem_memory(struct file_problem *p);

#endif
