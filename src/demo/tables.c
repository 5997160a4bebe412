/* The .def files as arrays, and the small tables of names and places. */
#include "demo/demo_priv.h"

const struct disease_info demo_diseases[DISEASE_COUNT] = {
#define DISEASE(symbol, snomed, display, icd9, title9, icd10, title10, listed)                     \
    {snomed, display, icd9, title9, icd10, title10, listed},
#include "demo/diseases.def"
#undef DISEASE
};

const struct chronic_info demo_chronic[CHRONIC_COUNT] = {
#define CHRONIC(symbol, p0, p18, p45, p65, p80, sex, burden, favour1, percent1, favour2, percent2) \
    {DISEASE_##symbol,                                                                             \
     {p0, p18, p45, p65, p80},                                                                     \
     sex,                                                                                          \
     burden,                                                                                       \
     {CHRONIC_##favour1, CHRONIC_##favour2},                                                       \
     {percent1, percent2}},
#include "demo/chronic.def"
#undef CHRONIC
};

const struct reason_info demo_reasons[REASON_COUNT] = {
#define REASON(symbol, severity, w0, w18, w45, w65, w80, winter, sex, hours, type, department,     \
               favour, percent, death, l1, l2, l3, d1, d2, procedure, permille)                    \
    {DISEASE_##symbol,                                                                             \
     severity,                                                                                     \
     {w0, w18, w45, w65, w80},                                                                     \
     winter,                                                                                       \
     sex,                                                                                          \
     hours,                                                                                        \
     TYPE_##type,                                                                                  \
     DEPARTMENT_##department,                                                                      \
     CHRONIC_##favour,                                                                             \
     percent,                                                                                      \
     death,                                                                                        \
     {LAB_##l1, LAB_##l2, LAB_##l3},                                                               \
     {DRUG_##d1, DRUG_##d2},                                                                       \
     PROCEDURE_##procedure,                                                                        \
     permille},
#include "demo/reasons.def"
#undef REASON
};

const struct complication_info demo_complications[COMPLICATION_COUNT] = {
#define COMPLICATION(symbol, permille, severe, favour, percent, severity)                          \
    {DISEASE_##symbol, permille, severe, REASON_##favour, percent, severity},
#include "demo/complications.def"
#undef COMPLICATION
};

const struct lab_info demo_labs[LAB_COUNT] = {
#define LAB(symbol, label, unit, loinc, display, kind, decimals, low, high, men, women, between,   \
            within, detection)                                                                     \
    {label, unit, loinc,        display, LAB_KIND_##kind, decimals,                                \
     low,   high, {men, women}, between, within,          detection},
#include "demo/labs.def"
#undef LAB
};

const struct effect_info demo_effects[] = {
#define EFFECT(lab, kind, cause, percent, acute)                                                   \
    {LAB_##lab, CAUSE_##kind, kind##_##cause, percent, acute},
#include "demo/effects.def"
#undef EFFECT
};
const int demo_effect_count = sizeof demo_effects / sizeof demo_effects[0];

const struct drug_info demo_drugs[DRUG_COUNT] = {
#define DRUG(symbol, name, rxnorm, dose1, dose2, route) {name, rxnorm, {dose1, dose2}, route},
#include "demo/drugs.def"
#undef DRUG
};

const struct treatment_info demo_treatments[] = {
#define TREATMENT(kind, cause, drug, permille)                                                     \
    {CAUSE_##kind, kind##_##cause, DRUG_##drug, permille},
#include "demo/treatments.def"
#undef TREATMENT
};
const int demo_treatment_count = sizeof demo_treatments / sizeof demo_treatments[0];

const struct procedure_info demo_procedures[PROCEDURE_COUNT] = {
#define PROCEDURE(symbol, snomed, display, icd9, icd10) {snomed, display, icd9, icd10},
#include "demo/procedures.def"
#undef PROCEDURE
};

const char *const demo_departments[DEPARTMENT_COUNT] = {
#define DEPARTMENT(symbol, name) name,
#include "demo/departments.def"
#undef DEPARTMENT
};

const struct place_info demo_places[] = {
    {"02115", "Boston", "MA"},      {"02139", "Cambridge", "MA"},  {"02143", "Somerville", "MA"},
    {"01103", "Springfield", "MA"}, {"01608", "Worcester", "MA"},  {"01852", "Lowell", "MA"},
    {"02301", "Brockton", "MA"},    {"02169", "Quincy", "MA"},     {"01902", "Lynn", "MA"},
    {"02740", "New Bedford", "MA"}, {"02903", "Providence", "RI"}, {"02860", "Pawtucket", "RI"},
    {"02840", "Newport", "RI"},     {"03101", "Manchester", "NH"}, {"03060", "Nashua", "NH"},
    {"03301", "Concord", "NH"},     {"04101", "Portland", "ME"},   {"04401", "Bangor", "ME"},
    {"05401", "Burlington", "VT"},  {"05701", "Rutland", "VT"},    {"06103", "Hartford", "CT"},
    {"06510", "New Haven", "CT"},   {"06604", "Bridgeport", "CT"}, {"07102", "Newark", "NJ"},
    {"07302", "Jersey City", "NJ"}, {"08608", "Trenton", "NJ"},    {"10027", "New York", "NY"},
    {"11201", "Brooklyn", "NY"},    {"12207", "Albany", "NY"},     {"14604", "Rochester", "NY"},
};
const int demo_place_count = sizeof demo_places / sizeof demo_places[0];

/* The first five are OMB races; Hispanic is an ethnicity and is written as one in FHIR. */
const struct code_info demo_races[] = {
    {"WHITE", "2106-3", "White", 640},
    {"BLACK/AFRICAN AMERICAN", "2054-5", "Black or African American", 140},
    {"ASIAN", "2028-9", "Asian", 65},
    {"AMERICAN INDIAN/ALASKA NATIVE", "1002-5", "American Indian or Alaska Native", 6},
    {"HISPANIC/LATINO", "2131-1", "Other Race", 100},
    {"OTHER", "2131-1", "Other Race", 25},
    {"", "UNK", "Unknown", 24},
};
const int demo_race_count = sizeof demo_races / sizeof demo_races[0];

const struct code_info demo_languages[] = {
    {"English", "en", "English", 860}, {"Spanish", "es", "Spanish", 80},
    {"Chinese", "zh", "Chinese", 25},  {"Portuguese", "pt", "Portuguese", 25},
    {"French", "fr", "French", 10},
};
const int demo_language_count = sizeof demo_languages / sizeof demo_languages[0];

const char *const demo_specialties[] = {
    "Internal Medicine", "Cardiology",          "Surgery, General",        "Neurology",
    "Pulmonary Disease", "Orthopaedic Surgery", "Obstetrics & Gynecology", "Nephrology",
    "Gastroenterology",  "Pediatrics",          "Hematology/Oncology",     "Critical Care",
};
const int demo_specialty_count = sizeof demo_specialties / sizeof demo_specialties[0];

const char *const demo_first_names[2][64] = {
    {"James",   "Robert",   "John",    "Michael",   "David",   "William", "Richard", "Joseph",
     "Thomas",  "Charles",  "Daniel",  "Matthew",   "Anthony", "Mark",    "Donald",  "Steven",
     "Paul",    "Andrew",   "Joshua",  "Kenneth",   "Kevin",   "Brian",   "George",  "Timothy",
     "Ronald",  "Edward",   "Jason",   "Jeffrey",   "Ryan",    "Jacob",   "Gary",    "Nicholas",
     "Eric",    "Jonathan", "Stephen", "Larry",     "Justin",  "Scott",   "Brandon", "Benjamin",
     "Samuel",  "Gregory",  "Frank",   "Alexander", "Raymond", "Patrick", "Jack",    "Dennis",
     "Jerry",   "Tyler",    "Aaron",   "Jose",      "Adam",    "Nathan",  "Henry",   "Douglas",
     "Zachary", "Peter",    "Kyle",    "Walter",    "Ethan",   "Jeremy",  "Harold",  "Carl"},
    {"Mary",      "Patricia", "Jennifer", "Linda",     "Elizabeth", "Barbara",   "Susan",
     "Jessica",   "Sarah",    "Karen",    "Lisa",      "Nancy",     "Betty",     "Margaret",
     "Sandra",    "Ashley",   "Kimberly", "Emily",     "Donna",     "Michelle",  "Carol",
     "Amanda",    "Dorothy",  "Melissa",  "Deborah",   "Stephanie", "Rebecca",   "Sharon",
     "Laura",     "Cynthia",  "Kathleen", "Amy",       "Angela",    "Shirley",   "Anna",
     "Brenda",    "Pamela",   "Emma",     "Nicole",    "Helen",     "Samantha",  "Katherine",
     "Christine", "Debra",    "Rachel",   "Carolyn",   "Janet",     "Catherine", "Maria",
     "Heather",   "Diane",    "Ruth",     "Julie",     "Olivia",    "Joyce",     "Virginia",
     "Victoria",  "Kelly",    "Lauren",   "Christina", "Joan",      "Evelyn",    "Judith",
     "Alice"},
};

const char *const demo_last_names[128] = {
    "Smith",    "Johnson",   "Williams",   "Brown",     "Jones",     "Garcia",    "Miller",
    "Davis",    "Rodriguez", "Martinez",   "Hernandez", "Lopez",     "Gonzalez",  "Wilson",
    "Anderson", "Thomas",    "Taylor",     "Moore",     "Jackson",   "Martin",    "Lee",
    "Perez",    "Thompson",  "White",      "Harris",    "Sanchez",   "Clark",     "Ramirez",
    "Lewis",    "Robinson",  "Walker",     "Young",     "Allen",     "King",      "Wright",
    "Scott",    "Torres",    "Nguyen",     "Hill",      "Flores",    "Green",     "Adams",
    "Nelson",   "Baker",     "Hall",       "Rivera",    "Campbell",  "Mitchell",  "Carter",
    "Roberts",  "Gomez",     "Phillips",   "Evans",     "Turner",    "Diaz",      "Parker",
    "Cruz",     "Edwards",   "Collins",    "Reyes",     "Stewart",   "Morris",    "Morales",
    "Murphy",   "Cook",      "Rogers",     "Gutierrez", "Ortiz",     "Morgan",    "Cooper",
    "Peterson", "Bailey",    "Reed",       "Kelly",     "Howard",    "Ramos",     "Kim",
    "Cox",      "Ward",      "Richardson", "Watson",    "Brooks",    "Chavez",    "Wood",
    "James",    "Bennett",   "Gray",       "Mendoza",   "Ruiz",      "Hughes",    "Price",
    "Alvarez",  "Castillo",  "Sanders",    "Patel",     "Myers",     "Long",      "Ross",
    "Foster",   "Jimenez",   "Powell",     "Jenkins",   "Perry",     "Russell",   "Sullivan",
    "Bell",     "Coleman",   "Butler",     "Henderson", "Barnes",    "Gonzales",  "Fisher",
    "Vasquez",  "Simmons",   "Romero",     "Jordan",    "Patterson", "Alexander", "Hamilton",
    "Graham",   "Reynolds",  "Griffin",    "Wallace",   "O'Brien",   "Cole",      "West",
    "Müller",   "O'Connor",
};

const char *const demo_organisms[4] = {
    "Escherichia coli",
    "Staphylococcus aureus",
    "Streptococcus pneumoniae",
    "Klebsiella pneumoniae",
};

const char *const demo_streets[16] = {
    "Main Street",    "Oak Street",      "Maple Avenue",  "Washington Street",
    "Park Avenue",    "Elm Street",      "Cedar Lane",    "Pine Street",
    "Lake View Road", "Hillside Avenue", "Church Street", "School Street",
    "Mill Road",      "River Road",      "Spring Street", "Union Street",
};
