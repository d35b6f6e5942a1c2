# Units of systemd, which name the program by its whole path. They are made when they are installed, for the prefix that is
# chosen then. What several of them say stands once, in systemd/hardening and systemd/restarts.
function(em_unit from to)
    install(CODE "
        foreach(part HARDENING RESTARTS)
            string(TOLOWER \${part} name)
            file(READ \"${PROJECT_SOURCE_DIR}/systemd/\${name}\" EM_\${part})
            string(STRIP \"\${EM_\${part}}\" EM_\${part})
        endforeach()
        set(EM_BIN \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
        configure_file(\"${PROJECT_SOURCE_DIR}/systemd/${from}\" \"${PROJECT_BINARY_DIR}/units/${to}\" @ONLY)")
    get_filename_component(folder ${to} DIRECTORY)
    install(FILES ${PROJECT_BINARY_DIR}/units/${to} DESTINATION lib/systemd/${folder})
endfunction()

em_unit(earmark.service.in system/earmark.service)
em_unit(earmark@.service.in system/earmark@.service)
em_unit(user.service.in user/earmark.service)
install(FILES config/service.conf DESTINATION ${EM_EXAMPLE_DIR})
install(FILES systemd/logrotate DESTINATION ${EM_EXAMPLE_DIR} RENAME earmark.logrotate)
