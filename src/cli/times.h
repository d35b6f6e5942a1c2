/* times.h - how much memory a measurement of --bench took. */
#ifndef EM_CLI_TIMES_H
#define EM_CLI_TIMES_H

/* Most memory that this process ever held, MB. */
double em_most_memory_mb(void);

#endif
