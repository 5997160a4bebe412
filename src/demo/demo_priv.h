/* The tables of the synthetic hospital and one patient's life. A life is derived from (seed, index)
 * alone; only the running ids depend on the patients before, and every pass over the patients
 * counts them anew. Days are days since 1970-01-01, minutes are minutes since then; local time is
 * UTC. */
#ifndef MARROW_DEMO_DEMO_PRIV_H
#define MARROW_DEMO_DEMO_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "demo/demo.h"
#include "demo/out.h"
#include "demo/rng.h"

enum disease {
#define DISEASE(symbol, ...) DISEASE_##symbol,
#include "demo/diseases.def"
#undef DISEASE
    DISEASE_COUNT
};
enum chronic {
#define CHRONIC(symbol, ...) CHRONIC_##symbol,
#include "demo/chronic.def"
#undef CHRONIC
    CHRONIC_COUNT
};
enum reason {
#define REASON(symbol, ...) REASON_##symbol,
#include "demo/reasons.def"
#undef REASON
    REASON_COUNT
};
enum complication {
#define COMPLICATION(symbol, ...) COMPLICATION_##symbol,
#include "demo/complications.def"
#undef COMPLICATION
    COMPLICATION_COUNT
};
enum lab {
#define LAB(symbol, ...) LAB_##symbol,
#include "demo/labs.def"
#undef LAB
    LAB_COUNT
};
enum drug {
#define DRUG(symbol, ...) DRUG_##symbol,
#include "demo/drugs.def"
#undef DRUG
    DRUG_COUNT
};
enum procedure {
#define PROCEDURE(symbol, ...) PROCEDURE_##symbol,
#include "demo/procedures.def"
#undef PROCEDURE
    PROCEDURE_COUNT
};
enum department {
#define DEPARTMENT(symbol, ...) DEPARTMENT_##symbol,
#include "demo/departments.def"
#undef DEPARTMENT
    DEPARTMENT_COUNT
};
_Static_assert(CHRONIC_COUNT <= 32 && COMPLICATION_COUNT <= 32, "they are bits of a uint32_t");
enum cause_kind { CAUSE_CHRONIC, CAUSE_REASON, CAUSE_COMPLICATION };
enum admission_type { TYPE_EMERGENCY, TYPE_URGENT, TYPE_ELECTIVE };
enum lab_kind { LAB_KIND_NUMBER, LAB_KIND_TEXT };

struct disease_info {
    const char *snomed, *display, *icd9, *title9, *icd10, *title10;
    bool listed; /* in icd_codes */
};
struct chronic_info {
    enum disease disease;
    int permille[5];
    int sex, burden;
    enum chronic favour[2];
    int favour_percent[2];
};
struct reason_info {
    enum disease disease;
    int severity, weights[5], winter_percent, sex, hours;
    enum admission_type type;
    enum department department;
    enum chronic favour;
    int favour_percent, death_percent;
    enum lab labs[3];
    enum drug drugs[2];
    enum procedure procedure;
    int procedure_permille;
};
struct complication_info {
    enum disease disease;
    int permille, permille_severe;
    enum reason favour;
    int favour_percent, severity;
};
struct lab_info {
    const char *label, *unit, *loinc, *display;
    enum lab_kind kind;
    int decimals, low, high, median[2] /* male, female */, spread_between, spread_within, detection;
};
struct effect_info {
    enum lab lab;
    enum cause_kind kind;
    int cause, percent;
    bool acute;
};
struct drug_info {
    const char *name, *rxnorm, *doses[2], *route;
};
struct treatment_info {
    enum cause_kind kind;
    int cause;
    enum drug drug;
    int permille;
};
struct procedure_info {
    const char *snomed, *display, *icd9, *icd10;
};
struct place_info {
    const char *postcode, *city, *state;
};
struct code_info { /* a category: CSV text, code, display */
    const char *text, *code, *display;
    int permille;
};

