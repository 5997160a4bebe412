# Sourced by reference.R: linear and logistic models. glm's own stop leaves its estimates at about 1e-8; here it goes on to 1e-10 (not further: its tolerance of dependent columns is a thousandth of that).
begin("regression", "Linear and logistic regression")
term_names <- function(fit, d, x, cats) { # our names of R's coefficients
  unlist(c("(intercept)", lapply(x, function(v) if (v %in% cats) paste0(v, ": ", levels(factor(d[[v]]))[-1]) else v)))
}
model_data <- function(data, y, x, cats) { d <- data$d[complete.cases(data$d[, c(y, x)]), c(y, x)]; for (v in cats) d[[v]] <- factor(d[[v]]); d }
model_x <- function(data, x, cats) paste(vapply(x, function(v) if (v %in% cats) category(data, v) else v, ""), collapse = ",")
term_facts <- function(names, what) { facts <- list(); for (f in colnames(what)) for (i in seq_along(names)) facts[[paste0("term.", f, " ", names[i])]] <- what[i, f]; facts }
linear_case <- function(title, data, y, x, cats = character(0), level = 0.95) {
  d <- model_data(data, y, x, cats); fit <- lm(reformulate(sprintf("`%s`", x), sprintf("`%s`", y)), d); s <- summary(fit)
  all <- is.na(coef(fit)); t <- matrix(NA_real_, length(all), 4); t[!all, ] <- s$coefficients; ci <- confint(fit, level = level)
  facts <- cbind(value = t[, 1], se = t[, 2], statistic = t[, 3], p = t[, 4], low = ci[, 1], high = ci[, 2])
  case(paste("linear:", title), sprintf("linear outcome=%s x=%s level=%g", y, model_x(data, x, cats), level), data,
       c(list(n = nrow(d), dropped = nrow(data$d) - nrow(d), statistic = s$fstatistic[[1]], df = s$fstatistic[[2]], df2 = s$fstatistic[[3]], p = pf(s$fstatistic[[1]], s$fstatistic[[2]], s$fstatistic[[3]], lower.tail = FALSE),
              "number r squared" = s$r.squared, "number adjusted r squared" = s$adj.r.squared, "number sigma" = s$sigma), term_facts(term_names(fit, d, x, cats), facts)))
}
logistic_case <- function(title, data, y, x, cats = character(0), level = 0.95) {
  d <- model_data(data, y, x, cats); d[[y]] <- as.numeric(factor(d[[y]])) - 1
  f <- reformulate(sprintf("`%s`", x), sprintf("`%s`", y)); fit <- glm(f, binomial, d, epsilon = 1e-10, maxit = 100)
  fit <- glm(f, binomial, d, epsilon = 1e-10, maxit = 100, start = ifelse(is.na(coef(fit)), 0, coef(fit))); s <- summary(fit) # once more: standard errors at the estimate
  all <- is.na(coef(fit)); t <- matrix(NA_real_, length(all), 4); t[!all, ] <- s$coefficients; ci <- confint.default(fit, level = level)
  facts <- cbind(value = t[, 1], se = t[, 2], statistic = t[, 3], p = t[, 4], low = ci[, 1], high = ci[, 2], ratio = exp(t[, 1]), ratio_low = exp(ci[, 1]), ratio_high = exp(ci[, 2]))
  lr <- fit$null.deviance - fit$deviance; df <- fit$df.null - fit$df.residual
  case(paste("logistic:", title), sprintf("logistic outcome=%s x=%s level=%g", y, model_x(data, x, cats), level), data,
       c(list(n = nrow(d), dropped = nrow(data$d) - nrow(d), statistic = lr, df = df, p = pchisq(lr, df, lower.tail = FALSE), "number log likelihood" = as.numeric(logLik(fit)),
              "number null deviance" = fit$null.deviance, "number deviance" = fit$deviance, "number aic" = AIC(fit)), term_facts(term_names(fit, d, x, cats), facts)))
}
made <- function(n) {
  d <- data.frame(u = round(rnorm(n, 50, 12), 1), v = round(rexp(n), 3), g = factor(sample(c("none", "some", "much"), n, TRUE), levels = c("none", "some", "much")))
  d$y <- round(3 + 0.2 * d$u - d$v + 1.5 * (d$g == "much") + rnorm(n, 0, 3), 3)
  d$e <- rbinom(n, 1, plogis(-4 + 0.07 * d$u - 0.4 * d$v + 0.8 * (d$g == "much")))
  d
}
models <- made(80)
linear_case("one predictor", embed(models), "y", "u")
linear_case("two numbers and a category", embed(models), "y", c("u", "v", "g"), "g", 0.9)
linear_case("a category alone", embed(models), "y", "g", "g")
linear_case("missing values", embed(with_missing(models, 0.08)), "y", c("u", "v", "g"), "g")
linear_case("a dependent column is aliased", embed(transform(models, w = 2 * u - v)), "y", c("u", "v", "w", "g"), "g")
linear_case("scales far apart", embed(transform(models, u = u * 1e6, v = v * 1e-6)), "y", c("u", "v"))
linear_case("a column far from zero", embed(transform(models, u = u + 1e5)), "y", c("u", "v"))
linear_case("as many terms as rows but one", embed(models[1:5, ]), "y", c("u", "v"))
linear_case("albumin of pbc", pbc_set, "albumin", c("age", "bili", "protime", "sex", "stage"), c("sex", "stage"))
linear_case("birth weight", birthwt_set, "bwt", c("age", "lwt", "race", "smoke", "ht", "ui"), "race")
linear_case("weight loss of lung", lung_set, "wt.loss", c("age", "sex", "ph.ecog"), "ph.ecog")
linear_case("nodes of colon", colon_set, "nodes", c("age", "sex", "rx", "extent"), "rx")
logistic_case("one predictor", embed(models), "e", "u")
logistic_case("two numbers and a category", embed(models), "e", c("u", "v", "g"), "g", 0.9)
logistic_case("missing values", embed(with_missing(models, 0.08)), "e", c("u", "v", "g"), "g")
logistic_case("outcome coded 1 and 2", embed(transform(models, e = e + 1)), "e", c("u", "v"))
logistic_case("a dependent column is aliased", embed(transform(models, w = 2 * u - v)), "e", c("u", "v", "w"))
logistic_case("strong but not separated", embed(data.frame(e = c(0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1), u = c(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))), "e", "u")
logistic_case("low birth weight", birthwt_set, "low", c("age", "lwt", "race", "smoke", "ptl", "ht", "ui", "ftv"), "race")
logistic_case("low birth weight by smoking", birthwt_set, "low", "smoke")
logistic_case("ascites of pbc", pbc_set, "ascites", c("age", "bili", "albumin", "sex"), "sex")
logistic_case("status of lung", lung_set, "status", c("age", "sex", "ph.ecog", "wt.loss"))
logistic_case("status of colon", colon_set, "status", c("age", "sex", "rx", "nodes", "obstruct"), "rx")
separated <- data.frame(e = rep(0:1, each = 8), u = c(1:8, 10:17), v = round(rnorm(16), 2))
case("logistic: complete separation is found", "logistic outcome=e x=u", embed(separated), list(separated = 1, "term.infinite u" = 1, "term.value u" = Inf, "term.p u" = NA, "number deviance" = 0, note = "separation"))
quasi <- data.frame(e = c(0, 0, 1, 1, 0, 1, 1, 1, 0, 1, 0, 1), g = factor(rep(c("a", "b"), c(6, 6))), v = c(1.2, 0.3, 2.2, 1.9, 0.8, 0.4, 1.1, 2.5, 0.2, 1.7, 1.3, 0.6))
quasi$e[quasi$g == "b"] <- 1
case("logistic: quasi-complete separation is found, the other term is estimated", "logistic outcome=e x=g,v", embed(quasi),
     local({ inside <- glm(e ~ v, binomial, subset(quasi, g == "a"), epsilon = 1e-14); s <- summary(inside)$coefficients
       list(separated = 1, "term.infinite g: b" = 1, "term.value g: b" = Inf, "term.value v" = s[2, 1], "term.se v" = s[2, 2], "term.p v" = s[2, 4], note = "g: b") }))
refused("an outcome of three values is refused", "logistic outcome=g x=u", embed(models), "g has 3 values")
refused("an outcome of one value is refused", "logistic outcome=e x=u", embed(transform(models, e = 1)), "e has one value only")
refused("too few rows are refused", "linear outcome=y x=u,v", embed(models[1:3, ]), "3 rows are complete")
refused("no predictor that varies is refused", "linear outcome=y x=u", embed(transform(models[1:9, ], u = 4)), "no predictor varies")
refused("an outcome that does not vary is refused", "linear outcome=y x=u", embed(transform(models[1:9, ], y = 4)), "y has one value only")
