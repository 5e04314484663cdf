# One INTERFACE target carries the flags, so that no room repeats them.
add_library(pv_flags INTERFACE)
target_compile_features(pv_flags INTERFACE c_std_11)
target_compile_definitions(pv_flags INTERFACE _GNU_SOURCE)
target_compile_options(pv_flags INTERFACE
  $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter>)
if(PV_WERROR)
  target_compile_options(pv_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-Werror>)
endif()
if(PV_SANITIZE)
  target_compile_options(pv_flags INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${PV_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all>)
  target_link_options(pv_flags INTERFACE -fsanitize=${PV_SANITIZE})
  if(CMAKE_C_COMPILER_ID MATCHES Clang AND PV_SANITIZE MATCHES thread)
    target_compile_definitions(pv_flags INTERFACE __SANITIZE_THREAD__) # as GCC says it
  endif()
endif()
if(PV_FUZZ)
  target_compile_options(pv_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-fsanitize=fuzzer-no-link>)
endif()

# What the programs and the library defend themselves with. Sanitizers bring their own, and lay frames out anew; fortified calls
# need an optimising build.
option(PV_HARDEN "Stack probes, fortified calls, relocations that are read-only (not under sanitizers)" ON)
set(PV_FRAME_MOST 16384) # bytes of one function: threads may have 64 KiB of stack and less (crypto/README.md)
add_library(pv_frames INTERFACE) # for the product; a test may keep what it likes on its stack
if(PV_HARDEN AND NOT PV_SANITIZE AND NOT PV_FUZZ)
  target_compile_options(pv_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-fstack-clash-protection>)
  target_link_options(pv_flags INTERFACE -Wl,-z,relro,-z,now)
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_options(pv_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-U_FORTIFY_SOURCE$<SEMICOLON>-D_FORTIFY_SOURCE=3>)
    target_compile_options(pv_frames INTERFACE $<$<COMPILE_LANGUAGE:C>:-Wframe-larger-than=${PV_FRAME_MOST}>)
  endif()
endif()
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C) # lets CMake say -pie to the linker, whatever the compiler's default
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O3 -g1")

# pv_room(NAME [SOURCES ...] [LIBS ...] [PRIVATE ...]): a folder as a static library (without sources: headers alone). Its include path
# is its own folder and those of LIBS, so an arrow against the direction of the house does not compile.
# -iquote, not -I: a header of ours (sched.h) must not stand before the system's when <pthread.h> asks for it.
function(pv_room name)
  cmake_parse_arguments(R "" "" "SOURCES;LIBS;PRIVATE" ${ARGN})
  if(NOT R_SOURCES)
    add_library(${name} INTERFACE)
    target_compile_options(${name} INTERFACE "SHELL:-iquote ${CMAKE_CURRENT_SOURCE_DIR}")
    target_link_libraries(${name} INTERFACE ${R_LIBS})
    return()
  endif()
  add_library(${name} STATIC ${R_SOURCES})
  target_compile_options(${name} PUBLIC "SHELL:-iquote ${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${name} PUBLIC ${R_LIBS} PRIVATE pv_flags pv_frames ${R_PRIVATE})
endfunction()
