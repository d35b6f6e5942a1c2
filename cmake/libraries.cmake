# Libraries from the system. Required ones stop the configuration with the name of their Debian package;
# optional ones turn their row off, and the summary says so.
find_package(PkgConfig REQUIRED)

function(em_require target module package)
    pkg_check_modules(${target} IMPORTED_TARGET GLOBAL ${module})
    if(NOT ${target}_FOUND)
        message(FATAL_ERROR "${module} was not found: install ${package} (`make` does it on Debian)")
    endif()
endfunction()

function(em_optional option target module package)
    if(${option})
        pkg_check_modules(${target} IMPORTED_TARGET GLOBAL ${module})
    endif()
    if(${option} AND NOT ${target}_FOUND)
        message(WARNING "${option}: ${module} was not found (Debian: ${package}); built without it")
    endif()
    set(${target}_FOUND "${${target}_FOUND}" PARENT_SCOPE)
endfunction()

em_require(JANSSON jansson  libjansson-dev)
if(EARMARK_PROGRAM)
    em_require(FFTW3F  fftw3f   libfftw3-dev)
    em_require(SNDFILE sndfile  libsndfile1-dev)
    em_require(SOXR    soxr     libsoxr-dev)
    em_optional(EARMARK_PORTAUDIO PORTAUDIO portaudio-2.0 portaudio19-dev)
    em_optional(EARMARK_JACK      JACK      jack          libjack-jackd2-dev)
<<<<<<< HEAD
    em_optional(EARMARK_MPI       MPI       ompi-c        libopenmpi-dev)
=======
    em_optional(EARMARK_HDF5      HDF5      hdf5          libhdf5-dev)
>>>>>>> data
endif()
