#!/usr/bin/env python3
"""The same view by fhir4ds-v2 (PyPI: ViewDefinition → SQL for DuckDB, with FHIRPath as functions): fhir_fhir4ds.py VIEW.json FILE.ndjson
Prints {"seconds", "cpu", "rows"}: the file's lines as its table of resources, the view's rows into a table."""
import json, sys, time
import fhir4ds

view = json.load(open(sys.argv[1]))
view.pop("resourceType", None) # it knows only the older form of it
connection = fhir4ds.create_connection()
start, worked = time.perf_counter(), time.process_time()
connection.execute(f"CREATE TABLE resources AS SELECT json AS resource, json->>'$.resourceType' AS \"resourceType\", json->>'$.id' AS id FROM read_ndjson_objects('{sys.argv[2]}')")
connection.execute("CREATE TABLE rows AS " + fhir4ds.generate_view_sql(json.dumps(view)))
seconds, worked = time.perf_counter() - start, time.process_time() - worked
print(json.dumps({"seconds": seconds, "cpu": worked, "rows": connection.execute("SELECT count(*) FROM rows").fetchone()[0]}))
