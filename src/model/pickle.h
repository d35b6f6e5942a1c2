/* pickle.h - the values in a pickle as torch.save writes it: tensors, dicts, lists, tuples, numbers, strings. Inside
 * src/model only.
 *
 * A pickle is a program. This machine runs the opcodes that build plain values, and executes nothing: a global is looked
 * up by its name in a short table (pickle_torch.c), never imported, and what is called means one of a few values. Any
 * other global or opcode is named and refused. Protocols 2 to 5 (docs.python.org/3/library/pickletools.html).
 *
 * All is bounded before it is allocated, the recursion of values included, so that walking them ends. */
#ifndef EM_MODEL_PICKLE_H
#define EM_MODEL_PICKLE_H

#include "base/status.h"
#include "model/safetensors.h"

enum {
    EM_PICKLE_MAX_BYTES  = 16 << 20,    /* of the pickle; with its optimizer, a model of 400 tensors needs 200 kB */
    EM_PICKLE_MAX_VALUES = 1 << 20,
    EM_PICKLE_MAX_ITEMS  = 1 << 22,     /* in all tuples, lists and dicts together                                */
    EM_PICKLE_MAX_STACK  = 1 << 20,
    EM_PICKLE_MAX_MARKS  = 256,
    EM_PICKLE_MAX_MEMO   = 1 << 20,
    EM_PICKLE_MAX_DEPTH  = 64,          /* of values in values                                                    */
    EM_PICKLE_KEY        = 16,          /* room for a storage's name, which is a number                           */
};

typedef enum em_pickle_kind {
    EM_PICKLE_NONE, EM_PICKLE_BOOL, EM_PICKLE_INT, EM_PICKLE_FLOAT, EM_PICKLE_STRING, EM_PICKLE_BYTES,
    EM_PICKLE_TUPLE, EM_PICKLE_LIST, EM_PICKLE_DICT, EM_PICKLE_GLOBAL, EM_PICKLE_STORAGE, EM_PICKLE_TENSOR,
} em_pickle_kind;

typedef struct em_pickle_global em_pickle_global;

typedef struct em_pickle_value {
    em_pickle_kind kind;
    uint32_t       n;               /* bytes of a string, items of a tuple or list, keys and values of a dict     */
    union {
        int64_t                 whole;      /* bool, int                                                          */
        double                  real;
        const char             *text;       /* [n] in the pickle's own bytes, strict UTF-8 without a NUL          */
        uint32_t               *items;      /* [n] numbers of values; of a dict: key, value, key, value ...       */
        const em_pickle_global *global;
        uint32_t                at;         /* of a storage or tensor, in the lists below                         */
    } as;
} em_pickle_value;

/* How a storage's numbers are stored. */
typedef struct em_torch_type {
    const char *name;               /* as safetensors would call it                                   */
    size_t      n_bytes;            /* of one                                                         */
    void      (*convert)(float *dst, const unsigned char *src, size_t n);  /* NULL: no weights are like that */
} em_torch_type;

typedef struct em_torch_storage {
    char                 key[EM_PICKLE_KEY];        /* decimal digits                                 */
    const em_torch_type *type;
    uint64_t             n;         /* numbers; whether so many are in the file is not yet known      */
} em_torch_storage;

/* Checked: every element lies in the storage's n numbers, and no two are the same one. */
typedef struct em_torch_view {
    uint32_t storage;
    int      rank;
    uint64_t offset;                                /* numbers, as are the strides                    */
    int64_t  shape[EM_ST_RANK], stride[EM_ST_RANK];
    uint64_t n;                                     /* elements                                       */
} em_torch_view;

typedef struct em_pickle {
    em_pickle_value  *values;       /* [n_values]   */
    em_torch_storage *storages;     /* [n_storages] */
    em_torch_view    *views;        /* [n_views]    */
    uint32_t          n_values, n_storages, n_views, n_items;
    uint32_t          root;
} em_pickle;

/* Runs bytes[n], which must outlive *out. EM_EFORMAT: no such pickle (names path, byte, opcode or global); EM_ENOMEM.
 * The caller ends *out with em_pickle_deinit, also after an error. */
em_status em_pickle_run(em_pickle *out, const unsigned char *bytes, size_t n, const char *path, em_err *err);
void      em_pickle_deinit(em_pickle *p);

/* What a dict holds under this string: EM_OK and *value NULL when it holds nothing, EM_EFORMAT when it is there twice. */
em_status em_pickle_find(const em_pickle_value **value, const em_pickle *p, const em_pickle_value *dict, const char *key,
                         const char *path, em_err *err);

#endif
