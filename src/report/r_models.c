/* R for regression (lm, glm, coxph) and survival (survfit, survdiff, coxph, cox.zph). Coefficients
 * are named as Marrow names them, so that rows are compared by name. */
#include "report/r_priv.h"

#include <stdio.h>
#include <string.h>

const char r_source_models[] =
    "# Names of coefficients: \"age\", \"sex: m\"; of a category the first level is the "
    "reference.\n"
    "term_names <- function(d, labels) unlist(Map(function(x, label)\n"
    "  if (is.factor(x)) paste0(label, \": \", levels(x)[-1]) else label, d, labels), use.names = "
    "FALSE)\n"
    "coefficients_of <- function(fit, names) {\n"
    "  b <- coef(fit); v <- vcov(fit); se <- sqrt(diag(v))\n"
    "  z <- b / se; linear <- !inherits(fit, c(\"glm\", \"coxph\")); df <- if (linear) "
    "fit$df.residual else Inf\n"
    "  half <- qt(0.975, df) * se\n"
    "  data.frame(term = names, estimate = b, se = se, ci_low = b - half, ci_high = b + half, "
    "ratio = exp(b),\n"
    "    ratio_low = exp(b - half), ratio_high = exp(b + half), statistic = z, df = df,\n"
    "    p = 2 * pt(-abs(z), df), row.names = NULL)\n"
    "}\n"
    "# A term that separation or a linear dependence makes infinite or empty has no numbers, or "
    "not all: it is passed over.\n"
    "check_terms <- function(found, expected) {\n"
    "  columns <- setdiff(names(expected), \"term\")\n"
    "  columns <- columns[sapply(columns, function(column) !all(is.na(expected[[column]])))]\n"
    "  known <- Reduce(`&`, lapply(expected[columns], function(x) !is.na(x)), rep(TRUE, "
    "length(expected$term)))\n"
    "  for (column in columns)\n"
    "    check(column, found[[column]][match(expected$term, found$term)][known], "
    "expected[[column]][known])\n"
    "}\n";

const char r_source_events[] =
    "# 1: the event. Of the codes 0 and 1 it is 1, of 1 and 2 it is 2; words say what they are.\n"
    "event_of <- function(x) {\n"
    "  if (is.logical(x)) return(as.numeric(x))\n"
    "  if (is.numeric(x)) return(as.numeric(x == if (setequal(x[!is.na(x)], c(1, 2))) 2 else 1))\n"
    "  words <- c(\"dead\", \"died\", \"death\", \"deceased\", \"event\", \"yes\", \"y\", "
    "\"true\", \"t\", \"relapse\", \"relapsed\",\n"
    "    \"recurrence\", \"failure\", \"failed\", \"progressed\", \"1\")\n"
    "  ifelse(is.na(x), NA, as.numeric(tolower(trimws(x)) %in% words))\n"
    "}\n";

/* The level of the answer's recoding for the column of that label. */
static const char *recoded(const struct r_script *script, const char *label, const char *member)
{
    const json_t *list = json_object_get(script->answer, "recoding");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_text(json_array_get(list, i), "column", ""), label) == 0 &&
            json_text(json_array_get(list, i), member, NULL) != NULL)
            return json_text(json_array_get(list, i), member, NULL);
    return NULL;
}

static void put_event(struct r_script *script, const json_t *analysis, const char *name,
                      const char *column, bool time)
{
    struct buf *out = script->out;
    const char *label = r_label(analysis, column), *event = recoded(script, label, "event"),
               *none = recoded(script, label, "no_event");
    if (event == NULL && none == NULL && time)
        buf_puts(out, r_source_events);
    buf_printf(out, "%s <- ", name);
    if (event != NULL || none != NULL) {
        buf_puts(out, "as.numeric(level_text(rows[[");
        r_text(out, column);
        buf_printf(out, "]]) %s ", event != NULL ? "==" : "!=");
        r_text(out, event != NULL ? event : none);
        buf_puts(out, ")  # 1: the event\n");
    } else {
        buf_puts(out, "event_of(rows[[");
        r_text(out, column);
        buf_puts(out, "]])\n");
    }
}

