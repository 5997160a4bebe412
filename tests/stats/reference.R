# R's numbers for the layer stats: writes tests/golden/stats/*.txt, which test_reference.c reads.
#   Rscript tests/stats/reference.R SETS OUT        SETS: folder with single/pbc.csv, single/colon.csv (unpacked), OUT: tests/golden/stats
#   Rscript tests/stats/reference.R --export DIR    lung.csv and birthwt.csv of the packages survival and MASS into DIR/r, for the test
# Cases on generated data carry the data; cases on real sets name the CSV only: a test without it skips them and says so.
# Needs r-base-core, r-cran-survival, r-cran-mass. Nothing here is read by Marrow itself.
suppressMessages({library(survival); library(MASS)})
invisible(Sys.setlocale("LC_COLLATE", "C"))
options(warn = -1, digits = 17)
arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) == 2 && arguments[1] == "--export") {
  dir.create(file.path(arguments[2], "r"), showWarnings = FALSE, recursive = TRUE)
  write.csv(lung, file.path(arguments[2], "r", "lung.csv"), row.names = FALSE, na = "")
  write.csv(birthwt, file.path(arguments[2], "r", "birthwt.csv"), row.names = FALSE, na = "")
  quit(status = 0)
}
sets <- arguments[1]
out <- arguments[2]
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)[1]))

# ---- writing cases -----------------------------------------------------------------------------------

number <- function(x) ifelse(is.na(x), "NaN", ifelse(is.infinite(x), ifelse(x > 0, "inf", "-inf"), sprintf("%.17g", x)))
current <- NULL
begin <- function(name, what) {
  current <<- file.path(out, paste0(name, ".txt"))
  cat(sprintf("# %s. Written by tests/stats/reference.R with R %s.%s, survival %s; not to be edited by hand.\n", what, R.version$major,
              R.version$minor, packageVersion("survival")), file = current)
}
column_head <- function(name, x) if (is.factor(x)) sprintf("%s:c:%s", name, paste(levels(x), collapse = "|")) else name
column_text <- function(x) { x <- if (is.factor(x)) as.integer(x) - 1 else as.numeric(x); short <- sprintf("%.15g", x); ifelse(is.na(x), "NA", ifelse(as.numeric(short) == x, short, sprintf("%.17g", x))) }
# data: list(d = data.frame, csv = path or NULL); expected: named list, numbers or texts.
case <- function(title, call, data, expected) {
  lines <- c(paste("===", title), "--- call", call, "--- data")
  if (!is.null(data$csv)) {
    lines <- c(lines, paste("csv", data$csv))
  } else if (!is.null(data$d)) {
    d <- data$d
    lines <- c(lines, paste(mapply(column_head, names(d), d), collapse = " "))
    lines <- c(lines, do.call(paste, lapply(d, column_text)))
  }
  values <- vapply(expected, function(x) if (is.character(x)) x else number(x), "")
  lines <- c(lines, "--- expected", paste(names(expected), "=", values))
  cat(lines, sep = "\n", file = current, append = TRUE)
  cat("\n", file = current, append = TRUE)
}
refused <- function(title, call, data, message) case(title, call, data, list(error = message))
embed <- function(d) list(d = d)
csv <- function(path, d) list(csv = path, d = d)
read_set <- function(path) csv(path, read.csv(file.path(sets, path), na.strings = c("", "NA"), stringsAsFactors = TRUE))
pbc_set <- read_set("single/pbc.csv")
colon_set <- read_set("single/colon.csv")
lung_set <- csv("r/lung.csv", lung)
birthwt_set <- csv("r/birthwt.csv", birthwt)

# ---- generated data ----------------------------------------------------------------------------------

set.seed(20260101)
two <- function(n, m, shift = 0, spread = 1, digits = 3) {
  data.frame(x = round(c(rnorm(n), rnorm(m, shift, spread)), digits), g = factor(rep(c("a", "b"), c(n, m))))
}
with_missing <- function(d, share = 0.1) { for (i in seq_along(d)) d[[i]][sample(nrow(d), max(1, round(share * nrow(d))))] <- NA; d }
shuffled <- function(d) { d <- d[sample(nrow(d)), , drop = FALSE]; rownames(d) <- NULL; d }
ordinary <- shuffled(two(20, 25, 0.6, 2))
tied <- shuffled(transform(two(30, 28, 0.7), x = round(x)))
tiny <- two(2, 2, 1)
tiny3 <- two(3, 4, 2)
holes <- with_missing(shuffled(two(40, 35, 0.4)))
far <- two(30, 30, 9, 1)
large <- shuffled(two(90, 60, 0.3, 1.5))
offset <- transform(two(15, 15, 0.5), x = x + 1e6)
groups3 <- shuffled(data.frame(x = round(c(rnorm(12), rnorm(15, 0.8, 2), rnorm(9, -0.4, 0.5)), 3), g = factor(rep(c("p", "q", "r"), c(12, 15, 9)))))
groups5 <- shuffled(data.frame(x = round(rnorm(60) + rep(0:4, 12) / 3), g = factor(rep(paste0("k", 0:4), 12))))
groups_holes <- with_missing(groups3, 0.15)
pairs <- local({ a <- round(rnorm(18), 2); data.frame(a = a, b = round(a + rnorm(18, 0.3, 0.7), 2)) })
pairs_holes <- with_missing(pairs, 0.2)

for (family in c("groups", "tables", "correlation", "regression", "survival", "balance", "paired", "strata")) source(file.path(here, paste0("reference_", family, ".R")))
