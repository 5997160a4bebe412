/* Laboratory results. A value is median × effects of the diseases × e^(what is the person's own +
 * what is the day's); acute effects fade over a stay, unless it ends in death. Which items are
 * drawn depends on the reason and the diseases; a few are drawn again on later days. Values below
 * the detection limit and words are kept as such. */
#include "demo/demo_priv.h"

struct draw {
    const struct demo_world *world;
    const struct patient *patient;
    const struct stay *stay; /* NULL: outpatient */
    struct rng rng;
    struct lab_result *ret;
    int count;
};

static int64_t own_level(const struct draw *draw, enum lab lab)
{
    /* Haematocrit follows haemoglobin, eGFR opposes creatinine: the same person-level draw. */
    enum lab source = lab == LAB_HEMATOCRIT ? LAB_HEMOGLOBIN
                      : lab == LAB_EGFR     ? LAB_CREATININE
                                            : lab;
    struct rng rng = rng_make(draw->world->seed, (uint64_t)draw->patient->index, STREAM_LAB_LEVEL,
                              (uint32_t)source);
    int64_t z = rng_normal_milli(&rng);
    return lab == LAB_EGFR ? -z : z;
}

/* Share of an acute effect that is left at minute, in percent. */
static int64_t acute_share(const struct draw *draw, int64_t minute)
{
    const struct stay *stay = draw->stay;
    if (stay == NULL)
        return 0;
    int64_t gone = (minute - stay->start) * 100 / (stay->end - stay->start);
    return stay->died ? 100 + gone / 4 : 100 - gone * 7 / 10;
}

static int64_t with_effects(const struct draw *draw, enum lab lab, int64_t value, int64_t minute)
{
    const struct demo_world *world = draw->world;
    for (int i = world->effect_first[lab]; i < world->effect_first[lab + 1]; i++) {
        const struct effect_info *effect = &demo_effects[i];
        if (!demo_has(draw->patient, draw->stay, minute / DEMO_DAY_MINUTES, effect->kind,
                      effect->cause))
            continue;
        int64_t change = effect->percent - 100;
        if (effect->acute)
            change = change * acute_share(draw, minute) / 100;
        value = value * (100 + change) / 100;
    }
    return value;
}

/* Creatinine rises and filtration falls with age; haemoglobin falls a little. In permille. */
static int64_t age_factor(enum lab lab, int64_t age)
{
    int64_t over = age > 40 ? age - 40 : 0;
    if (lab == LAB_CREATININE)
        return age < 16 ? 400 + age * 30 : 1000 + over * 6;
    if (lab == LAB_EGFR)
        return 1000 - (over > 55 ? 55 : over) * 8;
    if (lab == LAB_HEMOGLOBIN || lab == LAB_HEMATOCRIT)
        return 1000 - over;
    if (lab == LAB_CHOLESTEROL || lab == LAB_LDL)
        return age < 20 ? 850 : 1000;
    return lab == LAB_NT_PROBNP ? 1000 + over * 25 : 1000;
}

static void measure_text(struct draw *draw, struct lab_result *result, enum lab lab, int64_t minute)
{
    const struct lab_info *info = &demo_labs[lab];
    int64_t permille = with_effects(draw, lab, info->median[draw->patient->female], minute);
    bool positive = rng_chance(&draw->rng, permille * 10);
    int64_t which = rng_below(&draw->rng, 4);
    if (lab == LAB_BLOOD_CULTURE)
        result->text = positive ? demo_organisms[which] : "NO GROWTH";
    else
        result->text = positive ? "POS" : "NEG";
    result->flag = positive ? 'A' : 0;
}

static void measure(struct draw *draw, enum lab lab, int64_t minute)
{
    const struct lab_info *info = &demo_labs[lab];
    if (draw->count == DEMO_LABS_LIMIT || (draw->stay != NULL && minute > draw->stay->end))
        return;
    struct lab_result *result = &draw->ret[draw->count++];
    *result = (struct lab_result){.lab = lab, .minute = minute};
    if (info->kind == LAB_KIND_TEXT) {
        measure_text(draw, result, lab, minute);
        return;
    }
    int64_t day_level = rng_normal_milli(&draw->rng);
    if (rng_chance(&draw->rng, 40)) {
        result->text = "HEMOLYZED";
        return;
    }
    /* The spread is applied to a value carried with three more digits, so that small scaled medians
     * are not coarse. */
    int64_t value = info->median[draw->patient->female] * INT64_C(1000);
    value = with_effects(draw, lab, value, minute);
    value = value *
            age_factor(lab, (minute / DEMO_DAY_MINUTES - draw->patient->birth) * 100 / 36525) /
            1000;
    int64_t x =
        (own_level(draw, lab) * info->spread_between + day_level * info->spread_within) / 1000;
    value = (rng_scale_exp(value, x) + 500) / 1000;
    if (lab == LAB_ARTERIAL_PH && value > 765)
        value = 765;
    result->value = value;
    result->below = value < info->detection;
    result->flag = value > info->high ? 'H' : value < info->low ? 'L' : 0;
}

