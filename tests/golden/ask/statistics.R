# Writes tests/golden/ask/statistics.txt: statistical questions as clinicians ask them, each with R's numbers for it. The analysis of each is
# written here by hand, from the files, not from the program. Usage: Rscript statistics.R FOLDER > statistics.txt; FOLDER has single/, nafld_multi/
# (with nafld2 as nafld2.csv), diabetic_data.csv, mimic3_demo/*.csv, heart_uci/ and demo/ (the synthetic hospital: demo-data --patients 1000).
# A line: DATASET | QUESTION | TEST (or a status) | key=value …; keys: n, value, and statistics[0]'s statistic, df, p, estimate, low, high; term:NAME:KEY a
# coefficient's; cell:ROW:COLUMN a cell of the printed table, whose row begins with ROW.
suppressMessages(library(survival))
options(digits = 15)
if (commandArgs(TRUE)[1] == "--data") { # trial.csv, anorexia.csv: data that the file's cases of pairs are about
  set.seed(20260103); n <- 110
  t <- data.frame(patient_id = 1000 + seq_len(n), sex = sample(c("F", "M"), n, TRUE), age = round(rnorm(n, 58, 11)), arm = sample(c("A", "B", "C"), n, TRUE, c(.45, .35, .2)), stringsAsFactors = FALSE)
  t$sbp_pre <- round(rnorm(n, 148, 14)); t$sbp_post <- round(t$sbp_pre - rnorm(n, 4, 12))
  t$weight_0 <- round(rnorm(n, 82, 13), 1); t$weight_6 <- round(t$weight_0 - rnorm(n, 1, 3), 1); t$weight_12 <- round(t$weight_6 - rnorm(n, .4, 3), 1)
  t$pain_score_baseline <- sample(0:4, n, TRUE, c(1, 2, 3, 3, 1)); t$pain_score_followup <- pmax(0, t$pain_score_baseline - sample(-1:2, n, TRUE))
  t$smoker_before <- sample(c("no", "yes"), n, TRUE, c(.6, .4)); t$smoker_after <- ifelse(t$smoker_before == "yes" & runif(n) < .3, "no", ifelse(t$smoker_before == "no" & runif(n) < .05, "yes", t$smoker_before))
  t$crp_before <- round(exp(rnorm(n, 2, .8)), 1); t$crp_after <- round(t$crp_before * exp(rnorm(n, -.2, .6)), 1)
  for (column in c("sbp_post", "weight_6", "weight_12", "pain_score_followup", "smoker_after", "crp_after")) t[[column]][sample(n, 8)] <- NA
  write.csv(t, file.path(commandArgs(TRUE)[2], "trial.csv"), row.names = FALSE, na = "", quote = FALSE)
  write.csv(cbind(girl = seq_len(nrow(MASS::anorexia)), MASS::anorexia), file.path(commandArgs(TRUE)[2], "anorexia.csv"), row.names = FALSE, quote = FALSE)
  quit(status = 0)
}
folder <- commandArgs(TRUE)[1]
path <- function(...) file.path(folder, ...)
number <- function(x) ifelse(is.na(x), "NA", formatC(x, digits = 12, width = 1, format = "g"))
shown <- function(x) { y <- suppressWarnings(as.numeric(x)); if (is.na(y)) as.character(x) else number(y) }
case <- function(data, question, test, ...) {
  values <- list(...)
  values <- values[!vapply(values, is.null, TRUE)]
  flat <- unlist(values)
  cat(data, " | ", question, " | ", test, " | ", paste(names(flat), vapply(flat, shown, ""), sep = "=", collapse = "; "), "\n", sep = "")
}
welch <- function(x, g) { t <- t.test(x ~ g); list(n = sum(!is.na(x) & !is.na(g)), statistic = t$statistic[[1]], df = t$parameter[[1]], p = t$p.value, estimate = t$estimate[[1]] - t$estimate[[2]], low = t$conf.int[1], high = t$conf.int[2]) }
ranks <- function(x, g) { t <- suppressWarnings(wilcox.test(x ~ g)); list(n = sum(!is.na(x) & !is.na(g)), statistic = t$statistic[[1]], p = t$p.value) }
kruskal <- function(x, g) { t <- kruskal.test(x, factor(g)); list(n = sum(!is.na(x) & !is.na(g)), statistic = t$statistic[[1]], df = t$parameter[[1]], p = t$p.value) }
anova_ <- function(x, g) { t <- anova(lm(x ~ factor(g))); list(n = sum(!is.na(x) & !is.na(g)), statistic = t$`F value`[1], p = t$`Pr(>F)`[1]) }
welch_anova <- function(x, g) { t <- oneway.test(x ~ factor(g)); list(n = sum(!is.na(x) & !is.na(g)), statistic = t$statistic[[1]], p = t$p.value) }
chi <- function(a, b) { t <- suppressWarnings(chisq.test(table(a, b))); list(n = sum(!is.na(a) & !is.na(b)), statistic = t$statistic[[1]], df = t$parameter[[1]], p = t$p.value) }
fisher <- function(a, b) { t <- fisher.test(table(a, b), workspace = 2e7); list(n = sum(!is.na(a) & !is.na(b)), p = t$p.value) }
pearson <- function(x, y) { t <- cor.test(x, y); list(n = sum(!is.na(x) & !is.na(y)), value = t$estimate[[1]], p = t$p.value, low = t$conf.int[1], high = t$conf.int[2]) }
spearman <- function(x, y) { t <- suppressWarnings(cor.test(x, y, method = "spearman")); list(n = sum(!is.na(x) & !is.na(y)), value = t$estimate[[1]], p = t$p.value) }
# name: how the program calls R's coefficient
terms_of <- function(names, table, ratio) {
  out <- list()
  for (i in seq_along(names)) {
    out[[paste0("term:", names[i], ":", if (ratio) "ratio" else "estimate")]] <- if (ratio) exp(table[i, 1]) else table[i, 1]
    out[[paste0("term:", names[i], ":p")]] <- table[i, ncol(table)]
  }
  out
}
cox <- function(formula, data, names) {
  fit <- coxph(formula, data, control = coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)); s <- summary(fit)
  c(list(n = s$n, statistic = s$logtest[["test"]], df = s$logtest[["df"]], p = s$logtest[["pvalue"]]), terms_of(names, s$coefficients, TRUE))
}
logistic <- function(formula, data, names) {
  fit <- glm(formula, binomial, data, epsilon = 1e-14, maxit = 100); s <- summary(fit)
  c(list(n = nobs(fit), statistic = fit$null.deviance - fit$deviance, df = fit$df.null - fit$df.residual), terms_of(names, s$coefficients[-1, , drop = FALSE], TRUE))
}
linear <- function(formula, data, names) {
  fit <- lm(formula, data); s <- summary(fit)
  c(list(n = nobs(fit), statistic = s$fstatistic[[1]], estimate = s$r.squared), terms_of(names, s$coefficients[-1, , drop = FALSE], FALSE))
}
logrank <- function(formula, data, groups = NULL) {
  d <- survdiff(formula, data); k <- length(d$n) - 1; out <- list(n = sum(d$n), statistic = d$chisq, df = k, p = pchisq(d$chisq, k, lower.tail = FALSE))
  m <- summary(survfit(formula, data))$table
  for (i in seq_along(groups)) { out[[paste0("cell:", groups[i], ":events")]] <- m[i, "events"]; out[[paste0("cell:", groups[i], ":median")]] <- m[i, "median"] }
  out
}
curve <- function(formula, data, at = NULL) {
  f <- survfit(formula, data); m <- summary(f)$table
  if (is.null(at)) return(list(n = m[["records"]], value = m[["median"]], "cell:all:events" = m[["events"]]))
  s <- summary(f, times = at); list(n = m[["records"]], value = s$surv, "cell:all:survival_low" = s$lower, "cell:all:survival_high" = s$upper)
}
first_of <- function(data, id, ...) { data <- data[order(...), ]; data[!duplicated(data[[id]]), ] }

