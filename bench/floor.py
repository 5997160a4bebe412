#!/usr/bin/env python3
"""The floor and the peers, one job a process: prints {"seconds": …} of the work itself, without Python's own start.

    floor.py import FOLDER OUT          every CSV by read_csv(sample_size=-1) into one .duckdb, and COPY to Parquet (zstd)
    floor.py import-pandas FOLDER OUT   pandas.read_csv and to_parquet          floor.py import-polars FOLDER OUT
    floor.py tables STORE DATASET OUT   (set-up, not timed) a version's tables into one .duckdb and as Parquet
    floor.py mart DB SQLFILE OUT        hand-written SQL to Parquet
    floor.py mart-polars FOLDER SQLFILE OUT    the same aggregates of the facts' own columns, joined to the anchor
    floor.py mart-featuretools FOLDER RELATIONS OUT     deep feature synthesis at depth 1 on the same keys"""
import glob, json, os, re, shutil, sys, time


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)


def csvs(folder):
    return [(os.path.basename(p)[:-4], p) for p in sorted(glob.glob(folder + "/*.csv"))]


def import_duckdb(folder, out):
    import duckdb
    start = time.perf_counter()
    db = duckdb.connect(out + "/all.duckdb")
    for name, path in csvs(folder):
        db.execute(f"CREATE TABLE \"{name}\" AS SELECT * FROM read_csv('{path}', sample_size=-1)")
        db.execute(f"COPY \"{name}\" TO '{out}/{name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
    db.close()
    return time.perf_counter() - start


def import_pandas(folder, out):
    import pandas
    start = time.perf_counter()
    for name, path in csvs(folder):
        pandas.read_csv(path, low_memory=False).to_parquet(f"{out}/{name}.parquet", compression="zstd")
    return time.perf_counter() - start


def import_polars(folder, out):
    import polars
    start = time.perf_counter()
    for name, path in csvs(folder):
        polars.read_csv(path, infer_schema_length=None, try_parse_dates=True).write_parquet(f"{out}/{name}.parquet", compression="zstd")
    return time.perf_counter() - start


def tables(store, dataset, out):
    import duckdb
    base = f"{store}/datasets/{dataset}"
    version = open(base + "/CURRENT").read().strip()
    db = duckdb.connect(out + "/all.duckdb")
    for t in json.load(open(f"{base}/versions/{version}/manifest.json"))["tables"]:
        db.execute(f"CREATE TABLE \"{t['name']}\" AS SELECT * FROM '{base}/objects/{t['object']}/table.parquet'")
        os.link(f"{base}/objects/{t['object']}/table.parquet", f"{out}/{t['name']}.parquet")
    db.close()
    return 0


FUSED = re.compile(r"marrow_(values|ends|levels)\((.*)\)( FILTER \(.*\))?")
SINGLE = {"count": "count({0}){1}", "distinct": "count(DISTINCT {0}){1}", "mode": "mode({0}){1}", "first": "arg_min({0}){1}", "last": "arg_max({0}){1}"}


def single(call, field):
    """One field of a fused aggregate as an aggregate by itself."""
    kind, args, condition = FUSED.fullmatch(call).groups()
    if kind != "levels":
        return SINGLE[field].format(args, condition or "")
    column, levels = re.fullmatch(r"(.*?), '(\[.*\])'", args).groups()
    level = json.loads(levels.replace("''", "'"))[int(field[1:]) - 1]
    literal = "'" + level.replace("'", "''") + "'" if isinstance(level, str) else str(level)
    return f"count(*) FILTER (WHERE {column} = {literal})"


def unfused(sql):
    """The fused aggregates written one by one, a column for each field that is read (drug_values.mode: drug_values_mode)."""
    totals = re.compile(r'"?(\w+)"? AS \(\n    SELECT\n((?:        .*\n)+)(?=    FROM )')
    for found in list(totals.finditer(sql)):
        name, columns = found.groups()
        fused = {alias.strip('"'): call for call, alias in re.findall(r'(?m)^        (marrow_(?:values|ends|levels)\(.*) AS ("?\w+"?),?$', columns)}
        if not fused:
            continue
        read = {alias: [] for alias in fused}
        def column(match):
            alias, field = match.groups()
            if alias not in fused:
                return match.group(0)
            if field not in read[alias]:
                read[alias].append(field)
            return f"{alias}_{field}"
        readers = re.compile(r'    SELECT\n(?:        .*\n)+    FROM "?' + name + r'"?(?=\n)')
        sql = readers.sub(lambda m: re.sub(r'(?<![\w.])"?(\w+)"?\.(\w+)', column, m.group(0)), sql)
        lines = []
        for line in columns.rstrip("\n").split("\n"):
            alias = line.rstrip(",").rpartition(" AS ")[2].strip('"')
            lines += [f"        {single(fused[alias], field)} AS {alias}_{field}" for field in read[alias]] if alias in fused else [line.rstrip(",")]
        sql = sql.replace(columns, ",\n".join(lines) + "\n")
    return sql


def elements(text):
    """The parts of a list between its commas, those within parentheses, brackets and quotes aside."""
    parts, depth, quote = [""], 0, None
    for c in text:
        if quote:
            quote = None if c == quote else quote
        elif c in "'\"":
            quote = c
        else:
            depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts]


