/* pickle.c - the opcodes, one row each, and the loop that runs them. See pickle.h. */
#include "model/pickle_machine.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { TUPLE1 = 0x85, NEWTRUE = 0x88 };

struct em_pickle_opcode {
    unsigned char  code;
    unsigned char  width;           /* bytes of the number behind it, little-endian, which run gets        */
    em_pickle_kind kind;            /* of what it makes or fills, where run asks                           */
    const char    *name;
    em_status    (*run)(em_pickle_machine *m, uint64_t number);     /* NULL: torch.save has no use for it  */
};

/* n bytes behind the opcode's number. */
static em_status take(em_pickle_machine *m, const unsigned char **bytes, uint64_t n)
{
    *bytes = m->bytes + m->at;
    if (n > m->n - m->at)
        return em_pickle_fail(m, "the pickle ends %llu bytes too early", (unsigned long long)(n - (m->n - m->at)));
    m->at += (size_t)n;
    return EM_OK;
}

static em_status run_proto(em_pickle_machine *m, uint64_t version)
{
    if (version < 2 || version > 5)
        return em_pickle_fail(m, "protocol %d is not one of 2 to 5", (int)version);
    return EM_OK;
}

static em_status run_frame(em_pickle_machine *m, uint64_t n)
{
    if (n > m->n - m->at)
        return em_pickle_fail(m, "a frame of %llu bytes does not fit into the pickle", (unsigned long long)n);
    return EM_OK;
}

static em_status run_stop(em_pickle_machine *m, uint64_t unused)
{
    (void)unused;
    if (m->n_stack != 1 || m->n_marks)
        return em_pickle_fail(m, "the pickle stops with %u values on its stack, not one", m->n_stack);
    if (m->at != m->n)
        return em_pickle_fail(m, "%zu bytes follow the end of the pickle", m->n - m->at);
    m->out->root = m->stack[0];
    m->is_done = true;
    return EM_OK;
}

static em_status run_mark(em_pickle_machine *m, uint64_t unused)
{
    (void)unused;
    if (m->n_marks == EM_PICKLE_MAX_MARKS)
        return em_pickle_fail(m, "values are nested more than %d deep", EM_PICKLE_MAX_MARKS);
    m->marks[m->n_marks++] = m->n_stack;
    return EM_OK;
}

static em_status run_pop(em_pickle_machine *m, uint64_t unused)
{
    uint32_t value;

    (void)unused;
    return em_pickle_pop(m, &value);
}

static em_status run_pop_mark(em_pickle_machine *m, uint64_t unused)
{
    uint32_t first, n;
    em_status status = em_pickle_pop_mark(m, &first, &n);

    (void)unused;
    if (status == EM_OK)
        m->n_stack = first;
    return status;
}

/* None, or an empty tuple, list or dict. */
static em_status run_new(em_pickle_machine *m, uint64_t unused)
{
    (void)unused;
    return em_pickle_push_new(m, (em_pickle_value){ .kind = m->op->kind });
}

static em_status run_bool(em_pickle_machine *m, uint64_t unused)
{
    (void)unused;
    return em_pickle_push_new(m, (em_pickle_value){ .kind = EM_PICKLE_BOOL, .as.whole = m->op->code == NEWTRUE });
}

static em_status run_unsigned(em_pickle_machine *m, uint64_t number)
{
    return em_pickle_push_new(m, (em_pickle_value){ .kind = EM_PICKLE_INT, .as.whole = (int64_t)number });
}

static em_status run_signed(em_pickle_machine *m, uint64_t number)
{
    return em_pickle_push_new(m, (em_pickle_value){ .kind = EM_PICKLE_INT, .as.whole = (int32_t)(uint32_t)number });
}

