/* reading.c - see reading.h. */
#include "reading.h"

#include "check.h"

#include <unistd.h>

static char folder[] = "/tmp/em_options_XXXXXX";

int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    setenv("XDG_CONFIG_HOME", folder, 1);
    return 0;
}

int remove_folder(void **state)
{
    char command[256];
    (void)state;

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

const char *write_file(const char *name, const char *text)
{
    static char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

em_status read_args(em_options *o, em_err *err, const char *const *args)
{
    char *argv[24] = { (char *)(uintptr_t)"earmark" };
    int argc = 1;

    *err = (em_err){ 0 };
    while (*args)
        argv[argc++] = (char *)(uintptr_t)*args++;
    return em_options_read(o, argc, argv, err);
}

char *printed(const em_options *o)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);

    assert_non_null(f);
    em_options_print_config(o, f);
    fclose(f);
    return text;
}
