"""Which rows belong together: connected by edges, or by equal codes of one sort or another."""

from __future__ import annotations

import numpy as np

from auditor.records import IntArray


def connected(n: int, *edges: tuple[IntArray, IntArray]) -> IntArray:
    """Lowest row (n,) of all those that a row is connected with by edges, each two arrays of rows."""
    from scipy import sparse  # a second of what compares two audits, most of which have neither groups nor copies
    from scipy.sparse import csgraph

    one, other = (np.concatenate(side) for side in zip(*edges, strict=True))
    graph = sparse.coo_array((np.ones(one.size, np.int8), (one, other)), shape=(n, n))
    _, part = csgraph.connected_components(graph, directed=False)
    lowest = np.unique(part, return_index=True)[1]
    return np.asarray(lowest[part], dtype=np.int64)


def joined(code: IntArray, other: IntArray) -> IntArray:
    """Codes (n,) of what is connected by equal codes of either sort (n,)."""
    rows = np.arange(code.size, dtype=np.int64)
    edges = []
    for one in (code, other):
        _, first, member = np.unique(one, return_index=True, return_inverse=True)
        edges.append((rows, first[member]))
    return np.unique(connected(rows.size, *edges), return_inverse=True)[1].astype(np.int64)
