/* The formats, in the order in which they are asked: binary ones know their magic; JSON knows its
 * first characters; CSV, which would take nearly any text, comes last. */
#include "ingest/archive_library.h"
#include "ingest/expat_library.h"
#include "ingest/ingest_priv.h"
#include "ingest/readstat_library.h"

const struct ingest_format *const ingest_formats[] = {
    &ingest_format_parquet, &ingest_format_xlsx,
    &ingest_format_spss,    &ingest_format_stata,
    &ingest_format_sas,     &ingest_format_sas_transport,
    &ingest_format_json,    &ingest_format_spss_portable,
    &ingest_format_csv,     NULL,
};

enum err_code ingest_load(struct err *err)
{
    TRY(libarchive_load(err));
    TRY(libexpat_load(err));
    return libreadstat_load(err);
}

size_t ingest_format_count(void)
{
    size_t count = 0;
    while (ingest_formats[count] != NULL)
        count++;
    return count;
}

const char *ingest_format_name(size_t idx)
{
    return idx < ingest_format_count() ? ingest_formats[idx]->name : "";
}

const char *ingest_format_suffixes(size_t idx)
{
    return idx < ingest_format_count() ? ingest_formats[idx]->suffixes : "";
}
