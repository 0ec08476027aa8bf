/* SPDX-License-Identifier: MIT */
#include "peer/io/file_problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/os_file.h"

bool file_problem_set(struct file_problem *p, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->why.text, sizeof p->why.text, format, args);
    va_end(args);
    p->why.error = 0;
    p->code = code;
    return false;
}

static const char *code_of(int error)
{
    switch (error) {
    case ENOENT:
        return "no-such-file";
    case ENOTDIR:
    case ELOOP:
    case EISDIR:
        return "not-a-file";
    case EACCES:
    case EPERM:
    case EROFS:
        return "no-permission";
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return "disk-full";
    case ENOMEM:
        return "memory";
    default:
        return "io";
    }
}

bool file_problem_errno(struct file_problem *p, int error, const char *cannot, const char *path)
{
    file_problem_set(p, code_of(error), "%s %.200s: %s%s", cannot, path, strerror(error), os_file_advice(error));
    p->why.error = error;
    return false;
}

bool file_problem_memory(struct file_problem *p)
{
    err_memory(&p->why);
    p->code = "memory";
    return false;
}