# ---- pbc: one row for each patient; status 2 is death, 1 a transplant -------------------------------------------------------------------------
pbc <- read.csv(path("single", "pbc.csv")); pbc$dead <- pbc$status == 2
do <- function(...) do.call(case, c(list(...)[1:3], unlist(list(...)[-(1:3)], recursive = FALSE)))
do("pbc", "is there a difference in bili between treatments?", "Welch two-sample t-test", welch(pbc$bili, pbc$trt))
do("pbc", "compare age by sex", "Welch two-sample t-test", welch(pbc$age, pbc$sex))
do("pbc", "does albumin differ between men and women?", "Welch two-sample t-test", welch(pbc$albumin, pbc$sex))
do("pbc", "is there a significant difference in protime between treatment groups", "Welch two-sample t-test", welch(pbc$protime, pbc$trt))
do("pbc", "compare median bilirubin by sex", "Mann–Whitney test", ranks(pbc$bili, pbc$sex))
do("pbc", "compare cholesterol between men and women over 50", "Mann–Whitney test", ranks(pbc$chol[pbc$age > 50], pbc$sex[pbc$age > 50]))
do("pbc", "compare bili by sex in patients with ascites", "Mann–Whitney test", ranks(pbc$bili[which(pbc$ascites == 1)], pbc$sex[which(pbc$ascites == 1)]))
do("pbc", "is bili different between patients with ascites and patients without ascites", "Mann–Whitney test", ranks(pbc$bili, pbc$ascites))
do("pbc", "compare platelet by stage", "Kruskal–Wallis test", kruskal(pbc$platelet, pbc$stage))
do("pbc", "is bilirubin associated with stage", "Kruskal–Wallis test", kruskal(pbc$bili, pbc$stage))
do("pbc", "does stage differ by sex", "Mann–Whitney test", ranks(pbc$stage, pbc$sex))
do("pbc", "is stage associated with sex", "Fisher's exact test", fisher(pbc$stage, pbc$sex))
do("pbc", "is ascites associated with sex?", "Fisher's exact test", fisher(pbc$ascites, pbc$sex))
do("pbc", "is spiders related to treatment", "χ² test", chi(pbc$spiders, pbc$trt))
do("pbc", "is hepatomegaly more common in men than women", "χ² test", chi(pbc$hepato, pbc$sex))
do("pbc", "correlation between age and albumin", "Pearson's correlation", pearson(pbc$age, pbc$albumin))
do("pbc", "correlation between age and chol", "Spearman's rank correlation", spearman(pbc$age, pbc$chol))
do("pbc", "is bilirubin correlated with copper", "Spearman's rank correlation", spearman(pbc$bili, pbc$copper))
women <- subset(pbc, sex == "f")
do("pbc", "correlation between age and albumin in women", "Pearson's correlation", pearson(women$age, women$albumin))
do("pbc", "is mortality associated with ascites", "log-rank test", logrank(Surv(time, dead) ~ ascites, pbc, c("0", "1")))
do("pbc", "survival by treatment", "log-rank test", logrank(Surv(time, dead) ~ trt, pbc, c("1", "2")))
do("pbc", "does survival differ between men and women", "log-rank test", logrank(Surv(time, dead) ~ sex, pbc, c("f", "m")))
do("pbc", "Kaplan-Meier of survival by edema", "log-rank test", logrank(Surv(time, dead) ~ edema, pbc, c("0", "0.5", "1")))
do("pbc", "survival of patients with ascites by treatment", "log-rank test", logrank(Surv(time, dead) ~ trt, subset(pbc, ascites == 1), c("1", "2")))
do("pbc", "median survival", "Kaplan–Meier estimate", curve(Surv(time, dead) ~ 1, pbc))
do("pbc", "median survival in women", "Kaplan–Meier estimate", curve(Surv(time, dead) ~ 1, women))
do("pbc", "5-year survival", "Kaplan–Meier estimate", curve(Surv(time, dead) ~ 1, pbc, 5 * 365.25))
do("pbc", "what is the 10-year survival in men?", "Kaplan–Meier estimate", curve(Surv(time, dead) ~ 1, subset(pbc, sex == "m"), 10 * 365.25))
do("pbc", "what predicts death: age, bili, albumin, protime", "Cox regression", cox(Surv(time, dead) ~ age + bili + albumin + protime, pbc, c("age", "bili", "albumin", "protime")))
do("pbc", "effect of trt on survival adjusted for age and sex", "Cox regression", cox(Surv(time, dead) ~ factor(trt) + age + sex, pbc, c("trt: 2", "age", "sex: m")))
do("pbc", "is age associated with death", "Cox regression", cox(Surv(time, dead) ~ age, pbc, "age"))
do("pbc", "are age, bili and albumin associated with death", "Cox regression", cox(Surv(time, dead) ~ age + bili + albumin, pbc, c("age", "bili", "albumin")))
do("pbc", "predictors of death in women: age, bili", "Cox regression", cox(Surv(time, dead) ~ age + bili, women, c("age", "bili")))
do("pbc", "odds of ascites by sex", "logistic regression", logistic(ascites ~ sex, pbc, "sex: m"))
do("pbc", "does age predict ascites", "logistic regression", logistic(ascites ~ age, pbc, "age"))
do("pbc", "risk factors for ascites: age, albumin, bili", "logistic regression", logistic(ascites ~ age + albumin + bili, pbc, c("age", "albumin", "bili")))
do("pbc", "predictors of albumin: age, bili, sex", "linear regression", linear(albumin ~ age + bili + sex, pbc, c("age", "bili", "sex: m")))
do("pbc", "is albumin normally distributed", "Shapiro–Wilk test", list(n = 418, statistic = shapiro.test(pbc$albumin)$statistic[[1]], p = shapiro.test(pbc$albumin)$p.value))
full <- coxph(Surv(time, dead) ~ factor(trt) + age + sex + factor(ascites) + factor(hepato) + factor(spiders) + edema + bili + chol + albumin + copper + alk.phos + ast + trig + platelet + protime + factor(stage), pbc)
do("pbc", "what predicts death", "Cox regression", list(n = full$n, statistic = summary(full)$logtest[["test"]], df = 19, "term:age:ratio" = exp(coef(full)[["age"]]), "term:protime:ratio" = exp(coef(full)[["protime"]])))
known <- subset(pbc, !is.na(trt))
do("pbc", "table 1 by treatment", "standardised mean differences", list(n = nrow(known), "cell:n:trt = 1" = sum(known$trt == 1), "cell:age, mean (SD):trt = 1" = sprintf("%.2f (%.2f)", mean(known$age[known$trt == 1]), sd(known$age[known$trt == 1])),
  "cell:albumin, mean (SD):trt = 2" = sprintf("%.2f (%.3f)", mean(known$albumin[known$trt == 2]), sd(known$albumin[known$trt == 2])),
  "cell:sex, n (%):all" = sprintf("%d (%.1f %%)", sum(known$sex == "f"), 100 * mean(known$sex == "f")),
  "cell:bili, median [q1, q3]:trt = 1" = sprintf("%.2f [%.3f, %.2f]", median(known$bili[known$trt == 1]), quantile(known$bili[known$trt == 1], .25), quantile(known$bili[known$trt == 1], .75))))
