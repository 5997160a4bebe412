/* What a file's name alone says: no data (a licence, a picture …), or data in a format that Marrow
 * does not read. The content decides for all others. Pure. */
#include <string.h>

#include "ingest/parts_priv.h"

struct name_rule {
    const char *pattern;
    const char *reason;
};

/* Whole base names, lower case. */
static const struct name_rule whole_names[] = {
    {"thumbs.db", "no data: a file of the system"},
    {"desktop.ini", "no data: a file of the system"},
    {"source.txt", "no data: where the files come from"},
    {"_success", "no data: a marker"},
    {"_marrow.json", "no data: what Marrow notes beside a result"},
    {"_metadata", "no data: Parquet's summary"},
    {"_common_metadata", "no data: Parquet's summary"},
    {"define.xml", "no data: metadata (define.xml)"},
    {"datapackage.json", "no data: metadata"},
    {"package.json", "no data: metadata"},
    {"robots.txt", "no data"},
    {"requirements.txt", "no data: code"},
    {"makefile", "no data: code"},
    {"dockerfile", "no data: code"},
};
/* Starts of the stem: the word, then the end or no letter. */
static const struct name_rule starts[] = {
    {"license", "no data: a licence"},      {"licence", "no data: a licence"},
    {"copying", "no data: a licence"},      {"copyright", "no data: a licence"},
    {"notice", "no data: a licence"},       {"readme", "no data: a readme"},
    {"changelog", "no data: a change log"}, {"contributing", "no data: documentation"},
    {"citation", "no data: documentation"}, {"authors", "no data: documentation"},
    {"sha256sum", "no data: checksums"},    {"sha256sums", "no data: checksums"},
    {"sha512sums", "no data: checksums"},   {"md5sum", "no data: checksums"},
    {"md5sums", "no data: checksums"},      {"checksums", "no data: checksums"},
};
/* The start rules hold for these only, so that "notice.csv" is a table. */
static const char *const prose_suffixes[] = {"",     ".txt", ".md",   ".rst", ".html",
                                             ".htm", ".pdf", ".docx", ".doc", ".rtf"};

static const struct name_rule suffixes[] = {
    {".md", "no data: documentation"},
    {".rst", "no data: documentation"},
    {".doc", "no data: a document"},
    {".docx", "no data: a document"},
    {".odt", "no data: a document"},
    {".rtf", "no data: a document"},
    {".pdf", "no data: a document"},
    {".ppt", "no data: a document"},
    {".pptx", "no data: a document"},
    {".html", "no data: a document"},
    {".htm", "no data: a document"},
    {".tex", "no data: a document"},
    {".png", "no data: a picture"},
    {".jpg", "no data: a picture"},
    {".jpeg", "no data: a picture"},
    {".gif", "no data: a picture"},
    {".bmp", "no data: a picture"},
    {".svg", "no data: a picture"},
    {".tif", "no data: a picture"},
    {".tiff", "no data: a picture"},
    {".ico", "no data: a picture"},
    {".webp", "no data: a picture"},
    {".dcm", "no data: a picture"},
    {".mp4", "no data: a film"},
    {".xml", "no data: XML"},
    {".xsl", "no data: a style sheet"},
    {".xslt", "no data: a style sheet"},
    {".xsd", "no data: a schema"},
    {".dtd", "no data: a schema"},
    {".css", "no data: a style sheet"},
    {".js", "no data: code"},
    {".py", "no data: code"},
    {".r", "no data: code"},
    {".rmd", "no data: code"},
    {".ipynb", "no data: code"},
    {".sas", "no data: code"},
    {".sps", "no data: code"},
    {".do", "no data: code"},
    {".sql", "no data: code"},
    {".sh", "no data: code"},
    {".bat", "no data: code"},
    {".c", "no data: code"},
    {".h", "no data: code"},
    {".yml", "no data: settings"},
    {".yaml", "no data: settings"},
    {".toml", "no data: settings"},
    {".ini", "no data: settings"},
    {".cfg", "no data: settings"},
    {".log", "no data: a log"},
    {".md5", "no data: checksums"},
    {".sha256", "no data: checksums"},
    {".crc", "no data: checksums"},
    {".asc", "no data: a signature"},
    {".sig", "no data: a signature"},
    {".bib", "no data: documentation"},
    {".exe", "no data: a program"},
    {".dll", "no data: a program"},
    {".bak", "no data: a back-up copy"},
    {".lnk", "no data: a link"},
};

