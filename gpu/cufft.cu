// cufft.cu - finds cuFFT on this machine: see cufft.cuh.
#include "cufft.cuh"
#include "library.cuh"

// Of CUDA 13 and 12; what a toolkit's own link calls it.
static const char *const names[] = { "libcufft.so.12", "libcufft.so.11", "libcufft.so", "/usr/local/cuda/lib64/libcufft.so" };

em_status em_cufft_find(em_cufft *out, em_err *err)
{
    void *lib = em_library_open(names);

    if (!lib)
        return em_fail(err, EM_EUNSUPPORTED, "cuFFT (%s) is not installed: spectra are made on the CPU without it", names[0]);
    if (em_library_find(&out->plan_many, lib, "cufftPlanMany") && em_library_find(&out->set_stream, lib, "cufftSetStream") &&
        em_library_find(&out->exec_r2c, lib, "cufftExecR2C") && em_library_find(&out->destroy, lib, "cufftDestroy"))
        return EM_OK;
    return em_fail(err, EM_EUNSUPPORTED, "this cuFFT lacks functions that are wanted: CUDA 12 or later has them");
}
