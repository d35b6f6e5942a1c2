<<<<<<< HEAD
foreach(row "PORTAUDIO;EARMARK_PORTAUDIO" "JACK;EARMARK_JACK" "MPI;EARMARK_MPI")
=======
foreach(row "PORTAUDIO;EARMARK_PORTAUDIO" "JACK;EARMARK_JACK" "HDF5;EARMARK_HDF5")
>>>>>>> data
    list(GET row 0 name)
    list(GET row 1 option)
    if(NOT ${option})
        set(state "off (-D${option}=ON)")
    elseif(${name}_FOUND)
        set(state "on")
    else()
        set(state "absent")
    endif()
    message(STATUS "${name}: ${state}")
endforeach()
message(STATUS "CUDA: ${EARMARK_CUDA}; tests: ${EARMARK_TESTS}; bench: ${EARMARK_BENCH}; build type: ${CMAKE_BUILD_TYPE} ${EARMARK_SANITIZE}")
