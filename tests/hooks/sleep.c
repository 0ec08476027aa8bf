/* SPDX-License-Identifier: MIT
 *
 * A machine that slept, for one process: loaded before libc (LD_PRELOAD), it lets CLOCK_BOOTTIME run ahead of
 * CLOCK_MONOTONIC by as many seconds as the file $USHER_TEST_SLEPT says, as a suspend does. The file is read each time.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(id, t);
    const char *path = getenv("USHER_TEST_SLEPT");
    if (failed || id != CLOCK_BOOTTIME || !path)
        return failed;
    char text[24] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, text, sizeof text - 1) > 0)
            t->tv_sec += strtol(text, NULL, 10);
        close(fd);
    }
    return 0;
}
