# em_flags: what every target of ours is compiled with. No -ffast-math: NaN checks must mean something, and
# the same sum must have the same bits in every build; FMA contraction is allowed only in src/ops/cpu.
add_library(em_flags INTERFACE)
target_compile_features(em_flags INTERFACE c_std_11)
target_compile_definitions(em_flags INTERFACE _GNU_SOURCE)
target_compile_options(em_flags INTERFACE
    -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wformat=2 -Wundef
    -fno-math-errno -fno-trapping-math -fstack-protector-strong
    $<$<CONFIG:Release>:-O3>)
target_include_directories(em_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src)
target_link_options(em_flags INTERFACE -Wl,-z,relro,-z,now)
if(EARMARK_SANITIZE)
    target_compile_options(em_flags INTERFACE -fsanitize=${EARMARK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    target_link_options(em_flags INTERFACE -fsanitize=${EARMARK_SANITIZE})
else()
    target_compile_definitions(em_flags INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# em_library(NAME SOURCES... [PUBLIC libs...] [PRIVATE libs...]): one static library a folder.
function(em_library name)
    cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
    add_library(${name} STATIC ${arg_SOURCES})
    target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE em_flags ${arg_PRIVATE})
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src)
endfunction()

# em_module(NAME SOURCES... PRIVATE libs...): earmark-NAME.so, loaded when it is asked for (src/base/module.h). What it takes from our
# static libraries is the program's while it runs, which exports its symbols: a log has one handler. The module's own copies
# serve where the program has none; what has a state for the whole process must therefore be in the program.
function(em_module name)
    cmake_parse_arguments(arg "" "" "SOURCES;PRIVATE" ${ARGN})
    add_library(em_${name} MODULE ${arg_SOURCES})
    target_link_libraries(em_${name} PRIVATE em_flags ${arg_PRIVATE})
    set_target_properties(em_${name} PROPERTIES PREFIX "" OUTPUT_NAME earmark-${name} LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
    install(TARGETS em_${name} LIBRARY DESTINATION ${EM_MODULE_DIR})
endfunction()

# em_real_time(FILES...): sources whose object must need nothing but memcpy (tests/rt looks). The stack protector
# would bring __stack_chk_fail in and loop idioms memset, so both are off; the stack use is written beside the object.
function(em_real_time)
    set(flags -fno-stack-protector -fstack-usage -Wframe-larger-than=1024)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        list(APPEND flags -fno-tree-loop-distribute-patterns)
    else()
        list(APPEND flags -fno-builtin-memset)
    endif()
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "${flags}")
endfunction()
