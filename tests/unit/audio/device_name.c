/* Which device a person means, and what is said when it is none or several. */
#include "check.h"

#include "audio/device_name.h"

static const em_device_name list[] = {
    { 0, "HDA Intel PCH: ALC257 Analog" }, { 2, "USB Audio: Blue Yeti" }, { 3, "USB Audio: C920" },
    { 5, "pulse" }, { 6, "default" }, { 7, "sysdefault" }, { 9, "USB Audio: C920" },
};
enum { N = (int)EM_COUNT(list), NONE = -1 };

static void names_lose_what_changes_with_the_port(void **state)
{
    static const struct { const char *raw, *clean; } cases[] = {
        { "USB Audio: - (hw:1,0)", "USB Audio" },
        { "HDA Intel PCH: ALC257 Analog (hw:0,0)", "HDA Intel PCH: ALC257 Analog" },
        { "pulse", "pulse" },
        { "broken (hw:1", "broken (hw:1" },
        { "a (hw:10,3) b", "a  b" },
        { "bad\x1b[2Jname", "bad?[2Jname" },
        { "", "" },
        { "(hw:0,0)", "" },
    };
    char out[EM_DEVICE_NAME_CHARS], big[4096];

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_device_clean(out, cases[i].raw);
        CHECK(strcmp(out, cases[i].clean) == 0, "\"%s\" became \"%s\"", cases[i].raw, out);
    }
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\0';
    em_device_clean(out, big);
    CHECK(strlen(out) == EM_DEVICE_NAME_CHARS - 1, "%zu", strlen(out));
}

static void one_device_is_meant(void **state)
{
    static const struct { const char *want; int i_default, index; const char *why; } cases[] = {
        { NULL, 6, 6, "the default" },
        { "", 6, 6, "an empty name is the default" },
        { "yeti", NONE, 2, "part of a name, letters without case" },
        { "default", NONE, 6, "a whole name before a part of another" },
        { "DEFAULT", NONE, 6, "also in capitals" },
        { "sysd", NONE, 7, "" },
        { "5", NONE, 5, "digits are an index" },
        { "0", NONE, 0, "" },
        { "alc257 analog", NONE, 0, "digits within a name are no index" },
    };
    em_err err;
    int i;

    (void)state;
    for (size_t c = 0; c < EM_COUNT(cases); c++) {
        CHECK(em_device_pick(&i, list, N, cases[c].want, cases[c].i_default, &err) == EM_OK, "case %zu: %s", c, err.msg);
        CHECK(list[i].index == cases[c].index, "case %zu (%s): %d", c, cases[c].why, list[i].index);
    }
}

static void none_or_several_is_a_sentence(void **state)
{
    static const struct { const char *want; int i_default, n; em_status code; const char *says; } cases[] = {
        { "usb", NONE, N, EM_EINVAL, "fits 3 capture devices, give an index: 2 \"USB Audio: Blue Yeti\", 3" },
        { "USB Audio: C920", NONE, N, EM_EINVAL, "fits 2" },
        { "zoom", NONE, N, EM_EDEVICE, "no capture device is called \"zoom\"; there are 0 \"HDA" },
        { "1", NONE, N, EM_EDEVICE, "no capture device 1; there are 0 " },
        { "99999999999999999999", NONE, N, EM_EDEVICE, "there are" },
        { "4294967301", NONE, N, EM_EDEVICE, "there are" },
        { NULL, NONE, N, EM_EDEVICE, "no default capture device; there are" },
        { NULL, 1, N, EM_EDEVICE, "no default" },
        { NULL, NONE, 0, EM_EDEVICE, "there is no capture device" },
        { "yeti", NONE, 0, EM_EDEVICE, "\"yeti\"" },
        { "a\x1b[31mb", NONE, N, EM_EDEVICE, "a?[31mb" },
    };
    em_err err;
    int i;

    (void)state;
    for (size_t c = 0; c < EM_COUNT(cases); c++) {
        CHECK(em_device_pick(&i, list, cases[c].n, cases[c].want, cases[c].i_default, &err) == cases[c].code, "case %zu", c);
        CHECK(strstr(err.msg, cases[c].says) != NULL, "case %zu: %s", c, err.msg);
    }
}

static void a_lost_one_is_found_by_its_whole_name_only(void **state)
{
    em_err err;
    int i = -1;

    (void)state;
    CHECK_OK(em_device_again(&i, list, N, "USB Audio: C920", &err));
    CHECK(list[i].index == 3, "the first of two");
    CHECK(em_device_again(&i, list, N, "USB Audio", &err) == EM_EDEVICE, "another one with a longer name is not it");
    CHECK(em_device_again(&i, list, 0, "pulse", &err) == EM_EDEVICE, "%s", err.msg);
}

static void long_lists_are_cut_off(void **state)
{
    em_device_name many[200];
    em_err err;
    int i;

    (void)state;
    for (int d = 0; d < 200; d++) {
        many[d].index = d;
        memset(many[d].name, 'n', sizeof many[d].name);
        many[d].name[sizeof many[d].name - 1] = '\0';
    }
    CHECK(em_device_pick(&i, many, 200, "nn", NONE, &err) == EM_EINVAL, "200");
    CHECK(strstr(err.msg, "fits 200") && strstr(err.msg, "..."), "%s", err.msg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lose_what_changes_with_the_port),
        cmocka_unit_test(one_device_is_meant),
        cmocka_unit_test(none_or_several_is_a_sentence),
        cmocka_unit_test(a_lost_one_is_found_by_its_whole_name_only),
        cmocka_unit_test(long_lists_are_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