extern const struct disease_info demo_diseases[DISEASE_COUNT];
extern const struct chronic_info demo_chronic[CHRONIC_COUNT];
extern const struct reason_info demo_reasons[REASON_COUNT];
extern const struct complication_info demo_complications[COMPLICATION_COUNT];
extern const struct lab_info demo_labs[LAB_COUNT];
extern const struct effect_info demo_effects[];
extern const int demo_effect_count;
extern const struct drug_info demo_drugs[DRUG_COUNT];
extern const struct treatment_info demo_treatments[];
extern const int demo_treatment_count;
extern const struct procedure_info demo_procedures[PROCEDURE_COUNT];
extern const char *const demo_departments[DEPARTMENT_COUNT];
extern const struct place_info demo_places[];
extern const int demo_place_count;
extern const struct code_info demo_races[];
extern const int demo_race_count;
extern const struct code_info demo_languages[];
extern const int demo_language_count;
extern const char *const demo_specialties[];
extern const int demo_specialty_count;
extern const char *const demo_first_names[2][64]; /* male, female */
extern const char *const demo_last_names[128];
extern const char *const demo_organisms[4];
extern const char *const demo_streets[16];

#define DEMO_DAY_MINUTES INT64_C(1440)
#define DEMO_PERIOD_START INT64_C(14610) /* 2010-01-01 */
#define DEMO_PERIOD_END INT64_C(18261)   /* 2019-12-31 */
#define DEMO_ICD10_START INT64_C(16709)  /* 2015-10-01: before it codes are ICD-9 */
#define DEMO_ALIVE INT64_MAX
#define DEMO_STAYS_LIMIT 32
#define DEMO_VISITS_LIMIT 12
#define DEMO_DIAGNOSES_LIMIT 48
#define DEMO_LABS_LIMIT 160
#define DEMO_ORDERS_LIMIT 64
#define DEMO_TRANSFERS_LIMIT 4
_Static_assert(1 + COMPLICATION_COUNT + CHRONIC_COUNT + 2 <= DEMO_DIAGNOSES_LIMIT, "demo_diagnose");

enum stream {
    STREAM_PERSON = 1,
    STREAM_CHRONIC,
    STREAM_STAYS,
    STREAM_VISITS,
    STREAM_DIAGNOSES,
    STREAM_TRANSFERS,
    STREAM_LABS,
    STREAM_LAB_LEVEL,
    STREAM_DRUGS,
    STREAM_PROCEDURES,
    STREAM_VITALS,
    STREAM_PROVIDER,
};

struct demo_world {
    uint64_t seed;
    int64_t patients;
    int64_t providers;    /* ids 1 … providers */
    int64_t gp_providers; /* ids 1 … gp_providers are general practitioners */
    int effect_first[LAB_COUNT + 1];
};

struct stay {
    int64_t id, previous_id; /* previous_id 0 = none */
    int64_t start, end;      /* minutes */
    int64_t attending;
    enum reason reason;
    enum admission_type type;
    const char *insurance;
    int severity;           /* 0 … 1000 */
    uint32_t complications; /* bit per enum complication */
    bool died;
    bool deleted;     /* its id is used up and its labs remain, the stay itself is in no table */
    bool readmission; /* within 30 days of a discharge that is in the tables */
};
struct patient {
    int64_t index;        /* 0-based */
    int64_t id;           /* index + 1 */
    int64_t mrn;          /* 8 digits, unique, zero-padded */
    int64_t birth, death; /* days; death may be DEMO_ALIVE */
    int64_t gp;           /* provider id, 0 = none known */
    int female;           /* 0 or 1 */
    int race, language, place, first_name, last_name, house, street;
    const char *marital; /* "" = not known */
    uint32_t chronic;    /* bit per enum chronic */
    int64_t onset[CHRONIC_COUNT];
    int burden;
    int stay_count, visit_count;
    struct stay stays[DEMO_STAYS_LIMIT];
    int64_t visits[DEMO_VISITS_LIMIT]; /* minutes */
};

