"""The whole job on object stores: source, findings and table of runs in S3, Azure and GCS, each a server on this machine.

    tests/stores/stores.py [moto|seaweedfs|azurite|gcs ...]

What comes out must be what comes out of local folders, row by row. Ends with 1 where it does not.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import lake
import servers
from lake import AS_OF, KEPT, TABLE, Lake, crannog, without_run

OTHER_FOREST = ["--set", "isolation_forest.random_state=7"]
SIZES = {"rows": 4_000, "hosts": 6, "days": 4, "end": "2026-11-22"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("stores", nargs="*", help=f"{', '.join(servers.ALL)}: all of them unless named")
    chosen = parser.parse_args().stores or list(servers.ALL)
    crannog.program()
    folder = Path(tempfile.mkdtemp(prefix="crannog-stores-"))
    verdicts = Counter()
    local = Local(folder)
    for name in chosen:
        home = folder / name
        home.mkdir()
        with servers.ALL[name](home) as store:
            print(f"\n{store.name}", flush=True)
            verdicts += look(Bucket(store, home, local), CLAIMS + CREDENTIALS * store.checks_credentials)
    end(verdicts, folder)


def end(verdicts, folder):
    """Says what was seen, and ends the script; the folder is kept where a claim failed."""
    if verdicts["failed"]:
        print(f"\nwhat was written is kept in {folder}")
    else:
        shutil.rmtree(folder)
    print(f"\n{verdicts['passed']} passed, {verdicts['failed']} failed")
    sys.exit(1 if verdicts["failed"] else 0)


def look(bucket, claims):
    """Tries each claim on a bucket; those after the first build on what it put there."""
    verdicts = Counter()
    for claim in claims:
        name = claim.__name__.replace("_", " ")
        started = time.monotonic()
        try:
            claim(bucket)
            print(f"  ok      {name} ({time.monotonic() - started:.0f} s)", flush=True)
            verdicts["passed"] += 1
        except Exception:
            print(f"  FAILED  {name}\n{traceback.format_exc()}", flush=True)
            verdicts["failed"] += 1
    return verdicts


class Local:
    """Sample events in a folder, and what the job makes of them."""

    def __init__(self, folder):
        sizes = [word for name, value in SIZES.items() for word in (f"--{name}", value)]
        crannog.answer([crannog.program(), "demo", folder, *sizes])
        self.events = folder / TABLE
        self.lake = Lake(folder / "local", self.events, "delta", folder / "local.html")
        self.run = self.lake.report()
        self.findings = without_run(self.lake.findings())
        assert len(self.findings) == self.run["findings"] > 100
        self.other = self.lake.report(*OTHER_FOREST)
        self.other_findings = without_run(self.lake.findings())
        self.diff = self.lake.say("diff", self.run["run_id"], self.other["run_id"], "--format", "json").lines()
        assert self.diff, "the two forests agree, so that a diff shows nothing"


class Bucket:
    """A store with the sample events in it, once as a folder of Parquet files and once as a Delta table."""

    def __init__(self, store, folder, local):
        self.store, self.folder, self.local = store, folder, local
        self.parquet, self.delta = f"{store.url}/parquet", f"{store.url}/events"

    def lake(self, place, form="delta", **more):
        """A place for an output in this store, found by the usual variables."""
        source = self.delta if form == "delta" else self.parquet
        more = {"environment": self.store.environment} | more
        return Lake(f"{self.store.url}/{place}", source, form, self.folder / f"{place}.html", **more)

    def versions(self, place):
        """The commits of a table of findings."""
        log = f"{place}/anomalies/_delta_log/"
        return sorted(name[len(log) :] for name in self.store.names() if name.startswith(log) and name.endswith(".json"))


def an_import_makes_a_delta_table_of_a_folder_of_parquet_files_and_takes_nothing_twice(bucket):
    for path in sorted(bucket.local.events.rglob("*.parquet")):
        bucket.store.put(f"parquet/{path.relative_to(bucket.local.events)}", path.read_bytes())
    command = ["import", "--format", "parquet", "--time-column", "TimeGenerated", bucket.parquet, bucket.delta]
    for _ in range(2):
        lake.Running(command, bucket.store.environment)().succeeds()
    count = bucket.lake("nowhere").say("query", f"SELECT count(*) AS n FROM {TABLE}", "--format", "json").lines()
    assert count == [{"n": SIZES["rows"]}], count


def a_check_finds_all_in_order_and_leaves_the_store_as_it_was(bucket):
    before = bucket.store.names()
    for form in ["delta", "parquet"]:
        assert "in order" in bucket.lake("nowhere", form).say("check").succeeds()
    assert bucket.store.names() == before


def a_run_finds_what_it_finds_in_local_folders_and_a_second_one_replaces_it(bucket):
    for form in ["delta", "parquet"]:
        place = bucket.lake(f"by-{form}", form)
        first = place.report()
        for version in [1, 2]:
            second = place.report() if version == 2 else first
            assert second["run_id"] == first["run_id"]
            assert second["sinks"][0]["version"] == version
            rows = place.findings()
            assert without_run(rows) == bucket.local.findings
            assert {row["run_id"] for row in rows} == {first["run_id"]}
        assert (bucket.folder / f"by-{form}.html").read_text().startswith("<!doctype html>")


def each_run_is_a_row_and_nothing_is_left_beside_the_tables(bucket):
    runs = bucket.lake("by-delta").runs()
    assert [(run["outcome"], run["findings"]) for run in runs] == [("succeeded", len(bucket.local.findings))] * 2
    names = [name for name in bucket.store.names() if name.startswith("by-delta/")]
    inside = [name.removeprefix("by-delta/").split("/")[0] for name in names]
    assert set(inside) == {"anomalies", "models", "runs"}, names
    log = [name for name in names if "/_delta_log/" in name]
    assert all(name.endswith(".json") and "probe" not in name for name in log), log


def a_diff_says_what_it_says_of_local_folders(bucket):
    place = bucket.lake("by-delta")
    one = place.runs()[0]["run_id"]
    other = place.report(*OTHER_FOREST)["run_id"]
    assert place.say("diff", one, other, "--format", "json").lines() == bucket.local.diff


def a_report_of_any_run_is_made_again_from_the_store_alone(bucket):
    place = bucket.lake("by-delta")
    runs = place.runs()
    for words, run in [([], runs[0]), ([runs[-1]["run_id"]], runs[-1])]:
        page = bucket.folder / "again.html"
        place.say("report", *words, "--html", page).succeeds()
        assert run["run_id"] in page.read_text()
        page.unlink()


def two_runs_at_once_make_the_table_together_and_leave_one_result(bucket):
    place = bucket.lake("at-once")
    for rounds in [1, 2]:
        for said in place.run_twice_at_once():
            said.succeeds()
        assert without_run(place.findings()) == bucket.local.findings
        assert len(place.runs()) == 2 * rounds
        # The empty table, and one version of each run.
        assert len(bucket.versions("at-once")) == 1 + 2 * rounds


def a_step_that_is_kept_lies_in_the_store_and_the_next_run_computes_none_of_its_days(bucket):
    for form in ["delta", "parquet"]:
        place = bucket.lake(f"kept-{form}", form, **KEPT)
        first, second = place.report(), place.report()
        assert first["kept"][0]["whole"] and first["kept"][0]["computed"], first["kept"]
        assert not second["kept"][0]["computed"] and not second["kept"][0].get("whole"), second["kept"]
        assert without_run(place.findings()) == bucket.local.findings
        place.say("maintain").succeeds()
        assert without_run(place.findings()) == bucket.local.findings
        assert not place.report()["kept"][0]["computed"]


def findings_are_sent_into_the_store_as_files_once_each_and_the_outbox_lies_there_too(bucket):
    place = bucket.lake("sent")
    table, lines = f"{bucket.store.url}/sent/anomalies", f"{bucket.store.url}/sent/lines"
    sinks = f'sinks=[{{type = "delta", location = "{table}"}}, {{type = "ndjson", location = "{lines}"}}]'
    for number in range(2):
        delivered = place.report("--set", sinks)["delivered"][0]
        assert delivered["findings"] == (0 if number else len(bucket.local.findings)), delivered
    files = [name for name in bucket.store.names() if name.startswith("sent/lines/")]
    rows = [json.loads(line) for name in files for line in bucket.store.get(name).splitlines()]
    assert sorted(row["finding_id"] for row in rows) == sorted(row["finding_id"] for row in bucket.local.findings)
    left = place.say("send", "--list", "--format", "json", "--set", sinks)
    assert left.succeeds() == "" and any("sent/outbox/_delta_log" in name for name in bucket.store.names())
    assert not any("_send.lease" in name for name in bucket.store.names())


def credentials_come_by_the_options_of_the_job_too(bucket):
    secret = {f"LAKE_{number}": value for number, value in enumerate(bucket.store.environment.values())}
    options = {key.lower(): f"${{env:{name}}}" for key, name in zip(bucket.store.environment, secret)}
    for form in ["delta", "parquet"]:
        place = bucket.lake(f"options-{form}", form, environment=secret, options=options)
        place.say("check").succeeds()
        said = place.run()
        said.succeeds()
        assert without_run(place.findings()) == bucket.local.findings
        assert len(place.runs()) == 1
        keys = [value for value in secret.values() if len(value) > 10]
        assert not any(key in said.stdout + said.stderr for key in keys), "a secret was told"


def wrong_credentials_are_an_error_outside_that_names_the_source(bucket):
    wrong = bucket.store.environment | {key: "d3Jvbmc=" for key in ["AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY"]}
    said = bucket.lake("nowhere", environment=wrong).run()
    assert said.code == 1, (said.code, said.stderr)
    assert f"source `{TABLE}`" in said.stderr and "hint: " in said.stderr, said.stderr


def a_cluster_finds_it_too_and_leaves_nothing_of_its_scratch_folder(bucket):
    with servers.cluster(bucket.folder, bucket.store.environment) as scheduler:
        for form in ["delta", "parquet"]:
            name = f"cluster-{form}"
            pieces = '{"datafusion.optimizer.repartition_file_min_size" = "1"}'
            place = bucket.lake(name, form, **{"engine.cluster": scheduler, "engine.partitions": 3, "engine.options": pieces})
            place.report()
            assert without_run(place.findings()) == bucket.local.findings
            assert bucket.versions(name) and not [path for path in bucket.store.names() if path.startswith(f"{name}/scratch")]


CLAIMS = [
    an_import_makes_a_delta_table_of_a_folder_of_parquet_files_and_takes_nothing_twice,
    a_check_finds_all_in_order_and_leaves_the_store_as_it_was,
    a_run_finds_what_it_finds_in_local_folders_and_a_second_one_replaces_it,
    each_run_is_a_row_and_nothing_is_left_beside_the_tables,
    a_diff_says_what_it_says_of_local_folders,
    a_report_of_any_run_is_made_again_from_the_store_alone,
    two_runs_at_once_make_the_table_together_and_leave_one_result,
    a_step_that_is_kept_lies_in_the_store_and_the_next_run_computes_none_of_its_days,
    findings_are_sent_into_the_store_as_files_once_each_and_the_outbox_lies_there_too,
    a_cluster_finds_it_too_and_leaves_nothing_of_its_scratch_folder,
    credentials_come_by_the_options_of_the_job_too,
]
# Of a store that looks at them: moto and the stub do not.
CREDENTIALS = [wrong_credentials_are_an_error_outside_that_names_the_source]


if __name__ == "__main__":
    main()
