/* The table of verbs: the one place where a verb's words, options, purpose and examples are
 * written. Parsing, help, the man page and shell completion are all generated from it. To add a
 * verb: one entry here, one function over api in verb_*.c. */
#include "cli/cli.h"

#include <string.h>

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define OPTION_VERSION                                                                             \
    {                                                                                              \
        "version", CLI_TEXT, "V",                                                                  \
            "a version's id, or its first four digits or more; default: the current one", NULL     \
    }
#define OPTION_ENGINE(purpose)                                                                     \
    {                                                                                              \
        "engine", CLI_TEXT, "URL", purpose, NULL                                                   \
    }
#define OPTIONS_END                                                                                \
    {                                                                                              \
        NULL, CLI_FLAG, NULL, NULL, NULL                                                           \
    }

static const struct cli_option common_options[] = {
    {"store", CLI_TEXT, "DIR",
     "where datasets are kept; default: $MARROW_STORE, else ./marrow-store", NULL},
    {"json", CLI_FLAG, NULL, "the answer as one JSON object on stdout, an error as one on stderr",
     NULL},
    {"log", CLI_TEXT, "FORMAT",
     "structured lines on stderr, without values of the data: json or text", WORDS("json", "text")},
    {"memory", CLI_BYTES, "SIZE", "memory that the process may take, such as 512MB or 2GiB", NULL},
    {"threads", CLI_INTEGER, "N", "threads of the engine; default: all cores", NULL},
    {"spill", CLI_TEXT, "DIR", "where work larger than memory spills; default: the store's tmp",
     NULL},
    {"spill-limit", CLI_BYTES, "SIZE", "what the spilled work may take there", NULL},
    {"speed", CLI_TEXT, "URL",
     "where recent changes of FHIR resources are kept: redis://[USER:PASSWORD@]HOST[:PORT][/DB]; "
     "default: the store",
     NULL},
    {"show-values", CLI_FLAG, NULL,
     "show cells in error messages as they are, not as patterns (999-aa)", NULL},
    {"quiet", CLI_FLAG, NULL, "no progress, no suggestions", NULL},
    {"help", CLI_FLAG, NULL, "help on the command, examples first", NULL},
    OPTIONS_END,
};

