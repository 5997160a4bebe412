/* Similarity: what a question that the grammar could not read may have meant. It proposes full
 * questions, each of which is answered when it is asked; no model, nothing is learnt.
 *
 *     unknown words ──trigrams──▶ names, labels, values, words ─put in their place─▶ question
 * ─read─▶ answered? past questions ──words────▶ the most similar ones
 * ────────────────────────────────────┘
 *
 * Both are scored as BM25 does (idf of what is shared, length of what it is found in), over
 * character trigrams of a phrase without its blanks, and over stems of a question; a score is
 * divided by what the phrase would have with itself, so that 1 is the same. */
#include "ask/ask_priv.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define GRAMS 64 /* of a phrase; longer ones are cut */
#define BM25_K 1.2
#define BM25_B .75
#define LEAST .5          /* a phrase less similar is not proposed */
#define LEAST_PAST .65    /* a past question */
#define BEST 3            /* phrases for one unknown, questions proposed */
#define RUNS 3            /* unknown phrases of one question */
#define LONGEST_PHRASE 60 /* bytes of a value that is compared */

/* ---- grams --------------------------------------------------------------------------------------
 */

struct grams {
    uint32_t gram[GRAMS]; /* three bytes each */
    size_t count;
};

/* "Heart failure" → ^he hea ear … lur ure re$ */
static void grams_of(const char *text, size_t length, struct grams *ret)
{
    char bytes[GRAMS + 3];
    size_t n = 0;
    bytes[n++] = '^';
    for (size_t i = 0; i < length && n < GRAMS + 1; i++)
        if (isalnum((unsigned char)text[i]) || (unsigned char)text[i] >= 0x80)
            bytes[n++] = (char)tolower((unsigned char)text[i]);
    bytes[n++] = '$';
    ret->count = 0;
    for (size_t i = 0; i + 2 < n && ret->count < GRAMS; i++)
        ret->gram[ret->count++] = (uint32_t)(unsigned char)bytes[i] << 16 |
                                  (uint32_t)(unsigned char)bytes[i + 1] << 8 |
                                  (uint32_t)(unsigned char)bytes[i + 2];
}

static double part(double length, double usual)
{
    return (BM25_K + 1) / (1 + BM25_K * (1 - BM25_B + BM25_B * length / usual));
}

static double idf(size_t count, size_t in)
{
    return log(1 + ((double)count - (double)in + .5) / ((double)in + .5));
}

/* ---- candidates ---------------------------------------------------------------------------------
 */

struct found {
    char text[LONGEST_PHRASE + 1];
    double score;
};
struct hunt { /* for one unknown phrase */
    struct grams asked;
    size_t in[GRAMS], count; /* candidates that have the gram; candidates */
    double weight[GRAMS], whole;
    bool scoring;
    struct found best[BEST];
    size_t found;
};

static void keep(struct hunt *hunt, struct str text, double score)
{
    size_t at = 0;
    for (size_t i = 0; i < hunt->found; i++)
        if (str_equal_nocase(str_of(hunt->best[i].text), text))
            return;
    while (at < hunt->found && hunt->best[at].score >= score)
        at++;
    if (at == BEST)
        return;
    if (hunt->found < BEST)
        hunt->found++;
    for (size_t i = hunt->found - 1; i > at; i--)
        hunt->best[i] = hunt->best[i - 1];
    memcpy(hunt->best[at].text, text.ptr, text.len);
    hunt->best[at].text[text.len] = '\0';
    hunt->best[at].score = score;
}

static void meet(struct hunt *hunt, struct str text)
{
    struct grams grams;
    double sum = 0;
    if (text.len < 3 || text.len > LONGEST_PHRASE)
        return;
    grams_of(text.ptr, text.len, &grams);
    hunt->count += hunt->scoring ? 0 : 1;
    for (size_t i = 0; i < hunt->asked.count; i++)
        for (size_t k = 0; k < grams.count; k++)
            if (grams.gram[k] == hunt->asked.gram[i]) {
                hunt->in[i] += hunt->scoring ? 0 : 1;
                sum += hunt->weight[i];
                break;
            }
    if (!hunt->scoring || sum <= 0)
        return;
    double score = sum * part((double)grams.count, (double)hunt->asked.count) / hunt->whole;
    if (score >= LEAST)
        keep(hunt, text, score > 1 ? 1 : score);
}

static void meet_word(void *user, const char *phrase)
{
    meet(user, str_of(phrase));
}

static void meet_columns(const struct ask_catalogue *c, struct hunt *hunt)
{
    for (size_t t = 0; t < c->table_count; t++)
        for (size_t i = 0; i < c->tables[t].column_count && !c->tables[t].hidden; i++) {
            AUTO(buf_done) struct buf name = BUF_INIT;
            const struct ask_words *words = &c->tables[t].columns[i].words;
            for (size_t w = 0; w < words->count; w++)
                buf_printf(&name, "%s%s", w > 0 ? " " : "", words->text[w]);
            meet(hunt, buf_view(&name));
        }
}

