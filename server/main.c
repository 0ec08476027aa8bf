/* SPDX-License-Identifier: MIT
 *
 * The command line. A mistake on it ends with EXIT_USAGE and one line, anything else that keeps the daemon from running
 * with app_exit_code and one line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/app.h"
#include "server/io/listen_address.h"
#include "server/adapters/logger.h"
#include "server/signals.h"

enum {
    ASSIGNMENT_MAX = OPTION_TEXT_MAX + 64,
    PRINT_MAX = OPTION_COUNT * OPTION_LIST_MAX * (OPTION_TEXT_MAX + 64)
};

enum action {
    ACTION_RUN,
    ACTION_TEST,
    ACTION_PRINT,
    ACTION_HEALTH,
    ACTION_RELOAD,
    ACTION_VERSION,
    ACTION_HELP
};

static const char HELP[] =
    "usherd shows peers to their room, relays their offers, answers and candidates, and gets out of the way.\n"
    "\n"
    "    usherd [--config FILE] [--listen ADDRESS]... [--set section.key=value]...\n"
    "    usherd token --room ROOM ...    print a token; usherd token --help tells more\n"
    "\n"
    "    --config FILE             read settings from FILE\n"
    "    --listen ADDRESS          ADDR:PORT, [ADDR]:PORT or unix:PATH; may be given again (default [::]:4000);\n"
    "                              'ADDRESS proxy': a PROXY protocol header comes first\n"
    "    --set section.key=value   set any option of usherd.conf(5); lists grow with each\n"
    "    --test-config             check the settings and end\n"
    "    --print-config            print the settings in effect and end\n"
    "    --healthcheck             ask the running daemon for its health: 0 if it is well, else 1\n"
    "    --reload                  for ExecReload= of a service: have the daemon read its settings again, wait until\n"
    "                              they are in force; 1, with the reason, if they are not taken over\n"
    "    --version, --help\n"
    "\n"
    "Settings count in this order: --listen and --set, then USHERD_SECTION_KEY in the environment, then the file.\n"
    "SIGTERM sees everybody off and ends, SIGHUP reads the settings again.\n";

struct command {
    struct launch launch;
    enum action action;
    char *owned[LAUNCH_SETS_MAX]; /* what --listen became */
    size_t owned_count;
};

static bool add_set(struct command *c, const char *assignment, struct err *e)
{
    if (c->launch.count == LAUNCH_SETS_MAX)
        return err_set(e, "more than %d of --set and --listen", LAUNCH_SETS_MAX);
    c->launch.sets[c->launch.count++] = assignment;
    return true;
}

/* Each alone: a mistake of the command line is one of how the program is used. */
static bool judge_sets(const struct command *c, struct err *e)
{
    for (size_t i = 0; i < c->launch.count; i++) {
        struct config *trial = c->action == ACTION_HEALTH ? config_new_to_ask() : config_new();
        bool ok = trial ? config_set(trial, c->launch.sets[i], e) && config_check(trial, e) : err_memory(e);
        config_free(trial);
        if (!ok)
            return false;
    }
    return true;
}

static bool add_listen(struct command *c, const char *address, struct err *e)
{
    static const char NAME[] = "server.listen=";
    size_t n = sizeof NAME + strlen(address);
    struct listen_address parsed;
    struct err problem;
    if (!listen_address_parse(address, &parsed, &problem) || !listen_address_check(&parsed, &problem))
        return err_set(e, "--listen \"%.80s\": %s", address, problem.text);
    char *assignment = malloc(n);
    if (!assignment || c->owned_count == LAUNCH_SETS_MAX) {
        free(assignment);
        return err_set(e, "too many --listen");
    }
    snprintf(assignment, n, "%s%s", NAME, address);
    c->owned[c->owned_count++] = assignment;
    return add_set(c, assignment, e);
}

static bool set_file(struct command *c, const char *path, struct err *e)
{
    if (c->launch.file)
        return err_set(e, "--config was given twice: expected one file");
    c->launch.file = path;
    return true;
}

struct flag {
    const char *name;
    bool (*take)(struct command *c, const char *value, struct err *e); /* NULL: an action without a value */
    enum action action;
};