/* n bytes, little-endian two's complement. No number that matters here needs more than eight. */
static em_status run_long(em_pickle_machine *m, uint64_t n)
{
    const unsigned char *bytes;
    uint64_t x = 0;
    em_status status;

    if (n > sizeof x)
        return em_pickle_fail(m, "a whole number of %llu bytes is too large (8 at most)", (unsigned long long)n);
    status = take(m, &bytes, n);
    if (status != EM_OK)
        return status;
    for (uint64_t i = 0; i < n; i++)
        x |= (uint64_t)bytes[i] << 8 * i;
    if (n > 0 && n < sizeof x && (bytes[n - 1] & 0x80))
        x |= UINT64_MAX << 8 * n;                       /* the sign goes on to the left */
    return run_unsigned(m, x);
}

/* The one big-endian number. */
static em_status run_float(em_pickle_machine *m, uint64_t number)
{
    em_pickle_value value = { .kind = EM_PICKLE_FLOAT };
    uint64_t bits = __builtin_bswap64(number);

    memcpy(&value.as.real, &bits, sizeof bits);
    return em_pickle_push_new(m, value);
}

/* A string, or bytes. */
static em_status run_text(em_pickle_machine *m, uint64_t n)
{
    const unsigned char *bytes;
    em_status status = take(m, &bytes, n);

    if (status != EM_OK)
        return status;
    if (m->op->kind == EM_PICKLE_STRING && !em_utf8_valid((const char *)bytes, (size_t)n))
        return em_pickle_fail(m, "a string is not UTF-8, or holds a NUL");
    return em_pickle_push_new(m, (em_pickle_value){ .kind = m->op->kind, .n = (uint32_t)n, .as.text = (const char *)bytes });
}

static em_status run_tuple(em_pickle_machine *m, uint64_t unused)
{
    uint32_t first, n;
    em_status status = em_pickle_pop_mark(m, &first, &n);

    (void)unused;
    return status == EM_OK ? em_pickle_tuple(m, first, n) : status;
}

/* Takes back the last n values, which stay where they are: from *first on. */
static em_status take_last(em_pickle_machine *m, uint32_t *first, uint32_t n)
{
    uint32_t value;
    em_status status = EM_OK;

    for (uint32_t i = 0; status == EM_OK && i < n; i++)
        status = em_pickle_pop(m, &value);
    *first = m->n_stack;
    return status;
}

static em_status run_short_tuple(em_pickle_machine *m, uint64_t unused)
{
    uint32_t first, n = 1u + m->op->code - TUPLE1;
    em_status status = take_last(m, &first, n);

    (void)unused;
    return status == EM_OK ? em_pickle_tuple(m, first, n) : status;
}

/* The n values from stack[first] on go to the list or dict below them. */
static em_status append(em_pickle_machine *m, uint32_t first, uint32_t n)
{
    em_pickle_value *to;
    em_status status;

    m->n_stack = first;
    status = em_pickle_top(m, &to, m->op->kind, m->op->name);
    if (status != EM_OK)
        return status;
    for (uint32_t i = 0; to->kind == EM_PICKLE_DICT && i < n; i += 2) {
        em_pickle_kind key = m->out->values[m->stack[first + i]].kind;

        if (i + 1 == n)
            return em_pickle_fail(m, "a key without a value");
        if (key == EM_PICKLE_LIST || key == EM_PICKLE_DICT)
            return em_pickle_fail(m, "%s is the key of a dict", em_pickle_kind_name(key));
    }
    return em_pickle_append(m, to, first, n);
}

static em_status run_append(em_pickle_machine *m, uint64_t unused)
{
    uint32_t first, n = m->op->kind == EM_PICKLE_DICT ? 2 : 1;
    em_status status = take_last(m, &first, n);

    (void)unused;
    return status == EM_OK ? append(m, first, n) : status;
}

static em_status run_appends(em_pickle_machine *m, uint64_t unused)
{
    uint32_t first, n;
    em_status status = em_pickle_pop_mark(m, &first, &n);

    (void)unused;
    return status == EM_OK ? append(m, first, n) : status;
}

