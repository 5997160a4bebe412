#!/bin/sh
# ./do bench cohort: feasibility counts by bitmap, DuckDB and (where a server is installed) PostgreSQL, at 1,000,000 patients (BENCH_PATIENTS=N:
# others). Data are made once below build/bench/cohort (about 2 GB with PostgreSQL's).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
patients=${BENCH_PATIENTS:-1000000}
work=${BENCH_WORK:-$root/build/bench}/cohort-$patients
mkdir -p "$work"
cmake --build "$root/build" --target cohort_bench >&2
bench=$root/build/cohort_bench
[ -f "$work/made" ] || { rm -f "$work/cohort.duckdb"* && "$bench" make "$work" "$patients" && touch "$work/made"; }

url=''
if [ -z "${BENCH_NO_POSTGRES:-}" ] && sh "$root/tests/servers/postgres.sh" available 2>/dev/null; then
    trap 'sh "$root/tests/servers/postgres.sh" stop "$work/postgres"' EXIT
    trap 'exit 130' INT TERM
    url=$(sh "$root/tests/servers/postgres.sh" start "$work/postgres" $$)
    psql -q -v ON_ERROR_STOP=1 "$url" >&2 <<SQL
CREATE TABLE patient_demographics (patient_id text COLLATE "C", gender text COLLATE "C", birth_date text COLLATE "C", deceased boolean);
CREATE TABLE condition_simple (id text COLLATE "C", patient_id text COLLATE "C", snomed_code text COLLATE "C", icd10_code text COLLATE "C", code_text text COLLATE "C", category text COLLATE "C", clinical_status text COLLATE "C", onset_date text COLLATE "C");
CREATE TABLE medication_requests (id text COLLATE "C", patient_id text COLLATE "C", rxnorm_code text COLLATE "C", code_text text COLLATE "C", authored_on text COLLATE "C");
\\copy patient_demographics FROM '$work/patient_demographics.csv' CSV HEADER
\\copy condition_simple FROM '$work/condition_simple.csv' CSV HEADER
\\copy medication_requests FROM '$work/medication_requests.csv' CSV HEADER
CREATE UNIQUE INDEX ON patient_demographics (patient_id);
CREATE INDEX ON condition_simple (patient_id);
CREATE INDEX ON condition_simple (snomed_code, patient_id, onset_date);
CREATE INDEX ON condition_simple (icd10_code, patient_id, onset_date);
CREATE INDEX ON condition_simple (code_text, patient_id);
CREATE INDEX ON medication_requests (patient_id);
CREATE INDEX ON medication_requests (rxnorm_code, patient_id, authored_on);
VACUUM ANALYZE;
SQL
fi
"$bench" run "$work" ${url:+"$url"}
