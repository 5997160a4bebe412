#!/usr/bin/env python3
"""The same view by pysof (PyPI: Helios' SQL on FHIR, in Rust, all cores): fhir_pysof.py VIEW.json FILE.ndjson   Prints {"seconds", "cpu", "rows"}. It reads the
file itself, in chunks, and writes rows as NDJSON, which are dropped."""
import json, os, sys, time
import pysof

view = open(sys.argv[1]).read()
start, worked = time.perf_counter(), time.process_time()
stats = pysof.process_ndjson_to_file(view, sys.argv[2], "/dev/null", "ndjson", chunk_size=1000)
print(json.dumps({"seconds": time.perf_counter() - start, "cpu": time.process_time() - worked, "rows": stats["output_rows"]}))
