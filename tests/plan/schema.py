"""Every golden plan, and TPC-H's, fits docs/plan.schema.json; plans with a mistake do not. Skips without jsonschema."""
import glob, json, os, sys

source = os.environ.get("MARROW_SOURCE") or os.path.join(os.path.dirname(__file__), "..", "..")
try:
    import jsonschema
except ImportError:
    print("SKIPPED: python has no jsonschema")
    sys.exit(77)
schema = json.load(open(os.path.join(source, "docs", "plan.schema.json"), encoding="utf-8"))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)


def golden_plans():
    for path in ("plans.txt", "kernels.txt", "functions.txt"):
        text = open(os.path.join(source, "tests", "golden", "plan", path), encoding="utf-8").read()
        for case in text.split("\n=== ")[1:]:
            given = case.split("--- input\n", 1)[1].split("--- expected\n", 1)[0]
            if given.lstrip().startswith("{"):
                yield path + ": " + case.split("\n", 1)[0], json.loads(given)
    for path in sorted(glob.glob(os.path.join(source, "tests", "tpch", "plans", "*.json"))):
        yield path, json.load(open(path, encoding="utf-8"))


failed, count = 0, 0
for title, plan in golden_plans():
    count += 1
    for error in list(validator.iter_errors(plan))[:1]:
        print(title, "|", error.json_path, "|", error.message[:200])
        failed += 1
scan = {"id": 1, "node": "scan", "table": "t", "columns": [["a", "bigint"]]}
wrong = [{"format": 2, "root": 1, "nodes": [scan]}, {"format": 1, "root": 1, "nodes": []},
         {"format": 1, "root": 1, "nodes": [dict(scan, node="sieve")]}, {"format": 1, "root": 1, "nodes": [dict(scan, tables="t")]},
         {"format": 1, "root": 2, "nodes": [scan, {"id": 2, "node": "filter", "input": 1}]},
         {"format": 1, "root": 2, "nodes": [scan, {"id": 2, "node": "filter", "input": 1, "predicate": {"colum": "a"}}]}]
for plan in wrong:
    if validator.is_valid(plan):
        print("accepted:", json.dumps(plan))
        failed += 1
print(count, "plans fit the schema" if failed == 0 else "plans tried, failed: %d" % failed)
sys.exit(0 if failed == 0 and count > 30 else 1)