do("pbc", "baseline characteristics by sex with p-values", "standardised mean differences, and a test for each", list(n = 418, "cell:age, mean (SD):p" = t.test(age ~ sex, pbc)$p.value, "cell:bili, median [q1, q3]:p" = wilcox.test(bili ~ sex, pbc)$p.value))
dead5 <- curve(Surv(time, dead) ~ 1, pbc, 5 * 365.25)
do("pbc", "5-year mortality", "Kaplan–Meier estimate", list(n = 418, value = 1 - dead5$value, "cell:all:mortality_low" = 1 - dead5[["cell:all:survival_high"]]))
stage4 <- summary(survfit(Surv(time, dead) ~ 1, subset(pbc, stage == 4)), times = 365.25)
do("pbc", "1 year mortality by stage", "log-rank test", c(logrank(Surv(time, dead) ~ stage, pbc), list("cell:4:mortality" = 1 - stage4$surv)))
do("pbc", "do women live longer than men", "log-rank test", logrank(Surv(time, dead) ~ sex, pbc, c("f", "m")))
do("pbc", "cox regression of survival on age, sex and bili", "Cox regression", cox(Surv(time, dead) ~ age + sex + bili, pbc, c("age", "sex: m", "bili")))
do("pbc", "logistic regression of ascites on age and sex", "logistic regression", logistic(ascites ~ age + sex, pbc, c("age", "sex: m")))
do("pbc", "does bilirubin independently predict death after adjusting for age", "Cox regression", cox(Surv(time, dead) ~ bili + age, pbc, c("bili", "age")))
do("pbc", "how does bili correlate with albumin", "Spearman's rank correlation", spearman(pbc$bili, pbc$albumin))
do("pbc", "is albumin lower in patients with ascites than in those without?", "Mann–Whitney test", ranks(pbc$albumin, pbc$ascites))
case("pbc", "compare bili", "refused", list())
case("pbc", "compare shoe size by sex", "refused", list())
case("pbc", "what is the effect of aspirin on survival", "refused", list())
case("pbc", "20-year survival", "refused", list())
case("pbc", "is sex normally distributed", "refused", list())

