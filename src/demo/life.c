/* One patient's life: who, which chronic diseases since when, the hospital stays in order of time,
 * the outpatient visits. Out-of-hospital death is drawn first and bounds everything; death in
 * hospital grows with severity and age and ends the life. Details of a stay are derived elsewhere,
 * from streams of their own. */
#include "demo/demo_priv.h"

static int age_band(int64_t age_years)
{
    return age_years < 18 ? 0 : age_years < 45 ? 1 : age_years < 65 ? 2 : age_years < 80 ? 3 : 4;
}

static int64_t age_at(const struct patient *patient, int64_t day)
{
    return (day - patient->birth) * 100 / 36525;
}

static int pick(struct rng *rng, const struct code_info *codes, int count)
{
    int64_t at = rng_below(rng, 1000);
    for (int i = 0; i < count - 1; i++) {
        at -= codes[i].permille;
        if (at < 0)
            return i;
    }
    return count - 1;
}

void demo_world_init(struct demo_world *world, int64_t patients, uint64_t seed)
{
    *world = (struct demo_world){.seed = seed, .patients = patients};
    world->providers = 48 + patients / 40;
    if (world->providers > 20000)
        world->providers = 20000;
    world->gp_providers = world->providers / 3;
    int at = 0;
    for (int lab = 0; lab < LAB_COUNT; lab++) {
        world->effect_first[lab] = at;
        while (at < demo_effect_count && (int)demo_effects[at].lab == lab)
            at++;
    }
    world->effect_first[LAB_COUNT] = at;
}

int64_t demo_provider(const struct demo_world *world, struct rng *rng, bool general_practice)
{
    return general_practice ? rng_between(rng, 1, world->gp_providers)
                            : rng_between(rng, world->gp_providers + 1, world->providers);
}

const char *demo_provider_specialty(const struct demo_world *world, int64_t id)
{
    return id <= world->gp_providers ? "Family Medicine"
                                     : demo_specialties[id % demo_specialty_count];
}

/* "O'Brien, Mary ""Molly"", MD": commas in every name, quotes in some. */
void demo_provider_name(const struct demo_world *world, int64_t id, struct out *out)
{
    struct rng rng = rng_make(world->seed, (uint64_t)id, STREAM_PROVIDER, 0);
    int female = (int)rng_below(&rng, 2);
    out_char(out, '"');
    out_text(out, demo_last_names[rng_below(&rng, 128)]);
    OUT_LIT(out, ", ");
    const char *first = demo_first_names[female][rng_below(&rng, 64)];
    out_text(out, first);
    if (rng_chance(&rng, 800)) {
        OUT_LIT(out, " \"\"");
        out_bytes(out, first, 3);
        OUT_LIT(out, "\"\"");
    }
    out_text(out, rng_chance(&rng, 1500)  ? ", DO\""
                  : rng_chance(&rng, 900) ? ", MD, PhD\""
                                          : ", MD\"");
}

static int64_t draw_birth(struct rng *rng)
{
    static const int64_t bands[5][3] = {/* permille, from age, to age in 2015 */
                                        {90, -4, 18},
                                        {260, 18, 45},
                                        {300, 45, 65},
                                        {240, 65, 80},
                                        {110, 80, 97}};
    int64_t at = rng_below(rng, 1000);
    int band = 0;
    while (band < 4 && (at -= bands[band][0]) >= 0)
        band++;
    int64_t from = bands[band][1] * 36525 / 100, to = bands[band][2] * 36525 / 100;
    return 16436 - rng_between(rng, from, to - 1);
}

static const char *draw_marital(struct rng *rng, int64_t age)
{
    int64_t at = rng_below(rng, 1000);
    if (at < 40)
        return "";
    if (age < 20)
        return "SINGLE";
    int64_t married = age < 30 ? 300 : age < 70 ? 560 : 430;
    int64_t widowed = age < 60 ? 15 : age < 75 ? 120 : 380;
    int64_t divorced = age < 30 ? 30 : 110;
    at -= 40;
    return at < married                        ? "MARRIED"
           : at < married + widowed            ? "WIDOWED"
           : at < married + widowed + divorced ? "DIVORCED"
                                               : "SINGLE";
}

