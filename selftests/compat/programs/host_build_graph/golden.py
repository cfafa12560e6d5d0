# SPDX-License-Identifier: MIT OR LGPL-2.1
"""A dict of arrays alone: behind them come their sizes."""
import numpy as np

__outputs__ = ["y", "z", "w"]
TENSOR_ORDER = ["x", "y", "z", "w"]
RTOL, ATOL = 1e-6, 1e-6


def generate_inputs(params):
    x, y = np.random.normal(size=(2, 1001)).astype(np.float32)
    return {"w": np.zeros_like(x), "x": x, "y": y, "z": np.zeros_like(x)}


def compute_golden(tensors, params):
    x, y = tensors["x"], tensors["y"]
    t = 3 * x + y
    tensors["y"] = y + t
    tensors["z"][:] = t + 2 * x
    tensors["w"][:] = tensors["z"] + tensors["y"]
