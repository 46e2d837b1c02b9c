"""Makes tests/data/shap: what shap.TreeExplainer says of scikit-learn's IsolationForest.

    benches/python.sh tests/sklearn/requirements.txt tests/sklearn/make_shap.py

One file a forest: the rows it learnt from, its parameters, rows to explain, shap's expected value, and for each of these rows
shap's values. The forests differ in what a wrong explainer would miss: trees
that draw few columns, rows drawn twice, missing values, equal values, constant columns, a tree of one cut.
"""

import json
import pathlib

import numpy as np
import shap
from sklearn.ensemble import IsolationForest

FOLDER = pathlib.Path(__file__).parents[1] / "data" / "shap"


def tables():
    """Name, rows, rows to explain, parameters."""
    draw = np.random.default_rng(20261129)
    notebook = np.column_stack(
        [
            draw.integers(20_700, 20_714, 400) * 86_400,
            draw.integers(0, 30, 400),
            draw.integers(0, 70, 400),
            draw.integers(0, 2, 400),
            draw.geometric(0.02, 400),
            np.round(draw.lognormal(1.0, 1.5, 400)),
        ]
    )
    yield "notebook", notebook, 15, dict(max_samples=100, random_state=42)
    yield "seed_7", notebook, 10, dict(max_samples=256, random_state=7)
    yield "bootstrap", notebook, 10, dict(max_samples=64, bootstrap=True, random_state=3)
    yield "few_columns", draw.normal(size=(300, 9)), 10, dict(max_features=0.4, random_state=1)
    wide = draw.normal(size=(150, 30)) ** 3
    yield "wide", wide, 6, dict(n_estimators=30, random_state=5)
    missing = draw.normal(size=(300, 5))
    missing[draw.random(missing.shape) < 0.15] = np.nan
    yield "missing", missing, 12, dict(n_estimators=50, random_state=9)
    equal = draw.integers(0, 3, (200, 4)).astype(float)
    equal[:, 2] = 1.0
    yield "equal", equal, 10, dict(n_estimators=50, random_state=11)
    yield "deep", draw.normal(size=(1500, 4)), 6, dict(n_estimators=4, max_samples=1500, random_state=2)
    yield "two_rows", np.array([[0.0, 5.0], [1.0, 5.0]]), 2, dict(n_estimators=10, random_state=0)


def number(value):
    """The shortest decimal that gives the same f32 back."""
    return None if np.isnan(value) else float(str(value))


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, rows, explained, params in tables():
        rows = np.float32(np.round(rows, 2))
        forest = IsolationForest(**params).fit(rows)
        explainer = shap.TreeExplainer(forest)
        chosen = rows[np.linspace(0, len(rows) - 1, explained).astype(int)].copy()
        chosen[-1] = np.where(np.isnan(chosen[-1]), chosen[-1], chosen[-1] * 3 + 1)  # a row that it has not seen
        values = explainer.shap_values(chosen)
        vector = {
            "params": params,
            "rows": [[number(value) for value in row] for row in rows],
            "explained": [[number(value) for value in row] for row in chosen],
            "expected_value": float(np.ravel(explainer.expected_value)[0]),
            "shap_values": [[float(value) for value in row] for row in values],
        }
        (FOLDER / f"{name}.json").write_text(json.dumps(vector, separators=(",", ":")) + "\n")
        print(f"{name}: {rows.shape[0]} rows, {rows.shape[1]} columns, {explained} explained")


if __name__ == "__main__":
    main()
