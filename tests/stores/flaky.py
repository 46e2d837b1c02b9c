"""The job on a store that has bad days: slow answers, 500, 503, connections that are cut. Nothing is lost and nothing is doubled.

    tests/stores/flaky.py [--seed N] [--runs N]

An S3 server (moto) stands behind a proxy (proxy.py); what comes out is looked at past the proxy. Ends with 1 where a claim fails.
"""

import argparse
import dataclasses
import json
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

import lake
import proxy
import servers
import stores
from lake import crannog, without_run
from proxy import CUT, CUT_AFTER, CUT_BODY, ERROR, ERROR_AFTER, SLOW_DOWN, Manner

# Every sixth request fails, and all wait: what a client must hide.
BAD_DAY = Manner(faults=((SLOW_DOWN, 0.08), (ERROR, 0.08)), latency=0.02)
# And the client does not know what became of some requests.
WORSE_DAY = Manner(
    faults=((SLOW_DOWN, 0.04), (ERROR, 0.04), (ERROR_AFTER, 0.04), (CUT, 0.02), (CUT_AFTER, 0.02), (CUT_BODY, 0.02)), latency=0.02
)
# What a scheduler tries again.
AGAIN = {1, 4}
PATIENCE = 10


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=4, help="runs of each kind of day")
    args = parser.parse_args()
    crannog.program()
    folder = Path(tempfile.mkdtemp(prefix="crannog-flaky-"))
    (folder / "moto").mkdir()
    local = stores.Local(folder)
    with servers.moto(folder / "moto") as store, proxy.in_front_of(store) as (between, seen):
        print(f"\n{store.name}, seed {args.seed}", flush=True)
        bucket = Flaky(store, seen, between, folder, local, args)
        verdicts = stores.look(bucket, CLAIMS)
    stores.end(verdicts, folder)


class Flaky(stores.Bucket):
    """A bucket that is reached through the proxy, and looked at past it."""

    def __init__(self, store, seen, between, folder, local, args):
        super().__init__(store, folder, local)
        self.seen, self.between, self.args = seen, between, args

    def through(self, place, **more):
        """A lake through the proxy."""
        return self.lake(place, environment=self.seen.environment, **more)

    def behave(self, manner, number=0):
        self.between.behave(dataclasses.replace(manner, seed=self.args.seed * 1000 + number))

    def is_whole(self, place, run_ids):
        """All the findings are there, none twice, and they are of these runs."""
        rows = self.lake(place).findings()
        assert without_run(rows) == self.local.findings, f"{len(rows)} rows, {len({row['finding_id'] for row in rows})} findings"
        assert {row["run_id"] for row in rows} <= run_ids

    def is_whole_or_empty(self, place):
        if self.versions(place):
            rows = without_run(self.lake(place).findings())
            assert rows in ([], self.local.findings), f"{len(rows)} rows of {len(self.local.findings)}"


def a_bad_day_is_hidden_by_retries(flaky):
    stores.an_import_makes_a_delta_table_of_a_folder_of_parquet_files_and_takes_nothing_twice(flaky)
    did = Counter()
    for number in range(flaky.args.runs):
        flaky.behave(BAD_DAY, number)
        run = flaky.through("bad").report()
        did += flaky.between.did
        flaky.is_whole("bad", {run["run_id"]})
        assert len(flaky.versions("bad")) == 2 + number
        assert len(flaky.lake("bad").runs()) == 1 + number
    assert did[SLOW_DOWN] and did[ERROR], did
    tell(did)


