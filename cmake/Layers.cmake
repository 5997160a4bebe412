# Reads src/LAYERS and makes one static library marrow_<layer> for each line that has sources.
add_library(marrow_flags INTERFACE)
target_include_directories(marrow_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_definitions(marrow_flags INTERFACE _GNU_SOURCE MARROW_VERSION="${PROJECT_VERSION}")
target_compile_options(marrow_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wformat=2 -Wundef -Wvla -Wcast-qual -Wwrite-strings -Wnull-dereference
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>
  $<$<COMPILE_LANGUAGE:CXX>:-O2> # in a debug build too: else what simdjson.h defines and nothing calls would ask for the library
  -fstack-protector-strong -fvisibility=hidden)
if(MARROW_WERROR)
  target_compile_options(marrow_flags INTERFACE -Werror)
endif()
if(MARROW_FAULTS)
  target_compile_definitions(marrow_flags INTERFACE MARROW_FAULTS=1)
endif()
if(MARROW_SANITIZE)
  target_compile_options(marrow_flags INTERFACE -fsanitize=${MARROW_SANITIZE} $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=vptr> $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-fno-sanitize=function> -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(marrow_flags INTERFACE -fsanitize=${MARROW_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(marrow_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
target_link_options(marrow_flags INTERFACE -Wl,-z,relro,-z,now)

set(MARROW_LAYERS "")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/LAYERS)
file(STRINGS ${CMAKE_SOURCE_DIR}/src/LAYERS lines REGEX "^[a-z]+:")
foreach(line IN LISTS lines)
  string(REGEX MATCH "^([a-z]+):(.*)$" matched "${line}")
  set(layer ${CMAKE_MATCH_1})
  string(REGEX MATCHALL "[a-z]+" needs "${CMAKE_MATCH_2}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${layer}/*.c ${CMAKE_SOURCE_DIR}/src/${layer}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/(cli/main|api/marrow|api/marrow_plan)\\.c$")
  if(NOT sources)
    continue()
  endif()
  add_library(marrow_${layer} STATIC ${sources})
  target_link_libraries(marrow_${layer} PUBLIC marrow_flags ${LAYER_LIBRARIES_${layer}})
  foreach(need IN LISTS needs)
    if(TARGET marrow_${need})
      target_link_libraries(marrow_${layer} PUBLIC marrow_${need})
    endif()
  endforeach()
  list(APPEND MARROW_LAYERS ${layer})
endforeach()

# The built-in views: the JSON files of src/fhir/views as a table in the library.
file(GLOB views CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/fhir/views/*.json)
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/builtin_views.c
  COMMAND ${CMAKE_COMMAND} -DFOLDER=${CMAKE_SOURCE_DIR}/src/fhir/views -DOUT=${CMAKE_BINARY_DIR}/builtin_views.c
          -P ${CMAKE_SOURCE_DIR}/cmake/EmbedViews.cmake
  DEPENDS ${views} ${CMAKE_SOURCE_DIR}/cmake/EmbedViews.cmake
  VERBATIM)
target_sources(marrow_fhir PRIVATE ${CMAKE_BINARY_DIR}/builtin_views.c)

if(EXISTS ${CMAKE_SOURCE_DIR}/src/cli/main.c)
  add_executable(marrow ${CMAKE_SOURCE_DIR}/src/cli/main.c)
  target_link_libraries(marrow PRIVATE marrow_cli)
  target_compile_options(marrow PRIVATE -fPIE)
  target_link_options(marrow PRIVATE -pie)
endif()
