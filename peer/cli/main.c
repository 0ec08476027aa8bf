/* SPDX-License-Identifier: MIT
 *
 * The `usher` command. It can do what any program can with usher.h, and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <jansson.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer/cli/commands.h"

static int print_id(const struct options *o)
{
    char id[27], err[256];
    if (!usher_identity(o->usher.state_dir, id, err, sizeof err)) {
        fprintf(stderr, "usher: %s\n", err);
        return EXIT_FAILED;
    }
    puts(id);
    return EXIT_DONE;
}

static int run(const struct options *o)
{
    switch (o->command) {
    case COMMAND_CHAT:
        return chat_run(o);
    case COMMAND_PIPE:
        return pipe_run(o);
    case COMMAND_SEND:
        return send_run(o);
    case COMMAND_RECEIVE:
        return receive_run(o);
    case COMMAND_EXERCISE:
        return exercise_run(o);
    case COMMAND_ROOMS:
        return rooms_run(o);
    case COMMAND_ID:
        return print_id(o);
    case COMMAND_HELP:
        options_help();
        return EXIT_DONE;
    case COMMAND_VERSION:
        puts("usher " USHER_VERSION);
        return EXIT_DONE;
    }
    return EXIT_USAGE;
}

/* Messages are UTF-8, and so is what today's terminals take and give, whatever the locale says: LC_ALL=C, one that is not
 * installed, or none at all, as in a container. */
static void choose_locale(void)
{
    setlocale(LC_ALL, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

/* Who is started without standard input, output or error gets /dev/null for it: what is opened next would take the
 * number, and be read as commands or written to as events. */
static bool open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return false;
    return true;
}

/* A SIGTERM that the parent had blocked would never come. */
static void unblock_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What was printed may still wait for the end of the process, where nobody would hear that a disk is full. */
static int end(int status)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || status != EXIT_DONE)
        return status;
    fprintf(stderr, "usher: cannot write to standard output: %s\n", strerror(errno));
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!open_standard())
        return EXIT_FAILED;
    choose_locale();
    unblock_signals();
    json_set_alloc_funcs(g_malloc, g_free); /* jansson's lexer would go on without memory, over its buffer's end */
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a full disk: an error that is told, not an end */
    int status = options_parse(&options, argc, argv) ? run(&options) : EXIT_USAGE;
    status = end(status);
    options_done(&options);
    return status;
}
