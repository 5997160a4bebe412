# Sourced by reference.R: a number in groups; means, medians, ranks, variances, normality.
values_of <- function(d, y, g) split(d[[y]], factor(d[[g]]))
group_facts <- function(v) {
  facts <- list()
  for (k in names(v)) {
    x <- v[[k]][!is.na(v[[k]])]
    q <- quantile(x, c(0, 0.25, 0.5, 0.75, 1), names = FALSE)
    facts[[paste("group.n", k)]] <- length(x)
    facts[[paste("group.mean", k)]] <- mean(x)
    facts[[paste("group.sd", k)]] <- sd(x)
    facts[[paste("group.q1", k)]] <- q[2]
    facts[[paste("group.median", k)]] <- q[3]
    facts[[paste("group.q3", k)]] <- q[4]
  }
  facts
}
kept <- function(d, ...) sum(complete.cases(d[, c(...), drop = FALSE]))
category <- function(data, g) if (is.null(data$csv) || is.factor(data$d[[g]])) g else paste0(g, ":c")

begin("describe", "Means with their intervals, quartiles of type 7, levels")
describe_case <- function(title, data, y, level = 0.95) {
  x <- data$d[[y]]; x <- x[!is.na(x)]
  ci <- if (length(x) > 1 && sd(x) > 0) t.test(x, conf.level = level)$conf.int else c(NA, NA)
  q <- quantile(x, c(0, 0.25, 0.5, 0.75, 1), names = FALSE)
  case(title, sprintf("describe value=%s level=%g", y, level), data,
       list(n = length(x), "group.missing all" = sum(is.na(data$d[[y]])), "group.mean all" = mean(x), "group.sd all" = sd(x), "group.mean_low all" = ci[1],
            "group.mean_high all" = ci[2], "group.min all" = q[1], "group.q1 all" = q[2], "group.median all" = q[3], "group.q3 all" = q[4], "group.max all" = q[5]))
}
describe_case("a column described", embed(ordinary["x"]), "x")
describe_case("with missing values, 90 % interval", embed(holes["x"]), "x", 0.9)
describe_case("far from zero", embed(offset["x"]), "x", 0.99)
describe_case("one value has no deviation", embed(data.frame(x = 3.5)), "x")
describe_case("bilirubin of pbc", pbc_set, "bili")
describe_case("cholesterol of pbc, some missing", pbc_set, "chol")
describe_case("weight loss of lung", lung_set, "wt.loss")
describe_groups <- function(title, data, y, g) case(title, sprintf("describe value=%s group=%s", y, category(data, g)), data, group_facts(values_of(data$d, y, g)))
describe_groups("a column by groups", embed(groups3), "x", "g")
describe_groups("birth weight by smoking", birthwt_set, "bwt", "smoke")
case("levels of a category", "frequencies value=g", embed(groups_holes["g"]),
     as.list(c(setNames(c(table(groups_holes$g)), paste("group.n", levels(groups_holes$g))), setNames(c(prop.table(table(groups_holes$g))), paste("group.proportion", levels(groups_holes$g))),
               dropped = sum(is.na(groups_holes$g)))))

begin("t", "Student's and Welch's t-tests, paired t")
t_case <- function(title, data, y, g, equal = FALSE, level = 0.95, facts = FALSE) {
  d <- data$d; v <- values_of(d, y, g)
  r <- t.test(v[[1]], v[[2]], var.equal = equal, conf.level = level)
  case(title, sprintf("t_test value=%s group=%s equal_variance=%d level=%g", y, category(data, g), equal, level), data,
       c(list(n = kept(d, y, g), dropped = nrow(d) - kept(d, y, g), statistic = r$statistic[[1]], df = r$parameter[[1]], p = r$p.value, estimate = r$estimate[[1]] - r$estimate[[2]],
              low = r$conf.int[1], high = r$conf.int[2], "term.se difference in means" = r$stderr), if (facts) group_facts(lapply(values_of(d[complete.cases(d[, c(y, g)]), ], y, g), c))))
}
for (equal in c(FALSE, TRUE)) {
  name <- if (equal) "Student" else "Welch"
  t_case(paste(name, "ordinary"), embed(ordinary), "x", "g", equal, facts = TRUE)
  t_case(paste(name, "two and two values"), embed(tiny), "x", "g", equal)
  t_case(paste(name, "missing values"), embed(holes), "x", "g", equal, 0.9)
  t_case(paste(name, "far apart: a p-value far out"), embed(far), "x", "g", equal)
  t_case(paste(name, "values far from zero"), embed(offset), "x", "g", equal, 0.99)
  t_case(paste(name, "albumin of pbc by sex"), pbc_set, "albumin", "sex", equal)
  t_case(paste(name, "cholesterol of pbc by arm, missing values"), pbc_set, "chol", "trt", equal)
  t_case(paste(name, "age of lung by sex"), lung_set, "age", "sex", equal)
  t_case(paste(name, "birth weight by smoking"), birthwt_set, "bwt", "smoke", equal)
  t_case(paste(name, "age of colon by sex"), colon_set, "age", "sex", equal)
}
one_in_a <- data.frame(x = c(1.5, 2, 3, 4.5), g = factor(c("a", "b", "b", "b")))
t_case("Student with a single value in a group", embed(one_in_a), "x", "g", TRUE)
refused("Welch with a single value in a group is refused", "t_test value=x group=g", embed(one_in_a), "x has 1 and 3 values in the two groups")
refused("three groups are refused", "t_test value=x group=g", embed(groups3), "g has 3 levels among the rows that have x, expected 2")
refused("one group is refused", "t_test value=x group=g", embed(data.frame(x = c(1, 2, 3), g = factor(c("a", "a", "a")))), "g has 1 level among the rows")
refused("constant values are refused", "t_test value=x group=g", embed(data.frame(x = c(2, 2, 2, 2), g = factor(c("a", "a", "b", "b")))), "x does not vary within the groups")
refused("no rows are refused", "t_test value=x group=g", embed(data.frame(x = c(NA, NA), g = factor(c("a", "b")))), "g has 0 levels")
paired_case <- function(title, data, a, b) {
  r <- t.test(data$d[[a]], data$d[[b]], paired = TRUE)
  case(title, sprintf("t_test_paired a=%s b=%s", a, b), data, list(n = kept(data$d, a, b), statistic = r$statistic[[1]], df = r$parameter[[1]], p = r$p.value, estimate = r$estimate[[1]], low = r$conf.int[1], high = r$conf.int[2]))
}
paired_case("paired", embed(pairs), "a", "b")
paired_case("paired with missing values", embed(pairs_holes), "a", "b")
paired_case("Karnofsky of lung by physician and patient", lung_set, "ph.karno", "pat.karno")
refused("pairs that differ by a constant are refused", "t_test_paired a=a b=b", embed(data.frame(a = c(1, 2, 3), b = c(2, 3, 4))), "a does not vary")