static void meet_all(const struct ask_reading *reading, struct hunt *hunt)
{
    const struct ask_index *index = reading->index;
    for (size_t i = 0; i < index->word_count; i++)
        meet(hunt, str_of(index->texts + index->word_at[3 * i]));
    for (uint32_t e = 0; e < index->entry_count; e++)
        if (index->entries[e].words > 1 &&
            index->entries[e].source < reading->catalogue->source_count &&
            !reading->catalogue->sources[index->entries[e].source].code)
            meet(hunt, ask_entry_text(index, e));
    meet_columns(reading->catalogue, hunt);
    for (size_t i = 0; i < reading->catalogue->alias_count; i++)
        meet(hunt, str_of(reading->catalogue->aliases[i].phrase));
    ask_lexicon_each(meet_word, hunt);
}

/* The phrases that are most like the one asked. */
static void hunt_for(const struct ask_reading *reading, struct str phrase, struct hunt *hunt)
{
    *hunt = (struct hunt){.count = 0};
    grams_of(phrase.ptr, phrase.len, &hunt->asked);
    if (phrase.len < 4)
        return;
    meet_all(reading, hunt);
    for (size_t i = 0; i < hunt->asked.count; i++) {
        hunt->weight[i] = idf(hunt->count, hunt->in[i]);
        hunt->whole += hunt->weight[i] * part(1, 1);
    }
    hunt->scoring = true;
    if (hunt->whole > 0)
        meet_all(reading, hunt);
}

/* ---- proposals ----------------------------------------------------------------------------------
 */

struct proposing {
    const struct ask_reading *reading;
    json_t *list;
    bool ok;
};

static bool answers(const struct ask_reading *reading, const char *text, double *ret_confidence)
{
    AUTO(ask_reading_free) struct ask_reading *read = NULL;
    if (ask_read(reading->catalogue, reading->index, text, &reading->options, &read, ERR_IGNORED) !=
        ERR_OK)
        return false;
    *ret_confidence = read->confidence;
    return read->status == ASK_ANSWERED;
}

static void propose(struct proposing *p, const char *text, double score, const char *from,
                    const char *said, const char *meant)
{
    double confidence = 0;
    for (size_t i = 0; i < json_array_size(p->list); i++)
        if (strcmp(json_text(json_array_get(p->list, i), "question", ""), text) == 0)
            return;
    if (!answers(p->reading, text, &confidence))
        return;
    json_t *one = json_object();
    json_put_text(one, "question", text, &p->ok);
    json_put_real(one, "score", score * confidence, &p->ok);
    json_put_text(one, "from", from, &p->ok);
    if (said != NULL) {
        json_put_text(one, "said", said, &p->ok);
        json_put_text(one, "meant", meant, &p->ok);
    }
    size_t at = 0;
    while (at < json_array_size(p->list) &&
           json_number(json_array_get(p->list, at), "score", 0) >= score * confidence)
        at++;
    if (json_array_insert_new(p->list, at, one) != 0)
        p->ok = false;
}

struct run { /* unknown words side by side */
    size_t from, to;
    struct hunt hunt;
};

static struct str text_of(const struct ask_reading *reading, size_t from, size_t to)
{
    const char *start = reading->tokens[from].text.ptr;
    const struct str last = reading->tokens[to - 1].text;
    return (struct str){start, (size_t)(last.ptr + last.len - start)};
}

static size_t find_runs(const struct ask_reading *reading, struct run *runs)
{
    size_t count = 0;
    for (size_t i = 0; i < reading->item_count; i++) {
        const struct ask_item *item = &reading->items[i];
        if (item->class != ASK_UNKNOWN)
            continue;
        if (count > 0 && runs[count - 1].to == item->from) {
            runs[count - 1].to = item->to;
            continue;
        }
        if (count == RUNS)
            return 0;
        runs[count].from = item->from;
        runs[count++].to = item->to;
    }
    for (size_t r = 0; r < count; r++)
        hunt_for(reading, text_of(reading, runs[r].from, runs[r].to), &runs[r].hunt);
    return count;
}

/* The question with each run replaced by its best phrase, but `varied` by its choice-th. */
static void with_phrases(struct proposing *p, const struct run *runs, size_t count, size_t varied,
                         size_t choice)
{
    AUTO(buf_done) struct buf text = BUF_INIT, said = BUF_INIT, meant = BUF_INIT;
    const struct str whole = p->reading->text;
    const char *at = whole.ptr;
    double score = 1;
    for (size_t r = 0; r < count; r++) {
        const struct found *found = &runs[r].hunt.best[r == varied ? choice : 0];
        struct str phrase = text_of(p->reading, runs[r].from, runs[r].to);
        buf_add_str(&text, (struct str){at, (size_t)(phrase.ptr - at)});
        buf_puts(&text, found->text);
        at = phrase.ptr + phrase.len;
        score = found->score < score ? found->score : score;
        buf_printf(&said, "%s%.*s", r > 0 ? ", " : "", (int)phrase.len, phrase.ptr);
        buf_printf(&meant, "%s%s", r > 0 ? ", " : "", found->text);
    }
    buf_add_str(&text, (struct str){at, (size_t)(whole.ptr + whole.len - at)});
    if (!text.failed && !said.failed && !meant.failed)
        propose(p, buf_text(&text), score, "words", buf_text(&said), buf_text(&meant));
}