static const struct cli_option demo_data_options[] = {
    {"patients", CLI_INTEGER, "N", "how many; default 1000", NULL},
    {"seed", CLI_INTEGER, "S", "same seed, same bytes; default 1", NULL},
    {"no-fhir", CLI_FLAG, NULL, "tables only, no FHIR NDJSON", NULL},
    OPTIONS_END,
};
static const struct cli_option import_options[] = {
    {"name", CLI_TEXT, "N", "the dataset's name; default: from the first path", NULL},
    {"encoding", CLI_TEXT, "E", "such as latin1 or shift_jis; default: detected", NULL},
    {"delimiter", CLI_TEXT, "D", "of CSV files; \\t is a tab; default: detected", NULL},
    {"header", CLI_TEXT, "yes|no|N",
     "rows of names that tables begin with; all below is data; default: detected", NULL},
    {"strict", CLI_FLAG, NULL, "refuse the import where a row would be quarantined", NULL},
    {"overrides", CLI_TEXT, "FILE",
     "JSON {TABLE:{COLUMN:{\"type\":…,\"null_markers\":[…],\"read\":…}}}", NULL},
    {"type", CLI_LIST, "TABLE.COLUMN=TYPE",
     "the type of a column, such as labs.code=text, or how its texts are to be read: 1.234,5 or "
     "1,234.5, "
     "%d/%m/%Y, comparator; may be repeated",
     NULL},
    {"null", CLI_LIST, "TEXT",
     "a text that means \"no value\", in place of the built-in list; may be repeated", NULL},
    {"stack", CLI_LIST, "PATTERN",
     "tables of these names, such as 'labs_*', are one table with a column source_file; "
     "NAME=PATTERN names it, auto takes all that look like parts of one; may be repeated",
     NULL},
    {"max-bytes", CLI_BYTES, "SIZE", "refuse archives that unpack to more than this", NULL},
    {"from-server", CLI_TEXT, "URL", "export from this FHIR server (Bulk Data) in place of files",
     NULL},
    {"from-views", CLI_TEXT, "DATASET", "the rows of this dataset's FHIR views as tables, in place of files", NULL},
    {"cohort", CLI_TEXT, "N", "of the views: only rows of the patients of this saved cohort ('marrow cohort save')", NULL},
    {"group", CLI_TEXT, "ID", "of the server: only patients of this group", NULL},
    {"resource-types", CLI_TEXT, "T,…", "of the server: only these, such as Patient,Condition", NULL},
    {"since", CLI_TEXT, "last|INSTANT",
     "of the server: what changed since then, laid over the current version; last: since its export",
     NULL},
    {"token-file", CLI_TEXT, "FILE", "holds the server's bearer token; default: $MARROW_FHIR_TOKEN",
     NULL},
    {"no-question-index", CLI_FLAG, NULL, "leave the index of values to the first question ('marrow ask')", NULL},
    OPTIONS_END,
};
static const struct cli_option register_options[] = {
    {"name", CLI_TEXT, "N", "the dataset's name; default: from the first path", NULL},
    {"format", CLI_TEXT, "F", "only files of this format; default: parquet and csv",
     WORDS("parquet", "csv")},
    {"table", CLI_LIST, "NAME=PATTERN",
     "files of these paths below PATH, such as 'labs=labs/*.parquet', are one table; may be "
     "repeated",
     NULL},
    {"partition", CLI_LIST, "KEY[:TYPE],…",
     "the keys that tables are parted by, outermost first, and their types; default: key=value "
     "folders, types that fit every value",
     NULL},
    {"sort", CLI_LIST, "[TABLE:]COLUMN,…",
     "the order that the rows are in over all files, which is checked; may be repeated", NULL},
    {"schema-policy", CLI_TEXT, "P",
     "a table's files may differ: exact, not at all (default); add, in columns that some lack "
     "(null there); any, in types too",
     WORDS("exact", "add", "any")},
    {"delimiter", CLI_TEXT, "D", "of CSV files; \\t is a tab; default: detected", NULL},
    {"header", CLI_TEXT, "yes|no|N", "of CSV files: rows of names; default: detected", NULL},
    {"overrides", CLI_TEXT, "FILE",
     "JSON {TABLE:{COLUMN:{\"type\":…,\"null_markers\":[…],\"read\":…}}}", NULL},
    {"type", CLI_LIST, "TABLE.COLUMN=TYPE", "the type of a column; may be repeated", NULL},
    {"null", CLI_LIST, "TEXT",
     "a text of CSV files that means \"no value\", in place of the built-in list; may be repeated",
     NULL},
    OPTIONS_END,
};
static const struct cli_option version_options[] = {OPTION_VERSION, OPTIONS_END};
static const struct cli_option export_options[] = {
    {"format", CLI_TEXT, "F", "csv, parquet, ndjson, json, duckdb, xlsx-csv (for Excel)",
     WORDS("csv", "parquet", "ndjson", "json", "duckdb", "xlsx-csv")},
    {"out", CLI_TEXT, "PATH", "the file to write, or the folder for a whole version", NULL},
    {"overwrite", CLI_FLAG, NULL, "replace a file that is there", NULL},
    OPTION_VERSION,
    OPTIONS_END,
};
static const struct cli_option prune_options[] = {
    {"keep", CLI_INTEGER, "N", "versions to keep, newest first; default 1", NULL},
    {"dry-run", CLI_FLAG, NULL, "only tell what would be done", NULL},
    OPTIONS_END,
};
static const struct cli_option mart_build_options[] = {
    {"grain", CLI_TEXT, "G", "one row per patient, admission or event",
     WORDS("patient", "admission", "event")},
    {"anchor", CLI_TEXT, "TABLE",
     "the table whose rows the mart has; default: chosen, with reasons", NULL},
    {"event", CLI_TEXT, "TABLE", "grain event: the table of events; default: chosen, with reasons",
     NULL},
    {"inner", CLI_FLAG, NULL, "keep only rows that every used table knows; default: keep all",
     NULL},
    {"policy", CLI_TEXT, "FILE",
     "JSON {TABLE:{COLUMN:[aggregate, …]}} over the built-in aggregates", NULL},
    {"buckets", CLI_INTEGER, "N", "grain event: files to hash rows into; default 64", NULL},
    OPTION_ENGINE("build and keep it on that server; tables that it lacks are pushed first"),
    {"force", CLI_FLAG, NULL, "compute again and prove that the result is the same", NULL},
    {"dry-run", CLI_FLAG, NULL, "show the SQL that would build, run nothing", NULL},
    OPTION_VERSION,
    OPTIONS_END,
};
static const struct cli_option mart_plan_options[] = {
    {"grain", CLI_TEXT, "G", "patient, admission or event", WORDS("patient", "admission", "event")},
    OPTION_VERSION,
    OPTIONS_END,
};
static const struct cli_option push_options[] = {
    OPTION_ENGINE("the server, such as postgresql://user@host/db"),
    {"table", CLI_LIST, "T", "only this table; may be repeated; default: all", NULL},
    OPTION_VERSION,
    OPTIONS_END,
};
static const struct cli_option sql_options[] = {
    {"format", CLI_TEXT, "F",
     "table, csv, json, ndjson or parquet; default: table, or by the name of --out",
     WORDS("table", "csv", "json", "ndjson", "parquet")},
    {"out", CLI_TEXT, "FILE", "write there instead of to stdout", NULL},
    {"overwrite", CLI_FLAG, NULL, "replace a file that is there", NULL},
    {"limit", CLI_INTEGER, "N", "stop after N rows; default 1,000,000, and a terminal shows 40",
     NULL},
    {"timeout", CLI_SECONDS, "S", "stop after S seconds; default 300", NULL},
    {"file", CLI_TEXT, "FILE", "read the SQL from a file", NULL},
    OPTION_ENGINE("run it on that server, in its SQL, over the tables pushed there"),
    OPTION_VERSION,
    OPTIONS_END,
};
static const struct cli_option plan_check_options[] = {
    {"dataset", CLI_TEXT, "NAME", "also that this dataset has the tables and columns", NULL},
    OPTION_VERSION,
    OPTIONS_END,
};
static const struct cli_option plan_sql_options[] = {
    {"dialect", CLI_TEXT, "D", "'marrow dialects' lists them; default: duckdb", NULL},
    OPTIONS_END,
};
static const struct cli_option plan_substrait_options[] = {
    {"param", CLI_LIST, "NAME=VALUE", "a parameter's value, as for 'plan run'; may be repeated",
     NULL},
    {"schema", CLI_TEXT, "NAME", "the schema of the tables; default: their plain names", NULL},
    {"out", CLI_TEXT, "FILE", "write there instead of to stdout", NULL},
    OPTIONS_END,
};
static const struct cli_option plan_lineage_options[] = {
    {"dot", CLI_FLAG, NULL, "a picture for Graphviz", NULL},
    {"dataset", CLI_TEXT, "NAME", "named in the answer as the sources' dataset", NULL},
    OPTIONS_END,
};
static const struct cli_option plan_run_options[] = {
    {"dataset", CLI_TEXT, "NAME", "whose tables, marts and saved plans it reads", NULL},
    OPTION_ENGINE("run on a server that the version was pushed to"),
    {"param", CLI_LIST, "NAME=VALUE",
     "a parameter's value, read by its type; a list: '[1,2,3]'; @FILE reads JSON; may be repeated",
     NULL},
    {"format", CLI_TEXT, "F",
     "table, csv, json, ndjson or parquet; default: table, or by the name of --out",
     WORDS("table", "csv", "json", "ndjson", "parquet")},
    {"out", CLI_TEXT, "FILE", "write there instead of to stdout", NULL},
    {"partition-by", CLI_LIST, "COLUMN",
     "write a folder of Parquet, a folder for each value of the column; may be repeated", NULL},
    {"overwrite", CLI_FLAG, NULL, "replace a file that is there", NULL},
    {"limit", CLI_INTEGER, "N", "stop after N rows; default 1,000,000, and a terminal shows 40",
     NULL},
    {"timeout", CLI_SECONDS, "S", "stop after S seconds; default 300", NULL},
    {"save", CLI_FLAG, NULL, "keep the rows as a run that is a table from then on", NULL},
    {"name", CLI_TEXT, "N", "the saved table's name; default: plan_ and its signature's beginning",
     NULL},
    {"force", CLI_FLAG, NULL, "compute again and prove that the result is the same", NULL},
    OPTION_VERSION,
    OPTIONS_END,
};
#define COHORT_VIEWS                                                                               \
    {"views", CLI_TEXT, "FILE", "JSON: which tables hold what, where they are not the built-in views", NULL}
