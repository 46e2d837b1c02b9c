"""Is crannog's answer that of DuckDB and scikit-learn? Every group, feature, score, flag and finding is compared.

Makes events, runs the baseline on them once and crannog twice (Delta table, Parquet folder), and says what is equal.
Ends with 1 and the first row that differs, with 2 where something needed is not there.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sklearn
from deltalake import DeltaTable
from sklearn.ensemble import IsolationForest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benches"))
import baseline  # noqa: E402
import crannog  # noqa: E402

KEYS = ["interval", "Computer", "Account", "AccountType", "Process"]
FEATURES = ["unixInterval", "computerIndex", "accountIndex", "accountTypeIndex", "processIndex", "count"]
CONTAMINATION = 0.02


class Different(Exception):
    """The first row in which the two answers differ."""


def main():
    prove(__doc__, answers)


def answers(folder, rows, seed):
    baseline.make_events(folder, rows, seed)
    reference = Reference(folder)
    print(
        f"{rows:,} events of seed {seed}, {len(reference.scored):,} groups: "
        f"crannog beside DuckDB {duckdb.__version__} and scikit-learn {sklearn.__version__}"
    )
    for source in ["delta", "parquet"]:
        print(f"\ncrannog on {source}")
        compare(reference, folder, source)


def prove(description, answers):
    """Runs `answers(folder, rows, seed)` as the command line asks; the folder is kept where two of them differ."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    crannog.program()
    folder = Path(tempfile.mkdtemp(prefix="crannog-parity-"))
    try:
        answers(folder, arguments.rows, arguments.seed)
    except Different as different:
        print(f"\nDIFFERENT: {different}\n  both answers are kept in {folder}")
        sys.exit(1)
    shutil.rmtree(folder)
    print("\nequal")


class Reference:
    """What the baseline says, and what scikit-learn says of the baseline's features."""

    def __init__(self, folder):
        scored, findings = folder / "reference-scored.parquet", folder / "reference-findings.parquet"
        command = baseline.command(folder / "parquet", findings, "--sort", "--dump-index", scored)
        self.report = json.loads(crannog.answer(command))
        self.scored = comparable(pq.read_table(scored))
        self.findings = comparable(pq.read_table(findings)).sort_by([(key, "ascending") for key in KEYS])
        self.features = np.column_stack([self.scored[f"f_{name}"].to_numpy() for name in FEATURES])

    def flags(self, contamination, before=None):
        """scikit-learn's own `predict`, and its `offset_`; of a forest that learnt from the groups before a time."""
        learnt = self.features if before is None else self.features[self.scored["interval"].to_numpy() < before]
        forest = IsolationForest(max_samples=100, random_state=42, contamination=contamination).fit(learnt)
        return forest.predict(self.features), forest.offset_