/* data.frame of named columns, categories as factors. */
static void put_frame(struct r_script *script, const json_t *analysis, const json_t *columns,
                      size_t count, const char *const *kept)
{
    struct buf *out = script->out;
    (void)columns;
    buf_puts(out, "covariates <- data.frame(check.names = FALSE");
    for (size_t i = 0; i < count; i++) {
        const json_t *variable = r_variable(analysis, "column", kept[i]);
        bool number = strcmp(json_text(variable, "kind", ""), "number") == 0;
        buf_puts(out, ",\n  ");
        r_text(out, kept[i]);
        buf_printf(out, " = %s(rows[[", number ? "as.numeric" : "as_levels");
        r_text(out, kept[i]);
        buf_puts(out, "]])");
    }
    buf_puts(out, ")\nlabels <- c(");
    for (size_t i = 0; i < count; i++) {
        buf_puts(out, i > 0 ? ", " : "");
        r_text(out, r_label(analysis, kept[i]));
    }
    buf_puts(out, ")\n");
}

static bool has_terms(const struct r_script *script, const char *label)
{
    const json_t *rows = json_object_get(json_object_get(script->answer, "result"), "rows");
    size_t length = strlen(label);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const char *term = json_string_value(json_array_get(json_array_get(rows, i), 0));
        if (term != NULL && strncmp(term, label, length) == 0 &&
            (term[length] == '\0' || strncmp(term + length, ": ", 2) == 0))
            return true;
    }
    return false;
}

/* expected <- data.frame(term = …, estimate = …): of the statistics that are terms. */
static void put_expected_terms(struct r_script *script)
{
    static const char *const members[] = {"term",      "estimate", "se",        "ci_low",
                                          "ci_high",   "ratio",    "ratio_low", "ratio_high",
                                          "statistic", "p"};
    const json_t *list = json_object_get(json_object_get(script->answer, "result"), "statistics");
    struct buf *out = script->out;
    buf_puts(out, "expected <- list(");
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        size_t n = 0;
        buf_printf(out, "%s  %s = c(", m > 0 ? "),\n" : "\n", members[m]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *one = json_array_get(list, i), *value = json_object_get(one, members[m]);
            if (json_text(one, "term", NULL) == NULL)
                continue;
            buf_puts(out, n++ > 0 ? ", " : "");
            if (value == NULL || json_is_null(value))
                buf_puts(out, "NA_real_");
            else
                r_value(out, value);
        }
    }
    buf_puts(out, "))\n");
}

static void put_whole(struct r_script *script, const char *function, const char *test)
{
    const json_t *list = json_object_get(json_object_get(script->answer, "result"), "statistics");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (strcmp(json_text(one, "test", ""), test) != 0 || json_text(one, "term", NULL) != NULL)
            continue;
        buf_puts(script->out, "check_all(");
        r_text(script->out, test);
        buf_printf(script->out, ", %s, ", function);
        r_numbers(script->out, one);
        buf_puts(script->out, ")\n");
    }
}

/* Parts of a script that stand there only where there are strata. */
#define IF_STRATA(text) "\001" text "\002"
static void put_marked(struct buf *out, const char *text, bool strata)
{
    bool inside = false;
    for (; *text != '\0'; text++) {
        bool mark = *text == '\001' || *text == '\002';
        inside = mark ? *text == '\001' : inside;
        if (!mark && (strata || !inside))
            buf_putc(out, *text);
    }
}

static bool in_strata(const struct r_script *script)
{
    const json_t *question = json_object_get(script->answer, "question");
    return json_text(json_object_get(question, "analysis"), "stratum", NULL) != NULL;
}

