# peaberry_bindings(TARGET ROOT contract…): an interface library whose headers <peaberry/bindings/x.hpp> are generated from
# the compiled ABI JSON below ROOT: Ocean's npm package, or our own contracts as tools/contracts compiles them.
set(PEABERRY_OCEAN_ARTIFACTS ${PROJECT_SOURCE_DIR}/node_modules/@oceanprotocol/contracts/artifacts/contracts
    CACHE PATH "Compiled Ocean contracts")

set(PEABERRY_CONTRACT_ARTIFACTS ${PROJECT_SOURCE_DIR}/build/contracts/out CACHE PATH "Compiled contracts of this project")

function(peaberry_bindings target root)
  set(folder ${PROJECT_BINARY_DIR}/include/bindings/peaberry/bindings)
  set(artifacts)
  set(headers)
  foreach(path ${ARGN})
    if(NOT EXISTS ${root}/${path})
      message(FATAL_ERROR "Missing ${root}/${path}: run tools/setup and tools/contracts build first")
    endif()
    list(APPEND artifacts ${root}/${path})
    get_filename_component(name ${path} NAME_WE)
    # The generator's own snake case: a word starts at an upper-case letter after a lower-case one or a digit, or before a lower-case one.
    string(REGEX REPLACE "([a-z0-9])([A-Z])" "\\1_\\2" snake ${name})
    string(REGEX REPLACE "([A-Z])([A-Z][a-z])" "\\1_\\2" snake ${snake})
    string(TOLOWER ${snake} snake)
    list(APPEND headers ${folder}/${snake}.hpp)
  endforeach()
  add_custom_command(
    OUTPUT ${headers}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    COMMAND peaberry_gen_bindings ${folder} ${artifacts}
    DEPENDS peaberry_gen_bindings ${artifacts}
    COMMENT "Generating contract bindings"
    VERBATIM)
  add_custom_target(${target}_headers DEPENDS ${headers})
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_headers)
  target_include_directories(${target} INTERFACE ${PROJECT_BINARY_DIR}/include/bindings)
  target_link_libraries(${target} INTERFACE peaberry::chain)
endfunction()