def unpacked(sql):
    """The lists in which a wide relation's columns go through a join (bigints[2]) as columns (bigints_2)."""
    names = r"((?:texts|bigints|doubles|dates|timestamps)(?:_\d+)?)"
    sql = re.sub(r"(?m)^        \[(.*)\] AS " + names + r"(,?)$",
                 lambda m: ",\n".join(f"        {e} AS {m.group(2)}_{i}" for i, e in enumerate(elements(m.group(1)), 1)) + m.group(3), sql)
    return re.sub(r"\." + names + r"\[(\d+)\]", r".\1_\2", sql)


def native(sql):
    """Marrow's SQL with DuckDB's own functions: sums in any order, ties broken as they fall."""
    sql = unfused(unpacked(sql))
    sql = re.sub(r"CAST\(epoch_us\((.*?)\) AS HUGEINT\) \* 18446744073709551616 \+ .*? AS marrow_order", r"\1 AS marrow_order", sql)
    sql = re.sub(r"coalesce\((arg_(?:min|max)\(.*?, marrow_order\)), (?:min|max)\(.*?\)\)", r"\1", sql)
    sql = re.sub(r"marrow_sd\(CAST\((.*?) AS DOUBLE\)\)", r"stddev_samp(\1)", sql)
    sql = re.sub(r"mode\((.*?) ORDER BY .*?\)", r"mode(\1)", sql)
    for own, theirs in (("marrow_sum(", "sum("), ("marrow_mean(", "avg("), ("marrow_mode(", "mode(")):
        sql = sql.replace(own, theirs)
    left = set(re.findall(r"marrow_(?:values|ends|levels|sd|mode|row_hash|sum|mean)\(", sql))
    if left:
        raise SystemExit(f"still Marrow's own: {left}")
    return sql


def mart_duckdb(database, sql_file, out):
    import duckdb
    sql = native(open(sql_file).read())
    start = time.perf_counter()
    db = duckdb.connect(database, read_only=True)
    db.execute(f"COPY (SELECT * FROM ({sql}) ORDER BY 1) TO '{out}/mart.parquet' (FORMAT parquet, COMPRESSION zstd)")
    return time.perf_counter() - start


AGGREGATE = re.compile(r"^\s+(.*) AS (\w+),?$")


def polars_expression(pl, text):
    def column(pattern):
        found = re.fullmatch(pattern, text)
        return found and found.group(1).strip('"')
    level = re.fullmatch(r"count\(\*\) FILTER \(WHERE (\"?\w+\"?) = '(.*)'\)", text)
    if text == "count(*)":
        return None, pl.len()
    if level:
        name = level.group(1).strip('"')
        return name, (pl.col(name) == level.group(2).replace("''", "'")).sum()
    for pattern, make in ((r"min\(([\w\"]+)\)", lambda c: c.min()), (r"max\(([\w\"]+)\)", lambda c: c.max()), (r"avg\(([\w\"]+)\)", lambda c: c.mean()),
                          (r"sum\(([\w\"]+)\)", lambda c: c.sum()), (r"stddev_samp\(([\w\"]+)\)", lambda c: c.std()), (r"count\(DISTINCT ([\w\"]+)\)", lambda c: c.n_unique()),
                          (r"count\(([\w\"]+)\)", lambda c: c.count()), (r"mode\(([\w\"]+)\)", lambda c: c.mode().first()),
                          (r"arg_min\(([\w\"]+), marrow_order\)", lambda c: c.drop_nulls().first()), (r"arg_max\(([\w\"]+), marrow_order\)", lambda c: c.drop_nulls().last())):
        name = column(pattern)
        if name:
            return name, make(pl.col(name))
    return None, None


