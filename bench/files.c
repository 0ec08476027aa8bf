/* SPDX-License-Identifier: MIT
 *
 * What files cost on their disk, without a network: a file of MIB is made, offered (hashed), and received in the
 * pieces that a channel brings; then the same with a folder of SMALL files. FOLDER must be on the disk that is asked
 * about.
 *
 *     files FOLDER [MIB [SMALL]]
 *     → usher what=hash mb_per_s=1210 seconds=0.89 cpu_s=0.88 …
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "peer/io/file_hash.h"
#include "peer/io/files.h"

enum {
    PIECE = 16 * 1024,
    SOURCE = 1,
    PART = 2,
    AHEAD = 4 /* blocks that are read before one is written: what a window is on a link */
};

struct bench {
    GMainContext *context;
    struct files *f;
    const char *dir;
    char name[256];
    uint8_t *hashes, root[FILE_HASH_BYTES];
    uint64_t size;
    uint32_t blocks, asked, written;
    bool tree, done;
    double began, cpu_began;
};

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void begin(struct bench *b)
{
    b->done = false;
    b->began = now(CLOCK_MONOTONIC);
    b->cpu_began = now(CLOCK_PROCESS_CPUTIME_ID);
}

static void report(const struct bench *b, const char *what, unsigned files)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double took = now(CLOCK_MONOTONIC) - b->began;
    printf("usher what=%s mb_per_s=%.0f files_per_s=%.0f seconds=%.2f cpu_s=%.2f max_rss_mb=%.0f\n", what,
        (double)b->size / 1e6 / took, files / took, took, now(CLOCK_PROCESS_CPUTIME_ID) - b->cpu_began,
        (double)used.ru_maxrss / 1024);
}

static void on_opened(void *user, uint64_t file, const struct files_opened *o)
{
    struct bench *b = user;
    (void)file;
    size_t n = (size_t)o->blocks * FILE_HASH_BYTES;
    snprintf(b->name, sizeof b->name, "%s", o->name);
    b->hashes = realloc(b->hashes, n + 1);
    if (!b->hashes)
        abort();
    memcpy(b->hashes, o->hashes, n);
    memcpy(b->root, o->root, sizeof b->root);
    b->size = o->size;
    b->blocks = o->blocks;
    b->tree = o->tree;
    b->done = true;
}

static void ask(struct bench *b)
{
    while (b->asked < b->blocks && b->asked - b->written < AHEAD)
        files_read(b->f, SOURCE, b->asked++, 0);
    if (b->written == b->blocks)
        files_finish(b->f, PART);
}

static void on_block(void *user, uint64_t file, uint32_t block, uint64_t ticket, struct file_block *is)
{
    struct bench *b = user;
    (void)file;
    (void)ticket;
    for (uint32_t at = 0; at < is->n; at += PIECE)
        files_write(b->f, PART, block, at,
            (struct span){(const char *)is->bytes + at, is->n - at < PIECE ? is->n - at : PIECE});
}

static void on_written(void *user, uint64_t file, uint32_t block, const uint8_t hash[FILE_HASH_BYTES])
{
    struct bench *b = user;
    if (memcmp(hash, b->hashes + (size_t)block * FILE_HASH_BYTES, FILE_HASH_BYTES) != 0)
        abort();
    files_verified(b->f, file, block);
    b->written++;
    ask(b);
}

static void on_part(void *user, uint64_t file, uint32_t blocks, const uint8_t *have, const uint8_t *hashes)
{
    struct bench *b = user;
    (void)have;
    (void)hashes;
    files_hashes(b->f, file, b->hashes, blocks);
    b->asked = b->written = 0;
    ask(b);
}

static void on_done(void *user, uint64_t file, const char *path)
{
    (void)file;
    (void)path;
    ((struct bench *)user)->done = true;
}

static void on_hashing(void *user, uint64_t file, uint64_t done, uint64_t total)
{
    (void)user;
    (void)file;
    (void)done;
    (void)total;
}

static void on_notice(void *user, uint64_t file, const char *sentence)
{
    (void)user;
    (void)file;
    fprintf(stderr, "files: %s\n", sentence);
}

static void on_problem(void *user, uint64_t file, const struct files_problem *p)
{
    on_notice(user, file, p->sentence);
    exit(1);
}

static void wait_done(struct bench *b)
{
    while (!b->done)
        g_main_context_iteration(b->context, TRUE);
}

static void make_file(const char *path, size_t bytes)
{
    static char room[1 << 20];
    FILE *f = fopen(path, "wb");
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = (char)(i * 2654435761u >> 13);
    while (f && bytes > 0) {
        size_t n = bytes < sizeof room ? bytes : sizeof room;
        room[0]++;
        if (fwrite(room, 1, n, f) != n)
            break;
        bytes -= n;
    }
    if (f && fclose(f) == 0 && bytes == 0)
        return;
    perror(path);
    exit(1);
}

static void measure(struct bench *b, const char *path, const char *what[2], unsigned files)
{
    static const struct files_callbacks CALLBACKS = {
        on_opened, on_hashing, on_notice, on_block, on_part, on_written, on_done, on_problem};
    struct err err;
    b->f = files_new(b->context, &CALLBACKS, b, &err);
    if (!b->f) {
        fprintf(stderr, "files: %s\n", err.text);
        exit(1);
    }
    begin(b);
    files_open(b->f, SOURCE, path);
    wait_done(b);
    report(b, what[0], files);
    begin(b);
    files_receive(b->f, PART, b->dir, (struct span){b->name, strlen(b->name)}, b->size, b->root, b->tree);
    wait_done(b);
    report(b, what[1], files);
    files_free(b->f);
}

int main(int argc, char **argv)
{
    char path[512], name[600];
    struct bench b = {.context = g_main_context_new()};
    if (argc < 2) {
        fprintf(stderr, "usage: files FOLDER [MIB [SMALL]]\n");
        return 2;
    }
    size_t mib = argc > 2 ? strtoul(argv[2], NULL, 10) : 1024;
    unsigned small = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 10000;
    snprintf(path, sizeof path, "%.400s/received", argv[1]);
    mkdir(path, 0700);
    b.dir = strdup(path);
    snprintf(path, sizeof path, "%.400s/large", argv[1]);
    make_file(path, mib << 20);
    measure(&b, path, (const char *[]){"hash", "receive"}, 1);
    snprintf(path, sizeof path, "%.400s/small", argv[1]);
    mkdir(path, 0700);
    for (unsigned i = 0; i < small; i++) {
        snprintf(name, sizeof name, "%s/%u", path, i / 100);
        mkdir(name, 0700);
        snprintf(name, sizeof name, "%s/%u/%u", path, i / 100, i);
        make_file(name, 500 + i % 1000);
    }
    measure(&b, path, (const char *[]){"list-and-hash", "receive-folder"}, small);
    g_main_context_unref(b.context);
    free((char *)b.dir);
    free(b.hashes);
    return 0;
}