# ---- nafld: patients, laboratory values, events -----------------------------------------------------------------------------------------------
n1 <- read.csv(path("nafld_multi", "nafld1.csv")); n2 <- read.csv(path("nafld_multi", "nafld2.csv")); n3 <- read.csv(path("nafld_multi", "nafld3.csv"))
n1$diabetes <- n1$id %in% n3$id[n3$event == "diabetes"]; n1$stroke <- n1$id %in% n3$id[n3$event == "stroke"]; n1$htn <- n1$id %in% n3$id[n3$event == "htn"]
hdl <- tapply(n2$value[n2$test == "hdl"], n2$id[n2$test == "hdl"], mean); n1$hdl <- hdl[as.character(n1$id)]
do("nafld", "does bmi differ between men and women", "Welch two-sample t-test", welch(n1$bmi, n1$male))
do("nafld", "compare age between patients with and without diabetes", "Welch two-sample t-test", welch(n1$age, n1$diabetes))
do("nafld", "compare hdl between men and women", "Welch two-sample t-test", welch(n1$hdl, n1$male))
do("nafld", "is stroke associated with htn", "χ² test", chi(n1$stroke, n1$htn))
do("nafld", "is diabetes associated with sex", "χ² test", chi(n1$diabetes, n1$male))
do("nafld", "correlation between age and bmi", "Spearman's rank correlation", spearman(n1$age, n1$bmi))
do("nafld", "correlation between age and hdl", "Spearman's rank correlation", spearman(n1$age, n1$hdl))
do("nafld", "is bmi related to height", "Spearman's rank correlation", spearman(n1$bmi, n1$height))
n1$nafld <- n1$id %in% n3$id[n3$event == "nafld"]
do("nafld", "does nafld increase mortality", "Cox regression", cox(Surv(futime, status) ~ nafld, n1, "nafld: yes"))
do("nafld", "is htn associated with death adjusting for age and sex", "Cox regression", cox(Surv(futime, status) ~ htn + age + factor(male), n1, c("htn: yes", "age", "male: 1")))
do("nafld", "survival by male", "log-rank test", logrank(Surv(futime, status) ~ male, n1, c("0", "1")))
do("nafld", "is death associated with diabetes", "log-rank test", logrank(Surv(futime, status) ~ diabetes, n1, c("no", "yes")))
do("nafld", "10 year survival", "Kaplan–Meier estimate", curve(Surv(futime, status) ~ 1, n1, 3652.5))
do("nafld", "5 year survival of men with diabetes", "Kaplan–Meier estimate", curve(Surv(futime, status) ~ 1, subset(n1, male == 1 & diabetes), 5 * 365.25))
do("nafld", "predictors of death: age, male, bmi", "Cox regression", cox(Surv(futime, status) ~ age + factor(male) + bmi, n1, c("age", "male: 1", "bmi")))
do("nafld", "predictors of bmi: age, male", "linear regression", linear(bmi ~ age + factor(male), n1, c("age", "male: 1")))
do("nafld", "table 1 by male", "standardised mean differences", list(n = nrow(n1), "cell:age, mean (SD):male = 0" = sprintf("%.2f (%.2f)", mean(n1$age[n1$male == 0]), sd(n1$age[n1$male == 0]))))

# ---- diabetes130: the encounter with the lowest id of each patient ------------------------------------------------------------------------------
d <- read.csv(path("diabetic_data.csv"), na.strings = "?", stringsAsFactors = FALSE); d <- first_of(d, "patient_nbr", d$encounter_id)
d$gender[d$gender == "Unknown/Invalid"] <- NA; d$again <- d$readmitted != "NO"; d$soon <- d$readmitted == "<30"
bands <- paste0("age: [", seq(10, 90, 10), "-", seq(20, 100, 10), ")")
do("diabetes130", "compare time in hospital by gender", "Welch two-sample t-test", welch(d$time_in_hospital, d$gender))
do("diabetes130", "compare number of diagnoses between men and women", "Welch two-sample t-test", welch(d$number_diagnoses, d$gender))
do("diabetes130", "does number of medications differ by race", "Welch's analysis of variance", welch_anova(d$num_medications, d$race))
do("diabetes130", "is readmission associated with insulin", "χ² test", chi(d$readmitted, d$insulin))
do("diabetes130", "is readmission within 30 days associated with insulin", "χ² test", chi(d$soon, d$insulin))
do("diabetes130", "is change associated with readmission", "χ² test", chi(d$change, d$readmitted))
do("diabetes130", "is A1Cresult associated with readmission", "χ² test", chi(d$A1Cresult, d$readmitted))
do("diabetes130", "correlation between num_medications and time_in_hospital", "Spearman's rank correlation", spearman(d$num_medications, d$time_in_hospital))
do("diabetes130", "predictors of readmission: age, gender, time_in_hospital", "logistic regression", logistic(again ~ age + gender + time_in_hospital, d, c(bands, "gender: Male", "time_in_hospital")))
do("diabetes130", "predictors of 30-day readmission: age, gender, time_in_hospital", "logistic regression", logistic(soon ~ age + gender + time_in_hospital, d, c(bands, "gender: Male", "time_in_hospital")))
do("diabetes130", "odds of readmission by gender", "logistic regression", logistic(again ~ gender, d, "gender: Male"))
do("diabetes130", "predictors of time in hospital: num_medications, number_diagnoses", "linear regression", linear(time_in_hospital ~ num_medications + number_diagnoses, d, c("num_medications", "number_diagnoses")))
do("diabetes130", "does insulin reduce readmission", "logistic regression", logistic(again ~ insulin, d, c("insulin: No", "insulin: Steady", "insulin: Up")))
case("diabetes130", "what predicts readmission", "asked_back", list())
case("diabetes130", "survival by gender", "refused", list())

