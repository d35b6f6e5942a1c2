/* pickle_torch.c - the globals that a checkpoint may name, and what calling one means: a dict, a size, a tensor. This table
 * is all that a pickle can reach. */
#include "model/pickle_machine.h"

#include "base/text.h"
#include "base/half.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* args: what it is called with; it pushes its answer. */
typedef em_status make_fn(em_pickle_machine *m, const em_pickle_value *args);

struct em_pickle_global {
    const char          *module, *name;
    make_fn             *make;      /* NULL: cannot be called                        */
    const em_torch_type *type;      /* NULL: is not the class of a storage's numbers */
};

static make_fn make_dict, make_size, make_parameter, make_tensor;

static const em_torch_type types[] = {
    { "F32", 4, em_floats_of_f32 }, { "F16", 2, em_floats_of_f16 }, { "BF16", 2, em_floats_of_bf16 }, { "F64", 8, em_floats_of_f64 },
    { "I64", 8, NULL },             { "I32", 4, NULL },             { "I16", 2, NULL },               { "I8", 1, NULL },
    { "U8", 1, NULL },              { "BOOL", 1, NULL },
};

static const em_pickle_global globals[] = {
    { "collections", "OrderedDict", make_dict, NULL },
    { "torch", "Size", make_size, NULL },
    { "torch._utils", "_rebuild_parameter", make_parameter, NULL },
    { "torch._utils", "_rebuild_tensor_v2", make_tensor, NULL },
    { "torch", "FloatStorage", NULL, &types[0] },         { "torch", "HalfStorage", NULL, &types[1] },
    { "torch", "BFloat16Storage", NULL, &types[2] },      { "torch", "DoubleStorage", NULL, &types[3] },
    { "torch", "LongStorage", NULL, &types[4] },          { "torch", "IntStorage", NULL, &types[5] },
    { "torch", "ShortStorage", NULL, &types[6] },         { "torch", "CharStorage", NULL, &types[7] },
    { "torch", "ByteStorage", NULL, &types[8] },          { "torch", "BoolStorage", NULL, &types[9] },
};

static bool is_text(const char *text, size_t n, const char *wanted)
{
    return n == strlen(wanted) && !memcmp(text, wanted, n);
}

em_status em_pickle_push_global(em_pickle_machine *m, const char *module, size_t n_module, const char *name, size_t n_name)
{
    char full[96], shown[96];

    for (size_t i = 0; i < EM_COUNT(globals); i++)
        if (is_text(module, n_module, globals[i].module) && is_text(name, n_name, globals[i].name))
            return em_pickle_push_new(m, (em_pickle_value){ .kind = EM_PICKLE_GLOBAL, .as.global = &globals[i] });
    snprintf(full, sizeof full, "%.*s.%.*s", n_module < 48 ? (int)n_module : 48, module, n_name < 40 ? (int)n_name : 40, name);
    return em_fail(m->err, EM_EFORMAT, "%s: holds %s, which is not read and was not run: only tensors, dicts, lists, numbers and strings are;"
                   " save its state_dict alone", m->path, em_text_clean(shown, sizeof shown, full));
}

static em_status pop_value(em_pickle_machine *m, const em_pickle_value **value)
{
    uint32_t popped;
    em_status status = em_pickle_pop(m, &popped);

    *value = status == EM_OK ? &m->out->values[popped] : NULL;
    return status;
}

em_status em_pickle_call(em_pickle_machine *m)
{
    const em_pickle_value *args, *what;
    em_status status = pop_value(m, &args);

    if (status == EM_OK)
        status = pop_value(m, &what);
    if (status != EM_OK)
        return status;
    if (what->kind != EM_PICKLE_GLOBAL || args->kind != EM_PICKLE_TUPLE)
        return em_pickle_fail(m, "REDUCE calls %s with %s", em_pickle_kind_name(what->kind), em_pickle_kind_name(args->kind));
    if (!what->as.global->make)
        return em_pickle_fail(m, "REDUCE calls %s.%s, which only names a type", what->as.global->module, what->as.global->name);
    return what->as.global->make(m, args);
}

/* Item i of a tuple. */
static const em_pickle_value *item(const em_pickle_machine *m, const em_pickle_value *tuple, uint32_t i)
{
    return &m->out->values[tuple->as.items[i]];
}