static const struct name_rule unreadable[] = {
    {".xls", "data that Marrow does not read: an old Excel file"},
    {".xlsb", "data that Marrow does not read: a binary Excel file"},
    {".ods", "data that Marrow does not read: an OpenDocument sheet"},
    {".mdb", "data that Marrow does not read: an Access database"},
    {".accdb", "data that Marrow does not read: an Access database"},
    {".rds", "data that Marrow does not read: an R file"},
    {".rda", "data that Marrow does not read: an R file"},
    {".rdata", "data that Marrow does not read: an R file"},
    {".feather", "data that Marrow does not read: Feather"},
    {".orc", "data that Marrow does not read: ORC"},
    {".avro", "data that Marrow does not read: Avro"},
    {".sqlite", "data that Marrow does not read: an SQLite database"},
    {".duckdb", "data that Marrow does not read: a DuckDB database"},
    {".pkl", "data that Marrow does not read: a Python pickle"},
    {".h5", "data that Marrow does not read: HDF5"},
    {".mat", "data that Marrow does not read: a MATLAB file"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_prose_name(const char *base)
{
    const char *dot = strrchr(base, '.');
    struct str suffix = str_of(dot == NULL ? "" : dot);
    for (size_t i = 0; i < COUNT(prose_suffixes); i++)
        if (str_equal_nocase(suffix, str_of(prose_suffixes[i])))
            return true;
    return false;
}

static bool starts_with_word(const char *base, const char *word)
{
    size_t i = 0;
    for (; word[i] != '\0'; i++)
        if (lower(base[i]) != word[i])
            return false;
    char next = lower(base[i]);
    return next < 'a' || next > 'z';
}

static bool has_folder(const char *relative, const char *folder)
{
    size_t length = strlen(folder);
    for (const char *at = relative; at != NULL; at = strchr(at, '/')) {
        if (*at == '/')
            at++;
        if (strncmp(at, folder, length) == 0 && at[length] == '/')
            return true;
    }
    return false;
}

static bool has_hidden_folder(const char *relative)
{
    for (const char *at = strchr(relative, '/'), *start = relative; at != NULL;
         start = at + 1, at = strchr(start, '/'))
        if (start[0] == '.' && at - start > 1)
            return true;
    return false;
}

const char *walk_skip_reason(const char *relative)
{
    const char *slash = strrchr(relative, '/');
    const char *base = slash == NULL ? relative : slash + 1;
    struct str name = str_of(base);
    if (has_folder(relative, "__MACOSX"))
        return "no data: macOS metadata";
    if (base[0] == '.' || has_hidden_folder(relative))
        return "no data: a hidden file";
    if (base[0] == '~' && base[1] == '$')
        return "no data: a lock file of Office";
    for (size_t i = 0; i < COUNT(whole_names); i++)
        if (str_equal_nocase(name, str_of(whole_names[i].pattern)))
            return whole_names[i].reason;
    if (starts_with_word(base, "log") && base[3] == '.')
        return "no data: a log";
    for (size_t i = 0; is_prose_name(base) && i < COUNT(starts); i++)
        if (starts_with_word(base, starts[i].pattern))
            return starts[i].reason;
    for (size_t i = 0; i < COUNT(suffixes); i++)
        if (str_has_suffix_nocase(name, suffixes[i].pattern))
            return suffixes[i].reason;
    return NULL;
}

const char *walk_unreadable_reason(const char *base_name)
{
    for (size_t i = 0; i < COUNT(unreadable); i++)
        if (str_has_suffix_nocase(str_of(base_name), unreadable[i].pattern))
            return unreadable[i].reason;
    return NULL;
}
