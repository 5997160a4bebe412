#!/usr/bin/env python3
"""The same work by others: Ibis builds TPC-H's Q3 and writes its SQL; SQLGlot parses, optimises and writes the same SQL; DuckDB prepares it.
Medians in µs. A peer that is not installed is left out, and said."""
import importlib, statistics, sys, time

ROUNDS = 60
SQL = """SELECT l_orderkey, sum(l_extendedprice * (1 - l_discount)) AS revenue, o_orderdate, o_shippriority
FROM customer, orders, lineitem WHERE c_mktsegment = 'BUILDING' AND c_custkey = o_custkey AND l_orderkey = o_orderkey
AND o_orderdate < DATE '1995-03-15' AND l_shipdate > DATE '1995-03-15'
GROUP BY l_orderkey, o_orderdate, o_shippriority ORDER BY revenue DESC, o_orderdate LIMIT 10"""
TABLES = {
    "customer": {"c_custkey": "int64", "c_mktsegment": "string"},
    "orders": {"o_orderkey": "int64", "o_custkey": "int64", "o_orderdate": "date", "o_shippriority": "int64"},
    "lineitem": {"l_orderkey": "int64", "l_extendedprice": "decimal(15,2)", "l_discount": "decimal(15,2)", "l_shipdate": "date"},
}


def median_us(work):
    work()  # warm
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        work()
        times.append((time.perf_counter_ns() - start) / 1000)
    return statistics.median(times)


def ibis_q3(ibis):
    t = {name: ibis.table(columns, name=name) for name, columns in TABLES.items()}
    c, o, l = t["customer"], t["orders"], t["lineitem"]
    day = ibis.literal("1995-03-15").cast("date")
    c, o, l = c.filter(c.c_mktsegment == "BUILDING"), o.filter(o.o_orderdate < day), l.filter(l.l_shipdate > day)
    j = c.join(o, c.c_custkey == o.o_custkey)
    j = j.join(l, j.o_orderkey == l.l_orderkey)
    a = j.group_by(["l_orderkey", "o_orderdate", "o_shippriority"]).aggregate(revenue=(j.l_extendedprice * (1 - j.l_discount)).sum())
    return ibis.to_sql(a.order_by([a.revenue.desc(), a.o_orderdate]).limit(10), dialect="duckdb")


def peer(name, label, make):
    try:
        module = importlib.import_module(name)
    except ImportError:
        print(f"{label:<34} not installed: left out")
        return
    print(f"{label:<34} median {median_us(make(module)):.0f} us ({name} {getattr(module, '__version__', '')})")


def sqlglot_work(sqlglot):
    optimize = importlib.import_module("sqlglot.optimizer").optimize
    schema = {name: dict(columns) for name, columns in TABLES.items()}
    return lambda: optimize(sqlglot.parse_one(SQL, read="duckdb"), schema=schema, dialect="duckdb").sql("duckdb")


def duckdb_work(duckdb):
    con = duckdb.connect()
    for name, columns in TABLES.items():
        con.execute(f"CREATE TABLE {name} (" + ", ".join(f"{c} {t.replace('int64', 'BIGINT').replace('string', 'VARCHAR')}" for c, t in columns.items()) + ")")
    return lambda: con.execute("EXPLAIN " + SQL).fetchall()


peer("ibis", "ibis: build Q3, to_sql", lambda ibis: lambda: ibis_q3(ibis))
peer("sqlglot", "sqlglot: parse, optimize, sql of Q3", sqlglot_work)
peer("duckdb", "duckdb: bind, plan, optimise Q3", duckdb_work)
sys.exit(0)
