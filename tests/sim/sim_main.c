/* SPDX-License-Identifier: MIT
 *
 *     sim                            every story, and the first seeds
 *     sim --seeds 1-100              every story, and each seed as a server run and a peers run
 *     sim --scenario NAME            one story, or `server`, `peers`, `apart`, `losses`, `storms`, `files`, `cluster` or `short-memory`
 *                                    with --seed
 *     sim --seed N [--trace]         one seed, checked after every event, with a readable trace
 *     sim --minutes M                fresh seeds for so long
 *     sim --jobs J                   so many processes at a time; as many as there are processors
 *
 * Output is TAP: one line a story and one a batch of seeds; then, as a comment, how many of the peers' seeds met what.
 * Each batch runs in a child process, so that an assertion in a core, a sanitizer's report or a run that never ends is
 * one failed seed, named with the command that replays it; the run goes on with the next. What a child says is shown
 * when it has ended. One seed is run twice and must give one hash.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/run.h"

enum {
    BATCH = 50,
    HANG_SECONDS = 120, /* of processor time, for one seed */
    FAILURES_MAX = 20,
    DEFAULT_SEEDS = 100,
    JOBS_MAX = 64
};

struct job {
    scenario *tell;
    const char *name;
    uint64_t from, to;
    bool every;
    bool twice; /* the seed must give one hash */
};

/* One child at a time. */
struct slot {
    struct job job;
    pid_t pid; /* 0: free */
    unsigned failures;
    FILE *said;
    struct world_beacon *beacon; /* shared with the child */
};

struct sim {
    const char *program;
    struct slot slots[JOBS_MAX];
    uint64_t jobs;           /* slots in use */
    unsigned number, failed; /* TAP lines so far */
    uint64_t from, to, one, minutes;
    uint64_t seeds, noted[WORLD_NOTES]; /* of the peers' */
    bool trace, has_one, has_seeds;
    const char *scenario;
};

/* ---- in the child ---- */

static uint64_t run_one(const struct sim *s, const struct slot *slot, uint64_t seed)
{
    char replay[160];
    struct run r;
    const struct job *job = &slot->job;
    const struct itimerval hang = {.it_value = {.tv_sec = HANG_SECONDS}};
    snprintf(
        replay, sizeof replay, "%s --scenario %s --seed %llu --trace", s->program, job->name, (unsigned long long)seed);
    slot->beacon->seed = seed;
    struct world_options options = {
        .seed = seed, .replay = replay, .trace = s->trace ? stdout : NULL, .beacon = slot->beacon, .every = job->every};
    setitimer(ITIMER_PROF, &hang, NULL);
    job->tell(&r, &options);
    uint64_t hash = world_hash(r.w);
    run_done(&r);
    return hash;
}

static _Noreturn void run_seeds(const struct sim *s, const struct slot *slot, uint64_t from)
{
    if (slot->said)
        dup2(fileno(slot->said), STDOUT_FILENO);
    for (uint64_t seed = from; seed <= slot->job.to; seed++) {
        uint64_t hash = run_one(s, slot, seed);
        if (slot->job.twice && run_one(s, slot, seed) != hash) {
            printf("# seed %llu has two histories\n", (unsigned long long)seed);
            exit(1);
        }
    }
    exit(0);
}

/* ---- over the children ---- */

static void launch(const struct sim *s, struct slot *slot, uint64_t from)
{
    fflush(stdout);
    /* Alone it may say what it does while it does it. */
    slot->said = s->jobs > 1 ? tmpfile() : NULL;
    slot->pid = fork();
    if (slot->pid == 0)
        run_seeds(s, slot, from);
    if (slot->pid < 0) {
        perror("sim: fork");
        exit(1);
    }
}

static void show_said(struct slot *slot)
{
    char text[4096];
    if (!slot->said)
        return;
    rewind(slot->said);
    for (size_t n; (n = fread(text, 1, sizeof text, slot->said)) > 0;)
        fwrite(text, 1, n, stdout);
    fclose(slot->said);
    slot->said = NULL;
}

static void report(struct sim *s, struct slot *slot)
{
    const struct job *job = &slot->job;
    s->number++;
    s->failed += slot->failures > 0;
    printf("%s %u - %s", slot->failures ? "not ok" : "ok", s->number, job->name);
    if (job->from != job->to)
        printf(" seeds %llu-%llu, %llu events", (unsigned long long)job->from, (unsigned long long)job->to,
            (unsigned long long)slot->beacon->events);
    printf("%s\n", job->twice ? ": one seed, one history" : "");
    fflush(stdout);
    s->seeds += job->twice ? 0 : slot->beacon->seeds;
    for (int i = 0; i < WORLD_NOTES && !job->twice; i++)
        s->noted[i] += slot->beacon->noted[i];
}

/* A child has ended: the batch goes on behind the seed that failed. */
static void ended(struct sim *s, struct slot *slot, int status)
{
    const struct world_beacon *b = slot->beacon;
    bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    slot->pid = 0;
    show_said(slot);
    if (WIFSIGNALED(status))
        printf("# seed %llu, virtual time %llu ms: %s\n# replay: %s --scenario %s --seed %llu --trace\n",
            (unsigned long long)b->seed, (unsigned long long)b->now,
            WTERMSIG(status) == SIGPROF ? "does not end" : strsignal(WTERMSIG(status)), s->program, slot->job.name,
            (unsigned long long)b->seed);
    slot->failures += !ok;
    if (!ok && b->seed < slot->job.to && slot->failures < FAILURES_MAX)
        launch(s, slot, b->seed + 1);
    else
        report(s, slot);
}

