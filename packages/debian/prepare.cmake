# Run by CPack on the tree that becomes the .deb: what Debian wants otherwise than `cmake --install` does it.
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(doc ${root}/usr/share/doc/earmark)

# The licence is told by the copyright file, and manuals and changelogs are compressed (-n: the same bytes every time).
file(REMOVE ${doc}/LICENSE)
configure_file(${CMAKE_CURRENT_LIST_DIR}/copyright ${doc}/copyright COPYONLY)
configure_file(${CMAKE_CURRENT_LIST_DIR}/changelog ${doc}/changelog COPYONLY)
execute_process(COMMAND gzip -9nf ${doc}/changelog ${root}/usr/share/man/man1/earmark.1 COMMAND_ERROR_IS_FATAL ANY)

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
file(GLOB_RECURSE files LIST_DIRECTORIES true ${root}/*)
foreach(file ${files})
    if(IS_DIRECTORY ${file} OR file MATCHES "/usr/bin/")
        file(CHMOD ${file} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
    else()
        file(CHMOD ${file} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    endif()
endforeach()
