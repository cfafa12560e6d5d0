# SPDX-License-Identifier: MIT OR LGPL-2.1
"""What paged attention must compute: the softmax of all scores at once, without pages."""
import numpy as np


def compute_golden(tensors, params):
    """Fill in the output from the inputs, in double precision."""
    query, keys, values = (tensors[name].astype("float64") for name in ("query", "keys", "values"))
    group = params["heads"] // params["kv_heads"]
    for b, length in enumerate(tensors["lengths"]):
        pages = tensors["table"][b]
        # heads of the cache, tokens, dim
        k = np.concatenate(keys[pages], axis=2).transpose(0, 2, 1)[:, :length]
        v = np.concatenate(values[pages], axis=1)[:, :length]
        k, v = np.repeat(k, group, axis=0), np.repeat(v, group, axis=0)
        scores = np.einsum("hd,htd->ht", query[b], k) / np.sqrt(params["dim"])
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        tensors["out"][b] = np.einsum("ht,htd->hd", weights, v)
