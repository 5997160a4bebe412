"""R reproduces answers: for each question, `ask --r` writes a script with its rows, Rscript runs it, and its own checks hold. A script whose expectation is changed fails.
Skipped without Rscript and its package survival, or without the shared data."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import SHARED, Checks, Program, scratch_directory  # noqa: E402

# At least so many numbers must be compared: a script that checks nothing is no proof.
QUESTIONS = {
    "demo": [("how many admissions per month by sex", 500), ("top 5 drugs", 10), ("list patients with sepsis", 5), ("predictors of death: age, sex", 25), ("survival by sex", 15),
             ("table 1 by sex with p values", 40), ("compare hba1c between sex", 20)],
    "mimic": [("how many patients are there?", 1), ("how many patients per insurance", 8), ("the five most common diagnoses", 15),
              ("what percentage of patients died in hospital", 3), ("Has patient 10006 died?", 2), ("when was patient 10006 first admitted", 1),
              ("average creatinine by gender", 6), ("average age of women with sepsis", 3), ("describe length of stay by insurance", 36),
              ("compare length of stay between insurance", 40), ("is gender associated with insurance", 30)],
    "nafld": [("mean hdl by male", 6), ("which columns have missing values", 4), ("survival by male", 18), ("predictors of bmi", 50),
              ("effect of bmi on survival adjusted for age", 20), ("is bmi correlated with age", 8)],
    "pbc": [("describe chol by stage", 40), ("is age correlated with albumin", 10), ("correlation between bili and copper", 8), ("is sex associated with ascites", 20),
            ("is stage associated with trt", 40), ("predictors of death", 200), ("predictors of ascites: age, bili, albumin", 40), ("compare albumin between trt", 20),
            ("compare bili between stages", 60), ("is age normally distributed", 10), ("survival after 5 years by trt", 20), ("survival in women by stage", 30), ("median survival", 6),
            ("effect of trt on survival adjusted for age, bili", 30), ("table 1 by trt", 100), ("1 year mortality by stage", 40), ("table 1 by stage with p values", 200), ("table 1", 50)],
}
QUESTIONS["pbc"] += [("survival by trt stratified by sex", 18), ("effect of trt on survival adjusted for age stratified by sex", 25), ("odds of ascites by trt stratified by sex", 15)]
QUESTIONS["pbc"] += [("what percentage of patients have ascites by stage", 30), ("median bili by age quartile", 16)]
QUESTIONS["mimic"] += [("what percentage of patients died in hospital by insurance", 24), ("share of patients with diabetes by gender", 12)]
QUESTIONS["pbcseq"] = [("first and last bili", 30), ("did ascites change between the first and last visit", 10), ("change in bili from baseline to month 12", 30)]
QUESTIONS["trial"] = [("did weight change over time", 45), ("did the pain score change from baseline to follow-up", 30), ("did smoking change between before and after", 8),
                      ("median change in crp before and after in arm C", 30), ("compare sbp_pre between arm A and B", 20)]
FILES = {"mimic": ("mimic3_demo", ["mimic3_demo/mimic3_demo.zip"]), "nafld": ("nafld_multi", ["nafld_multi/nafld1.csv", "nafld_multi/nafld2.parquet", "nafld_multi/nafld3.csv"]),
         "pbc": ("single", ["single/pbc.csv"]), "pbcseq": ("single", ["single/pbcseq.csv"])}

checks = Checks("ask_r")
if shutil.which("Rscript") is None or subprocess.run(["Rscript", "-e", "library(survival)"], capture_output=True).returncode != 0:
    checks.skip("everything: no Rscript with the package survival")
    checks.end()
folder = scratch_directory()
program = Program(os.path.join(folder, "store"))
program.must("demo-data", os.path.join(folder, "demo"), "--patients", "400", "--no-fhir")
program.must("import", os.path.join(folder, "demo"), "--name", "demo")
program.must("import", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "ask", "trial.csv"), "--name", "trial")
unpack = os.path.join(SHARED, "data", "unpack.sh")
if os.path.exists(unpack):
    subprocess.run([unpack, folder, *[archive for archive, _ in FILES.values()]], check=True)
    for name, (_, files) in FILES.items():
        program.must("import", *[os.path.join(folder, one) for one in files], "--name", name)


def run(script, locale):
    done = subprocess.run(["Rscript", "--vanilla", script], capture_output=True, text=True, timeout=300, cwd=folder, env=dict(os.environ, LC_ALL=locale))
    found = re.search(r"(\d+) numbers are as Marrow gave them", done.stdout)
    return done.returncode, int(found.group(1)) if found else 0, done.stdout[-600:] + done.stderr[-1200:]


compared = scripts = 0
for dataset, questions in QUESTIONS.items():
    if dataset not in ("demo", "trial") and not os.path.exists(unpack):
        checks.skip(f"{dataset}: no {unpack}")
        continue
    for question, least in questions:
        directory = os.path.join(folder, f"r{scripts}")
        answer = program.must("ask", dataset, question, "--r", directory)
        if not checks.equal(answer["status"], "answered", f"{dataset}: {question}", answer.get("missing")):
            continue
        status, numbers, said = run(os.path.join(directory, "analysis.R"), "C" if scripts % 2 else "C.UTF-8")
        checks.that(status == 0 and numbers >= least, f"{dataset}: {question}: R agrees on {numbers} numbers, at least {least} are expected", said)
        compared += numbers
        scripts += 1

# The checks can fail: one expectation a hundredth off.
if scripts > 0:
    path = os.path.join(folder, "r0", "analysis.R")
    with open(path, encoding="ascii") as file:
        text = file.read()
    at = text.index('"n" = c(') + len('"n" = c(')
    number = re.match(r"[\d.]+", text[at:]).group(0)
    with open(path, "w", encoding="ascii") as file:
        file.write(text[:at] + str(float(number) * 1.01) + text[at + len(number):])
    checks.that(run(path, "C")[0] != 0, "a number that is not Marrow's stops the script")
print(f"{scripts} scripts, {compared} numbers compared")
checks.end()