begin("rank", "Mann–Whitney, exact and approximate; Kruskal–Wallis")
mann_case <- function(title, data, y, g, correct = TRUE, exact = NULL) {
  d <- data$d; v <- values_of(d, y, g); v <- lapply(v, function(x) x[!is.na(x)])
  r <- wilcox.test(v[[1]], v[[2]], correct = correct, exact = exact)
  is_exact <- grepl("exact", r$method)
  case(title, sprintf("mann_whitney value=%s group=%s no_continuity=%d exact=%s", y, category(data, g), !correct, if (is.null(exact)) "auto" else if (exact) "always" else "never"), data,
       list(n = kept(d, y, g), statistic = r$statistic[[1]], p = r$p.value, estimate = r$statistic[[1]] / (length(v[[1]]) * length(v[[2]])), method = if (is_exact) "exact" else "normal approximation"))
}
unique_values <- function(d) { d$x <- d$x + seq_len(nrow(d)) * 1e-7; d }
mann_case("exact", embed(unique_values(ordinary)), "x", "g")
mann_case("exact, two and two", embed(tiny), "x", "g")
mann_case("exact, three and four", embed(tiny3), "x", "g")
mann_case("exact, far apart", embed(unique_values(far)), "x", "g")
mann_case("exact at 49 and 49", embed(unique_values(two(49, 49, 0.5))), "x", "g")
mann_case("approximate at 50 and 10", embed(unique_values(two(50, 10, 0.5))), "x", "g")
mann_case("exact when asked at 50 and 10", embed(unique_values(two(50, 10, 0.5))), "x", "g", exact = TRUE)
mann_case("approximate when asked", embed(unique_values(ordinary)), "x", "g", exact = FALSE)
mann_case("tied", embed(tied), "x", "g")
mann_case("tied, no continuity correction", embed(tied), "x", "g", correct = FALSE)
mann_case("large", embed(unique_values(large)), "x", "g")
mann_case("missing values and ties", embed(transform(holes, x = round(x, 1))), "x", "g")
mann_case("equal sums: z is zero", embed(data.frame(x = c(1, 4, 4, 1), g = factor(c("a", "a", "b", "b")))), "x", "g")
mann_case("bilirubin of pbc by sex", pbc_set, "bili", "sex")
mann_case("copper of pbc by arm", pbc_set, "copper", "trt")
mann_case("weight loss of lung by sex", lung_set, "wt.loss", "sex")
mann_case("birth weight by smoking", birthwt_set, "bwt", "smoke")
mann_case("nodes of colon by sex", colon_set, "nodes", "sex")
refused("all tied is refused", "mann_whitney value=x group=g", embed(data.frame(x = c(2, 2, 2), g = factor(c("a", "a", "b")))), "x has one value only")
kruskal_case <- function(title, data, y, g) {
  r <- kruskal.test(data$d[[y]], factor(data$d[[g]]))
  case(title, sprintf("kruskal_wallis value=%s group=%s", y, category(data, g)), data, list(n = kept(data$d, y, g), statistic = r$statistic[[1]], df = r$parameter[[1]], p = r$p.value))
}
kruskal_case("three groups", embed(groups3), "x", "g")
kruskal_case("five groups, ties", embed(groups5), "x", "g")
kruskal_case("two groups, ties", embed(tied), "x", "g")
kruskal_case("missing values", embed(groups_holes), "x", "g")
kruskal_case("bilirubin of pbc by stage", pbc_set, "bili", "stage")
kruskal_case("birth weight by race", birthwt_set, "bwt", "race")
kruskal_case("weight loss of lung by ECOG", lung_set, "wt.loss", "ph.ecog")
kruskal_case("nodes of colon by arm", colon_set, "nodes", "rx")

