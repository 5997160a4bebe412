# Sourced by reference.R: time to an event. coxph's own stop is at 1e-9; here it goes on to 1e-12.
begin("survival", "Kaplan-Meier and log-rank")
surv_data <- function(data, time, event, x = character(0), cats = character(0), event_value = NULL) {
  d <- data$d[complete.cases(data$d[, c(time, event, x)]), c(time, event, x), drop = FALSE]
  e <- d[[event]]
  d$e_ <- if (!is.null(event_value)) as.numeric(e == event_value) else if (max(e) == 2) e - 1 else e
  d$t_ <- d[[time]]
  for (v in cats) d[[v]] <- factor(d[[v]])
  d
}
event_word <- function(event_value) if (is.null(event_value)) "" else paste0(" event_value=", event_value)
picked <- function(n, most = 6) unique(round(seq(1, n, length.out = min(n, most))))
km_case <- function(title, data, time, event, g = NULL, interval = "log", level = 0.95, event_value = NULL) {
  d <- surv_data(data, time, event, g, g, event_value)
  facts <- list(n = nrow(d), dropped = nrow(data$d) - nrow(d))
  for (k in if (is.null(g)) "all" else levels(d[[g]])) {
    part <- if (is.null(g)) d else d[d[[g]] == k, ]
    fit <- survfit(Surv(t_, e_) ~ 1, part, conf.type = interval, conf.int = level); s <- summary(fit)$table
    facts[[paste("group.n", k)]] <- nrow(part); facts[[paste("group.events", k)]] <- sum(part$e_)
    facts[[paste("group.median", k)]] <- s[["median"]]
    facts[[paste("group.median_low", k)]] <- s[[8]]; facts[[paste("group.median_high", k)]] <- s[[9]]
    for (i in picked(length(fit$time))) {
      at <- function(f) sprintf("point.%s %s @ %.15g", f, k, fit$time[i])
      facts[[at("at_risk")]] <- fit$n.risk[i]; facts[[at("events")]] <- fit$n.event[i]; facts[[at("censored")]] <- fit$n.censor[i]
      facts[[at("survival")]] <- fit$surv[i]; facts[[at("se")]] <- fit$std.err[i] * fit$surv[i]
      facts[[at("low")]] <- fit$lower[i]; facts[[at("high")]] <- fit$upper[i]
    }
  }
  case(paste0("Kaplan-Meier: ", title), sprintf("kaplan_meier time=%s event=%s interval=%s level=%g%s%s", time, event, interval, level, if (is.null(g)) "" else paste0(" group=", category(data, g)), event_word(event_value)), data, facts)
}
logrank_case <- function(title, data, time, event, g, event_value = NULL) {
  d <- surv_data(data, time, event, g, g, event_value); d$g_ <- d[[g]]; r <- survdiff(Surv(t_, e_) ~ g_, d); k <- levels(d$g_)
  facts <- list(n = nrow(d), dropped = nrow(data$d) - nrow(d), statistic = r$chisq, df = length(r$n) - 1, p = pchisq(r$chisq, length(r$n) - 1, lower.tail = FALSE))
  for (i in seq_along(k)) { facts[[paste("group.n", k[i])]] <- r$n[[i]]; facts[[paste("group.observed", k[i])]] <- r$obs[i]; facts[[paste("group.expected", k[i])]] <- r$exp[i] }
  case(paste("log-rank:", title), sprintf("log_rank time=%s event=%s group=%s%s", time, event, category(data, g), event_word(event_value)), data, facts)
}
times <- function(n, ties = FALSE) {
  d <- data.frame(u = round(rnorm(n), 2), g = factor(sample(c("a", "b", "c"), n, TRUE)))
  t <- rexp(n, exp(0.6 * d$u + 0.5 * (d$g == "b")) / 10); cut <- rexp(n, 1 / 15)
  d$t <- if (ties) ceiling(pmin(t, cut) / 2) else round(pmin(t, cut), 4) + 0.01
  d$e <- as.numeric(t <= cut)
  d
}
plain <- times(50); tied_times <- times(70, TRUE); survival_holes <- with_missing(times(60), 0.07)
small <- data.frame(t = c(1, 2, 3, 4), e = c(1, 1, 1, 1))
for (interval in c("log", "log-log", "plain")) {
  km_case(paste("no ties,", interval), embed(plain), "t", "e", interval = interval)
  km_case(paste("ties,", interval), embed(tied_times), "t", "e", interval = interval)
  km_case(paste("all die,", interval), embed(small), "t", "e", interval = interval)
  km_case(paste("lung by sex,", interval), lung_set, "time", "status", "sex", interval)
}
km_case("by groups, 90 %", embed(tied_times), "t", "e", "g", level = 0.9)
km_case("missing values", embed(survival_holes), "t", "e", "g")
km_case("nobody has the event", embed(data.frame(t = c(1, 2, 5), e = c(0, 0, 0))), "t", "e")
km_case("exactly a half at a step: the middle", embed(data.frame(t = c(1, 2, 4, 7), e = c(1, 1, 1, 0))), "t", "e")
km_case("exactly a half at the end", embed(data.frame(t = c(1, 2, 4, 7), e = c(1, 1, 0, 0))), "t", "e")
km_case("one row", embed(data.frame(t = 3, e = 1)), "t", "e")
km_case("a time of zero", embed(data.frame(t = c(0, 0, 2, 3, 5), e = c(1, 0, 1, 0, 1))), "t", "e")
km_case("times that differ by rounding are tied", embed(data.frame(t = c(0.3, 0.1 + 0.2, 1, 1 + 1e-12, 2), e = c(1, 1, 0, 1, 1))), "t", "e")
km_case("pbc, death is status 2", pbc_set, "time", "status", event_value = 2)
km_case("pbc by stage, death", pbc_set, "time", "status", "stage", event_value = 2)
km_case("colon by arm", colon_set, "time", "status", "rx")
logrank_case("three groups", embed(plain), "t", "e", "g"); logrank_case("three groups, ties", embed(tied_times), "t", "e", "g"); logrank_case("missing values", embed(survival_holes), "t", "e", "g")
two_arms <- transform(times(40), g = factor(rep(c("x", "y"), 20))); logrank_case("two groups", embed(two_arms), "t", "e", "g")
tiny_times <- data.frame(t = c(2, 3, 5, 8), e = c(1, 1, 0, 1), g = factor(c("a", "b", "a", "b"))); logrank_case("two and two", embed(tiny_times), "t", "e", "g")
logrank_case("lung by sex", lung_set, "time", "status", "sex"); logrank_case("lung by ECOG", lung_set, "time", "status", "ph.ecog")
logrank_case("pbc by arm, death", pbc_set, "time", "status", "trt", 2); logrank_case("pbc by stage, death", pbc_set, "time", "status", "stage", 2); logrank_case("colon by arm", colon_set, "time", "status", "rx")
case("event codes 1 and 2 are recognised and said so", "kaplan_meier time=t event=e", embed(transform(plain, e = e + 1)), list("group.events all" = sum(plain$e), note = "e = 2 is the event, 1 is censored"))
case("event words are recognised and said so", "kaplan_meier time=t event=e", embed(transform(plain, e = factor(e, labels = c("Alive", "Deceased")))), list("group.events all" = sum(plain$e), note = "e = Deceased is the event"))
refused("three event codes are refused", "kaplan_meier time=t event=e", embed(transform(plain, e = rep(0:2, length.out = 50))), "e has 3 codes")
refused("an event value that does not occur is refused", "kaplan_meier time=t event=e event_value=7", embed(plain), "the event value does not occur in e")
refused("a negative time is refused", "kaplan_meier time=t event=e", embed(transform(plain, t = t - 2)), "t has times below zero")
refused("a log-rank test without events is refused", "log_rank time=t event=e group=g", embed(transform(two_arms, e = 0)), "no row has the event")
refused("a log-rank test of one group is refused", "log_rank time=t event=e group=g", embed(transform(two_arms, g = factor("x"))), "g has 1 level")

