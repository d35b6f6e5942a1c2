/* words.c - one pass over the text, which writes the words behind the list of their pointers: see words.h. */
#include "base/words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\r\n";

/* One word from *from on; what it is without quotes goes to *to. False: a quote does not end. */
static bool take_word(const char **from, char **to)
{
    char quote = '\0';

    for (; **from && (quote || !strchr(blanks, **from)); (*from)++) {
        const char c = **from;

        if (quote ? c == quote : c == '\'' || c == '"') {
            quote = quote ? '\0' : c;
        } else if (c == '\\' && quote != '\'' && (*from)[1] && (!quote || strchr("\"\\", (*from)[1]))) {
            (*from)++;
            *(*to)++ = **from;
        } else {
            *(*to)++ = c;
        }
    }
    *(*to)++ = '\0';
    return !quote;
}

em_status em_words(char ***out, const char *text, em_err *err)
{
    const size_t n_most = strlen(text) / 2 + 2;             /* "a b c", and the NULL */
    char **words = malloc(n_most * sizeof *words + strlen(text) + 1), *to;
    size_t n = 0;

    *out = NULL;
    if (!words)
        return em_fail(err, EM_ENOMEM, "no memory for a command");
    to = (char *)(words + n_most);
    for (text += strspn(text, blanks); *text; text += strspn(text, blanks)) {
        words[n++] = to;
        if (!take_word(&text, &to)) {
            free(words);
            return em_fail(err, EM_EINVAL, "a quote does not end");
        }
    }
    words[n] = NULL;
    if (n == 0 || !*words[0]) {
        free(words);
        return em_fail(err, EM_EINVAL, "names no program");
    }
    *out = words;
    return EM_OK;
}
