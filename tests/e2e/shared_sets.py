"""Every real set (FHIR aside) is imported, with the number of rows that an independent reader finds: Python's csv for texts, the sheet's XML for
Excel, a twin in another format, or the figure its source states. Then, on MIMIC, what identity means: the same content again is reused,
shuffled rows and columns are the same version, one changed cell in the last row of LABEVENTS gives a version that shares all other tables.
The sets are found by MARROW_SHARED; without them everything here is skipped, loudly."""
import csv
import gzip
import io
import os
import random
import re
import shutil
import subprocess
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import SHARED, Checks, Program, scratch_directory  # noqa: E402

csv.field_size_limit(1 << 30)
DATA = os.path.join(SHARED, "data")
SETS = {  # name: tables expected
    "mimic3_demo": 24, "synthea_csv_unmc": 15, "synthea_csv_dbt28": 18, "omop_synthea27nj": 78, "cdisc_pilot_sdtm": 35, "diabetes130": 4,
    "nafld_multi": 4, "heart_uci": 5, "single": 5, "statfiles": 18, "derived_statfiles": 4, "xlsx": 7, "icu_parquet": 6, "csv_spectrum": 24,
    "duckdb_encodings": 9, "encodings": 4, "terminology": 4,
}
STATED = {  # rows by the source's own words or by a twin in another format
    "diabetes130": {"diabetic_data": 101766, "IDs_mapping_1": 8, "IDs_mapping_2": 30, "IDs_mapping_3": 25},
    "nafld_multi": {"nafld1_csv": 17549, "nafld1_parquet": 17549, "nafld2": 400123, "nafld3": 34327},
    "derived_statfiles": {"colon_v5": 1858, "pbc": 418, "pbc_v118": 418, "pbc_zsav": 418},
    "statfiles": {"sas_iris": 150, "spss_iris": 150, "stata_iris": 150, "lbw": 189},
    "cdisc_pilot_sdtm": {"dm": 306},
    "mimic3_demo": {"PATIENTS": 100, "ADMISSIONS": 129, "LABEVENTS": 74671, "DIAGNOSES_ICD": 1761},
    "encodings": {"patients_cp1252_semicolon": 59, "patients_latin1": 59, "patients_utf16le_bom": 59, "patients_utf8_bom": 59},
}
checks = Checks("e2e/shared_sets")


def read_source(source):
    """The bytes of a table's file; None where it is no plain text or packed text."""
    path, _, member = source.partition("!")
    if not re.search(r"\.(csv|tsv|data)(\.gz)?$", member or path):
        return None
    if member:
        with zipfile.ZipFile(path) as archive:
            content = archive.read(member)
    else:
        with open(path, "rb") as file:
            content = file.read()
    return gzip.decompress(content) if source.endswith(".gz") else content


def decode(content):
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def count_records(content):
    text = decode(content)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t| ", key=first.count)
    records = sum(1 for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row)
    return records - 1  # the header


def count_sheet(path, sheet):
    """Rows with a value in an Excel sheet, without the header, from its XML."""
    with zipfile.ZipFile(path) as book:
        names = re.findall(r'<sheet [^>]*name="([^"]*)"', book.read("xl/workbook.xml").decode())
        xml = book.read(f"xl/worksheets/sheet{names.index(sheet) + 1}.xml").decode()
    return sum(1 for row in re.findall(r"<row .*?</row>", xml, re.S) if "<v>" in row or "<t" in row) - 1


def check_rows(name, answer):
    by_name = {table["name"]: table for table in answer["tables"]}
    by_name.update({table["name"].upper(): table for table in answer["tables"]})
    independent = 0
    for table_name, rows in STATED.get(name, {}).items():
        if checks.that(table_name in by_name, f"{name}: no table {table_name}", sorted(by_name)):
            checks.equal(by_name[table_name]["rows"], rows, f"{name}.{table_name}: rows as stated")
    for table in answer["tables"]:
        source = table["source"]
        found, what = table["rows"] + table["rejected_rows"], f"{name}.{table['name']}: rows"
        content = None if re.search(r"#\d+$", source) or name == "duckdb_encodings" else read_source(source)
        if content is not None:
            independent += 1
            checks.equal(found, count_records(content), f"{what} (csv)")
        elif ".xlsx#" in source and "!" not in source:  # the report within the CDISC set has title lines above its headers
            independent += 1
            path, _, sheet = source.partition("#")
            checks.equal(found, count_sheet(path, sheet), f"{what} (sheet's XML)")
        elif "Parquet_" in table["name"]:
            twin = by_name.get(table["name"].replace("Parquet_", "_5_4_").upper())
            if twin:
                independent += 1
                checks.equal(found, twin["rows"] + twin["rejected_rows"], f"{what} (its CSV twin)")
    return independent


