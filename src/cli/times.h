/* times.h - what every measurement of --bench does with its times, and how much memory it took. */
#ifndef EM_CLI_TIMES_H
#define EM_CLI_TIMES_H

/* Shortest first: the median of n is then ms[n / 2]. */
void em_times_sort(double *ms, int n);

/* Most memory that this process ever held, MB. */
double em_most_memory_mb(void);

#endif
