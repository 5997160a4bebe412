# cmake -DFOLDER=… -DOUT=… -P EmbedViews.cmake: writes OUT, a C table of the JSON files in FOLDER, sorted by name. They are bytes there,
# since a string literal may be no longer than 4095 characters.
file(GLOB files ${FOLDER}/*.json)
list(SORT files)
set(arrays "")
set(rows "")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n    " bytes "${bytes}")
  string(APPEND arrays "static const unsigned char ${name}_json[] = {\n    ${bytes}0x00};\n")
  string(APPEND rows "    {\"${name}\", (const char *)${name}_json},\n")
endforeach()
file(WRITE ${OUT} "/* Made from ${FOLDER} by EmbedViews.cmake. */
#include \"fhir/fhir.h\"

${arrays}
static const struct fhir_builtin VIEWS[] = {
${rows}};

const struct fhir_builtin *fhir_builtin_views(size_t *ret_count)
{
    *ret_count = sizeof VIEWS / sizeof VIEWS[0];
    return VIEWS;
}
")
