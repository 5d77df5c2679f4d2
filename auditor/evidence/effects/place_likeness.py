"""Whether a place shows the object of a class: an encoder, too, sees less of the class without it, and more with it.

It is asked what the model was asked (:mod:`auditor.evidence.effects.place_exchange`): the same pictures, with the place
exchanged and with its mirror image. Of a stamp it sees no difference, whatever the picture is of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import ttest_1samp

from auditor.evidence.effects.place_exchange import PlaceSwap
from auditor.records import IntArray
from auditor.rules import MIN_ARM

#: How like the class's name the target is with the place filled and with its mirror image filled, (n, 2), in millionths
#: of a cosine less the mean of all classes; NOT_SEEN where it cannot be read. None where an audit is judged again
#: without its encoder and did not look.
Look = Callable[[Sequence[PlaceSwap]], IntArray | None]
PARTS = 1_000_000
NOT_SEEN = -(2**31)


def p_shows_object(
    found: IntArray, swaps: Sequence[PlaceSwap], label_idx: IntArray, groups: IntArray | None = None
) -> float:
    """Of "the encoder sees no more of the class at the place than at its mirror images".

    Both ways, as of the model: the class's pictures are less like it without the place, others are more like it with
    it. Each is a one-sided t-test over the class's pictures; p is the larger one.

    Args:
        found: (n, 2) from :data:`Look`.
        swaps: Of one class and one place.
        label_idx: (N,) of all pictures.
        groups: (N,) codes of pictures that belong together and count as one.

    Returns:
        1 where either way fewer than :data:`MIN_ARM` pictures were seen.
    """
    group = np.arange(label_idx.size) if groups is None else groups
    lost: dict[int, list[int]] = defaultdict(list)
    won: dict[int, list[int]] = defaultdict(list)
    for swap, (with_place, with_mirror) in zip(swaps, found.tolist(), strict=True):
        if NOT_SEEN in (with_place, with_mirror):
            continue
        if label_idx[swap.target] == swap.class_idx:  # what it has at the place is another one's
            lost[int(group[swap.target])].append(with_mirror - with_place)
        else:
            won[int(group[swap.source])].append(with_place - with_mirror)
    ways = [[float(np.mean(each)) for each in way.values()] for way in (lost, won)]
    if min(map(len, ways)) < MIN_ARM:
        return 1.0
    p = max(float(ttest_1samp(way, 0.0, alternative="greater").pvalue) for way in ways)
    return p if np.isfinite(p) else 1.0  # no difference anywhere