def two_runs_at_once_on_a_bad_day_leave_one_result(flaky):
    for number in range(flaky.args.runs // 2):
        flaky.behave(BAD_DAY, number)
        ids = {json.loads(said.succeeds())["run_id"] for said in flaky.through("bad-pair", **lake.KEPT).run_twice_at_once()}
        flaky.is_whole("bad-pair", ids)
        assert len(flaky.lake("bad-pair").runs()) == 2 * (number + 1)


def what_a_run_cannot_know_of_a_worse_day_is_mended_by_running_it_again(flaky):
    did, codes = Counter(), Counter()
    for number in range(flaky.args.runs):
        flaky.behave(WORSE_DAY, number)
        for _ in range(PATIENCE):
            said = flaky.through("worse", **lake.KEPT).run()
            codes[said.code] += 1
            if said.code == 0:
                break
            assert said.code in AGAIN and "error: " in said.stderr, (said.code, said.stderr)
            flaky.is_whole_or_empty("worse")
        did += flaky.between.did
        flaky.is_whole("worse", {json.loads(said.succeeds())["run_id"]})
        told_once(flaky, "worse", sum(codes.values()))
    for fault in proxy.FAULTS:
        assert did[fault], did
    tell(did, codes)


def two_runs_at_once_on_a_worse_day_leave_one_result(flaky):
    codes = Counter()
    for number in range(flaky.args.runs // 2):
        flaky.behave(WORSE_DAY, number)
        for said in flaky.through("worse-pair", **lake.KEPT).run_twice_at_once():
            for _ in range(PATIENCE):
                codes[said.code] += 1
                if said.code == 0:
                    break
                assert said.code in AGAIN, (said.code, said.stderr)
                flaky.is_whole_or_empty("worse-pair")
                said = flaky.through("worse-pair", **lake.KEPT).run()
            flaky.is_whole("worse-pair", {json.loads(said.succeeds())["run_id"]})
        told_once(flaky, "worse-pair", sum(codes.values()))
    tell(codes=codes)


def told_once(flaky, place, most):
    """A run that ended is one row of the table of runs, or none where that could not be written."""
    runs = flaky.lake(place).runs()
    assert len({run["started_at"] for run in runs}) == len(runs) <= most, [run["started_at"] for run in runs]


def an_import_on_a_worse_day_takes_every_row_once(flaky):
    codes = Counter()
    for number in range(flaky.args.runs // 2):
        flaky.behave(WORSE_DAY, number)
        table = f"{flaky.store.url}/again-{number}"
        for _ in range(PATIENCE):
            command = ["import", "--format", "parquet", "--time-column", "TimeGenerated", flaky.parquet, table]
            said = lake.Running(command, flaky.seen.environment)()
            codes[said.code] += 1
            if said.code == 0:
                break
            assert said.code in AGAIN, (said.code, said.stderr)
        said.succeeds()
        there = flaky.lake("nowhere", **{f"sources.{lake.TABLE}.location": table})
        [rows] = there.say("query", f"SELECT count(*) AS n FROM {lake.TABLE}", "--format", "json").lines()
        assert rows["n"] == stores.SIZES["rows"], rows
    tell(codes=codes)


def a_run_that_is_killed_at_any_moment_leaves_the_findings_of_before_or_its_own(flaky):
    moments = random.Random(flaky.args.seed)
    flaky.behave(Manner(latency=0.05))
    place, local = flaky.through("killed", **lake.KEPT), flaky.local
    whole = place.report()["seconds"]
    killed = 0
    for number in range(2 * flaky.args.runs):
        run = place.start("run", "--as-of", lake.AS_OF, *(stores.OTHER_FOREST if number % 2 == 0 else []))
        time.sleep(moments.uniform(0.3, 1.1) * whole)
        run.process.kill()
        killed += run().code == -signal.SIGKILL
        assert without_run(flaky.lake("killed").findings()) in [local.findings, local.other_findings]
    assert killed > flaky.args.runs, killed
    # What they left does not hold the next one back.
    flaky.is_whole("killed", {place.report()["run_id"]})


def a_store_that_always_fails_ends_a_run_with_1_and_a_hint_and_takes_nothing(flaky):
    before = flaky.store.names()
    for fault in [ERROR, SLOW_DOWN, CUT]:
        flaky.behave(Manner(faults=((fault, 1),)))
        said = flaky.through("never", options={"max_retries": "2"}).run()
        assert said.code == 1 and f"error: source `{lake.TABLE}`" in said.stderr and "hint: " in said.stderr, (said.code, said.stderr)
    assert flaky.store.names() == before


def a_store_that_takes_no_commit_ends_a_run_with_4_and_shows_the_findings_of_before(flaky):
    place = flaky.through("no-commit", options={"max_retries": "2"})
    flaky.behave(proxy.GOOD)
    run = place.report()
    log = "/no-commit/anomalies/_delta_log/"
    for fault in [ERROR, SLOW_DOWN, CUT]:
        flaky.behave(Manner(faults=((fault, 1),), only=log, methods=("PUT",)))
        said = place.run(*stores.OTHER_FOREST)
        assert said.code == 4 and "error: sink `" in said.stderr and "hint: " in said.stderr, (said.code, said.stderr)
        flaky.is_whole("no-commit", {run["run_id"]})
    outcomes = [run["outcome"] for run in flaky.lake("no-commit").runs()]
    assert outcomes == ["failed"] * 3 + ["succeeded"], outcomes


def a_commit_whose_answer_is_lost_is_one_commit(flaky):
    for fault in [ERROR_AFTER, CUT_AFTER]:
        name = f"lost-{fault.split()[0]}"
        # Only what is written into the logs, and each of it once.
        for number in range(2):
            flaky.behave(Manner(faults=((fault, 0.6),), only="/_delta_log/", methods=("PUT",)), number)
            said = flaky.through(name).run()
            run = json.loads(said.succeeds())
            assert flaky.between.did[fault], flaky.between.did
            flaky.is_whole(name, {run["run_id"]})
            assert len(flaky.lake(name).runs()) == number + 1
            assert run["sinks"][0]["version"] == number + 1 and len(flaky.versions(name)) == number + 2, flaky.versions(name)


def a_store_that_forgets_conditions_is_refused_and_left_as_it_was(flaky):
    before = flaky.store.names()
    for manner in [Manner(forgets_conditions=True), Manner(refuses_conditions=True)]:
        flaky.behave(manner)
        for verb in ["check", "run"]:
            said = flaky.through("forgotten", options={"max_retries": "0"}).say(verb)
            assert said.code == 2 and "conditional writes" in said.stderr, (said.code, said.stderr)
    flaky.behave(Manner(forgets_conditions=True))
    command = ["import", "--format", "delta", "--time-column", "TimeGenerated", flaky.delta, f"{flaky.store.url}/forgotten/events"]
    said = lake.Running(command, flaky.seen.environment)()
    assert said.code == 2 and "conditional writes" in said.stderr, (said.code, said.stderr)
    assert flaky.store.names() == before


def tell(did=None, codes=None):
    for what in filter(None, [did, codes and {f"exit code {code}": count for code, count in sorted(codes.items())}]):
        print("          " + ", ".join(f"{count} {name}" for name, count in what.items()), flush=True)


CLAIMS = [
    a_bad_day_is_hidden_by_retries,
    two_runs_at_once_on_a_bad_day_leave_one_result,
    what_a_run_cannot_know_of_a_worse_day_is_mended_by_running_it_again,
    two_runs_at_once_on_a_worse_day_leave_one_result,
    an_import_on_a_worse_day_takes_every_row_once,
    a_commit_whose_answer_is_lost_is_one_commit,
    a_run_that_is_killed_at_any_moment_leaves_the_findings_of_before_or_its_own,
    a_store_that_always_fails_ends_a_run_with_1_and_a_hint_and_takes_nothing,
    a_store_that_takes_no_commit_ends_a_run_with_4_and_shows_the_findings_of_before,
    a_store_that_forgets_conditions_is_refused_and_left_as_it_was,
]


if __name__ == "__main__":
    main()
