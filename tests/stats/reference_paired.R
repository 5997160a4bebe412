# Sourced by reference.R: two measurements of the same patients, or more: signed ranks, Friedman, exact McNemar.
set.seed(20260102)
begin("paired", "Signed ranks with the pseudomedian and its interval, Friedman's test, McNemar's exact test")
# wilcox.test's uniroot stops at 1e-4 and its function jumps at means of two differences: here it is solved on until it stands. Its estimate without
# an exact p is any number between the two middle means; ours is their middle (Hodges & Lehmann's).
signed_facts <- function(a, b, exact = NULL, correct = TRUE, level = 0.95) {
  use <- is.finite(a) & is.finite(b)
  x <- (a - b)[use]; x <- x[x != 0]
  r <- suppressWarnings(wilcox.test(a, b, paired = TRUE, exact = exact, correct = correct, conf.int = TRUE, conf.level = level))
  means <- outer(x, x, "+"); means <- sort(means[!lower.tri(means)]) / 2
  facts <- list(n = sum(use), statistic = r$statistic[[1]], p = r$p.value, estimate = median(means))
  normal <- function(d) {
    v <- x - d; v <- v[v != 0]; k <- length(v); ranks <- rank(abs(v)); z <- sum(ranks[v > 0]) - k * (k + 1) / 4; ties <- table(ranks)
    (z - if (correct) sign(z) * 0.5 else 0) / sqrt(k * (k + 1) * (2 * k + 1) / 24 - sum(ties^3 - ties) / 48)
  }
  solved <- function(z) { low <- min(x); high <- max(x); for (i in 1:200) { middle <- (low + high) / 2; if (normal(middle) > z) low <- middle else high <- middle }; high }
  plain <- length(x) < 50 && !any((a - b)[use] == 0) && !any(duplicated(abs(x)))
  is_exact <- if (is.null(exact)) plain else exact && !any((a - b)[use] == 0) && !any(duplicated(abs(x)))
  z <- qnorm((1 + level) / 2)
  if (is_exact) ci <- r$conf.int
  else ci <- if (is.na(normal(min(x))) || normal(min(x)) < z || normal(max(x)) > -z) c(NaN, NaN) else c(solved(z), solved(-z))
  if (is_exact && attr(r$conf.int, "conf.level") < level) ci <- c(NaN, NaN) # R gives a lower level's instead
  c(facts, list(low = ci[1], high = ci[2]))
}
signed_case <- function(title, data, a, b, exact = NULL, correct = TRUE, level = 0.95)
  case(title, sprintf("signed_rank a=%s b=%s level=%g no_continuity=%d exact=%s", a, b, level, !correct, if (is.null(exact)) "auto" else if (exact) "always" else "never"), data,
       signed_facts(data$d[[a]], data$d[[b]], exact, correct, level))
both <- function(n, shift, digits = 4, spread = 0.8) { a <- round(rnorm(n), digits); data.frame(a = a, b = round(a - shift + rnorm(n, 0, spread), digits)) }
signed_case("exact", embed(both(18, 0.4)), "a", "b")
signed_case("exact, nearly all one way", embed(both(12, 2)), "a", "b")
signed_case("exact, 90 %", embed(both(25, 0.1)), "a", "b", level = 0.9)
signed_case("exact of 49", embed(both(49, 0.2, 7)), "a", "b")
signed_case("50 pairs: the normal approximation", embed(both(50, 0.2, 7)), "a", "b")
signed_case("exact where it was asked for", embed(both(70, 0.2, 7)), "a", "b", exact = TRUE)
signed_case("never exact", embed(both(20, 0.3)), "a", "b", exact = FALSE)
signed_case("never exact, no continuity correction", embed(both(20, 0.3)), "a", "b", exact = FALSE, correct = FALSE)
signed_case("ties", embed(both(40, 0.5, 0, 2)), "a", "b")
signed_case("ties and zeros", embed(both(60, 0.3, 0, 1)), "a", "b")
signed_case("ties, no continuity correction, 99 %", embed(both(60, 0.3, 1)), "a", "b", correct = FALSE, level = 0.99)
signed_case("four pairs: no interval at 95 %", embed(data.frame(a = c(1.1, 2.4, 3.9, 4.2), b = c(0.5, 1.1, 3.2, 4.9))), "a", "b")
signed_case("five pairs", embed(data.frame(a = c(1.1, 2.4, 3.9, 4.2, 6.0), b = c(0.5, 1.1, 3.2, 4.9, 5.1))), "a", "b")
signed_case("two pairs", embed(data.frame(a = c(1.1, 2.4), b = c(0.5, 1.1))), "a", "b")
signed_case("pairs with missing values", embed(with_missing(both(30, 0.3), 0.15)), "a", "b")
signed_case("a large number", embed(both(700, 0.02, 2)), "a", "b")
signed_case("far from zero", embed(transform(both(60, 0.3, 1), a = a + 1e5, b = b + 1e5)), "a", "b")
signed_case("Karnofsky of lung by physician and patient", lung_set, "ph.karno", "pat.karno")
signed_case("sleep: two drugs", embed(data.frame(a = sleep$extra[1:10], b = sleep$extra[11:20])), "a", "b")
signed_case("anorexia: weight before and after", embed(data.frame(a = anorexia$Prewt, b = anorexia$Postwt)), "a", "b")
refused("no pair that differs is refused", "signed_rank a=a b=b", embed(data.frame(a = c(1, 2, 3), b = c(1, 2, 3))), "no pair differs")

