# Sourced by reference.R: two numbers.
begin("correlation", "Pearson and Spearman")
pearson_case <- function(title, data, a, b, level = 0.95) {
  r <- cor.test(data$d[[a]], data$d[[b]], conf.level = level); ci <- if (is.null(r$conf.int)) c(NA, NA) else r$conf.int
  case(paste("Pearson:", title), sprintf("pearson a=%s b=%s level=%g", a, b, level), data, list(n = kept(data$d, a, b), dropped = nrow(data$d) - kept(data$d, a, b), statistic = r$statistic[[1]], df = r$parameter[[1]], p = r$p.value, estimate = r$estimate[[1]], low = ci[1], high = ci[2]))
}
spearman_case <- function(title, data, a, b) {
  d <- data$d[complete.cases(data$d[, c(a, b)]), ]
  ties <- anyDuplicated(d[[a]]) > 0 || anyDuplicated(d[[b]]) > 0
  r <- cor.test(d[[a]], d[[b]], method = "spearman")
  case(paste("Spearman:", title), sprintf("spearman a=%s b=%s", a, b), data, list(n = nrow(d), statistic = r$statistic[[1]], p = r$p.value, estimate = r$estimate[[1]],
       method = if (ties || nrow(d) >= 1290) "t approximation" else if (nrow(d) <= 9) "exact" else "Edgeworth series"))
}
both <- function(n, slope, noise, digits = 4) { a <- rnorm(n); data.frame(a = round(a, digits), b = round(slope * a + rnorm(n, 0, noise), digits)) }
two_columns <- list("ordinary" = both(30, 0.5, 1), "none" = both(40, 0, 1), "negative" = both(25, -1, 0.6), "strong" = both(60, 3, 0.3), "three rows" = both(3, 1, 1), "four rows" = both(4, 1, 1),
                    "seven rows" = both(7, 0.8, 1), "nine rows" = both(9, -0.6, 1), "ten rows" = both(10, 0.7, 1), "ties" = both(35, 0.6, 1, 0), "missing values" = with_missing(both(50, 0.5, 1)),
                    "far from zero" = transform(both(20, 0.5, 1), a = a + 1e5, b = b - 1e5))
for (name in names(two_columns)) {
  pearson_case(name, embed(two_columns[[name]]), "a", "b", if (name == "none") 0.99 else 0.95)
  spearman_case(name, embed(two_columns[[name]]), "a", "b")
}
spearman_case("perfect, six rows", embed(data.frame(a = 1:6, b = c(2, 4, 5, 7, 9, 11))), "a", "b")
spearman_case("reversed, twelve rows", embed(data.frame(a = 1:12, b = 12:1)), "a", "b")
for (pair in list(c("albumin", "bili"), c("chol", "trig"), c("age", "protime"))) { pearson_case(paste(pair, collapse = " and "), pbc_set, pair[1], pair[2]); spearman_case(paste(pair, collapse = " and "), pbc_set, pair[1], pair[2]) }
pearson_case("age and weight loss of lung", lung_set, "age", "wt.loss"); spearman_case("age and weight loss of lung", lung_set, "age", "wt.loss")
pearson_case("mother's and birth weight", birthwt_set, "lwt", "bwt"); spearman_case("mother's and birth weight", birthwt_set, "lwt", "bwt")
pearson_case("nodes and age of colon", colon_set, "nodes", "age"); spearman_case("nodes and age of colon", colon_set, "nodes", "age")
refused("two rows are refused", "pearson a=a b=b", embed(data.frame(a = c(1, 2), b = c(2, 1))), "2 rows have both a and b: a correlation needs at least three")
refused("a constant is refused", "pearson a=a b=b", embed(data.frame(a = c(1, 2, 3), b = c(2, 2, 2))), "b has one value only")
refused("a constant is refused by ranks", "spearman a=a b=b", embed(data.frame(a = c(5, 5, 5), b = c(2, 1, 3))), "a has one value only")
