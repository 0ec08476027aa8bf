/* SPDX-License-Identifier: MIT
 *
 * Linked into a daemon for tests only, build/tests/usherd-that-hangs: SIGUSR2 has its loop's thread never return to
 * the loop. The daemon itself has no such door.
 */
#include <signal.h>
#include <unistd.h>

static void hang(int number)
{
    (void)number;
    for (;;)
        pause();
}

__attribute__((constructor)) static void arm(void)
{
    signal(SIGUSR2, hang);
}