static void derive_person(const struct demo_world *world, struct patient *patient)
{
    struct rng rng = rng_make(world->seed, (uint64_t)patient->index, STREAM_PERSON, 0);
    patient->female = rng_chance(&rng, 5200);
    patient->birth = draw_birth(&rng);
    patient->race = pick(&rng, demo_races, demo_race_count);
    patient->language = pick(&rng, demo_languages, demo_language_count);
    patient->marital = draw_marital(&rng, age_at(patient, DEMO_PERIOD_END));
    patient->place = (int)rng_below(&rng, demo_place_count);
    patient->first_name = (int)rng_below(&rng, 64);
    patient->last_name = (int)rng_below(&rng, 128);
    patient->house = (int)rng_between(&rng, 1, 980);
    patient->street = (int)rng_below(&rng, 16);
    int64_t gp = demo_provider(world, &rng, true);
    patient->gp = rng_chance(&rng, 600) ? 0 : gp;
    /* An odd multiplier that 5 does not divide is a bijection modulo 10^8, so record numbers are
     * unique. */
    uint64_t shift = rng_mix(world->seed ^ 0x6d726e) % UINT64_C(100000000);
    patient->mrn =
        (int64_t)(((uint64_t)patient->id * UINT64_C(38196603) + shift) % UINT64_C(100000000));
}

static void derive_chronic(const struct demo_world *world, struct patient *patient)
{
    struct rng rng = rng_make(world->seed, (uint64_t)patient->index, STREAM_CHRONIC, 0);
    int64_t end = DEMO_PERIOD_END;
    int band = age_band(age_at(patient, end));
    for (int i = 0; i < CHRONIC_COUNT; i++) {
        const struct chronic_info *info = &demo_chronic[i];
        int64_t chance = info->permille[band] * 10;
        for (int f = 0; f < 2; f++)
            if (((patient->chronic >> info->favour[f]) & 1) != 0)
                chance = chance * info->favour_percent[f] / 100;
        int64_t draw = rng_below(&rng, 10000);
        int64_t share = rng_between(&rng, 350, 960); /* of the age: onset */
        if (draw >= chance || (info->sex == 1 && patient->female == 0))
            continue;
        if ((i == CHRONIC_T2DM && ((patient->chronic >> CHRONIC_T1DM) & 1) != 0) ||
            (i == CHRONIC_CKD4 && ((patient->chronic >> CHRONIC_CKD3) & 1) != 0))
            continue;
        if (i == CHRONIC_T1DM || i == CHRONIC_ASTHMA)
            share = share / 3;
        patient->chronic |= UINT32_C(1) << i;
        patient->onset[i] = patient->birth + (end - patient->birth) * share / 1000;
        patient->burden += info->burden;
    }
}

/* Yearly out-of-hospital mortality by age, × (1 + burden/10). */
static int64_t draw_death(const struct patient *patient, struct rng *rng)
{
    static const int64_t permyriad[11] = {2, 2, 5, 8, 14, 30, 75, 190, 520, 1350, 2600};
    for (int64_t day = DEMO_PERIOD_START; day < DEMO_PERIOD_END; day += 365) {
        int64_t at = rng_between(rng, 0, 364);
        bool dies = false;
        if (day + at > patient->birth + 30) {
            int64_t decade = age_at(patient, day + at) / 10;
            dies =
                rng_chance(rng, permyriad[decade > 10 ? 10 : decade] * (10 + patient->burden) / 14);
        }
        if (dies && day + at <= DEMO_PERIOD_END)
            return day + at;
    }
    return DEMO_ALIVE;
}

static bool had_birth_lately(const struct patient *patient, int64_t day)
{
    for (int i = patient->stay_count - 1; i >= 0; i--) {
        enum reason reason = patient->stays[i].reason;
        if (reason == REASON_DELIVERY || reason == REASON_CESAREAN)
            return day - patient->stays[i].start / DEMO_DAY_MINUTES < 330;
    }
    return false;
}

static bool is_winter(int64_t day)
{
    /* December to February by day of the mean year, which is exact to a day. */
    int64_t of_year = ((day - DEMO_PERIOD_START) * 100 % 36525) / 100;
    return of_year < 59 || of_year >= 334;
}