static void propose_words(struct proposing *p)
{
    struct run *runs = arena_array(p->reading->arena, RUNS, sizeof *runs);
    size_t count = runs != NULL ? find_runs(p->reading, runs) : 0;
    for (size_t r = 0; r < count; r++)
        if (runs[r].hunt.found == 0)
            return;
    for (size_t r = 0; r < count; r++)
        for (size_t k = 0; k < runs[r].hunt.found; k++)
            with_phrases(p, runs, count, r, k);
}

/* ---- past questions -----------------------------------------------------------------------------
 */

struct stems {
    char text[ASK_LIMIT_TOKENS][ASK_STEM_BYTES];
    size_t count;
};

static void add_stem(void *user, struct str word)
{
    struct stems *stems = user;
    if (stems->count < ASK_LIMIT_TOKENS)
        ask_stem(word, stems->text[stems->count++]);
}

static bool has_stem(const struct stems *stems, const char *stem)
{
    for (size_t i = 0; i < stems->count; i++)
        if (strcmp(stems->text[i], stem) == 0)
            return true;
    return false;
}

/* Words that every question has count a little, those of none not for all: there are few questions.
 */
static double weight_of(size_t count, size_t in)
{
    double weight = .5 + idf(count, in);
    return weight < 2 ? weight : 2;
}

/* Every condition that was understood must be in it too: a choice never drops one. */
static bool keeps_conditions(const struct ask_reading *reading, const struct stems *past)
{
    for (size_t i = 0; i < reading->item_count; i++) {
        const struct ask_item *item = &reading->items[i];
        bool condition = item->class == ASK_VALUE || item->class == ASK_COLUMN ||
                         item->class == ASK_FLAG || item->class == ASK_NUMBER ||
                         item->class == ASK_WINDOW || item->class == ASK_DURATION ||
                         item->class == ASK_NEGATION || item->class == ASK_IDENTIFIED;
        for (size_t t = item->from; condition && item->corrected == NULL && t < item->to; t++)
            if (!has_stem(past, reading->tokens[t].stem))
                return false;
    }
    return true;
}

static void propose_past(struct proposing *p, const char *const *past, size_t count)
{
    struct stems *all = arena_array(p->reading->arena, count + 1, sizeof *all), *asked = all;
    if (all == NULL)
        return;
    memset(asked, 0, sizeof *asked);
    ask_text_words(p->reading->text, add_stem, asked);
    for (size_t i = 0; i < count; i++) {
        memset(&all[i + 1], 0, sizeof *all);
        ask_text_words(str_of(past[i]), add_stem, &all[i + 1]);
    }
    for (size_t i = 0; i < count; i++) {
        double sum = 0, whole = 0;
        for (size_t w = 0; w < asked->count; w++) {
            size_t in = 0;
            for (size_t k = 0; k < count; k++)
                in += has_stem(&all[k + 1], asked->text[w]);
            double weight = weight_of(count, in);
            whole += weight;
            sum += has_stem(&all[i + 1], asked->text[w])
                       ? weight * part((double)all[i + 1].count, (double)asked->count)
                       : 0;
        }
        if (whole > 0 && sum / whole >= LEAST_PAST && keeps_conditions(p->reading, &all[i + 1]))
            propose(p, past[i], (sum / whole > 1 ? 1 : sum / whole) * .9, "past", NULL, NULL);
    }
}

enum err_code ask_similar(const struct ask_reading *reading, const char *const *past, size_t count,
                          json_t **ret, struct err *err)
{
    struct proposing p = {.reading = reading, .list = json_array(), .ok = true};
    *ret = p.list;
    propose_words(&p);
    propose_past(&p, past, count < ASK_LIMIT_PAST ? count : ASK_LIMIT_PAST);
    while (json_array_size(p.list) > BEST)
        if (json_array_remove(p.list, json_array_size(p.list) - 1) != 0)
            break;
    return json_built(p.ok && p.list != NULL, err);
}

enum err_code ask_choices_check(const struct ask_reading *reading, json_t *choices, struct err *err)
{
    for (size_t i = json_array_size(choices); i-- > 0;) {
        double confidence = 0;
        if (!answers(reading, json_string_value(json_array_get(choices, i)), &confidence) &&
            json_array_remove(choices, i) != 0)
            return err_set(err, ERR_MEMORY, "no memory for choices");
    }
    return ERR_OK;
}
