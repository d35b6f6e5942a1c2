#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

em_status em_fail(em_err *err, em_status code, const char *fmt, ...)
{
    if (err) {
        va_list args;

        va_start(args, fmt);
        vsnprintf(err->msg, sizeof err->msg, fmt, args);
        va_end(args);
        err->code = code;
    }
    return code;
}
