"""The example rules on MIMIC-III's demo: each rule's rows are those of independent SQL written by hand (examples/rules/mimic/check), row by row.
Then what running again means: nothing changed is reused; one changed cell of LABEVENTS runs what reads it and nothing else, in the new version,
while the former version keeps its tables; a changed rule says what changed; a rule changed back means its former run; a failing key stops only
what depends on it. Without MARROW_SHARED everything here is skipped, loudly."""
import json
import os
import shutil
import subprocess
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import SHARED, SOURCE, Checks, Program, scratch_directory  # noqa: E402

BUNDLE = os.path.join(SOURCE, "examples", "rules", "mimic")
LABS = {"first_day_lab_values", "first_day_labs", "sirs_first_day", "sepsis_measures"}
checks = Checks("e2e/mimic_rules")


def bag(rows):
    """Numbers by value, so that 4 and 4.0000 are one."""
    return sorted(json.dumps([float(c) if isinstance(c, (int, float)) or plain(c) else c for c in row]) for row in rows)


def plain(cell):
    return isinstance(cell, str) and cell.replace(".", "", 1).replace("-", "", 1).isdigit() and cell.count("-") == 0


def by_name(answer):
    return {one["name"]: one for one in answer["rules"]}


def compare(program, rules):
    for name, one in rules.items():
        expected = bag(program.must("sql", "mimic", "--file", os.path.join(BUNDLE, "check", name + ".sql"))["rows"])
        found = bag(program.rows("mimic", f"SELECT * FROM {name}"))
        different = [pair for pair in zip(found, expected) if pair[0] != pair[1]][:2]
        checks.that(found == expected and len(found) == one["row_count"],
                    f"{name}: {len(found)} rows, {len(expected)} by hand", *different)
        checks.that(len(set(found)) > 1 and len(found) > 0, f"{name} has rows that differ")


def change_one_cell(folder):
    """A laboratory value of a first ICU day becomes another."""
    for root, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".zip"):
                with zipfile.ZipFile(os.path.join(root, name)) as archive:
                    archive.extractall(root)
                os.remove(os.path.join(root, name))
    path = next(os.path.join(root, name) for root, _, names in os.walk(folder) for name in names if name.upper() == "LABEVENTS.CSV")
    with open(path, newline="") as file:
        lines = file.read().split("\n")
    at = next(i for i in range(1, len(lines)) if ",51301," in lines[i])
    cells = lines[at].split(",")
    cells[6] = str(float(cells[6]) + 1)
    lines[at] = ",".join(cells)
    with open(path, "w", newline="") as file:
        file.write("\n".join(lines))


def again(program, rules):
    same = by_name(program.must("rules", "run", BUNDLE, "--dataset", "mimic"))
    checks.that(all(one["reused"] and one["run_id"] == rules[name]["run_id"] for name, one in same.items()), "nothing changed: all reused", same)
    forced = by_name(program.must("rules", "run", BUNDLE, "--dataset", "mimic", "--force"))
    checks.that(all(one["run_id"] == rules[name]["run_id"] for name, one in forced.items()), "forced: the same runs", forced)


def another_version(program, folder, rules):
    before = program.current("mimic")
    change_one_cell(folder)
    program.must("import", folder, "--name", "mimic")
    why = by_name(program.must("rules", "explain", BUNDLE, "--dataset", "mimic"))
    checks.equal({name for name, one in why.items() if one["runs"]}, LABS, "one changed cell of labevents runs what reads it")
    checks.equal(why["first_day_lab_values"]["reason"], "input labevents has another content", "the reason is the input")
    checks.equal(why["first_day_labs"]["reason"], "rule first_day_lab_values changed", "the reason is the rule")
    ran = by_name(program.must("rules", "run", BUNDLE, "--dataset", "mimic"))
    checks.equal({name for name, one in ran.items() if not one["reused"]}, LABS, "explain and run agree")
    compare(program, ran)
    kept = program.must("sql", "mimic", "SELECT count(*) FROM first_day_labs", "--version", before)["rows"]
    checks.equal(int(kept[0][0]), rules["first_day_labs"]["row_count"], "the former version keeps its table")


def another_rule(program, scratch):
    copy = os.path.join(scratch, "bundle")
    shutil.copytree(BUNDLE, copy)
    plan = os.path.join(copy, "plans", "readmission_30_days.json")
    with open(plan) as file:
        text = file.read()
    at = text.index('"literal": "30"')
    with open(plan, "w") as file:
        file.write(text[:at] + '"literal": "60"' + text[at + len('"literal": "30"'):])
    why = by_name(program.must("rules", "explain", copy, "--dataset", "mimic"))
    checks.equal([name for name, one in why.items() if one["runs"]], ["readmission_30_days"], "a changed rule runs alone")
    reason = why["readmission_30_days"]["reason"]
    checks.that(reason.startswith("plan changed: ") and "60" in reason and "30" in reason, "the reason says what changed", reason)
    sql = "SELECT sum(readmitted_30_days) FROM readmission_30_days"
    short = int(program.rows("mimic", sql)[0][0])
    program.must("rules", "run", copy, "--dataset", "mimic")
    longer = int(program.rows("mimic", sql)[0][0])
    program.must("rules", "run", BUNDLE, "--dataset", "mimic")
    checks.that(longer > short, f"60 days find more than 30: {longer}, {short}")
    checks.equal(int(program.rows("mimic", sql)[0][0]), short, "changed back, the name means the former run")


def failing_key(program, scratch):
    path = os.path.join(scratch, "bundle", "bundle.json")
    with open(path) as file:
        bundle = json.load(file)
    next(one for one in bundle["rules"] if one["name"] == "charlson")["key"] = ["subject_id"]
    with open(path, "w") as file:
        json.dump(bundle, file)
    ran = program.run("rules", "run", os.path.join(scratch, "bundle"), "--dataset", "mimic")
    rules = by_name(ran.answer)
    checks.that(ran.status == 5 and rules["charlson"]["error"]["code"] == "integrity", "a key that does not hold fails", ran.out)
    checks.that(rules["sepsis_measures"].get("skipped") and rules["sepsis_angus"].get("run_id"), "and stops only what depends on it", rules)
    one = program.must("rules", "run", BUNDLE, "--dataset", "mimic", "--rule", "first_day_labs")
    checks.equal([rule["name"] for rule in one["rules"]], ["first_day_lab_values", "first_day_labs"], "--rule brings what it depends on")


def main():
    data = os.path.join(SHARED, "data")
    scratch = scratch_directory()
    folder = os.path.join(scratch, "data")
    os.makedirs(folder)
    unpack = os.path.join(data, "unpack.sh")
    if not os.path.exists(unpack) or subprocess.run([unpack, folder, "mimic3_demo"], capture_output=True).returncode != 0:
        checks.skip(f"the example rules on MIMIC: {data} is not there, or zstd is missing")
        checks.end()
    program = Program(os.path.join(scratch, "store"))
    program.must("import", folder, "--name", "mimic")
    checked = program.must("rules", "check", BUNDLE, "--dataset", "mimic")
    checks.that(checked["ok"] and len(checked["rules"]) == 8, "the example bundle fits", checked["problems"])
    rules = by_name(program.must("rules", "run", BUNDLE, "--dataset", "mimic"))
    compare(program, rules)
    again(program, rules)
    another_version(program, folder, rules)
    another_rule(program, scratch)
    failing_key(program, scratch)
    checks.that(program.must("verify")["ok"], "the store verifies")
    checks.end()


main()