static const struct model {
    const char *family, *test, *outcome, *fit, *whole;
} models[] = {
    {"linear", "linear regression", "y",
     "lm(y ~ ., data.frame(y = d$y, d[names(covariates)], check.names = FALSE))",
     "local({ s <- summary(fit); f <- s$fstatistic; list(statistic = f[[1]], df = f[[2]], df2 = "
     "f[[3]],\n"
     "  p = pf(f[[1]], f[[2]], f[[3]], lower.tail = FALSE), estimate = s$r.squared) })"},
    {"logistic", "logistic regression", "y",
     "glm(y ~ ., binomial, data.frame(y = d$y, d[names(covariates)], check.names = FALSE), control "
     "= glm.control(epsilon = 1e-14, maxit = 100))",
     "local({ s <- fit$null.deviance - fit$deviance; k <- fit$df.null - fit$df.residual\n"
     "  list(statistic = s, df = k, p = pchisq(s, k, lower.tail = FALSE)) })"},
    {"cox", "Cox proportional hazards model", "time, event" IF_STRATA(", s"),
     "coxph(Surv(time, event) ~ ." IF_STRATA(" - s + strata(s)") ", data.frame(time = d$time, event "
     "= d$event, d[names(covariates)], " IF_STRATA("s = d$s, ") "check.names = FALSE), control = "
     "coxph.control(eps = 1e-12, iter.max = 100))",
     "local({ s <- summary(fit)$logtest; list(statistic = s[[1]], df = s[[2]], p = s[[3]]) })"},
};

/* Each predictor alone, as the table gives it beside the adjusted ones. */
static void put_alone(struct r_script *script, const struct model *model)
{
    bool cox = strcmp(model->family, "cox") == 0, linear = strcmp(model->family, "linear") == 0;
    const char *estimate = linear ? "estimate" : "ratio";
    buf_puts(script->out, "\n# The same without the other predictors.\n");
    r_expected(script);
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text,
               "alone <- do.call(rbind, lapply(seq_along(covariates), function(i) {\n"
               "  d <- droplevels(na.omit(data.frame(%s, x = covariates[[i]])))\n"
               "  fit <- %s\n"
               "  coefficients_of(fit, c(%sterm_names(d[\"x\"], labels[i])))\n}))\n"
               "check_terms(data.frame(term = alone$term, alone = alone$%s, alone_low = alone$%s,\n"
               "  alone_high = alone$%s, alone_p = alone$p), expected[c(\"term\", \"alone\", "
               "\"alone_low\", \"alone_high\", \"alone_p\")])\n",
               cox ? "time, event" IF_STRATA(", s") : "y",
               cox ? "coxph(Surv(time, event) ~ x" IF_STRATA(" + strata(s)") ", d, control = coxph.control(eps = 1e-12, "
                     "iter.max = 100))"
               : linear
                   ? "lm(y ~ x, d)"
                   : "glm(y ~ x, binomial, d, control = glm.control(epsilon = 1e-14, maxit = 100))",
               cox ? "" : "\"\", ", estimate, linear ? "ci_low" : "ratio_low",
               linear ? "ci_high" : "ratio_high");
    put_marked(script->out, buf_text(&text), in_strata(script));
}

/* s: the strata, where there are some. */
static void put_strata(struct r_script *script, const json_t *analysis)
{
    const char *stratum = json_text(analysis, "stratum", NULL);
    if (stratum == NULL)
        return;
    buf_puts(script->out, "s <- level_text(rows[[");
    r_text(script->out, stratum);
    buf_puts(script->out, "]])\n");
}

void r_stratified(struct r_script *script, const json_t *analysis)
{
    const json_t *list = json_object_get(json_object_get(script->answer, "result"), "statistics");
    struct buf *out = script->out;
    put_event(script, analysis, "y", json_text(analysis, "outcome", ""), false);
    buf_puts(out, "g <- as_levels(rows[[");
    r_text(out, json_string_value(json_array_get(json_object_get(analysis, "groups"), 0)));
    buf_puts(out, "]])\n");
    put_strata(script, analysis);
    buf_puts(out, "d <- pair(y, g, s)\n\n## ---- the outcome in each group of each stratum\n\n");
    r_expected(script);
    buf_puts(out,
             "events <- mapply(function(a, b) sum(d$s == a & d$g == b & d$y == 1), expected[[1]], "
             "expected[[2]])\n"
             "of <- mapply(function(a, b) sum(d$s == a & d$g == b), expected[[1]], "
             "expected[[2]])\n"
             "check(\"events\", events, expected$events); check(\"of\", of, expected$of)\n"
             "check(\"percent\", ifelse(of > 0, 100 * events / of, NA), expected$percent)\n"
             "\n## ---- the test\n\n"
             "t <- table(d$g, d$y, d$s); t <- t[, , apply(t, 3, sum) > 1, drop = FALSE]\n"
             "r <- mantelhaen.test(t)\n"
             "found <- list(statistic = r$statistic, df = r$parameter, p = r$p.value, estimate = "
             "r$estimate, ci_low = r$conf.int[1], ci_high = r$conf.int[2])\n"
             "check_all(\"Mantel-Haenszel\", found, ");
    r_numbers(out, json_array_get(list, 0));
    buf_puts(out, ")\n");
}

