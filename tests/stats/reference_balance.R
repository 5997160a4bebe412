# Sourced by reference.R: standardised mean differences by their papers' formulas, adjusted p-values by p.adjust.
begin("balance", "Standardised mean differences")
smd_number <- function(v) (mean(v[[1]]) - mean(v[[2]])) / sqrt((var(v[[1]]) + var(v[[2]])) / 2)
smd_category <- function(v, k) {
  p <- lapply(v, function(x) (table(factor(x, levels = k)) / length(x))[-1])
  S <- Reduce(`+`, lapply(p, function(q) { q <- as.vector(q); m <- -outer(q, q); diag(m) <- q * (1 - q); m })) / 2
  d <- as.vector(p[[1]] - p[[2]]); sqrt(drop(d %*% MASS::ginv(S) %*% d))
}
smd_case <- function(title, data, y, g, cat = FALSE, level = 0.95) {
  d <- data$d[complete.cases(data$d[, c(y, g)]), ]; v <- split(d[[y]], factor(d[[g]])); k <- sort(unique(as.character(d[[y]])))
  one <- function(i, j) if (cat) smd_category(v[c(i, j)], k) else smd_number(v[c(i, j)])
  facts <- list(n = nrow(d), dropped = nrow(data$d) - nrow(d))
  if (length(v) == 2) {
    e <- one(1, 2); n <- lengths(v); half <- qnorm((1 + level) / 2) * sqrt(sum(n) / prod(n) + e^2 / (2 * sum(n)))
    facts <- c(facts, list(estimate = e, low = e - half, high = e + half))
  } else {
    pairs <- combn(length(v), 2); all <- apply(pairs, 2, function(p) one(p[1], p[2])); facts$estimate <- mean(abs(all))
    for (i in seq_along(all)) facts[[paste0("term.value ", names(v)[pairs[1, i]], " - ", names(v)[pairs[2, i]])]] <- all[i]
  }
  case(title, sprintf("smd value=%s group=%s level=%g", if (cat) category(data, y) else y, category(data, g), level), data, facts)
}
smd_case("a number", embed(ordinary), "x", "g"); smd_case("a number with missing values, 90 %", embed(holes), "x", "g", level = 0.9); smd_case("a number, three groups", embed(groups3), "x", "g")
mixed <- data.frame(c = factor(sample(letters[1:4], 80, TRUE)), b = factor(sample(c("no", "yes"), 80, TRUE)), g = factor(sample(c("t", "u"), 80, TRUE)), h = factor(sample(c("t", "u", "w"), 80, TRUE)))
smd_case("a category of four", embed(mixed), "c", "g", TRUE); smd_case("a category of two", embed(mixed), "b", "g", TRUE); smd_case("a category, three groups", embed(mixed), "c", "h", TRUE)
smd_case("a category with missing values", embed(with_missing(mixed)), "c", "g", TRUE)
smd_case("birth weight by smoking", birthwt_set, "bwt", "smoke"); smd_case("race by smoking", birthwt_set, "race", "smoke", TRUE)
smd_case("age of pbc by sex", pbc_set, "age", "sex"); smd_case("stage of pbc by arm", pbc_set, "stage", "trt", TRUE); smd_case("ECOG of lung by sex", lung_set, "ph.ecog", "sex", TRUE); smd_case("age of colon by arm", colon_set, "age", "rx")
refused("a level of one value has no deviation", "smd value=x group=g", embed(one_in_a), "a group of x has one value")
refused("the same constant in both groups", "smd value=x group=g", embed(data.frame(x = c(1, 1, 1, 1), g = factor(c("a", "a", "b", "b")))), "x does not vary within the groups")

begin("adjust", "p-values adjusted for their number")
adjust_case <- function(title, p) for (method in c("holm", "BH")) {
  a <- p.adjust(p, method); case(paste(method, title), paste0("adjust_", tolower(method), " value=p"), embed(data.frame(p = p)), as.list(setNames(a, paste("number", seq_along(a)))))
}
adjust_case("five", c(0.01, 0.04, 0.03, 0.005, 0.6)); adjust_case("ties", c(0.02, 0.02, 0.5, 0.5, 0.02)); adjust_case("missing ones", c(0.01, NA, 0.2, 0.03, NA)); adjust_case("one", 0.03); adjust_case("many", signif(runif(30)^2, 4)); adjust_case("small ones", c(1e-300, 1e-8, 0.9, 1))
