# MSM and NTT of pv_crypto: one source per path, each with its own flags, so that none of them reaches other code.
find_package(OpenMP REQUIRED COMPONENTS C)
include(CheckCCompilerFlag)

target_sources(pv_crypto PRIVATE
  bn254/msm.c bn254/msm_plan.c bn254/msm_digits.c bn254/msm_buckets.c bn254/msm_sum.c bn254/msm_portable.c
  bn254/ntt.c bn254/ntt_portable.c)
target_link_libraries(pv_crypto PRIVATE OpenMP::OpenMP_C)
# The words of a result would be gathered in vector registers to be stored together: slower by a fifth in one round of a quotient of 2^16 (Zen 5,
# mulx/adx, gcc 12).
set_source_files_properties(bn254/ntt_portable.c bn254/ntt_adx.c PROPERTIES COMPILE_OPTIONS -fno-tree-slp-vectorize)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_sources(pv_crypto PRIVATE bn254/msm_adx.c bn254/ntt_adx.c)

  # The flags CPUID is asked for in run.c, and no other.
  set(ifma_flags -mbmi2 -madx -mavx512f -mavx512dq -mavx512vl -mavx512ifma -mavx512vbmi2)
  # gcc's alone: clang 14 wants a literal as the count of _mm512_shrdi_epi64, which an inlined argument is not to it.
  check_c_compiler_flag("-mavx512ifma -mavx512vbmi2" PV_CC_HAS_IFMA)
  if(PV_CC_HAS_IFMA AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    set(ifma_sources bn254/ifma/msm_g1_ifma.c bn254/ifma/msm_g2_ifma.c bn254/ifma/ntt_ifma.c)
    target_sources(pv_crypto PRIVATE ${ifma_sources})
    # -O3 in every build type: at -O2 gcc leaves the eight-lane arrays in memory. Under sanitizers compiling counts: UBSan's checks of
    # every limb took minutes, so only the addresses are watched here.
    if(PV_SANITIZE)
      list(APPEND ifma_flags -O1 -fno-sanitize=undefined)
    else()
      list(APPEND ifma_flags -O3)
    endif()
    set_source_files_properties(${ifma_sources} PROPERTIES COMPILE_OPTIONS "${ifma_flags}" COMPILE_DEFINITIONS BN254_BUILD_ADX)
    set_source_files_properties(bn254/msm.c bn254/ntt.c PROPERTIES COMPILE_DEFINITIONS BN254_HAVE_IFMA=1)
  endif()
endif()
