"""What the reader must know of how files became 8-bit RGB: grey that comes out black, and transparency on white."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.figures import percent

#: Of the range. Data of 12 bits in files of 16 reach a sixteenth; hardly a data set of real 16 bits is so dark.
_DARK_PEAK = 0.25


def decoding_notices(wide_peaks: Sequence[float], n_see_through: int, n_images: int) -> Iterator[str]:
    """Lines on a data set; none where nothing was lost.

    Args:
        wide_peaks: Of every picture with more than 8 bits of grey, its lightest as a fraction of white. Asked of all
            together: one dark picture among others is a dark picture.
        n_see_through: Pictures with transparency.
        n_images: All that could be read.
    """
    peak = max(wide_peaks, default=1.0)
    if 0 < peak <= _DARK_PEAK:
        yield (
            f"{len(wide_peaks):,} of {n_images:,} pictures are grey of more than 8 bits, and the lightest place of all "
            f"is {percent(peak, decimals=1)} of white: they come out nearly black, as data of fewer bits than their "
            f"files do; multiply them by {int(1 / peak)}, all by the same, and audit again"
        )
    if n_see_through:
        yield (
            f"{n_see_through:,} of {n_images:,} pictures have transparency and are laid on white; if the model was "
            "trained on another ground, lay them on that"
        )
