"""The forests that benches/model.py compares. Each takes tables by name, fits 100 trees, and scores.

`fit` and `score` return the CPU seconds (user and system, all threads) of that call alone.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import coniferest.isoforest
import isotree
import numpy as np
import sklearn.ensemble

N_ESTIMATORS = 100


class Crannog:
    """The bench program of `cargo bench --bench model` as a process of its own, on one path of CRANNOG_SIMD."""

    def __init__(self, program, path):
        self.process = subprocess.Popen(
            [program, "--peer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"CRANNOG_SIMD": path}
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def paths(self):
        """The paths that this machine has, the fastest last."""
        return self._answer("paths")["paths"]

    def make(self, name, table):
        self._answer("make", name=name, **table)

    def values(self, name, n_features, folder):
        """A table of this side, for the others: float32, row by row."""
        file = Path(folder) / "table"
        self._answer("write_table", table=name, to=str(file))
        return np.fromfile(file, dtype="<f4").reshape(-1, n_features)

    def fit(self, name, max_samples):
        return self._answer("fit", table=name, max_samples=max_samples)["cpu_s"]

    def score(self, name):
        return self._answer("score", table=name)["cpu_s"]

    def sums_and_scores(self, name, folder):
        """The path-length sum and the score of each row."""
        file = Path(folder) / "scores"
        self._answer("write_scores", table=name, to=str(file))
        return np.fromfile(file, dtype="<f8").reshape(2, -1)

    def _answer(self, command, **arguments):
        print(json.dumps({command: arguments}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the bench program ended with {self.process.wait()} at: {command} {arguments}")
        return json.loads(line)


class Library:
    """A forest of a Python package, in this process."""

    def __init__(self, tables):
        self.tables = tables

    def fit(self, name, max_samples):
        self.forest = self.new(max_samples)
        return cpu_seconds(self.forest.fit, self.tables[name])

    def score(self, name):
        return cpu_seconds(self.forest.score_samples, self.tables[name])


class ScikitLearn(Library):
    # By itself it takes as many rows at once as fit in 1 GB: here that is all, and faster than parts of 8,192 to 131,072.
    def new(self, max_samples):
        return sklearn.ensemble.IsolationForest(n_estimators=N_ESTIMATORS, max_samples=max_samples, random_state=0, n_jobs=1)

    def sums_and_scores(self, name):
        """The path-length sum of each row, added as `score_samples` does (it keeps them to itself), and its score."""
        x = self.tables[name]
        forest = self.forest
        sums = np.zeros(len(x))
        for tree, path_lengths, unbuilt in zip(forest.estimators_, forest._decision_path_lengths, forest._average_path_length_per_tree):
            leaves = tree.apply(x, check_input=False)
            sums += path_lengths[leaves] + unbuilt[leaves] - 1.0
        return sums, forest.score_samples(x)


class Isotree(Library):
    # It learns from columns, and would copy rows into columns first; it scores rows.
    def __init__(self, tables):
        super().__init__(tables)
        self.columns = {name: np.asfortranarray(table) for name, table in tables.items()}

    def fit(self, name, max_samples):
        self.forest = self.new(max_samples)
        return cpu_seconds(self.forest.fit, self.columns[name])

    def new(self, max_samples):
        return isotree.IsolationForest(
            ntrees=N_ESTIMATORS, sample_size=max_samples, ndim=1, prob_pick_pooled_gain=0, missing_action="fail", nthreads=1
        )

    def score(self, name):
        return cpu_seconds(self.forest.predict, self.tables[name])


class Coniferest(Library):
    def new(self, max_samples):
        return coniferest.isoforest.IsolationForest(n_trees=N_ESTIMATORS, n_subsamples=max_samples, random_seed=0, n_jobs=1)


LIBRARIES = {"scikit-learn": ScikitLearn, "isotree": Isotree, "coniferest": Coniferest}


def cpu_seconds(call, *arguments):
    started = time.process_time()
    call(*arguments)
    return time.process_time() - started