# ---- MIMIC-III demo: the first admission, each patient's mean of a laboratory value ---------------------------------------------------------------
read <- function(name) { x <- read.csv(path("mimic3_demo", paste0(name, ".csv")), stringsAsFactors = FALSE, colClasses = if (name %in% c("DIAGNOSES_ICD", "D_ICD_DIAGNOSES")) "character" else NA); names(x) <- tolower(names(x)); x }
patients <- read("PATIENTS"); adm <- read("ADMISSIONS"); labs <- read("LABEVENTS"); items <- read("D_LABITEMS"); dx <- read("DIAGNOSES_ICD"); titles <- read("D_ICD_DIAGNOSES"); icu <- read("ICUSTAYS")
when <- function(x) as.POSIXct(x, tz = "UTC")
adm <- first_of(adm, "subject_id", when(adm$admittime), adm$row_id); adm$los <- as.numeric(difftime(when(adm$dischtime), when(adm$admittime), units = "days"))
adm <- merge(adm, patients[c("subject_id", "gender", "dod", "dob")], by = "subject_id")
with_dx <- function(word) unique(dx$subject_id[dx$icd9_code %in% titles$icd9_code[grepl(word, titles$long_title, ignore.case = TRUE)]])
adm$diabetes <- adm$subject_id %in% with_dx("diabetes"); adm$sepsis <- adm$subject_id %in% with_dx("\\bsepsis\\b")
lab <- function(label) { x <- labs[labs$itemid %in% items$itemid[items$label == label] & !is.na(labs$valuenum), ]; m <- tapply(x$valuenum, x$subject_id, mean); m[as.character(adm$subject_id)] }
adm$creatinine <- lab("Creatinine"); adm$glucose <- lab("Glucose"); adm$bun <- lab("Urea Nitrogen"); adm$hb <- lab("Hemoglobin")
adm$days <- as.numeric(as.Date(substr(adm$dod, 1, 10)) - as.Date(substr(adm$admittime, 1, 10)))
icu <- first_of(icu, "subject_id", when(icu$intime), icu$row_id); icu$days <- as.numeric(difftime(when(icu$outtime), when(icu$intime), units = "days"))
do("mimic", "compare length of stay by insurance", "Kruskal–Wallis test", kruskal(adm$los, adm$insurance))
do("mimic", "compare length of stay by admission type", "Kruskal–Wallis test", kruskal(adm$los, adm$admission_type))
do("mimic", "compare length of icu stay by first careunit", "Kruskal–Wallis test", kruskal(icu$days, icu$first_careunit))
do("mimic", "does creatinine differ between men and women", "Welch two-sample t-test", welch(adm$creatinine, adm$gender))
do("mimic", "compare hemoglobin between men and women", "Welch two-sample t-test", welch(adm$hb, adm$gender))
do("mimic", "compare glucose between patients with and without diabetes", "Welch two-sample t-test", welch(adm$glucose, adm$diabetes))
do("mimic", "correlation between creatinine and urea nitrogen", "Spearman's rank correlation", spearman(adm$creatinine, adm$bun))
do("mimic", "is in hospital mortality associated with sepsis", "χ² test", chi(adm$hospital_expire_flag, adm$sepsis))
do("mimic", "is in hospital mortality associated with sex", "χ² test", chi(adm$hospital_expire_flag, adm$gender))
do("mimic", "in hospital mortality by insurance", "Fisher's exact test", fisher(adm$hospital_expire_flag, adm$insurance))
do("mimic", "survival by gender", "log-rank test", logrank(Surv(days, rep(1, nrow(adm))) ~ gender, adm, c("F", "M")))
do("mimic", "median survival", "Kaplan–Meier estimate", curve(Surv(days, rep(1, nrow(adm))) ~ 1, adm))
do("mimic", "predictors of death in hospital: gender, creatinine", "logistic regression", logistic(hospital_expire_flag ~ gender + creatinine, adm, c("gender: M", "creatinine")))
do("mimic", "what is the effect of heparin on mortality", "log-rank test", logrank(Surv(days, rep(1, nrow(adm))) ~ heparin, transform(adm, heparin = subject_id %in% read("PRESCRIPTIONS")$subject_id[read("PRESCRIPTIONS")$drug == "Heparin"]), c("no", "yes")))
case("mimic", "survival of patients with sepsis by gender", "asked_back", list())
do("mimic", "survival of patients with sepsis by gender, counted from the first admission", "log-rank test", logrank(Surv(days, rep(1, sum(adm$sepsis))) ~ gender, adm[adm$sepsis, ], c("F", "M")))
case("mimic", "what predicts death in hospital", "refused", list())
case("mimic", "is shoe size associated with death", "refused", list())

# ---- the synthetic hospital: its first admission of each patient, dates of death, the latest day of the data ---------------------------------------
demo <- function(name) read.csv(path("demo", paste0(name, ".csv")), stringsAsFactors = FALSE, colClasses = if (name %in% c("diagnoses", "icd_codes")) "character" else NA)
people <- demo("patients"); stays <- demo("admissions"); tests <- demo("labs"); what <- demo("lab_items"); ill <- demo("diagnoses"); codes <- demo("icd_codes"); drugs <- demo("prescriptions")
day <- function(x) as.Date(substr(x, 1, 10))
last <- max(day(stays$admit_time), day(tests$chart_time), day(drugs$start_date), day(demo("transfers")$in_time), day(demo("procedures")$performed_on), na.rm = TRUE)
a1c <- tests[tests$item_id %in% what$item_id[what$label == "Hemoglobin A1c"] & !is.na(tests$value_num), ]; a1c <- tapply(a1c$value_num, a1c$patient_id, mean)
people$a1c <- a1c[as.character(people$patient_id)]
people$diabetes <- people$patient_id %in% ill$patient_id[ill$icd_code %in% codes$code[grepl("diabetes", codes$title, ignore.case = TRUE)]]
stays <- first_of(stays, "patient_id", when(stays$admit_time), stays$admission_id); stays <- merge(stays, people, by = "patient_id")
stays$los <- as.numeric(difftime(when(stays$discharge_time), when(stays$admit_time), units = "days"))
stays$age <- { a <- as.POSIXlt(day(stays$admit_time)); b <- as.POSIXlt(day(stays$birth_date)); a$year - b$year - ((a$mon < b$mon) | (a$mon == b$mon & a$mday < b$mday)) }
stays$dead <- !is.na(stays$death_date) & stays$death_date != ""
end <- rep(last, nrow(stays)); end[stays$dead] <- day(stays$death_date[stays$dead])
stays$days <- as.numeric(end - day(stays$admit_time))
do("demo", "compare age between men and women", "Welch two-sample t-test", welch(stays$age, stays$sex))
do("demo", "compare hemoglobin a1c between patients with and without diabetes", "Welch two-sample t-test", welch(people$a1c, people$diabetes))
do("demo", "is hemoglobin a1c higher in men than women", "Welch two-sample t-test", welch(people$a1c, people$sex))
do("demo", "compare length of stay by admission type", "Welch's analysis of variance", welch_anova(stays$los, stays$admission_type))
do("demo", "correlation between age and hemoglobin a1c", "Pearson's correlation", pearson(stays$age, stays$a1c))
do("demo", "survival by sex", "log-rank test", logrank(Surv(days, dead) ~ sex, stays, c("F", "M")))
do("demo", "1-year survival", "Kaplan–Meier estimate", curve(Surv(days, dead) ~ 1, stays, 365.25))
do("demo", "predictors of death: age, sex", "Cox regression", cox(Surv(days, dead) ~ age + sex, stays, c("age", "sex: M")))

