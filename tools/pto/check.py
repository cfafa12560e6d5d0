#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR LGPL-2.1
"""Compare the outputs of a run with its golden file, element by element.

check.py FOLDER [GOLDEN] reads run.json and the .npy files that `pto run` has left
there, and prints what it found as one line of JSON. Without the golden file what is
expected is in .npy files, too. Exits 2 when the golden file is wrong.
"""
import importlib.util
import json
import math
import os
import sys
from pathlib import Path

import numpy as np

sys.dont_write_bytecode = True  # a golden file's folder is not ours

# Where no tolerance is given; for the short types what one unit in the last place is at most.
RTOL = {"float16": 2**-10, "bfloat16": 2**-7}


class Wrong(Exception):
    """What is wrong with the golden file, for people."""


def load_golden(path):
    """The module in a file."""
    spec = importlib.util.spec_from_file_location("golden", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_array(path, dtype):
    """An array as it was saved; bfloat16, which was saved as its bits, as float32."""
    array = np.load(path)
    if dtype == "bfloat16":
        return (array.astype("uint32") << 16).view("float32")
    return array


def compare(name, got, want, rtol, atol):
    """How many elements are right, and which is the first that is not."""
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


def checked(golden, name, tensors, shape):
    """What compute_golden() has left for an output."""
    what = f"{golden}: compute_golden()"
    if name not in tensors:
        raise Wrong(f"{what} has removed the output {name!r}")
    value = tensors[name]
    if not hasattr(value, "dtype") or isinstance(value, type):
        raise Wrong(f"{what}: the output {name!r} is a {type(value).__name__}, not an array")
    array = np.asarray(value)
    if array.shape != shape:
        raise Wrong(f"{what}: the output {name!r} has shape {array.shape}, not {shape}")
    if array.dtype.kind not in "biuf":
        raise Wrong(f"{what}: the output {name!r} is of {array.dtype}, not of numbers")
    return array


def expected(folder, golden, run, got):
    """Arrays by the names of outputs."""
    if not golden:
        return {name: np.load(folder / f"{name}.golden.npy") for name in got}
    tensors = {name: np.zeros_like(array) for name, array in got.items()}
    tensors |= {name: load_array(folder / f"{name}.in.npy", dtype)
                for name, dtype in run["inputs"].items()}
    if not Path(golden).is_file():
        raise Wrong(f"{golden}: no such file")
    try:
        module = load_golden(golden)
        if not callable(getattr(module, "compute_golden", None)):
            raise Wrong(f"{golden}: no function compute_golden()")
        module.compute_golden(tensors, run["params"])
    except SystemExit as error:
        raise Wrong(f"{golden}: it calls sys.exit({error.code!r})") from error
    return {name: checked(golden, name, tensors, array.shape) for name, array in got.items()}


def check(folder, golden=None):
    """Results of all outputs of the run in a folder."""
    run = json.loads((folder / "run.json").read_text())
    got = {name: load_array(folder / f"{name}.out.npy", dtype)
           for name, dtype in run["outputs"].items()}
    want = expected(folder, golden, run, got)
    atol = 1e-8 if run["atol"] is None else run["atol"]
    return [compare(name, got[name], want[name],
                    RTOL.get(dtype, 1e-5) if run["rtol"] is None else run["rtol"], atol)
            for name, dtype in run["outputs"].items()]


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w") as result:
        os.dup2(2, 1)   # what a golden file prints is not the result
        try:
            print(json.dumps(check(Path(sys.argv[1]), *sys.argv[2:])), file=result)
        except Wrong as wrong:
            print(f"pto: {wrong}", file=sys.stderr)
            sys.exit(2)
