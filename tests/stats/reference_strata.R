# Sourced by reference.R: strata in the log-rank test and in Cox's model, the Mantel–Haenszel odds ratio.
set.seed(20260104)
begin("strata", "Stratified log-rank test and Cox model, Mantel–Haenszel odds ratio")
strata_column <- function(data, s) category(data, s)
log_rank_strata <- function(title, data, time, event, g, s, more = "") {
  d <- data$d; d <- d[complete.cases(d[, c(time, event, g, s)]), ]
  r <- survdiff(as.formula(sprintf("Surv(%s, %s) ~ %s + strata(%s)", time, event, g, s)), d); k <- sum(rowSums(as.matrix(r$exp)) > 0) - 1
  facts <- list(n = nrow(d), statistic = r$chisq, df = k, p = pchisq(r$chisq, k, lower.tail = FALSE))
  names <- levels(factor(d[[g]]))
  for (i in seq_along(names)) { facts[[paste("group.observed", names[i])]] <- rowSums(as.matrix(r$obs))[i]; facts[[paste("group.expected", names[i])]] <- rowSums(as.matrix(r$exp))[i] }
  case(title, sprintf("log_rank time=%s event=%s group=%s strata=%s%s", time, event, category(data, g), strata_column(data, s), more), data, facts)
}
cox_strata <- function(title, data, time, event, x, s, ties = "efron", zph = TRUE) {
  d <- data$d
  term <- function(v) if (category(data, v) != v || is.factor(d[[v]])) sprintf("factor(%s)", v) else v
  f <- as.formula(sprintf("Surv(%s, %s) ~ %s + strata(%s)", time, event, paste(x, collapse = " + "), s))
  fit <- coxph(f, d, ties = ties, control = coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 100)); m <- summary(fit)
  facts <- list(n = m$n, statistic = m$logtest[["test"]], df = m$logtest[["df"]], p = m$logtest[["pvalue"]], "number concordance" = fit$concordance[["concordance"]])
  facts[["number log likelihood"]] <- fit$loglik[2]
  for (i in seq_along(x)) { facts[[paste("term.value", x[i])]] <- m$coefficients[i, 1]; facts[[paste("term.se", x[i])]] <- m$coefficients[i, 3]; facts[[paste("term.p", x[i])]] <- m$coefficients[i, 5] }
  call <- sprintf("time=%s event=%s x=%s strata=%s ties=%s", time, event, paste(x, collapse = ","), strata_column(data, s), ties)
  case(title, paste("cox", call), data, facts)
  if (zph) { z <- cox.zph(fit)$table; case(paste(title, "proportional?"), paste("cox_zph", call), data, list(statistic = z["GLOBAL", 1], df = z["GLOBAL", 2], p = z["GLOBAL", 3])) }
}
study <- local({ n <- 140; s <- sample(c("p", "q", "r"), n, TRUE); g <- sample(c("a", "b"), n, TRUE); x <- round(rnorm(n), 2)
  t <- ceiling(20 * rexp(n) * c(p = 1, q = 2, r = 0.6)[s] * exp(-0.3 * x)); data.frame(t = pmin(t, 60), e = as.numeric(t <= 60 & runif(n) < 0.85), g = factor(g), s = factor(s), x = x, y = round(runif(n), 2)) })
log_rank_strata("log-rank in three strata, with ties", embed(study), "t", "e", "g", "s")
log_rank_strata("log-rank, some missing", embed(with_missing(study, 0.06)), "t", "e", "g", "s")
log_rank_strata("pbc by arm, stratified by sex", csv("single/pbc.csv", transform(pbc_set$d, status = ifelse(status == 2, 1, 0))), "time", "status", "trt", "sex", " event_value=2")
log_rank_strata("lung by sex, stratified by ECOG", lung_set, "time", "status", "sex", "ph.ecog")
for (ties in c("efron", "breslow")) {
  cox_strata(paste("Cox in three strata,", ties), embed(study), "t", "e", c("x", "y"), "s", ties)
  cox_strata(paste("lung, stratified by sex,", ties), lung_set, "time", "status", c("age", "ph.karno"), "sex", ties)
}
cox_strata("Cox in strata, some missing", embed(with_missing(study, 0.06)), "t", "e", c("x", "y"), "s")

mantel_case <- function(title, d, correct = TRUE) {
  kept <- d[complete.cases(d), ]; t <- table(kept$a, kept$b, kept$s); t <- t[, , apply(t, 3, sum) > 1, drop = FALSE]
  r <- mantelhaen.test(t, correct = correct); w <- t + 0.5; or <- apply(w, 3, function(x) x[1, 1] * x[2, 2] / x[1, 2] / x[2, 1]); v <- apply(w, 3, function(x) 1 / sum(1 / x))
  woolf <- sum(v * (log(or) - weighted.mean(log(or), v))^2); k <- dim(t)[3]
  case(title, sprintf("mantel_haenszel a=a b=b group=s no_continuity=%d", !correct), embed(d), list(n = nrow(kept), dropped = nrow(d) - nrow(kept), statistic = r$statistic[[1]], df = 1, p = r$p.value, estimate = r$estimate[[1]], low = r$conf.int[1], high = r$conf.int[2],
    "number Woolf" = woolf, "number Woolf p" = pchisq(woolf, k - 1, lower.tail = FALSE)))
}
exposed <- function(n, odds) { s <- sample(c("u", "v", "w"), n, TRUE); a <- rbinom(n, 1, c(u = 0.3, v = 0.5, w = 0.7)[s]); b <- rbinom(n, 1, plogis(c(u = -1, v = 0, w = 0.8)[s] + odds * a)); data.frame(a = factor(c("no", "yes")[a + 1]), b = factor(c("no", "yes")[b + 1]), s = factor(s)) }
mantel_case("Mantel-Haenszel", exposed(150, 0.8)); mantel_case("Mantel-Haenszel uncorrected", exposed(120, -0.5), FALSE); mantel_case("Mantel-Haenszel, some missing", with_missing(exposed(90, 0.2), 0.08)); mantel_case("Mantel-Haenszel, small", exposed(40, 1))
refused("Mantel-Haenszel of three levels is refused", "mantel_haenszel a=a b=b group=s", embed(data.frame(a = factor(c("x", "y", "z", "x")), b = factor(c("p", "q", "p", "q")), s = factor(c("u", "u", "v", "v")))), "two levels")
