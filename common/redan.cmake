# How every folder of the tree is built. A folder's own CMakeLists.txt is one line:
#   redan_library(gossip DEPENDS base protocol)
# makes the static library redan_gossip from the folder's *.cc files, and of those in FOLDERS below it.

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS program_options)
find_package(OpenSSL REQUIRED)
find_package(spdlog REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)
find_library(LZF_LIBRARY lzf REQUIRED)
find_program(PROTOC protoc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

# gRPC's archives where there are any, with what its libraries need: a node of a cluster has 1.3 MB less RSS than with
# the libraries. Sanitizers get these: they tell code that they do not see into by its file.
add_library(redan_grpc INTERFACE)
set(parts grpc++_unsecure grpc_unsecure upb gpr address_sorting)
set(archives)
foreach(part ${parts})
  find_library(GRPC_ARCHIVE_${part} lib${part}.a)
  list(APPEND archives ${GRPC_ARCHIVE_${part}})
endforeach()
if(REDAN_SANITIZE OR archives MATCHES "NOTFOUND")
  target_link_libraries(redan_grpc INTERFACE gRPC::grpc++_unsecure)
else()
  target_link_libraries(redan_grpc INTERFACE ${archives})
  foreach(part ${parts})
    get_target_property(needs gRPC::${part} INTERFACE_LINK_LIBRARIES)
    if(needs)
      list(FILTER needs EXCLUDE REGEX "^gRPC::|^protobuf::")
      target_link_libraries(redan_grpc INTERFACE ${needs})
    endif()
  endforeach()
endif()

# Flags of every target that we write; not of generated protobuf code.
add_library(redan_flags INTERFACE)
target_include_directories(redan_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(redan_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wno-missing-field-initializers)
target_compile_definitions(redan_flags INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL
  REDAN_VERSION="7.2.0" $<$<BOOL:${REDAN_MUTANTS}>:REDAN_MUTANTS>)

add_library(redan_hardening INTERFACE)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(redan_hardening INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
  target_link_options(redan_hardening INTERFACE -Wl,-z,relro,-z,now)
endif()
target_link_libraries(redan_flags INTERFACE redan_hardening)
if(REDAN_SANITIZE)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")
  set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g1")
  add_compile_options(-fsanitize=${REDAN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio has fences, which g++ says ThreadSanitizer does not see; tests/README.md tells what follows.
    # Its guesses about uninitialised values are wrong in instrumented code (std::regex); other builds heed them.
    add_compile_options(-Wno-tsan -Wno-maybe-uninitialized)
  endif()
  add_link_options(-fsanitize=${REDAN_SANITIZE})
endif()

# redan_library(NAME [DEPENDS lib...] [LINK external...] [EXCEPT file...]): the *.cc files of this folder, but for
# those that another target takes.
function(redan_library name)
  cmake_parse_arguments(ARG "" "" "FOLDERS;DEPENDS;LINK;EXCEPT" ${ARGN})
  list(TRANSFORM ARG_FOLDERS REPLACE "(.+)" "${CMAKE_CURRENT_SOURCE_DIR}/\\1/*.cc")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc ${ARG_FOLDERS})
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  list(TRANSFORM ARG_EXCEPT PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  list(REMOVE_ITEM sources ${ARG_EXCEPT})
  list(TRANSFORM ARG_DEPENDS PREPEND redan_)
  if(sources)
    add_library(redan_${name} STATIC ${sources})
    target_link_libraries(redan_${name} PUBLIC redan_flags ${ARG_DEPENDS} ${ARG_LINK})
  else()
    add_library(redan_${name} INTERFACE)
    target_link_libraries(redan_${name} INTERFACE redan_flags ${ARG_DEPENDS} ${ARG_LINK})
  endif()
endfunction()