struct diagnosis {
    enum disease disease;
    int64_t onset; /* days */
    bool lasting;
    bool icd10;
};
struct lab_result {
    enum lab lab;
    int64_t minute;
    int64_t value;    /* scaled */
    const char *text; /* not NULL: words instead of a value */
    bool below;       /* below the detection limit */
    char flag;        /* 'H', 'L', 'A' or 0 */
};
struct drug_order {
    enum drug drug;
    int dose;
    int64_t start, stop; /* days; stop -1 = still running */
    int64_t prescriber;
};
struct procedure_done {
    enum procedure procedure;
    int64_t day, provider;
};
struct transfer {
    enum department department;
    int64_t in, out; /* minutes; out -1 = not recorded */
};
struct blood_pressure {
    int systolic, diastolic;
};

/* Which stay or visit: stay ≥ 0, or -1 and a visit. */
struct contact {
    int stay, visit;
};

void demo_world_init(struct demo_world *world, int64_t patients, uint64_t seed);
/* One life; *admission_id is the running id, advanced. */
void demo_life(const struct demo_world *world, int64_t index, int64_t *admission_id,
               struct patient *ret);
bool demo_has(const struct patient *patient, const struct stay *stay, int64_t day,
              enum cause_kind kind, int cause);
/* Provider ids: any, or of the kind. */
int64_t demo_provider(const struct demo_world *world, struct rng *rng, bool general_practice);
const char *demo_provider_specialty(const struct demo_world *world, int64_t id);
void demo_provider_name(const struct demo_world *world, int64_t id,
                        struct out *out); /* as a CSV field */

/* Details of a contact; each returns how many of ret are filled. */
int demo_diagnose(const struct demo_world *world, const struct patient *patient,
                  struct contact contact, struct diagnosis ret[DEMO_DIAGNOSES_LIMIT]);
int demo_measure(const struct demo_world *world, const struct patient *patient,
                 struct contact contact, struct lab_result ret[DEMO_LABS_LIMIT]);
int demo_prescribe(const struct demo_world *world, const struct patient *patient, int stay,
                   struct drug_order ret[DEMO_ORDERS_LIMIT]);
int demo_operate(const struct demo_world *world, const struct patient *patient, int stay,
                 struct procedure_done ret[DEMO_ORDERS_LIMIT]);
int demo_transfer(const struct patient *patient, const struct demo_world *world, int stay,
                  struct transfer ret[DEMO_TRANSFERS_LIMIT]);
struct blood_pressure demo_blood_pressure(const struct demo_world *world,
                                          const struct patient *patient, struct contact contact);

/* What the passes learn, for truth.json. */
struct demo_facts {
    int64_t type2_diabetics;              /* patients with a type 2 code in diagnoses */
    int64_t hba1c_sum[2], hba1c_count[2]; /* tenths of a percent; others, type 2 diabetics */
    int64_t deaths_in_hospital, deaths;
    int64_t readmissions, pneumonia_winter, pneumonia_summer;
    int64_t lab_orphans, lab_outpatient, diagnosis_orphans, diagnosis_outpatient;
    int64_t mrn_leading_zero, icd_leading_zero;
};

/* A pass over all patients, writing one file or member. */
struct pass {
    const struct demo_world *world;
    struct out *out;
    struct demo_facts *facts;
    int64_t admission_id; /* running */
    int64_t row_id;       /* running surrogate key of this table; 0 before the first */
    int64_t rows;
};
struct demo_output {
    const char *name;                                                  /* table or resource type */
    const char *header;                                                /* CSV; NULL for FHIR */
    void (*whole)(struct pass *pass);                                  /* a dictionary */
    void (*patient)(struct pass *pass, const struct patient *patient); /* or per patient */
};
extern const struct demo_output demo_csv_tables[];
extern const int demo_csv_table_count;
extern const struct demo_output demo_fhir_resources[];
extern const int demo_fhir_resource_count;

/* truth.json as text. */
struct buf;
void demo_truth(const struct demo_report *report, const struct demo_facts *facts, struct buf *ret);

#define OUT_LIT(out, literal) out_bytes((out), (literal), sizeof(literal) - 1)

#endif