begin("cox", "Cox and proportional hazards")
cox_fit <- function(d, x, ties) {
  f <- as.formula(paste("Surv(t_, e_) ~", paste(sprintf("`%s`", x), collapse = " + ")))
  coxph(f, d, ties = ties, control = coxph.control(eps = 1e-12, iter.max = 50, toler.chol = 1e-13))
}
cox_case <- function(title, data, time, event, x, cats = character(0), ties = "efron", level = 0.95, event_value = NULL, zph = TRUE) {
  d <- surv_data(data, time, event, x, cats, event_value); fit <- cox_fit(d, x, ties); s <- summary(fit)
  names <- term_names(fit, d, x, cats)[-1]
  all <- is.na(coef(fit)); t <- s$coefficients; ci <- confint(fit, level = level)
  facts <- cbind(value = t[, 1], se = ifelse(all, NA, t[, 3]), statistic = ifelse(all, NA, t[, 4]), p = ifelse(all, NA, t[, 5]), low = ci[, 1], high = ci[, 2], ratio = exp(t[, 1]), ratio_low = exp(ci[, 1]), ratio_high = exp(ci[, 2]))
  x_word <- model_x(data, x, cats)
  case(paste0("Cox, ", ties, ": ", title), sprintf("cox time=%s event=%s x=%s ties=%s level=%g%s", time, event, x_word, ties, level, event_word(event_value)), data,
       c(list(n = nrow(d), dropped = nrow(data$d) - nrow(d), statistic = s$logtest[[1]], df = s$logtest[[2]], p = s$logtest[[3]], "number log likelihood" = fit$loglik[2], "number null log likelihood" = fit$loglik[1],
              "number wald" = fit$wald.test[[1]], "number score" = fit$score, "number events" = fit$nevent, "number concordance" = fit$concordance[["concordance"]]), term_facts(names, facts)))
  if (!zph) return(invisible())
  z <- cox.zph(fit)$table
  zfacts <- list(statistic = z["GLOBAL", 1], df = z["GLOBAL", 2], p = z["GLOBAL", 3])
  for (i in seq_along(x)) { zfacts[[paste("term.statistic", x[i])]] <- z[i, 1]; zfacts[[paste("term.df", x[i])]] <- z[i, 2]; zfacts[[paste("term.p", x[i])]] <- z[i, 3] }
  case(paste0("proportional hazards, ", ties, ": ", title), sprintf("cox_zph time=%s event=%s x=%s ties=%s%s", time, event, x_word, ties, event_word(event_value)), data, zfacts)
}
for (ties in c("efron", "breslow")) {
  cox_case("one number", embed(plain), "t", "e", "u", ties = ties)
  cox_case("a number and a category, ties", embed(tied_times), "t", "e", c("u", "g"), "g", ties, 0.9)
  cox_case("missing values", embed(survival_holes), "t", "e", c("u", "g"), "g", ties)
  cox_case("lung: age, sex, ECOG", lung_set, "time", "status", c("age", "sex", "ph.ecog"), character(0), ties)
  cox_case("lung: ECOG as a category, weight loss", lung_set, "time", "status", c("ph.ecog", "wt.loss"), "ph.ecog", ties)
  cox_case("pbc", pbc_set, "time", "status", c("age", "sex", "bili", "albumin", "edema", "protime"), "sex", ties, event_value = 2)
  cox_case("pbc by stage", pbc_set, "time", "status", c("stage", "trt"), c("stage"), ties, event_value = 2)
  cox_case("colon", colon_set, "time", "status", c("rx", "sex", "age", "nodes", "obstruct", "extent"), "rx", ties)
}
cox_case("a dependent column is aliased", embed(transform(plain, w = 3 * u + 1)), "t", "e", c("u", "w"), zph = FALSE)
cox_case("far from zero", embed(transform(plain, u = u + 1e5)), "t", "e", "u")
cox_case("scales far apart", embed(transform(plain, u = u * 1e3, v = cos(seq_len(50)) * 1e-2)), "t", "e", c("u", "v"))
cox_case("a small sample", embed(data.frame(t = c(4, 3, 1, 1, 2, 2, 3), e = c(1, 1, 1, 0, 1, 1, 0), x = c(0, 2, 1, 1, 1, 0, 0))), "t", "e", "x")
cox_case("the same, Breslow", embed(data.frame(t = c(4, 3, 1, 1, 2, 2, 3), e = c(1, 1, 1, 0, 1, 1, 0), x = c(0, 2, 1, 1, 1, 0, 0))), "t", "e", "x", ties = "breslow")
monotone <- data.frame(t = 1:12, e = c(1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0), g = factor(rep(c("a", "b"), each = 6)), v = c(0.3, 1.2, 0.1, 0.9, 0.6, 0.2, 1.1, 0.4, 0.8, 0.5, 1, 0.7))
case("Cox: a monotone likelihood is found", "cox time=t event=e x=g", embed(monotone), list(separated = 1, "term.infinite g: b" = 1, "term.value g: b" = -Inf, "term.ratio g: b" = 0, "term.p g: b" = NA, note = "g: b"))
inside <- coxph(Surv(t, e) ~ v, subset(monotone, g == "a"), control = coxph.control(eps = 1e-12, iter.max = 50))
case("Cox: the other term has its limit", "cox time=t event=e x=g,v", embed(monotone), list(separated = 1, "term.infinite g: b" = 1, "term.value v" = coef(inside)[[1]], "term.se v" = sqrt(vcov(inside)[1, 1]), "term.infinite v" = 0))
refused("no events are refused", "cox time=t event=e x=u", embed(transform(plain, e = 0)), "no row has the event")
refused("no predictor that varies is refused", "cox time=t event=e x=u", embed(transform(plain, u = 1)), "no predictor varies")
refused("proportional hazards of a monotone likelihood are refused", "cox_zph time=t event=e x=g", embed(monotone), "has no finite estimate")