/* The tuple has these kinds of items, and so many. */
static bool is_of(const em_pickle_machine *m, const em_pickle_value *tuple, const em_pickle_kind *kinds, uint32_t n)
{
    if (tuple->n != n)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (item(m, tuple, i)->kind != kinds[i])
            return false;
    return true;
}

static em_status make_dict(em_pickle_machine *m, const em_pickle_value *args)
{
    if (args->n != 0)
        return em_pickle_fail(m, "an OrderedDict is made of %u values, not of none", args->n);
    return em_pickle_push_new(m, (em_pickle_value){ .kind = EM_PICKLE_DICT });
}

/* torch.Size is a tuple by another name. */
static em_status make_size(em_pickle_machine *m, const em_pickle_value *args)
{
    if (args->n != 1 || item(m, args, 0)->kind != EM_PICKLE_TUPLE)
        return em_pickle_fail(m, "a torch.Size is not made of one tuple");
    return em_pickle_push(m, args->as.items[0]);
}

/* A parameter is its tensor (and whether it wants a gradient, and hooks). */
static em_status make_parameter(em_pickle_machine *m, const em_pickle_value *args)
{
    static const em_pickle_kind kinds[] = { EM_PICKLE_TENSOR, EM_PICKLE_BOOL, EM_PICKLE_DICT };

    if (!is_of(m, args, kinds, EM_COUNT(kinds)))
        return em_pickle_fail(m, "a parameter is not made of a tensor, a bool and a dict");
    return em_pickle_push(m, args->as.items[0]);
}

/* Every whole number of a tuple, none below 0. */
static em_status read_numbers(em_pickle_machine *m, int64_t out[EM_ST_RANK], const em_pickle_value *tuple, const char *what)
{
    if (tuple->n > EM_ST_RANK)
        return em_pickle_fail(m, "a tensor has %u dimensions (%d at most)", tuple->n, EM_ST_RANK);
    for (uint32_t i = 0; i < tuple->n; i++) {
        const em_pickle_value *v = item(m, tuple, i);

        if (v->kind != EM_PICKLE_INT || v->as.whole < 0)
            return em_pickle_fail(m, "a tensor's %s %u is %s", what, i,
                                  v->kind == EM_PICKLE_INT ? "negative" : em_pickle_kind_name(v->kind));
        out[i] = v->as.whole;
    }
    return EM_OK;
}

/* Sorted by stride, each step is longer than all steps below it together: then no two elements meet. That holds for
 * every slice and every transposed tensor; where it does not, elements may be one (expand: stride 0). */
static em_status check_overlap(em_pickle_machine *m, const em_torch_view *v)
{
    bool is_done[EM_ST_RANK] = { false };
    uint64_t reach = 0;                                 /* cannot overflow: the last element is in the storage */

    for (int k = 0; k < v->rank; k++) {
        int least = -1;

        for (int i = 0; i < v->rank; i++)
            if (!is_done[i] && (least < 0 || v->stride[i] < v->stride[least]))
                least = i;
        is_done[least] = true;
        if (v->shape[least] == 1)
            continue;
        if ((uint64_t)v->stride[least] <= reach)
            return em_pickle_fail(m, "elements of a tensor overlap (dimension %d has stride %lld)", least,
                                  (long long)v->stride[least]);
        reach += (uint64_t)(v->shape[least] - 1) * (uint64_t)v->stride[least];
    }
    return EM_OK;
}

/* Shape, strides and offset against the storage. */
static em_status check_view(em_pickle_machine *m, em_torch_view *v)
{
    const em_torch_storage *s = &m->out->storages[v->storage];
    uint64_t last = v->offset, step;
    bool is_over = false;

    v->n = 1;
    for (int i = 0; i < v->rank; i++)
        is_over |= __builtin_mul_overflow(v->n, (uint64_t)v->shape[i], &v->n);
    for (int i = 0; i < v->rank && v->n > 0; i++) {
        is_over |= __builtin_mul_overflow((uint64_t)v->shape[i] - 1, (uint64_t)v->stride[i], &step);
        is_over |= __builtin_add_overflow(last, step, &last);
    }
    if (is_over)
        return em_pickle_fail(m, "the shape and strides of a tensor are too large to be counted");
    if (v->n == 0)
        return EM_OK;
    if (last >= s->n)
        return em_pickle_fail(m, "a tensor reaches number %llu of storage %s, which has %llu", (unsigned long long)last, s->key,
                              (unsigned long long)s->n);
    return check_overlap(m, v);
}

