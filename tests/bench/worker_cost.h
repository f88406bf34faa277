/* What a worker of smimed costs: CPU time and memory, from /proc. */
#ifndef TESTS_BENCH_WORKER_COST_H
#define TESTS_BENCH_WORKER_COST_H

#include <stdbool.h>

#include <sys/types.h>

/* The process that listens on the Unix socket "unix:/path". -1 when nobody does. */
pid_t worker_of(const char *socket_name);

/* User and system time of all its threads so far, in seconds. -1 when there is no such process. */
double worker_cpu_s(pid_t pid);

/* Resident memory now, and at its highest since worker_forget_peak(), in MiB. -1 when unknown. */
double worker_resident_mib(pid_t pid);
double worker_peak_mib(pid_t pid);

/* Start the peak anew at what is resident now. Returns false when the kernel does not let us; then
 * the peak is that of the whole life of the process. */
bool worker_forget_peak(pid_t pid);

#endif
