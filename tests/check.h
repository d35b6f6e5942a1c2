/* check.h - cmocka, and checks whose failure names the case. Include it first in every test program. */
#ifndef EM_TESTS_CHECK_H
#define EM_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"

/* CHECK(condition, "case %d", i): the words after the condition name the case and are printed when it fails. */
#define CHECK(condition, ...)                                   \
    do {                                                        \
        if (!(condition)) {                                     \
            print_error("%s: ", #condition);                    \
            print_error("" __VA_ARGS__);                        \
            print_error("\n");                                  \
            fail();                                             \
        }                                                       \
    } while (0)

/* A call that must succeed; prints the sentence when it does not. Needs a variable `em_err err` in scope. */
#define CHECK_OK(call)                                          \
    do {                                                        \
        if ((call) != EM_OK) {                                  \
            print_error("%s: %s\n", #call, err.msg);            \
            fail();                                             \
        }                                                       \
    } while (0)

/* Ends the program as "skipped" (exit 77), saying why. For use in main before any test runs. */
#define SKIP_ALL(...)                                           \
    do {                                                        \
        printf("SKIPPED: " __VA_ARGS__);                        \
        printf("\n");                                           \
        exit(77);                                               \
    } while (0)

#endif