/* The memo is a list with holes; the room that a number asks for is bounded, and a pickle counts up from 0. */
static em_status run_put(em_pickle_machine *m, uint64_t number)
{
    uint32_t value;
    em_status status = em_pickle_pop(m, &value);

    if (status != EM_OK)
        return status;
    m->n_stack++;
    if (number >= EM_PICKLE_MAX_MEMO)
        return em_pickle_fail(m, "memo %llu is out of reach (%d at most)", (unsigned long long)number, EM_PICKLE_MAX_MEMO);
    if (number >= m->n_memo) {
        uint32_t n = m->n_memo ? m->n_memo : 64;
        uint32_t *grown;

        while (n <= number)
            n *= 2;
        grown = realloc(m->memo, n * sizeof *grown);
        if (!grown)
            return em_pickle_no_memory(m);
        memset(grown + m->n_memo, 0, (n - m->n_memo) * sizeof *grown);
        m->memo = grown;
        m->n_memo = n;
    }
    m->n_memoized += m->memo[number] == 0;
    m->memo[number] = value + 1;
    return EM_OK;
}

static em_status run_memoize(em_pickle_machine *m, uint64_t unused)
{
    (void)unused;
    return run_put(m, m->n_memoized);
}

static em_status run_get(em_pickle_machine *m, uint64_t number)
{
    if (number >= m->n_memo || m->memo[number] == 0)
        return em_pickle_fail(m, "memo %llu is empty", (unsigned long long)number);
    return em_pickle_push(m, m->memo[number] - 1);
}

/* Module and name, a line each. */
static em_status run_global(em_pickle_machine *m, uint64_t unused)
{
    const char *lines[2];
    size_t n_lines[2];

    (void)unused;
    for (int i = 0; i < 2; i++) {
        const unsigned char *end = memchr(m->bytes + m->at, '\n', m->n - m->at);

        if (!end)
            return em_pickle_fail(m, "the name of a global has no end");
        lines[i] = (const char *)m->bytes + m->at;
        n_lines[i] = (size_t)(end - m->bytes) - m->at;
        m->at += n_lines[i] + 1;
    }
    return em_pickle_push_global(m, lines[0], n_lines[0], lines[1], n_lines[1]);
}

static em_status run_stack_global(em_pickle_machine *m, uint64_t unused)
{
    em_pickle_value *name, *module;
    em_status status = em_pickle_top(m, &name, EM_PICKLE_STRING, "STACK_GLOBAL");

    (void)unused;
    if (status == EM_OK) {
        m->n_stack--;
        status = em_pickle_top(m, &module, EM_PICKLE_STRING, "STACK_GLOBAL");
    }
    if (status != EM_OK)
        return status;
    m->n_stack--;
    return em_pickle_push_global(m, module->as.text, module->n, name->as.text, name->n);
}

static em_status run_reduce(em_pickle_machine *m, uint64_t unused)
{
    (void)unused;
    return em_pickle_call(m);
}

static em_status run_persid(em_pickle_machine *m, uint64_t unused)
{
    (void)unused;
    return em_pickle_storage(m);
}

/* Attributes of an OrderedDict, which state_dict() gives one (_metadata: versions of layers). They are dropped. */
static em_status run_build(em_pickle_machine *m, uint64_t unused)
{
    em_pickle_value *state, *object;
    em_status status = em_pickle_top(m, &state, EM_PICKLE_DICT, "BUILD");

    (void)unused;
    if (status != EM_OK)
        return status;
    m->n_stack--;
    return em_pickle_top(m, &object, EM_PICKLE_DICT, "BUILD");
}

