"""What a whole job costs: crannog beside what the job's notebook is made of, in turn, on the same events. For process
executions that is DuckDB and scikit-learn, for CloudTrail pandas and scikit-learn.

Each run is a process of its own, measured from outside by wait4: CPU seconds (user and system), peak resident memory
and wall time. The sides alternate, a round of each that is not counted comes first, and the table says medians, because
other work on the machine moves single runs. The last line is one JSON object of all figures.

The baseline spends much of its CPU on importing packages. Ratios are given against it without its imports
(the stages it times itself) and with them (the process as it is).
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import baseline
import crannog
from rounds import in_turn


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--job", choices=list(JOBS), nargs="+", default=list(JOBS), help="which jobs")
    parser.add_argument("--rows", type=int, nargs="+", help="how many events (default: one million, of process executions also ten)")
    parser.add_argument("--rounds", type=int, help="runs of each side (default: 5, and 3 from ten million events)")
    arguments = parser.parse_args()
    crannog.program()
    figures = []
    for job in arguments.job:
        for rows in arguments.rows or JOBS[job].rows:
            rounds = arguments.rounds or (5 if rows < 10_000_000 else 3)
            figures.append(bench(job, rows, rounds))
    print()
    print(json.dumps({"threads": len(os.sched_getaffinity(0)), "benches": figures}))


def bench(job, rows, rounds):
    """Runs every side `rounds` times in turn, prints the table and returns its figures."""
    sides = JOBS[job].sides
    events = events_of(job, rows)

    def once(run):
        with tempfile.TemporaryDirectory(prefix="crannog-bench-") as folder:
            return run(events, Path(folder))

    runs = in_turn(sides, rounds, once)
    print(f"\n{job}, {rows:,} events, {rounds} rounds, medians (lowest to highest)")
    print(f"  {'':34} {'CPU s':>22} {'peak MiB':>22} {'wall s':>22}")
    for side, taken in runs.items():
        columns = [spread(taken, "cpu_s", 2), spread(taken, "peak_mib", 0), spread(taken, "wall_s", 2)]
        print(f"  {side:34} {' '.join(f'{column:>22}' for column in columns)}")
        if "cpu_without_imports_s" in taken[0]:
            print(f"  {'  without its imports':34} {spread(taken, 'cpu_without_imports_s', 2):>22}")
    *ours, reference = sides
    ratios = [compared(runs, side, reference) for side in ours]
    print("  baseline divided by crannog, median by median: above 1, crannog takes less")
    for ratio in ratios:
        print(
            f"    {ratio['side']:32} CPU {ratio['cpu_without_imports']:.2f} without imports, {ratio['cpu']:.2f} with; "
            f"peak {ratio['peak']:.2f}; wall {ratio['wall']:.2f}"
        )
    return {"job": job, "events": rows, "rounds": rounds, "runs": runs, "ratios": ratios}


def events_of(job, rows):
    """The events, made once for all benches."""
    folder = Path(os.environ["CRANNOG_CACHE"]) / JOBS[job].folder / str(rows)
    if not folder.exists():
        print(f"making {rows:,} events in {folder}", file=sys.stderr)
        fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        JOBS[job].make(fresh, rows)
        fresh.rename(folder)
    return folder


def run_crannog(job, source):
    def run(events, folder):
        arguments = crannog.job_arguments(events / source, folder / "anomalies", job)
        command = [crannog.program(), "run", *arguments, "--as-of", baseline.AS_OF, "--format", "json"]
        report, figures = measured(command, folder)
        return figures | {"findings": report["findings"]}

    return run


def run_baseline(command):
    def run(events, folder):
        report, figures = measured(command(events / "parquet", folder / "findings.parquet"), folder)
        stages = report["stages_cpu_s"]
        without = sum(seconds for stage, seconds in stages.items() if stage != "import")
        return figures | {
            "findings": report["anomalies"],
            "cpu_without_imports_s": without,
            "import_cpu_s": stages["import"],
            "sampled_peak_mib": report["peak_rss_mib"],
        }

    return run


def measured(command, folder):
    """Runs a command; returns the JSON object it prints and what it cost."""
    answer = folder / "answer.json"
    flags = os.O_WRONLY | os.O_CREAT
    started = time.monotonic()
    process = os.posix_spawn(command[0], [str(word) for word in command], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, answer, flags, 0o600)])
    _, status, usage = os.wait4(process, 0)
    wall = time.monotonic() - started
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"exit code {os.waitstatus_to_exitcode(status)} from: {' '.join(map(str, command))}")
    # Linux counts ru_maxrss in KiB.
    figures = {"cpu_s": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024, "wall_s": wall}
    return json.loads(answer.read_text()), figures


def spread(runs, figure, digits):
    values = [run[figure] for run in runs]
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def compared(runs, side, reference):
    """The baseline's median over a side's, for each figure."""
    def median(side, figure):
        return statistics.median(run[figure] for run in runs[side])

    ratio = {"side": side, "cpu_without_imports": median(reference, "cpu_without_imports_s") / median(side, "cpu_s")}
    for name, figure in [("cpu", "cpu_s"), ("peak", "peak_mib"), ("wall", "wall_s")]:
        ratio[name] = median(reference, figure) / median(side, figure)
    return ratio


class Job(NamedTuple):
    """A job, the events it is measured on, and its sides: the baseline is the last one."""

    folder: str
    rows: list
    make: Callable
    sides: dict


JOBS = {
    "process_execution": Job(
        folder="events",
        rows=[1_000_000, 10_000_000],
        make=baseline.make_events,
        sides={
            "crannog, Parquet": run_crannog(crannog.JOB, "parquet"),
            "crannog, Delta": run_crannog(crannog.JOB, "delta"),
            "crannog, process_rarity, Parquet": run_crannog(crannog.RARITY, "parquet"),
            "DuckDB + scikit-learn, Parquet": run_baseline(baseline.command),
        },
    ),
    "cloudtrail": Job(
        folder="calls",
        rows=[1_000_000],
        make=lambda folder, rows: baseline.make_calls(folder / "parquet", rows),
        sides={
            "crannog, Parquet": run_crannog(crannog.CLOUDTRAIL, "parquet"),
            "pandas + scikit-learn, Parquet": run_baseline(baseline.cloudtrail_command),
        },
    ),
}


if __name__ == "__main__":
    main()
