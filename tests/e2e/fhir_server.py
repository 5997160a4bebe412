"""Import from a FHIR server (Bulk Data), against a server on the loopback interface that behaves, and that misbehaves in every way that is asked
of it: what comes in is whole or nothing, and the error says what the server did."""
import email.utils
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import Checks, Program, scratch_directory  # noqa: E402

checks = Checks("e2e/fhir_server")
scratch = scratch_directory()
program = Program(os.path.join(scratch, "store"))
TIME = "2024-05-01T00:00:00Z"


def lines(*resources):
    return "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in resources).encode()


def patient(ident, **members):
    return dict({"resourceType": "Patient", "id": ident}, **members)


def condition(ident, of):
    return {"resourceType": "Condition", "id": ident, "subject": {"reference": f"Patient/{of}"}}


def gone(*urls):
    return {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": url}} for url in urls]}


PEOPLE = lines(*(patient(f"p{n}") for n in range(3000)))
FACTS = lines(*(condition(f"c{n}", f"p{n % 3000}") for n in range(5000)))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server_address[1]}/fhir"
        self.reset()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *ignored):
        """Clients that hang up are part of the test."""

    def reset(self, **ways):
        self.ways, self.seen, self.polls, self.cuts = ways, [], 0, 0
        self.files = ways.get("files") or {"people": ("output", "Patient", PEOPLE), "facts": ("output", "Condition", FACTS)}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *ignored):
        pass

    def give(self, status, body=b"", kind="application/fhir+json", **headers):
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(headers.pop("length", len(body))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass

    def do_DELETE(self):
        self.server.seen.append(("DELETE", self.path, dict(self.headers)))
        self.give(202)

    def do_GET(self):
        server, ways = self.server, self.server.ways
        server.seen.append(("GET", self.path, dict(self.headers)))
        if ways.get("token") and self.headers.get("Authorization") != f"Bearer {ways['token']}":
            return self.give(401, {"resourceType": "OperationOutcome", "issue": [{"code": "login", "diagnostics": "who are you?"}]})
        if "$export" in self.path:
            return self.kick_off()
        if self.path.startswith("/job"):
            return self.state()
        return self.file(self.path.rsplit("/", 1)[-1])

    def kick_off(self):
        way = self.server.ways.get("kickoff")
        if way == "html":
            return self.give(200, b"<!doctype html><html>log in</html>", "text/html; charset=utf-8")
        if way == "no location":
            return self.give(202)
        if way == "busy" and len(self.server.seen) <= 2:
            return self.give(429, Retry_After=email.utils.formatdate(time.time() + 2, usegmt=True))
        if way == "header":
            return self.give(202, Content_Location="x" * 400000)
        if way == "loop":
            return self.give(302, Location=self.path)
        if isinstance(way, int):
            return self.give(way, {"resourceType": "OperationOutcome", "issue": [{"code": "processing", "details": {"text": "the export is broken"}}]})
        return self.give(202, Content_Location=self.server.ways.get("location") or f"http://127.0.0.1:{self.server.server_address[1]}/job/1")

    def state(self):
        server, ways = self.server, self.server.ways
        server.polls += 1
        if server.polls <= ways.get("waits", 1):
            return self.give(429 if ways.get("busy") else 202, Retry_After="1", X_Progress="50 % done")
        if "manifest" in ways:
            return self.give(*ways["manifest"])
        outputs = {"output": [], "deleted": [], "error": []}
        for name, (kind, resource, body) in server.files.items():
            outputs[kind].append({"type": resource, "url": f"http://127.0.0.1:{server.server_address[1]}/files/{name}", "count": body.count(b"\n") + ways.get("more", 0)})
        return self.give(200, dict({"transactionTime": ways.get("time", TIME), "request": "x", "requiresAccessToken": bool(ways.get("token"))}, **outputs), "application/json")

    def file(self, name):
        server, way = self.server, self.server.ways.get("file")
        body = server.files[name][2]
        if way == "html":
            return self.give(200, b"<html>expired</html>", "text/html")
        if isinstance(way, int):
            return self.give(way)
        if way == "lies":
            self.give(200, body[: len(body) // 2], "application/fhir+ndjson", length=len(body))
            self.close_connection = True
            return None
        start = 0
        if self.headers.get("Range") and way != "no ranges":
            start = int(self.headers["Range"].split("=")[1].split("-")[0])
        if way in ("cut", "no ranges") and server.cuts < (3 if way == "cut" else 2):
            server.cuts += 1
            end = start + (len(body) - start) // 2
            extra = {"Content_Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
            self.give(206 if start else 200, body[start:end], "application/fhir+ndjson", length=len(body) - start, Accept_Ranges="bytes" if way == "cut" else "none", ETag='"v1"', **extra)
            self.close_connection = True
            return None
        if way == "slow":
            time.sleep(30)
        extra = {"Content_Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        return self.give(206 if start else 200, body[start:], "application/fhir+ndjson", ETag='"v1"', **extra)


server = Server()


def counts(answer):
    return {table["name"]: table["rows"] for table in answer["tables"]}


def refused(what, words, hint="", **ways):
    server.reset(**ways)
    ran = program.run("import", "--from-server", server.base, "--name", "refused")
    error = ran.error or {}
    checks.that(ran.status != 0 and words in error.get("message", "") + str(error.get("detail")), f"{what}: the error says {words}", error, ran.out[:200])
    checks.that(hint in str(error.get("hint")), f"{what}: the hint says {hint}", error)
    checks.equal(program.current("refused"), None, f"{what}: nothing half imported")
    checks.equal(os.listdir(os.path.join(program.store, "tmp")), [], f"{what}: nothing is left behind")
    return error


def deleted_jobs():
    return [path for method, path, _ in server.seen if method == "DELETE"]


def a_whole_export():
    server.reset(waits=2)
    answer = program.must("import", "--from-server", server.base, "--name", "ward", "--group", "g 1", "--resource-types", "Patient,Condition")
    checks.equal(counts(answer), {"Patient": 3000, "Condition": 5000}, "rows")
    _, path, headers = server.seen[0]
    checks.equal(path, "/fhir/Group/g%201/$export?_outputFormat=application%2Ffhir%2Bndjson&_type=Patient%2CCondition", "the kick-off")
    checks.equal((headers.get("Prefer"), headers.get("Accept")), ("respond-async", "application/fhir+json"), "its headers")
    checks.equal(deleted_jobs(), ["/job/1"], "the job is let go of")
    shown = program.must("show", "ward")
    checks.equal([(one["kind"], one["path"], one["transaction_time"], one["group"]) for one in shown["inputs"]], [("server", server.base, TIME, "g 1")], "the manifest says where from")
    checks.that(all(table["source"].startswith(server.base) for table in shown["tables"]), "sources are told by the server's name")


def changes():
    server.reset()
    program.must("import", "--from-server", server.base, "--name", "moving")
    server.reset(time="2024-06-01T00:00:00Z", files={
        "people": ("output", "Patient", lines(patient("p1", gender="male"), patient("new"))), "gone": ("deleted", "Bundle", lines(gone("Patient/p2", "Condition/c0"))),
        "errors": ("error", "OperationOutcome", lines({"resourceType": "OperationOutcome", "issue": []}))})
    answer = program.must("import", "--from-server", server.base, "--name", "moving", "--since", "last")
    checks.that("_since=2024-05-01T00%3A00%3A00Z" in server.seen[0][1], "since the last export", server.seen[0])
    checks.equal(counts(answer), {"Patient": 3000, "Condition": 4999}, "one new, one changed, one of each gone")
    checks.equal(program.rows("moving", "SELECT id, resource->>'$.gender' g FROM Patient WHERE id IN ('p1', 'p2', 'new') ORDER BY id"), [["new", None], ["p1", "male"]], "what they are now")
    checks.equal(program.must("show", "moving")["inputs"][0]["problems"], 1, "the server's problems are counted")
    before = program.rows("moving", "SELECT count(*) n, sum(content_hash % 1000) h FROM Condition")
    server.reset(time="2024-07-01T00:00:00Z", files={"none": ("output", "Patient", b"")})
    answer = program.must("import", "--from-server", server.base, "--name", "moving", "--since", "last")
    checks.equal(counts(answer), {"Patient": 3000, "Condition": 4999}, "no changes")
    checks.equal(program.rows("moving", "SELECT count(*) n, sum(content_hash % 1000) h FROM Condition"), before, "texts stay as they were")
    checks.that(answer["reused"], "the same content is the same version")
    server.reset()
    ran = program.run("import", "--from-server", server.base, "--name", "nothing", "--since", "last")
    checks.that(ran.status != 0 and "no export" in ran.error["message"], "no export to follow", ran.error)


def tokens():
    path = os.path.join(scratch, "token")
    with open(path, "w", encoding="ascii") as file:
        file.write("sesame\n")
    server.reset(token="sesame")
    answer = program.must("import", "--from-server", server.base, "--name", "locked", "--token-file", path)
    checks.equal(counts(answer), {"Patient": 3000, "Condition": 5000}, "with a token")
    answer = program.must("import", "--from-server", server.base, "--name", "locked", env={"MARROW_FHIR_TOKEN": "sesame"})
    checks.that(answer["reused"], "from the environment")
    error = refused("no token", "401", "--token-file", token="sesame")
    checks.that("who are you?" in str(error.get("detail")), "the server's own words", error)
    for root, _, files in os.walk(program.store):
        for file in files:
            with open(os.path.join(root, file), "rb") as stream:
                checks.that(b"sesame" not in stream.read(), "the token is kept nowhere", file)


def a_bad_server():
    refused("a login page", "web page", "FHIR base", kickoff="html")
    refused("no Content-Location", "Content-Location", "Bulk Data", kickoff="no location")
    refused("a redirect in a circle", "redirect", kickoff="loop")
    refused("a header without end", "header longer than", kickoff="header")
    error = refused("500", "500", "try again", kickoff=500)
    checks.that("processing: the export is broken" in str(error.get("detail")), "an OperationOutcome is told", error)
    refused("404", "404", "check the address", kickoff=404)
    refused("a status elsewhere", "Content-Location", location="ftp://elsewhere/job")
    refused("no JSON", "list of files", manifest=(200, b"{not json", "application/json"))
    refused("a manifest that is none", "no member output", manifest=(200, {"transactionTime": TIME}))
    refused("a page for a manifest", "web page", manifest=(200, b"<html></html>", "text/html"))
    refused("an OperationOutcome in place of a manifest", "the export failed", manifest=(500, {"resourceType": "OperationOutcome", "issue": [{"code": "exception", "diagnostics": "the export failed"}]}))
    refused("a page for a file", "web page", file="html")
    refused("a file that has gone", "404", "kept for a time", file=404)
    refused("fewer than promised", "had promised", "export again", more=7)
    refused("a file cut for good", "", file="lies")
    checks.equal(deleted_jobs(), ["/job/1"], "a job that failed is let go of too")
    refused("no resource at all", "no data", files={"none": ("output", "Patient", b"")})


def cut_and_continued():
    server.reset(file="cut")
    answer = program.must("import", "--from-server", server.base, "--name", "cut")
    checks.equal(counts(answer), {"Patient": 3000, "Condition": 5000}, "cut three times, continued by Range")
    checks.that(any(headers.get("Range") for _, _, headers in server.seen), "Range was asked for")
    server.reset(file="no ranges")
    answer = program.must("import", "--from-server", server.base, "--name", "cut2")
    checks.equal(counts(answer), {"Patient": 3000, "Condition": 5000}, "cut twice by a server without ranges: from the start")
    server.reset(busy=True, waits=1)
    checks.equal(counts(program.must("import", "--from-server", server.base, "--name", "busy")), {"Patient": 3000, "Condition": 5000}, "429 is waited for")
    server.reset(kickoff="busy")
    began = time.time()
    checks.equal(counts(program.must("import", "--from-server", server.base, "--name", "dated")), {"Patient": 3000, "Condition": 5000}, "a kick-off with 429 too")
    checks.that(time.time() - began > 2, "until the date that Retry-After gives", time.time() - began)


def interrupted():
    server.reset(file="slow", waits=0)
    child = subprocess.Popen(program.command("import", "--from-server", server.base, "--name", "stopped"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.time() + 60
    while time.time() < until and not any("/files/" in path for _, path, _ in server.seen):
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    began = time.time()
    child.communicate(timeout=60)
    checks.that(child.returncode != 0 and time.time() - began < 10, "Ctrl-C ends it soon", child.returncode, time.time() - began)
    checks.equal(program.current("stopped"), None, "nothing is there")
    checks.equal(deleted_jobs(), ["/job/1"], "the job is let go of")


def usage():
    for words in (["--since", "last", "x.ndjson"], ["--from-server", server.base + "?a=b"], ["--from-server", "ftp://x/y"], []):
        ran = program.run("import", *words, "--name", "usage")
        checks.that(ran.status != 0 and ran.error and ran.error.get("hint"), "said with a hint", words, ran.err)


for case in (a_whole_export, changes, tokens, a_bad_server, cut_and_continued, interrupted, usage):
    case()
checks.end()