static void await_one(struct sim *s)
{
    int status;
    pid_t pid = wait(&status);
    for (uint64_t i = 0; pid > 0 && i < s->jobs; i++)
        if (s->slots[i].pid == pid) {
            ended(s, &s->slots[i], status);
            return;
        }
    if (pid < 0 && errno != EINTR) {
        perror("sim: wait");
        exit(1);
    }
}

static struct slot *free_slot(struct sim *s)
{
    for (;;) {
        for (uint64_t i = 0; i < s->jobs; i++)
            if (s->slots[i].pid == 0)
                return &s->slots[i];
        await_one(s);
    }
}

static void run_job(struct sim *s, const struct job *job)
{
    struct slot *slot = free_slot(s);
    slot->job = *job;
    slot->failures = 0;
    *slot->beacon = (struct world_beacon){0};
    launch(s, slot, job->from);
}

static void await_all(struct sim *s)
{
    for (uint64_t i = 0; i < s->jobs; i++)
        while (s->slots[i].pid != 0)
            await_one(s);
}

static void run_batches(struct sim *s, scenario *tell, const char *name)
{
    for (uint64_t from = s->from; from <= s->to; from += BATCH) {
        uint64_t to = from + BATCH - 1 < s->to ? from + BATCH - 1 : s->to;
        run_job(s, &(struct job){tell, name, from, to, false, false});
    }
}

static void show_coverage(const struct sim *s)
{
    static const char *const NAMES[WORLD_NOTES] = {
#define X(name, text) text,
        WORLD_NOTES_LIST(X)
#undef X
    };
    if (s->seeds == 0)
        return;
    printf("# of %llu peers' seeds:", (unsigned long long)s->seeds);
    for (int i = 0; i < WORLD_NOTES; i++)
        printf("%s %llu %s", i ? "," : "", (unsigned long long)s->noted[i], NAMES[i]);
    printf("\n");
}

/* ---- what is run ---- */

static void run_minutes(struct sim *s)
{
    time_t end = time(NULL) + (time_t)(s->minutes * 60);
    for (s->to = s->from + BATCH - 1; time(NULL) < end && s->failed == 0; s->from += BATCH, s->to += BATCH) {
        run_batches(s, seed_server, "server");
        run_batches(s, seed_peers, "peers");
    }
}

static bool run_named(struct sim *s)
{
    uint64_t seed = s->has_one ? s->one : 1;
    const struct story *seeded = story_find(SEEDED, s->scenario), *story = story_find(STORIES, s->scenario);
    s->from = s->has_seeds ? s->from : seed;
    s->to = s->has_seeds ? s->to : seed;
    if (seeded && s->has_seeds)
        run_batches(s, seeded->tell, seeded->name);
    else if (seeded)
        run_job(s, &(struct job){seeded->tell, seeded->name, seed, seed, true, false});
    else if (story)
        run_job(s, &(struct job){story->tell, story->name, s->from, s->to, !story->long_one, false});
    return seeded || story;
}

static void run_all(struct sim *s)
{
    for (const struct story *t = STORIES; t->name; t++)
        if (!t->long_one)
            run_job(s, &(struct job){t->tell, t->name, 1, 1, true, false});
    run_job(s, &(struct job){seed_server, "server", s->from, s->from, false, true});
    run_job(s, &(struct job){seed_peers, "peers", s->from, s->from, false, true});
    run_batches(s, seed_peers, "peers");
    run_batches(s, seed_server, "server");
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
    fputs("usage: sim [--seeds FROM-TO|COUNT] [--scenario NAME] [--seed N] [--trace] [--minutes M]\n           [--jobs "
          "N]\n",
        stderr);
    return 2;
}

static bool parse_options(struct sim *s, int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"seeds", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'n'}, {"scenario", required_argument, NULL, 'c'},
        {"minutes", required_argument, NULL, 'm'}, {"jobs", required_argument, NULL, 'j'},
        {"trace", no_argument, NULL, 't'}, {NULL, 0, NULL, 0}};
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
        case 'j':
            ok = parse_number(optarg, &s->jobs) && s->jobs <= JOBS_MAX;
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

static bool run(struct sim *s)
{
    bool ok = true;
    if (s->minutes) {
        run_minutes(s);
    } else if (s->scenario) {
        ok = run_named(s);
    } else if (s->has_one) {
        run_job(s, &(struct job){seed_server, "server", s->one, s->one, true, false});
        run_job(s, &(struct job){seed_peers, "peers", s->one, s->one, true, false});
    } else {
        run_all(s);
    }
    await_all(s);
    return ok;
}

int main(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct sim s = {.program = argv[0], .from = 1, .to = DEFAULT_SEEDS};
    s.jobs = processors < 1 ? 1 : processors < JOBS_MAX ? (uint64_t)processors : JOBS_MAX;
    if (!parse_options(&s, argc, argv))
        return usage();
    if (s.trace)
        s.jobs = 1;
    struct world_beacon *beacons =
        mmap(NULL, JOBS_MAX * sizeof *beacons, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (beacons == MAP_FAILED) {
        perror("sim: mmap");
        return 1;
    }
    for (int i = 0; i < JOBS_MAX; i++)
        s.slots[i].beacon = &beacons[i];
    if (!run(&s))
        return usage();
    show_coverage(&s);
    printf("1..%u\n", s.number);
    return s.failed ? 1 : 0;
}
