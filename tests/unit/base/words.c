/* Command lines in one string: what is one word and what is two, and what is none. */
#include "check.h"

#include "base/words.h"

static void words_are_cut_as_a_shell_cuts_them(void **state)
{
    static const struct { const char *text, *words[5]; } cases[] = {
        { "notify", { "notify" } },
        { "  logger\t-t  earmark \n", { "logger", "-t", "earmark" } },
        { "sh -c 'echo \"$X\" | wc; :'", { "sh", "-c", "echo \"$X\" | wc; :" } },
        { "a \"b 'c' \\\"d\\\" \\n \\\\\" e", { "a", "b 'c' \"d\" \\n \\", "e" } },
        { "a\\ b \\'c \\\\", { "a b", "'c", "\\" } },
        { "a '' \"\" b", { "a", "", "", "b" } },
        { "x'y z'\"1 2\"w", { "xy z1 2w" } },
        { "end\\", { "end\\" } },
        { "$HOME *.c `id` $(id) ;", { "$HOME", "*.c", "`id`", "$(id)", ";" } },
    };
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        char **words;
        size_t n = 0;

        CHECK_OK(em_words(&words, cases[i].text, &err));
        for (; n < 5 && cases[i].words[n]; n++)
            CHECK(words[n] && strcmp(words[n], cases[i].words[n]) == 0, "case %zu: word %zu is %s", i, n, words[n]);
        CHECK(!words[n], "case %zu: one more, %s", i, words[n]);
        free(words);
    }
}

static void no_program_and_open_quotes_are_refused(void **state)
{
    static const char *const texts[] = { "", " \t", "''", "\"\" a", "a 'b", "a \"b", "a \"b\\\"", "'" };
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(texts); i++) {
        char **words = NULL;

        CHECK(em_words(&words, texts[i], &err) == EM_EINVAL && !words, "%s", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut_as_a_shell_cuts_them),
        cmocka_unit_test(no_program_and_open_quotes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