#define COHORT_AS_OF {"as-of", CLI_TEXT, "DATE", "count ages on this day; else on the day of the import", NULL}
#define COHORT_ENGINE                                                                              \
    {"engine", CLI_TEXT, "URL", "on a server that the version was pushed to, or its views by 'view create --engine'", NULL}
#define COHORT_SUPPRESS                                                                            \
    {"suppress", CLI_INTEGER, "N", "hide counts from 1 to N-1 and those they could be derived from", NULL}
#define OPTION_FRESHNESS                                                                           \
    {"freshness", CLI_TEXT, "F",                                                                   \
     "latest: this version's rows, evaluated now where what is kept is stale; snapshot: what "     \
     "is kept, however old; default: latest",                                                      \
     WORDS("latest", "snapshot")}
#define OPTION_ON_ERROR                                                                            \
    {"on-error", CLI_TEXT, "WHAT",                                                                 \
     "a value that breaks its column's rule: fail, or null and count it; default: fail, or as "    \
     "the view is kept",                                                                           \
     WORDS("fail", "null")}
static const struct cli_option cohort_count_options[] = {
    OPTION_VERSION,
    COHORT_VIEWS,
    COHORT_AS_OF,
    COHORT_SUPPRESS,
    COHORT_ENGINE,
    OPTION_FRESHNESS,
    OPTION_ON_ERROR,
    {"no-index", CLI_FLAG, NULL, "count by the plan even where the bitmap index could answer", NULL},
    OPTIONS_END};
static const struct cli_option cohort_show_options[] = {OPTION_VERSION, COHORT_VIEWS, COHORT_AS_OF, COHORT_ENGINE, OPTION_FRESHNESS, OPTIONS_END};
static const struct cli_option cohort_save_options[] = {
    {"name", CLI_TEXT, "N", "the table will be cohort_N", NULL},
    OPTION_VERSION,
    COHORT_VIEWS,
    COHORT_AS_OF,
    COHORT_SUPPRESS,
    {"force", CLI_FLAG, NULL, "compute again and compare with what is kept", NULL},
    OPTIONS_END};
static const struct cli_option cohort_index_options[] = {OPTION_VERSION, COHORT_VIEWS, OPTIONS_END};
static const struct cli_option ask_options[] = {
    {"grain", CLI_TEXT, "G", "what is counted where the question leaves it open", WORDS("patient", "admission", "stay")},
    {"now", CLI_TEXT, "DATE", "what today means, such as 2104-01-31 or 2104-01-31T18:30; default: the latest day of the data", NULL},
    {"explain", CLI_FLAG, NULL, "also the question as it was typed into a plan, what speaks for it, and the SQL", NULL},
    {"format", CLI_TEXT, "F", "md and html: a whole report, with its figure; svg: the figure alone; default: text", WORDS("text", "json", "md", "html", "svg")},
    {"output", CLI_TEXT, "FILE", "write it to this file, staged and renamed", NULL},
    {"r", CLI_TEXT, "DIR", "write an R script that reproduces the answer, and the rows that it needs, into this folder", NULL},
    {"overwrite", CLI_FLAG, NULL, "replace files that are there already", NULL},
    {"no-plot", CLI_FLAG, NULL, "no figure below the table", NULL},
    {"force", CLI_FLAG, NULL, "compute again what was answered before", NULL},
    {"llm", CLI_TEXT, "URL", "a language model's OpenAI-compatible endpoint (on this machine, or https) that may propose a plan where nothing else answers; default: $MARROW_LLM, else none", NULL},
    {"llm-model", CLI_TEXT, "NAME", "the model's name there; default: default", NULL},
    {"llm-values", CLI_FLAG, NULL, "let it see the question whole and values of categories; else literals are masked", NULL},
    {"llm-timeout", CLI_SECONDS, "S", "wait for it S seconds at most; default 30", NULL},
    OPTION_VERSION,
    OPTIONS_END};
