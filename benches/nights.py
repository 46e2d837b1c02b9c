"""What a night costs that keeps its step, as the history grows: nights 1, 10, 30 and 60.

A Delta table grows by a day, one commit each. Night N is a run as of the end of day N, on the version with N days; the
nights before it have run. Beside each night stand the same night without the step kept, which reads all days again, and a
run over a table that holds that one day alone, in turn. CPU seconds are those that the program's own stages say; the whole is that of the
process, by wait4. The last line is one JSON object of all figures.
"""

import argparse
import datetime as dt
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path

import crannog
import pyarrow.parquet as pq
from deltalake import write_deltalake

NIGHTS = [1, 10, 30, 60]
STEP = "grouped"
KEPT = ["--set", "sources.process_execution.time_column=TimeGenerated", "--set", f"incremental.{STEP}={{}}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=30_000_000, help="events in all (default: 500,000 a day)")
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="crannog-nights-"))
    try:
        print(json.dumps(bench(folder, arguments)))
    finally:
        shutil.rmtree(folder)


def bench(folder, arguments):
    days = max(NIGHTS)
    crannog.answer([
        crannog.program(), "demo", folder, "--rows", arguments.rows, "--hosts", arguments.hosts, "--days", days, "--end", "2026-11-01",
    ])
    events = folder / "process_execution"
    dates = sorted(path.name.removeprefix("date=") for path in events.glob("date=*"))
    figures = []
    print(f"{arguments.rows:,} events, {days} days, {arguments.hosts} hosts; medians of {arguments.rounds} rounds")
    print(f"  {'night':>5} {'groups':>10}   {'read and group, CPU s':^44}   {'and store':>10}   {'whole, CPU s':^32}")
    print(f"  {'':5} {'':10}   {'kept':>10} {'all days':>10} {'one day':>10} {'kept/one':>10}   {'kept':>10}   {'kept':>10} {'all days':>10} {'one day':>10}")
    output = folder / "out" / "anomalies"
    for night, date in enumerate(dates, 1):
        version = night  # version 0 is the empty table
        if night not in NIGHTS:
            night_of(events, output, date, version, *KEPT)
            continue
        alone = one_day(folder, events, date)
        before = folder / "before"
        if output.parent.exists():
            shutil.copytree(output.parent, before)
        sides = {"kept": [], "all days": [], "one day": []}
        for round_ in range(arguments.rounds + 1):
            shutil.rmtree(output.parent, ignore_errors=True)
            if before.exists():
                shutil.copytree(before, output.parent)
            for side, run in {
                "kept": lambda: night_of(events, output, date, version, *KEPT),
                "all days": lambda: night_of(events, folder / "all" / "anomalies", date, version),
                "one day": lambda: night_of(alone, folder / "one" / "anomalies", date, None),
            }.items():
                report = run()
                if round_ > 0:  # the first one warms up
                    sides[side].append(report)
        shutil.rmtree(before, ignore_errors=True)
        groups = sides["kept"][0]["isolation_forest"]["n_samples"]
        assert groups == sides["all days"][0]["isolation_forest"]["n_samples"]
        read = {side: median(reading(report) for report in reports) for side, reports in sides.items()}
        whole = {side: median(report["cpu_s"] for report in reports) for side, reports in sides.items()}
        ratio = read["kept"] / read["one day"]
        store = median(storing(report) for report in sides["kept"])
        parts = [[*read.values(), ratio], [store], whole.values()]
        columns = "   ".join(" ".join(f"{column:>10.3f}" for column in part) for part in parts)
        print(f"  {night:>5} {groups:>10,}   {columns}", flush=True)
        figures.append({"night": night, "groups": groups, "read_and_group_cpu_s": read, "store_cpu_s": store, "whole_cpu_s": whole})
    return {"threads": len(os.sched_getaffinity(0)), "nights": figures}


def night_of(events, output, date, version, *options):
    """One run as of the end of a day; its report, with the CPU seconds of the process."""
    as_of = str(dt.date.fromisoformat(date) + dt.timedelta(days=1))
    if version is not None:
        options = [*options, "--set", f"sources.process_execution.version={version}"]
    before = os.times()
    report = crannog.run(events, output, as_of, *options)
    after = os.times()
    report["cpu_s"] = after.children_user - before.children_user + after.children_system - before.children_system
    return report


def one_day(folder, events, date):
    """A Delta table with the events of one day alone."""
    table = folder / f"day-{date}" / "process_execution"
    rows = pq.read_table(events / f"date={date}", partitioning=None)
    write_deltalake(str(table), rows)
    return table


def reading(report):
    """CPU seconds of looking for what changed, and of reading and grouping the day; not of reading groups that are kept."""
    stages = [stage for stage in report["stages"] if stage["name"].startswith(STEP) and stage["name"] != f"{STEP} kept"]
    if any(stage["name"] != STEP for stage in stages):
        stages = [stage for stage in stages if stage["name"] != STEP]
    return sum(stage["cpu_seconds"] for stage in stages)


def storing(report):
    """CPU seconds of putting the day's groups into their table."""
    return sum(stage["cpu_seconds"] for stage in report["stages"] if stage["name"] == f"{STEP} kept")


def median(values):
    return statistics.median(values)


if __name__ == "__main__":
    main()
