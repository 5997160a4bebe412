/* The tests as functions of R: a table of what statistics and alternatives are called, and the few
 * lines that give the same numbers. A script has those that its answer names. */
#include "report/r_priv.h"

#include <string.h>

const char r_source_levels[] =
    "# Levels as Marrow orders them: numbers ascending, texts by their bytes, no before yes.\n"
    "level_text <- function(x) if (is.logical(x)) ifelse(x, \"yes\", \"no\") else if "
    "(is.numeric(x))\n"
    "  ifelse(is.na(x), NA, sprintf(\"%.15g\", x)) else x\n"
    "as_levels <- function(x) {\n"
    "  values <- unique(x[!is.na(x)])\n"
    "  factor(level_text(x), level_text(if (is.character(values)) sort(values, method = \"radix\") "
    "else sort(values)))\n"
    "}\n"
    "pair <- function(...) droplevels(na.omit(data.frame(...)))  # complete rows alone\n";

const char r_source_describe[] =
    "describe <- function(y, g) do.call(rbind, lapply(split(y, g), function(x) {\n"
    "  v <- x[!is.na(x)]; n <- length(v); half <- if (n > 1) qt(0.975, n - 1) * sd(v) / sqrt(n) "
    "else NA\n"
    "  q <- if (n > 0) quantile(v, names = FALSE) else rep(NA, 5)\n"
    "  data.frame(n = n, missing = sum(is.na(x)), mean = mean(v), sd = sd(v), mean_low = mean(v) - "
    "half,\n"
    "             mean_high = mean(v) + half, min = q[1], q1 = q[2], median = q[3], q3 = q[4], max "
    "= q[5])\n"
    "}))\n"
    "skewness <- function(x) { x <- x[!is.na(x)]; d <- x - mean(x); mean(d^3) / mean(d^2)^1.5 }\n";