static const struct cli_option rules_check_options[] = {
    {"dataset", CLI_TEXT, "NAME", "also that this dataset has the inputs", NULL},
    OPTION_VERSION,
    OPTIONS_END,
};
static const struct cli_option rules_run_options[] = {
    {"dataset", CLI_TEXT, "NAME", "whose tables, marts and saved plans they read", NULL},
    {"rule", CLI_LIST, "R", "only this one and what it depends on; may be repeated", NULL},
    OPTION_ENGINE("run and keep them on a server, the tables pushed first"),
    {"force", CLI_FLAG, NULL, "compute again and prove that the result is the same", NULL},
    OPTION_VERSION,
    OPTIONS_END,
};
static const struct cli_option rules_explain_options[] = {
    {"dataset", CLI_TEXT, "NAME", "whose tables, marts and saved plans they read", NULL},
    {"rule", CLI_LIST, "R", "only this one and what it depends on; may be repeated", NULL},
    OPTION_VERSION,
    OPTIONS_END,
};
static const struct cli_option rules_graph_options[] = {
    {"format", CLI_TEXT, "F", "text or dot; default: text", WORDS("text", "dot")},
    OPTIONS_END,
};
#define OPTION_CONTEXT                                                                             \
    {"context", CLI_LIST, "PATH",                                                                  \
     "a file or folder of what a Library depends on, looked at before the files beside it; may "   \
     "be repeated",                                                                                \
     NULL}
static const struct cli_option view_about_options[] = {
    {"dataset", CLI_TEXT, "NAME", "also the views registered with this dataset", NULL},
    OPTION_CONTEXT,
    OPTIONS_END,
};
static const struct cli_option view_sql_options[] = {
    {"dialect", CLI_TEXT, "D", "'marrow dialects' lists them; default: duckdb", NULL},
    {"dataset", CLI_TEXT, "NAME", "also the views registered with this dataset", NULL},
    OPTIONS_END,
};
#define VIEW_ROWS_OPTIONS                                                                          \
    {"format", CLI_TEXT, "F",                                                                      \
     "table, csv, json (an array of objects), ndjson or parquet; default: table, or by the name "  \
     "of --out",                                                                                   \
     WORDS("table", "csv", "json", "ndjson", "parquet")},                                          \
        {"out", CLI_TEXT, "FILE", "write there instead of to stdout", NULL},                       \
        {"overwrite", CLI_FLAG, NULL, "replace a file that is there", NULL},                       \
        {"limit", CLI_INTEGER, "N",                                                                \
         "stop after N rows; a terminal shows 40", NULL},                                          \
        OPTION_FRESHNESS, OPTION_ON_ERROR, OPTION_VERSION
static const struct cli_option view_run_options[] = {
    {"data", CLI_LIST, "PATH",
     "FHIR files or folders to read (NDJSON, packed or not, Bundles, archives); they go into no "
     "store; may be repeated",
     NULL},
    {"dataset", CLI_TEXT, "NAME", "the dataset to read instead", NULL},
    OPTION_ENGINE("run it on that server, over the tables pushed there"),
    {"param", CLI_LIST, "NAME=VALUE",
     "a value for a parameter of a SQLQuery, bound by its FHIR type; may be repeated", NULL},
    OPTION_CONTEXT,
    VIEW_ROWS_OPTIONS,
    OPTIONS_END,
};
static const struct cli_option view_query_options[] = {
    VIEW_ROWS_OPTIONS,
    OPTIONS_END,
};
static const struct cli_option view_create_options[] = {
    {"max-staleness", CLI_TEXT, "TIME",
     "how old rows may be before they count as stale, such as 15m or 1d; default 0: not at all",
     NULL},
    OPTION_ENGINE("also as tables of the schema sqlonfhir on that server, indexed, swapped in together"),
    {"force", CLI_FLAG, NULL, "evaluate all again and prove that the result is the same", NULL},
    OPTION_ON_ERROR,
    OPTION_CONTEXT,
    OPTIONS_END,
};
static const struct cli_option view_refresh_options[] = {
    {"max-staleness", CLI_TEXT, "TIME", "change the target of staleness, such as 15m or 1d", NULL},
    OPTION_ENGINE("also as tables of the schema sqlonfhir on that server"),
    OPTION_ON_ERROR,
    OPTIONS_END,
};
static const struct cli_option history_options[] = {
    {"last", CLI_INTEGER, "N", "how many entries; default 50, 0 is all", NULL},
    {"yes", CLI_FLAG, NULL, "clear without asking", NULL},
    {"against", CLI_TEXT, "V", "diff: the version to ask past questions on", NULL},
    {"version", CLI_TEXT, "V", "rerun: the version to ask on; default: the current one", NULL},
    OPTIONS_END,
};
static const struct cli_option help_options[] = {
    {"man", CLI_FLAG, NULL, "the man page (troff) on stdout", NULL},
    OPTIONS_END,
};

