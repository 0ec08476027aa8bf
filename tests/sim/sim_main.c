/* SPDX-License-Identifier: MIT
 *
 *     sim                            every story, and the first seeds
 *     sim --seeds 1-100              every story, and each seed as a server run and a peers run
 *     sim --scenario NAME            one story, or `server`, `peers` or `apart` with --seed
 *     sim --seed N [--trace]         one seed, checked after every event, with a readable trace
 *     sim --minutes M                fresh seeds for so long
 *
 * Output is TAP: one line a story and one a batch of seeds. Each batch runs in a child process, so that an assertion
 * in a core, a sanitizer's report or a run that never ends is one failed seed, named with the command that replays it;
 * the run goes on with the next. One seed is run twice and must give one hash.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/run.h"

enum {
    BATCH = 50,
    HANG_SECONDS = 60,
    FAILURES_MAX = 20,
    DEFAULT_SEEDS = 100
};

struct sim {
    const char *program;
    struct world_beacon *beacon; /* shared with the children */
    unsigned number, failed;     /* TAP lines so far */
    uint64_t from, to, one, minutes;
    bool trace, has_one, has_seeds;
    const char *scenario;
};

struct job {
    scenario *tell;
    const char *name;
    uint64_t from, to;
    bool every;
};

static void run_one(struct sim *s, const struct job *job, uint64_t seed)
{
    char replay[160];
    struct run r;
    snprintf(
        replay, sizeof replay, "%s --scenario %s --seed %llu --trace", s->program, job->name, (unsigned long long)seed);
    s->beacon->seed = seed;
    struct world_options options = {
        .seed = seed, .replay = replay, .trace = s->trace ? stdout : NULL, .beacon = s->beacon, .every = job->every};
    alarm(HANG_SECONDS);
    job->tell(&r, &options);
    s->beacon->hash = world_hash(r.w);
    run_done(&r);
}

/* Runs seeds in a child until the end or the first failure; tells which seed failed, or 0. */
static bool run_child(struct sim *s, const struct job *job, uint64_t from)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        for (uint64_t seed = from; seed <= job->to; seed++)
            run_one(s, job, seed);
        exit(0);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid < 0)
        perror("sim: fork");
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (pid > 0 && WIFSIGNALED(status))
        printf("# seed %llu, virtual time %llu ms: %s\n# replay: %s --scenario %s --seed %llu --trace\n",
            (unsigned long long)s->beacon->seed, (unsigned long long)s->beacon->now,
            WTERMSIG(status) == SIGALRM ? "does not end" : strsignal(WTERMSIG(status)), s->program, job->name,
            (unsigned long long)s->beacon->seed);
    return false;
}

static void report(struct sim *s, bool ok, const struct job *job, const char *note)
{
    s->number++;
    s->failed += !ok;
    printf("%s %u - %s%s\n", ok ? "ok" : "not ok", s->number, job->name, note);
    fflush(stdout);
}

static void run_job(struct sim *s, const struct job *job)
{
    char note[96] = "";
    unsigned failures = 0;
    s->beacon->events = 0;
    for (uint64_t from = job->from; from <= job->to && failures < FAILURES_MAX; from = s->beacon->seed + 1)
        if (run_child(s, job, from))
            break;
        else
            failures++;
    if (job->from != job->to)
        snprintf(note, sizeof note, " seeds %llu-%llu, %llu events", (unsigned long long)job->from,
            (unsigned long long)job->to, (unsigned long long)s->beacon->events);
    report(s, failures == 0, job, note);
}

static void run_twice(struct sim *s, scenario *tell, const char *name)
{
    struct job job = {tell, name, s->from, s->from, false};
    bool ok = run_child(s, &job, job.from);
    uint64_t first = s->beacon->hash;
    ok = ok && run_child(s, &job, job.from) && s->beacon->hash == first;
    report(s, ok, &job, ": one seed, one history");
}

static void run_seeds(struct sim *s, scenario *tell, const char *name)
{
    for (uint64_t from = s->from; from <= s->to; from += BATCH) {
        uint64_t to = from + BATCH - 1 < s->to ? from + BATCH - 1 : s->to;
        run_job(s, &(struct job){tell, name, from, to, false});
    }
}

