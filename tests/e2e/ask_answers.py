"""Questions in plain English over real and synthetic data, each held against SQL written by hand (tests/golden/ask/answers.txt). No answer may be
wrong; how many were right, asked back or refused is printed."""
import json
import math
import os
import subprocess
import sys
import tempfile
import zipfile

MARROW, SHARED = os.environ["MARROW_BINARY"], os.environ["MARROW_SHARED"]
SOURCE = os.environ.get("MARROW_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def run(*words):
    done = subprocess.run([MARROW, *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"marrow {words[0]}: {done.stderr}")
    return done.stdout


def make(folder):
    """The datasets that can be had; the shared ones need the unpacking script."""
    made = set()
    run("demo-data", f"{folder}/demo", "--patients", "1000", "--no-fhir")
    run("import", f"{folder}/demo", "--name", "demo", "--quiet")
    run("demo-data", f"{folder}/ward", "--patients", "300")
    run("import", f"{folder}/ward/fhir", "--name", "export", "--quiet")
    run("import", "--from-views", "export", "--name", "ward", "--quiet")
    made.update(["demo", "export", "ward"])
    with open(f"{folder}/clinic.csv", "w") as file:
        file.write("patient_id,sex,age,smoker,diabetic,hypertension\n")
        for i in range(1, 201):
            file.write(f"{i},{'FM'[i % 2]},{20 + i * 7 % 70},{['yes', 'no', ''][i % 3]},{'true' if i % 4 == 0 else 'false'},{'Y' if i % 5 else 'N'}\n")
    run("import", f"{folder}/clinic.csv", "--name", "clinic", "--quiet")
    made.add("clinic")
    unpack = os.path.join(SHARED, "data", "unpack.sh")
    if not os.path.exists(unpack):
        print(f"SKIPPED: mimic, nafld, pbc, omop, sdtm, labelled, diabetes, heart, covid, lbw: no {unpack}")
        return made
    subprocess.run([unpack, folder, "mimic3_demo", "nafld_multi", "single", "omop_synthea27nj", "cdisc_pilot_sdtm", "derived_statfiles",
                    "diabetes130", "heart_uci", "statfiles"], check=True)
    inputs = {"mimic": ["mimic3_demo/mimic3_demo.zip"], "nafld": ["nafld_multi/nafld1.csv", "nafld_multi/nafld2.parquet", "nafld_multi/nafld3.csv"],
              "pbc": ["single/pbc.csv"], "omop": ["omop_synthea27nj/Synthea27Nj_5.4.zip"], "sdtm": ["cdisc_pilot_sdtm/cdiscpilot_update2.zip"],
              "labelled": ["derived_statfiles/pbc.sav"], "indo": ["single/indo_rct.csv"], "diabetes": ["diabetes130/dataset_diabetes.zip"], "heart": ["heart_uci/processed.cleveland.data"],
              "covid": ["single/covid_testing.csv"], "lbw": ["statfiles/stata/lbw.dta"]}
    for name, files in inputs.items():
        run("import", *[os.path.join(folder, f) for f in files], "--name", name, "--quiet")
        made.add(name)
    return made


def same(a, b):
    if a is None or b is None:
        return a is None and b is None
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(float(a), float(b), rel_tol=1e-9, abs_tol=1e-9)
    return str(a) == str(b)


def rows_of(dataset, sql):
    answer = json.loads(run("sql", dataset, sql, "--format", "json", "--quiet"))
    columns = [column["name"] if isinstance(column, dict) else column for column in answer["columns"]]
    return columns, answer["rows"]


def key(row):
    return [(value is None, str(value)) for value in row]


def right(answer, columns, rows):
    if len(columns) == 1 and len(rows) == 1 and "value" in answer:
        return same(answer["value"], rows[0][0])
    result = answer["result"]
    names = [name.lower() for name in result["columns"]]
    if not all(name.lower() in names for name in columns):
        return False
    places = [names.index(name.lower()) for name in columns]
    found = sorted(([row[place] for place in places] for row in result["rows"]), key=key)
    expected = sorted(rows, key=key)
    return len(found) == len(expected) and all(same(a, b) for one, two in zip(found, expected) for a, b in zip(one, two))


def main():
    counts = {"right": 0, "wrong": 0, "asked_back": 0, "refused": 0, "unexpected": 0}
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MARROW_STORE"] = f"{folder}/store"
        made = make(folder)
        for line in open(os.path.join(SOURCE, "tests", "golden", "ask", "answers.txt"), encoding="utf-8"):
            if line.startswith("#") or not line.strip():
                continue
            dataset, question, expected = (part.strip() for part in line.split(" | ", 2))
            if dataset not in made:
                continue
            answer = json.loads(run("ask", dataset, question, "--json"))
            if expected in ("refused", "asked_back"):
                ok = answer["status"] != "answered"
                counts[answer["status"] if ok else "wrong"] += 1
            elif answer["status"] != "answered":
                ok = False
                counts["unexpected"] += 1
            else:
                ok = right(answer, *rows_of(dataset, expected))
                counts["right" if ok else "wrong"] += 1
            if not ok:
                bad.append(f"{dataset}: {question}\n   {answer['status']}: {answer['reading']} {answer['missing']} {answer.get('value')}")
    print(" ".join(f"{name} {count}" for name, count in counts.items()))
    if bad:
        sys.exit("\n".join(bad))


if __name__ == "__main__":
    main()
