"""Do readers that are not ours find in crannog's output what crannog wrote?

Writes tables of findings, with hostile text among them, and opens each with deltalake, Polars, DuckDB and ClickHouse.
Every column of every row must be that of `crannog query`. Ends with 1 where a reader differs.
"""

import contextlib
import datetime as dt
import json
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import chdb
import deltalake
import duckdb
import duckdb_extension_delta
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benches"))
import crannog  # noqa: E402

FIRST, SECOND = dt.date(2026, 11, 20), dt.date(2026, 11, 21)
# So many that the log has a checkpoint, and versions after it.
NIGHTS = 102

# The types of the log and of the files: plain ones, which every reader knows.
INSTANT = pa.timestamp("us", tz="UTC")
TYPES = {
    "interval": INSTANT,
    "Computer": pa.string(),
    "Account": pa.string(),
    "AccountType": pa.string(),
    "Process": pa.string(),
    "CommandLines": pa.list_(pa.string()),
    "count": pa.int64(),
    "anomaly_score": pa.float64(),
    "rank": pa.int64(),
    "finding_id": pa.string(),
    "job": pa.string(),
    "run_id": pa.string(),
    "as_of": INSTANT,
    "date": pa.date32(),
}

GROUP = ["Computer", "Account", "AccountType", "Process", "CommandLines"]
HOSTILE = [
    ("сервер-日本-🦀", None, None, "x'; DROP TABLE anomalies; --", ['a "quoted" \\ tab\t line\r\n', "日本語 🦀", "", "\\N NULL %s {0} $1"]),
    ("", "null", "User", "no-command-line.exe", [None, None]),
    ("café", "cafe\u0301", "User", "empty-command-line.exe", ["", None]),
    ("a,b;c|d=e/f%2Fg", "CONTOSO\\O'Brien", "User", "long-command-line.exe", ["x" * 100_000, "\u0000 \u001b[31m \u202e"]),
]


def main():
    crannog.program()
    folder = Path(tempfile.mkdtemp(prefix="crannog-interop-"))
    events = make_events(folder)
    output = folder / "anomalies"
    # Half of all groups are reported, so that the tables are not small and the hostile groups are in them.
    half = ["--set", "isolation_forest.contamination=0.5"]
    for day in [FIRST, SECOND, FIRST]:
        crannog.run(events, output, as_of(day), *half)
    verdicts = look(events, output, "two days, the first written twice", [FIRST, SECOND])
    quiet = quiet_job(folder)
    crannog.run(events, output, as_of(SECOND), *half, job=quiet)
    verdicts += look(events, output, "the second day emptied", [FIRST])
    nights = folder / "nights" / "anomalies"
    for night in range(NIGHTS):
        crannog.run(events, nights, as_of([FIRST, SECOND][night % 2]), *half)
    assert (nights / "_delta_log" / "_last_checkpoint").exists(), "no checkpoint was written"
    verdicts += look(events, nights, f"{NIGHTS} nights, with a checkpoint", [FIRST, SECOND])
    nothing = folder / "nothing" / "anomalies"
    crannog.run(events, nothing, as_of(SECOND), *half, job=quiet)
    verdicts += look(events, nothing, "nothing was ever found", [])
    if verdicts["failed"]:
        print(f"\nthe tables are kept in {folder}")
    else:
        shutil.rmtree(folder)
    print(f"\n{verdicts['passed']} passed, {verdicts['failed']} failed")
    sys.exit(1 if verdicts["failed"] else 0)


def as_of(day):
    """The midnight that ends a day: a run then reports that day alone."""
    return f"{day + dt.timedelta(days=1)}T00:00:00Z"


def make_events(folder):
    """A demo table, with the hostile groups on both days."""
    sizes = {"rows": 20_000, "hosts": 12, "days": 5, "end": SECOND + dt.timedelta(days=1)}
    crannog.answer([crannog.program(), "demo", folder, *(word for name, value in sizes.items() for word in (f"--{name}", value))])
    events = folder / "process_execution"
    rows = []
    for day in [FIRST, SECOND]:
        time = dt.datetime.combine(day, dt.time(12), dt.timezone.utc)
        for computer, account, account_type, process, lines in HOSTILE:
            group = {"TimeGenerated": time, "Computer": computer, "Account": account, "AccountType": account_type, "Process": process, "date": day}
            rows += [group | {"CommandLine": line} for line in lines]
    schema = DeltaTable(events).to_pyarrow_dataset().schema
    write_deltalake(events, pa.Table.from_pylist(rows, schema=schema), mode="append")
    return events


def quiet_job(folder):
    """The job, but no score is high enough for it."""
    copy = folder / "quiet"
    shutil.copytree(crannog.ROOT / "sql", copy / "sql")
    shutil.copytree(crannog.JOB.parent, copy / "jobs")
    anomalies = copy / "sql" / "process_execution" / "anomalies.sql"
    text = anomalies.read_text()
    assert "prediction = -1" in text
    anomalies.write_text(text.replace("prediction = -1", "anomaly_score > 1"))
    return copy / "jobs" / crannog.JOB.name


