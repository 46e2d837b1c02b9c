"""Is crannog's answer to CloudTrail events that of pandas and scikit-learn? Every code, score and flag is compared.

Makes events, delivers some of them twice, runs crannog on them (Parquet and Delta), and the notebook's script once on the
same events, each once and in the order of eventTime and eventID. Ends with 1 and the first row that differs.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sklearn
from deltalake import DeltaTable, write_deltalake
from parity import Different, Rows, judge, prove, ulps
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benches"))
import baseline  # noqa: E402
import crannog  # noqa: E402

KEYS = ["eventTime", "eventID"]
ENCODED = {
    "eventDateCode": "eventDate",
    "eventSourceCode": "eventSource",
    "eventNameCode": "eventName",
    "sourceIPAddressCode": "sourceIPAddress",
    "userIdentityArnCode": "userIdentity.arn",
    "awsRegionCode": "awsRegion",
}
SHOWN = ["eventSource", "eventName", "userIdentity.arn", "sourceIPAddress", "awsRegion"]


def main():
    prove(__doc__, answers)


def answers(folder, rows, seed):
    baseline.make_calls(folder / "parquet", rows, seed)
    reference = Reference(folder)
    print(
        f"{rows:,} CloudTrail events of seed {seed}: "
        f"crannog beside pandas {pd.__version__} and scikit-learn {sklearn.__version__}"
    )
    for source in ["parquet", "delta"]:
        print(f"\ncrannog on {source}")
        compare(reference, folder, source)


class Reference:
    """What the notebook's script flags, and what pandas and scikit-learn say of every row."""

    def __init__(self, folder):
        events = pq.read_table(folder / "parquet").sort_by([(key, "ascending") for key in KEYS])
        once, flagged = folder / "events.parquet", folder / "reference.parquet"
        pq.write_table(events, once)
        # A twentieth of the events comes again, in a file of its own.
        pq.write_table(events.slice(events.num_rows // 3, events.num_rows // 20), folder / "parquet" / "again.parquet")
        write_deltalake(folder / "delta", pq.read_table(folder / "parquet"))
        self.report = json.loads(crannog.answer(baseline.cloudtrail_command(once, flagged)))
        # pandas keeps the number of the row of each anomaly.
        self.flagged = pq.read_table(flagged)["__index_level_0__"].to_numpy()

        events = pd.read_parquet(once)
        times = pd.to_datetime(events["eventTime"])
        features = pd.DataFrame({"eventHour": times.dt.hour})
        values = events.assign(eventDate=times.dt.date)
        for code, column in ENCODED.items():
            features[code] = pd.factorize(values[column])[0]
        self.scaler = StandardScaler()
        scaled = self.scaler.fit_transform(features)
        self.forest = IsolationForest(contamination=0.01, random_state=42).fit(scaled)
        self.score = self.forest.score_samples(scaled)
        self.prediction = np.where(self.score - self.forest.offset_ < 0, -1, 1)
        self.events = events.assign(eventTime=times.astype("datetime64[us, UTC]").astype("int64"), **features)


def compare(reference, folder, source):
    """Compares one run of crannog with the reference, column by column."""
    output, scored_file = folder / f"findings-{source}", folder / f"scored-{source}.parquet"
    report = crannog.run(folder / source, output, baseline.AS_OF, "--scored", scored_file, job=crannog.CLOUDTRAIL)
    ours, theirs = pq.read_table(scored_file).combine_chunks(), reference.events
    times = ours["eventTime"].cast(pa.timestamp("us")).cast(pa.int64())
    ours = ours.set_column(ours.column_names.index("eventTime"), "eventTime", times)
    rows = Rows(ours, pa.table(theirs[[*KEYS, "eventHour", *ENCODED]]))

    rows.count("events", len(ours), len(theirs))
    for name in [*KEYS, "eventHour", *ENCODED]:
        rows.same(name, ours[name].to_pandas().to_numpy() != theirs[name].to_numpy())
    scaler = report["isolation_forest"]["standard_scaler"]
    for name in ["mean", "scale"]:
        differ = np.array(scaler[name]) != getattr(reference.scaler, f"{name}_")
        if differ.any():
            raise Different(f"{name} of the scaler: {scaler[name]}, and {getattr(reference.scaler, f'{name}_')}")
        print(f"  {f'{name} of the scaler':34} {len(differ):>10,}  equal")
    off = ulps(ours["anomaly_score"].to_numpy(), -reference.score)
    rows.same("anomaly_score within 1 ulp", off > 1, note=f"{np.count_nonzero(off):,} off by 1")
    judge(rows, "prediction", ours, report, (reference.prediction, reference.forest.offset_))
    rows.count("anomalies of the notebook's script", report["isolation_forest"]["n_anomalies"], reference.report["anomalies"])
    in_script = np.ones(len(theirs), dtype=int)
    in_script[reference.flagged] = -1
    rows.same("its flags", ours["prediction"].to_numpy() != in_script)

    found = DeltaTable(output).to_pyarrow_table().sort_by("eventID")
    flagged = theirs.iloc[reference.flagged].sort_values("eventID")
    rows = Rows(found, pa.table(flagged[["eventID", *SHOWN]]))
    rows.count("findings", len(found), len(flagged))
    for name in ["eventID", *SHOWN]:
        rows.same(f"{name} of the findings", found[name].to_pandas().to_numpy() != flagged[name].to_numpy())


if __name__ == "__main__":
    main()