void r_model(struct r_script *script, const json_t *analysis, const char *family)
{
    const json_t *names = json_object_get(analysis, "covariates");
    const struct model *model = &models[0];
    const char *kept[64];
    size_t count = 0;
    bool cox = strcmp(family, "cox") == 0;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        model = strcmp(models[i].family, family) == 0 ? &models[i] : model;
    for (size_t i = 0; i < json_array_size(names) && count < sizeof kept / sizeof *kept; i++) {
        const char *column = json_string_value(json_array_get(names, i));
        if (has_terms(script, r_label(analysis, column)))
            kept[count++] = column;
    }
    buf_puts(script->out, cox ? "library(survival)\n" : "");
    buf_puts(script->out, r_source_models);
    if (cox) {
        buf_puts(script->out, "time <- rows[[");
        r_text(script->out, json_text(analysis, "time", ""));
        buf_puts(script->out, "]]\n");
        put_event(script, analysis, "event", json_text(analysis, "event", ""), true);
        put_strata(script, analysis);
    } else if (strcmp(family, "logistic") == 0) {
        put_event(script, analysis, "y", json_text(analysis, "outcome", ""), false);
    } else {
        buf_puts(script->out, "y <- as.numeric(rows[[");
        r_text(script->out, json_text(analysis, "outcome", ""));
        buf_puts(script->out, "]])\n");
    }
    put_frame(script, analysis, names, count, kept);
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text,
               "d <- droplevels(na.omit(data.frame(%s, covariates, check.names = FALSE)))\n"
               "fit <- %s\nprint(summary(fit))\n\n## ---- the model\n\n",
               model->outcome, model->fit);
    put_marked(script->out, buf_text(&text), in_strata(script));
    put_whole(script, model->whole, model->test);
    put_expected_terms(script);
    buf_printf(script->out,
               "check_terms(coefficients_of(fit, c(%sterm_names(d[names(covariates)], labels))), "
               "expected)\n",
               cox ? "" : "\"(intercept)\", ");
    if (cox)
        put_whole(script,
                  "local({ z <- cox.zph(fit)$table[\"GLOBAL\", ]; list(statistic = z[[1]], df = "
                  "z[[2]], p = z[[3]]) })",
                  "test of proportional hazards");
    if (json_array_size(json_object_get(json_object_get(script->answer, "result"), "columns")) > 5)
        put_alone(script, model);
}

/* ---- survival */

/* Days that one unit of the column is, by its name; as ask/analyse_survival.c has it. */
static double asked_time(const json_t *analysis, const char *column)
{
    static const struct {
        const char *name;
        double days;
    } units[] = {{"hour", 1.0 / 24}, {"day", 1}, {"week", 7}, {"month", 30.4375}, {"year", 365.25}};
    double days = 1, each = 1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(units[i].name, json_text(analysis, "at_unit", "")) == 0)
            days = units[i].days;
        if (i >= 2 && strstr(column, units[i].name) != NULL)
            each = units[i].days;
    }
    return json_number(analysis, "at", 0) * days / each;
}

