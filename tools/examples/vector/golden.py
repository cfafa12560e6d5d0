# SPDX-License-Identifier: MIT OR LGPL-2.1
"""What vector must compute."""


def compute_golden(tensors, params):
    """Fill in the outputs from the inputs, in double precision."""
    s = tensors["a"].astype("float64") + tensors["b"]
    tensors["f"] = (s + 1) * (s + 2)
