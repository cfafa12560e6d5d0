#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR LGPL-2.1
"""The vector example from Python, with the calls of bindings.py and nothing else.

Usage: run.py LIBPTO_RUNTIME.SO, with the folder of bindings.py on PYTHONPATH.
Leaves swim_time.json in $PTO_OUTPUT_DIR or the current directory.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from bindings import bind_host_binary, launch_runtime, set_device
from golden import compute_golden

HERE = Path(__file__).resolve().parent
KERNELS = {0: "add.c", 1: "add_scalar.c", 2: "mul.c"}
ROWS, COLS = 128, 128


def compile_source(kind, source):
    """The image of one of the example's sources."""
    path = os.pathsep.join([str(HERE.parents[1] / "cc"), os.environ["PATH"]])
    pto_cc = shutil.which("pto-cc", path=path)
    with tempfile.NamedTemporaryFile(suffix=".so") as out:
        subprocess.run([pto_cc, kind, "-o", out.name, HERE / source], check=True)
        return Path(out.name).read_bytes()


def main(library):
    """Run the example; returns the exit code."""
    rng = np.random.default_rng(0)
    a = rng.uniform(-1, 1, (ROWS, COLS)).astype(np.float32)
    b = rng.uniform(-1, 1, (ROWS, COLS)).astype(np.float32)
    f = np.full((ROWS, COLS), np.nan, np.float32)

    Runtime = bind_host_binary(library)
    set_device(0)
    runtime = Runtime()
    runtime.enable_profiling()
    runtime.initialize(
        compile_source("--orch", "orch.c"),
        "build_vector",
        [a.ctypes.data, b.ctypes.data, f.ctypes.data, ROWS, COLS],
        kernel_binaries=[(func_id, compile_source("--kernel", source))
                         for func_id, source in KERNELS.items()],
    )
    launch_runtime(runtime, aicpu_thread_num=1, block_dim=1, device_id=0,
                   aicpu_binary=b"", aicore_binary=b"")
    runtime.finalize()

    tensors = {"a": a, "b": b}
    compute_golden(tensors, {})
    right = int(np.isclose(f, tensors["f"], 1e-5, 1e-5).sum())
    print(f"{'PASS' if right == f.size else 'FAIL'} vector {right}/{f.size}")
    return 0 if right == f.size else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
