# How this project's libraries and tools are built: one precompiled header, the shared libMLIR and libLLVM.

option(MF_ASSERTIONS "Check the standard library's preconditions in our own code" OFF)
set(MF_SANITIZE "" CACHE STRING "Sanitizers for our own code: address, undefined, thread, or a list like address,undefined")
find_program(MF_CCACHE ccache)
if(MF_CCACHE)
  # A precompiled header is hashed by its inputs, not by its date.
  set(MF_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${MF_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MF_LAUNCHER})
  set(CMAKE_C_COMPILER_LAUNCHER ${MF_LAUNCHER})
endif()

set(MF_COMPILE_OPTIONS -Wall -Wextra -Wno-unused-parameter -fno-semantic-interposition -fvisibility-inlines-hidden)
if(MF_CCACHE)
  list(APPEND MF_COMPILE_OPTIONS "SHELL:-Xclang -fno-pch-timestamp")
endif()
if(MF_ASSERTIONS)
  list(APPEND MF_COMPILE_OPTIONS -D_GLIBCXX_ASSERTIONS)
endif()
if(MF_SANITIZE)
  list(APPEND MF_COMPILE_OPTIONS -fsanitize=${MF_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${MF_SANITIZE})
endif()

# What every target that includes LLVM's or MLIR's headers needs.
add_library(MFCompileSettings INTERFACE)
target_include_directories(MFCompileSettings INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)
target_include_directories(MFCompileSettings SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_definitions(MFCompileSettings INTERFACE ${LLVM_DEFINITIONS_LIST})
target_compile_options(MFCompileSettings INTERFACE ${MF_COMPILE_OPTIONS})
target_link_options(MFCompileSettings INTERFACE -fuse-ld=lld)

# The precompiled header that the libraries share.
file(WRITE ${PROJECT_BINARY_DIR}/MFPrecompiled.cpp "// Carries the precompiled header.\n")
add_library(MFPrecompiled OBJECT ${PROJECT_BINARY_DIR}/MFPrecompiled.cpp)
target_link_libraries(MFPrecompiled PUBLIC MFCompileSettings)
set_target_properties(MFPrecompiled PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_precompile_headers(MFPrecompiled PRIVATE ${PROJECT_SOURCE_DIR}/lib/Build/Precompiled.h)

# A static library of the compiler.
#   mf_add_library(NAME source... [DEPENDS target...] [LINK library...])
function(mf_add_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${name} PUBLIC MFCompileSettings ${ARG_LINK})
  target_precompile_headers(${name} REUSE_FROM MFPrecompiled)
  add_dependencies(${name} MFPrecompiled ${ARG_DEPENDS})
endfunction()

# A tool: its main and the libraries it links, on top of the shared libMLIR and libLLVM.
#   mf_add_tool(NAME source... [LINK library...])
function(mf_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  # -fPIC and not -fPIE, as the precompiled header was compiled.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  target_compile_options(${name} PRIVATE -fPIC)
  target_link_libraries(${name} PRIVATE MFCompileSettings ${ARG_LINK} MLIR LLVM)
  target_precompile_headers(${name} REUSE_FROM MFPrecompiled)
  add_dependencies(${name} MFPrecompiled)
endfunction()

# A page of ${PROJECT_BINARY_DIR}/docs, part of the target `mf-doc`, that mlir-tblgen makes of a .td file.
#   mf_add_doc(PAGE file.td argument...)
function(mf_add_doc page td)
  if(NOT TARGET mf-doc)
    add_custom_target(mf-doc)
  endif()
  set(LLVM_TARGET_DEFINITIONS ${td})
  tablegen(MLIR ${page}.md ${ARGN})
  set(output ${PROJECT_BINARY_DIR}/docs/${page}.md)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_BINARY_DIR}/${page}.md ${output}
    DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/${page}.md)
  add_custom_target(mf-doc-${page} DEPENDS ${output})
  add_dependencies(mf-doc mf-doc-${page})
endfunction()
