/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 3, 0))) static void set(struct err *e, int error, const char *format, va_list args)
{
    if (!e)
        return;
    vsnprintf(e->text, sizeof e->text, format, args);
    e->error = error;
}

bool err_set(struct err *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(e, 0, format, args);
    va_end(args);
    return false;
}

bool err_set_errno(struct err *e, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(e, error, format, args);
    va_end(args);
    return false;
}

bool err_memory(struct err *e)
{
    return err_set_errno(e, ENOMEM, "out of memory");
}