# ---- colon: two rows of each patient, of recurrence and of death; heart; a trial of indometacin; pbc's visits ---------------------------------------
colon_ <- read.csv(path("single", "colon.csv")); death <- subset(colon_, etype == 2)
do("colon", "survival by rx with etype 2", "log-rank test", logrank(Surv(time, status) ~ rx, death, c("Lev", "Lev+5FU", "Obs")))
do("colon", "effect of rx on survival adjusted for age and sex with etype 2", "Cox regression", cox(Surv(time, status) ~ rx + age + factor(sex), death, c("rx: Lev+5FU", "rx: Obs", "age", "sex: 1")))
do("colon", "compare age by rx", "analysis of variance", anova_(death$age, death$rx))
case("colon", "survival by rx", "asked_back", list())
indo <- read.csv(path("single", "indo_rct.csv"), stringsAsFactors = FALSE)
do("indo_rct", "is outcome associated with rx", "χ² test", chi(indo$outcome, indo$rx))
do("indo_rct", "predictors of outcome: age, gender, rx", "logistic regression", logistic(outcome == "1_yes" ~ age + gender + rx, indo, c("age", "gender: 2_male", "rx: 1_indomethacin")))
seq_ <- read.csv(path("single", "pbcseq.csv")); seq_ <- first_of(seq_, "id", seq_$day)
do("pbcseq", "compare bili by trt", "Welch two-sample t-test", welch(seq_$bili, seq_$trt))
do("pbcseq", "survival by trt", "log-rank test", logrank(Surv(futime, status == 2) ~ trt, seq_, c("0", "1")))
heart <- read.csv(path("heart_uci", "processed.cleveland.data"), na.strings = c("?", ""))
do("heart", "compare thalach by sex", "Welch two-sample t-test", welch(heart$thalach, heart$sex))
do("heart", "correlation between age and thalach", "Pearson's correlation", pearson(heart$age, heart$thalach))
do("heart", "predictors of target: age, sex, chol", "logistic regression", logistic(target > 0 ~ age + factor(sex) + chol, heart, c("age", "sex: 1", "chol")))

# ---- the same patients twice or more: each patient's complete pairs, the later value less the earlier ------------------------------------------------
# trial.csv and anorexia.csv beside this file: a made trial (statistics.R --data FOLDER writes both) and MASS's girls.
pairs_t <- function(before, after) { t <- t.test(after, before, paired = TRUE); list(n = sum(is.finite(before) & is.finite(after)), statistic = t$statistic[[1]], df = t$parameter[[1]], p = t$p.value, estimate = t$estimate[[1]], low = t$conf.int[1], high = t$conf.int[2]) }
pairs_ranks <- function(before, after) {
  ok <- is.finite(before) & is.finite(after); d <- (after - before)[ok]; d <- d[d != 0]
  means <- outer(d, d, "+"); means <- means[!lower.tri(means)] / 2
  t <- suppressWarnings(wilcox.test(after, before, paired = TRUE)); list(n = sum(ok), statistic = t$statistic[[1]], p = t$p.value, estimate = median(means))
}
pairs_answers <- function(before, after) {
  ok <- !is.na(before) & !is.na(after); t <- table(before[ok], after[ok])
  if (t[1, 2] + t[2, 1] < 25) return(list(n = sum(ok), p = binom.test(t[1, 2], t[1, 2] + t[2, 1])$p.value))
  m <- mcnemar.test(t); list(n = sum(ok), statistic = m$statistic[[1]], df = m$parameter[[1]], p = m$p.value)
}
several <- function(...) { m <- cbind(...); m <- m[complete.cases(m), ]; t <- friedman.test(m); list(n = nrow(m), statistic = t$statistic[[1]], df = t$parameter[[1]], p = t$p.value, estimate = t$statistic[[1]] / (nrow(m) * (ncol(m) - 1))) }
# Rows of a measure: each patient's mean of the first moment, of the last that is later, of the one nearest to a span after the first.
moments <- function(id, time, value, span = NA) {
  ok <- !is.na(id) & !is.na(time) & is.finite(value); rows <- split(data.frame(time = time[ok], value = value[ok]), id[ok])
  first <- sapply(rows, function(r) mean(r$value[r$time == min(r$time)]))
  second <- sapply(rows, function(r) {
    from <- min(r$time); later <- r[r$time > from, ]
    if (is.na(span)) return(if (nrow(later) == 0) NA else mean(later$value[later$time == max(later$time)]))
    off <- later$time - from; near <- later[off >= 0.75 * span & off <= 1.25 * span, ]
    if (nrow(near) == 0) NA else mean(near$value[abs(near$time - from - span) == min(abs(near$time - from - span))])
  })
  data.frame(id = names(rows), first = first, second = second)
}
beside <- function(name) read.csv(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)[1])), name), stringsAsFactors = FALSE, na.strings = c("", "NA"))
trial <- beside("trial.csv"); girls <- beside("anorexia.csv")
do("trial", "did sbp change between before and after?", "paired t-test", pairs_t(trial$sbp_pre, trial$sbp_post))
do("trial", "compare sbp_pre and sbp_post", "paired t-test", pairs_t(trial$sbp_pre, trial$sbp_post))
do("trial", "is sbp after treatment different from sbp before in women", "paired t-test", with(subset(trial, sex == "F"), pairs_t(sbp_pre, sbp_post)))
do("trial", "did systolic blood pressure change from pre to post", "paired t-test", pairs_t(trial$sbp_pre, trial$sbp_post))
do("trial", "compare weight at baseline and month 12", "paired t-test", pairs_t(trial$weight_0, trial$weight_12))
do("trial", "did weight change over time", "Friedman test", several(trial$weight_0, trial$weight_6, trial$weight_12))
do("trial", "compare weight at 0, 6 and 12 months", "Friedman test", several(trial$weight_0, trial$weight_6, trial$weight_12))
do("trial", "change in weight between month 6 and month 12", "paired t-test", pairs_t(trial$weight_6, trial$weight_12))
do("trial", "did the pain score change from baseline to follow-up", "Wilcoxon signed rank test", pairs_ranks(trial$pain_score_baseline, trial$pain_score_followup))
do("trial", "did smoking change between before and after", "McNemar's test", pairs_answers(trial$smoker_before, trial$smoker_after))
do("trial", "median change in crp before and after in arm C", "Wilcoxon signed rank test", with(subset(trial, arm == "C"), pairs_ranks(crp_before, crp_after)))
do("trial", "paired t test of sbp_post and sbp_pre", "paired t-test", pairs_t(trial$sbp_pre, trial$sbp_post))
do("anorexia", "did weight change before and after", "paired t-test", pairs_t(girls$Prewt, girls$Postwt))
do("anorexia", "prewt versus postwt in treatment FT", "paired t-test", with(subset(girls, Treat == "FT"), pairs_t(Prewt, Postwt)))
visits <- read.csv(path("single", "pbcseq.csv")); of <- function(column, rows = visits, span = NA) moments(rows$id, rows$day, rows[[column]], span)
do("pbcseq", "first and last bili", "paired t-test", with(of("bili"), pairs_t(first, second)))
do("pbcseq", "did albumin change from the first to the last visit", "paired t-test", with(of("albumin"), pairs_t(first, second)))
do("pbcseq", "change in bili from baseline to month 12", "paired t-test", with(of("bili", span = 365.25), pairs_t(first, second)))
do("pbcseq", "compare albumin at baseline and 2 years in women", "paired t-test", with(of("albumin", subset(visits, sex == "f"), 2 * 365.25), pairs_t(first, second)))
do("pbcseq", "did platelet change over time", "paired t-test", with(of("platelet"), pairs_t(first, second)))
do("pbcseq", "did ascites change between the first and last visit", "McNemar's test", with(of("ascites"), pairs_answers(first, second)))

