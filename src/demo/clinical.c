/* What happens in a contact, laboratory apart: diagnoses, moves between departments, drugs,
 * procedures, blood pressure. Each is a pure function of (seed, patient, contact) with a stream of
 * its own. */
#include "demo/demo_priv.h"

static uint32_t contact_index(struct contact contact)
{
    return contact.stay >= 0 ? (uint32_t)contact.stay : 1000U + (uint32_t)contact.visit;
}

static int64_t contact_day(const struct patient *patient, struct contact contact)
{
    return (contact.stay >= 0 ? patient->stays[contact.stay].start
                              : patient->visits[contact.visit]) /
           DEMO_DAY_MINUTES;
}

static int add_diagnosis(struct diagnosis *ret, int count, enum disease disease, int64_t onset,
                         bool lasting, bool icd10)
{
    for (int i = 0; i < count; i++)
        if (ret[i].disease == disease)
            return count;
    ret[count] = (struct diagnosis){disease, onset, lasting, icd10};
    return count + 1;
}

/* Principal first, then complications, then chronic diseases that began before; type 2 diabetes is
 * always recorded. The count is bounded by the tables: 1 + COMPLICATION_COUNT + CHRONIC_COUNT + 2 <
 * DEMO_DIAGNOSES_LIMIT. */
int demo_diagnose(const struct demo_world *world, const struct patient *patient,
                  struct contact contact, struct diagnosis ret[DEMO_DIAGNOSES_LIMIT])
{
    struct rng rng =
        rng_make(world->seed, (uint64_t)patient->index, STREAM_DIAGNOSES, contact_index(contact));
    int64_t day = contact_day(patient, contact);
    bool icd10 = day >= DEMO_ICD10_START;
    const struct stay *stay = contact.stay >= 0 ? &patient->stays[contact.stay] : NULL;
    int count = 0;
    if (stay != NULL) {
        count = add_diagnosis(ret, count, demo_reasons[stay->reason].disease, day, false, icd10);
        for (int i = 0; i < COMPLICATION_COUNT; i++)
            if (((stay->complications >> i) & 1) != 0)
                count = add_diagnosis(ret, count, demo_complications[i].disease, day, false, icd10);
    }
    for (int i = 0; i < CHRONIC_COUNT; i++) {
        bool recorded = rng_chance(&rng, stay != NULL ? 8200 : 4200) || i == CHRONIC_T2DM;
        if (recorded && demo_has(patient, stay, day, CAUSE_CHRONIC, i))
            count =
                add_diagnosis(ret, count, demo_chronic[i].disease, patient->onset[i], true, icd10);
    }
    if (stay != NULL && rng_chance(&rng, stay->severity > 600   ? 1500
                                         : stay->severity > 350 ? 400
                                                                : 0))
        count = add_diagnosis(ret, count, DISEASE_NOT_FOR_RESUSCITATION, day, false, icd10);
    if (rng_chance(&rng, 330) && day - patient->birth > 25 * 365)
        count = add_diagnosis(ret, count, DISEASE_EX_SMOKER, day, true, icd10);
    return count;
}

int demo_transfer(const struct patient *patient, const struct demo_world *world, int stay_at,
                  struct transfer ret[DEMO_TRANSFERS_LIMIT])
{
    const struct stay *stay = &patient->stays[stay_at];
    struct rng rng =
        rng_make(world->seed, (uint64_t)patient->index, STREAM_TRANSFERS, (uint32_t)stay_at);
    int64_t minute = stay->start, length = stay->end - stay->start;
    int count = 0;
    if (stay->type == TYPE_EMERGENCY) {
        int64_t until = minute + rng_between(&rng, 60, length / 3);
        ret[count++] = (struct transfer){DEPARTMENT_EMERGENCY_ROOM, minute, until};
        minute = until;
    }
    bool shock = ((stay->complications >> COMPLICATION_SEPTIC_SHOCK) & 1) != 0 ||
                 ((stay->complications >> COMPLICATION_RESPIRATORY_FAILURE) & 1) != 0;
    enum department ward = demo_reasons[stay->reason].department;
    bool icu = shock || ward == DEPARTMENT_MEDICAL_ICU ||
               rng_chance(&rng, stay->severity > 650 ? 4500 : 150);
    if (icu) {
        int64_t until = minute + (stay->end - minute) * rng_between(&rng, 25, 60) / 100;
        bool surgical = ward == DEPARTMENT_GENERAL_SURGERY || ward == DEPARTMENT_ORTHOPAEDICS;
        ret[count++] = (struct transfer){
            surgical ? DEPARTMENT_SURGICAL_ICU : DEPARTMENT_MEDICAL_ICU, minute, until};
        minute = until;
        if (ward == DEPARTMENT_MEDICAL_ICU)
            ward = DEPARTMENT_GENERAL_MEDICINE;
        if (rng_chance(&rng, 3000)) {
            until = minute + (stay->end - minute) / 3;
            ret[count++] = (struct transfer){DEPARTMENT_STEP_DOWN, minute, until};
            minute = until;
        }
    }
    if (patient->birth + 16 * 365 > stay->start / DEMO_DAY_MINUTES)
        ward = DEPARTMENT_PAEDIATRICS;
    ret[count++] = (struct transfer){ward, minute, rng_chance(&rng, 600) ? -1 : stay->end};
    return count;
}

