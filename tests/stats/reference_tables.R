# Sourced by reference.R: tables of counts. Fisher's odds ratio and interval are solved here to 1e-14 by the same equations as fisher.test,
# whose root finder stops at about 1e-4 relative; its p-value is taken from it.
begin("tables", "Chi-squared, Fisher, McNemar")
counts <- function(m) { m <- as.matrix(m); d <- as.data.frame(m); names(d) <- paste0("c", seq_len(ncol(d))); embed(d) }
as_rows <- function(m) { # a table as rows of two categories
  d <- expand.grid(a = factor(letters[seq_len(nrow(m))]), b = factor(LETTERS[seq_len(ncol(m))]))
  d <- d[rep(seq_len(nrow(d)), as.vector(m)), ]; rownames(d) <- NULL; d
}
fisher_exact <- function(m, level) { # conditional maximum likelihood and interval, tight
  x <- m[1, 1]; k <- sum(m[1, ]); a <- sum(m[, 1]); b <- sum(m[, 2]); lo <- max(0, k - b); hi <- min(k, a); s <- lo:hi
  logdc <- dhyper(s, a, b, k, log = TRUE)
  d <- function(l) { v <- logdc + l * s; v <- exp(v - max(v)); v / sum(v) }
  solve_for <- function(f) uniroot(f, c(-60, 60), tol = 1e-14, maxiter = 10000)$root
  alpha <- (1 - level) / 2
  list(estimate = if (x == lo) 0 else if (x == hi) Inf else exp(solve_for(function(l) sum(s * d(l)) - x)),
       low = if (x == lo) 0 else exp(solve_for(function(l) sum(d(l)[s >= x]) - alpha)),
       high = if (x == hi) Inf else exp(solve_for(function(l) sum(d(l)[s <= x]) - alpha)))
}
chi_facts <- function(m, correct = TRUE) {
  r <- chisq.test(m, correct = correct); u <- chisq.test(m, correct = FALSE)$statistic[[1]]
  list(n = sum(m), statistic = r$statistic[[1]], df = r$parameter[[1]], p = r$p.value, estimate = sqrt(u / (sum(m) * (min(dim(m)) - 1))))
}
fisher_facts <- function(m, level = 0.95) c(list(n = sum(m), p = fisher.test(m, workspace = 2e8)$p.value), if (all(dim(m) == 2)) fisher_exact(m, level))
mcnemar_facts <- function(m, correct = TRUE) { r <- mcnemar.test(m, correct = correct); list(n = sum(m), statistic = r$statistic[[1]], df = r$parameter[[1]], p = r$p.value) }
m <- function(...) matrix(c(...), nrow = 2, byrow = TRUE)
mcnemar_case <- function(title, t, call, correct = TRUE) { # R answers 0/0 where nothing, or a pair of levels, is exchanged
  facts <- mcnemar_facts(t, correct)
  if (is.nan(facts$p)) refused(title, call, counts(t), if (nrow(t) == 2) "no pair differs" else "are never exchanged") else case(title, call, counts(t), facts)
}
squares <- list("ordinary" = m(12, 5, 7, 9), "tiny" = m(1, 2, 2, 1), "a zero cell" = m(0, 6, 5, 4), "two zero cells" = m(8, 0, 0, 7), "strong" = m(45, 5, 8, 60),
                "large" = m(1520, 1480, 1390, 1610), "lady tasting tea" = m(3, 1, 1, 3), "a rare event" = m(2, 998, 9, 991), "equal proportions" = m(10, 20, 10, 20),
                "nearly equal: Yates is capped" = m(10, 11, 10, 10))