static const struct r_test tests[] = {
    {"Welch two-sample t-test", NULL, "welch_t",
     "welch_t <- function(y, g) {\n"
     "  d <- pair(y, g); r <- t.test(y ~ g, d)\n"
     "  list(statistic = r$statistic, df = r$parameter, p = r$p.value, estimate = r$estimate[[1]] "
     "- r$estimate[[2]],\n"
     "       ci_low = r$conf.int[1], ci_high = r$conf.int[2])\n}\n"},
    {"Mann–Whitney U test", "Mann–Whitney test", "mann_whitney",
     "mann_whitney <- function(y, g) {\n"
     "  d <- pair(y, g); v <- split(d$y, d$g); r <- suppressWarnings(wilcox.test(v[[1]], v[[2]]))\n"
     "  list(statistic = r$statistic, p = r$p.value, estimate = r$statistic / (length(v[[1]]) * "
     "length(v[[2]])))\n}\n"},
    {"Kruskal–Wallis rank sum test", "Kruskal–Wallis test", "kruskal_wallis",
     "kruskal_wallis <- function(y, g) {\n"
     "  d <- pair(y, g); r <- kruskal.test(d$y, d$g)\n"
     "  list(statistic = r$statistic, df = r$parameter, p = r$p.value, estimate = r$statistic / "
     "(nrow(d) - 1))\n}\n"},
    {"one-way analysis of variance", "analysis of variance", "one_way",
     "one_way <- function(y, g) {\n"
     "  a <- anova(aov(y ~ g, pair(y, g)))\n"
     "  list(statistic = a[1, 4], df = a[1, 1], df2 = a[2, 1], p = a[1, 5], estimate = a[1, 2] / "
     "sum(a[, 2]))\n}\n"},
    {"Welch's one-way analysis of variance", "Welch's analysis of variance", "welch_one_way",
     "welch_one_way <- function(y, g) {\n"
     "  r <- oneway.test(y ~ g, pair(y, g))\n"
     "  list(statistic = r$statistic, df = r$parameter[1], df2 = r$parameter[2], p = "
     "r$p.value)\n}\n"},
    {"Pearson's chi-squared test", "χ² test", "chi_squared",
     "chi_squared <- function(y, g) {\n"
     "  d <- pair(y, g); t <- table(d$y, d$g); r <- suppressWarnings(chisq.test(t))\n"
     "  plain <- suppressWarnings(chisq.test(t, correct = FALSE))$statistic\n"
     "  list(statistic = r$statistic, df = r$parameter, p = r$p.value, estimate = sqrt(plain / "
     "(sum(t) * (min(dim(t)) - 1))))\n}\n"},
    {"Fisher's exact test", NULL, "fisher",
     "fisher <- function(y, g) {  # R's odds ratio is accurate to 1e-4 or so, its p-value fully\n"
     "  d <- pair(y, g); r <- fisher.test(table(d$y, d$g), workspace = 2e7)\n"
     "  list(p = r$p.value, estimate = r$estimate, ci_low = r$conf.int[1], ci_high = "
     "r$conf.int[2])\n}\n"},
    {"Pearson's correlation", NULL, "pearson",
     "pearson <- function(y, g) {\n"
     "  r <- cor.test(y, g)\n"
     "  list(statistic = r$statistic, df = r$parameter, p = r$p.value, estimate = r$estimate, "
     "ci_low = r$conf.int[1], ci_high = r$conf.int[2])\n}\n"},
    {"Spearman's rank correlation", NULL, "spearman",
     "spearman <- function(y, g) {\n"
     "  r <- suppressWarnings(cor.test(y, g, method = \"spearman\"))\n"
     "  list(statistic = r$statistic, p = r$p.value, estimate = r$estimate)\n}\n"},
    {"paired t-test", NULL, "paired_t",
     "paired_t <- function(y, g) {\n"
     "  r <- t.test(y, g, paired = TRUE)\n"
     "  list(statistic = r$statistic, df = r$parameter, p = r$p.value, estimate = r$estimate, "
     "ci_low = r$conf.int[1], ci_high = r$conf.int[2])\n}\n"},
    {"Wilcoxon signed rank test", NULL, "signed_rank",
     "# wilcox.test's own interval stops at 1e-4 and its estimate is any number between the two "
     "middle means: here\n"
     "# both are solved to the means of two differences at which they turn.\n"
     "signed_rank <- function(y, g) {\n"
     "  ok <- is.finite(y) & is.finite(g); d <- (y - g)[ok]; x <- d[d != 0]\n"
     "  r <- suppressWarnings(wilcox.test(y[ok], g[ok], paired = TRUE))\n"
     "  exact <- length(x) < 50 && length(x) == length(d) && !any(duplicated(abs(x)))\n"
     "  z <- qnorm(0.975)\n"
     "  at <- function(d) {\n"
     "    v <- x - d; v <- v[v != 0]; k <- length(v); ranks <- rank(abs(v)); ties <- table(ranks)\n"
     "    off <- sum(ranks[v > 0]) - k * (k + 1) / 4\n"
     "    (off - sign(off) / 2) / sqrt(k * (k + 1) * (2 * k + 1) / 24 - sum(ties^3 - ties) / 48)\n"
     "  }\n"
     "  middle <- function(x) {  # of the means of two, without holding them\n"
     "    s <- sort(x); n <- length(s)\n"
     "    under <- function(m) sum(pmax(0, findInterval(2 * m - s, s) - seq_len(n) + 1))\n"
     "    rank <- function(k) { low <- s[1] - 1; high <- s[n]; for (i in 1:200) { m <- (low + "
     "high) / 2; if (under(m) >= k) high <- m else low <- m }; high }\n"
     "    all <- n * (n + 1) / 2; (rank(floor((all + 1) / 2)) + rank(all + 1 - floor((all + 1) / "
     "2))) / 2\n"
     "  }\n"
     "  turn <- function(z) { low <- min(x); high <- max(x); for (i in 1:200) { m <- (low + high) "
     "/ 2; if (at(m) > z) low <- m else high <- m }; high }\n"
     "  ci <- if (exact) suppressWarnings(wilcox.test(y[ok], g[ok], paired = TRUE, conf.int = "
     "TRUE))$conf.int else c(turn(z), turn(-z))\n"
     "  list(statistic = r$statistic, p = r$p.value, estimate = middle(x), ci_low = ci[1], ci_high "
     "= ci[2])\n}\n"},
    {"Friedman rank sum test", "Friedman test", "friedman",
     "friedman <- function(x) {\n"
     "  m <- do.call(cbind, x); m <- m[complete.cases(m), ]; r <- friedman.test(m)\n"
     "  list(statistic = r$statistic, df = r$parameter, p = r$p.value, estimate = r$statistic / "
     "(nrow(m) * (ncol(m) - 1)))\n}\n"},
    {"McNemar's test", "Bowker's test of symmetry", "mcnemar",
     "mcnemar <- function(y, g, exact = FALSE) {\n"
     "  t <- table(y, g); if (exact) return(list(p = binom.test(t[1, 2], t[1, 2] + t[2, "
     "1])$p.value))\n"
     "  r <- mcnemar.test(t); list(statistic = r$statistic, df = r$parameter, p = "
     "r$p.value)\n}\n"},
    {"Shapiro–Wilk test of normality", "Shapiro–Wilk test", "shapiro_wilk",
     "shapiro_wilk <- function(y, g) { r <- shapiro.test(y); list(statistic = r$statistic, p = "
     "r$p.value) }\n"},
    {"standardised mean difference", NULL, "smd",
     "# Of numbers: Austin 2009; of categories: Yang and Dalton 2012. Of more than two groups: the "
     "mean over pairs.\n"
     "smd_pair <- function(a, b) {\n"
     "  if (is.numeric(a)) return((mean(a) - mean(b)) / sqrt((var(a) + var(b)) / 2))\n"
     "  known <- levels(a)[levels(a) %in% c(as.character(a), as.character(b))]\n"
     "  if (length(known) < 2) return(0)  # the same single level\n"
     "  p <- prop.table(table(factor(a, known)))[-1]; q <- prop.table(table(factor(b, "
     "known)))[-1]\n"
     "  spread <- function(s) diag(s, length(s)) - tcrossprod(s)\n"
     "  d <- as.numeric(p - q); sqrt(c(t(d) %*% solve((spread(as.numeric(p)) + "
     "spread(as.numeric(q))) / 2) %*% d))\n"
     "}\n"
     "smd <- function(y, g) {\n"
     "  d <- pair(y, g); v <- split(d$y, d$g); each <- combn(length(v), 2, function(i) "
     "smd_pair(v[[i[1]]], v[[i[2]]]))\n"
     "  list(estimate = if (length(each) == 1) each else mean(abs(each)))\n}\n"},
};

