"""Does crannog find what scikit-learn finds, and what does an extended forest find? 17 tables of which the anomalies are known.

On each table and for each of five seeds scikit-learn's IsolationForest and crannog learn from all rows and score them, in
turn. Their scores must be the same to the last bit but one, and so must AUROC (ties count half) and average precision.
Beside them stands crannog's extended forest, on scaled columns. crannog is run as a user would run it: a job file, a
Parquet source, `--scored`.

    make bench-quality TABLES="cardio glass"

The tables are not part of this repository: they lie in ../shared/data/adbench beside it, or where CRANNOG_ADBENCH says.
`--save FILE` writes what tests/adbench/mod.rs compares with. Ends with 1 where the two differ, with 2 where something needed is not there.
"""

import argparse
import json
import math
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sklearn
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benches"))
import crannog  # noqa: E402

SEEDS = range(5)
AS_OF = "2026-01-02T00:00:00Z"
# An extended forest may do this much worse than it did before tests/adbench/mod.rs says so.
SLACK = 0.01

JOB = """
[job]
name = "adbench"

[sources.rows]
format   = "parquet"
location = "rows.parquet"

[window]
detect = "1 day"
train  = "all"

[features]
sql     = ["judged.sql"]
keys    = ["row"]
columns = {columns}
{scaler}
[isolation_forest]
kind = "{kind}"

[findings]
sql = ["strange.sql"]

[[sinks]]
type     = "delta"
location = "out/findings"
"""
STRANGE = "SELECT $detect_start AS interval, row, anomaly_score, rank FROM scored WHERE rank <= 10\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", help="names of tables; all unless given")
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    crannog.program()
    saved = {}
    print(f"crannog beside scikit-learn {sklearn.__version__}, mean of {len(SEEDS)} seeds")
    heads = ["AUROC", "sklearn", "extended", "AP", "sklearn", "extended"]
    print(f"{'table':14} {'rows':>7} {'columns':>7}" + "".join(f"{head:>10}" for head in heads), flush=True)
    for path in tables(arguments.tables):
        table = pq.read_table(path)
        label = table["y"].to_numpy()
        rows = table.drop_columns(["y"])
        with tempfile.TemporaryDirectory(prefix="crannog-adbench-") as folder:
            jobs = {kind: Job(Path(folder) / kind, kind, rows) for kind in ["axis", "extended"]}
            runs = [judge(path.stem, seed, rows, jobs) for seed in SEEDS]
        results = {who: [(roc_auc_score(label, run[who]), average_precision_score(label, run[who])) for run in runs] for who in runs[0]}
        if results["axis"] != results["sklearn"] and not np.allclose(results["axis"], results["sklearn"], rtol=0, atol=1e-12):
            sys.exit(f"DIFFERENT: {path.stem}: {results['axis']}, and {results['sklearn']} in scikit-learn")
        means = {who: np.mean(result, axis=0) for who, result in results.items()}
        figures = [means[who][measure] for measure in [0, 1] for who in ["axis", "sklearn", "extended"]]
        print(f"{path.stem:14} {len(label):>7,} {rows.num_columns:>7}" + "".join(f"{figure:>10.4f}" for figure in figures), flush=True)
        saved[path.stem] = {
            "sklearn": [auroc for auroc, _ in results["sklearn"]],
            "extended_at_least": math.floor((means["extended"][0] - SLACK) * 100) / 100,
        }
    if arguments.save:
        arguments.save.write_text(json.dumps(saved, indent=1) + "\n")
    print("equal")


def tables(names):
    """The files of these tables, or of all, the small ones first."""
    folder = Path(os.environ.get("CRANNOG_ADBENCH", crannog.ROOT.parent / "shared" / "data" / "adbench"))
    files = {path.stem: path for path in folder.glob("*.parquet")}
    if not files:
        crannog.missing(folder, "the tables are kept outside the repository; name their folder with CRANNOG_ADBENCH=…")
    for name in names:
        if name not in files:
            crannog.missing(folder / f"{name}.parquet", f"the tables are {', '.join(sorted(files))}")
    files = [files[name] for name in names or files]
    return sorted(files, key=lambda path: pq.read_metadata(path).num_rows)


class Job:
    """A folder with a table, the job that judges its rows, and what they come to."""

    def __init__(self, folder, kind, rows):
        folder.mkdir()
        self.folder = folder
        columns = rows.column_names
        key = pa.array(np.arange(rows.num_rows))
        pq.write_table(rows.add_column(0, "row", key), folder / "rows.parquet")
        scaler = 'scaler = "standard"\n' if kind == "extended" else ""
        job = JOB.format(columns=json.dumps(columns), scaler=scaler, kind=kind)
        (folder / "job.toml").write_text(job)
        (folder / "judged.sql").write_text(f"SELECT {', '.join(['row', *columns])} FROM rows\n")
        (folder / "strange.sql").write_text(STRANGE)

    def scores(self, seed):
        """The anomaly_score of each row, by a forest of this seed."""
        scored = self.folder / "scored.parquet"
        options = ["--as-of", AS_OF, "--scored", scored, "--format", "json", "--set", f"isolation_forest.random_state={seed}"]
        crannog.answer([crannog.program(), "run", self.folder / "job.toml", *options])
        return pq.read_table(scored, columns=["row", "anomaly_score"]).sort_by("row")["anomaly_score"].to_numpy()


def judge(name, seed, rows, jobs):
    """The scores of all rows, high is strange: scikit-learn's, and crannog's by either kind of forest."""
    x = np.column_stack([column.to_numpy() for column in rows.columns])
    scores = {"sklearn": -IsolationForest(random_state=seed).fit(x).score_samples(x)}
    scores |= {kind: job.scores(seed) for kind, job in jobs.items()}
    apart = np.abs(scores["axis"].view(np.int64) - scores["sklearn"].view(np.int64)).max()
    if apart > 1:
        sys.exit(f"DIFFERENT: {name}, seed {seed}: scores are up to {apart} last places apart")
    return scores


if __name__ == "__main__":
    main()
