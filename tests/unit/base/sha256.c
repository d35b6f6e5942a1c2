/* sha256.c - the examples of FIPS 180-4, and the same digest however the bytes are cut. */
#include "check.h"

#include "base/sha256.h"

static void the_published_digests(void **state)
{
    static const struct { const char *text; int times; const char *digest; } rows[] = {
        { "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
          1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
        { "a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        char out[EM_SHA256_CHARS];
        em_sha256 s;

        em_sha256_init(&s);
        for (int n = 0; n < rows[i].times; n++)
            em_sha256_add(&s, rows[i].text, strlen(rows[i].text));
        em_sha256_text(&s, out);
        CHECK(strcmp(out, rows[i].digest) == 0, "row %zu: %s", i, out);
    }
}

static void cutting_never_changes_the_digest(void **state)
{
    unsigned char bytes[200];
    char want[EM_SHA256_CHARS], got[EM_SHA256_CHARS];
    em_sha256 s;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(37 * i + 11);
    for (size_t n = 0; n <= sizeof bytes; n++) {        /* every padding length, at both sides of 55, 56, 63, 64 */
        em_sha256_init(&s);
        em_sha256_add(&s, bytes, n);
        em_sha256_text(&s, want);
        for (size_t cut = 0; cut <= n; cut += 7) {
            em_sha256_init(&s);
            em_sha256_add(&s, bytes, cut);
            em_sha256_add(&s, bytes + cut, 0);
            em_sha256_add(&s, bytes + cut, n - cut);
            em_sha256_text(&s, got);
            CHECK(strcmp(got, want) == 0, "%zu bytes cut at %zu", n, cut);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_digests),
        cmocka_unit_test(cutting_never_changes_the_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
