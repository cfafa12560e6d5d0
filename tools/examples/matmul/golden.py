# SPDX-License-Identifier: MIT OR LGPL-2.1
"""What matmul must compute."""
import numpy as np


def compute_golden(tensors, params):
    """Fill in the outputs from the inputs, in double precision."""
    product = tensors["a"].astype("float64") @ tensors["b"].astype("float64")
    tensors["out"] = np.exp(product + tensors["bias"])