static const struct flag FLAGS[] = {
    {"--config", set_file, ACTION_RUN},
    {"--listen", add_listen, ACTION_RUN},
    {"--set", add_set, ACTION_RUN},
    {"--test-config", NULL, ACTION_TEST},
    {"--print-config", NULL, ACTION_PRINT},
    {"--healthcheck", NULL, ACTION_HEALTH},
    {"--reload", NULL, ACTION_RELOAD},
    {"--version", NULL, ACTION_VERSION},
    {"--help", NULL, ACTION_HELP},
    {"-h", NULL, ACTION_HELP},
};

static const struct flag *find_flag(const char *argument, size_t n)
{
    for (size_t i = 0; i < sizeof FLAGS / sizeof *FLAGS; i++)
        if (strlen(FLAGS[i].name) == n && memcmp(FLAGS[i].name, argument, n) == 0)
            return &FLAGS[i];
    return NULL;
}

/* Both `--flag value` and `--flag=value`. */
static bool parse(struct command *c, int argc, char **argv, struct err *e)
{
    for (int i = 1; i < argc; i++) {
        size_t n = strcspn(argv[i], "=");
        const struct flag *f = find_flag(argv[i], n);
        const char *value = argv[i][n] ? argv[i] + n + 1 : NULL;
        if (!f)
            return err_set(e, "\"%.60s\" is not known: see usherd --help", argv[i]);
        if (!f->take) {
            if (value)
                return err_set(e, "%s takes no value", f->name);
            c->action = f->action;
            continue;
        }
        if (!value && ++i < argc)
            value = argv[i];
        if (!value)
            return err_set(e, "%s expects a value: see usherd --help", f->name);
        if (!f->take(c, value, e))
            return false;
    }
    return judge_sets(c, e);
}

static int print_config(const struct config *config)
{
    struct buf text;
    buf_init(&text, PRINT_MAX);
    config_print(config, &text);
    fputs(text.p ? text.p : "", stdout);
    buf_done(&text);
    return EXIT_SUCCESS;
}

static int act(const struct command *c)
{
    if (c->action == ACTION_RUN)
        signals_prepare(); /* a reload that comes while the settings are read is done when there is one who can */
    else
        signals_release();
    if (c->action == ACTION_VERSION)
        return puts("usherd " USHER_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    if (c->action == ACTION_HELP)
        return fputs(HELP, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    if (c->action == ACTION_RELOAD)
        return reload_command();
    if (c->action == ACTION_HEALTH)
        return healthcheck(&c->launch);
    struct err e;
    struct config *config = app_load(&c->launch, &e);
    if (!config || (c->action != ACTION_PRINT && !config_acts(config, &e)) ||
        (c->action == ACTION_TEST && !app_test(config, &e))) {
        logger_complain(e.text);
        config_free(config);
        return app_exit_code(&e);
    }
    if (c->action == ACTION_RUN)
        return app_run(&c->launch, config);
    int code = c->action == ACTION_TEST ? test_command(config) : print_config(config);
    config_free(config);
    return code;
}

/* Who is started without standard input, output or error gets /dev/null for it: what is opened next would take the
 * number, and be written to as if it were the log. */
static bool open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return false;
    return true;
}

/* What was printed may still wait for the end of the process, where nobody would hear that a disk is full. */
static int end(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    struct err e;
    err_set_errno(&e, errno, "cannot write to standard output: %s", strerror(errno));
    logger_complain(e.text);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct command c = {.action = ACTION_RUN};
    struct err e;
    int code = EXIT_USAGE;
    signals_hold(); /* whether there is a daemon to come is not known yet */
    if (!open_standard()) {
        logger_complain("standard input, output or error is closed, and /dev/null cannot be opened in its place");
        return EXIT_FAILURE;
    }
    if (argc > 1 && strcmp(argv[1], "token") == 0) {
        signals_release();
        return end(token_command(argc - 1, argv + 1));
    }
    if (parse(&c, argc, argv, &e))
        code = act(&c);
    else
        logger_complain(e.text);
    for (size_t i = 0; i < c.owned_count; i++)
        free(c.owned[i]);
    return end(code);
}
