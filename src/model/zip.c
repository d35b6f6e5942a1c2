/* zip.c - end record, directory, local headers: each is checked before a number of it is used. See zip.h. */
#include "model/zip.h"

#include "base/text.h"
#include "model/safetensors_header.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOCAL = 30, CENTRAL = 46, END = 22, END64 = 56, LOCATOR = 20,       /* bytes of the records without their tails       */
    DESCRIPTOR = 24,                /* bytes at most behind an entry that was written before its size was known           */
    HAS_DESCRIPTOR = 1 << 3, IS_UTF8 = 1 << 11,                         /* the only flags that leave the bytes as they are */
    CHUNK = 1 << 16,
};

#define ALL16 UINT64_C(0xffff)      /* "see the zip64 field" */
#define ALL32 UINT64_C(0xffffffff)

struct em_zip {
    em_file       *file;
    em_zip_entry  *list;            /* [n] sorted by name                         */
    em_zip_entry **by_place;        /* [n] the same, in the order of their bytes  */
    int            n;
    char          *names;           /* what the names point into                  */
    size_t         n_names;         /* bytes of it in use                         */
    unsigned char *local;           /* room for the longest local header          */
    uint64_t       directory;       /* where it begins; all entries end before it */
    uint32_t       crc_table[256];
};

typedef struct directory { uint64_t at, n_bytes, n_entries; } directory;

static uint64_t little(const unsigned char *p, int n)
{
    uint64_t x = 0;

    for (int i = 0; i < n; i++)
        x |= (uint64_t)p[i] << 8 * i;
    return x;
}

static bool is_record(const unsigned char *p, const char *signature)
{
    return !memcmp(p, signature, 4);
}

/* Says "path: zip archive: ...", or with a name "path: zip entry NAME: ...". */
__attribute__((format(printf, 4, 5)))
static em_status broken(const em_zip *zip, const char *name, em_err *err, const char *fmt, ...)
{
    char shown[EM_ST_SHOWN], text[160];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return em_fail(err, EM_EFORMAT, "%s: zip %s%s: %s", em_file_path(zip->file), name ? "entry " : "archive",
                   name ? em_st_shown(shown, name) : "", text);
}

static em_status no_memory(const em_zip *zip, em_err *err)
{
    return em_fail(err, EM_ENOMEM, "%s: no memory for its directory", em_file_path(zip->file));
}

/* The zip64 record before `end`, where its locator ends; d holds what the 32-bit record says. *end becomes the place
 * where the directory must end. */
static em_status read_end64(em_zip *zip, directory *d, uint64_t *end, em_err *err)
{
    unsigned char locator[LOCATOR], record[END64];
    uint64_t at, most = *end - LOCATOR - END64;
    directory wide;
    em_status status = em_file_read(zip->file, locator, LOCATOR, *end - LOCATOR, err);

    if (status != EM_OK || !is_record(locator, "PK\6\7"))
        return status;
    at = little(locator + 8, 8);
    if (at > most || little(locator + 4, 4) != 0 || little(locator + 16, 4) != 1)
        return broken(zip, NULL, err, "its zip64 end record lies outside of the file");
    status = em_file_read(zip->file, record, END64, at, err);
    if (status != EM_OK)
        return status;
    if (!is_record(record, "PK\6\6") || little(record + 4, 8) != most - at + END64 - 12)
        return broken(zip, NULL, err, "its zip64 end record is not where its locator says, or has another length");
    wide = (directory){ .n_entries = little(record + 32, 8), .n_bytes = little(record + 40, 8), .at = little(record + 48, 8) };
    if (little(record + 16, 8) != 0 || little(record + 24, 8) != wide.n_entries)
        return broken(zip, NULL, err, "it is one of several parts");
    if ((d->n_entries != ALL16 && d->n_entries != wide.n_entries) || (d->n_bytes != ALL32 && d->n_bytes != wide.n_bytes) ||
        (d->at != ALL32 && d->at != wide.at))
        return broken(zip, NULL, err, "its two end records, zip and zip64, contradict each other");
    *d = wide;
    *end = at;
    return EM_OK;
}

