"""Statistical questions over real and synthetic data, each held against R's numbers (tests/golden/ask/statistics.txt, made by statistics.R beside it).
No answer may be wrong: the test must be the one that the file names, the numbers R's."""
import json
import math
import os
import subprocess
import sys
import tempfile
import zipfile

MARROW, SHARED = os.environ["MARROW_BINARY"], os.environ["MARROW_SHARED"]
SOURCE = os.environ.get("MARROW_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SETS = {"pbc": ["single/pbc.csv"], "colon": ["single/colon.csv"], "pbcseq": ["single/pbcseq.csv"], "indo_rct": ["single/indo_rct.csv"],
        "heart": ["heart_uci/processed.cleveland.data"], "nafld": ["nafld_multi/nafld1.csv", "nafld_multi/nafld2.parquet", "nafld_multi/nafld3.csv"],
        "mimic": ["mimic3_demo/mimic3_demo.zip"], "diabetes130": ["diabetic_data.csv"]}
BESIDE = ["trial", "anorexia"]  # with the golden file
NAMES = {"statistic": "statistic", "df": "df", "p": "p", "estimate": "estimate", "low": "ci_low", "high": "ci_high"}


def run(*words):
    done = subprocess.run([MARROW, *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"marrow {words[0]}: {done.stderr}")
    return done.stdout


def make(folder):
    run("demo-data", f"{folder}/demo", "--patients", "1000", "--no-fhir")
    run("import", f"{folder}/demo", "--name", "demo", "--quiet")
    for name in BESIDE:
        run("import", os.path.join(SOURCE, "tests", "golden", "ask", f"{name}.csv"), "--name", name, "--quiet")
    unpack = os.path.join(SHARED, "data", "unpack.sh")
    if not os.path.exists(unpack):
        print(f"SKIPPED: all but demo: no {unpack}")
        return {"demo", *BESIDE}
    subprocess.run([unpack, folder, "single", "heart_uci", "nafld_multi", "mimic3_demo", "diabetes130"], check=True)
    with zipfile.ZipFile(f"{folder}/diabetes130/dataset_diabetes.zip") as whole, open(f"{folder}/diabetic_data.csv", "wb") as out:
        out.write(whole.read("dataset_diabetes/diabetic_data.csv"))
    for name, files in SETS.items():
        run("import", *[os.path.join(folder, f) for f in files], "--name", name, "--quiet")
    return {"demo", *BESIDE, *SETS}


def cell(result, key):
    row, column = key.rsplit(":", 1)
    at = result["columns"].index(column)
    for values in result["rows"]:
        if values[0] == row:
            return values[at]
    return f"no row {row}"


def term(statistics, key):
    name, member = key.rsplit(":", 1)
    for one in statistics:
        if one.get("term") == name and "se" in one:
            return one[member]
    return f"no term {name}"


def found(answer, key):
    if key in ("n", "value"):
        return answer.get(key)
    if key.startswith("cell:"):
        return cell(answer["result"], key[5:])
    if key.startswith("term:"):
        return term(answer["result"]["statistics"], key[5:])
    return answer["result"]["statistics"][0].get(NAMES[key])


def same(key, expected, value):
    if expected == "NA":
        return value is None
    try:
        number = float(expected)
    except ValueError:
        return str(value) == expected
    if isinstance(value, str):
        return value == expected
    probability = key == "p" or key.endswith(":p")  # below 1e-280 they have lost digits in R and here
    return value is not None and math.isclose(float(value), number, rel_tol=1e-4 if probability else 1e-6, abs_tol=1e-280 if probability else 1e-12)


def wrong(answer, test, expectations):
    if answer["test"]["name"] != test:
        return [f"test is {answer['test']['name']}, expected {test}"]
    parts = [part.split("=", 1) if part.count("=") == 1 else part.rsplit("=", 1) for part in expectations.split("; ")]
    return [f"{key} is {found(answer, key)}, R has {value}" for key, value in parts if not same(key, value, found(answer, key))]


def main():
    counts = {"right": 0, "wrong": 0, "asked_back": 0, "refused": 0, "unexpected": 0, "numbers": 0}
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MARROW_STORE"] = os.environ.get("MARROW_KEPT_STORE") or f"{folder}/store"
        made = make(folder) if "MARROW_KEPT_STORE" not in os.environ else {"demo", *BESIDE, *SETS}
        for line in open(os.path.join(SOURCE, "tests", "golden", "ask", "statistics.txt"), encoding="utf-8"):
            dataset, question, test, expectations = (part.strip() for part in line.rstrip("\n").split(" | ", 3))
            if dataset not in made:
                continue
            answer = json.loads(run("ask", dataset, question, "--json", "--force"))
            if test in ("refused", "asked_back"):
                faults = [] if answer["status"] != "answered" else [f"answered, expected {test}"]
                counts[answer["status"] if not faults else "wrong"] += 1
            elif answer["status"] != "answered":
                faults = [f"{answer['status']} {answer['missing']}"]
                counts["unexpected"] += 1
            else:
                faults = wrong(answer, test, expectations)
                counts["right" if not faults else "wrong"] += 1
                counts["numbers"] += len(expectations.split("; "))
            if faults:
                bad.append(f"{dataset}: {question}\n   " + "\n   ".join([answer["reading"], *faults]))
    print(" ".join(f"{name} {count}" for name, count in counts.items()))
    if bad:
        sys.exit("\n".join(bad))


if __name__ == "__main__":
    main()
