# What is installed: libprovost as programs load it (component library); provost.h, the link to it, the static one, provost.pc and
# find_package(provost) to build with (client).
set(PV_HEADER ${CMAKE_CURRENT_SOURCE_DIR}/include/provost.h)
set(PV_STATUS_LIST ${CMAKE_SOURCE_DIR}/base/status_list.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PV_HEADER} ${PV_STATUS_LIST})

# One header is installed: provost.h with the text of the one header that it includes in the place of the include.
file(READ ${PV_HEADER} header)
file(READ ${PV_STATUS_LIST} status_list)
set(include "#include \"status_list.h\" /* the installed provost.h has its text here */\n")
string(REPLACE "${include}" "${status_list}" installed "${header}")
if(installed STREQUAL header)
  message(FATAL_ERROR "worker/include/provost.h has no line ${include}")
endif()
file(CONFIGURE OUTPUT installed/provost.h CONTENT "${installed}" @ONLY)

# Every function of that header, and nothing else, is visible: in the shared library by a version script, in the static one
# by making all other symbols local, so that neither clashes with what a program has of its own.
string(REGEX MATCHALL "\n[a-z][a-z0-9_ ]*[ *]pv_[a-z0-9_]+\\(" declared "${installed}")
set(exports "")
foreach(line IN LISTS declared)
  if(NOT line MATCHES "typedef")
    string(REGEX MATCH "pv_[a-z0-9_]+\\($" name "${line}")
    string(REPLACE "(" "" name "${name}")
    list(APPEND exports ${name})
  endif()
endforeach()
list(REMOVE_DUPLICATES exports)
list(JOIN exports ";\n    " names)
file(CONFIGURE OUTPUT provost.map CONTENT "PROVOST_0.1 {\n  global:\n    ${names};\n  local:\n    *;\n};\n" @ONLY)
list(JOIN exports "\n" names)
file(CONFIGURE OUTPUT provost.exports CONTENT "${names}\n" @ONLY)

add_library(provost SHARED $<TARGET_OBJECTS:pv_client>)
set_target_properties(provost PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LINKER_LANGUAGE C LINK_DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/provost.map)
target_link_libraries(provost PRIVATE pv_flags pv_frames ${PV_CLIENT_NEEDS})
target_link_options(provost PRIVATE -Wl,--version-script=${CMAKE_CURRENT_BINARY_DIR}/provost.map -Wl,-z,defs)
target_include_directories(provost INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
if(PV_SANITIZE)
  target_link_options(provost PRIVATE -Wl,-z,undefs) # the sanitizer's runtime is in the program
endif()

set(archives "")
foreach(room IN LISTS PV_CLIENT_ROOMS)
  list(APPEND archives $<TARGET_FILE:${room}>)
endforeach()
set(one ${CMAKE_CURRENT_BINARY_DIR}/provost_static.o)
set(archive ${CMAKE_CURRENT_BINARY_DIR}/libprovost.a)
add_custom_command(OUTPUT ${archive}
  COMMAND ${CMAKE_LINKER} -r -o ${one} --whole-archive $<TARGET_FILE:pv_client> --no-whole-archive
          --start-group ${archives} --end-group
  COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=${CMAKE_CURRENT_BINARY_DIR}/provost.exports ${one}
  COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
  COMMAND ${CMAKE_AR} rcs ${archive} ${one}
  DEPENDS pv_client ${PV_CLIENT_ROOMS} ${CMAKE_CURRENT_BINARY_DIR}/provost.exports
  VERBATIM)
add_custom_target(provost_static ALL DEPENDS ${archive})

include(CMakePackageConfigHelpers)
# The file says where it lies itself, so that what is installed may be moved. A folder that is set absolute stays where it is.
set(pc_prefix ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" up "${up}")
  set(pc_prefix "\${pcfiledir}/${up}")
endif()
foreach(folder includedir libdir)
  string(TOUPPER "CMAKE_INSTALL_${folder}" variable)
  set(pc_${folder} "\${prefix}/${${variable}}")
  if(IS_ABSOLUTE "${${variable}}")
    set(pc_${folder} "${${variable}}")
  endif()
endforeach()
configure_file(provost.pc.in provost.pc @ONLY)
configure_file(provostConfig.cmake.in provostConfig.cmake @ONLY)
write_basic_package_version_file(provostConfigVersion.cmake COMPATIBILITY SameMinorVersion)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/provost)
install(TARGETS provost EXPORT provostTargets LIBRARY COMPONENT library NAMELINK_COMPONENT client)
install(EXPORT provostTargets NAMESPACE provost:: DESTINATION ${package} COMPONENT client)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/provostConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/provostConfigVersion.cmake
  DESTINATION ${package} COMPONENT client)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/provost.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT client)
install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/installed/provost.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT client)
