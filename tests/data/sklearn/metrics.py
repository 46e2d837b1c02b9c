"""Rankings, and what scikit-learn says of them: writes metrics.json beside this file.

    benches/python.sh benches/requirements.txt tests/data/sklearn/metrics.py
"""

import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

RATES = [0.0, 0.05, 0.1, 0.25, 0.5, 0.9, 1.0]


def case(name, y_true, y_score):
    false_positive, true_positive, _ = roc_curve(y_true, y_score, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(y_true, y_score)
    # From the highest score on; the last entry, at recall 0, belongs to no score.
    precision, recall = precision[:-1][::-1], recall[:-1][::-1]
    at = [r for r in RATES if r > 0]
    # The corners of the ROC curve: the upper one where it goes straight up.
    corners = {}
    for x, y in zip(false_positive, true_positive):
        corners[x] = max(y, corners.get(x, 0.0))
    lower = dict(zip(false_positive[::-1], true_positive[::-1]))
    xs, ys = [], []
    for x in sorted(corners):
        xs += [x, x]
        ys += [lower[x], corners[x]]

    def tpr(rate):
        if rate in corners:
            return corners[rate]
        return np.interp(rate, xs, ys)

    return {
        "name": name,
        "y_true": [int(y) for y in y_true],
        "y_score": [float(s) for s in y_score],
        "roc_auc_score": roc_auc_score(y_true, y_score),
        "average_precision_score": average_precision_score(y_true, y_score),
        "true_positive_rate": [[r, float(tpr(r))] for r in RATES],
        "precision_at_recall": [
            [r, float(precision[np.argmax(recall >= r - 1e-9)])] for r in at
        ],
    }


def main():
    random = np.random.default_rng(7)
    cases = [
        case("four rows", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]),
        case("all scores equal", [0, 1, 0, 0, 1], [0.5] * 5),
        case("perfect", [0] * 20 + [1] * 3, np.linspace(0, 1, 23)),
        case("upside down", [1] * 3 + [0] * 20, np.linspace(0, 1, 23)),
        case("one positive, tied with many", [0] * 30 + [1] + [0] * 9, [3.0] * 5 + [2.0] * 26 + [1.0] * 9),
    ]
    for rows, share, values in [(60, 0.3, 7), (200, 0.05, 12), (200, 0.5, None), (300, 0.02, None), (300, 0.1, 40)]:
        y_true = random.random(rows) < share
        y_true[0], y_true[1] = True, False
        y_score = random.random(rows) + 0.5 * y_true
        if values:
            y_score = np.floor(y_score * values) / values
        y_score = [float(f"{score:.6g}") for score in y_score]
        order = random.permutation(rows)
        cases.append(case(f"{rows} rows, {share}, {values or 'no'} ties", y_true[order], np.array(y_score)[order]))
    written = {"sklearn": sklearn.__version__, "cases": cases}
    path = Path(__file__).with_name("metrics.json")
    path.write_text(json.dumps(written, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
