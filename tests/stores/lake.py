"""The job with everything in one object store: its source, its findings, its table of runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benches"))
import crannog  # noqa: E402

AS_OF = "2026-11-22T03:00:00Z"
TABLE = crannog.JOB.stem
# The step that groups the events, kept in a table of its own.
KEPT = {f"sources.{TABLE}.time_column": "TimeGenerated", "incremental.grouped": "{}"}
# A store that is left alone must not lead anywhere: nobody's own credentials are used.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AZURE_", "GOOGLE_"))}


class Said:
    """What a command said, and its exit code."""

    def __init__(self, process, command):
        out, err = process.communicate()
        self.code, self.stdout, self.stderr, self.command = process.returncode, out, err, command

    def succeeds(self):
        assert self.code == 0, f"exit code {self.code} from: {' '.join(self.command)}\n{self.stderr}"
        return self.stdout

    def lines(self):
        """The JSON objects of a command that prints one a line."""
        return [json.loads(line) for line in self.succeeds().splitlines()]


class Running:
    """A command that runs; a call of it waits for what it says."""

    def __init__(self, words, environment):
        self.command = [crannog.program(), *map(str, words)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, env=CLEAN | environment)

    def __call__(self):
        return Said(self.process, self.command)


class Lake:
    """A place for one output, with a source to read, and the environment and settings that lead there."""

    def __init__(self, place, source, form, page, environment=None, options=None, **more):
        self.environment = environment or {}
        settings = {
            f"sources.{TABLE}.format": form,
            f"sources.{TABLE}.location": source,
            "sinks[0].location": f"{place}/anomalies",
            "report.html": page,
            **more,
        }
        if options:
            text = "{" + ", ".join(f'{key} = "{value}"' for key, value in options.items()) + "}"
            settings |= {f"sources.{TABLE}.options": text, "sinks[0].options": text}
        self.settings = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]

    def start(self, verb, *words):
        job = ["--job", crannog.JOB] if verb == "query" else [crannog.JOB]
        return Running([verb, *job, *words, *self.settings], self.environment)

    def say(self, verb, *words):
        return self.start(verb, *words)()

    def run(self, *words):
        return self.say("run", "--as-of", AS_OF, "--format", "json", *words)

    def report(self, *words):
        """What a run that succeeds tells of itself."""
        return json.loads(self.run(*words).succeeds())

    def run_twice_at_once(self):
        started = [self.start("run", "--as-of", AS_OF, "--format", "json") for _ in range(2)]
        return [wait() for wait in started]

    def runs(self):
        return self.say("runs", "--format", "json").lines()

    def findings(self):
        """The output table; the columns are those of the table."""
        return self.say("query", "SELECT * FROM anomalies ORDER BY finding_id", "--format", "json").lines()


def without_run(findings):
    """Findings without the run that made them: its id depends on where the source is."""
    return [{column: value for column, value in row.items() if column != "run_id"} for row in findings]
