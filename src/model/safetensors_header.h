/* safetensors_header.h - the JSON header of a safetensors file, as a checked list. Inside src/model only.
 *
 * The grammar is a strict piece of JSON: an object of objects, depth three at most, strings and whole numbers.
 * Everything a later step relies on is checked here: the byte ranges tile the data without holes or overlaps,
 * and shape x dtype is the length of the range. */
#ifndef EM_MODEL_SAFETENSORS_HEADER_H
#define EM_MODEL_SAFETENSORS_HEADER_H

#include "model/safetensors.h"

#define EM_ST_MAX_FILE ((uint64_t)2 << 30)      /* bytes */

enum {
    EM_ST_MAX_HEADER   = 16 << 20,  /* bytes; the format allows 100 MB, 527 classes need 50 kB */
    EM_ST_MAX_METADATA = 64 << 10,  /* bytes of all keys and values                            */
    EM_ST_MAX_ENTRIES  = 256,       /* of metadata                                             */
    EM_ST_MAX_TENSORS  = 8192,
    EM_ST_MAX_NAME     = 512,       /* bytes                                                   */
};

#define EM_ST_METADATA "__metadata__"

/* What stands between the 8 bytes of length and the 64 digits of the seal: a place that no parsing is needed to find. */
#define EM_ST_SEAL_PREFIX "{\"" EM_ST_METADATA "\":{\"sha256\":\""
enum { EM_ST_SEAL_AT = 8 + sizeof EM_ST_SEAL_PREFIX - 1, EM_ST_SEAL_DIGITS = EM_SHA256_CHARS - 1 };

typedef struct em_st_pair { const char *key, *value; } em_st_pair;

typedef struct em_st_header {
    em_st_tensor        *tensors;   /* [n_tensors] in the order of their data       */
    const em_st_tensor **by_name;   /* [n_tensors] the same, sorted by name         */
    em_st_pair          *meta;      /* [n_meta] sorted by key                       */
    int                  n_tensors, n_meta;
    char                *text;      /* what the strings above point into            */
} em_st_header;

/* Checks text[n] against n_data bytes of data. Takes text (from malloc, with room for one byte after its end)
 * and decodes its strings in place. The caller ends *out with em_st_header_deinit, also after an error. */
em_status em_st_header_parse(em_st_header *out, char *text, size_t n, uint64_t n_data, const char *path, em_err *err);
void      em_st_header_deinit(em_st_header *h);

/* Bytes of one element, and the name the format gives the type. */
size_t      em_dtype_bytes(em_dtype dtype);
const char *em_dtype_name(em_dtype dtype);

/* A name from a file for a message: without control characters, cut to the room. Returns out. */
enum { EM_ST_SHOWN = 72 };
const char *em_st_shown(char out[EM_ST_SHOWN], const char *name);

#endif
