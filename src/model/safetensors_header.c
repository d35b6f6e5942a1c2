/* safetensors_header.c - the rules on names, types, shapes and offsets, checked while the header is parsed; every failure
 * names the tensor and the rule. */
#include "model/safetensors_header.h"

#include "base/text.h"
#include "model/safetensors_json.h"

#include <stdlib.h>
#include <string.h>

/* In the order of em_dtype. */
static const struct { const char *name; size_t n_bytes; } dtypes[] = {
    [EM_F32] = { "F32", 4 }, [EM_F16] = { "F16", 2 }, [EM_BF16] = { "BF16", 2 }, [EM_I64] = { "I64", 8 }, [EM_U8] = { "U8", 1 },
};

typedef struct parser {
    em_st_cursor  c;
    em_st_header *out;
    size_t        n_tensors_room, n_meta_room;
    bool          has_metadata;
} parser;

size_t em_dtype_bytes(em_dtype dtype)
{
    return dtypes[dtype].n_bytes;
}

const char *em_dtype_name(em_dtype dtype)
{
    return dtypes[dtype].name;
}

const char *em_st_shown(char out[EM_ST_SHOWN], const char *name)
{
    return em_text_clean(out, EM_ST_SHOWN, name);
}

/* Room for one more of `bytes` each behind n of them. NULL: no memory; *list is then as it was. */
static void *grown(void *list, size_t n, size_t *room, size_t bytes)
{
    size_t more = *room ? 2 * *room : 64;

    if (n < *room)
        return list;
    list = realloc(list, more * bytes);
    if (list)
        *room = more;
    return list;
}

static em_status no_memory(const parser *p)
{
    return em_fail(p->c.err, EM_ENOMEM, "%s: no memory for the header", p->c.path);
}

/* key: value pairs, strings both. */
static em_status parse_metadata(parser *p)
{
    size_t n_bytes = 0, n_key, n_value, at;
    int n_seen = 0;
    bool has_more;

    if (p->has_metadata)
        return em_st_syntax(&p->c, p->c.i, "duplicate key " EM_ST_METADATA);
    p->has_metadata = true;
    if (em_st_expect(&p->c, '{', "'{' of the metadata") != EM_OK)
        return EM_EFORMAT;
    for (;;) {
        em_st_pair *pair;

        if (em_st_next(&p->c, '}', &n_seen, &has_more) != EM_OK)
            return EM_EFORMAT;
        if (!has_more)
            return EM_OK;
        at = p->c.i;
        if (n_seen > EM_ST_MAX_ENTRIES)
            return em_st_syntax(&p->c, at, "more than %d metadata entries", EM_ST_MAX_ENTRIES);
        pair = grown(p->out->meta, (size_t)p->out->n_meta, &p->n_meta_room, sizeof *pair);
        if (!pair)
            return no_memory(p);
        p->out->meta = pair;
        pair += p->out->n_meta;
        if (em_st_string(&p->c, &pair->key, &n_key) != EM_OK || em_st_expect(&p->c, ':', "':' of the metadata") != EM_OK ||
            em_st_string(&p->c, &pair->value, &n_value) != EM_OK)
            return EM_EFORMAT;
        n_bytes += n_key + n_value;
        if (n_bytes > EM_ST_MAX_METADATA)
            return em_st_syntax(&p->c, at, "more than %d bytes of metadata", EM_ST_MAX_METADATA);
        p->out->n_meta++;
    }
}

static em_status parse_dtype(parser *p, em_st_tensor *t)
{
    char shown[EM_ST_SHOWN], dtype[16];
    const char *name;
    size_t n;

    if (em_st_string(&p->c, &name, &n) != EM_OK)
        return EM_EFORMAT;
    for (size_t i = 0; i < EM_COUNT(dtypes); i++)
        if (!strcmp(name, dtypes[i].name)) {
            t->dtype = (em_dtype)i;
            return EM_OK;
        }
    return em_fail(p->c.err, EM_EUNSUPPORTED, "%s: tensor %s: dtype %s is not supported (F32, F16, BF16, I64 and U8 are)",
                   p->c.path, em_st_shown(shown, t->name), em_text_clean(dtype, sizeof dtype, name));
}

/* An array of whole numbers, `most` at most. *n says how many there were. */
static em_status parse_numbers(parser *p, int64_t *out, int most, int *n, const char *what)
{
    int n_seen = 0;
    bool has_more;

    if (em_st_expect(&p->c, '[', what) != EM_OK)
        return EM_EFORMAT;
    for (;;) {
        if (em_st_next(&p->c, ']', &n_seen, &has_more) != EM_OK)
            return EM_EFORMAT;
        if (!has_more)
            break;
        if (n_seen > most)
            return em_st_syntax(&p->c, p->c.i, "more than %d numbers", most);
        if (em_st_number(&p->c, &out[n_seen - 1]) != EM_OK)
            return EM_EFORMAT;
    }
    *n = n_seen;
    return EM_OK;
}

