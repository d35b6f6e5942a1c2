# `cmake --install`: where things go. The program finds what lies beside it by its own place, so that a prefix may be chosen
# when it is installed, and moved. System-wide configuration is /etc/earmark whatever the prefix is; only the Debian
# package writes there, the rest install it as an example.
include(GNUInstallDirs)

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME earmark)        # what is no part of libearmark, which has components of its own

set(EM_DATA_DIR ${CMAKE_INSTALL_DATADIR}/earmark)
set(EM_MODULE_DIR ${CMAKE_INSTALL_LIBDIR}/earmark)
set(EM_EXAMPLE_DIR ${CMAKE_INSTALL_DOCDIR}/examples)

# *out: the folder as seen from the program's.
function(em_seen_from_program out folder)
    get_filename_component(full ${folder} ABSOLUTE BASE_DIR ${CMAKE_INSTALL_PREFIX})
    file(RELATIVE_PATH path ${CMAKE_INSTALL_FULL_BINDIR} ${full})
    set(${out} ${path} PARENT_SCOPE)
endfunction()
em_seen_from_program(EM_TO_DATA ${EM_DATA_DIR})
em_seen_from_program(EM_TO_MODULES ${EM_MODULE_DIR})

if(EARMARK_PROGRAM)
    install(FILES config/models/nano.safetensors config/models/README.md config/models/CREDITS.md DESTINATION ${EM_DATA_DIR}/models)
    install(FILES config/labels/audioset.csv config/labels/ontology.csv config/labels/README.md DESTINATION ${EM_DATA_DIR}/labels)
    install(FILES config/demo/demo.flac config/demo/demo.tsv config/demo/CREDITS.md DESTINATION ${EM_EXAMPLE_DIR}/demo)
    install(FILES config/earmark.conf DESTINATION ${EM_EXAMPLE_DIR})
    include(cmake/units.cmake)
    install(FILES config/earmark.desktop DESTINATION ${CMAKE_INSTALL_DATADIR}/applications)
    install(FILES src/sinks/web/page/icon.svg DESTINATION ${CMAKE_INSTALL_DATADIR}/icons/hicolor/scalable/apps RENAME earmark.svg)
    install(FILES README.md SECURITY.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
endif()
