"""Tiers two and three of questions: similarity proposes what is answered when asked; a language model (a small server here) may propose a plan, and nothing else."""
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

MARROW = os.environ["MARROW_BINARY"]
seen = []      # requests' bodies
answer = {}    # what the server is to say


class Model(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        seen.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        time.sleep(answer.get("wait", 0))
        body = answer["raw"] if "raw" in answer else json.dumps({"choices": [{"message": {"role": "assistant", "content": answer["content"]}}]}).encode()
        try:
            self.send_response(answer.get("status", 200))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *args):
        pass


def run(*words, status=0, **more):
    done = subprocess.run([MARROW, *words], capture_output=True, text=True, **more)
    if done.returncode != status:
        sys.exit(f"marrow {' '.join(words)}: exit {done.returncode}, expected {status}\n{done.stdout}{done.stderr}")
    return done.stdout if status == 0 else done.stderr


def ask(question, *more, **how):
    return json.loads(run("ask", "s", question, "--json", *more, **how))


def check(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: expected {expected!r}, found {found!r}")


def make(folder):
    os.makedirs(folder)
    drugs = ("Furosemide", "Metformin", "Aspirin", "Heparin Sodium")
    with open(f"{folder}/patients.csv", "w") as out:
        out.write("patient_id,sex,birth_date\n")
        for i in range(80):
            out.write(f"{i + 1},{'FM'[i % 2]},{1940 + i % 50}-03-0{1 + i % 9}\n")
    with open(f"{folder}/prescriptions.csv", "w") as out:
        out.write("prescription_id,patient_id,start_time,drug,dose\n")
        for i in range(400):
            out.write(f"{i + 1},{1 + i * 7 % 80},20{19 + i % 2}-01-{1 + i % 28:02} 08:00:00,{drugs[i * 7 % 80 % 4]},{10 + i % 90}\n")
    run("import", folder, "--name", "s", "--quiet")


def sql(text):
    return json.loads(run("sql", "s", text, "--format", "json"))["rows"][0][0]


def similarity():
    joined = ask("how many patients on heparinsodium")
    check("one that is alike without doubt", (joined["status"], joined["tier"], joined["value"]), ("answered", "similarity", sql("SELECT count(DISTINCT patient_id) FROM prescriptions WHERE drug = 'Heparin Sodium'")))
    check("the correction is said", any("was read as" in w for w in joined["warnings"]), True)
    check("and less sure", joined["confidence"] < 1, True)
    check("tiers", [t["name"] for t in joined["tiers"]], ["grammar", "similarity"])
    unknown = ask("how many patients on zzqxwv")
    check("what is like nothing is refused", (unknown["status"], unknown["choices"]), ("refused", []))
    ask("how many patients on furosemide")
    doubt = ask("how many patients on furosemide qqq")
    check("a past question is offered", (doubt["status"], "how many patients on furosemide" in doubt["choices"]), ("asked_back", True))
    for choice in doubt["choices"]:
        check(f"every choice is answered: {choice}", ask(choice)["status"], "answered")
    history = json.loads(run("history", "s", "--last", "1", "--json"))["entries"][0]
    check("a choice that is taken", history["taken"]["kind"], "choices")


GOOD = {"intent": "count", "counts": "patient", "of": {"table": "patients"}, "confidence": 0.9,
        "with": [{"table": "prescriptions", "where": [{"column": "drug", "op": "in", "value": "metformin"}, {"column": "dose", "op": "gt", "value": {"slot": 3}}]}]}


def plan(**changes):
    return json.dumps({**GOOD, **changes})


def model(url):
    question = "wibble the frobnicated folk on metformin dose over 50"
    check("nothing without the flag", (ask(question)["status"], seen), ("refused", []))
    answer.update(content=plan())
    good = ask(question, "--llm", url)
    sent = json.dumps(seen[-1][1], ensure_ascii=False)
    check("endpoint", seen[-1][0], "/v1/chat/completions")
    check("masked", [word for word in ("wibble", "frobnicated", "50", "Furosemide") if word in seen[-1][1]["messages"][1]["content"]], [])
    slots = json.loads(seen[-1][1]["messages"][1]["content"])["question"]
    number = next(i for i in range(1, 9) if f"…{i}" in slots and slots.rstrip().endswith(f"…{i}"))
    check("names are there", "prescriptions" in sent and "patient_id" in sent, True)
    answer.update(content=plan(**{"with": [{"table": "prescriptions", "where": [{"column": "drug", "op": "in", "value": "metformin"}, {"column": "dose", "op": "gt", "value": {"slot": number}}]}]}))
    good = ask(question, "--llm", url, "--force")
    check("answered", (good["status"], good["tier"], good["value"]), ("answered", "llm", sql("SELECT count(DISTINCT patient_id) FROM prescriptions WHERE drug = 'Metformin' AND dose > 50")))
    check("said", any("language model" in w for w in good["warnings"]), True)
    check("tiers", [t["name"] for t in good["tiers"]], ["grammar", "similarity", "llm"])
    ask(question, "--llm", url, "--llm-values", "--force")
    check("whole, when it may", "frobnicated" in seen[-1][1]["messages"][1]["content"], True)
    bad = {
        "no JSON": dict(content="{\"intent\": \"count\","),
        "a fence": dict(content="```json\n" + plan() + "\n```"),
        "SQL": dict(content=plan(sql="DELETE FROM patients")),
        "SQL as a value": dict(content=plan(**{"with": [{"table": "prescriptions", "where": [{"column": "drug", "op": "in", "value": "x'; DROP TABLE patients; --"}]}]})),
        "SQL as a name": dict(content=plan(of={"table": "patients; DROP TABLE patients"})),
        "a hallucinated column": dict(content=plan(**{"with": [{"table": "prescriptions", "where": [{"column": "brand", "op": "in", "value": "metformin"}]}]})),
        "a hallucinated value": dict(content=plan(**{"with": [{"table": "prescriptions", "where": [{"column": "drug", "op": "in", "value": "ozempic"}]}]})),
        "not sure": dict(content=plan(confidence=0.2)),
        "no confidence": dict(content=json.dumps({k: v for k, v in GOOD.items() if k != "confidence"})),
        "a slot that is none": dict(content=plan(**{"with": [{"table": "prescriptions", "where": [{"column": "dose", "op": "gt", "value": {"slot": 99}}]}]})),
        "huge": dict(raw=b"{" + b"x" * (1 << 20)),
        "long": dict(content=json.dumps({"intent": "x" * 100000})),
        "an error": dict(raw=b"{}", status=500),
        "not what it should be": dict(raw=b"[1,2]"),
        "deep": dict(content="[" * 10000),
    }
    for name, says in bad.items():
        answer.clear()
        answer.update(says)
        refused = ask(question, "--llm", url, "--force")
        check(name, refused["status"] in ("refused", "asked_back"), True)
        reason = [w for w in refused["why"] if "language model" in w]
        check(f"{name}: said once", len(reason), 1)
        check(f"{name}: nothing of it is quoted", any(word in json.dumps(refused) for word in ("DROP", "DELETE", "ozempic", "brand")), False)
        check(f"{name}: tier", refused["tiers"][-1]["name"], "llm")
    answer.clear()
    answer.update(content=plan(), wait=20)
    started = time.monotonic()
    slow = ask(question, "--llm", url, "--llm-timeout", "1", "--force")
    check("slow", (slow["status"], slow["tiers"][-1]["status"], time.monotonic() - started < 15), ("refused", "failed", True))
    check("nobody there", ask(question, "--llm", "http://127.0.0.1:9/v1", "--force")["tiers"][-1]["status"], "failed")
    for elsewhere in ("http://example.org/v1", "http://127.evil.example/v1", "ftp://127.0.0.1/v1", "http://me:secret@127.0.0.1/v1", "http://10.0.0.1/v1"):
        check(elsewhere, "secret" in run("ask", "s", question, "--llm", elsewhere, status=2), False)
    count = len(seen)
    ask("how many patients", "--llm", url)
    check("not asked where the grammar answers", len(seen), count)
    check("the tables stand", sql("SELECT count(*) FROM patients"), 80)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MARROW_STORE"] = f"{folder}/store"
        os.environ.pop("MARROW_LLM", None)
        make(f"{folder}/in")
        similarity()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            model(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()


if __name__ == "__main__":
    main()