static void measure_stay(struct draw *draw)
{
    const struct stay *stay = draw->stay;
    struct rng *rng = &draw->rng;
    static const struct {
        enum lab lab;
        int permyriad;
    } panel[] = {{LAB_HEMOGLOBIN, 9200}, {LAB_HEMATOCRIT, 3500}, {LAB_WBC, 8500},
                 {LAB_PLATELETS, 7000},  {LAB_SODIUM, 8000},     {LAB_POTASSIUM, 8500},
                 {LAB_CREATININE, 9000}, {LAB_EGFR, 3500},       {LAB_UREA_NITROGEN, 4500},
                 {LAB_GLUCOSE, 8000}};
    int64_t minute = stay->start + rng_between(rng, 10, 90);
    for (size_t i = 0; i < sizeof panel / sizeof panel[0]; i++)
        if (rng_chance(rng, panel[i].permyriad))
            measure(draw, panel[i].lab, minute);
    minute += rng_between(rng, 0, 60);
    const struct reason_info *reason = &demo_reasons[stay->reason];
    for (int i = 0; i < 3; i++)
        if (rng_chance(rng, 7500))
            measure(draw, reason->labs[i], minute);
    int64_t day = stay->start / DEMO_DAY_MINUTES;
    bool diabetic = demo_has(draw->patient, stay, day, CAUSE_CHRONIC, CHRONIC_T2DM) ||
                    demo_has(draw->patient, stay, day, CAUSE_CHRONIC, CHRONIC_T1DM);
    if (rng_chance(rng, diabetic ? 5000 : 600) && stay->reason != REASON_KETOACIDOSIS &&
        stay->reason != REASON_HYPERGLYCEMIA)
        measure(draw, LAB_HBA1C, minute);
    if (stay->severity > 550 && stay->reason != REASON_SEPSIS && rng_chance(rng, 3500))
        measure(draw, LAB_LACTATE, minute);
    /* Later days, at most 21. */
    static const enum lab again[] = {LAB_HEMOGLOBIN, LAB_CREATININE, LAB_POTASSIUM, LAB_WBC,
                                     LAB_GLUCOSE};
    for (int64_t later = 1; later <= 21 && day + later <= stay->end / DEMO_DAY_MINUTES; later++) {
        minute = (day + later) * DEMO_DAY_MINUTES + rng_between(rng, 300, 540);
        for (size_t i = 0; i < sizeof again / sizeof again[0]; i++)
            if (rng_chance(rng, i == 4 && diabetic ? 4500 : 400 + stay->severity * 16 / 10))
                measure(draw, again[i], minute);
        if (stay->reason == REASON_SEPSIS && later < 4)
            measure(draw, LAB_LACTATE, minute);
    }
}

static void measure_visit(struct draw *draw, int64_t minute)
{
    struct rng *rng = &draw->rng;
    const struct patient *patient = draw->patient;
    int64_t day = minute / DEMO_DAY_MINUTES;
    bool t2dm = demo_has(patient, NULL, day, CAUSE_CHRONIC, CHRONIC_T2DM);
    bool diabetic = t2dm || demo_has(patient, NULL, day, CAUSE_CHRONIC, CHRONIC_T1DM);
    bool adult = day - patient->birth > 18 * 365;
    if (rng_chance(rng, diabetic ? 8500 : adult ? 2600 : 100))
        measure(draw, LAB_HBA1C, minute);
    if (rng_chance(rng, 6500))
        measure(draw, LAB_GLUCOSE, minute);
    if (rng_chance(rng, 6000))
        measure(draw, LAB_CREATININE, minute);
    if (rng_chance(rng, 6500))
        measure(draw, LAB_HEMOGLOBIN, minute);
    if (rng_chance(rng, adult ? 5000 : 500)) {
        measure(draw, LAB_CHOLESTEROL, minute);
        measure(draw, LAB_LDL, minute);
        measure(draw, LAB_HDL, minute);
        measure(draw, LAB_TRIGLYCERIDES, minute);
    }
    if (rng_chance(rng, demo_has(patient, NULL, day, CAUSE_CHRONIC, CHRONIC_HYPOTHYROIDISM) ? 8000
                                                                                            : 1200))
        measure(draw, LAB_TSH, minute);
    if (rng_chance(rng, demo_has(patient, NULL, day, CAUSE_CHRONIC, CHRONIC_IRON_DEFICIENCY) ? 7000
                                                                                             : 600))
        measure(draw, LAB_FERRITIN, minute);
    if (rng_chance(rng, 2000))
        measure(draw, LAB_ALT, minute);
    if (rng_chance(rng,
                   demo_has(patient, NULL, day, CAUSE_CHRONIC, CHRONIC_HEART_FAILURE) ? 6000 : 200))
        measure(draw, LAB_NT_PROBNP, minute);
}

int demo_measure(const struct demo_world *world, const struct patient *patient,
                 struct contact contact, struct lab_result ret[DEMO_LABS_LIMIT])
{
    uint32_t index = contact.stay >= 0 ? (uint32_t)contact.stay : 1000U + (uint32_t)contact.visit;
    struct draw draw = {.world = world, .patient = patient, .ret = ret};
    draw.rng = rng_make(world->seed, (uint64_t)patient->index, STREAM_LABS, index);
    if (contact.stay >= 0) {
        draw.stay = &patient->stays[contact.stay];
        measure_stay(&draw);
    } else {
        measure_visit(&draw, patient->visits[contact.visit]);
    }
    return draw.count;
}
