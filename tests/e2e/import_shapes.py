"""Import through the command line of what people write: numbers with commas, limits, units, titles and notes, partial dates; tables that
are parts of one. Every expected value is worked out by hand; warnings name the real table and column.
"""
import csv
import json
import os
import random
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import Checks, Program, scratch_directory  # noqa: E402

checks = Checks("e2e/import_shapes")
scratch = scratch_directory()
program = Program(os.path.join(scratch, "store"))
turn = 0


def make(name, content):
    path = os.path.join(scratch, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return path


def take(*words):
    """Import under a fresh name, which must succeed: the name and the answer."""
    global turn
    turn += 1
    return f"d{turn}", program.must("import", *words, "--name", f"d{turn}")


def types(answer, table):
    (found,) = [one for one in answer["tables"] if one["name"] == table]
    return {column["name"]: column["type"] for column in found["columns"]}


def codes(answer, table):
    (found,) = [one for one in answer["tables"] if one["name"] == table]
    return {(warning["code"], warning.get("column")) for warning in found["warnings"]}


def message(answer, code):
    return [warning["message"] for table in answer["tables"] for warning in table["warnings"] if warning["code"] == code]


def numbers_with_commas():
    rows = "".join(f"{n};{n},5;{n + 1}.{n:03d},25;<0,{n % 9 + 1}\n" for n in range(40))
    path = make("clinic.csv", "id;weight;dose;crp\n" + rows)
    name, answer = take(path)
    checks.equal(types(answer, "clinic"), {"id": "bigint", "weight": "decimal(18,1)", "dose": "decimal(18,2)", "crp": "text"}, "types")
    checks.that(("decimal_comma", "weight") in codes(answer, "clinic"), "the comma is told", codes(answer, "clinic"))
    checks.equal(program.rows(name, "SELECT weight::varchar, dose::varchar FROM clinic WHERE id = 7"), [["7.5", "8007.25"]], "values")
    name, answer = take(path, "--type", "clinic.weight=text")
    checks.equal(program.rows(name, "SELECT weight FROM clinic WHERE id = 7"), [["7,5"]], "kept as text")


def limits_are_parted():
    path = make("crp.csv", "id,crp\n" + "".join(f"{n},{n}.5\n" for n in range(60)) + "60,<0.5\n61,>=200\n62,\n")
    _, answer = take(path)
    said = message(answer, "censored_numbers")
    checks.equal(types(answer, "crp")["crp"], "text", "limits keep a column text")
    checks.that(len(said) == 1 and "--type crp.crp=comparator" in said[0], "the remedy names table and column", said)
    name, answer = take(path, "--type", "crp.crp=comparator")
    checks.equal(types(answer, "crp"), {"id": "bigint", "crp": "decimal(18,1)", "crp_comparator": "text"}, "parted types")
    checks.equal(program.rows(name, "SELECT crp::varchar, crp_comparator FROM crp WHERE id >= 59 ORDER BY id"),
                 [["59.5", None], ["0.5", "<"], ["200.0", ">="], [None, None]], "parted values")


def around_the_table():
    rows = "".join(f"{n};{60 + n};{170 + n % 9}\n" for n in range(30))
    path = make("ward.csv", "Report 2020;;\n;;\nmade by the registry;;\nid;weight;height\n;kg;cm\n" + rows + "Source: the registry's own forms;;\n")
    name, answer = take(path)
    checks.equal(types(answer, "ward"), {"id": "bigint", "weight": "bigint", "height": "bigint"}, "title, units and note are no data")
    checks.equal(program.rows(name, "SELECT count(*), sum(weight) FROM ward"), [[30, 30 * 60 + 29 * 15]], "rows")
    checks.that({("preamble_skipped", None), ("units_row", None), ("rows_below_table", None)} <= codes(answer, "ward"), "all is told", codes(answer, "ward"))
    checks.equal(answer["rejected_rows"], 1, "the note is kept apart")
    _, answer = take(path, "--header", "no")
    checks.that("id" not in types(answer, "ward"), "--header no: all is data", types(answer, "ward"))


def dates_that_are_not_whole():
    path = make("ae.csv", "id,start,seen\n" + "".join(f"{n},2020-01-{n + 1:02d},2020-02-{n + 1:02d}\n" for n in range(28)) + "28,2020-02,2020-03-01 10:30:00\n")
    _, answer = take(path)
    checks.equal(types(answer, "ae"), {"id": "bigint", "start": "text", "seen": "text"}, "partial dates, and dates beside timestamps, stay text")
    checks.that({("partial_dates", "start"), ("mixed_dates", "seen")} <= codes(answer, "ae"), "both are told", codes(answer, "ae"))
    checks.that("--type ae.seen=timestamp" in message(answer, "mixed_dates")[0], "with the remedy", message(answer, "mixed_dates"))
    name, answer = take(path, "--type", "ae.seen=timestamp")
    checks.equal(program.rows(name, "SELECT seen::varchar FROM ae WHERE id >= 27 ORDER BY id"), [["2020-02-28 00:00:00"], ["2020-03-01 10:30:00"]], "as the user says")


# ---- stacks ---------------------------------------------------------------------------------------------------------------
def write(name, rows):
    path = make(name, "")
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def years(folder):
    return [write(f"{folder}/labs_2019.csv", [["id", "value", "code"]] + [[n, n * 2, f"0{n}"] for n in range(30)]),
            write(f"{folder}/labs_2020.csv", [["code", "ID", "value"]] + [["A", n, n * 1.5] for n in range(20)]),
            write(f"{folder}/labs_2021.csv", [["id", "value", "code"]] + [[n, n * 1.25, "B"] for n in range(20)] + [[5, 3]]),
            write(f"{folder}/labs_items.csv", [["code", "name"], ["A", "x"], ["B", "y"]])]


def tables_below_each_other():
    """Several tables pasted into one file (diabetes130's IDs_mapping.csv), between comments and in mixed line ends too."""
    path = make("ids.csv", "kind,name\r\n1,Emergency\r\n2,Urgent\r\n,\r\nplace,words\r\n1,home\r\n2,ward\r\n3,elsewhere\r\n")
    name, answer = take(path)
    checks.equal([(table["name"], table["rows"]) for table in answer["tables"]], [("ids_1", 2), ("ids_2", 3)], "a table for each")
    checks.equal(program.rows(name, "SELECT place, words FROM ids_2 ORDER BY 1"), [[1, "home"], [2, "ward"], [3, "elsewhere"]], "with its rows")
    path = make("mixed.csv", "a,b\r\n1,x\n# note\n2,y\r\n3,z\n")
    name, answer = take(path)
    checks.equal(program.rows(name, "SELECT a, b FROM mixed ORDER BY 1"), [[1, "x"], [2, "y"], [3, "z"]], "mixed line ends and comments")


def years_are_stacked():
    files = years("years")
    _, answer = take(*files)
    said = message(answer, "stackable")
    checks.equal([len(answer["tables"]), len(said)], [4, 1], "tables of their own, one suggestion")
    checks.that("--stack 'auto'" in said[0] and "labs_2020" in said[0], "the suggestion names what does it: labs_* would take the items in", said)
    name, answer = take(*files, "--stack", "labs=labs_2*")
    checks.equal(types(answer, "labs"), {"id": "bigint", "value": "decimal(18,2)", "code": "text", "source_file": "text"}, "one type for all parts")
    checks.equal(program.rows(name, "SELECT source_file, count(*), sum(value)::varchar FROM labs GROUP BY 1 ORDER BY 1"),
                 [["labs_2019.csv", 30, "870.00"], ["labs_2020.csv", 20, "285.00"], ["labs_2021.csv", 20, "237.50"]], "rows of every part")
    checks.equal(answer["rejected_rows"], 1, "a bad row of a part is kept apart")
    version = answer["version"]
    random.Random(3).shuffle(files)
    _, answer = take(*files, "--stack", "labs=labs_2*")
    checks.equal(answer["version"], version, "the order of the files does not matter")
    packed = os.path.join(scratch, "packed.zip")
    with zipfile.ZipFile(packed, "w") as archive:
        for path in files:
            archive.write(path, os.path.basename(path))
    _, answer = take(packed, "--stack", "labs=labs_2*")
    checks.equal(answer["version"], version, "nor does how they come")
    _, answer = take(*files, "--stack", "auto")
    checks.equal(sorted(table["name"] for table in answer["tables"]), ["labs", "labs_items"], "--stack auto")
    (table,) = [one for one in program.must("show", f"d{turn}")["tables"] if one["name"] == "labs"]
    roles = {column["name"]: (column["role"], bool(column["role_reason"])) for column in table["columns"]}
    checks.equal(roles["source_file"], ("category", True), "show gives the columns' roles")
    checks.equal(table["stack"], "auto", "the manifest has the stack")
    checks.equal([(part["table"], part["rows"], part["rejected_rows"]) for part in table["parts"]],
                 [("labs_2019", 30, 0), ("labs_2020", 20, 0), ("labs_2021", 20, 1)], "and its parts")


def stacks_that_can_not_be():
    files = years("wrong")
    for words, mention in ((["--stack", "labs_*"], "can't be stacked"), (["--stack", "labs_2019"], "two are needed"), (["--stack", "nothing*"], "no table")):
        ran = program.run("import", *files, "--name", "wrong", *words)
        checks.that(ran.status == 3 and mention in ran.err, f"{words} is refused", ran.status, ran.err[-300:])


def other_formats_are_stacked():
    folder = os.path.join(scratch, "parts")
    os.makedirs(folder)
    for part, values in (("a", ["1", "2"]), ("b", ["1.5", "2.25"]), ("c", ["7", "8.125"])):
        name, _ = take(write(f"made/part_{part}.csv", [["id", "v"]] + [[n, value] for n, value in enumerate(values)]))
        program.must("export", name, f"part_{part}", "--format", "parquet", "--out", os.path.join(folder, f"part_{part}.parquet"))
    name, answer = take(folder, "--stack", "part_*")
    checks.equal(types(answer, "part"), {"id": "bigint", "v": "decimal(22,3)", "source_file": "text"}, "Parquet: the type that holds all parts")
    checks.equal(program.rows(name, "SELECT sum(v)::varchar, count(DISTINCT source_file) FROM part"), [["21.875", 3]], "Parquet: rows")
    for year in (2019, 2020):
        make(f"json/visits_{year}.ndjson", "".join(json.dumps({"id": n, "year": year}) + "\n" for n in range(5)))
    write("json/visits_2021.csv", [["year", "id"]] + [[2021, n] for n in range(5)])
    name, answer = take(os.path.join(scratch, "json"), "--stack", "auto")
    checks.equal(program.rows(name, "SELECT source_file, min(year), count(*) FROM visits GROUP BY 1 ORDER BY 1"),
                 [["visits_2019.ndjson", 2019, 5], ["visits_2020.ndjson", 2020, 5], ["visits_2021.csv", 2021, 5]], "texts of several formats")


for part in (numbers_with_commas, limits_are_parted, around_the_table, dates_that_are_not_whole, tables_below_each_other, years_are_stacked, stacks_that_can_not_be,
             other_formats_are_stacked):
    part()
checks.end()
