# SPDX-License-Identifier: MIT OR LGPL-2.1
"""What both programs that orchestrate on the device must compute."""
import ctypes

import numpy as np

__outputs__ = ["y", "z", "w"]
ALL_CASES = {
    "small": {"rows": 4, "cols": 3, "alpha": 0.5},
    "large": {"rows": 96, "cols": 65, "alpha": -3.0},
}
DEFAULT_CASE = "large"
RTOL, ATOL = 1e-6, 1e-6


def generate_inputs(params):
    shape = params["rows"], params["cols"]
    x, y = np.random.normal(size=(2, *shape)).astype(np.float32)
    return [
        ("x", x),
        ("y", y),
        ("z", np.zeros(shape, np.float32)),
        ("w", np.zeros(shape, np.float32)),
        ("rows", ctypes.c_int32(params["rows"])),
        ("cols", ctypes.c_int64(params["cols"])),
        ("alpha", ctypes.c_float(params["alpha"])),
        ("beta", ctypes.c_double(0.1)),
        ("minus", ctypes.c_int32(-1)),
    ]


def compute_golden(tensors, params):
    x, y = tensors["x"], tensors["y"]
    t = np.float32(params["alpha"]) * x + y
    tensors["y"] = y + t
    tensors["z"][:] = t + 2 * x
    # The lane is the row of a block of four, modulo three.
    lane = np.arange(params["rows"]) % 4 % 3
    tensors["w"][:] = tensors["z"] + lane[:, None]