sugar <- subset(n2, test == "hdl"); do("nafld", "first and last hdl", "paired t-test", with(moments(sugar$id, sugar$days, sugar$value), pairs_t(first, second)))
sugar <- subset(sugar, id %in% n1$id[n1$male == 1]); do("nafld", "did hdl change between the first and the last measurement in men", "paired t-test", with(moments(sugar$id, sugar$days, sugar$value), pairs_t(first, second)))
tested <- function(label) { x <- labs[labs$itemid %in% items$itemid[items$label == label] & !is.na(labs$valuenum), ]; moments(x$subject_id, as.numeric(when(x$charttime)), x$valuenum) }
do("mimic", "first and last creatinine", "paired t-test", with(tested("Creatinine"), pairs_t(first, second)))
do("mimic", "did sodium change between the first and last measurement", "paired t-test", with(tested("Sodium"), pairs_t(first, second)))
glycated <- tests[tests$item_id %in% what$item_id[what$label == "Hemoglobin A1c"] & !is.na(tests$value_num), ]
do("demo", "first versus last hemoglobin a1c", "paired t-test", with(moments(glycated$patient_id, as.numeric(when(glycated$chart_time)), glycated$value_num), pairs_t(first, second)))
case("pbc", "did bili change before and after", "refused", list())
case("pbcseq", "compare bili before and after", "refused", list())
case("trial", "first and last age", "refused", list())

# ---- some of the groups; several outcomes at once ------------------------------------------------------------------------------------------------------
some <- function(data, column, levels) data[data[[column]] %in% levels, ]
with(some(pbc, "stage", 3:4), do("pbc", "compare bili between stage 3 and 4", "Welch two-sample t-test", welch(bili, stage)))
with(some(pbc, "stage", 1:2), do("pbc", "compare albumin between stage 1 and 2", "Welch two-sample t-test", welch(albumin, stage)))
do("pbc", "survival of stage 3 vs stage 4", "log-rank test", logrank(Surv(time, dead) ~ stage, some(pbc, "stage", 3:4), c("3", "4")))
with(some(trial, "arm", c("A", "B")), do("trial", "compare sbp_pre between arm A and B", "Welch two-sample t-test", welch(sbp_pre, arm)))
with(some(trial, "arm", c("A", "C")), do("trial", "is sex associated with arm A versus arm C", "χ² test", chi(sex, arm)))
with(some(death, "rx", c("Lev", "Obs")), do("colon", "compare age between Lev and Obs", "Welch two-sample t-test", welch(age, rx)))
do("colon", "survival of Lev vs Obs with etype 2", "log-rank test", logrank(Surv(time, status) ~ rx, some(death, "rx", c("Lev", "Obs")), c("Lev", "Obs")))
first2 <- some(adm, "insurance", c("Medicare", "Private")); do("mimic", "compare length of stay between Medicare and Private", "Mann–Whitney test", ranks(first2$los, first2$insurance))
holm <- function(p) p.adjust(p, "holm")
p2 <- c(t.test(age ~ sex, pbc)$p.value, wilcox.test(chol ~ sex, pbc)$p.value)
do("pbc", "compare age and chol by sex", "a test for each outcome", list(n = 418, "cell:age, mean (SD):p" = p2[1], "cell:age, mean (SD):p_holm" = holm(p2)[1], "cell:chol, median [q1, q3]:p" = p2[2], "cell:chol, median [q1, q3]:p_holm" = holm(p2)[2]))
p3 <- with(pbc, c(wilcox.test(bili ~ trt)$p.value, t.test(albumin ~ trt)$p.value, chisq.test(table(spiders, trt))$p.value))
do("pbc", "do bili, albumin and spiders differ between treatments", "a test for each outcome", list(n = 312, "cell:bili, median [q1, q3]:p_holm" = holm(p3)[1], "cell:albumin, mean (SD):p_holm" = holm(p3)[2], "cell:spiders, n (%):p_holm" = holm(p3)[3]))
p2 <- c(t.test(trial$sbp_pre ~ trial$sex)$p.value, t.test(trial$age ~ trial$sex)$p.value)
do("trial", "is there a difference in sbp_pre and age between men and women", "a test for each outcome", list(n = nrow(trial), "cell:sbp_pre, mean (SD):p_holm" = holm(p2)[1], "cell:age, mean (SD):p_holm" = holm(p2)[2]))

