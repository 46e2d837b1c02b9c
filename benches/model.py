"""What the forest costs: crannog beside scikit-learn, isotree and coniferest, in turn, on the same tables.

All run on one core, each with one thread. A figure is the CPU time (user and system) of one call: `fit` on a table in
memory, or `score_samples` of all its rows. Others get float32 row by row, which they like best (but isotree learns from
columns); crannog holds columns.
The sides alternate, a round that is not counted comes first, and the tables say medians, because other work on the
machine moves single calls. crannog is the bench program of `cargo bench --bench model`, a process for each path of
CRANNOG_SIMD that this machine has; the tables are its own (model/tables.rs).

crannog's forest must be scikit-learn's: the path-length sums of all scored rows bit for bit, the scores within one ulp,
and all paths the same bits. Where that fails, the script ends with 1. A goal of speed that is missed is only said.
The last line is one JSON object of all figures.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from itertools import product
from typing import NamedTuple

import numpy as np
from crannog import ROOT
from forests import LIBRARIES, Crannog
from rounds import in_turn

TRAIN_ROWS = 100_000
FIT_ROWS = [100_000, 1_000_000, 10_000_000]
FIT_CHECKED_ROWS = 10_000

# What the worst set is to reach: another's CPU time over crannog's, and CPU seconds.
SCIKIT_LEARN_GOALS = {"portable": 25, "avx2": 35, "avx512": 55}
CONIFEREST_GOAL = 25  # of the best path
FIT_GOAL = (10_000_000, 0.010)


class Set(NamedTuple):
    kind: str
    n_features: int
    max_samples: int

    def __str__(self) -> str:
        return "-".join(map(str, self))


SETS = [Set(*words) for words in product(["gauss", "dict"], [6, 20], [100, 256])]
FIT_SETS = [Set("gauss", 6, 256), Set("dict", 6, 256)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(map(str, SETS))
    parser.add_argument("--rows", type=int, nargs="+", default=[262_144], help="how many rows to score (default: 262144)")
    parser.add_argument("--fit-rows", type=int, nargs="*", default=FIT_ROWS, help="how many rows to fit (default: 100000 1000000 10000000)")
    parser.add_argument("--rounds", type=int, default=7, help="calls of each side that count (default: 7)")
    parser.add_argument("--sets", nargs="+", choices=names, default=names, metavar="SET", help=f"which to score: {' '.join(names)}")
    arguments = parser.parse_args()
    program = bench_program()
    # One core for this process and its children.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with Crannog(program, "portable") as side:
        paths = side.paths()
    print(f"crannog's paths here: {', '.join(paths)}")

    scores, fits = [], []
    for n_samples in arguments.rows:
        print(f"\nscore_samples of {n_samples:,} rows, {arguments.rounds} rounds: ns a row (times crannog's)")
        print_heading()
        for chosen in SETS:
            if str(chosen) in arguments.sets:
                scores.append(bench_score(program, paths, chosen, n_samples, arguments.rounds))
                print_times(scores[-1], 1e9 / n_samples)
    for n_samples in arguments.fit_rows:
        print(f"\nfit of {n_samples:,} rows, {arguments.rounds} rounds: ms (times crannog's)")
        print_heading()
        for chosen in FIT_SETS:
            fits.append(bench_fit(program, paths[-1:], chosen, n_samples, arguments.rounds))
            print_times(fits[-1], 1e3)

    goals = judged(paths, scores, fits)
    print_goals(goals)
    wrong = [f"{bench['set']}, {bench['rows']:,} rows, {sentence}" for bench in scores + fits for sentence in bench["wrong"]]
    print()
    print("\n".join(wrong) or "equal to scikit-learn on every row: sums bit for bit, scores within 1 ulp")
    print()
    print(json.dumps({"paths": paths, "rounds": arguments.rounds, "score": scores, "fit": fits, "goals": goals}))
    sys.exit(1 if wrong else 0)


def bench_program():
    """Builds the bench program; returns where it is."""
    command = ["cargo", "bench", "--no-run", "--bench", "model", "--message-format", "json-render-diagnostics"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(done.returncode)
    messages = map(json.loads, done.stdout.splitlines())
    return next(said["executable"] for said in messages if said.get("executable") and said["target"]["name"] == "model")


def bench_score(program, paths, chosen, n_samples, rounds):
    """Checks that every path gives scikit-learn's numbers, then times all sides."""
    with ExitStack() as stack:
        tables = {"train": table(chosen, TRAIN_ROWS, seed=1), "rows": table(chosen, n_samples, seed=2)}
        sides = opened(stack, program, paths, tables)
        for side in sides.values():
            side.fit("train", chosen.max_samples)
        wrong = differences(sides, paths)
        cpu_s = in_turn(sides, rounds, lambda side: side.score("rows"))
    return summed_up(chosen, n_samples, cpu_s, paths, wrong)