begin("anova", "Analyses of variance, and tests of equal variances")
anova_case <- function(title, data, y, g) {
  d <- data$d[complete.cases(data$d[, c(y, g)]), ]; d$y_ <- d[[y]]; d$g_ <- factor(d[[g]])
  a <- anova(lm(y_ ~ g_, d))
  case(paste("one-way:", title), sprintf("anova value=%s group=%s", y, category(data, g)), data, list(n = nrow(d), statistic = a[1, 4], df = a[1, 1], df2 = a[2, 1], p = a[1, 5], estimate = a[1, 2] / sum(a[, 2])))
  w <- oneway.test(y_ ~ g_, d)
  case(paste("Welch:", title), sprintf("anova_welch value=%s group=%s", y, category(data, g)), data, list(n = nrow(d), statistic = w$statistic[[1]], df = w$parameter[[1]], df2 = w$parameter[[2]], p = w$p.value))
  for (center in c("median", "mean")) {
    z <- abs(d$y_ - ave(d$y_, d$g_, FUN = get(center))); l <- anova(lm(z ~ d$g_))
    case(paste0("Levene about the ", center, ": ", title), sprintf("levene value=%s group=%s center=%s", y, category(data, g), center), data, list(n = nrow(d), statistic = l[1, 4], df = l[1, 1], df2 = l[2, 1], p = l[1, 5]))
  }
  b <- bartlett.test(d$y_, d$g_)
  case(paste("Bartlett:", title), sprintf("bartlett value=%s group=%s", y, category(data, g)), data, list(n = nrow(d), statistic = b$statistic[[1]], df = b$parameter[[1]], p = b$p.value))
}
anova_case("three groups", embed(groups3), "x", "g")
anova_case("five groups, ties", embed(groups5), "x", "g")
anova_case("two groups", embed(ordinary), "x", "g")
anova_case("missing values", embed(groups_holes), "x", "g")
anova_case("values far from zero", embed(transform(groups3, x = x + 1e6)), "x", "g")
anova_case("albumin of pbc by stage", pbc_set, "albumin", "stage")
anova_case("birth weight by race", birthwt_set, "bwt", "race")
anova_case("age of colon by arm", colon_set, "age", "rx")
refused("no variation within groups is refused", "anova value=x group=g", embed(data.frame(x = c(1, 1, 2, 2), g = factor(c("a", "a", "b", "b")))), "x does not vary within the groups")
refused("a group of one is refused by Welch", "anova_welch value=x group=g", embed(one_in_a), "a group of x has one value")
refused("as many groups as values is refused", "anova value=x group=g", embed(data.frame(x = c(1, 2, 3), g = factor(c("a", "b", "c")))), "x has as many groups as values")
ratio_case <- function(title, data, y, g) {
  v <- values_of(data$d, y, g); r <- var.test(v[[1]], v[[2]])
  case(title, sprintf("variance_ratio value=%s group=%s", y, category(data, g)), data, list(statistic = r$statistic[[1]], df = r$parameter[[1]], df2 = r$parameter[[2]], p = r$p.value, estimate = r$estimate[[1]], low = r$conf.int[1], high = r$conf.int[2]))
}
ratio_case("variances of two groups", embed(ordinary), "x", "g")
ratio_case("variances of large groups", embed(large), "x", "g")
ratio_case("variances of birth weight by smoking", birthwt_set, "bwt", "smoke")

begin("shapiro", "Shapiro–Wilk")
shapiro_case <- function(title, data, y) { r <- shapiro.test(data$d[[y]]); case(title, sprintf("shapiro_wilk value=%s", y), data, list(statistic = r$statistic[[1]], p = r$p.value)) }
for (n in c(3, 4, 5, 6, 7, 11, 12, 25, 80)) shapiro_case(paste(n, "normal values"), embed(data.frame(x = round(rnorm(n), 3))), "x")
for (n in c(3, 8, 20, 60)) shapiro_case(paste(n, "skewed values"), embed(data.frame(x = round(exp(rnorm(n)), 3))), "x")
shapiro_case("values with missing ones", embed(holes["x"]), "x")
shapiro_case("ties", embed(tied["x"]), "x")
shapiro_case("bilirubin of pbc", pbc_set, "bili")
shapiro_case("albumin of pbc", pbc_set, "albumin")
shapiro_case("birth weight", birthwt_set, "bwt")
shapiro_case("age of colon", colon_set, "age")
refused("two values are refused", "shapiro_wilk value=x", embed(data.frame(x = c(1, 2))), "x has 2 values: Shapiro–Wilk needs at least three")
refused("one value throughout is refused", "shapiro_wilk value=x", embed(data.frame(x = c(1, 1, 1, 1))), "x has one value only")