static const em_pickle_opcode opcodes[] = {
    { 0x80, 1, EM_PICKLE_NONE, "PROTO", run_proto },                 { 0x95, 8, EM_PICKLE_NONE, "FRAME", run_frame },
    { '.', 0, EM_PICKLE_NONE, "STOP", run_stop },                    { '(', 0, EM_PICKLE_NONE, "MARK", run_mark },
    { '0', 0, EM_PICKLE_NONE, "POP", run_pop },                      { '1', 0, EM_PICKLE_NONE, "POP_MARK", run_pop_mark },
    { 'N', 0, EM_PICKLE_NONE, "NONE", run_new },                     { NEWTRUE, 0, EM_PICKLE_BOOL, "NEWTRUE", run_bool },
    { 0x89, 0, EM_PICKLE_BOOL, "NEWFALSE", run_bool },               { 'K', 1, EM_PICKLE_INT, "BININT1", run_unsigned },
    { 'M', 2, EM_PICKLE_INT, "BININT2", run_unsigned },              { 'J', 4, EM_PICKLE_INT, "BININT", run_signed },
    { 0x8a, 1, EM_PICKLE_INT, "LONG1", run_long },                   { 0x8b, 4, EM_PICKLE_INT, "LONG4", run_long },
    { 'G', 8, EM_PICKLE_FLOAT, "BINFLOAT", run_float },              { 0x8c, 1, EM_PICKLE_STRING, "SHORT_BINUNICODE", run_text },
    { 'X', 4, EM_PICKLE_STRING, "BINUNICODE", run_text },            { 0x8d, 8, EM_PICKLE_STRING, "BINUNICODE8", run_text },
    { 'C', 1, EM_PICKLE_BYTES, "SHORT_BINBYTES", run_text },         { 'B', 4, EM_PICKLE_BYTES, "BINBYTES", run_text },
    { 0x8e, 8, EM_PICKLE_BYTES, "BINBYTES8", run_text },             { ')', 0, EM_PICKLE_TUPLE, "EMPTY_TUPLE", run_new },
    { 't', 0, EM_PICKLE_TUPLE, "TUPLE", run_tuple },                 { TUPLE1, 0, EM_PICKLE_TUPLE, "TUPLE1", run_short_tuple },
    { 0x86, 0, EM_PICKLE_TUPLE, "TUPLE2", run_short_tuple },         { 0x87, 0, EM_PICKLE_TUPLE, "TUPLE3", run_short_tuple },
    { ']', 0, EM_PICKLE_LIST, "EMPTY_LIST", run_new },               { 'a', 0, EM_PICKLE_LIST, "APPEND", run_append },
    { 'e', 0, EM_PICKLE_LIST, "APPENDS", run_appends },              { '}', 0, EM_PICKLE_DICT, "EMPTY_DICT", run_new },
    { 's', 0, EM_PICKLE_DICT, "SETITEM", run_append },               { 'u', 0, EM_PICKLE_DICT, "SETITEMS", run_appends },
    { 'q', 1, EM_PICKLE_NONE, "BINPUT", run_put },                   { 'r', 4, EM_PICKLE_NONE, "LONG_BINPUT", run_put },
    { 0x94, 0, EM_PICKLE_NONE, "MEMOIZE", run_memoize },             { 'h', 1, EM_PICKLE_NONE, "BINGET", run_get },
    { 'j', 4, EM_PICKLE_NONE, "LONG_BINGET", run_get },              { 'c', 0, EM_PICKLE_GLOBAL, "GLOBAL", run_global },
    { 0x93, 0, EM_PICKLE_GLOBAL, "STACK_GLOBAL", run_stack_global }, { 'R', 0, EM_PICKLE_NONE, "REDUCE", run_reduce },
    { 'Q', 0, EM_PICKLE_STORAGE, "BINPERSID", run_persid },          { 'b', 0, EM_PICKLE_DICT, "BUILD", run_build },
    /* Known, so that the refusal can name them. */
    { '2', 0, EM_PICKLE_NONE, "DUP", NULL },                         { 'i', 0, EM_PICKLE_NONE, "INST", NULL },
    { 'o', 0, EM_PICKLE_NONE, "OBJ", NULL },                         { 0x81, 0, EM_PICKLE_NONE, "NEWOBJ", NULL },
    { 0x92, 0, EM_PICKLE_NONE, "NEWOBJ_EX", NULL },                  { 0x82, 0, EM_PICKLE_NONE, "EXT1", NULL },
    { 0x83, 0, EM_PICKLE_NONE, "EXT2", NULL },                       { 0x84, 0, EM_PICKLE_NONE, "EXT4", NULL },
    { 0x8f, 0, EM_PICKLE_NONE, "EMPTY_SET", NULL },                  { 0x90, 0, EM_PICKLE_NONE, "ADDITEMS", NULL },
    { 0x91, 0, EM_PICKLE_NONE, "FROZENSET", NULL },                  { 0x96, 0, EM_PICKLE_NONE, "BYTEARRAY8", NULL },
    { 0x97, 0, EM_PICKLE_NONE, "NEXT_BUFFER", NULL },                { 0x98, 0, EM_PICKLE_NONE, "READONLY_BUFFER", NULL },
    { 'P', 0, EM_PICKLE_NONE, "PERSID", NULL },                      { 'I', 0, EM_PICKLE_NONE, "INT", NULL },
    { 'L', 0, EM_PICKLE_NONE, "LONG", NULL },                        { 'F', 0, EM_PICKLE_NONE, "FLOAT", NULL },
    { 'S', 0, EM_PICKLE_NONE, "STRING", NULL },                      { 'T', 0, EM_PICKLE_NONE, "BINSTRING", NULL },
    { 'U', 0, EM_PICKLE_NONE, "SHORT_BINSTRING", NULL },             { 'V', 0, EM_PICKLE_NONE, "UNICODE", NULL },
    { 'l', 0, EM_PICKLE_NONE, "LIST", NULL },                        { 'd', 0, EM_PICKLE_NONE, "DICT", NULL },
    { 'p', 0, EM_PICKLE_NONE, "PUT", NULL },                         { 'g', 0, EM_PICKLE_NONE, "GET", NULL },
};

