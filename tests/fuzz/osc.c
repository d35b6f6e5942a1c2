/* libFuzzer target of the parser of OSC datagrams, which anybody may send. What it hands on has an address and arguments that end
 * within the datagram. Run by ctest -L fuzz for a minute; seeds in seeds/osc, words in osc.dict. */
#include "cli/osc_message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void take(void *room, const em_osc_message *m)
{
    size_t used = strlen(m->address);

    if (m->address[0] != '/' || m->n_args < 0 || m->n_args > EM_OSC_ARGS)
        abort();
    for (int i = 0; i < m->n_args; i++)
        used += m->args[i].is_number ? 0 : strlen(m->args[i].text);
    if (used > *(const size_t *)room)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    /* A datagram's own memory, so that a read behind it is seen. */
    unsigned char *copy = malloc(n ? n : 1);

    if (!copy)
        return 0;
    memcpy(copy, bytes, n);
    em_osc_parse(copy, n, take, &n);
    free(copy);
    return 0;
}
