# Debian packages: cmake --preset deb && cmake --build --preset deb && cpack --preset deb. One package a component; what is in one beside
# programs and library is installed from here. The preset's prefix is /usr.
set(debian ${CMAKE_SOURCE_DIR}/deploy/debian)
set(made ${CMAKE_BINARY_DIR}/debian)
set(PV_DEB_RELEASE 1 CACHE STRING "Debian's part of the version")
set(PV_DEB_MAINTAINER "Provost maintainers <maintainers@users.noreply.r-seed-ac93dadf.example>" CACHE STRING "Maintainer of the packages")
set(PV_DEB_VERSION ${PROJECT_VERSION}-${PV_DEB_RELEASE})

# The day of the last commit, so that the same sources give the same packages.
execute_process(COMMAND git -C ${CMAKE_SOURCE_DIR} log -1 --format=%cD OUTPUT_VARIABLE PV_DEB_DATE OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT PV_DEB_DATE)
  string(TIMESTAMP PV_DEB_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
endif()
set(PV_DEB_ARCHITECTURES x86_64=amd64 aarch64=arm64)
string(REGEX MATCH "${CMAKE_SYSTEM_PROCESSOR}=([a-z0-9]+)" found "${PV_DEB_ARCHITECTURES}")
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${CMAKE_MATCH_1})

# pv_gzip(FILE SOURCE): as Debian wants its documents.
function(pv_gzip file source)
  add_custom_command(OUTPUT ${file} COMMAND sh -c "gzip -9nc '${source}' >'${file}'" DEPENDS ${source} VERBATIM)
  set_property(GLOBAL APPEND PROPERTY PV_PACKAGE_FILES ${file})
endfunction()
configure_file(${debian}/changelog.in ${made}/changelog @ONLY)
pv_gzip(${made}/changelog.Debian.gz ${made}/changelog)
pv_gzip(${made}/changelog.gz ${CMAKE_SOURCE_DIR}/CHANGELOG.md)

# pv_package(COMPONENT NAME SECTION SUMMARY TEXT [DEPENDS ...])
function(pv_package component name section summary text)
  cmake_parse_arguments(P "" "" "DEPENDS" ${ARGN})
  string(TOUPPER ${component} upper)
  string(JOIN ", " depends ${P_DEPENDS})
  foreach(pair "NAME=${name}" "SECTION=${section}" "DEPENDS=${depends}")
    string(REGEX MATCH "^[A-Z]+" key "${pair}")
    string(REGEX REPLACE "^[A-Z]+=" "" value "${pair}")
    set(CPACK_DEBIAN_${upper}_PACKAGE_${key} "${value}" PARENT_SCOPE)
  endforeach()
  set(CPACK_DEBIAN_${upper}_DESCRIPTION "${summary}\n${text}" PARENT_SCOPE)
  install(FILES ${made}/changelog.Debian.gz ${made}/changelog.gz ${debian}/copyright DESTINATION share/doc/${name} COMPONENT ${component})
  set(overrides "# No upload to Debian: these packages are the project's own.\n${name}: initial-upload-closes-no-bugs\n")
  if(EXISTS ${debian}/${name}.lintian)
    file(READ ${debian}/${name}.lintian more)
    string(APPEND overrides "${more}")
  endif()
  file(CONFIGURE OUTPUT ${made}/overrides/${name} CONTENT "${overrides}" @ONLY)
  install(FILES ${made}/overrides/${name} DESTINATION share/lintian/overrides COMPONENT ${component})
endfunction()

# pv_manual(COMPONENT PROGRAM SECTION WORDS...): a page from what the program says of itself, gzipped, as Debian has them. WORDS: a target and,
# behind a colon, its command; each is asked for --help (when cross-compiling by the emulator).
function(pv_manual component program section)
  set(page ${made}/${program}.${section})
  set(asked "")
  foreach(words IN LISTS ARGN)
    string(REPLACE ":" ";" words ${words})
    list(APPEND asked COMMAND ${words} --help >> ${page}.help)
  endforeach()
  add_custom_command(OUTPUT ${page} COMMAND ${CMAKE_COMMAND} -E rm -f ${page}.help ${asked}
    COMMAND ${CMAKE_COMMAND} -DHELP=${page}.help -DPAGE=${page} -DNAME=${program} -DSECTION=${section} -DVERSION=${PROJECT_VERSION}
      -P ${CMAKE_SOURCE_DIR}/cmake/manual.cmake
    DEPENDS ${CMAKE_SOURCE_DIR}/cmake/manual.cmake)
  pv_gzip(${page}.gz ${page})
  install(FILES ${page}.gz DESTINATION share/man/man${section} COMPONENT ${component})
endfunction()