static em_status parse_shape(parser *p, em_st_tensor *t)
{
    return parse_numbers(p, t->shape, EM_ST_RANK, &t->rank, "'[' of the shape");
}

static em_status parse_offsets(parser *p, em_st_tensor *t)
{
    int64_t range[2];
    size_t at = p->c.i;
    int n;

    if (parse_numbers(p, range, 2, &n, "'[' of data_offsets") != EM_OK)
        return EM_EFORMAT;
    if (n != 2)
        return em_st_syntax(&p->c, at, "data_offsets must be two numbers");
    t->begin = (uint64_t)range[0];
    t->end = (uint64_t)range[1];
    return EM_OK;
}

static const struct { const char *key; em_status (*parse)(parser *, em_st_tensor *); } members[] = {
    { "dtype", parse_dtype }, { "shape", parse_shape }, { "data_offsets", parse_offsets },
};

/* Exactly the members above, each once, in any order. */
static em_status parse_tensor(parser *p, em_st_tensor *t)
{
    unsigned seen = 0;
    int n_seen = 0;
    bool has_more;

    if (em_st_expect(&p->c, '{', "'{' of a tensor") != EM_OK)
        return EM_EFORMAT;
    for (;;) {
        size_t at, n, i = 0;
        const char *key;

        if (em_st_next(&p->c, '}', &n_seen, &has_more) != EM_OK)
            return EM_EFORMAT;
        at = p->c.i;
        if (!has_more)
            break;
        if (em_st_string(&p->c, &key, &n) != EM_OK)
            return EM_EFORMAT;
        while (i < EM_COUNT(members) && strcmp(key, members[i].key))
            i++;
        if (i == EM_COUNT(members))
            return em_st_syntax(&p->c, at, "a tensor has dtype, shape and data_offsets, and nothing else");
        if (seen & 1u << i)
            return em_st_syntax(&p->c, at, "duplicate key %s", members[i].key);
        seen |= 1u << i;
        if (em_st_expect(&p->c, ':', "':' of a tensor") != EM_OK)
            return EM_EFORMAT;
        em_status status = members[i].parse(p, t);
        if (status != EM_OK)
            return status;
    }
    for (size_t i = 0; i < EM_COUNT(members); i++)
        if (!(seen & 1u << i))
            return em_st_syntax(&p->c, p->c.i - 1, "the tensor has no %s", members[i].key);
    return EM_OK;
}

static em_status parse_entry(parser *p)
{
    size_t at = p->c.i, n;
    em_st_tensor *t;
    const char *name;
    em_status status;

    if (em_st_string(&p->c, &name, &n) != EM_OK || em_st_expect(&p->c, ':', "':' after the name") != EM_OK)
        return EM_EFORMAT;
    if (!strcmp(name, EM_ST_METADATA))
        return parse_metadata(p);
    if (n < 1 || n > EM_ST_MAX_NAME)
        return em_st_syntax(&p->c, at, "a tensor's name has 1 to %d bytes, this one %zu", EM_ST_MAX_NAME, n);
    if (p->out->n_tensors == EM_ST_MAX_TENSORS)
        return em_st_syntax(&p->c, at, "more than %d tensors", EM_ST_MAX_TENSORS);
    t = grown(p->out->tensors, (size_t)p->out->n_tensors, &p->n_tensors_room, sizeof *t);
    if (!t)
        return no_memory(p);
    p->out->tensors = t;
    t += p->out->n_tensors;
    *t = (em_st_tensor){ .name = name };
    status = parse_tensor(p, t);
    if (status == EM_OK)
        p->out->n_tensors++;
    return status;
}

static em_status parse_all(parser *p)
{
    int n_seen = 0;
    bool has_more = true;

    if (em_st_expect(&p->c, '{', "'{' of the header") != EM_OK)
        return EM_EFORMAT;
    while (has_more) {
        em_status status;

        if (em_st_next(&p->c, '}', &n_seen, &has_more) != EM_OK)
            return EM_EFORMAT;
        if (has_more && (status = parse_entry(p)) != EM_OK)
            return status;
    }
    em_st_skip_space(&p->c);
    if (p->c.i != p->c.n)
        return em_st_syntax(&p->c, p->c.i, "something follows the header's object");
    return EM_OK;
}

