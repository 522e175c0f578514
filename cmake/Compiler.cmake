# Warnings, sanitizers and linker for every target of the project.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers
                    -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized)  # GCC PR 105651 and 80635: false alarms in g++ 12
endif()
add_compile_definitions(_GNU_SOURCE)

# Asserts stay on in release: PB_ASSERT does not look at NDEBUG.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_C_FLAGS_RELEASE "-O2")

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND (PEABERRY_SANITIZE OR PEABERRY_FUZZ))
  set(PEABERRY_SANITIZER_LIMITS -fno-sanitize=function)  # clang 14 cannot emit its prologue data for coroutines
endif()
if(PEABERRY_SANITIZE)
  add_compile_options(-fsanitize=${PEABERRY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all ${PEABERRY_SANITIZER_LIMITS})
  add_link_options(-fsanitize=${PEABERRY_SANITIZE})
endif()
if(PEABERRY_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(PEABERRY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all ${PEABERRY_SANITIZER_LIMITS})
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(PEABERRY_CCACHE ccache)
if(PEABERRY_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PEABERRY_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${PEABERRY_CCACHE})
endif()
find_program(PEABERRY_MOLD mold)
if(PEABERRY_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
