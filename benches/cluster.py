"""What a run on a cluster costs beside the same run on one machine, in turn, on the same events of a Delta table.

A scheduler and so many executors run on this machine, on loopback; each executor works on two partitions at a time. CPU seconds
are those of the run (wait4) and of all servers (/proc) from its start to its end; memory is the peak of each process. Every table of
findings is compared, row by row, with that of the run on one machine: the script ends where they differ. With `--files` the
events are put into a table of so many files first. The last line is one JSON object of all figures.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import baseline
import crannog
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, Field, Schema, convert_to_deltalake
from deltalake.schema import PrimitiveType
from rounds import in_turn
from whole_job import events_of

TICKS = os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="events (default: 10,000,000)")
    parser.add_argument("--executors", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--threads", type=int, default=2, help="partitions that an executor works on at a time")
    parser.add_argument("--partitions", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, help="put the events into a table of so many files")
    parser.add_argument("--job", default="process_execution")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="crannog-cluster-"))
    try:
        print(json.dumps(bench(folder, arguments)))
    finally:
        shutil.rmtree(folder)


def bench(folder, arguments):
    events = events_of("process_execution", arguments.rows) / "delta"
    if arguments.files:
        events = in_files(events, folder / "events", arguments.files)
    figures = []
    for executors in arguments.executors:
        servers = Servers(folder / f"servers-{executors}", executors, arguments.threads)
        try:
            sides = {
                "one machine": lambda: run(folder / "here", events, arguments, None),
                "cluster": lambda: run(folder / "there", events, arguments, servers),
            }
            taken = in_turn(sides, arguments.rounds, lambda side: side())
            same(folder / "here", folder / "there")
            figures.append(told(executors, taken))
        finally:
            servers.stop()
    return {"events": arguments.rows, "files": arguments.files, "partitions": arguments.partitions, "executors": figures}


def told(executors, taken):
    """A table of medians, and the same as an object."""
    here, there = taken["one machine"], taken["cluster"]
    median = lambda runs, key: statistics.median(run[key] for run in runs)
    ratio = median(there, "cpu_s") / median(here, "cpu_s")
    print(f"\n{executors} executors, {here[0]['groups']:,} groups, {here[0]['findings']:,} findings, all equal")
    print(f"  {'':14} {'CPU s':>22} {'driver CPU s':>13} {'driver MiB':>11} {'executor MiB':>13} {'wall s':>22}")
    for name, runs in taken.items():
        spread = lambda key: f"{median(runs, key):.2f} ({min(r[key] for r in runs):.2f} to {max(r[key] for r in runs):.2f})"
        print(
            f"  {name:14} {spread('cpu_s'):>22} {median(runs, 'driver_cpu_s'):13.2f} {median(runs, 'driver_mib'):11.0f} "
            f"{median(runs, 'executor_mib'):13.0f} {spread('wall_s'):>22}"
        )
    print(f"  the cluster takes {ratio:.2f} x the CPU of one machine; scratch {median(there, 'scratch_mib'):.0f} MiB")
    return {"executors": executors, "ratio": ratio, "runs": taken}


def run(output, events, arguments, servers):
    shutil.rmtree(output, ignore_errors=True)
    job = crannog.ROOT / "jobs" / f"{arguments.job}.toml"
    command = [crannog.program(), "run", *crannog.job_arguments(events, output / "anomalies", job), "--as-of", baseline.AS_OF, "--format", "json"]
    if servers:
        command += ["--cluster", servers.url, "--set", f"engine.partitions={arguments.partitions}"]
    before = servers.cpu() if servers else 0.0
    started = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE)
    report = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status != 0:
        sys.exit(f"status {status} from: {' '.join(map(str, command))}")
    report = json.loads(report)
    driver = usage.ru_utime + usage.ru_stime
    kept = [stage["bytes"] for stage in report["stages"]] if servers else [0]
    return {
        "cpu_s": driver + (servers.cpu() - before if servers else 0.0),
        "driver_cpu_s": driver,
        "driver_mib": report["peak_memory_bytes"] / 2**20,  # not ru_maxrss, which begins with this script's own
        "executor_mib": servers.peak() if servers else 0.0,
        "scratch_mib": sum(kept) / 2**20,
        "wall_s": wall,
        "groups": report["isolation_forest"]["n_samples"],
        "findings": report["findings"],
        "stages": {stage["name"]: stage["seconds"] for stage in report["stages"]},
    }


class Servers:
    """A scheduler and executors, until they are stopped."""

    def __init__(self, folder, executors, threads):
        folder.mkdir()
        self.processes = []
        port = free_port()
        self.url = f"df://127.0.0.1:{port}"
        self.start(folder, "scheduler", ["--port", port])
        ready(port, "healthz")
        for number in range(executors):
            health = free_port()
            words = ["--scheduler", self.url, "--port", free_port(), "--health-port", health]
            self.start(folder, "executor", [*words, "--threads", threads, "--work-dir", folder / f"work-{number}"])
            ready(health, "readyz")

    def start(self, folder, kind, words):
        log = open(folder / "log", "a")
        command = [crannog.program(), kind, *map(str, words)]
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    def cpu(self):
        """CPU seconds of all of them so far."""
        seconds = 0.0
        for process in self.processes:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            seconds += (int(fields[11]) + int(fields[12])) / TICKS
        return seconds

    def peak(self):
        """The most memory that one of the executors has held, MiB."""
        peaks = []
        for process in self.processes[1:]:
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    peaks.append(int(line.split()[1]) / 1024)
        return max(peaks)

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


def ready(port, path):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.05)
    sys.exit(f"nothing is ready on port {port}")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def same(here, there):
    """The findings of both runs, but for when and by which run they were made."""

    def rows(folder):
        table = DeltaTable(str(folder / "anomalies")).to_pyarrow_table()
        table = table.drop_columns(["run_id"])
        return sorted(json.dumps(row, default=str, sort_keys=True) for row in table.to_pylist())

    if rows(here) != rows(there):
        sys.exit(f"the findings in {here} and {there} differ")


def in_files(events, folder, files):
    """The same events in a table of so many files, each day in as many as any other."""
    rows = DeltaTable(str(events)).to_pyarrow_table()
    days = rows["date"].unique().to_pylist()
    print(f"putting {rows.num_rows:,} events into {files:,} files", file=sys.stderr)
    for number, day in enumerate(days):
        of_day = rows.filter(pc.equal(rows["date"], day)).drop_columns(["date"])
        path = folder / f"date={day}"
        path.mkdir(parents=True)
        count = files // len(days) + (number < files % len(days))
        for part in range(count):
            start, end = (of_day.num_rows * edge // count for edge in (part, part + 1))
            pq.write_table(of_day.slice(start, end - start), path / f"part-{part:05}.parquet")
    date = Schema([Field("date", PrimitiveType("date"), nullable=True)])
    convert_to_deltalake(str(folder), partition_by=date, partition_strategy="hive")
    return folder


if __name__ == "__main__":
    main()