/* Elements and bytes from the shape; the range must hold just these, within the data. */
static em_status check_size(const parser *p, em_st_tensor *t, uint64_t n_data)
{
    char shown[EM_ST_SHOWN];
    size_t n = 1, n_bytes;

    for (int i = 0; i < t->rank; i++)
        if ((uint64_t)t->shape[i] > SIZE_MAX || __builtin_mul_overflow(n, (size_t)t->shape[i], &n))
            return em_fail(p->c.err, EM_EFORMAT, "%s: tensor %s: its shape has too many elements to count", p->c.path,
                           em_st_shown(shown, t->name));
    if (__builtin_mul_overflow(n, em_dtype_bytes(t->dtype), &n_bytes))
        return em_fail(p->c.err, EM_EFORMAT, "%s: tensor %s: its shape has too many bytes to count", p->c.path,
                       em_st_shown(shown, t->name));
    if (t->begin > t->end || t->end > n_data)
        return em_fail(p->c.err, EM_EFORMAT, "%s: tensor %s: data_offsets %llu to %llu do not lie within the %llu bytes of data",
                       p->c.path, em_st_shown(shown, t->name), (unsigned long long)t->begin, (unsigned long long)t->end,
                       (unsigned long long)n_data);
    if (t->end - t->begin != n_bytes)
        return em_fail(p->c.err, EM_EFORMAT, "%s: tensor %s: its shape needs %zu bytes, data_offsets give %llu", p->c.path,
                       em_st_shown(shown, t->name), n_bytes, (unsigned long long)(t->end - t->begin));
    t->n = n;
    return EM_OK;
}

static int compare_ranges(const void *a, const void *b)
{
    const em_st_tensor *s = a, *t = b;

    if (s->begin != t->begin)
        return s->begin < t->begin ? -1 : 1;
    return s->end < t->end ? -1 : s->end > t->end;      /* empty tensors stand before the one that fills the place */
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const em_st_tensor *const *)a)->name, (*(const em_st_tensor *const *)b)->name);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const em_st_pair *)a)->key, ((const em_st_pair *)b)->key);
}

/* The sorted ranges tile the data: no hole, no overlap, nothing behind the last. */
static em_status check_tiling(const parser *p, uint64_t n_data)
{
    const em_st_header *h = p->out;
    char shown[EM_ST_SHOWN];
    uint64_t at = 0;

    for (int i = 0; i < h->n_tensors; i++) {
        if (h->tensors[i].begin != at)
            return em_fail(p->c.err, EM_EFORMAT, "%s: tensor %s: begins at byte %llu of the data, where %llu was expected (%s)",
                           p->c.path, em_st_shown(shown, h->tensors[i].name), (unsigned long long)h->tensors[i].begin,
                           (unsigned long long)at, h->tensors[i].begin < at ? "an overlap" : "a hole");
        at = h->tensors[i].end;
    }
    if (at != n_data)
        return em_fail(p->c.err, EM_EFORMAT, "%s: the tensors end at byte %llu of %llu bytes of data", p->c.path,
                       (unsigned long long)at, (unsigned long long)n_data);
    return EM_OK;
}

static em_status check_unique(parser *p)
{
    em_st_header *h = p->out;
    char shown[EM_ST_SHOWN];

    if (h->n_tensors > 0) {
        h->by_name = malloc((size_t)h->n_tensors * sizeof *h->by_name);
        if (!h->by_name)
            return no_memory(p);
        for (int i = 0; i < h->n_tensors; i++)
            h->by_name[i] = &h->tensors[i];
        qsort(h->by_name, (size_t)h->n_tensors, sizeof *h->by_name, compare_names);
    }
    if (h->n_meta > 0)
        qsort(h->meta, (size_t)h->n_meta, sizeof *h->meta, compare_keys);
    for (int i = 1; i < h->n_tensors; i++)
        if (!strcmp(h->by_name[i - 1]->name, h->by_name[i]->name))
            return em_fail(p->c.err, EM_EFORMAT, "%s: duplicate key: tensor %s is there twice", p->c.path,
                           em_st_shown(shown, h->by_name[i]->name));
    for (int i = 1; i < h->n_meta; i++)
        if (!strcmp(h->meta[i - 1].key, h->meta[i].key))
            return em_fail(p->c.err, EM_EFORMAT, "%s: duplicate key: %s is there twice in the metadata", p->c.path,
                           em_st_shown(shown, h->meta[i].key));
    return EM_OK;
}

em_status em_st_header_parse(em_st_header *out, char *text, size_t n, uint64_t n_data, const char *path, em_err *err)
{
    parser p = { .c = { .text = text, .n = n, .path = path, .err = err }, .out = out };
    em_status status;

    *out = (em_st_header){ .text = text };
    if (!em_utf8_valid(text, n))
        return em_fail(err, EM_EFORMAT, "%s: the header is not UTF-8, or holds a NUL", path);
    status = parse_all(&p);
    if (status != EM_OK)
        return status;
    if (out->n_tensors > 0)                             /* qsort of NULL is undefined, even for nothing */
        qsort(out->tensors, (size_t)out->n_tensors, sizeof *out->tensors, compare_ranges);
    status = check_unique(&p);
    for (int i = 0; status == EM_OK && i < out->n_tensors; i++)
        status = check_size(&p, &out->tensors[i], n_data);
    if (status == EM_OK)
        status = check_tiling(&p, n_data);
    return status;
}

void em_st_header_deinit(em_st_header *h)
{
    free(h->tensors);
    free(h->by_name);
    free(h->meta);
    free(h->text);
    *h = (em_st_header){ 0 };
}
