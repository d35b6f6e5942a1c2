# `cpack -G DEB` in the build folder: Debian packages of what `cmake --install` installs, one a component: earmark, which needs neither of
# the others, libearmark0 and libearmark-dev. packages/debian holds what only they have.
set(EARMARK_CONTACT "The earmark authors <earmark@users.invalid>" CACHE STRING "who maintains the package that cpack makes")

# em_deb_component(NAME PACKAGE SECTION SUMMARY CONTROL_FILES...): its description is packages/debian/PACKAGE.description.
function(em_deb_component name package section summary)
    string(TOUPPER ${name} upper)
    file(READ packages/debian/${package}.description text)
    string(STRIP "${text}" text)
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package} PARENT_SCOPE)
    set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section} PARENT_SCOPE)
    set(CPACK_DEBIAN_${upper}_DESCRIPTION "${summary}\n${text}" PARENT_SCOPE)
    list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/packages/debian/)
    set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA "${ARGN}" PARENT_SCOPE)
endfunction()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME earmark)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")               # each has its own
set(CPACK_PACKAGE_CONTACT ${EARMARK_CONTACT})
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL earmark libearmark libearmark-dev)
set(CPACK_DEBIAN_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)

em_deb_component(earmark earmark sound "listens to live sound and tells what it hears" conffiles postinst prerm postrm)
set(CPACK_DEBIAN_EARMARK_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_EARMARK_PACKAGE_RECOMMENDS "ffmpeg")
set(CPACK_DEBIAN_EARMARK_PACKAGE_SUGGESTS "jackd, libdnnl2, libopenblas0-pthread")

# What libearmark0 needs is found in prepare.cmake: with SHLIBDEPS CPack would add scripts that call ldconfig, for which dpkg has triggers.
em_deb_component(libearmark libearmark0 libs "tells sounds apart, for other programs" libearmark0/shlibs libearmark0/symbols libearmark0/triggers)
em_deb_component(libearmark-dev libearmark-dev libdevel "tells sounds apart, for other programs (development files)")
set(CPACK_DEBIAN_LIBEARMARK-DEV_PACKAGE_DEPENDS "libearmark0 (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_LIBEARMARK-DEV_PACKAGE_SUGGESTS "libfftw3-dev, libjansson-dev, libsoxr-dev")

set(CPACK_EM_MULTIARCH ${CMAKE_LIBRARY_ARCHITECTURE})
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packages/debian/prepare.cmake)
include(CPack)
