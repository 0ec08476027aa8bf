/* SPDX-License-Identifier: MIT
 *
 * Processor time comes from the process's own CPU clock (clock_getcpuclockid(3)): nanoseconds, all threads, ended
 * ones included. The tick counts of /proc/PID/stat would say the same a thousand times coarser.
 */
#include "bench/stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t read_clock(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

ssize_t receive_stamped(int fd, void *bytes, size_t size, uint64_t *came_at)
{
    union {
        struct cmsghdr aligned;
        char room[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec part = {bytes, size};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &m, 0);
    *came_at = 0;
    for (struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL; h; h = CMSG_NXTHDR(&m, h))
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec at;
            memcpy(&at, CMSG_DATA(h), sizeof at);
            *came_at = (uint64_t)at.tv_sec * 1000000000U + (uint64_t)at.tv_nsec;
        }
    return n;
}

uint64_t process_cpu_ns(pid_t pid)
{
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) != 0)
        return 0;
    return read_clock(clock);
}

int process_waiting(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/schedstat", (long)pid, (long)pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Its second number: proc_pid_schedstat(5) of the kernel's documentation, sched-stats.rst. */
uint64_t process_waited_ns(int waiting)
{
    char text[128];
    unsigned long long waited;
    ssize_t n = pread(waiting, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return sscanf(text, "%*u %llu", &waited) == 1 ? waited : 0;
}

bool process_memory(pid_t pid, struct memory *m)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    *m = (struct memory){0};
    char line[256];
    while (fgets(line, sizeof line, file)) {
        unsigned long long kb;
        if (sscanf(line, "Rss: %llu kB", &kb) == 1)
            m->resident = kb * 1024;
        else if (sscanf(line, "Anonymous: %llu kB", &kb) == 1)
            m->anonymous = kb * 1024;
    }
    fclose(file);
    return m->resident > 0;
}

/* Values under 32 have a bucket each; above, a bucket is the highest bit and the five bits after it. */
static unsigned bucket_of(uint64_t value)
{
    if (value < (1U << HISTOGRAM_SUB_BITS))
        return (unsigned)value;
    unsigned shift = 63U - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return ((shift + 1) << HISTOGRAM_SUB_BITS) + ((unsigned)(value >> shift) & ((1U << HISTOGRAM_SUB_BITS) - 1));
}

static uint64_t bucket_top(unsigned bucket)
{
    unsigned row = bucket >> HISTOGRAM_SUB_BITS;
    if (row == 0)
        return bucket;
    uint64_t leading = (1U << HISTOGRAM_SUB_BITS) + (bucket & ((1U << HISTOGRAM_SUB_BITS) - 1));
    return ((leading + 1) << (row - 1)) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    h->counts[bucket_of(value)]++;
    h->total++;
    if (value > h->largest)
        h->largest = value;
}

double histogram_us(const struct histogram *h, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)h->total);
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen > wanted)
            return (double)(bucket_top(i) < h->largest ? bucket_top(i) : h->largest) / 1000;
    }
    return (double)h->largest / 1000;
}