def unpack(name, folder):
    return subprocess.run([os.path.join(DATA, "unpack.sh"), folder, name], capture_output=True).returncode == 0


def import_all(program, folder):
    for name, tables in SETS.items():
        if not unpack(name, folder):
            checks.skip(f"set {name}: not there, or zstd is missing")
            continue
        ran = program.run("import", os.path.join(folder, name), "--name", name)
        if ran.status != 0:
            checks.that(ran.status == 3 and ran.error and len(ran.error["message"]) > 10, f"{name}: exit {ran.status}", ran.err)
            print(f"{name}: refused: {ran.err[:300]}")
            continue
        if tables is not None:
            checks.equal(len(ran.answer["tables"]), tables, f"{name}: tables", [one["name"] for one in ran.answer["tables"]])
        independent = check_rows(name, ran.answer)
        rejected = ran.answer["rejected_rows"]
        print(f"{name}: {len(ran.answer['tables'])} tables, {sum(one['rows'] for one in ran.answer['tables'])} rows ({independent} tables counted independently), {rejected} quarantined, {ran.answer['duration_ms']} ms", flush=True)


def objects(program, version):
    shown = program.must("show", "mimic", "--version", version)
    return {table["name"]: table.get("object") or table.get("hash") for table in shown["tables"]}


def rewrite(source, target, change):
    """A copy of the ZIP with each CSV passed through change(name, header, rows)."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name in old.namelist():
            text = old.read(name).decode("utf-8")
            rows = list(csv.reader(io.StringIO(text, newline="")))
            out = io.StringIO()
            header, rows = change(name, rows[0], rows[1:])
            csv.writer(out, quoting=csv.QUOTE_ALL if name == "D_ITEMS.csv" else csv.QUOTE_MINIMAL, lineterminator="\n").writerows([header, *rows])
            new.writestr(name, out.getvalue())
    return target


def shuffled(name, header, rows):
    dice = random.Random(name)
    order = list(range(len(header)))
    dice.shuffle(order)
    dice.shuffle(rows)
    return [header[k] for k in order], [[row[k] for k in order] for row in rows]


def last_row_changed(name, header, rows):
    if name == "LABEVENTS.csv":
        rows[-1][header.index("valuenum")] = "98.75"
    return header, rows


def identity(program, folder, scratch):
    archive = os.path.join(folder, "mimic3_demo", "mimic3_demo.zip")
    first = program.must("import", archive, "--name", "mimic")
    checks.equal((len(first["tables"]), first["reused"]), (24, False), "mimic: first import")
    again = program.must("import", archive, "--name", "mimic")
    checks.equal((again["version"], again["reused"]), (first["version"], True), "mimic: the same again")
    codes = program.rows("mimic", "SELECT DISTINCT typeof(icd9_code), icd9_code FROM DIAGNOSES_ICD WHERE icd9_code LIKE '0389%' ORDER BY 2")
    checks.equal(codes, [["VARCHAR", "0389"]], "mimic: 0389 stays text")
    same = program.must("import", rewrite(archive, os.path.join(scratch, "shuffled.zip"), shuffled), "--name", "mimic")
    checks.equal((same["version"], same["reused"]), (first["version"], True), "mimic: shuffled rows and columns")
    changed = program.must("import", rewrite(archive, os.path.join(scratch, "changed.zip"), last_row_changed), "--name", "mimic")
    checks.that(changed["version"] != first["version"] and not changed["reused"], "mimic: a changed last row gives no new version")
    before, after = objects(program, first["version"]), objects(program, changed["version"])
    checks.that(all(before.values()), "show does not name the objects", before)
    checks.equal(sorted(name for name in before if before[name] != after.get(name)), ["LABEVENTS"], "mimic: tables that are not shared")
    with open(os.path.join(program.store, "datasets", "mimic", "CURRENT")) as file:
        checks.equal(file.read().strip(), changed["version"], "mimic: CURRENT")
    kept = len(os.listdir(os.path.join(program.store, "datasets", "mimic", "objects")))
    checks.equal(kept, 25, "mimic: objects of two versions of 24 tables")


def main():
    if not os.path.exists(os.path.join(DATA, "unpack.sh")) or shutil.which("zstd") is None:
        checks.skip(f"all real sets: {DATA} is not there, or zstd is missing")
        checks.end()
    scratch = scratch_directory()
    program = Program(os.path.join(scratch, "store"))
    folder = os.path.join(scratch, "data")
    os.makedirs(folder)
    import_all(program, folder)
    if unpack("mimic3_demo", folder):
        identity(program, folder, scratch)
    checks.that(program.must("verify")["ok"], "in the end the store verifies")
    checks.end()


main()
