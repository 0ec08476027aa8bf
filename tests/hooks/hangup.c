/* SPDX-License-Identifier: MIT
 *
 * SIGHUP at the two ends of one process: loaded before libc (LD_PRELOAD), it comes when main() first looks at standard
 * input, and when the event loop is closed.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <unistd.h>

struct uv_loop_s;
int uv_loop_close(struct uv_loop_s *loop);

static int fcntl_with(const char *name, int fd, int command, void *argument)
{
    static bool over;
    int (*real)(int, int, ...);
    *(void **)&real = dlsym(RTLD_NEXT, name);
    if (fd == STDIN_FILENO && command == F_GETFD && !over) {
        over = true;
        raise(SIGHUP);
    }
    return real(fd, command, argument);
}

#define HOOK(name)                                       \
    int name(int fd, int command, ...)                   \
    {                                                    \
        va_list arguments;                               \
        va_start(arguments, command);                    \
        void *argument = va_arg(arguments, void *);      \
        va_end(arguments);                               \
        return fcntl_with(#name, fd, command, argument); \
    }

HOOK(fcntl)
HOOK(fcntl64)

int uv_loop_close(struct uv_loop_s *loop)
{
    int (*real)(struct uv_loop_s *);
    *(void **)&real = dlsym(RTLD_NEXT, "uv_loop_close");
    raise(SIGHUP);
    return real(loop);
}