def bench_fit(program, paths, chosen, n_samples, rounds):
    """Times the fits of all sides, then checks on other rows that crannog has scikit-learn's forest. Paths differ in scoring only."""
    with ExitStack() as stack:
        tables = {"train": table(chosen, n_samples, seed=1), "rows": table(chosen, FIT_CHECKED_ROWS, seed=2)}
        sides = opened(stack, program, paths, tables)
        cpu_s = in_turn(sides, rounds, lambda side: side.fit("train", chosen.max_samples))
        wrong = differences(sides, paths)
    return summed_up(chosen, n_samples, cpu_s, paths, wrong)


def table(chosen, n_samples, seed):
    return {"kind": chosen.kind, "n_features": chosen.n_features, "n_samples": n_samples, "seed": seed}


def opened(stack, program, paths, tables):
    """All sides by name, with the tables in their hands."""
    crannogs = {crannog(path): stack.enter_context(Crannog(program, path)) for path in paths}
    for side in crannogs.values():
        for name, described in tables.items():
            side.make(name, described)
    first = next(iter(crannogs.values()))
    with tempfile.TemporaryDirectory(prefix="crannog-bench-") as folder:
        values = {name: first.values(name, described["n_features"], folder) for name, described in tables.items()}
    return crannogs | {name: library(values) for name, library in LIBRARIES.items()}


def crannog(path):
    """The name of crannog's side on a path."""
    return f"crannog {path}"


def differences(sides, paths):
    """What is wrong with crannog's sums and scores, in sentences."""
    sums, scores = sides["scikit-learn"].sums_and_scores("rows")
    first_scores = None
    wrong = []
    for path in paths:
        with tempfile.TemporaryDirectory(prefix="crannog-bench-") as folder:
            own_sums, own_scores = sides[crannog(path)].sums_and_scores("rows", folder)
        if first_scores is None:
            first_scores = own_scores
        for fault, rows in [
            ("sums are not scikit-learn's", ulps(own_sums, sums) > 0),
            ("scores are more than 1 ulp from scikit-learn's", ulps(own_scores, scores) > 1),
            (f"scores are not those of {paths[0]}", ulps(own_scores, first_scores) > 0),
        ]:
            if rows.any():
                wrong.append(f"{path}: {np.count_nonzero(rows):,} {fault}, the first in row {np.argmax(rows)}")
    return wrong


def ulps(a, b):
    """How many floats apart; both of the same sign."""
    return np.abs(a.view(np.int64) - b.view(np.int64))


def summed_up(chosen, n_samples, cpu_s, paths, wrong):
    """All CPU seconds of a set, their medians, and how many times crannog's each other takes."""
    median = {side: statistics.median(taken) for side, taken in cpu_s.items()}
    times = {path: {other: median[other] / median[crannog(path)] for other in LIBRARIES} for path in paths}
    return {"set": str(chosen), "rows": n_samples, "cpu_s": cpu_s, "median_cpu_s": median, "times": times, "wrong": wrong}


def judged(paths, scores, fits):
    """Each goal, and the set that comes nearest to missing it."""
    goals = []
    if scores:
        for path in paths:
            goals.append(judged_times("scikit-learn", path, SCIKIT_LEARN_GOALS[path], scores))
        goals.append(judged_times("coniferest", paths[-1], CONIFEREST_GOAL, scores))
    n_samples, most = FIT_GOAL
    large = [(bench["median_cpu_s"][crannog(path)], path, bench) for bench in fits if bench["rows"] == n_samples for path in bench["times"]]
    if large:
        seconds, path, worst = max(large, key=lambda entry: entry[0])
        goals.append(goal(f"seconds to fit, {crannog(path)}", most, seconds, worst, held=seconds < most))
    return goals


def judged_times(other, path, least, scores):
    worst = min(scores, key=lambda bench: bench["times"][path][other])
    times = worst["times"][path][other]
    return goal(f"{other} / {crannog(path)}", least, times, worst, held=times >= least)


def goal(what, wanted, measured, bench, held):
    return {"what": what, "goal": wanted, "worst": measured, "set": bench["set"], "rows": bench["rows"], "held": held}


def print_heading():
    print(f"  {'':14} {'':10} {'crannog':>10} " + " ".join(f"{other:>22}" for other in LIBRARIES))


def print_times(bench, scale):
    """A line for each path; `scale` turns seconds into what the heading says."""
    median = bench["median_cpu_s"]
    for path, times in bench["times"].items():
        own = f"{median[crannog(path)] * scale:,.1f}"
        others = [f"{median[other] * scale:,.1f} ({times[other]:.1f})" for other in LIBRARIES]
        print(f"  {bench['set']:14} {path:10} {own:>10} {' '.join(f'{column:>22}' for column in others)}", flush=True)


def print_goals(goals):
    print("\ngoals, by the worst set")
    for entry in goals:
        said = "held" if entry["held"] else "missed"
        where = f"{entry['set']}, {entry['rows']:,} rows"
        print(f"  {entry['what']:34} {entry['worst']:>8.4g}  goal {entry['goal']:<6g} {said:7} {where}")


if __name__ == "__main__":
    main()
