#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR LGPL-2.1
"""Compare the outputs of a run with its golden file, element by element.

check.py FOLDER reads run.json and the .npy files that `pto run` has left
there, and prints what it found as one line of JSON.
"""
import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np

sys.dont_write_bytecode = True  # a golden file's folder is not ours


def load_golden(path):
    """The module in a file."""
    spec = importlib.util.spec_from_file_location("golden", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compare(name, got, want, rtol, atol):
    """How many elements are right, and which is the first that is not."""
    want = np.asarray(want)
    if want.shape != got.shape:
        raise ValueError(f"golden {name} has shape {want.shape}, not {got.shape}")
    if got.dtype.kind in "iu":
        right = got == want
    else:
        right = np.isclose(got.astype("float64"), want, rtol, atol)
    with np.errstate(invalid="ignore"):
        error = float(np.abs(got.astype("float64") - want).max())
    result = {
        "name": name,
        "right": int(right.sum()),
        "total": int(right.size),
        "max_abs_error": error if math.isfinite(error) else None,
    }
    if not right.all():
        at = tuple(int(i) for i in np.argwhere(~right)[0])
        result["first_wrong"] = f"{list(at)}: got {got[at]:g}, want {want[at]:g}"
    return result


def check(folder):
    """Results of all outputs of the run in a folder."""
    run = json.loads((folder / "run.json").read_text())
    got = {name: np.load(folder / f"{name}.out.npy") for name in run["outputs"]}
    tensors = {name: np.zeros_like(array) for name, array in got.items()}
    tensors |= {name: np.load(folder / f"{name}.in.npy") for name in run["inputs"]}
    load_golden(run["golden"]).compute_golden(tensors, run["params"])
    return [compare(name, got[name], tensors[name], run["rtol"], run["atol"])
            for name in run["outputs"]]


if __name__ == "__main__":
    print(json.dumps(check(Path(sys.argv[1]))))