static em_status read_end(em_zip *zip, directory *d, em_err *err)
{
    uint64_t n_file = em_file_size(zip->file), end = n_file - END;
    unsigned char record[END];
    em_status status;

    if (n_file < END)
        return broken(zip, NULL, err, "%llu bytes are too few", (unsigned long long)n_file);
    if (n_file > EM_ZIP_MAX_FILE)
        return broken(zip, NULL, err, "%llu bytes are too many (%llu at most)", (unsigned long long)n_file,
                      (unsigned long long)EM_ZIP_MAX_FILE);
    status = em_file_read(zip->file, record, END, end, err);
    if (status != EM_OK)
        return status;
    if (!is_record(record, "PK\5\6") || little(record + 20, 2) != 0)
        return broken(zip, NULL, err, "the file does not end with its directory: was it cut short?");
    *d = (directory){ .n_entries = little(record + 10, 2), .n_bytes = little(record + 12, 4), .at = little(record + 16, 4) };
    if (little(record + 4, 4) != 0 || little(record + 8, 2) != d->n_entries)
        return broken(zip, NULL, err, "it is one of several parts");
    if (end >= LOCATOR + END64)
        status = read_end64(zip, d, &end, err);
    if (status != EM_OK)
        return status;
    if (d->at > end || d->n_bytes != end - d->at)
        return broken(zip, NULL, err, "its directory (%llu bytes at byte %llu) does not end where it must, at byte %llu",
                      (unsigned long long)d->n_bytes, (unsigned long long)d->at, (unsigned long long)end);
    if (d->n_bytes > EM_ZIP_MAX_DIRECTORY || d->n_entries > EM_ZIP_MAX_ENTRIES || d->n_entries > d->n_bytes / CENTRAL || d->n_entries == 0)
        return broken(zip, NULL, err, "%llu entries in a directory of %llu bytes cannot be (1 to %d entries are taken)",
                      (unsigned long long)d->n_entries, (unsigned long long)d->n_bytes, EM_ZIP_MAX_ENTRIES);
    return EM_OK;
}

/* Replaces those of the numbers that are ALL32 by those of the zip64 field in extra[n], which come in this order. */
static bool widen(uint64_t *numbers[], int n_numbers, const unsigned char *extra, size_t n)
{
    size_t at = 0, n_field = 0;

    for (; n - at >= 4; at += 4 + n_field) {
        n_field = (size_t)little(extra + at + 2, 2);
        if (n_field > n - at - 4)
            return false;
        if (little(extra + at, 2) != 1)
            continue;
        at += 4;
        for (int i = 0; i < n_numbers; i++)
            if (*numbers[i] == ALL32) {
                if (n_field < 8)
                    return false;
                *numbers[i] = little(extra + at, 8);
                at += 8;
                n_field -= 8;
            }
        return true;
    }
    for (int i = 0; i < n_numbers; i++)
        if (*numbers[i] == ALL32)
            return false;
    return true;
}

/* Nothing is ever unpacked to a disk; a name that tries to leave its folder says what the archive is. */
static bool is_name(const char *name, size_t n)
{
    if (n < 1 || n > EM_ZIP_MAX_NAME || !em_utf8_valid(name, n) || memchr(name, '\\', n))
        return false;
    for (size_t at = 0, end; at <= n; at = end + 1) {
        for (end = at; end < n && name[end] != '/'; end++)
            ;
        if (end == at || (end - at == 1 && name[at] == '.') || (end - at == 2 && name[at] == '.' && name[at + 1] == '.'))
            return false;
    }
    return true;
}

/* One record of the directory, which has `left` bytes from p on. *n_record: its length. */
static em_status parse_entry(em_zip *zip, em_zip_entry *e, const unsigned char *p, size_t left, size_t *n_record, em_err *err)
{
    uint64_t packed, *numbers[] = { &e->n_bytes, &packed, &e->header };
    size_t n_name, n_extra;
    char *name = zip->names + zip->n_names;

    if (left < CENTRAL || !is_record(p, "PK\1\2"))
        return broken(zip, NULL, err, "its directory is cut short or garbled at entry %d", zip->n);
    n_name = (size_t)little(p + 28, 2);
    n_extra = (size_t)little(p + 30, 2);
    *n_record = CENTRAL + n_name + n_extra + (size_t)little(p + 32, 2);
    if (*n_record > left)
        return broken(zip, NULL, err, "its directory is cut short or garbled at entry %d", zip->n);
    if (!is_name((const char *)p + CENTRAL, n_name))
        return broken(zip, NULL, err, "entry %d has a name that is no plain path inside the archive", zip->n);
    memcpy(name, p + CENTRAL, n_name);
    name[n_name] = '\0';
    zip->n_names += n_name + 1;
    *e = (em_zip_entry){ .name = name, .flags = (uint16_t)little(p + 8, 2), .crc = (uint32_t)little(p + 16, 4),
                         .n_bytes = little(p + 24, 4), .header = little(p + 42, 4) };
    packed = little(p + 20, 4);
    if (!widen(numbers, (int)EM_COUNT(numbers), p + CENTRAL + n_name, n_extra))
        return broken(zip, name, err, "its zip64 field is missing or cut short");
    if (e->flags & ~(HAS_DESCRIPTOR | IS_UTF8))
        return broken(zip, name, err, "is encrypted or otherwise special (flags 0x%x)", e->flags);
    if (little(p + 10, 2) != 0)
        return broken(zip, name, err, "is compressed (method %d), and torch.save never does that", (int)little(p + 10, 2));
    if (packed != e->n_bytes)
        return broken(zip, name, err, "is stored, but has two sizes, %llu and %llu", (unsigned long long)packed,
                      (unsigned long long)e->n_bytes);
    return EM_OK;
}

