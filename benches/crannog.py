"""The program under test: where it is, and how a run of one of its jobs is written."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JOB = ROOT / "jobs" / "process_execution.toml"
RARITY = ROOT / "jobs" / "process_rarity.toml"
CLOUDTRAIL = ROOT / "jobs" / "cloudtrail.toml"


def program():
    """The binary: CRANNOG, or the release build."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = Path(os.environ.get("CRANNOG", target / "release" / "crannog"))
    if not path.is_file():
        missing(path, "build it with `cargo build --release`, or say where it is with CRANNOG=…")
    return str(path.resolve())


def job_arguments(source, output, job=JOB):
    """The options that point a job at a table of events and a table of findings."""
    form = "delta" if (Path(source) / "_delta_log").is_dir() else "parquet"
    table = "cloudtrail" if Path(job) == CLOUDTRAIL else "process_execution"
    settings = {
        f"sources.{table}.format": form,
        f"sources.{table}.location": source,
        "sinks[0].location": output,
    }
    return [str(job), *(word for key, value in settings.items() for word in ("--set", f"{key}={value}"))]


def run(source, output, as_of, *options, job=JOB):
    """Runs the job and returns its report."""
    command = [program(), "run", *job_arguments(source, output, job), "--as-of", as_of, "--format", "json", *options]
    return json.loads(answer(command))


def answer(command):
    """What a command says on stdout; the script ends where the command does not succeed."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"exit code {done.returncode} from: {' '.join(map(str, command))}")
    return done.stdout.decode()


def missing(what, hint):
    """Ends the script: it needs something that is not there."""
    print(f"missing: {what}\n  hint: {hint}", file=sys.stderr)
    sys.exit(2)