# pv_service(COMPONENT UNIT KEY STATE RESTART WHY FOLDERS): the unit, its user and folders, and the scripts around them.
function(pv_service component PV_UNIT PV_KEY PV_STATE PV_RESTART PV_RESTART_WHY PV_FOLDERS)
  install(FILES ${CMAKE_SOURCE_DIR}/deploy/systemd/${PV_UNIT}.service DESTINATION lib/systemd/system COMPONENT ${component})
  install(FILES ${debian}/${PV_UNIT}.sysusers DESTINATION lib/sysusers.d RENAME ${PV_UNIT}.conf COMPONENT ${component})
  install(FILES ${debian}/${PV_UNIT}.tmpfiles DESTINATION lib/tmpfiles.d RENAME ${PV_UNIT}.conf COMPONENT ${component})
  set(scripts "")
  foreach(script postinst prerm postrm)
    configure_file(${debian}/${script}.in ${made}/${component}/${script} @ONLY
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
    list(APPEND scripts ${made}/${component}/${script})
  endforeach()
  configure_file(${debian}/${component}.conffiles ${made}/${component}/conffiles COPYONLY)
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA ${scripts} ${made}/${component}/conffiles PARENT_SCOPE)
endfunction()

# A package has no keys of anybody: those of the sample are shown, not in force.
file(READ ${CMAKE_SOURCE_DIR}/deploy/config/authorized_keys.yaml keys)
string(REGEX REPLACE "\n  ([^\n]*)" "\n#   \\1" keys "${keys}")
string(REPLACE "\nkeys:\n" "\nkeys: []                                      # in place of this line: keys:, and below it as here\n" keys "${keys}")
file(CONFIGURE OUTPUT ${made}/authorized_keys.yaml CONTENT "${keys}" @ONLY)

set(pull "A service submits a witness and awaits the proof; provers dial out to a\nbroker and pull. Every proof is verified before it leaves its node.")
pv_package(broker provost-broker net "pull queue for zero-knowledge provers: the broker"
  "${pull}\n.\nThis package has the broker, as a service." DEPENDS provost systemd procps)
pv_package(prover provost-prover net "pull queue for zero-knowledge provers: the prover"
  "${pull}\n.\nThis package has the prover, as a service that takes tasks from a broker,\nand as a program that proves files. It proves on the CPU."
  DEPENDS provost systemd procps)
pv_package(cli provost net "pull queue for zero-knowledge provers: the command line"
  "${pull}\n.\nThis package has the command with which tasks are submitted and awaited, queues\nand provers are looked at and operated, and keys are made.")
pv_package(library libprovost${PROJECT_VERSION_MAJOR} libs "pull queue for zero-knowledge provers: client library"
  "${pull}\n.\nThis package has the library with which a program asks for proofs.")
pv_package(client libprovost-dev libdevel "pull queue for zero-knowledge provers: client library, to build with"
  "${pull}\n.\nThis package has what is needed to build programs that ask for proofs."
  DEPENDS "libprovost${PROJECT_VERSION_MAJOR} (= ${PV_DEB_VERSION})" libzmq3-dev libmsgpack-dev libssl-dev libjansson-dev)

pv_service(broker provost-broker broker.key provost try-restart "Nothing is lost, and peers dial again." "")
pv_service(prover provost-prover node.key provost-prover "--no-block try-restart" "It drains first, and nobody waits for that."
  "/srv/provost/circuits /srv/provost")
configure_file(${debian}/library.triggers ${made}/library/triggers COPYONLY)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${made}/library/triggers)
set(config ${CMAKE_SOURCE_DIR}/deploy/config)
install(FILES ${config}/broker.yaml ${made}/authorized_keys.yaml DESTINATION /etc/provost COMPONENT broker)
install(FILES ${config}/prover.yaml DESTINATION /etc/provost COMPONENT prover)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/deploy/systemd/provost-prover.service.d/ DESTINATION share/provost/systemd COMPONENT prover)

pv_manual(broker provost-broker 8 provost-broker)
pv_manual(prover provost-prover 8 provost-prover provost-prover:prove provost-prover:verify provost-prover:inspect provost-prover:selftest
  provost-prover:bench provost-prover-node)
file(CONFIGURE OUTPUT ${made}/provost-prover-node.8 CONTENT ".so man8/provost-prover.8\n" @ONLY)
pv_gzip(${made}/provost-prover-node.8.gz ${made}/provost-prover-node.8)
install(FILES ${made}/provost-prover-node.8.gz DESTINATION share/man/man8 COMPONENT prover)
get_property(files GLOBAL PROPERTY PV_PACKAGE_FILES)
add_custom_target(package_files ALL DEPENDS ${files})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME provost)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each has its own
set(CPACK_PACKAGE_CONTACT "${PV_DEB_MAINTAINER}")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${PV_DEB_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_RELEASE ${PV_DEB_RELEASE})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL broker prover cli library client)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_SET_DESTDIR ON) # /etc is beside the prefix, not in it
set(CPACK_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/package_tidy.cmake)
set(CPACK_PV_STRIP ${CMAKE_STRIP})
set(CPACK_PV_OBJCOPY ${CMAKE_OBJCOPY})
include(CPack)