static int add_order(struct drug_order *ret, int count, enum drug drug, const struct stay *stay,
                     const struct demo_world *world, struct rng *rng)
{
    for (int i = 0; i < count; i++)
        if (ret[i].drug == drug)
            return count;
    int64_t first = stay->start / DEMO_DAY_MINUTES, last = stay->end / DEMO_DAY_MINUTES;
    struct drug_order *order = &ret[count];
    order->drug = drug;
    order->dose = (int)rng_below(rng, 2);
    order->start = rng_between(rng, first, first + (last - first) / 3);
    order->stop = rng_between(rng, order->start, last);
    if (rng_chance(rng, 1500) && !stay->died)
        order->stop = -1;
    order->prescriber = rng_chance(rng, 5500) ? stay->attending : demo_provider(world, rng, false);
    return count + 1;
}

/* At most 2 + demo_treatment_count + 4 orders: below DEMO_ORDERS_LIMIT. */
int demo_prescribe(const struct demo_world *world, const struct patient *patient, int stay_at,
                   struct drug_order ret[DEMO_ORDERS_LIMIT])
{
    const struct stay *stay = &patient->stays[stay_at];
    struct rng rng =
        rng_make(world->seed, (uint64_t)patient->index, STREAM_DRUGS, (uint32_t)stay_at);
    int64_t day = stay->start / DEMO_DAY_MINUTES;
    int count = 0;
    for (int i = 0; i < 2; i++)
        if (rng_chance(&rng, 6000))
            count = add_order(ret, count, demo_reasons[stay->reason].drugs[i], stay, world, &rng);
    for (int i = 0; i < demo_treatment_count; i++) {
        const struct treatment_info *info = &demo_treatments[i];
        if (demo_has(patient, stay, day, info->kind, info->cause) &&
            rng_chance(&rng, info->permille * 10))
            count = add_order(ret, count, info->drug, stay, world, &rng);
    }
    static const struct {
        enum drug drug;
        int permyriad;
    } usual[] = {{DRUG_ACETAMINOPHEN, 2400},
                 {DRUG_HEPARIN, 1400},
                 {DRUG_OMEPRAZOLE, 1500},
                 {DRUG_ONDANSETRON, 1300}};
    for (int i = 0; i < 4; i++)
        if (rng_chance(&rng, usual[i].permyriad))
            count = add_order(ret, count, usual[i].drug, stay, world, &rng);
    return count;
}

static int add_procedure(struct procedure_done *ret, int count, enum procedure procedure,
                         const struct stay *stay, const struct demo_world *world, struct rng *rng)
{
    int64_t first = stay->start / DEMO_DAY_MINUTES, last = stay->end / DEMO_DAY_MINUTES;
    int64_t provider = rng_chance(rng, 3000) ? stay->attending : demo_provider(world, rng, false);
    ret[count] = (struct procedure_done){
        procedure, rng_between(rng, first, first + (last - first) / 2), provider};
    return count + 1;
}

int demo_operate(const struct demo_world *world, const struct patient *patient, int stay_at,
                 struct procedure_done ret[DEMO_ORDERS_LIMIT])
{
    const struct stay *stay = &patient->stays[stay_at];
    const struct reason_info *info = &demo_reasons[stay->reason];
    struct rng rng =
        rng_make(world->seed, (uint64_t)patient->index, STREAM_PROCEDURES, (uint32_t)stay_at);
    int count = 0;
    if (rng_chance(&rng, info->procedure_permille * 10))
        count = add_procedure(ret, count, info->procedure, stay, world, &rng);
    if (rng_chance(&rng, 2500))
        count = add_procedure(ret, count, PROCEDURE_CHEST_XRAY, stay, world, &rng);
    if (((stay->complications >> COMPLICATION_RESPIRATORY_FAILURE) & 1) != 0 &&
        rng_chance(&rng, 5000)) {
        count = add_procedure(ret, count, PROCEDURE_INTUBATION, stay, world, &rng);
        count = add_procedure(ret, count, PROCEDURE_VENTILATION, stay, world, &rng);
    }
    if (((stay->complications >> COMPLICATION_SEPTIC_SHOCK) & 1) != 0)
        count = add_procedure(ret, count, PROCEDURE_CENTRAL_LINE, stay, world, &rng);
    if (((stay->complications >> COMPLICATION_ACUTE_ANEMIA) & 1) != 0 && rng_chance(&rng, 6000))
        count = add_procedure(ret, count, PROCEDURE_TRANSFUSION, stay, world, &rng);
    int64_t day = stay->start / DEMO_DAY_MINUTES;
    if (((stay->complications >> COMPLICATION_AKI) & 1) != 0 &&
        demo_has(patient, stay, day, CAUSE_CHRONIC, CHRONIC_CKD4) && rng_chance(&rng, 4000))
        count = add_procedure(ret, count, PROCEDURE_HEMODIALYSIS, stay, world, &rng);
    return count;
}

struct blood_pressure demo_blood_pressure(const struct demo_world *world,
                                          const struct patient *patient, struct contact contact)
{
    struct rng rng =
        rng_make(world->seed, (uint64_t)patient->index, STREAM_VITALS, contact_index(contact));
    int64_t day = contact_day(patient, contact);
    const struct stay *stay = contact.stay >= 0 ? &patient->stays[contact.stay] : NULL;
    int64_t age = (day - patient->birth) / 365;
    int64_t systolic = age < 18 ? 92 + age : 112 + (age - 18) * 3 / 10;
    systolic += demo_has(patient, stay, day, CAUSE_CHRONIC, CHRONIC_HYPERTENSION) ? 18 : 0;
    systolic -=
        demo_has(patient, stay, day, CAUSE_COMPLICATION, COMPLICATION_SEPTIC_SHOCK) ? 45 : 0;
    systolic += rng_normal_milli(&rng) * 11 / 1000;
    int64_t diastolic = systolic * 61 / 100 + rng_normal_milli(&rng) * 6 / 1000;
    return (struct blood_pressure){(int)systolic, (int)diastolic};
}
