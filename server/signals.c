/* SPDX-License-Identifier: MIT
 *
 * Signals that mean nothing to a signaling server end a process by default, SIGUSR1 of a log rotation for example.
 * Those that stand for an error of a call are ignored so that the call fails: SIGPIPE, and SIGXFSZ, by which a file
 * that may not grow (RLIMIT_FSIZE) would kill us where a full disk is an answer. SIGTTOU stops whoever writes to a
 * terminal from the background (stty tostop).
 *
 * Left as they are: SIGQUIT and what stands for a fault of the program, which leave a core; SIGXCPU, because a limit of
 * processor time is meant to end us; job control.
 */
#include "server/signals.h"

#include <signal.h>
#include <stddef.h>

static void ignore(int number)
{
    struct sigaction now;
    if (sigaction(number, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL)
        signal(number, SIG_IGN);
}

static sigset_t only(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return set;
}

void signals_hold(void)
{
    sigset_t reload = only(SIGHUP);
    sigprocmask(SIG_BLOCK, &reload, NULL);
}

void signals_prepare(void)
{
    static const int IGNORED[] = {
        SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGTTIN, SIGTTOU};
    sigset_t reload = only(SIGHUP);
    sigprocmask(SIG_SETMASK, &reload, NULL); /* nothing else: a SIGTERM that the parent had blocked would never come */
    for (size_t i = 0; i < sizeof IGNORED / sizeof *IGNORED; i++)
        ignore(IGNORED[i]);
}

void signals_release(void)
{
    sigset_t reload = only(SIGHUP);
    sigprocmask(SIG_UNBLOCK, &reload, NULL);
}
