/* jsonl_check - reads JSON Lines from standard input with jansson, strictly; prints the type of each record. Every
 * stop record must count each frame once, every score lie in [0, 1]. Ends with 1 and the line where it does not. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_int_t number(const json_t *record, const char *key)
{
    return json_integer_value(json_object_get(record, key));
}

static int are_scores(const json_t *list)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
        if (!json_is_number(item) || json_number_value(item) < 0 || json_number_value(item) > 1)
            return 0;
    return 1;
}

static int is_right(const json_t *record, const char *type)
{
    const json_t *slots = json_object_get(record, "slots"), *row;
    size_t i;

    if (number(record, "v") != 1)
        return 0;
    if (strcmp(type, "stop") == 0)
        return number(record, "captured") == number(record, "taken") + number(record, "dropped") + number(record, "waiting");
    json_array_foreach(slots, i, row)
        if (!are_scores(row))
            return 0;
    return are_scores(json_object_get(record, "scores"));
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;

    for (int n = 1; getline(&line, &room, stdin) > 0; n++) {
        json_error_t why;
        json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, &why);
        const char *type = record ? json_string_value(json_object_get(record, "type")) : NULL;

        if (!type || !is_right(record, type)) {
            fprintf(stderr, "line %d: %s: %.200s\n", n, record ? "wrong record" : why.text, line);
            return 1;
        }
        puts(type);
        json_decref(record);
    }
    free(line);
    return 0;
}
