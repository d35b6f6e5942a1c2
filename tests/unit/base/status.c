/* status.c - the sentence of a failure arrives whole, or cut at a character. */
#include "check.h"

#include "base/text.h"

static void the_code_comes_back_and_the_sentence_is_kept(void **state)
{
    em_err err = { 0 };

    (void)state;
    CHECK(em_fail(&err, EM_EFORMAT, "%s: %d bits", "a.wav", 24) == EM_EFORMAT, " ");
    CHECK(err.code == EM_EFORMAT, " ");
    assert_string_equal(err.msg, "a.wav: 24 bits");
    CHECK(em_fail(NULL, EM_EIO, "nobody %s", "listens") == EM_EIO, "err NULL");
}

static void a_long_sentence_is_cut_at_a_character(void **state)
{
    char name[400];
    em_err err;

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(name, 'x', shift);
        for (size_t i = shift; i + 3 < sizeof name; i += 3)
            memcpy(name + i, "\xe2\x82\xac", 4);
        em_fail(&err, EM_EIO, "%s", name);
        CHECK(strlen(err.msg) < sizeof err.msg && strlen(err.msg) >= sizeof err.msg - 4, "shift %zu", shift);
        CHECK(em_utf8_valid(err.msg, strlen(err.msg)), "shift %zu", shift);
    }
}

static void broken_bytes_inside_are_not_hidden_by_the_cut(void **state)
{
    em_err err;

    (void)state;
    em_fail(&err, EM_EIO, "a\xe2\x82");
    assert_string_equal(err.msg, "a\xe2\x82");
}

static void a_sentence_may_be_made_from_the_one_before(void **state)
{
    em_err err;

    (void)state;
    em_fail(&err, EM_EFORMAT, "offset 12 is odd");
    em_fail(&err, err.code, "model.safetensors: %s", err.msg);
    assert_string_equal(err.msg, "model.safetensors: offset 12 is odd");
    CHECK(err.code == EM_EFORMAT, " ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_code_comes_back_and_the_sentence_is_kept),
        cmocka_unit_test(a_long_sentence_is_cut_at_a_character),
        cmocka_unit_test(broken_bytes_inside_are_not_hidden_by_the_cut),
        cmocka_unit_test(a_sentence_may_be_made_from_the_one_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