static const struct cli_verb verbs[] = {
    {"demo-data", "DIR", 1, 1,
     "Make a synthetic hospital: a ZIP of CSV tables and the same people as FHIR",
     "The same seed gives the same bytes. Any size streams to disk in bounded memory.",
     demo_data_options,
     WORDS("marrow demo-data ./hospital", "1,000 patients",
           "marrow demo-data ./big --patients 100000 --seed 7 --no-fhir",
           "a larger one, tables only"),
     verb_demo_data},
    {"import", "PATH…", 0, -1, "Take files, folders or archives in as a new version of a dataset",
     "Takes CSV and its kin in any encoding, Parquet, JSON, NDJSON, FHIR (bulk NDJSON, Bundles), Excel, SPSS, Stata and SAS, "
     "packed or not; a whole folder or ZIP becomes one "
     "dataset. Types are decided over every row and lose nothing; rows that can't be read are kept "
     "apart and counted. Either the whole import is "
     "published or nothing is. The same content again is recognised and reused.",
     import_options,
     WORDS("marrow import mimic.zip --name mimic", "everything in the ZIP becomes dataset mimic",
           "marrow import patients.sav labs.xlsx", "several files, one dataset",
           "marrow import data.csv --type data.zip=text --null 999",
           "decide a type and a null marker yourself", "marrow import export/ --strict",
           "a folder; refuse bad rows", "marrow import --from-server https://host/fhir --name ward",
           "a FHIR server's bulk export; later with --since last",
           "marrow import --from-views ward --name ward_tables", "its views as flat tables: for marts and questions"),
     verb_import},
    {"register", "[PATH…]", 0, -1,
     "Make folders of Parquet or CSV a dataset where they stand, copying nothing",
     "Tables are the files, part files (part-0, part-1 …) and folders of key=value folders, whose keys "
     "are columns. Every file is read once: types are decided, rows counted and hashed as by an import, so "
     "the same rows give the same version. From then on all commands read the files themselves; one that "
     "changed is never read silently: it is an error, and registering again (without PATH: the same "
     "folders) makes a new version of what is there.",
     register_options,
     WORDS("marrow register /data/lake --name lake", "each file or partitioned folder a table",
           "marrow register /data/lab --name lab --partition year:bigint,site --sort subject_id,charttime",
           "keys with types, rows sorted as said", "marrow register --name lake",
           "again: files were added or changed",
           "marrow register /data/lake --table 'labs=labs/*.parquet' --schema-policy add",
           "many files one table; columns that some lack are null"),
     verb_register},
    {"registry", "NAME [TABLE] [set KEY=VALUE…]", 1, -1,
     "Show and change how tables are read: partitions, sort order, pruning, schema policy",
     "sort_order=COLUMN,… is checked on the rows. pruning=on, off or COLUMN,… says by which columns' "
     "filters files and row groups may be skipped. schema_policy=exact, add or any says what may differ "
     "between a table's files. KEY= takes a setting away. What is set for a TABLE comes before what is set "
     "for all; a plan's own option comes before both.",
     version_options,
     WORDS("marrow registry lake", "all tables, and who said what",
           "marrow registry lake labs set sort_order=subject_id,charttime", "declare an order",
           "marrow registry lake set pruning=off", "trust no file's statistics, in any table"),
     verb_registry},
    {"datasets", "", 0, 0, "List the datasets, their marts and last questions", NULL, NULL,
     WORDS("marrow datasets", "what is in the store"), verb_datasets},
    {"show", "NAME", 1, 1, "Show a version: its tables, marts and warnings", NULL, version_options,
     WORDS("marrow show mimic", "the current version", "marrow show mimic --version 3f2a",
           "an older one"),
     verb_show},
    {"versions", "NAME", 1, 1, "List a dataset's versions", NULL, NULL,
     WORDS("marrow versions mimic", "newest first"), verb_versions},
    {"diff", "NAME [FROM TO]", 1, 3, "Show what changed between two versions",
     "Without FROM and TO: between the last two. Rows are compared as bags.", NULL,
     WORDS("marrow diff mimic", "the last two versions", "marrow diff mimic 3f2a 91bc", "any two"),
     verb_diff},
    {"profile", "NAME [TABLE]", 1, 2,
     "Describe the columns: roles, nulls, distinct values, ranges, distributions", NULL,
     version_options,
     WORDS("marrow profile mimic", "all tables", "marrow profile mimic labevents",
           "one table, in detail"),
     verb_profile},
    {"relations", "NAME [confirm|reject|add|reset CHILD PARENT]", 1, 4,
     "Show the keys between tables with their evidence, and decide on them",
     "CHILD and PARENT are TABLE.COLUMN, with + between the columns of a composite key. A decision "
     "is kept with the dataset.",
     version_options,
     WORDS("marrow relations mimic", "what was found, and why",
           "marrow relations mimic confirm labevents.itemid d_labitems.itemid",
           "yes, this is a key", "marrow relations mimic reject a.x b.y", "no, it is not"),
     verb_relations},
    {"role", "NAME TABLE ROLE", 3, 3,
     "Decide a table's role: dimension, fact, event, bridge or reference", NULL, NULL,
     WORDS("marrow role mimic callout event", "overrule the role that was found"), verb_role},
    {"mart build", "NAME --grain G", 1, 1,
     "Build one table per patient, admission or event, nothing counted twice",
     "Each fact is aggregated to the grain before it is joined, so every join is one to one. "
     "Invariants are checked and stored. The same data and "
     "the same policy give the same run id, and a run that is there is reused.",
     mart_build_options,
     WORDS("marrow mart build mimic --grain patient", "one row per patient",
           "marrow mart build mimic --grain event --event labevents",
           "one row per laboratory value", "marrow mart build mimic --grain patient --dry-run",
           "only show the SQL"),
     verb_mart_build},
    {"mart plan", "NAME [MART]", 1, 2, "Show the lazy query over a built mart; runs nothing", NULL,
     mart_plan_options,
     WORDS("marrow mart plan mimic", "over the patient mart",
           "marrow mart plan mimic mart_event_labevents", "over another one"),
     verb_mart_plan},
    {"mart list", "NAME", 1, 1, "List the marts built", NULL, NULL,
     WORDS("marrow mart list mimic", "all versions' marts"), verb_mart_list},
    {"mart show", "NAME MART", 2, 2, "Show how a mart came about", NULL, version_options,
     WORDS("marrow mart show mimic mart_patient", "plan, tables, phases, invariants"),
     verb_mart_show},
    {"mart verify", "NAME MART", 2, 2, "Check a mart's invariants again from the raw tables", NULL,
     version_options,
     WORDS("marrow mart verify mimic mart_patient", "counts and sums, derived anew"),
     verb_mart_verify},
    {"push", "NAME --engine URL", 1, 1,
     "Load a version's tables onto a server, so that marts and queries can run there",
     "Each version gets a schema of its own, marrow_NAME_VERSION. Tables become visible whole or "
     "not at all; each is read back and compared by its content hash. What is there is reused. "
     "PostgreSQL: COPY and indexes on the keys; Trino: Parquet files in the folder that the URL's "
     "files= names, as external tables; a registered folder of Parquet below it is read where it stands.",
     push_options,
     WORDS("marrow push mimic --engine postgresql://me@db.example/research", "all tables",
           "marrow push mimic --engine postgresql://me@db.example/research --table patients",
           "one table"),
     verb_push},
    {"sql", "NAME [SELECT|-]", 1, 2,
     "Ask with SQL, over the tables and marts of a version, read-only",
     "Exactly one SELECT; no file or network access beyond the version's own. \"-\" reads the SQL "
     "from stdin. Marts are the tables mart_patient, "
     "mart_admission and mart_event_TABLE.",
     sql_options,
     WORDS("marrow sql mimic \"SELECT gender, count(*) FROM patients GROUP BY gender\"",
           "a first answer",
           "marrow sql mimic \"SELECT * FROM mart_patient\" --out patients.parquet",
           "hand the mart on", "marrow sql mimic --file query.sql --format csv", "SQL from a file"),
     verb_sql},
    {"plan check", "FILE", 1, 1,
     "Check a plan: its result, its parameters, what it reads; and that a dataset has it",
     "A plan is a JSON file (docs/plan.schema.json), - is standard input. Every problem is told, "
     "not the first.",
     plan_check_options,
     WORDS("marrow plan check stays.json", "is it sound, and what comes out",
           "marrow plan check stays.json --dataset mimic", "are its tables and columns there"),
     verb_plan_check},
    {"plan print", "FILE", 1, 1, "Show a plan as an indented tree", NULL, NULL,
     WORDS("marrow plan print stays.json", "the tree"), verb_plan_print},
    {"plan sql", "FILE", 1, 1, "Show a plan's SQL in a dialect", NULL, plan_sql_options,
     WORDS("marrow plan sql stays.json", "as DuckDB runs it",
           "marrow plan sql stays.json --dialect postgresql", "as PostgreSQL runs it"),
     verb_plan_sql},
    {"plan substrait", "FILE", 1, 1, "Write a plan as Substrait, for engines that take no SQL",
     "Protobuf bytes of substrait.io's message Plan. What cannot be said in it is an error that "
     "names it.",
     plan_substrait_options,
     WORDS("marrow plan substrait stays.json --out stays.bin", "a file",
           "marrow plan substrait stays.json --json", "base64"),
     verb_plan_substrait},
    {"plan hash", "FILE", 1, 1, "Show a plan's signature: the same for plans that mean the same",
     NULL, NULL, WORDS("marrow plan hash stays.json", "64 hex digits"), verb_plan_hash},
    {"plan lineage", "FILE", 1, 1,
     "Show from which columns each column of the result comes, and how", NULL, plan_lineage_options,
     WORDS("marrow plan lineage stays.json", "a tree",
           "marrow plan lineage stays.json --dot | dot -Tsvg > stays.svg", "a picture"),
     verb_plan_lineage},
    {"plan diff", "FILE FILE", 2, 2, "Show in words what differs between two plans",
     "Exit status 0: they mean the same; 1: they differ.", NULL,
     WORDS("marrow plan diff old.json new.json", "what changed"), verb_plan_diff},
    {"plan run", "FILE --dataset NAME", 1, 1,
     "Run a plan over the tables, marts and saved plans of a version",
     "Parameters are bound by their types, never spliced into SQL. --save keeps the rows as a run: "
     "the same plan, values and data give the same run id, and it is a table for 'sql' and other "
     "plans.",
     plan_run_options,
     WORDS("marrow plan run stays.json --dataset mimic", "a first answer",
           "marrow plan run stays.json --dataset mimic --param since=2150-01-01 --param "
           "'units=[\"MICU\",\"CCU\"]'",
           "with parameters", "marrow plan run stays.json --dataset mimic --save --name stays",
           "keep it as table stays",
           "marrow plan run stays.json --dataset mimic --out stays/ --partition-by unit",
           "partitioned Parquet"),
     verb_plan_run},
    {"rules check", "BUNDLE", 1, 1,
     "Check a bundle of rules: plans over a dataset and each other, as a graph",
     "A bundle is a JSON or TOML file or a folder with one (docs/RULES.md). Every problem is told, "
     "with its rule and place: cycles, unknown inputs, columns and types that clash, outputs that "
     "are not as declared.",
     rules_check_options,
     WORDS("marrow rules check rules/mimic", "is it sound",
           "marrow rules check rules/mimic --dataset mimic", "does the dataset have its inputs"),
     verb_rules_check},
    {"rules run", "BUNDLE --dataset NAME", 1, 1,
     "Compute what changed of a bundle's rules; each is a table from then on",
     "A rule runs again when its plan, what it reads or a rule that it depends on changed. One "
     "that fails stops only what depends on it.",
     rules_run_options,
     WORDS("marrow rules run rules/mimic --dataset mimic", "all of them",
           "marrow rules run rules/mimic --dataset mimic --rule first_day_labs",
           "one, and what it depends on"),
     verb_rules_run},
    {"rules explain", "BUNDLE --dataset NAME", 1, 1,
     "Say of each rule why it would run, or that it is reused", NULL, rules_explain_options,
     WORDS("marrow rules explain rules/mimic --dataset mimic", "runs nothing"), verb_rules_explain},
    {"rules graph", "BUNDLE", 1, 1, "Show which rule reads what", NULL, rules_graph_options,
     WORDS("marrow rules graph rules/mimic", "as a tree",
           "marrow rules graph rules/mimic --format dot | dot -Tsvg > rules.svg", "as a picture"),
     verb_rules_graph},
    {"cohort count", "NAME CRITERIA", 2, 2, "Count the patients that meet criteria, step by step",
     "Criteria are a text such as: female and age >= 50 and condition \"type 2 diabetes\" and "
     "medication metformin and not condition stroke within 365 days before encounter; or JSON; or "
     "@FILE, or - for standard input. docs/COHORT.md has the grammar. They are read over the "
     "dataset's views: patient_demographics, condition_simple, observation_labs, "
     "medication_requests, procedure_history, encounter; --views says which other tables hold "
     "what.",
     cohort_count_options,
     WORDS("marrow cohort count study 'female and age >= 50 and condition icd10|E11*'",
           "with what each step leaves",
           "marrow cohort count study 'observation 8480-6 >= 140 mmHg at least 2 times' --suppress 11",
           "small numbers stay hidden",
           "marrow cohort count study @criteria.json --as-of 2026-01-01", "ages on that day",
           "marrow cohort count study 'female and condition E11*' --engine postgresql://localhost/db",
           "over the views that 'marrow view create study --engine …' put there"),
     verb_cohort_count},
    {"cohort show", "NAME CRITERIA", 2, 2,
     "Show how criteria are read: the texts they find, the way they go, the SQL", NULL,
     cohort_show_options,
     WORDS("marrow cohort show study 'condition \"diabetes mellitus (all types)\"'",
           "counts nothing"),
     verb_cohort_show},
    {"cohort save", "NAME CRITERIA --name N", 2, 2,
     "Keep the patients as the table cohort_N, for sql, rules and plans", NULL, cohort_save_options,
     WORDS("marrow cohort save study 'female and condition E11*' --name diabetic_women",
           "cohort_diabetic_women is a table from then on"),
     verb_cohort_save},
    {"cohort index", "NAME", 1, 1,
     "Build the index of patients and events that answers criteria in micro- to milliseconds", NULL,
     cohort_index_options, WORDS("marrow cohort index study", "once a version"), verb_cohort_index},
    {"ask", "NAME QUESTION", 2, 2, "Answer a question in plain English, or ask back, or say what is missing",
     "The reading is shown first: what is counted, which rows, which values of the data were meant. A question that is not clear is asked back with choices; one "
     "that the data cannot answer is refused, naming what is missing; the status is 0 in each case. docs/QUESTIONS.md says what can be asked.",
     ask_options,
     WORDS("marrow ask study 'how many patients on statins have no diabetes?'", "counts patients, as it says",
           "marrow ask study 'average length of stay by insurance'", "a figure for each group",
           "marrow ask study 'the five most common diagnoses since 2104' --explain", "with the plan and the SQL",
           "marrow ask study 'admissions per year' --format html --output admissions.html", "a report to file, figure and SQL in it",
           "marrow ask study 'survival by sex' --r check && Rscript check/analysis.R", "R computes every number anew"),
     verb_ask},
    {"alias", "NAME [list|add PHRASE MEANING|remove PHRASE]", 1, 4,
     "Give words a meaning of their own in questions: another phrase, or a column",
     "Kept with the dataset. A meaning is words that a question could hold, or TABLE.COLUMN, which must be there; aliases may stand for "
     "words that are aliases, in no circle.",
     NULL,
     WORDS("marrow alias study add 'water pill' furosemide", "a phrase for another",
           "marrow alias study add potassium labs.k_serum", "a phrase for a column",
           "marrow alias study", "what there is", "marrow alias study remove 'water pill'", "no longer"),
     verb_alias},
    {"fhir apply", "NAME PATH…", 2, -1,
     "Take changes of FHIR resources as they come: upserts and deletions, seen by queries at once",
     "NDJSON of resources, or Bundles whose entries may say DELETE. Durable when the command ends. "
     "Order, duplicates and replays do not matter: the latest by meta.lastUpdated and versionId "
     "stands.",
     NULL,
     WORDS("marrow fhir apply study changes.ndjson", "a file of changed resources",
           "marrow fhir apply study notification.json", "a subscription's Bundle"),
     verb_fhir_apply},
    {"fhir compact", "NAME", 1, 1,
     "Fold the recent changes into a new version and refresh the materialised views", NULL, NULL,
     WORDS("marrow fhir compact study", "after a day of changes"), verb_fhir_compact},
    {"view check", "VIEW", 1, 1,
     "Check a SQL-on-FHIR view: its columns and types, and what is odd in it",
     "VIEW is a ViewDefinition's JSON file, a built-in view (patient_demographics, "
     "condition_simple, observation_labs, medication_requests, procedure_history, encounter, "
     "us_core_blood_pressure) or one registered with the dataset; or a Library of the profiles "
     "SQLQuery and SQLView, whose dependencies are found and whose SQL is checked.",
     view_about_options,
     WORDS("marrow view check blood_pressure.json", "is it sound, and what comes out",
           "marrow view check condition_simple", "a built-in one"),
     verb_view_check},
    {"view sql", "VIEW", 1, 1, "Show a view as SQL over the tables of resources",
     "What the view means, for people and for servers; Marrow itself evaluates resources "
     "natively, with the same rows.",
     view_sql_options,
     WORDS("marrow view sql condition_simple", "as DuckDB runs it",
           "marrow view sql bp.json --dialect postgresql", "as PostgreSQL runs it"),
     verb_view_sql},
    {"view ddl", "VIEW", 1, 1, "Show the table that a view makes", NULL, view_sql_options,
     WORDS("marrow view ddl condition_simple --dialect postgresql", "CREATE TABLE …"),
     verb_view_ddl},
    {"view run", "VIEW --data PATH | --dataset NAME", 1, 1,
     "Run a view over FHIR files or a dataset, and write its rows",
     "Every resource is parsed once. Over a dataset, rows that are kept are used where they are "
     "fresh, and the answer says so. VIEW may be a Library (SQLQuery, SQLView): one SELECT over "
     "the views that it depends on.",
     view_run_options,
     WORDS("marrow view run condition_simple --data export/ --format csv --out conditions.csv",
           "a flat file from an export", "marrow view run bp.json --dataset study",
           "over a dataset",
           "marrow view run bp.json --dataset study --engine postgresql://me@db/research",
           "on a server", "marrow view run older.json --dataset study --param born=1950-01-01",
           "a SQLQuery with its parameter"),
     verb_view_run},
    {"view query", "NAME VIEW SEARCH", 3, 3,
     "Ask a view with FHIR search parameters",
     "Parameters are the view's columns, or FHIR's names for them: birthdate=ge1950, "
     "code=http://loinc.org|8480-6, name:contains=smi, _sort=-date, _count=20. What is not known "
     "is an error, never ignored.",
     view_query_options,
     WORDS("marrow view query study patient_demographics 'gender=male&birthdate=ge1950'",
           "men born since 1950"),
     verb_view_query},
    {"view create", "NAME [VIEW…]", 1, -1,
     "Materialise views of a dataset as tables of the schema sqlonfhir",
     "Without VIEW: all built-in ones. One pass over the resources makes all of them, and they "
     "become visible together. Later versions are taken in by 'view refresh'.",
     view_create_options,
     WORDS("marrow view create study", "all built-in views",
           "marrow view create study bp.json --max-staleness 1d", "one of your own"),
     verb_view_create},
    {"view refresh", "NAME [VIEW…]", 1, -1,
     "Take the newest version's changes into the materialised views",
     "Only resources that changed are evaluated; the result equals a full build.",
     view_refresh_options,
     WORDS("marrow view refresh study", "all of them"), verb_view_refresh},
    {"view list", "NAME [VIEW…]", 1, -1, "List the materialised views: rows, age, freshness", NULL,
     NULL, WORDS("marrow view list study", "what there is"), verb_view_list},
    {"view status", "NAME [VIEW…]", 1, -1,
     "As list, with what a refresh would evaluate", NULL, NULL,
     WORDS("marrow view status study", "is a refresh due"), verb_view_status},
    {"view drop", "NAME VIEW…", 2, -1, "Forget materialised views", NULL, NULL,
     WORDS("marrow view drop study bp", "its rows stay on disk until prune"), verb_view_drop},
    {"engines", "", 0, 0, "List the engines, how their URLs look and what they can do", NULL, NULL,
     WORDS("marrow engines", "what --engine takes"), verb_engines},
    {"dialects", "", 0, 0, "List the dialects of SQL and what each lacks", NULL, NULL,
     WORDS("marrow dialects", "what --dialect takes"), verb_dialects},
    {"history", "NAME [verify|replay N|rerun N|diff|clear]", 1, 3,
     "Show the trail: what was asked and built, and prove it",
     "replay runs entry N again on its version and tells whether the result is bit-identical. rerun asks the question of entry N again, on the "
     "current version or --version, and tells whether the answer is the same. diff asks every past question on the version of --against too, and tells which "
     "answers would be others. verify checks the hash chain. clear removes every entry; one new entry keeps their number and last hash.",
     history_options,
     WORDS("marrow history mimic", "the last 50 entries", "marrow history mimic replay 12",
           "run entry 12 again and compare", "marrow history mimic rerun 12", "ask the question of entry 12 again",
           "marrow history mimic diff --against 3f2a", "what past questions would give on another version",
           "marrow history mimic verify", "is the chain whole"),
     verb_history},
    {"export", "NAME [TABLE|MART] --format F --out PATH", 1, 2,
     "Write a table, a mart or a whole version for other tools", NULL, export_options,
     WORDS("marrow export mimic mart_patient --format xlsx-csv --out patients.csv",
           "a mart for Excel", "marrow export mimic --format duckdb --out mimic.duckdb",
           "everything in one file"),
     verb_export},
    {"fhir check", "NAME", 1, 1, "Report references that lead nowhere, duplicates and profiles",
     "In one pass over a dataset's resources, by element: which references lead to no resource of "
     "the version, and why; what was left out or set aside; resources without patient; profiles "
     "claimed in meta.profile. Ids are shown with --show-values only.",
     version_options,
     WORDS("marrow fhir check ward", "the current version", "marrow fhir check ward --show-values",
           "with ids of some resources"),
     verb_fhir_check},
    {"verify", "[NAME]", 0, 1, "Check every stored byte against its hash, and name what is damaged",
     NULL, NULL, WORDS("marrow verify", "the whole store"), verb_verify},
    {"repair", "[NAME]", 0, 1, "Rebuild a damaged copy from the other one", NULL, NULL,
     WORDS("marrow repair mimic", "one dataset"), verb_repair},
    {"prune", "NAME", 1, 1, "Remove old versions and what only they use", NULL, prune_options,
     WORDS("marrow prune mimic --keep 3 --dry-run", "what would go", "marrow prune mimic --keep 3",
           "let it go"),
     verb_prune},
    {"doctor", "", 0, 0, "Check the set-up and the store, and say what to do", NULL, NULL,
     WORDS("marrow doctor", "engine, disk, rights, encryption, datasets"), verb_doctor},
    {"completion", "bash|zsh|fish", 1, 1, "Print shell completion", NULL, NULL,
     WORDS("eval \"$(marrow completion bash)\"", "in this shell"), verb_completion},
    {"help", "[COMMAND]", 0, 2, "Help on a command", NULL, help_options,
     WORDS("marrow help import", "examples first"), verb_help},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL},
};

const struct cli_verb *cli_verbs(void)
{
    return verbs;
}

const struct cli_option *cli_common_options(void)
{
    return common_options;
}
