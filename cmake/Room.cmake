# peaberry_room(NAME [PUBLIC targets…] [PRIVATE targets…])
#
# One folder, one library. The room's headers are reachable as <peaberry/NAME/x.hpp> through a
# symbolic link made in build/include/NAME, and that is the room's *only* include root: a source that
# includes a room it does not link fails with "No such file or directory". Files are told apart by
# suffix: x_test.cpp → peaberry_NAME_test, x_bench.cpp → peaberry_NAME_bench,
# x_fuzz.cpp → peaberry_NAME_x_fuzz. A room of a larger house is named house/room: target
# peaberry_house_room, headers <peaberry/house/room/x.hpp>.
define_property(GLOBAL PROPERTY PEABERRY_ROOMS BRIEF_DOCS "rooms" FULL_DOCS "rooms in order")

function(peaberry_room name)
  cmake_parse_arguments(ARG "" "" "PUBLIC;PRIVATE" ${ARGN})
  string(REPLACE "/" "_" id ${name})
  set(target peaberry_${id})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  file(GLOB_RECURSE nested CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*/*.cpp)
  list(APPEND sources ${nested})
  set(tests ${sources})
  set(benches ${sources})
  set(fuzzers ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz|main)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER benches INCLUDE REGEX "_bench\\.cpp$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cpp$")

  set(root ${PROJECT_BINARY_DIR}/include/${id})
  get_filename_component(parent ${root}/peaberry/${name} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/peaberry/${name} SYMBOLIC)

  add_library(${target} STATIC ${sources})
  add_library(peaberry::${id} ALIAS ${target})
  target_include_directories(${target} PUBLIC ${root})
  target_link_libraries(${target} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  set_property(GLOBAL APPEND PROPERTY PEABERRY_ROOMS ${id})

  if(PEABERRY_TESTS AND tests)
    add_executable(${target}_test ${tests})
    target_link_libraries(${target}_test PRIVATE ${target} ${ARG_PUBLIC} ${ARG_PRIVATE} GTest::gmock
                                                 GTest::gtest_main)
    target_precompile_headers(${target}_test PRIVATE <gtest/gtest.h>)
    target_compile_definitions(${target}_test PRIVATE PEABERRY_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                                      PEABERRY_BINARY_DIR="${PROJECT_BINARY_DIR}")
    gtest_discover_tests(${target}_test TEST_PREFIX "${id}." DISCOVERY_TIMEOUT 60
                         PROPERTIES LABELS unit TIMEOUT 300)
  endif()
  if(PEABERRY_BENCH AND benches)
    add_executable(${target}_bench ${benches})
    target_link_libraries(${target}_bench PRIVATE ${target} ${ARG_PUBLIC} ${ARG_PRIVATE})
  endif()
  if(PEABERRY_FUZZ)
    foreach(source ${fuzzers})
      get_filename_component(stem ${source} NAME_WE)
      add_executable(${target}_${stem} ${source})
      target_link_libraries(${target}_${stem} PRIVATE ${target} ${ARG_PUBLIC} ${ARG_PRIVATE})
      target_link_options(${target}_${stem} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()
endfunction()
