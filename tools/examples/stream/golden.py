# SPDX-License-Identifier: MIT OR LGPL-2.1
import numpy as np


def compute_golden(tensors, params):
    now, then = tensors["x"], np.empty_like(tensors["x"])
    rounds = max(1, params["tasks"] // params["cells"])
    half = np.float32(0.5)
    for _ in range(rounds):
        then = (now + np.roll(now, -1, axis=0)) * half
        now, then = then, now
    tensors["x"], tensors["y"] = (then, now) if rounds % 2 else (now, then)
