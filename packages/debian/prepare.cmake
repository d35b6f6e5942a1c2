# Run by CPack on the trees that become the packages: what Debian wants otherwise than `cmake --install` does it.
set(trees ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(root ${trees}/earmark)
set(doc ${root}/usr/share/doc/earmark)

# em_doc(COMPONENT PACKAGE): the licence is told by the copyright file, and changelogs are compressed (-n: the same bytes every time).
function(em_doc component package)
    set(folder ${trees}/${component}/usr/share/doc/${package})
    configure_file(${CMAKE_CURRENT_LIST_DIR}/copyright ${folder}/copyright COPYONLY)
    configure_file(${CMAKE_CURRENT_LIST_DIR}/changelog ${folder}/changelog COPYONLY)
    execute_process(COMMAND gzip -9nf ${folder}/changelog COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# ---- libearmark0, libearmark-dev

# Libraries of every architecture have a folder of their own; earmark.pc says where it then lies.
function(em_multiarch component)
    set(from ${trees}/${component}/usr/lib)
    if(CPACK_EM_MULTIARCH AND NOT EXISTS ${from}/${CPACK_EM_MULTIARCH})
        file(GLOB entries ${from}/*)
        file(MAKE_DIRECTORY ${from}/${CPACK_EM_MULTIARCH})
        foreach(entry ${entries})
            get_filename_component(name ${entry} NAME)
            file(RENAME ${entry} ${from}/${CPACK_EM_MULTIARCH}/${name})
        endforeach()
    endif()
endfunction()
em_multiarch(libearmark)
em_multiarch(libearmark-dev)
em_doc(libearmark libearmark0)
em_doc(libearmark-dev libearmark-dev)
set(libraries lib/${CPACK_EM_MULTIARCH})
file(READ ${trees}/libearmark-dev/usr/${libraries}/pkgconfig/earmark.pc text)
string(REGEX REPLACE "prefix=[^\n]*\nlibdir=[^\n]*" "prefix=/usr\nlibdir=\${prefix}/${libraries}" text "${text}")
file(WRITE ${trees}/libearmark-dev/usr/${libraries}/pkgconfig/earmark.pc "${text}")

# What the library itself needs.
set(work ${trees}/../shlibdeps)
file(GLOB library ${trees}/libearmark/usr/${libraries}/libearmark.so.*.*)
file(WRITE ${work}/debian/control "Source: earmark\nPackage: libearmark0\n")
execute_process(COMMAND dpkg-shlibdeps -O ${library} WORKING_DIRECTORY ${work} OUTPUT_VARIABLE said ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE ".*shlibs:Depends=([^\n]*).*" "\\1" CPACK_DEBIAN_LIBEARMARK_PACKAGE_DEPENDS "${said}")

# ---- earmark

file(REMOVE ${doc}/LICENSE)
em_doc(earmark earmark)
execute_process(COMMAND gzip -9nf ${root}/usr/share/man/man1/earmark.1 COMMAND_ERROR_IS_FATAL ANY)

# Debian's zsh looks for a package's completions elsewhere.
file(MAKE_DIRECTORY ${root}/usr/share/zsh/vendor-completions)
file(RENAME ${root}/usr/share/zsh/site-functions/_earmark ${root}/usr/share/zsh/vendor-completions/_earmark)
file(REMOVE_RECURSE ${root}/usr/share/zsh/site-functions)

# The system's configuration: every option with its reason, each commented out, so that a default that gets better gets
# better here, too.
file(READ ${root}/usr/share/doc/earmark/examples/earmark.conf text)
string(REGEX REPLACE "\n([a-z][-a-z0-9]* =)" "\n#\\1" text "${text}")
file(WRITE ${root}/etc/earmark/earmark.conf "${text}")
file(MAKE_DIRECTORY ${root}/etc/earmark/conf.d)

# What the service hears, and what rotates its files.
foreach(pair "service.conf:earmark/service.conf" "earmark.logrotate:logrotate.d/earmark")
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 from)
    list(GET pair 1 to)
    configure_file(${doc}/examples/${from} ${root}/etc/${to} COPYONLY)
endforeach()
file(REMOVE ${doc}/examples/earmark.logrotate)

# Units were made for this tree's place; Debian 12 keeps those of the system in /lib.
file(GLOB units ${root}/usr/lib/systemd/*/*.service)
foreach(unit ${units})
    file(READ ${unit} text)
    string(REGEX REPLACE "ExecStart=[^ ]*/bin/" "ExecStart=/usr/bin/" text "${text}")
    file(WRITE ${unit} "${text}")
endforeach()
file(MAKE_DIRECTORY ${root}/lib/systemd)
file(RENAME ${root}/usr/lib/systemd/system ${root}/lib/systemd/system)

# Whatever the umask was.
file(GLOB_RECURSE files LIST_DIRECTORIES true ${trees}/*)
foreach(file ${files})
    if(IS_SYMLINK ${file})
        continue()
    elseif(IS_DIRECTORY ${file} OR file MATCHES "/usr/bin/")
        file(CHMOD ${file} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
    else()
        file(CHMOD ${file} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    endif()
endforeach()