static enum reason draw_reason(const struct patient *patient, int64_t day, struct rng *rng)
{
    int64_t weights[REASON_COUNT];
    int64_t total = 0;
    int band = age_band(age_at(patient, day));
    bool winter = is_winter(day), births = !had_birth_lately(patient, day),
         infant = age_at(patient, day) < 3;
    for (int i = 0; i < REASON_COUNT; i++) {
        const struct reason_info *info = &demo_reasons[i];
        int64_t weight = info->weights[band] * INT64_C(100);
        bool favoured =
            ((patient->chronic >> info->favour) & 1) != 0 && patient->onset[info->favour] < day;
        if (favoured)
            weight = weight *
                     (info->favour_percent < 0 ? -info->favour_percent : info->favour_percent) /
                     100;
        else if (info->favour_percent < 0)
            weight = 0;
        if (winter)
            weight = weight * info->winter_percent / 100;
        if ((info->sex == 1 && patient->female == 0) ||
            (i == REASON_BRONCHIOLITIS && infant == false) ||
            ((i == REASON_DELIVERY || i == REASON_CESAREAN) && !births))
            weight = 0;
        weights[i] = weight;
        total += weight;
    }
    int64_t at = rng_below(rng, total);
    int chosen = 0;
    while (chosen < REASON_COUNT - 1 && (at -= weights[chosen]) >= 0)
        chosen++;
    return (enum reason)chosen;
}

static void draw_complications(struct stay *stay, struct rng *rng)
{
    for (int i = 0; i < COMPLICATION_COUNT; i++) {
        const struct complication_info *info = &demo_complications[i];
        int64_t chance = (info->permille * 1000 + info->permille_severe * stay->severity) / 100;
        if (stay->reason == info->favour)
            chance = chance * info->favour_percent / 100;
        bool present = rng_chance(rng, chance);
        if (stay->severity < 120 || info->disease == demo_reasons[stay->reason].disease)
            present = false;
        if (present) {
            stay->complications |= UINT32_C(1) << i;
            stay->severity += info->severity;
        }
    }
    if (stay->severity > 1000)
        stay->severity = 1000;
}

static const char *draw_insurance(struct rng *rng, int64_t age)
{
    int64_t at = rng_below(rng, 100);
    if (age >= 65)
        return at < 88 ? "Medicare" : "Private";
    return at < 54   ? "Private"
           : at < 78 ? "Medicaid"
           : at < 88 ? "Medicare"
           : at < 94 ? "Self Pay"
                     : "Government";
}

/* Fill a stay that begins at minute; false when it does not fit into the life. */
static bool derive_stay(const struct demo_world *world, const struct patient *patient,
                        int64_t minute, enum reason reason, struct rng *rng, struct stay *stay)
{
    const struct reason_info *info = &demo_reasons[reason];
    int64_t age = age_at(patient, minute / DEMO_DAY_MINUTES);
    *stay = (struct stay){.start = minute, .reason = reason, .type = info->type};
    bool birth = reason == REASON_DELIVERY || reason == REASON_CESAREAN;
    int64_t severity = info->severity + patient->burden * 12 +
                       (age > 50 && !birth ? (age - 50) * 3 : 0) +
                       rng_normal_milli(rng) * 130 / 1000;
    stay->severity = (int)(severity < 0 ? 0 : severity > 1000 ? 1000 : severity);
    draw_complications(stay, rng);
    int64_t hours = rng_scale_exp(info->hours, rng_normal_milli(rng) * 480 / 1000) *
                    (450 + stay->severity) / 900;
    hours = hours < 6 ? 6 : hours > 1440 ? 1440 : hours;
    stay->end = minute + hours * 60 + rng_below(rng, 60);
    int64_t frailty = age < 18 ? 15 : age < 45 ? 30 : age < 65 ? 65 : age < 80 ? 110 : 175;
    int64_t s = stay->severity;
    stay->died = rng_chance(rng, s * s / 1000 * s / 1000 * 16 / 10 * frailty / 100 *
                                     info->death_percent / 100);
    stay->insurance = draw_insurance(rng, age);
    stay->attending = demo_provider(world, rng, false);
    stay->deleted = rng_chance(rng, 62) && !stay->died;
    int64_t last = patient->death == DEMO_ALIVE ? DEMO_PERIOD_END + 1 : patient->death;
    return stay->end / DEMO_DAY_MINUTES < last;
}

static int64_t first_minute(int64_t day, enum admission_type type, struct rng *rng)
{
    int64_t hour = type == TYPE_ELECTIVE ? rng_between(rng, 6, 10)
                                         : (rng_between(rng, 0, 23) + rng_between(rng, 6, 20)) / 2;
    return day * DEMO_DAY_MINUTES + hour * 60 + rng_below(rng, 60);
}