def look(events, output, title, days):
    """Opens one table with every reader; counts those that passed and those that failed."""
    query = ["query", "SELECT * FROM anomalies", "--job", *crannog.job_arguments(events, output), "--format", "json"]
    lines = crannog.answer([crannog.program(), *query]).split("\n")
    expected = rows_of(json.loads(line) for line in lines if line)
    assert sorted({row["date"] for row in expected}) == [str(day) for day in days], "the runs made other days"
    for computer, account, account_type, process, lines in HOSTILE:
        group = (computer, account, account_type, process, sorted(set(lines) - {None}, key=str.encode))
        found = [row["date"] for row in expected if tuple(row[column] for column in GROUP) == group]
        assert sorted(found) == [str(day) for day in days], f"`crannog query` does not show {process} as it was written"

    print(f"\n{title}: version {DeltaTable(output).version()}, {len(expected):,} rows, {sum(row['count'] for row in expected):,} events")
    verdicts = Counter()
    for name, reader in READERS.items():
        try:
            compare(expected, days, reader, output)
            print(f"  {name:46} equal")
            verdicts["passed"] += 1
        except Exception as error:
            print(f"  {name:46} DIFFERENT: {type(error).__name__}: {error}")
            verdicts["failed"] += 1
    return verdicts


def compare(expected, days, reader, output):
    """One reader's rows, totals and single days beside the expected rows."""
    rows, totals = reader(str(output))
    found = rows_of(rows.to_pylist())
    for one, other in zip(found, expected):
        for column in TYPES:
            if one[column] != other[column]:
                raise ValueError(f"{column} of {other['finding_id']} is {one[column]!r}, not {other[column]!r}")
    if len(found) != len(expected):
        raise ValueError(f"{len(found)} rows")
    for day in [FIRST, SECOND]:
        of_day = [row for row in expected if row["date"] == str(day)]
        wanted = (len(of_day), sum(row["count"] for row in of_day))
        if totals(day) != wanted:
            raise ValueError(f"rows and sum of count on {day} are {totals(day)}, not {wanted}")


def rows_of(rows):
    """Rows by finding, with instants and dates as ISO text; what is NULL is left out of JSON."""
    def plain(value):
        if isinstance(value, dt.datetime):
            return value.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return str(value) if isinstance(value, dt.date) else value

    rows = [{column: plain(row.get(column)) for column in TYPES} for row in rows]
    return sorted(rows, key=lambda row: row["finding_id"])


def read_with_deltalake(output):
    table = DeltaTable(output)
    dataset = table.to_pyarrow_dataset()
    schemas = {"the log": dataset.schema}
    for path in table.file_uris():
        # The files do not hold the column that they are partitioned by.
        schemas[path] = pq.read_schema(path).append(pa.field("date", TYPES["date"]))
    for place, schema in schemas.items():
        found = {field.name: field.type for field in schema}
        if found != TYPES:
            raise TypeError(f"the types in {place} are {found}")

    def totals(day):
        counts = dataset.to_table(columns=["count"], filter=pc.field("date") == day)["count"]
        return len(counts), pc.sum(counts).as_py() or 0

    return dataset.to_table(), totals


def read_with_polars(output):
    frame = pl.scan_delta(output)

    def totals(day):
        return frame.filter(pl.col("date") == day).select(pl.len(), pl.col("count").sum()).collect().row(0)

    return frame.collect().to_arrow(), totals


def read_with_duckdb(output):
    connection = duckdb.connect()
    [extension] = Path(duckdb_extension_delta.__file__).parent.glob("extensions/*/delta.duckdb_extension")
    connection.load_extension(str(extension))
    connection.execute("SET TimeZone = 'UTC'")

    def totals(day):
        query = "SELECT count(*), coalesce(sum(count), 0)::BIGINT FROM delta_scan(?) WHERE date = ?"
        return connection.execute(query, [output, day]).fetchone()

    return connection.execute("SELECT * FROM delta_scan(?)", [output]).to_arrow_table(), totals


def read_with_clickhouse(kernel):
    """ClickHouse has two readers: its own, and one on the Delta kernel in Rust."""
    settings = f"allow_experimental_delta_kernel_rs = {kernel}, output_format_arrow_string_as_string = 1"

    def read(output):
        def ask(query):
            # It reads files below the working directory alone.
            with contextlib.chdir(output):
                return chdb.query(f"{query} SETTINGS {settings}", "ArrowTable")

        def totals(day):
            query = f"SELECT count() AS rows, sum(count) AS events FROM deltaLakeLocal('{output}') WHERE date = '{day}'"
            [row] = ask(query).to_pylist()
            return row["rows"], row["events"] or 0

        return ask(f"SELECT * FROM deltaLakeLocal('{output}')"), totals

    return read


READERS = {
    f"deltalake {deltalake.__version__}, pyarrow {pa.__version__}": read_with_deltalake,
    f"Polars {pl.__version__}": read_with_polars,
    f"DuckDB {duckdb.__version__}": read_with_duckdb,
    f"ClickHouse {chdb.engine_version}, its own reader": read_with_clickhouse(kernel=0),
    f"ClickHouse {chdb.engine_version}, Delta kernel": read_with_clickhouse(kernel=1),
}


if __name__ == "__main__":
    main()