for (name in names(squares)) {
  t <- squares[[name]]
  case(paste("chi-squared 2 x 2:", name), "chi_squared_table", counts(t), chi_facts(t))
  case(paste("chi-squared 2 x 2 uncorrected:", name), "chi_squared_table no_continuity=1", counts(t), chi_facts(t, FALSE))
  case(paste("Fisher 2 x 2:", name), "fisher_table", counts(t), fisher_facts(t))
  case(paste("Fisher 2 x 2, 90 %:", name), "fisher_table level=0.9", counts(t), fisher_facts(t, 0.9))
  mcnemar_case(paste("McNemar:", name), t, "mcnemar_table")
  mcnemar_case(paste("McNemar uncorrected:", name), t, "mcnemar_table no_continuity=1", FALSE)
}
wide <- list("3 x 2" = matrix(c(5, 8, 3, 9, 2, 7), 3), "3 x 3" = matrix(c(4, 1, 3, 2, 6, 2, 1, 3, 7), 3), "3 x 3 with zeros" = matrix(c(3, 0, 0, 0, 4, 1, 2, 0, 5), 3),
             "4 x 4" = matrix(c(6, 2, 1, 3, 2, 7, 2, 1, 0, 3, 5, 2, 1, 1, 2, 4), 4), "2 x 5" = matrix(c(12, 9, 15, 8, 4, 11, 3, 9, 10, 2), 2),
             "job satisfaction" = matrix(c(1, 2, 1, 0, 3, 3, 6, 1, 10, 10, 14, 9, 6, 7, 12, 11), 4), "2 x 3 large" = matrix(c(120, 90, 150, 80, 140, 110), 2),
             "5 x 5 sparse" = matrix(c(2, 0, 1, 0, 0, 0, 3, 0, 1, 0, 1, 0, 2, 0, 1, 0, 1, 0, 3, 0, 0, 0, 1, 0, 2), 5), "6 x 3" = matrix(c(3, 1, 4, 1, 5, 2, 2, 6, 1, 3, 1, 4, 5, 2, 3, 2, 1, 1), 6))
for (name in names(wide)) {
  t <- wide[[name]]
  case(paste("chi-squared", name), "chi_squared_table", counts(t), chi_facts(t))
  case(paste("Fisher", name), "fisher_table", counts(t), fisher_facts(t))
  if (nrow(t) == ncol(t)) mcnemar_case(paste("Bowker", name), t, "mcnemar_table")
}
rows_case <- function(title, data, a, b) {
  d <- data$d; t <- table(d[[a]], d[[b]]); t <- matrix(as.numeric(t), nrow(t)); t <- t[rowSums(t) > 0, colSums(t) > 0]
  dropped <- list(dropped = sum(!complete.cases(d[, c(a, b)])))
  case(paste("chi-squared of rows:", title), sprintf("chi_squared a=%s b=%s", category(data, a), category(data, b)), data, c(chi_facts(t), dropped))
  case(paste("Fisher of rows:", title), sprintf("fisher a=%s b=%s", category(data, a), category(data, b)), data, c(fisher_facts(t), dropped))
}
rows_case("generated", embed(shuffled(as_rows(squares[["ordinary"]]))), "a", "b")
rows_case("missing values", embed(with_missing(shuffled(as_rows(squares[["strong"]])))), "a", "b")
rows_case("3 x 3", embed(shuffled(as_rows(wide[["3 x 3"]]))), "a", "b")
rows_case("smoking and low birth weight", birthwt_set, "smoke", "low")
rows_case("race and low birth weight", birthwt_set, "race", "low")
rows_case("ascites and sex of pbc", pbc_set, "ascites", "sex")
rows_case("arm and obstruction of colon", colon_set, "rx", "obstruct")
rows_case("ECOG and sex of lung", lung_set, "ph.ecog", "sex")
case("expected counts under five are noted", "chi_squared_table", counts(squares[["tiny"]]), list(note = "expected count"))
answers <- with_missing(data.frame(a = rbinom(60, 1, 0.5), b = rbinom(60, 1, 0.7)), 0.05)
case("McNemar of rows", "mcnemar a=a b=b", embed(answers), mcnemar_facts(table(answers$a, answers$b)))
refused("an empty row is refused", "chi_squared_table", counts(m(0, 0, 3, 4)), "rows has a level without any count")
refused("a single row is refused", "chi_squared_table", counts(matrix(c(3, 4), 1)), "a test of a table needs at least two rows and two columns")
refused("a fraction is refused", "fisher_table", counts(m(1.5, 2, 3, 4)), "counts are whole numbers from 0")
refused("a table that is not square has no McNemar test", "mcnemar_table", counts(matrix(c(1, 2, 3, 4, 5, 6), 2)), "as many rows as columns")
refused("no discordant pairs are refused", "mcnemar_table", counts(m(5, 0, 0, 6)), "no pair differs")
refused("a table beyond the network's limit is refused", "fisher_table", counts(matrix(c(31, 22, 43, 14, 25, 36, 27, 18, 29, 30, 41, 12, 33, 24, 15, 26, 37, 28, 39, 20, 31, 42, 13, 24, 35, 16, 27, 38, 19, 40, 21, 32, 43, 14, 25, 36), 6)), "takes more than")