/* Sizes and CRC-32 of a local header are the directory's, or 0 when they follow the data in a descriptor. */
static bool is_same_local(const em_zip_entry *e, const unsigned char *local, size_t n_name, size_t n_extra)
{
    uint64_t n_bytes = little(local + 22, 4), packed = little(local + 18, 4), *numbers[] = { &n_bytes, &packed };
    uint32_t crc = (uint32_t)little(local + 14, 4);

    if (!widen(numbers, (int)EM_COUNT(numbers), local + LOCAL + n_name, n_extra))
        return false;
    if ((e->flags & HAS_DESCRIPTOR) && n_bytes == 0 && packed == 0 && crc == 0)
        return true;
    return n_bytes == e->n_bytes && packed == e->n_bytes && crc == e->crc;
}

static em_status read_local(em_zip *zip, em_zip_entry *e, em_err *err)
{
    unsigned char *local = zip->local;
    size_t n_name = strlen(e->name), n_extra;
    em_status status;

    if (zip->directory < LOCAL + n_name || e->header > zip->directory - LOCAL - n_name)
        return broken(zip, e->name, err, "begins at byte %llu, behind the last entry", (unsigned long long)e->header);
    status = em_file_read(zip->file, local, LOCAL + n_name, e->header, err);
    if (status != EM_OK)
        return status;
    if (!is_record(local, "PK\3\4") || little(local + 26, 2) != n_name || memcmp(local + LOCAL, e->name, n_name))
        return broken(zip, e->name, err, "at byte %llu there is no local header of that name", (unsigned long long)e->header);
    n_extra = (size_t)little(local + 28, 2);
    e->begin = e->header + LOCAL + n_name;
    if (n_extra > zip->directory - e->begin || e->n_bytes > zip->directory - e->begin - n_extra)
        return broken(zip, e->name, err, "its %llu bytes do not fit into the file", (unsigned long long)e->n_bytes);
    status = em_file_read(zip->file, local + LOCAL + n_name, n_extra, e->begin, err);
    if (status != EM_OK)
        return status;
    if (little(local + 6, 2) != e->flags || little(local + 8, 2) != 0 || !is_same_local(e, local, n_name, n_extra))
        return broken(zip, e->name, err, "its local header contradicts the directory");
    e->begin += n_extra;
    return EM_OK;
}

static int compare_places(const void *a, const void *b)
{
    uint64_t x = (*(em_zip_entry *const *)a)->header, y = (*(em_zip_entry *const *)b)->header;

    return (x > y) - (x < y);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const em_zip_entry *)a)->name, ((const em_zip_entry *)b)->name);
}

/* The entries tile the file up to the directory; only descriptors stand between them. */
static em_status check_tiling(em_zip *zip, em_err *err)
{
    uint64_t at = 0;

    qsort(zip->by_place, (size_t)zip->n, sizeof *zip->by_place, compare_places);
    for (int i = 0; i <= zip->n; i++) {
        const em_zip_entry *e = i < zip->n ? zip->by_place[i] : NULL, *last = i > 0 ? zip->by_place[i - 1] : NULL;
        uint64_t next = e ? e->header : zip->directory;
        int most = last && (last->flags & HAS_DESCRIPTOR) ? DESCRIPTOR : 0;

        if (next < at)
            return broken(zip, last->name, err, "overlaps the entry after it");
        if (next - at > (uint64_t)most)
            return broken(zip, NULL, err, "the %llu bytes at byte %llu belong to no entry", (unsigned long long)(next - at),
                          (unsigned long long)at);
        at = e ? e->begin + e->n_bytes : next;
    }
    return EM_OK;
}

