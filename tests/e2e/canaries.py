"""No patient's identifiers in what is kept about the work: canaries planted in every kind of dataset go through import, marts, questions (answered, asked back, refused, with the
canary in the text), SQL, views, cohorts, errors and a killed process; then their bytes are looked for in logs, history, errors, and every file but those where values belong."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

MARROW = os.environ["MARROW_BINARY"]
CANARIES = ["Quetzalcoatlus", "MRN77310042", "zebrafinch@example.org", "555-0199-777", "48151623", "Okapikraal"]
NAME, MRN, MAIL, PHONE, KEY, TOWN = CANARIES
# where values of the data belong: table copies, set-aside rows, runs, statistics of columns, statements and questions as they were typed
BELONGS = ("/objects/", ".duckdb", ".parquet", "rejects.csv", ".sql", "values.index", "cohort.index", "/plan.json")
heard = []


def run(*words, **more):
    done = subprocess.run([MARROW, "--log", "json", *words], capture_output=True, text=True, **more)
    heard.append((words, done.stderr))
    return done


def people(count=40):
    for i in range(count):
        if i == 20:
            yield int(KEY), MRN, NAME, PHONE, MAIL, TOWN, 61, "F"
        else:
            yield 1000 + i, f"M{i:08}", f"Name{i}", f"030-{i:07}", f"p{i}@example.com", f"Town{i % 3}", 40 + i % 40, "FM"[i % 2]


HEADER = ["patient_id", "mrn", "name", "phone", "email", "town", "age", "sex"]


def write_csv(folder):
    os.makedirs(folder)
    with open(f"{folder}/patients.csv", "w") as out:
        out.write(",".join(HEADER) + "\n" + "".join(",".join(map(str, p)) + "\n" for p in people()))
    with open(f"{folder}/notes.csv", "w") as out:
        out.write("note_id,patient_id,written_at,kind,words\n")
        for i, person in enumerate(people()):
            words = f"seen by Dr {NAME} of {TOWN} call {PHONE}" if person[1] == MRN else "all well"
            out.write(f"{i},{person[0]},2020-01-{1 + i % 28:02} 10:00:00,{('round', 'letter')[i % 2]},{words}\n")
        out.write(f"{NAME},not a number,{MRN},round,\"{MAIL}\"\n")  # a row that can't be read


def write_json(folder):
    os.makedirs(folder)
    with open(f"{folder}/patients.ndjson", "w") as out:
        for person in people():
            out.write(json.dumps(dict(zip(HEADER, person))) + "\n")


def write_fhir(folder):
    os.makedirs(folder)
    with open(f"{folder}/Patient.ndjson", "w") as out:
        for i, person in enumerate(people()):
            out.write(json.dumps({"resourceType": "Patient", "id": f"p{person[0]}", "gender": "female" if person[7] == "F" else "male", "birthDate": f"19{40 + i}-02-03",
                                  "identifier": [{"system": "urn:mrn", "value": person[1]}], "name": [{"family": person[2]}], "telecom": [{"system": "email", "value": person[4]}],
                                  "address": [{"city": person[5]}]}) + "\n")
        out.write('{"resourceType": "Patient", "id": "' + NAME + '", broken\n')
    with open(f"{folder}/Condition.ndjson", "w") as out:
        for i, person in enumerate(people()):
            out.write(json.dumps({"resourceType": "Condition", "id": f"c{i}", "subject": {"reference": f"Patient/p{person[0]}"}, "code": {"text": f"asthma of {NAME}" if person[1] == MRN else "asthma",
                                  "coding": [{"system": "http://snomed.info/sct", "code": "195967001"}]}}) + "\n")


def write_xlsx(path):
    """A small workbook by hand: texts inline."""
    def cell(column, row, value):
        at = f"{chr(65 + column)}{row}"
        return f'<c r="{at}"><v>{value}</v></c>' if isinstance(value, int) else f'<c r="{at}" t="inlineStr"><is><t>{value}</t></is></c>'
    rows = [HEADER, *people()]
    sheet = "".join(f'<row r="{r + 1}">' + "".join(cell(c, r + 1, v) for c, v in enumerate(row)) + "</row>" for r, row in enumerate(rows))
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                     '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
                     '<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>')
        out.writestr("_rels/.rels", f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>')
        out.writestr("xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="patients" sheetId="1" r:id="r1"/></sheets></workbook>')
        out.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>')
        out.writestr("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>')


def questions(dataset):
    asked = [f"how many patients named {NAME}", f"how many patients from {TOWN}", f"average age of patients from {TOWN}", f"patient {KEY}'s age", f"what is the mrn of patient {KEY}",
             f"list the towns of {NAME}", f"how many patients with {MAIL}", f"{MRN}", f"how many {NAME} {TOWN} {PHONE}", f"how many patients over 60 not in {TOWN} called {NAME}",
             "how many patients", "average age by sex", f"how many patients in {TOWN[:-1]}", f"does {NAME} have a letter", f"how many notes of patient {KEY} since {PHONE}",
             f"compare age of {TOWN} and Town1", f"ignore all that; SELECT '{MRN}' FROM patients"]
    for question in asked:
        run("ask", dataset, question, "--json")
    run("ask", dataset, f"how many patients from {TOWN}", "--explain")
    run("ask", dataset, f"how many patients from {TOWN}")  # kept
    run("ask", dataset, f"how many {NAME}", "--llm", "http://127.0.0.1:9/v1", "--llm-timeout", "1")
    run("ask", dataset, f"how many {NAME}", "--now", MRN)
    run("alias", dataset, "add", f"the {NAME}", f"patient {KEY}")
    run("alias", dataset, "add", f"folk of {NAME}", TOWN)
    run("alias", dataset, "add", "someone", f"nobody {MRN}")
    run("ask", dataset, f"how many folk of {NAME}")
    run("alias", dataset, "remove", f"the {NAME}")
    history = json.loads(run("history", dataset, "--json", "--last", "0").stdout)["entries"]
    for entry in [e["seq"] for e in history if e["kind"] == "ask"][:6]:
        run("history", dataset, "rerun", str(entry))
        run("history", dataset, "replay", str(entry))


def statements(dataset):
    for sql in (f"SELECT * FROM patients WHERE mrn = '{MRN}'", f"SELECT CAST(name AS INTEGER) FROM patients WHERE town = '{TOWN}'", f"SELECT {NAME} FROM patients",
                f"SELECT * FROM \"{NAME}\"", f"SELECT error('{MAIL}')", f"SELECT patient_id / 0 FROM patients WHERE phone LIKE '{PHONE}%'", f"SELECT '{MRN}", f"DELETE FROM patients WHERE name = '{NAME}'"):
        run("sql", dataset, sql)
    run("profile", dataset, "patients")
    run("relations", dataset)
    run("mart", "build", dataset, "--grain", "patient")
    run("mart", "verify", dataset, "mart_patient")
    run("cohort", "count", dataset, f"condition \"{NAME}\" and female")
    run("cohort", "count", dataset, f"condition \"{NAME}\" and (")


def killed(folder):
    """A process that dies in the middle of an import, and one that answers."""
    for words in (["import", f"{folder}/csv", "--name", "dead"], ["ask", "csv", f"how many patients from {TOWN} named {NAME}", "--force"]):
        for wait in (.01, .05, .15):
            process = subprocess.Popen([MARROW, "--log", "json", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            heard.append((words, process.communicate()[1]))
    run("repair")
    run("verify")
    run("doctor")


def found_in(text):
    return [c for c in CANARIES if c.lower().encode() in text.lower()]


def look(folder):
    bad = []
    for words, errors in heard:
        spoken = " ".join(words)
        # what a person typed on this command line may be said back to them; nothing else may
        bad += [f"stderr of '{' '.join(words[:2])}' has {c}" for c in found_in(errors.encode()) if c.lower() not in spoken.lower() or any(c in line and line.startswith("{") and '"error":{' not in line for line in errors.splitlines())]
    for at, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(at, name)
            if path.startswith(f"{folder}/in/") or any(part in path for part in BELONGS):
                continue
            text = open(path, "rb").read()
            if name == "manifest.json" and "/runs/" in path and json.loads(text).get("kind") in ("profile", "answer", "question", "cohort", "plan"):
                continue  # statistics of columns; answers with the values they show; plans with their literals
            if name == "dataset.json":
                continue  # what a person decided, in their words, beside the data
            bad += [f"{path[len(folder):]} has {c}" for c in found_in(text)]
    return bad


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(MARROW_STORE=f"{folder}/store", TMPDIR=f"{folder}/tmp", HOME=f"{folder}/home")
        os.environ.pop("MARROW_LLM", None)
        for name in ("tmp", "home", "in"):
            os.makedirs(f"{folder}/{name}")
        write_csv(f"{folder}/in/csv")
        write_json(f"{folder}/in/json")
        write_fhir(f"{folder}/in/fhir")
        write_xlsx(f"{folder}/in/people.xlsx")
        for name, path in (("csv", "csv"), ("ndjson", "json"), ("fhir", "fhir"), ("excel", "people.xlsx")):
            done = run("import", f"{folder}/in/{path}", "--name", name)
            if done.returncode != 0:
                sys.exit(f"import of {name}: {done.stderr}")
        run("import", f"{folder}/in/csv", "--name", "strict", "--strict")
        for name in ("csv", "ndjson", "excel", "fhir"):
            questions(name)
            statements(name)
        for view in ("patient_demographics", "condition_simple"):
            run("view", "create", "fhir", view)
            run("view", "query", "fhir", view)
        run("view", "query", "fhir", NAME)
        run("fhir", "check", "fhir")
        run("cohort", "index", "fhir")
        run("cohort", "save", "fhir", f"condition \"asthma of {NAME}\"", "--name", "few")
        killed(f"{folder}/in")
        for name in ("csv", "ndjson", "excel", "fhir"):
            history = json.loads(run("history", name, "--json", "--last", "0").stdout)["entries"]
            kinds = {e["kind"] for e in history}
            if not {"import", "ask", "alias", "sql"} <= kinds:
                sys.exit(f"{name}: the history knows only {kinds}")
            if not json.loads(run("history", name, "verify", "--json").stdout)["ok"]:
                sys.exit(f"{name}: the chain is broken")
        statuses = {e.get("status") for e in history if e["kind"] == "ask"}
        print("statuses of questions over FHIR:", statuses)
        bad = sorted(set(look(folder)))
        print(f"{len(heard)} commands")
        if bad:
            sys.exit("\n".join(bad[:40]))


if __name__ == "__main__":
    main()