static em_status step(em_pickle_machine *m)
{
    const unsigned char *bytes;
    uint64_t number = 0;
    em_status status;

    m->begin = m->at;
    m->op = NULL;
    if (m->at == m->n)
        return em_pickle_fail(m, "the pickle ends without a STOP");
    m->at++;
    for (size_t i = 0; i < EM_COUNT(opcodes) && !m->op; i++)
        if (opcodes[i].code == m->bytes[m->begin])
            m->op = &opcodes[i];
    if (!m->op)
        return em_pickle_fail(m, "0x%02x is not an opcode of pickle", m->bytes[m->begin]);
    if (!m->op->run)
        return em_pickle_fail(m, "opcode %s makes something other than tensors, dicts, lists, numbers and strings", m->op->name);
    status = take(m, &bytes, m->op->width);
    if (status != EM_OK)
        return status;
    for (int i = 0; i < m->op->width; i++)
        number |= (uint64_t)bytes[i] << 8 * i;
    return m->op->run(m, number);
}

em_status em_pickle_run(em_pickle *out, const unsigned char *bytes, size_t n, const char *path, em_err *err)
{
    em_pickle_machine m = { .out = out, .bytes = bytes, .n = n, .path = path, .err = err };
    em_status status = EM_OK;

    *out = (em_pickle){ 0 };
    if (n > EM_PICKLE_MAX_BYTES)
        status = em_pickle_fail(&m, "%zu bytes are too many (%d at most)", n, EM_PICKLE_MAX_BYTES);
    else if (n < 2 || bytes[0] != 0x80)
        status = em_pickle_fail(&m, "does not begin with a protocol from 2 to 5");
    while (status == EM_OK && !m.is_done)
        status = step(&m);
    if (status == EM_OK)
        status = em_pickle_check_nesting(&m);
    free(m.stack);
    free(m.memo);
    return status;
}
