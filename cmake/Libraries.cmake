# Third-party libraries, each an imported target; docs/DEPENDENCIES.md gives the reason for each.
find_package(PkgConfig REQUIRED)
foreach(pair jansson:jansson archive:libarchive expat:expat crypto:libcrypto xxhash:libxxhash curl:libcurl libpq:libpq)
  string(REPLACE ":" ";" pair "${pair}")
  list(GET pair 0 name)
  list(GET pair 1 module)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
endforeach()

find_library(READSTAT_LIBRARY readstat REQUIRED)
find_path(READSTAT_INCLUDE readstat.h REQUIRED)
set(readstat_INCLUDE_DIRS ${READSTAT_INCLUDE})

find_path(roaring_INCLUDE_DIRS roaring/roaring.h REQUIRED)
find_path(hiredis_INCLUDE_DIRS hiredis/hiredis.h REQUIRED)
find_path(gsl_INCLUDE_DIRS gsl/gsl_cdf.h REQUIRED)

# Not linked, only their headers: a library.c of the layer loads each when it is first needed (base/library.h), so that a verb
# which needs none of them starts in milliseconds.
foreach(name archive expat readstat curl libpq roaring gsl hiredis)
  add_library(${name}_headers INTERFACE)
  target_include_directories(${name}_headers SYSTEM INTERFACE ${${name}_INCLUDE_DIRS})
endforeach()

# Of simdjson its header is compiled in; the library that it belongs to is loaded by its soname, since the header knows its layout.
find_path(SIMDJSON_INCLUDE simdjson.h REQUIRED)
find_library(SIMDJSON_LIBRARY simdjson REQUIRED)
get_filename_component(simdjson_file ${SIMDJSON_LIBRARY} REALPATH)
string(REGEX REPLACE "^.*/(libsimdjson\\.so\\.[0-9]+).*$" "\\1" simdjson_soname ${simdjson_file})
add_library(simdjson_headers INTERFACE)
target_include_directories(simdjson_headers SYSTEM INTERFACE ${SIMDJSON_INCLUDE})
target_compile_definitions(simdjson_headers INTERFACE SIMDJSON_SONAME="${simdjson_soname}")
# The one C++ file calls nothing of libstdc++: programs are linked as C, without it (it would cost each start a millisecond).
set(CMAKE_CXX_LINKER_PREFERENCE_PROPAGATES 0)
set(CMAKE_CXX_IMPLICIT_LINK_LIBRARIES "")

find_library(DUCKDB_LIBRARY duckdb PATHS ${DUCKDB_ROOT}/lib ${DUCKDB_ROOT} NO_DEFAULT_PATH REQUIRED)
find_path(DUCKDB_INCLUDE duckdb.h PATHS ${DUCKDB_ROOT}/include ${DUCKDB_ROOT} NO_DEFAULT_PATH REQUIRED)
# Not linked either, but found by the rpath: programs of the build find this very file; installed ones (Install.cmake) the copy in lib/marrow.
add_library(duckdb_lib INTERFACE)
target_include_directories(duckdb_lib SYSTEM INTERFACE ${DUCKDB_INCLUDE})
get_filename_component(DUCKDB_FOLDER ${DUCKDB_LIBRARY} DIRECTORY)
set(CMAKE_BUILD_RPATH "$ORIGIN;${DUCKDB_FOLDER}")
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Which layer needs which library.
set(LAYER_LIBRARIES_base PkgConfig::crypto PkgConfig::xxhash Threads::Threads ${CMAKE_DL_LIBS} m)
set(LAYER_LIBRARIES_json PkgConfig::jansson simdjson_headers)
set(LAYER_LIBRARIES_net curl_headers)
set(LAYER_LIBRARIES_ingest archive_headers expat_headers readstat_headers)
set(LAYER_LIBRARIES_engine duckdb_lib libpq_headers)
set(LAYER_LIBRARIES_cohort roaring_headers)
set(LAYER_LIBRARIES_live hiredis_headers)
set(LAYER_LIBRARIES_stats gsl_headers)

# Which layer's tests call a library themselves: to write files for its readers, or to read what it wrote.
set(TEST_LIBRARIES_ingest PkgConfig::archive ${READSTAT_LIBRARY})
set(TEST_LIBRARIES_demo PkgConfig::archive)
