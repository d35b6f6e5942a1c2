/* log.c - the one handler, and the level below which nothing is even formatted. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static em_log_handler *log_handler;
static void           *log_ctx;
static em_log_level    log_most;

void em_log_set(em_log_handler *handler, void *ctx, em_log_level most)
{
    log_handler = handler;
    log_ctx = ctx;
    log_most = most;
}

void em_log(em_log_level level, const char *fmt, ...)
{
    char line[512];
    va_list args;

    if (!log_handler || level > log_most)
        return;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    log_handler(log_ctx, level, line);
}