static void put_curves(struct r_script *script, const json_t *analysis, bool grouped)
{
    struct buf *out = script->out;
    buf_puts(out, "fit <- survfit(Surv(time, event) ~ g, d)\n"
                  "medians <- rbind(summary(fit)$table)\nprint(fit)\n");
    r_expected(script);
    buf_puts(out, grouped
                      ? "medians <- medians[match(expected[[1]], levels(d$g)), , drop = FALSE]\n"
                      : "");
    buf_puts(out, "check(\"n\", medians[, \"records\"], expected$n); check(\"events\", medians[, "
                  "\"events\"], expected$events)\n"
                  "check(\"median\", medians[, \"median\"], expected$median)\n"
                  "check(\"median_low\", medians[, \"0.95LCL\"], expected$median_low)\n"
                  "check(\"median_high\", medians[, \"0.95UCL\"], expected$median_high)\n");
    if (!json_is_number(json_object_get(analysis, "at")))
        return;
    buf_printf(out, "at <- summary(fit, times = %.17g, extend = TRUE)\n",
               asked_time(analysis, json_text(analysis, "time", "")));
    buf_puts(out, grouped ? "of <- match(expected[[1]], levels(d$g))\n" : "of <- 1\n");
    if (json_flag(analysis, "mortality", false)) /* one minus survival, and its interval turned */
        buf_puts(out, "check(\"mortality then\", 1 - at$surv[of], expected$mortality)\n"
                      "known <- !is.na(expected$mortality_low)\n"
                      "check(\"its interval\", c(1 - at$upper[of][known], 1 - at$lower[of][known]),\n"
                      "      c(expected$mortality_low[known], expected$mortality_high[known]))\n");
    else
        buf_puts(out, "check(\"survival then\", at$surv[of], expected$survival)\n"
                      "known <- !is.na(expected$survival_low)\n"
                      "check(\"its interval\", c(at$lower[of][known], at$upper[of][known]),\n"
                      "      c(expected$survival_low[known], expected$survival_high[known]))\n");
}

void r_survival(struct r_script *script, const json_t *analysis)
{
    struct buf *out = script->out;
    const char *group = json_string_value(json_array_get(json_object_get(analysis, "groups"), 0));
    buf_puts(out, "library(survival)\n");
    buf_puts(out, r_source_models);
    buf_puts(out, "time <- rows[[");
    r_text(out, json_text(analysis, "time", ""));
    buf_puts(out, "]]\n");
    put_event(script, analysis, "event", json_text(analysis, "event", ""), true);
    if (group != NULL) {
        buf_puts(out, "g <- as_levels(rows[[");
        r_text(out, group);
        buf_puts(out, "]])\n");
    } else {
        buf_puts(out, "g <- factor(rep(\"all\", nrow(rows)))\n");
    }
    put_strata(script, analysis);
    put_marked(out, "d <- pair(time, event, g" IF_STRATA(", s") ")\n\n## ---- Kaplan-Meier\n\n",
               in_strata(script));
    if (group == NULL)
        buf_puts(out, "# One curve.\n");
    put_curves(script, analysis, group != NULL);
    put_whole(script,
              "list(estimate = medians[1, \"median\"], ci_low = medians[1, \"0.95LCL\"], ci_high = "
              "medians[1, \"0.95UCL\"])",
              "Kaplan–Meier curve");
    if (group == NULL)
        return;
    put_marked(out,
               "\n## ---- log-rank, and the ratio of hazards\n\nr <- survdiff(Surv(time, event) "
               "~ g" IF_STRATA(" + strata(s)") ", d)\n",
               in_strata(script));
    put_whole(script,
              "local({ k <- nlevels(d$g) - 1; list(statistic = r$chisq, df = k, p = pchisq(r$chisq, k, "
              "lower.tail = FALSE)) })",
              "log-rank test");
    put_marked(out,
               "fit <- coxph(Surv(time, event) ~ g" IF_STRATA(" + strata(s)") ", d, control = "
               "coxph.control(eps = 1e-12, iter.max = 100))\n",
               in_strata(script));
    put_expected_terms(script);
    buf_puts(out, "check_terms(coefficients_of(fit, term_names(d[\"g\"], ");
    r_text(out, r_label(analysis, group));
    buf_puts(out, ")), expected)\nprint(cox.zph(fit))\n");
}
