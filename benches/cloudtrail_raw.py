"""What reading CloudTrail's files costs: crannog beside DuckDB's JSON reader and a Python loader, in turn, on the same bucket.

The bucket is `crannog demo --kind cloudtrail`. Each side takes eight columns of every event, two of them from the nested
identity, and sums them up; the sums must be the same. Each run is a process of its own, measured by wait4; the table gives events
a CPU second, by the median CPU time. The last line is one JSON object of all figures.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import crannog
from rounds import in_turn
from whole_job import measured, spread

COLUMNS = ["eventID", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "eventTime"]
IDENTITY = ["type", "arn"]

SQL = """SELECT count(*) AS events, count(DISTINCT eventID) AS ids, count(DISTINCT eventSource) AS sources,
count(DISTINCT eventName) AS names, count(DISTINCT awsRegion) AS regions, count(DISTINCT sourceIPAddress) AS addresses,
CAST(min(eventTime) AS VARCHAR) AS first, count(DISTINCT {type}) AS types, count(DISTINCT {arn}) AS arns FROM {table}"""

JOB = """
[job]
name = "reading"
[sources.trail]
format = "cloudtrail"
location = "{bucket}"
[window]
detect = "1 day"
train = "all"
time_column = "t"
[features]
sql = ["features.sql"]
keys = ["t"]
columns = ["n"]
[findings]
sql = ["findings.sql"]
[[sinks]]
type = "delta"
location = "out"
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000, help="how many events")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side")
    parser.add_argument("--side", choices=["duckdb", "python"], help=argparse.SUPPRESS)
    parser.add_argument("--bucket", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        read = {"duckdb": read_with_duckdb, "python": read_with_python}[arguments.side]
        print(json.dumps(read(arguments.bucket)))
        return
    bucket = bucket_of(arguments.rows)

    def once(run):
        with tempfile.TemporaryDirectory(prefix="crannog-bench-") as folder:
            return run(bucket, Path(folder))

    sides = {"crannog": run_crannog, "DuckDB": by_script("duckdb"), "Python: json, gzip, pyarrow": by_script("python")}
    runs = in_turn(sides, arguments.rounds, once)
    answers = {json.dumps(run["answer"], sort_keys=True) for taken in runs.values() for run in taken}
    if len(answers) != 1:
        sys.exit("the sides disagree:\n" + "\n".join(sorted(answers)))
    events = runs["crannog"][0]["answer"]["events"]
    print(f"\n{events:,} events, {arguments.rounds} rounds, medians (lowest to highest)")
    print(f"  {'':30} {'events a CPU s':>16} {'CPU s':>22} {'peak MiB':>22} {'wall s':>22}")
    for side, taken in runs.items():
        speed = f"{events / statistics.median(run['cpu_s'] for run in taken):,.0f}"
        columns = [spread(taken, "cpu_s", 2), spread(taken, "peak_mib", 0), spread(taken, "wall_s", 2)]
        print(f"  {side:30} {speed:>16} {' '.join(f'{column:>22}' for column in columns)}")
    print(json.dumps({"threads": len(os.sched_getaffinity(0)), "events": events, "runs": runs}))


def bucket_of(rows):
    """The bucket, made once for all benches."""
    folder = Path(os.environ["CRANNOG_CACHE"]) / "trails" / str(rows)
    if not folder.exists():
        fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        words = ["demo", fresh, "--kind", "cloudtrail", "--rows", rows, "--end", "2026-11-22"]
        crannog.answer([crannog.program(), *words])
        fresh.rename(folder)
    return folder / "cloudtrail"


def run_crannog(bucket, folder):
    (folder / "job.toml").write_text(JOB.format(bucket=bucket))
    (folder / "features.sql").write_text("SELECT eventTime AS t, 1 AS n FROM trail")
    (folder / "findings.sql").write_text("SELECT t, n FROM scored")
    sql = SQL.format(table="trail", type="userIdentity.type", arn="userIdentity.arn")
    command = [crannog.program(), "query", sql, "--job", folder / "job.toml", "--format", "json"]
    return figures(command, folder)


def by_script(side):
    def run(bucket, folder):
        return figures([sys.executable, __file__, "--side", side, "--bucket", bucket], folder)

    return run


def figures(command, folder):
    answer, taken = measured(command, folder)
    # The engines write a time in ways of their own: `2026-11-20T00:00:03Z`, `2026-11-20 00:00:03+00`.
    answer["first"] = answer["first"].replace("T", " ")[:19]
    return taken | {"answer": answer}


def read_with_duckdb(bucket):
    import duckdb

    identity = ", ".join(f'"{name}" VARCHAR' for name in IDENTITY)
    record = ", ".join(f'"{name}" VARCHAR' for name in COLUMNS)
    records = f"STRUCT({record}, userIdentity STRUCT({identity}))[]"
    duckdb.sql(f"SET threads = {len(os.sched_getaffinity(0))}")
    files = f"{bucket}/AWSLogs/*/CloudTrail/*/*/*/*/*.json.gz"
    table = f"(SELECT unnest(Records, recursive := true) FROM read_json('{files}', columns = {{Records: '{records}'}}, maximum_object_size = 268435456))"
    rows = duckdb.sql(SQL.format(table=table, type='"type"', arn="arn"))
    return dict(zip(rows.columns, rows.fetchall()[0]))


def read_with_python(bucket):
    import gzip

    import pyarrow
    import pyarrow.compute as compute

    names = COLUMNS + IDENTITY
    columns = {name: [] for name in names}
    for file in sorted(Path(bucket).glob("AWSLogs/*/CloudTrail/*/*/*/*/*.json.gz")):
        for record in json.loads(gzip.decompress(file.read_bytes()))["Records"]:
            for name in COLUMNS:
                columns[name].append(record.get(name))
            identity = record.get("userIdentity") or {}
            for name in IDENTITY:
                columns[name].append(identity.get(name))
    table = pyarrow.table(columns)
    counted = {
        "ids": "eventID", "sources": "eventSource", "names": "eventName", "regions": "awsRegion",
        "addresses": "sourceIPAddress", "types": "type", "arns": "arn",
    }
    answer = {name: compute.count_distinct(table[column]).as_py() for name, column in counted.items()}
    return answer | {"events": table.num_rows, "first": compute.min(table["eventTime"]).as_py()}


if __name__ == "__main__":
    main()