# ---- strata ----------------------------------------------------------------------------------------------------------------------------------------
ranked <- function(formula, data) { d <- survdiff(formula, data); k <- nrow(as.matrix(d$obs)) - 1; list(n = sum(d$n), statistic = d$chisq, df = k, p = pchisq(d$chisq, k, lower.tail = FALSE)) }
common <- function(a, b, s) { ok <- !is.na(a) & !is.na(b) & !is.na(s); t <- table(a[ok], b[ok], s[ok]); m <- mantelhaen.test(t[, , apply(t, 3, sum) > 1]); list(n = sum(ok), statistic = m$statistic[[1]], df = 1, p = m$p.value, estimate = m$estimate[[1]], low = m$conf.int[1], high = m$conf.int[2]) }
do("pbc", "survival by treatment stratified by sex", "log-rank test", ranked(Surv(time, dead) ~ trt + strata(sex), pbc))
do("pbc", "survival by sex stratified by stage", "log-rank test", ranked(Surv(time, dead) ~ sex + strata(stage), pbc))
do("pbc", "effect of trt on survival adjusted for age stratified by sex", "Cox regression", cox(Surv(time, dead) ~ factor(trt) + age + strata(sex), pbc, c("trt: 2", "age")))
do("pbc", "what predicts death: age, bili, stratified by stage", "Cox regression", cox(Surv(time, dead) ~ age + bili + strata(stage), pbc, c("age", "bili")))
do("pbc", "odds of ascites by treatment stratified by sex", "Mantel–Haenszel test", common(pbc$trt, pbc$ascites, pbc$sex))
do("pbc", "is hepato associated with spiders stratified by stage", "Mantel–Haenszel test", common(pbc$spiders, pbc$hepato, pbc$stage))
do("trial", "odds of smoker_before by sex stratified by arm", "Mantel–Haenszel test", common(trial$sex, trial$smoker_before, trial$arm))
do("nafld", "survival by male stratified by diabetes", "log-rank test", ranked(Surv(futime, status) ~ male + strata(diabetes), n1))
case("pbc", "compare bili by sex stratified by stage", "asked_back", list())

# ---- a second time, other words ------------------------------------------------------------------------------------------------------------------------
do("trial", "was systolic pressure lower after than before", "paired t-test", pairs_t(trial$sbp_pre, trial$sbp_post))
do("trial", "is there a difference between sbp_pre and sbp_post", "paired t-test", pairs_t(trial$sbp_pre, trial$sbp_post))
do("trial", "weight at month 6 vs month 12 in men", "paired t-test", with(subset(trial, sex == "M"), pairs_t(weight_6, weight_12)))
do("trial", "has weight changed since baseline", "paired t-test", pairs_t(trial$weight_0, trial$weight_12))
do("trial", "how did weight change from baseline to 6 months", "paired t-test", pairs_t(trial$weight_0, trial$weight_6))
do("trial", "paired comparison of crp before and after", "paired t-test", pairs_t(trial$crp_before, trial$crp_after))
do("trial", "change in body weight between visit 6 and 12", "paired t-test", pairs_t(trial$weight_6, trial$weight_12))
do("pbcseq", "compare baseline and last albumin", "paired t-test", with(of("albumin"), pairs_t(first, second)))
do("pbcseq", "did bilirubin rise between the first and the last visit", "paired t-test", with(of("bili"), pairs_t(first, second)))
do("pbcseq", "difference in alk.phos between baseline and 1 year", "paired t-test", with(of("alk.phos", span = 365.25), pairs_t(first, second)))
do("pbcseq", "is platelet at 2 years lower than at baseline", "paired t-test", with(of("platelet", span = 2 * 365.25), pairs_t(first, second)))
do("mimic", "did hemoglobin drop from first to last measurement", "paired t-test", with(tested("Hemoglobin"), pairs_t(first, second)))
do("mimic", "compare the first and last glucose of patients with sepsis", "Wilcoxon signed rank test", { x <- tested("Glucose"); x <- x[x$id %in% with_dx("\\bsepsis\\b"), ]; pairs_ranks(x$first, x$second) })
do("pbc", "compare albumin between stages 2 and 4", "Welch two-sample t-test", with(some(pbc, "stage", c(2, 4)), welch(albumin, stage)))
do("pbc", "difference in age between stage 1 and stage 4", "Welch two-sample t-test", with(some(pbc, "stage", c(1, 4)), welch(age, stage)))
do("trial", "compare age between arms B and C", "Welch two-sample t-test", with(some(trial, "arm", c("B", "C")), welch(age, arm)))
do("colon", "is sex associated with rx Lev versus Lev+5FU", "χ² test", with(some(death, "rx", c("Lev", "Lev+5FU")), chi(sex, rx)))
do("pbc", "compare albumin, bili and age by ascites", "a test for each outcome", list(n = 312, "cell:age, mean (SD):p" = t.test(age ~ ascites, pbc)$p.value))
do("pbc", "survival by ascites stratified by stage", "log-rank test", ranked(Surv(time, dead) ~ ascites + strata(stage), pbc))
case("pbc", "odds of edema by sex stratified by trt", "refused", list())
do("pbc", "odds ratio of hepato by sex stratified by trt", "Mantel–Haenszel test", common(pbc$sex, pbc$hepato, pbc$trt))
