/* torch.h - the tensors of a checkpoint that torch.save wrote (.pth, .ckpt). Inside src/model only.
 *
 * A zip archive (zip.h) of FOLDER/data.pkl, a pickle (pickle.h) of everything but the numbers, and FOLDER/data/KEY, the
 * numbers of each storage, little-endian. The tensors are those of the dict under "state_dict" (Lightning) or "model"
 * (VMamba), else of the dict that is the whole: what stands beside, such as the optimizer, is left alone. */
#ifndef EM_MODEL_TORCH_H
#define EM_MODEL_TORCH_H

#include "model/pickle.h"

#include <stdbool.h>

enum { EM_TORCH_SNIFF = 14 };

/* What the first bytes of a file say, of which there are n <= EM_TORCH_SNIFF. is_old: as PyTorch before 1.6 wrote, or
 * writes when told to. */
bool em_torch_is_zip(const unsigned char *bytes, size_t n);
bool em_torch_is_old(const unsigned char *bytes, size_t n);

typedef struct em_torch em_torch;

/* Reads all but the numbers. The file is closed with *out, and on error. EM_EFORMAT: a rule of zip.h or pickle.h is
 * broken, a storage is missing or has another size, there are no tensors; EM_EUNSUPPORTED: big-endian; EM_EIO; EM_ENOMEM. */
em_status em_torch_open(em_torch **out, em_file *file, em_err *err);
void      em_torch_close(em_torch *t);

int                  em_torch_count(const em_torch *t);
const char          *em_torch_name(const em_torch *t, int i);   /* in the order of the dict; no two alike */
const em_torch_view *em_torch_get(const em_torch *t, int i);

/* Reads tensor i as floats into dst, row by row whatever its strides. EM_EFORMAT: damaged (CRC-32), NaN or infinity, named
 * with its index; EM_EUNSUPPORTED: whole numbers; EM_EIO. */
em_status em_torch_read(em_torch *t, int i, float *dst, em_err *err);

#endif
