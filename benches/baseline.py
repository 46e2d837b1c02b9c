"""The baselines, DuckDB or pandas with scikit-learn, and the events that they and crannog read.

Their scripts are not part of this repository: they lie in ../shared/bench beside it, or where CRANNOG_BENCH says.
"""

import os
import sys
from pathlib import Path

from crannog import ROOT, answer, missing

# The events end on the day before; three in the morning is when the nightly job runs.
AS_OF = "2026-11-22T03:00:00Z"
SEED = 4688
CALLS_SEED = 1337


def script(name):
    """The path of one of the baseline's scripts."""
    folder = Path(os.environ.get("CRANNOG_BENCH", ROOT.parent / "shared" / "bench"))
    if not (folder / name).is_file():
        missing(folder / name, "the baseline's scripts are kept outside the repository; name their folder with CRANNOG_BENCH=…")
    return str((folder / name).resolve())


def command(parquet, findings, *options):
    """The job on a folder of Parquet: groups, scores, and the command lines of what it reports."""
    threads = len(os.sched_getaffinity(0))
    words = [sys.executable, script("baseline_local.py"), parquet, "--engine", "duckdb", "--two-pass"]
    return [*map(str, words), "--threads", str(threads), "--now", AS_OF, "--out", str(findings), *map(str, options)]


def make_events(folder, rows, seed=SEED):
    """Writes the events as `parquet` and as `delta` into a new folder: a fleet that fits their number."""
    if rows < 5_000_000:
        days, hosts, accounts, anomalies = 7, 50, 120, 24
    elif rows < 30_000_000:
        days, hosts, accounts, anomalies = 14, 200, 500, 60
    else:
        days, hosts, accounts, anomalies = 30, 500, 1200, 120
    fleet = {"days": days, "hosts": hosts, "accounts": accounts, "anomalies": anomalies, "seed": seed}
    words = [sys.executable, script("gen_process_events.py"), "--rows", rows]
    words += [word for name, value in fleet.items() for word in (f"--{name}", value)]
    answer([*words, "--out", folder / "parquet", "--delta", folder / "delta"])


def cloudtrail_command(parquet, anomalies):
    """The CloudTrail notebook on a file or folder of Parquet, without its plots; codes follow the order of its rows."""
    return [sys.executable, script("baseline_cloudtrail.py"), str(parquet), "--out", str(anomalies)]


def make_calls(folder, rows, seed=CALLS_SEED):
    """Writes a day of CloudTrail events as Parquet files into a new folder."""
    words = [sys.executable, script("gen_cloudtrail.py"), "--rows", rows, "--seed", seed]
    answer([*words, "--out", folder])