/* storage, offset, shape, strides, requires_grad, hooks. */
static em_status make_tensor(em_pickle_machine *m, const em_pickle_value *args)
{
    static const em_pickle_kind kinds[] = { EM_PICKLE_STORAGE, EM_PICKLE_INT, EM_PICKLE_TUPLE,
                                            EM_PICKLE_TUPLE, EM_PICKLE_BOOL, EM_PICKLE_DICT };
    const em_pickle_value *shape, *stride;
    em_pickle *p = m->out;
    em_torch_view v;
    em_status status;

    if (!is_of(m, args, kinds, EM_COUNT(kinds)))
        return em_pickle_fail(m, "a tensor is not made of storage, offset, shape, strides, a bool and a dict");
    shape = item(m, args, 2);
    stride = item(m, args, 3);
    v = (em_torch_view){ .storage = item(m, args, 0)->as.at, .rank = (int)shape->n, .offset = (uint64_t)item(m, args, 1)->as.whole };
    if (item(m, args, 1)->as.whole < 0 || shape->n != stride->n)
        return em_pickle_fail(m, "a tensor has %u sizes, %u strides and offset %lld", shape->n, stride->n, (long long)v.offset);
    status = read_numbers(m, v.shape, shape, "size");
    if (status == EM_OK)
        status = read_numbers(m, v.stride, stride, "stride");
    if (status == EM_OK)
        status = check_view(m, &v);
    if (status == EM_OK)
        status = em_pickle_grow(m, &p->views, sizeof *p->views, p->n_views, &m->room_views, EM_PICKLE_MAX_VALUES, "tensors");
    if (status != EM_OK)
        return status;
    p->views[p->n_views] = v;
    return em_pickle_push_new(m, (em_pickle_value){ .kind = EM_PICKLE_TENSOR, .as.at = p->n_views++ });
}

/* torch numbers its storages; a name of digits is no path. */
static bool is_key(const em_pickle_value *v)
{
    for (uint32_t i = 0; i < v->n; i++)
        if (v->as.text[i] < '0' || v->as.text[i] > '9')
            return false;
    return v->n > 0 && v->n < EM_PICKLE_KEY;
}

/* ('storage', its type, its key, where it was, how many numbers). A storage that two tensors share is described twice and
 * listed twice; torch.c compares each with the file. */
em_status em_pickle_storage(em_pickle_machine *m)
{
    static const em_pickle_kind kinds[] = { EM_PICKLE_STRING, EM_PICKLE_GLOBAL, EM_PICKLE_STRING, EM_PICKLE_STRING, EM_PICKLE_INT };
    const em_pickle_value *id, *key;
    em_pickle *p = m->out;
    em_torch_storage *s;
    em_status status = pop_value(m, &id);

    if (status != EM_OK)
        return status;
    if (id->kind != EM_PICKLE_TUPLE || !is_of(m, id, kinds, EM_COUNT(kinds)) ||
        !is_text(item(m, id, 0)->as.text, item(m, id, 0)->n, "storage"))
        return em_pickle_fail(m, "BINPERSID does not describe a storage");
    key = item(m, id, 2);
    if (!item(m, id, 1)->as.global->type)
        return em_pickle_fail(m, "%s.%s is not the type of a storage", item(m, id, 1)->as.global->module,
                              item(m, id, 1)->as.global->name);
    if (!is_key(key) || item(m, id, 4)->as.whole < 0)
        return em_pickle_fail(m, "a storage has a name that is no number, or a size below 0");
    status = em_pickle_grow(m, &p->storages, sizeof *p->storages, p->n_storages, &m->room_storages, EM_PICKLE_MAX_VALUES, "storages");
    if (status != EM_OK)
        return status;
    s = &p->storages[p->n_storages];
    *s = (em_torch_storage){ .type = item(m, id, 1)->as.global->type, .n = (uint64_t)item(m, id, 4)->as.whole };
    memcpy(s->key, key->as.text, key->n);
    return em_pickle_push_new(m, (em_pickle_value){ .kind = EM_PICKLE_STORAGE, .as.at = p->n_storages++ });
}