def mart_polars(folder, sql_file, out):
    import polars as pl
    sql = native(open(sql_file).read())
    facts, asked, done = [], 0, 0
    common = {name.lower(): body for name, body in re.findall(r'(?:WITH |^)"?(\w+)"? AS \(\n(.*?)\n\)', sql, re.S | re.M)}
    for name, group in common.items():
        first = re.search(r'(\w+)"? AS k\d+_0,', group)
        if "_per_" not in name or not first:
            continue
        source = re.search(r'\n    FROM "?(\w+)"?\s', group + "\n").group(1)
        inputs = common.get(source.lower(), group)
        table = re.search(r'\n    FROM "?(\w+)"?\s', inputs + "\n").group(1)
        key, order = re.search(r'(\w+)"? AS marrow_key_0', inputs) if first.group(1) == "marrow_key_0" else first, re.search(r'(\w+)"? AS marrow_order', inputs)
        schema = pl.read_parquet_schema(f"{folder}/{table}.parquet")
        expressions = []
        for line in group.split("\n"):
            found = AGGREGATE.match(line)
            if not found or re.match(r"k\d+_\d+$", found.group(2)):
                continue
            asked += 1
            column, expression = polars_expression(pl, found.group(1))
            if expression is not None and (column is None or column in schema):
                expressions.append(expression.alias(found.group(2)))
                done += 1
        if key and key.group(1) in schema and expressions:
            facts.append((table, key.group(1), order and order.group(1) in schema and order.group(1), expressions))
    start = time.perf_counter()
    joined = None
    for table, key, order, exprs in facts:
        frame = pl.scan_parquet(f"{folder}/{table}.parquet").filter(pl.col(key).is_not_null())
        if order:
            frame = frame.sort(order, maintain_order=True)
        frame = frame.group_by(key).agg(exprs).rename({key: "marrow_key"})
        joined = frame if joined is None else joined.join(frame, on="marrow_key", how="full", coalesce=True)
    joined.collect().sort("marrow_key").write_parquet(out + "/mart.parquet", compression="zstd")
    return time.perf_counter() - start, {"columns": done, "asked": asked}


def mart_featuretools(folder, relations, out):
    import warnings
    warnings.simplefilter("ignore")
    import featuretools as ft
    import pandas as pd
    found = [r for r in json.load(open(relations))["relations"] if r["status"] != "rejected" and r.get("confidence", 1) >= .5 and len(r["child"]["columns"]) == 1]
    parents = [r for r in found if re.search(r"patients?$", r["parent"]["table"].lower())]
    frames = {}
    for r in parents:
        frames[r["child"]["table"]] = pd.read_parquet(f"{folder}/{r['child']['table']}.parquet")
    anchor, key = parents[0]["parent"]["table"], parents[0]["parent"]["columns"][0]
    people = pd.read_parquet(f"{folder}/{anchor}.parquet")
    start = time.perf_counter()
    es = ft.EntitySet("m")
    es.add_dataframe(dataframe_name=anchor, dataframe=people, index=key)
    for name, frame in frames.items():
        es.add_dataframe(dataframe_name=name, dataframe=frame.reset_index(names="marrow_row"), index="marrow_row")
        child = [r for r in parents if r["child"]["table"] == name][0]
        es.add_relationship(anchor, key, name, child["child"]["columns"][0])
    matrix, _ = ft.dfs(entityset=es, target_dataframe_name=anchor, agg_primitives=["count", "mean", "std", "min", "max", "sum", "mode", "num_unique", "first", "last"],
                       trans_primitives=[], max_depth=1, verbose=False)
    matrix.astype({c: str for c in matrix.columns if matrix[c].dtype == object}).to_parquet(out + "/mart.parquet")
    return time.perf_counter() - start, {"columns": int(matrix.shape[1]), "rows": int(matrix.shape[0])}


JOBS = {"import": import_duckdb, "import-pandas": import_pandas, "import-polars": import_polars, "tables": tables, "mart": mart_duckdb,
        "mart-polars": mart_polars, "mart-featuretools": mart_featuretools}

if __name__ == "__main__":
    fresh(sys.argv[-1])
    answer = JOBS[sys.argv[1]](*sys.argv[2:])
    seconds, more = answer if isinstance(answer, tuple) else (answer, {})
    print(json.dumps({"seconds": seconds, **more}))