static em_status check_names(em_zip *zip, em_err *err)
{
    for (int i = 1; i < zip->n; i++)
        if (!compare_names(&zip->list[i - 1], &zip->list[i]))
            return broken(zip, zip->list[i].name, err, "is there twice");
    return EM_OK;
}

/* bytes[d->n_bytes] is the directory as it stands in the file. */
static em_status parse_directory(em_zip *zip, const directory *d, const unsigned char *bytes, em_err *err)
{
    size_t at = 0, n_record = 0;
    em_status status = EM_OK;

    for (; status == EM_OK && (uint64_t)zip->n < d->n_entries; zip->n++, at += n_record)
        status = parse_entry(zip, &zip->list[zip->n], bytes + at, (size_t)d->n_bytes - at, &n_record, err);
    if (status == EM_OK && at != d->n_bytes)
        status = broken(zip, NULL, err, "its directory holds more than the %llu entries it counts", (unsigned long long)d->n_entries);
    if (status != EM_OK)
        return status;
    qsort(zip->list, (size_t)zip->n, sizeof *zip->list, compare_names);
    status = check_names(zip, err);
    for (int i = 0; status == EM_OK && i < zip->n; i++) {
        zip->by_place[i] = &zip->list[i];
        status = read_local(zip, &zip->list[i], err);
    }
    return status == EM_OK ? check_tiling(zip, err) : status;
}

static em_status read_directory(em_zip *zip, em_err *err)
{
    unsigned char *bytes;
    directory d = { 0 };
    em_status status = read_end(zip, &d, err);

    if (status != EM_OK)
        return status;
    zip->directory = d.at;
    zip->list = calloc((size_t)d.n_entries, sizeof *zip->list);
    zip->by_place = calloc((size_t)d.n_entries, sizeof *zip->by_place);
    zip->names = malloc((size_t)d.n_bytes);             /* a record is longer than its name and a NUL */
    zip->local = malloc(LOCAL + EM_ZIP_MAX_NAME + ALL16);
    bytes = malloc((size_t)d.n_bytes);
    if (!zip->list || !zip->by_place || !zip->names || !zip->local || !bytes)
        status = no_memory(zip, err);
    else
        status = em_file_read(zip->file, bytes, (size_t)d.n_bytes, d.at, err);
    if (status == EM_OK)
        status = parse_directory(zip, &d, bytes, err);
    free(bytes);
    return status;
}

em_status em_zip_open(em_zip **out, em_file *file, em_err *err)
{
    em_zip *zip = calloc(1, sizeof *zip);
    em_status status;

    *out = NULL;
    if (!zip)
        return em_fail(err, EM_ENOMEM, "%s: no memory", em_file_path(file));
    zip->file = file;
    for (uint32_t i = 0; i < 256; i++) {                /* CRC-32 of ISO 3309, reflected */
        uint32_t crc = i;

        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        zip->crc_table[i] = crc;
    }
    status = read_directory(zip, err);
    if (status != EM_OK) {
        em_zip_close(zip);
        return status;
    }
    *out = zip;
    return EM_OK;
}

void em_zip_close(em_zip *zip)
{
    if (!zip)
        return;
    free(zip->list);
    free(zip->by_place);
    free(zip->names);
    free(zip->local);
    free(zip);
}

int em_zip_count(const em_zip *zip)
{
    return zip->n;
}

const em_zip_entry *em_zip_get(const em_zip *zip, int i)
{
    return i >= 0 && i < zip->n ? &zip->list[i] : NULL;
}

const em_zip_entry *em_zip_find(const em_zip *zip, const char *name)
{
    em_zip_entry wanted = { .name = name };

    return bsearch(&wanted, zip->list, (size_t)zip->n, sizeof *zip->list, compare_names);
}

em_status em_zip_check(const em_zip *zip, const em_zip_entry *e, em_err *err)
{
    unsigned char chunk[CHUNK];
    uint32_t crc = UINT32_MAX;

    for (uint64_t done = 0; done < e->n_bytes;) {
        size_t n = e->n_bytes - done < CHUNK ? (size_t)(e->n_bytes - done) : CHUNK;
        em_status status = em_file_read(zip->file, chunk, n, e->begin + done, err);

        if (status != EM_OK)
            return status;
        for (size_t i = 0; i < n; i++)
            crc = crc >> 8 ^ zip->crc_table[(crc ^ chunk[i]) & 0xff];
        done += n;
    }
    if ((crc ^ UINT32_MAX) != e->crc)
        return broken(zip, e->name, err, "is damaged (its CRC-32 is another)");
    return EM_OK;
}
