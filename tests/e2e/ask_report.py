"""Answers as documents: Markdown, HTML and SVG are whole, escaped and written once; the R script's files are there and the history knows it without values.
Needs no shared data."""
import json
import os
import re
import shutil
import xml.etree.ElementTree as xml
from html.parser import HTMLParser

import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import Checks, Program, scratch_directory  # noqa: E402
import subprocess

checks = Checks("ask_report")
folder = scratch_directory()
program = Program(os.path.join(folder, "store"))
EVIL = "</text><script>alert(1)</script>"


def ask(*words):
    done = subprocess.run([program.binary, "--store", program.store, "ask", "ward", *words], capture_output=True, text=True, cwd=folder)
    return done.returncode, done.stdout, done.stderr


def read(name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return file.read()


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.open = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in ("meta", "rect", "line", "circle", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()


with open(os.path.join(folder, "patients.csv"), "w", encoding="utf-8") as file:
    file.write("patient_id,ward,age,hb\n")
    for i in range(60):
        ward = ["North", "South", EVIL][i % 3]
        file.write(f"P{i:04d},{ward},{30 + i % 40},{'' if i % 7 == 0 else 10 + i % 5}\n")
program.must("import", os.path.join(folder, "patients.csv"), "--name", "ward")
question = "how many patients by ward"

status, out, err = ask(question, "--format", "md")
checks.equal(status, 0, "Markdown is written", err)
for part in ("# how many patients by ward", "**Reading:**", "## Figure", "## Who is counted", "## Warnings", "## Provenance", "## SQL", "SELECT", "plan's signature", "run key"):
    checks.that(part in out, f"the report has {part!r}", out)
checks.that("<script>" not in re.sub(r"```.*?```", "", out, flags=re.S), "markup of the data is escaped in Markdown", out)

status, _, err = ask(question, "--format", "html", "--output", "answer.html")
checks.equal(status, 0, "HTML is written", err)
page = read("answer.html")
tags = Tags()
tags.feed(page)
checks.that("script" not in tags.tags and "img" not in tags.tags and "link" not in tags.tags, "no script and nothing from outside", tags.tags)
checks.that("svg" in tags.tags and "table" in tags.tags, "figure and table are in it")
checks.equal(tags.open, [], "every element is closed")
checks.that("&lt;script&gt;" in page, "the label is there as text")
checks.equal(len(re.findall(r"https?://", page)), len(re.findall(r"http://www.w3.org/2000/svg", page)), "no address but SVG's namespace")
status, _, err = ask(question, "--format", "html", "--output", "answer.html")
checks.that(status != 0 and "there already" in err, "a file that is there is not replaced", err)
checks.equal(read("answer.html"), page, "it is as it was")
checks.equal(ask(question, "--format", "md", "--output", "answer.html", "--overwrite")[0], 0, "--overwrite replaces it")
checks.that(read("answer.html").startswith("# how many"), "it is the other document")
checks.equal([name for name in os.listdir(folder) if "part-" in name or ".tmp" in name], [], "nothing staged is left behind")

status, out, err = ask(question, "--format", "svg")
checks.equal(status, 0, "SVG is written", err)
root = xml.fromstring(out)
texts = [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}text")]
checks.that(any("script" in text for text in texts) and "North (n = 20)" not in out and any("North" in text for text in texts), "labels are texts of the SVG", texts)
checks.equal(out, ask(question, "--format", "svg")[1], "the same bytes each time")
status, _, err = ask("how many patients", "--format", "svg")
checks.that(status != 0 and "no figure" in err, "one number has no figure", err)
checks.equal(ask(question, "--format", "pie")[0], 2, "an unknown format is a usage error")
checks.that(ask(question, "--json", "--format", "md")[0] != 0, "--json and another format contradict each other")

shown = ask(question)[1]
checks.that("█" in shown or "#" in shown, "the figure is below the table", shown)
checks.that("█" not in ask(question, "--no-plot")[1], "--no-plot leaves it out")
plain = subprocess.run([program.binary, "--store", program.store, "ask", "ward", question], capture_output=True, text=True, env=dict(os.environ, LC_ALL="C")).stdout
checks.that("█" not in plain and "##" in plain, "ASCII where the locale is no UTF-8", plain)
checks.equal(ask(question, "--output", "answer.txt")[0], 0, "text goes into a file, too")
checks.that("North" in read("answer.txt") and "\x1b" not in read("answer.txt"), "without colours")
checks.that(json.loads(ask(question, "--format", "json")[1])["figure"]["kind"] == "bars", "the answer has the figure's description")
status, out, _ = ask("how many patients with foobaritis", "--format", "md")
checks.that(status == 0 and "Not answered" in out, "a refused question is a report that says so", out)

status, _, err = ask("average hb by ward", "--r", "check here")
checks.equal(status, 0, "the script is written", err)
checks.that("left the store, for you named this folder" in err, "and said in one line", err)
checks.equal(sorted(os.listdir(os.path.join(folder, "check here"))), ["analysis.R", "data.csv", "data.parquet"], "three files")
checks.that(ask("average hb by ward", "--r", "check here")[0] != 0, "files that are there are not replaced")
script = read("check here/analysis.R")
checks.that(script.isascii(), "the script is ASCII: no locale matters")
checks.that("stopifnot" in script and "expected" in script, "it checks")
if shutil.which("Rscript") is None:
    checks.skip("running the script: no Rscript")
else:
    ran = subprocess.run(["Rscript", "--vanilla", os.path.join("check here", "analysis.R")], capture_output=True, text=True, cwd=folder)
    checks.that(ran.returncode == 0 and "numbers are as Marrow gave them" in ran.stdout, "R finds the rows beside the script, in a folder with a blank", ran.stdout, ran.stderr)
checks.that(ask("how many patients with foobaritis", "--r", "none")[0] == 0 and not os.path.exists(os.path.join(folder, "none")), "no answer, no script")
for name in ("data.csv", "data.parquet"):
    again = program.must("import", os.path.join(folder, "check here", name), "--name", name.replace(".", "_"))
    checks.equal(again["tables"][0]["rows"], 60, f"{name} has every row")
entries = [one for one in program.must("history", "ward")["entries"] if one["kind"] == "export"]
checks.that(len(entries) == 1 and entries[0]["what"] == "answer" and entries[0]["rows"] == 60 and len(entries[0]["run_key"]) == 64, "the history knows that rows left", entries)
checks.that(not re.search(r"North|South|script|P00\d\d", json.dumps(program.must("history", "ward"))), "and none of their values")
checks.end()
