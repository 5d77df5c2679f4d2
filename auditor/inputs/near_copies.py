"""Near copies: the same picture encoded again, resized, a little brighter or cropped by a hundredth.

An encoder alone cannot tell them: rendered scenes of one sort lie as close to each other as a photograph to its own
JPEG. So the pixels are compared, by a fingerprint of 64 bytes that is taken when the picture is decoded, and the
encoder has to agree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import fft

from auditor.inputs.joined_codes import connected
from auditor.records import ByteArray, FloatArray, IntArray
from auditor.rules import NEAR_COPY_BITS, NEAR_COPY_COSINE

#: Bytes of a fingerprint: 256 bits of frequencies and 256 of differences.
FINGERPRINT_BYTES = 64
#: Of a picture that has none.
NO_FINGERPRINT = bytes(FINGERPRINT_BYTES)
_SIDE = 64  # of the grey picture that frequencies are taken of
_HALF = 16  # frequencies, and differences, a side
_FLAT = 2.0  # grey levels of spread below which there is nothing to compare but noise
_ROWS_AT_ONCE = 256
_PAIRS_AT_ONCE = 2**16


def fingerprint(image: Image.Image) -> bytes:
    """What a picture looks like in grey, as bits that stay when it is encoded again, resized or made brighter.

    The first 256 say which of the 16 x 16 lowest frequencies (DCT) lie above their median, the others where a picture
    of 17 x 16 grows brighter from left to right. Two pictures are compared by how many bits differ.

    Returns:
        64 bytes; all zero where the picture is nearly one grey, which says nothing.

    Reference:
        Zauner (2010), Implementation and benchmarking of perceptual image hash functions; Krawetz's difference hash.
    """
    grey = image.convert("L")
    levels = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0), dtype=np.float32)
    if float(levels.std()) < _FLAT:
        return NO_FINGERPRINT
    frequencies = fft.dctn(levels, norm="ortho")[:_HALF, :_HALF].ravel()
    low = frequencies > np.median(frequencies[1:])  # the first is the mean brightness
    low[0] = False
    small = np.asarray(grey.resize((_HALF + 1, _HALF), Image.Resampling.LANCZOS, reducing_gap=3.0), dtype=np.int16)
    return np.packbits(np.concatenate([low, (small[:, 1:] > small[:, :-1]).ravel()])).tobytes()


class NearCopies(NamedTuple):
    """Which pictures are near copies of each other, directly or by way of others."""

    first: IntArray  # (N,) lowest row of the pictures that a picture is connected with; its own where it is alone
    closest: tuple[int, int] | None  # of the pairs that connected pictures, the one that differs least


def find_near_copies(fingerprints: ByteArray, embeddings: FloatArray, same_content: IntArray) -> NearCopies:
    """Connect pictures whose fingerprints differ in at most :data:`NEAR_COPY_BITS` bits and whose encoder agrees.

    Exact: every pair is compared (FAISS, a block of rows at a time), and only pairs under the bound are kept.

    Args:
        fingerprints: (N, 64) from :func:`fingerprint`; rows of zeros are near nothing.
        embeddings: (N, D) unit rows.
        same_content: (N,) first row with the same bytes; one of each stands for all.
    """
    import faiss  # the gate compares releases by what was found here, and finds nothing itself

    n = len(fingerprints)
    first = np.arange(n, dtype=np.int64)
    told = np.flatnonzero((same_content == first) & fingerprints.any(axis=1))
    index = faiss.IndexBinaryFlat(8 * FINGERPRINT_BYTES)
    index.add(np.ascontiguousarray(fingerprints[told]))
    best: tuple[int, int, int] | None = None
    for start in range(0, told.size, _ROWS_AT_ONCE):
        rows = told[start : start + _ROWS_AT_ONCE]
        limits, bits, at = index.range_search(np.ascontiguousarray(fingerprints[rows]), NEAR_COPY_BITS + 1)
        one, other = np.repeat(rows, (limits[1:] - limits[:-1]).astype(np.int64)), told[at]
        once = one < other
        one, other, bits = one[once], other[once], bits[once]
        for part in (slice(step, step + _PAIRS_AT_ONCE) for step in range(0, one.size, _PAIRS_AT_ONCE)):
            new = first[one[part]] != first[other[part]]  # thousands of frames of one scene are millions of pairs
            left, right, apart = one[part][new], other[part][new], bits[part][new]
            alike = np.einsum("nd,nd->n", embeddings[left], embeddings[right]) >= NEAR_COPY_COSINE
            if not alike.any():
                continue
            left, right, apart = left[alike], right[alike], apart[alike]
            least = np.lexsort((right, left, apart))[0]
            pair = int(apart[least]), int(left[least]), int(right[least])
            best = pair if best is None else min(best, pair)
            first = connected(n, (np.arange(n), first), (left, right))
    return NearCopies(first, best[1:] if best else None)