static void derive_stays(const struct demo_world *world, struct patient *patient)
{
    struct rng rng = rng_make(world->seed, (uint64_t)patient->index, STREAM_STAYS, 0);
    patient->death = draw_death(patient, &rng);
    int64_t day = DEMO_PERIOD_START > patient->birth ? DEMO_PERIOD_START : patient->birth;
    bool returns = false; /* within 30 days, by design */
    enum reason before = REASON_SEPSIS;
    while (patient->stay_count < DEMO_STAYS_LIMIT) {
        static const int64_t ten_year_stays[5] = {14, 16, 19, 27, 39}; /* tenths */
        int64_t rate = ten_year_stays[age_band(age_at(patient, day))] + 2 * patient->burden;
        day += returns ? 1 + (rng_below(&rng, 30) + rng_below(&rng, 30)) / 2
                       : 1 + rng_exponential_milli(&rng) * 36500 / rate / 1000;
        if (day > DEMO_PERIOD_END)
            return;
        enum reason reason = draw_reason(patient, day, &rng);
        bool surgical = demo_reasons[before].type == TYPE_ELECTIVE || before == REASON_DELIVERY ||
                        before == REASON_APPENDICITIS;
        if (returns && rng_chance(&rng, 4500) && !surgical)
            reason = before;
        struct stay *stay = &patient->stays[patient->stay_count];
        if (!derive_stay(world, patient, first_minute(day, demo_reasons[reason].type, &rng), reason,
                         &rng, stay))
            return;
        patient->stay_count++;
        day = stay->end / DEMO_DAY_MINUTES;
        if (stay->died) {
            patient->death = day;
            return;
        }
        returns = rng_chance(&rng, reason == REASON_DELIVERY || reason == REASON_CESAREAN
                                       ? 120
                                       : 120 + stay->severity * 11 / 5);
        before = reason;
    }
}

static void derive_visits(const struct demo_world *world, struct patient *patient)
{
    struct rng rng = rng_make(world->seed, (uint64_t)patient->index, STREAM_VISITS, 0);
    int64_t first = patient->birth > DEMO_PERIOD_START ? patient->birth : DEMO_PERIOD_START;
    int64_t last = patient->death == DEMO_ALIVE ? DEMO_PERIOD_END : patient->death - 1;
    int64_t count = (rng_exponential_milli(&rng) + 250) * (1050 + patient->burden * 90) / 1000000;
    bool diabetic = ((patient->chronic >> CHRONIC_T2DM) & 1) != 0;
    if (diabetic)
        count += 1;
    for (int64_t i = 0; i < count && i < DEMO_VISITS_LIMIT && last > first; i++) {
        int64_t minute =
            rng_between(&rng, first, last) * DEMO_DAY_MINUTES + rng_between(&rng, 480, 1020);
        int at = patient->visit_count++;
        for (; at > 0 && patient->visits[at - 1] > minute; at--)
            patient->visits[at] = patient->visits[at - 1];
        patient->visits[at] = minute;
    }
}

void demo_life(const struct demo_world *world, int64_t index, int64_t *admission_id,
               struct patient *ret)
{
    ret->index = index;
    ret->id = index + 1;
    ret->chronic = 0;
    ret->burden = 0;
    ret->stay_count = ret->visit_count = 0;
    derive_person(world, ret);
    derive_chronic(world, ret);
    derive_stays(world, ret);
    derive_visits(world, ret);
    const struct stay *previous = NULL;
    for (int i = 0; i < ret->stay_count; i++) {
        struct stay *stay = &ret->stays[i];
        stay->id = ++*admission_id;
        if (stay->deleted)
            continue;
        if (previous != NULL) {
            stay->previous_id = previous->id;
            stay->readmission = stay->start - previous->end <= 30 * DEMO_DAY_MINUTES;
        }
        previous = stay;
    }
}

bool demo_has(const struct patient *patient, const struct stay *stay, int64_t day,
              enum cause_kind kind, int cause)
{
    switch (kind) {
    case CAUSE_CHRONIC:
        return ((patient->chronic >> cause) & 1) != 0 && patient->onset[cause] <= day;
    case CAUSE_REASON:
        return stay != NULL && (int)stay->reason == cause;
    case CAUSE_COMPLICATION:
        return stay != NULL && ((stay->complications >> cause) & 1) != 0;
    }
    return false;
}
