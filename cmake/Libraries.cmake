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
add_library(readstat_lib INTERFACE)
target_include_directories(readstat_lib SYSTEM INTERFACE ${READSTAT_INCLUDE})
target_link_libraries(readstat_lib INTERFACE ${READSTAT_LIBRARY})

find_library(DUCKDB_LIBRARY duckdb PATHS ${DUCKDB_ROOT}/lib ${DUCKDB_ROOT} NO_DEFAULT_PATH REQUIRED)
find_path(DUCKDB_INCLUDE duckdb.h PATHS ${DUCKDB_ROOT}/include ${DUCKDB_ROOT} NO_DEFAULT_PATH REQUIRED)
# Not linked: engine/duckdb/library.c loads it when an engine is opened, found by the rpath. Programs of the build find this very
# file; installed ones (Install.cmake) the copy in lib/marrow.
add_library(duckdb_lib INTERFACE)
target_include_directories(duckdb_lib SYSTEM INTERFACE ${DUCKDB_INCLUDE})
get_filename_component(DUCKDB_FOLDER ${DUCKDB_LIBRARY} DIRECTORY)
set(CMAKE_BUILD_RPATH "$ORIGIN;${DUCKDB_FOLDER}")
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Which layer needs which library.
set(LAYER_LIBRARIES_base PkgConfig::crypto PkgConfig::xxhash Threads::Threads ${CMAKE_DL_LIBS} m)
set(LAYER_LIBRARIES_json PkgConfig::jansson)
set(LAYER_LIBRARIES_net PkgConfig::curl)
set(LAYER_LIBRARIES_ingest PkgConfig::archive PkgConfig::expat readstat_lib)
set(LAYER_LIBRARIES_demo PkgConfig::archive)
set(LAYER_LIBRARIES_engine duckdb_lib PkgConfig::libpq)
