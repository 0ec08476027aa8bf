/* SPDX-License-Identifier: MIT
 *
 * What a run measures: time, the processor time and memory of the server's process, and latencies.
 */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Nanoseconds on the monotonic clock. */
uint64_t now_ns(void);
/* Nanoseconds on the wall clock, which the kernel stamps what it receives with. */
uint64_t wall_ns(void);
/* recv(2) on a socket with SO_TIMESTAMPNS, and the time at which the kernel had the last of what is read: whoever reads may
 * have had to wait for the processor. On the wall clock, ns; 0: unknown. */
ssize_t receive_stamped(int fd, void *bytes, size_t size, uint64_t *came_at);
/* Nanoseconds of processor time that all threads of the process used, user and system; 0 if there is no such process.
 * pid 0 is this process. */
uint64_t process_cpu_ns(pid_t pid);
/* For process_waited_ns: the first thread of the process, which is the daemon's loop. -1 if there is no such process, or the
 * kernel keeps no such figures (CONFIG_SCHED_INFO). To be closed. */
int process_waiting(pid_t pid);
/* Nanoseconds for which the thread could have run and others had its processor; 0 if that is not known. */
uint64_t process_waited_ns(int waiting);

struct memory {
    uint64_t resident;  /* bytes of RSS: with the pages of the program file and its libraries */
    uint64_t anonymous; /* bytes of it that belong to no file: heap, stacks */
};
/* From smaps_rollup, which counts pages exactly; status and statm lag behind by a batch for each processor. */
bool process_memory(pid_t pid, struct memory *m);

/* Latencies in buckets that are 1/32 of their value wide, so a percentile is at most 3 % off. */
enum {
    HISTOGRAM_SUB_BITS = 5,
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS
};
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t largest;
};
void histogram_add(struct histogram *h, uint64_t value);
/* Microseconds that `share` (0 to 1) of the values, taken as nanoseconds, do not pass; 0 when empty. */
double histogram_us(const struct histogram *h, double share);

#endif
