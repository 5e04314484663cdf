# provost-prover and its node with the emulated kernels: a GPU's process (prover/gpu/gpu_child.h) as a drill can kill it. The node itself is
# the product's: it never touches CUDA.
get_target_property(folder provost-prover SOURCE_DIR)
get_target_property(sources provost-prover SOURCES)
list(TRANSFORM sources PREPEND ${folder}/)
emu_c_program(emulated-prover ${sources} ${CMAKE_SOURCE_DIR}/prover/groth16/backend.c)
target_compile_options(emulated-prover PRIVATE "SHELL:-iquote ${folder}")
target_compile_definitions(emulated-prover PRIVATE PV_VERSION="${PROJECT_VERSION}")
target_link_libraries(emulated-prover PRIVATE pv_witness pv_limits pv_files OpenMP::OpenMP_C)

get_target_property(folder provost-prover-node SOURCE_DIR)
get_target_property(sources provost-prover-node SOURCES)
get_target_property(libraries provost-prover-node LINK_LIBRARIES)
list(TRANSFORM sources PREPEND ${folder}/)
add_executable(emulated-prover-node EXCLUDE_FROM_ALL ${sources} ${folder}/node_gpu.c)
target_compile_options(emulated-prover-node PRIVATE "SHELL:-iquote ${folder}")
target_compile_definitions(emulated-prover-node PRIVATE PV_VERSION="${PROJECT_VERSION}" PV_HAVE_CUDA)
target_link_libraries(emulated-prover-node PRIVATE ${libraries})
add_dependencies(emulated-prover emulated-prover-node)
add_dependencies(emu_all emulated-prover)

# emu_drill(NAME LABELS [ARGS ...])
function(emu_drill name labels)
  add_test(NAME ${name} COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/fault/drills/gpu_child_drills.py emulated_kernels_are_killed ${ARGN}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/tests)
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT 3600 RUN_SERIAL TRUE SKIP_RETURN_CODE 77 FIXTURES_REQUIRED emu
    ENVIRONMENT "PV_BUILD=${CMAKE_BINARY_DIR}")
endfunction()
emu_drill(emu_processes_killed emu)
emu_drill(emu_processes_killed-soak "emu;soak" --soak)
