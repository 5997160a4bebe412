/* Shares: which of a question's conditions say of whom (the denominator), and which say what of
 * them (the numerator).
 *
 *     what percentage of | women over 60 | have | diabetes      subject · verb · predicate
 *     percentage of      | patients      | with diabetes        bare noun: what it has
 *     percentage of      | women         | with diabetes        of women
 *     percentage of      | women         | by race              nothing said of them: of all
 *     among women, what percentage of …                         said before: of whom
 *     mortality | rate in | women                               before "rate": what; after: of whom
 *
 * Where both ways are as likely ("share of women in the MICU") it is asked back. */
#include "ask/grammar_priv.h"

#include <string.h>

struct split {
    struct ask_parse *p;
    size_t share; /* the item of "percentage of" */
    size_t verb;  /* item that begins the predicate, or ASK_NONE */
    size_t head;  /* the subject's last item */
    bool rate;
};

static const char *word_of(const struct ask_parse *p, size_t item)
{
    return p->reading->tokens[p->reading->items[item].from].lower;
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* ---- which items hold conditions --------------------------------------------------------------
 */

static bool holds(const struct ask_parse *p, size_t item)
{
    const struct ask_question *q = p->q;
    for (size_t e = 0; e < q->event_count; e++) {
        if (e > 0 && q->events[e].item == item)
            return true;
        for (size_t i = 0; i < q->events[e].predicate_count; i++)
            if (q->events[e].predicates[i].item == item)
                return true;
    }
    return false;
}

static size_t held_between(const struct ask_parse *p, size_t from, size_t to)
{
    size_t count = 0;
    for (size_t i = from; i < to && i < p->reading->item_count; i++)
        count += holds(p, i) ? 1 : 0;
    return count;
}

static bool is_noun(const struct ask_parse *p, size_t item)
{
    enum ask_class class = p->reading->items[item].class;
    return class == ASK_ENTITY || class == ASK_ABOUT;
}

/* ---- subject and predicate --------------------------------------------------------------------
 */

/* "are", "have", "who": the predicate begins; one after "and" goes on with it. */
static bool is_verb(const struct ask_parse *p, size_t item)
{
    static const char *const words[] = {"are",  "is",       "were",    "was", "have", "has", "had",
                                        "who",  "received", "receive", "get", "got",  "that",
                                        "show", "did",      "do",      NULL};
    const struct ask_item *it = &p->reading->items[item];
    bool little = it->class == ASK_NOISE || it->class == ASK_INTENT;
    bool joined = item > 0 && p->reading->items[item - 1].class == ASK_AND;
    return little && !joined && is_one_of(word_of(p, item), words);
}

/* "patients died", "patients improved": a verb of its own, right after whom it is said of. */
static bool is_said(const struct ask_parse *p, size_t item)
{
    const struct ask_item *it = &p->reading->items[item];
    const char *word = word_of(p, item);
    size_t length = strlen(word);
    bool past = it->class != ASK_VERB && length > 4 && strcmp(word + length - 2, "ed") == 0;
    bool died = it->class == ASK_DERIVED && strcmp(word, "died") == 0;
    bool after = item > 0 && (is_noun(p, item - 1) || holds(p, item - 1));
    return holds(p, item) && after && (died || past);
}

static void find_verb(struct split *s)
{
    const struct ask_parse *p = s->p;
    bool seen = false;
    s->verb = ASK_NONE;
    for (size_t i = s->share + 1; i < p->reading->item_count; i++) {
        if (p->reading->items[i].class == ASK_BY)
            return;
        if (is_said(p, i) && seen && s->verb == ASK_NONE)
            s->verb = i;
        else if (is_verb(p, i) && held_between(p, i, p->reading->item_count) > 0 &&
                 (s->verb == ASK_NONE || held_between(p, s->verb, i) > 0))
            s->verb = i; /* the last that something is said after: "who smoke that are …" */
        seen = seen || is_noun(p, i) || holds(p, i);
    }
}

/* "female patients", "women", "tests": up to the first noun. */
static void find_head(struct split *s)
{
    const struct ask_parse *p = s->p;
    s->head = ASK_NONE;
    for (size_t i = s->share + 1; i < p->reading->item_count; i++) {
        const struct ask_item *it = &p->reading->items[i];
        if (is_noun(p, i)) {
            s->head = i;
            return;
        }
        bool held = holds(p, i);
        if (held)
            s->head = i;
        if ((it->class == ASK_NOISE || !held) && s->head != ASK_NONE)
            return;
    }
}

/* The little word before a condition: "with", "in", "among"; "" none. */
static const char *lead_of(const struct ask_parse *p, size_t item)
{
    static const char *const skipped[] = {"the", "a", "an", "patients", "those", "all", NULL};
    for (size_t i = item; i-- > 0;) {
        const char *word = p->reading->tokens[p->reading->items[i].to - 1].lower;
        if (!is_one_of(word, skipped))
            return p->reading->items[i].class == ASK_NOISE ? word : "";
    }
    return "";
}

/* "women among patients with sepsis" */
static bool among_between(const struct ask_parse *p, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (strcmp(word_of(p, i), "among") == 0)
            return true;
    return false;
}

/* ---- parts ------------------------------------------------------------------------------------
 */

/* Conditions of the items [from, to) are the numerator's. */
static void mark(struct ask_parse *p, size_t from, size_t to)
{
    struct ask_question *q = p->q;
    for (size_t e = 0; e < q->event_count; e++) {
        struct ask_event *event = &q->events[e];
        event->part = event->part || (e > 0 && event->item >= from && event->item < to);
        for (size_t i = 0; i < event->predicate_count; i++)
            event->predicates[i].part = event->predicates[i].part ||
                                        (event->predicates[i].item >= from &&
                                         event->predicates[i].item < to);
    }
}

static void unmark(struct ask_parse *p, size_t from)
{
    struct ask_question *q = p->q;
    for (size_t e = 0; e < q->event_count; e++) {
        struct ask_event *event = &q->events[e];
        event->part = event->part && event->item < from;
        for (size_t i = 0; i < event->predicate_count; i++)
            event->predicates[i].part =
                event->predicates[i].part && event->predicates[i].item < from;
    }
}

/* A value of a column of those who are counted: an arm, a clinic, a sex. */
static bool is_attribute(const struct ask_parse *p, size_t item)
{
    const struct ask_question *q = p->q;
    for (size_t e = 1; e < q->event_count; e++)
        if (q->events[e].item == item)
            return q->has_target && q->events[e].table == q->events[0].table;
    return false;
}

/* "… died among women", "… improved in the control arm": the last restricts whom it is said of. */
static void restrict_last(struct split *s, size_t from)
{
    struct ask_parse *p = s->p;
    size_t first = ASK_NONE;
    for (size_t i = from; i < p->reading->item_count; i++) {
        if (!holds(p, i))
            continue;
        const char *lead = lead_of(p, i);
        bool among = strcmp(lead, "among") == 0 ||
                     (strcmp(lead, "in") == 0 && first != ASK_NONE && is_attribute(p, i));
        if (among && first != ASK_NONE) {
            unmark(p, i);
            return;
        }
        first = first == ASK_NONE ? i : first;
    }
}

static bool joined(const struct ask_parse *p, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (p->reading->items[i].class == ASK_AND || p->reading->items[i].class == ASK_OR)
            return true;
    return false;
}

/* No verb: what the head noun has, or what the head says itself. */
static void split_noun(struct split *s)
{
    struct ask_parse *p = s->p;
    size_t end = p->reading->item_count, first = ASK_NONE, second = ASK_NONE;
    for (size_t i = s->head + 1; s->head != ASK_NONE && i < end; i++)
        if (holds(p, i)) {
            second = first != ASK_NONE && second == ASK_NONE ? i : second;
            first = first == ASK_NONE ? i : first;
        }
    if (s->head == ASK_NONE || first == ASK_NONE) {
        mark(p, s->share, end);
        return;
    }
    bool said = held_between(p, s->share, s->head + 1) > 0;
    const char *lead = lead_of(p, first);
    if (said && among_between(p, s->head + 1, first)) {
        mark(p, s->share, s->head + 1);
        return;
    }
    mark(p, s->head + 1, end);
    if ((said && strcmp(lead, "in") == 0) || (second != ASK_NONE && !joined(p, first, second))) {
        size_t token = p->reading->items[s->head].to;
        p->q->doubt = true;
        p->q->split = (struct ask_split){.on = true,
                                         .head = p->reading->items[s->share].to,
                                         .rest = token,
                                         .end = p->reading->items[end - 1].to};
        ask_note(p->reading, p->reading->why, "'%s' may be a share of '%s', or the other way round",
                 ask_phrase(p->reading, token, p->q->split.end),
                 ask_phrase(p->reading, p->q->split.head, token));
    }
}

/* "mortality rate in women": the condition said last before it. */
static void split_rate(struct split *s)
{
    for (size_t i = s->share; i-- > 0;)
        if (holds(s->p, i)) {
            mark(s->p, i, i + 1);
            return;
        }
    mark(s->p, s->share, s->p->reading->item_count); /* "rate of readmission" */
}

static bool anything(const struct ask_question *q)
{
    bool found = false;
    for (size_t e = 0; e < q->event_count; e++) {
        found = found || q->events[e].part;
        for (size_t i = 0; i < q->events[e].predicate_count; i++)
            found = found || q->events[e].predicates[i].part;
    }
    return found;
}

bool ask_is_share(const struct ask_item *item)
{
    return item->class == ASK_INTENT && item->code == ASK_SHARE;
}

void ask_parse_share(struct ask_parse *p)
{
    struct split s = {.p = p, .share = ASK_NONE};
    for (size_t i = 0; i < p->reading->item_count; i++)
        if (ask_is_share(&p->reading->items[i]))
            s.share = i;
    if (p->q->intent != ASK_SHARE || s.share == ASK_NONE)
        return;
    const struct ask_item *item = &p->reading->items[s.share];
    s.rate = item->to - item->from == 1 && strcmp(p->reading->tokens[item->from].stem, "rate") == 0;
    find_verb(&s);
    find_head(&s);
    if (s.rate) {
        split_rate(&s);
    } else if (s.verb != ASK_NONE) {
        mark(p, s.verb, p->reading->item_count);
        restrict_last(&s, s.verb);
    } else {
        split_noun(&s);
    }
    if (!anything(p->q))
        ask_parse_lacks(p, "what is asked of them: a share of what");
}