const struct r_test *r_test_find(const char *name)
{
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (strcmp(tests[i].name, name) == 0 ||
            (tests[i].other != NULL && strcmp(tests[i].other, name) == 0))
            return &tests[i];
    return NULL;
}

static bool is_named(const json_t *list, const char *member, const struct r_test *test)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (r_test_find(json_text(json_array_get(list, i), member, "")) == test)
            return true;
    return false;
}

void r_test_sources(struct r_script *script)
{
    const json_t *result = json_object_get(script->answer, "result"),
                 *test = json_object_get(script->answer, "test");
    buf_puts(script->out, r_source_levels);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (is_named(json_object_get(result, "statistics"), "test", &tests[i]) ||
            is_named(json_object_get(test, "alternatives"), "name", &tests[i]))
            buf_puts(script->out, tests[i].source);
}

void r_numbers(struct buf *out, const json_t *statistic)
{
    static const char *const members[] = {"statistic", "df",     "df2",    "p",
                                          "estimate",  "ci_low", "ci_high"};
    bool first = true;
    buf_puts(out, "list(");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const json_t *value = json_object_get(statistic, members[i]);
        if (!json_is_number(value))
            continue;
        buf_printf(out, "%s%s = ", first ? "" : ", ", members[i]);
        r_value(out, value);
        first = false;
    }
    buf_putc(out, ')');
}
