// cufft.cu - finds cuFFT on this machine: see cufft.cuh.
#include "cufft.cuh"

#include <dlfcn.h>

// Of CUDA 13 and 12; what a toolkit's own link calls it.
static const char *const names[] = { "libcufft.so.12", "libcufft.so.11", "libcufft.so", "/usr/local/cuda/lib64/libcufft.so" };

template <typename F>
static bool find(F *out, void *lib, const char *symbol)
{
    *out = (F)dlsym(lib, symbol);
    return *out != NULL;
}

em_status em_cufft_find(em_cufft *out, em_err *err)
{
    void *lib = NULL;

    for (size_t i = 0; i < sizeof names / sizeof *names && !lib; i++)
        lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!lib)
        return em_fail(err, EM_EUNSUPPORTED, "cuFFT (%s) is not installed: spectra are made on the CPU without it", names[0]);
    if (find(&out->plan_many, lib, "cufftPlanMany") && find(&out->set_stream, lib, "cufftSetStream") &&
        find(&out->exec_r2c, lib, "cufftExecR2C") && find(&out->destroy, lib, "cufftDestroy"))
        return EM_OK;
    return em_fail(err, EM_EUNSUPPORTED, "this cuFFT lacks functions that are wanted: CUDA 12 or later has them");
}