def compare(reference, folder, source):
    """Compares one run of crannog with the reference, column by column."""
    output, scored_file = folder / f"findings-{source}", folder / f"scored-{source}.parquet"
    report = crannog.run(folder / source, output, baseline.AS_OF, "--scored", scored_file)
    ours, theirs = comparable(pq.read_table(scored_file)), reference.scored
    rows = Rows(ours, theirs)

    rows.count("groups", len(ours), len(theirs))
    rows.same("keys, in order", *(pc.not_equal(ours[key], theirs[key]) for key in KEYS))
    for name in FEATURES:
        in_single = ours[name].to_numpy().astype(np.float32)
        rows.same(name, in_single != theirs[f"f_{name}"].to_numpy())
    scores = ours["anomaly_score"].to_numpy()
    off = ulps(scores, -theirs["score"].to_numpy())
    rows.same("anomaly_score within 1 ulp", off > 1, note=f"{np.count_nonzero(off):,} off by 1")
    rows.count("anomalies", report["isolation_forest"]["n_anomalies"], reference.report["predicted_anomalies"])
    judge(rows, "prediction", ours, report, reference.flags("auto"))
    in_rank = scores[np.argsort(ours["rank"].to_numpy())]
    rows.count("scores in the order of rank", np.count_nonzero(np.diff(in_rank) <= 0), len(ours) - 1)

    option = f"isolation_forest.contamination={CONTAMINATION}"
    report = crannog.run(folder / source, folder / f"few-{source}", baseline.AS_OF, "--set", option, "--scored", scored_file)
    few = comparable(pq.read_table(scored_file))
    judge(rows, f"prediction, contamination {CONTAMINATION}", few, report, reference.flags(CONTAMINATION))

    # A forest that has not seen the last day; the groups come from the step's own table.
    options = [option, "window.train_end=detect_start", "sources.process_execution.time_column=TimeGenerated", "incremental.grouped={}"]
    options = [word for option in options for word in ("--set", option)]
    report = crannog.run(folder / source, folder / f"kept-{source}" / "few", baseline.AS_OF, *options, "--scored", scored_file)
    kept = comparable(pq.read_table(scored_file))
    rows.count("groups, their step kept", len(kept), len(reference.scored))
    before = int(np.datetime64(report["detect_start"].rstrip("Z"), "us").astype(int))
    judge(rows, "prediction, the last day unlearnt", kept, report, reference.flags(CONTAMINATION, before))

    ours, theirs = comparable(DeltaTable(output).to_pyarrow_table()), reference.findings
    ours = ours.sort_by([(key, "ascending") for key in KEYS])
    rows = Rows(ours, theirs)
    rows.count("findings of the last day", len(ours), len(theirs))
    rows.same("keys of the findings", *(pc.not_equal(ours[key], theirs[key]) for key in KEYS))
    rows.same("count of the findings", pc.not_equal(ours["count"], theirs["count"]))
    off = ulps(ours["anomaly_score"].to_numpy(), -theirs["score"].to_numpy())
    rows.same("their anomaly_score within 1 ulp", off > 1, note=f"{np.count_nonzero(off):,} off by 1")
    # The baseline's lists are in no order, and NULL where a group has no command line. Ours are sorted as they are.
    lines = [sorted(lines or [], key=str.encode) for lines in theirs["CommandLines"].to_pylist()]
    differ = [mine != line for mine, line in zip(ours["CommandLines"].to_pylist(), lines)]
    rows.same("their command lines", differ, note=f"{sum(map(len, lines)):,} in all, {lines.count([]):,} lists empty")


def judge(rows, what, ours, report, reference):
    """Flags of every row, and the threshold that made them, beside scikit-learn's."""
    flags, offset = reference
    threshold = report["isolation_forest"]["threshold"]
    rows.same(what, ours["prediction"].to_numpy() != flags, note=f"{np.count_nonzero(flags == -1):,} are -1")
    if ulps(np.array([threshold]), np.array([-offset]))[0] > 1:
        raise Different(f"{what}: the threshold is {threshold!r}, and {-offset!r} in scikit-learn")


def comparable(table):
    """Instants as microseconds, whatever their zone is called."""
    interval = pc.cast(table["interval"].cast(pa.timestamp("us")), pa.int64())
    return table.set_column(table.column_names.index("interval"), "interval", interval).combine_chunks()


def ulps(ours, theirs):
    """How many representable numbers apart: of one sign, the bits of doubles count them."""
    return np.abs(ours.view(np.int64) - theirs.view(np.int64))


class Rows:
    """Two tables that should be one, and a line for everything compared between them."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs

    def count(self, what, ours, theirs):
        if ours != theirs:
            raise Different(f"{what}: {ours:,}, and {theirs:,} in the reference")
        print(f"  {what:34} {theirs:>10,}  equal")

    def same(self, what, *differences, note=None):
        differ = np.zeros(len(self.theirs), dtype=bool)
        for difference in differences:
            differ |= np.asarray(difference)
        if differ.any():
            first = int(differ.argmax())
            raise Different(
                f"{what}: {np.count_nonzero(differ):,} rows, the first is row {first:,}\n"
                f"  crannog   {self.ours.slice(first, 1).to_pylist()[0]}\n"
                f"  reference {self.theirs.slice(first, 1).to_pylist()[0]}"
            )
        print(f"  {what:34} {len(differ):>10,}  equal{f'  ({note})' if note else ''}")


if __name__ == "__main__":
    main()
