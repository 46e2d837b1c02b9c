"""Scores of a saved model, by nothing but its JSON and the formulas: prints tests/data/models/scores.json.

    python3 tests/data/models/scores.py > tests/data/models/scores.json

The rows are those of `rows` in tests/model/kept.rs.
"""

import gzip
import json
import math
import struct
from pathlib import Path

EULER_GAMMA = 0.5772156649015329
LATTICES = {
    "process_execution-1": [(1771891200.0, 86400.0, 16)] + [(0.0, 1.0, 24)] * 5,
    "cloudtrail-1": [(-2.0, 0.0625, 64)] * 7,
    "process_execution-2": [(-2.0, 0.0625, 64)] * 6,
}
# Format 2: extended trees, which have no rule for a missing value.
EXTENDED = {"process_execution-2"}


def average_path_length(n):
    if n <= 1:
        return 0.0
    if n == 2:
        return 1.0
    return 2.0 * (math.log(n - 1.0) + EULER_GAMMA) - 2.0 * (n - 1.0) / n


def single(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def rows(lattice, some_missing):
    for i in range(96):
        row = [single(low + step * ((i * (7 + 2 * j) + j) % n)) for j, (low, step, n) in enumerate(lattice)]
        if some_missing and i % 16 == 5:
            row[i % len(row)] = math.nan
        yield row


def path_length(tree, row):
    """Nodes stand parent first, left before right: a side that is not taken is passed over."""
    is_leaf = [entry is None for entry in tree["threshold" if "normal" in tree else "feature"]]
    goes_left = goes_left_of_plane if "normal" in tree else goes_left_of_threshold
    node = cut = leaf = splits = 0
    while not is_leaf[node]:
        left = goes_left(tree, node, cut, row)
        node, cut, splits = node + 1, cut + 1, splits + 1
        if not left:
            waiting = 1
            while waiting:
                if is_leaf[node]:
                    leaf, waiting = leaf + 1, waiting - 1
                else:
                    cut, waiting = cut + 1, waiting + 1
                node += 1
    return (splits + 1.0) + average_path_length(tree["n_samples"][leaf]) - 1.0


def goes_left_of_threshold(tree, node, cut, row):
    value = row[tree["feature"][node]]
    return tree["missing_go_to_left"][cut] if math.isnan(value) else value <= float(tree["threshold"][cut])


def goes_left_of_plane(tree, node, cut, row):
    size = len(tree["normal"]) // sum(threshold is not None for threshold in tree["threshold"])
    normal = [single(coordinate) for coordinate in tree["normal"][cut * size : (cut + 1) * size]]
    columns = tree["column"][cut * size : (cut + 1) * size] or range(size)
    return math.fsum(a * row[column] for a, column in zip(normal, columns)) <= tree["threshold"][node]


def score(model, row):
    total = 0.0
    for tree in model["trees"]:
        total += path_length(tree, row)
    return -(2.0 ** -(total / (len(model["trees"]) * average_path_length(model["max_samples"]))))


def main():
    scores = {}
    for name, lattice in LATTICES.items():
        model = json.loads(gzip.decompress((Path(__file__).parent / f"{name}.json.gz").read_bytes()))
        scores[name] = [score(model, row) for row in rows(lattice, name not in EXTENDED)]
    print("{" + ",\n".join(f'"{name}": {json.dumps(values)}' for name, values in scores.items()) + "}")


main()
