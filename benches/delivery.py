"""What sending costs: JSON made, compressed and sent, as megabytes a CPU second of the whole process.

Findings stand in a table; one call of `crannog send` reads them, shapes them and puts them into its outbox as JSON that is compressed ("made"), a second
one sends them to a server on this machine that speaks Azure's Logs Ingestion API and answers at once. Beside it, in turn, Python
does the first half without an outbox: pandas rows to JSON, gzip, one chunk after another. Megabytes are of uncompressed JSON, CPU seconds those of the process, by wait4. The
last line is one JSON object of all figures.
"""

import argparse
import datetime as dt
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import crannog
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

AS_OF = "2026-11-22T00:00:00Z"
LIMIT = 1_000_000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="findings")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", metavar="TABLE", help="be the peer, on this table")
    arguments = parser.parse_args()
    if arguments.python:
        peer(arguments.python)
        return
    folder = Path(tempfile.mkdtemp(prefix="crannog-delivery-"))
    try:
        print(json.dumps(bench(folder, arguments)))
    finally:
        shutil.rmtree(folder)


def bench(folder, arguments):
    crannog.answer([crannog.program(), "demo", folder, "--rows", 20_000, "--hosts", 6, "--days", 4, "--end", "2026-11-22"])
    table = folder / "out" / "anomalies"
    with Service() as service:
        job = [*crannog.job_arguments(folder / "process_execution", table), "--set", sinks(table, service.port)]
        environment = os.environ | {"IDENTITY_ENDPOINT": f"http://127.0.0.1:{service.port}/token", "IDENTITY_HEADER": "here"}
        command = [crannog.program(), "run", *job, "--as-of", AS_OF, "--no-send", "--format", "json"]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        subprocess.run([crannog.program(), "send", *job], check=True, env=environment, stdout=subprocess.DEVNULL)
        write_deltalake(table, findings(DeltaTable(table), arguments.rows), mode="append")
        sides = {"made": [], "made and sent": [], "python": []}
        outbox, kept = folder / "out" / "outbox", folder / "outbox"
        for round_ in range(arguments.rounds + 1):
            shutil.copytree(outbox, kept)
            made = cpu_seconds([crannog.program(), "send", "--list", *job], environment)
            service.taken = 0
            sent = cpu_seconds([crannog.program(), "send", *job], environment)
            megabytes = service.taken / 1e6
            shutil.rmtree(outbox)
            shutil.move(kept, outbox)
            python = cpu_seconds([sys.executable, __file__, "--python", table], environment)
            if round_:  # the first one warms the machine
                sides["made"].append(megabytes / made)
                sides["made and sent"].append(megabytes / (made + sent))
                sides["python"].append(megabytes / python)
    figures = {side: round(statistics.median(speeds), 1) for side, speeds in sides.items()}
    print(f"{arguments.rows:,} findings, {megabytes:.1f} MB of JSON; medians of {arguments.rounds} rounds, MB a CPU second of the whole process")
    for side, speed in figures.items():
        print(f"  {side:16} {speed:8.1f}")
    return {"findings": arguments.rows, "megabytes": round(megabytes, 1), **figures}


def sinks(table, port):
    """The job's table, and the service."""
    return (
        f'sinks=[{{type = "delta", location = "{table}"}}, {{type = "log_analytics", endpoint = "http://127.0.0.1:{port}", '
        'dcr_immutable_id = "dcr-1", stream_name = "Custom-X", credential = "managed_identity"}]'
    )


def findings(table, count):
    """Findings with ten command lines each, about a kilobyte of JSON."""
    day = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    lines = [[f"C:\\Windows\\System32\\cmd.exe /c start /min tool-{n}-{line} --host web-{n % 500} --out C:\\Temp\\{n * 7919 % 104729}.log" for line in range(8)] for n in range(count)]
    times = pa.array([day] * count, pa.timestamp("us", "UTC"))
    columns = {
        "interval": times,
        "Computer": [f"web-{n % 500}.corp.example" for n in range(count)],
        "Account": [f"CORP\\user-{n}" for n in range(count)],
        "AccountType": ["User"] * count,
        "Process": [f"tool-{n % 900}.exe" for n in range(count)],
        "CommandLines": lines,
        "count": list(range(count)),
        "anomaly_score": [0.5 + n / count / 2 for n in range(count)],
        "rank": list(range(1, count + 1)),
        "finding_id": [f"{n:032x}" for n in range(count)],
        "job": ["process_execution"] * count,
        "run_id": ["0123456789abcdef"] * count,
        "as_of": times,
        "date": pa.array([day.date()] * count, pa.date32()),
    }
    return pa.table(columns).cast(pa.schema(table.schema().to_arrow()))


def cpu_seconds(command, environment):
    process = subprocess.Popen(list(map(str, command)), env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"status {status} from: {' '.join(map(str, command))}")
    return usage.ru_utime + usage.ru_stime


def peer(table):
    """Rows of a table to chunks of JSON, gzipped."""
    rows = DeltaTable(table).to_pyarrow_table().to_pandas()
    chunk, size = [], 2
    for row in rows.to_dict("records"):
        row["CommandLines"] = list(row["CommandLines"])
        text = json.dumps(row, default=str)
        if size + 1 + len(text) > LIMIT:
            gzip.compress(f"[{','.join(chunk)}]".encode(), 1)
            chunk, size = [], 2
        chunk.append(text)
        size += 1 + len(text)
    gzip.compress(f"[{','.join(chunk)}]".encode(), 1)


class Service:
    """Tokens for anybody, and an API that takes all and counts it."""

    def __enter__(self):
        service = self
        self.taken, lock = 0, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                expires = int(time.time()) + 3600
                self.say(200, json.dumps({"access_token": "t", "expires_on": str(expires), "resource": "r", "token_type": "Bearer"}).encode())

            def do_POST(self):
                body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    service.taken += len(body)
                self.say(204, b"")

            def say(self, status, body):
                self.send_response(status)
                if body:
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()


if __name__ == "__main__":
    main()
