#!/usr/bin/env python3
"""Recall and precision of `marrow relations` against gold files of true foreign keys.

    bench/relations.py [--marrow build/marrow] [--shared ../shared] [--json OUT]   every set below whose data is there
    bench/relations.py --compare RELATIONS.json GOLD.json                          two files

Sets marked * were held out while the method was made; docs/RELATIONS.md gives their blind figures and what they changed. Needs only Python's standard library; the
data come from SHARED/data/unpack.sh and from `marrow demo-data`."""
import argparse, json, os, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
SETS = [  # name, paths below the unpacked data, gold, held out
    ("mimic3_demo", "mimic3_demo/mimic3_demo.zip", "{shared}/data/gold/mimic3_fk.json", False),
    ("synthea_unmc", "synthea_csv_unmc", HERE + "/gold/unmc.json", False),
    ("omop_csv", "omop_synthea27nj/Synthea27Nj_5.4.zip", HERE + "/gold/omop.json", False),
    ("omop_parquet", "omop_synthea27nj/Synthea27NjParquet_5.4.zip", HERE + "/gold/omop.json", False),
    ("synthea_dbt28", "synthea_csv_dbt28", HERE + "/gold/dbt28.json", True),
    ("nafld", "nafld_multi/nafld1.csv nafld_multi/nafld2.parquet nafld_multi/nafld3.csv", HERE + "/gold/nafld.json", True),
    ("cdisc_sdtm", "cdisc_pilot_sdtm/cdiscpilot_update2.zip", HERE + "/gold/sdtm.json", True),
    ("single", "single", HERE + "/gold/single.json", True),
    ("icu_mortality24", "icu_parquet/mortality24", HERE + "/gold/icu24.json", True),
    ("icu_los", "icu_parquet/los", HERE + "/gold/iculos.json", True),
    ("terminology", "terminology", HERE + "/gold/terminology.json", True),
    ("heart_uci", "heart_uci", HERE + "/gold/heart.json", True),
]


def pairs_of_gold(gold):
    return {tuple(x[k].lower() for k in ("child", "column", "parent", "parent_column")) for x in gold["foreign_keys"]}


def pairs_of_relations(found):
    pairs = set()
    for r in found["relations"]:
        if r["status"] != "rejected":
            child, parent = r["child"], r["parent"]
            pairs.add((child["table"].lower(), "+".join(child["columns"]).lower(), parent["table"].lower(), "+".join(parent["columns"]).lower()))
    return pairs


def compare(found, gold, only=None):
    true, seen = pairs_of_gold(gold), pairs_of_relations(found)
    hit = true & seen
    return {"gold": len(true), "found": len(seen), "recall": len(hit) / len(true) if true else 1.0, "precision": len(hit) / len(seen) if seen else 1.0,
            "missed": sorted(".".join(x[:2]) + " -> " + ".".join(x[2:]) for x in true - seen),
            "extra": sorted(".".join(x[:2]) + " -> " + ".".join(x[2:]) for x in seen - true)}


def show(name, result, seconds=None):
    time_text = "" if seconds is None else f"  {seconds:.2f} s"
    print(f"{name:24} gold {result['gold']:3} found {result['found']:3}  recall {result['recall']:.3f}  precision {result['precision']:.3f}{time_text}")
    for kind in ("missed", "extra"):
        for line in result[kind]:
            print(f"    {kind}: {line}")


def run(marrow, store, path, name):
    base = [marrow, "--store", store]
    subprocess.run(base + ["import"] + path + ["--name", name, "--json"], check=True, stdout=subprocess.DEVNULL)
    start = time.monotonic()
    out = subprocess.run(base + ["relations", name, "--json"], check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out), time.monotonic() - start


def demo_gold(folder):
    """truth.json of `marrow demo-data` holds its foreign keys in the gold files' form."""
    return json.load(open(os.path.join(folder, "truth.json")))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--marrow", default=os.path.join(HERE, "..", "build", "marrow"))
    options.add_argument("--shared", default=os.path.join(HERE, "..", "..", "shared"))
    options.add_argument("--data", help="folder of unpacked sets; else unpack.sh fills a temporary one")
    options.add_argument("--patients", type=int, default=1000)
    options.add_argument("--json")
    options.add_argument("--compare", nargs=2, metavar=("RELATIONS", "GOLD"))
    given = options.parse_args()
    if given.compare:
        result = compare(json.load(open(given.compare[0])), json.load(open(given.compare[1])))
        show(os.path.basename(given.compare[1]), result)
        return 0 if min(result["recall"], result["precision"]) >= .95 else 1
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        data = given.data
        if data is None:
            data = os.path.join(scratch, "data")
            subprocess.run([os.path.join(given.shared, "data", "unpack.sh"), data], check=True, stdout=subprocess.DEVNULL)
        store = os.path.join(scratch, "store")
        demo = os.path.join(scratch, "demo")
        subprocess.run([given.marrow, "demo-data", demo, "--patients", str(given.patients)], check=True, stdout=subprocess.DEVNULL)
        jobs = [("demo-data", [os.path.join(demo, "hospital.zip")], demo_gold(demo), False)]
        for name, path, gold, held_out in SETS:
            gold = gold.format(shared=given.shared)
            paths = [os.path.join(data, part) for part in path.split()]
            if all(map(os.path.exists, paths)) and os.path.exists(gold):
                jobs.append((name, paths, json.load(open(gold)), held_out))
            else:
                print(f"{name:24} skipped: no data or no gold file")
        for name, path, gold, held_out in jobs:
            found, seconds = run(given.marrow, store, path, name)
            results[name] = dict(compare(found, gold), held_out=held_out, seconds=round(seconds, 3))
            show(name + ("*" if held_out else ""), results[name], seconds)
    if given.json:
        json.dump(results, open(given.json, "w"), indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
