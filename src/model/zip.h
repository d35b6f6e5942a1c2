/* zip.h - the entries of a zip archive that stores its files as they are, as torch.save does. Inside src/model only.
 *
 * Nothing is inflated: a compressed entry is refused, so no archive can be larger inside than it is outside. That is why
 * this is 300 lines of ours and no library: libzip would bring what must be off (inflate, encryption, writing), and
 * accepts what must be refused, because two readers could see two different archives in it: entries that overlap, names
 * that stand twice, bytes that belong to none, local headers that contradict the directory.
 *
 * Format: APPNOTE.TXT 6.3, zip64 included. A file of ours begins with its first entry and ends with its directory. */
#ifndef EM_MODEL_ZIP_H
#define EM_MODEL_ZIP_H

#include "model/file.h"

#define EM_ZIP_MAX_FILE ((uint64_t)16 << 30)        /* bytes: a checkpoint holds the optimizer's state, too */

enum {
    EM_ZIP_MAX_ENTRIES   = 65536,
    EM_ZIP_MAX_DIRECTORY = 16 << 20,                /* bytes */
    EM_ZIP_MAX_NAME      = 512,                     /* bytes */
};

typedef struct em_zip_entry {
    const char *name;               /* strict UTF-8, no path that leaves the archive; lives as long as the archive */
    uint64_t    header;             /* where its local header begins                                               */
    uint64_t    begin, n_bytes;     /* its bytes in the file                                                       */
    uint32_t    crc;
    uint16_t    flags;
} em_zip_entry;

typedef struct em_zip em_zip;

/* Reads and checks the whole directory and every local header. `file` is borrowed until close. EM_EFORMAT: breaks a rule
 * (the sentence names path, entry and rule); EM_EIO; EM_ENOMEM. On error *out is NULL. */
em_status em_zip_open(em_zip **out, em_file *file, em_err *err);
void      em_zip_close(em_zip *zip);

int                 em_zip_count(const em_zip *zip);
const em_zip_entry *em_zip_get(const em_zip *zip, int i);               /* sorted by name */
const em_zip_entry *em_zip_find(const em_zip *zip, const char *name);   /* NULL: none     */

/* Reads an entry through and compares its CRC-32. EM_EFORMAT: damaged; EM_EIO. */
em_status em_zip_check(const em_zip *zip, const em_zip_entry *e, em_err *err);

#endif
