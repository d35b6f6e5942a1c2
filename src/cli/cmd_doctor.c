/* cmd_doctor.c - --doctor: a line a check, or with --json a record. The exit code is that of the first one that fails. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/inputs.h"
#include "cli/outputs.h"
#include "cli/report.h"
#include "cli/signals.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct printer { bool is_json, has_color; em_err *err; int code; } printer;

static void tell(em_checkup *c, em_check *check)
{
    if (check->result == EM_CHECK_FAIL && c->code == EM_EXIT_OK)
        c->code = check->code;
    c->take(c->ctx, check);
}

#define TELL(...)                                                                               \
    do {                                                                                        \
        em_check check = { .name = name, __VA_ARGS__ };                                         \
        va_list args;                                                                           \
                                                                                                \
        va_start(args, fmt);                                                                    \
        vsnprintf(check.text, sizeof check.text, fmt, args);                                    \
        va_end(args);                                                                           \
        tell(c, &check);                                                                        \
    } while (0)

void em_check_pass(em_checkup *c, const char *name, const char *fmt, ...)
{
    TELL(.result = EM_CHECK_PASS);
}

void em_check_skip(em_checkup *c, const char *name, const char *fmt, ...)
{
    TELL(.result = EM_CHECK_SKIP);
}

void em_check_fail(em_checkup *c, const char *name, int code, const char *fmt, ...)
{
    TELL(.result = EM_CHECK_FAIL, .code = code);
}

static void print_record(printer *p, const em_check *check, const char *result)
{
    em_json j = { 0 };
    int code;

    em_json_begin(&j, NULL, '{');
    em_json_int(&j, "v", 1);
    em_json_string(&j, "type", "check");
    em_json_string(&j, "name", check->name);
    em_json_string(&j, "result", result);
    em_json_string(&j, "text", check->text);
    em_json_end(&j, '}');
    em_json_newline(&j);
    if ((code = em_finish_record(&j, p->err)))
        p->code = code;
}

static void print_check(void *ctx, const em_check *check)
{
    static const char *const results[] = { [EM_CHECK_PASS] = "pass", [EM_CHECK_FAIL] = "fail", [EM_CHECK_SKIP] = "skip" };
    static const char *const colors[] = { [EM_CHECK_PASS] = "\x1b[32m", [EM_CHECK_FAIL] = "\x1b[1;31m", [EM_CHECK_SKIP] = "\x1b[2m" };
    const char *result = results[check->result];
    char clean[sizeof check->text];
    printer *p = ctx;

    if (p->is_json) {
        print_record(p, check, result);
        return;
    }
    printf("%s%s%s  %-8s  %s\n", p->has_color ? colors[check->result] : "", result, p->has_color ? "\x1b[0m" : "", check->name,
           em_text_clean(clean, sizeof clean, check->text));
    fflush(stdout);
}

int em_cmd_doctor(const em_options *o, em_err *err)
{
    printer p = { .is_json = o->json, .has_color = em_outputs_color(o, NULL), .err = err };
    em_checkup c = { .o = o, .stop = em_signals_catch(), .take = print_check, .ctx = &p };
    em_inputs inputs;
    em_status status = em_inputs_from(&inputs, o, true, err);
    int code;

    if (status) {
        em_inputs_deinit(&inputs);
        return em_exit_code(status, EM_EXIT_USAGE);
    }
    em_report_init(EM_LOG_ERROR);               /* each finding is a line of its check */
    em_doctor_model(&c);
    for (int i = 0; i < (inputs.heard ? inputs.n_heard : 1); i++) {     /* of files that follow each other the first */
        em_source_cfg source = em_inputs_source(&inputs, i);

        source.wait_start_s = 0;
        source.stop = c.stop;
        em_doctor_sound(&c, &source, inputs.n);
    }
    em_doctor_outputs(&c, inputs.n_heard);
    em_inputs_deinit(&inputs);
    if ((code = p.code) || (code = em_finish_stdout(err)))
        return code;
    err->msg[0] = '\0';
    return c.code;
}