static void run_minutes(struct sim *s)
{
    time_t end = time(NULL) + (time_t)(s->minutes * 60);
    for (s->to = s->from + BATCH - 1; time(NULL) < end && s->failed == 0; s->from += BATCH, s->to += BATCH) {
        run_seeds(s, seed_server, "server");
        run_seeds(s, seed_peers, "peers");
    }
}

static bool run_named(struct sim *s)
{
    uint64_t seed = s->has_one ? s->one : 1;
    bool found = false;
    scenario *tell = strcmp(s->scenario, "server") == 0  ? seed_server
                     : strcmp(s->scenario, "peers") == 0 ? seed_peers
                     : strcmp(s->scenario, "apart") == 0 ? seed_apart
                                                         : NULL;
    s->from = s->has_seeds ? s->from : seed;
    s->to = s->has_seeds ? s->to : seed;
    if (tell && s->has_seeds)
        run_seeds(s, tell, s->scenario);
    else if (tell)
        run_job(s, &(struct job){tell, s->scenario, seed, seed, true});
    for (const struct story *t = STORIES; t->name; t++)
        if (strcmp(t->name, s->scenario) == 0) {
            run_job(s, &(struct job){t->tell, t->name, s->from, s->to, true});
            found = true;
        }
    return found || tell;
}

static void run_all(struct sim *s)
{
    for (const struct story *t = STORIES; t->name; t++)
        run_job(s, &(struct job){t->tell, t->name, 1, 1, true});
    run_twice(s, seed_server, "server");
    run_twice(s, seed_peers, "peers");
    run_seeds(s, seed_server, "server");
    run_seeds(s, seed_peers, "peers");
}

static bool parse_number(const char *text, uint64_t *n)
{
    char *end;
    errno = 0;
    *n = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *n > 0 && text[0] != '-';
}

static bool parse_seeds(char *text, struct sim *s)
{
    char *dash = strchr(text, '-');
    s->has_seeds = true;
    s->from = 1;
    if (!dash)
        return parse_number(text, &s->to);
    *dash = '\0';
    return parse_number(text, &s->from) && parse_number(dash + 1, &s->to) && s->from <= s->to;
}

static int usage(void)
{
    fputs("usage: sim [--seeds FROM-TO|COUNT] [--scenario NAME] [--seed N] [--trace] [--minutes M]\n", stderr);
    return 2;
}

static bool parse_options(struct sim *s, int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"seeds", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'n'}, {"scenario", required_argument, NULL, 'c'},
        {"minutes", required_argument, NULL, 'm'}, {"trace", no_argument, NULL, 't'}, {NULL, 0, NULL, 0}};
    bool ok = true;
    for (int o; ok && (o = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;)
        switch (o) {
        case 's':
            ok = parse_seeds(optarg, s);
            break;
        case 'n':
            ok = s->has_one = parse_number(optarg, &s->one);
            break;
        case 'm':
            ok = parse_number(optarg, &s->minutes);
            break;
        case 'c':
            s->scenario = optarg;
            break;
        case 't':
            s->trace = true;
            break;
        default:
            ok = false;
        }
    return ok && optind == argc;
}

int main(int argc, char **argv)
{
    struct sim s = {.program = argv[0], .from = 1, .to = DEFAULT_SEEDS};
    if (!parse_options(&s, argc, argv))
        return usage();
    s.beacon = mmap(NULL, sizeof *s.beacon, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s.beacon == MAP_FAILED) {
        perror("sim: mmap");
        return 1;
    }
    if (s.minutes) {
        run_minutes(&s);
    } else if (s.scenario) {
        if (!run_named(&s))
            return usage();
    } else if (s.has_one) {
        run_job(&s, &(struct job){seed_server, "server", s.one, s.one, true});
        run_job(&s, &(struct job){seed_peers, "peers", s.one, s.one, true});
    } else {
        run_all(&s);
    }
    printf("1..%u\n", s.number);
    return s.failed ? 1 : 0;
}