friedman_case <- function(title, data, columns) {
  m <- as.matrix(data$d[, columns]); m <- m[complete.cases(m), , drop = FALSE]
  r <- friedman.test(m); ranks <- t(apply(m, 1, rank))
  facts <- list(n = nrow(m), dropped = nrow(data$d) - nrow(m), statistic = r$statistic[[1]], df = r$parameter[[1]], p = r$p.value, estimate = r$statistic[[1]] / (nrow(m) * (ncol(m) - 1)))
  for (i in seq_along(columns)) { facts[[paste("group.rank_sum", columns[i])]] <- sum(ranks[, i]); facts[[paste("group.median", columns[i])]] <- median(m[, i]) }
  case(title, sprintf("friedman x=%s", paste(columns, collapse = ",")), data, facts)
}
times <- function(n, k, digits = 2) { base <- rnorm(n); d <- as.data.frame(round(sapply(seq_len(k), function(i) base + 0.2 * i + rnorm(n, 0, 0.7)), digits)); names(d) <- paste0("t", seq_len(k)); d }
friedman_case("three times", embed(times(20, 3)), c("t1", "t2", "t3"))
friedman_case("five times with ties", embed(times(35, 5, 0)), paste0("t", 1:5))
friedman_case("missing values", embed(with_missing(times(30, 4), 0.08)), paste0("t", 1:4))
friedman_case("two times", embed(times(25, 2)), c("t1", "t2"))
friedman_case("Hollander and Wolfe's base running", embed(data.frame(round = c(5.4, 5.85, 5.2, 5.55, 5.9, 5.45, 5.4, 5.45, 5.25, 5.85, 5.25, 5.65, 5.6, 5.05, 5.5, 5.45, 5.55, 5.45, 5.5, 5.65, 5.7, 6.3),
  narrow = c(5.5, 5.7, 5.6, 5.5, 5.85, 5.55, 5.4, 5.5, 5.15, 5.8, 5.2, 5.55, 5.35, 5, 5.5, 5.55, 5.55, 5.5, 5.45, 5.6, 5.65, 6.3),
  wide = c(5.55, 5.75, 5.5, 5.4, 5.7, 5.6, 5.35, 5.35, 5, 5.7, 5.1, 5.45, 5.45, 4.95, 5.4, 5.5, 5.35, 5.55, 5.25, 5.4, 5.55, 6.25))), c("round", "narrow", "wide"))
refused("all times alike are refused", "friedman x=a,b,c", embed(data.frame(a = c(1, 2), b = c(1, 2), c = c(1, 2))), "no row differs")
refused("one row is refused", "friedman x=a,b,c", embed(data.frame(a = 1, b = 2, c = 3)), "at least two")

exact_facts <- function(t) list(n = sum(t), p = binom.test(t[1, 2], t[1, 2] + t[2, 1])$p.value)
for (name in c("ordinary", "a zero cell", "strong", "large", "a rare event", "tiny")) case(paste("McNemar exact:", name), "mcnemar_table exact=always", counts(squares[[name]]), exact_facts(squares[[name]]))
case("McNemar exact of rows", "mcnemar a=a b=b exact=always", embed(answers), exact_facts(table(answers$a, answers$b)))
refused("no discordant pairs are refused, exactly too", "mcnemar_table exact=always", counts(m(5, 0, 0, 6)), "no pair differs")
