"""What is said of a class that the model treats in two ways, although nothing named tells them apart."""

from __future__ import annotations

from auditor.figures import percent, points, rate


def two_halves(name: str, correct: tuple[int, int], n: tuple[int, int], low: float, high: float) -> str:
    """Of a class, the pictures of its halves that the model recognises and all of theirs, and the gap's interval."""
    first, second = (right / of for right, of in zip(correct, n, strict=True))
    return (
        f'"{name}" has two halves, and the model recognises {rate(first, n[0])} pictures of the one and '
        f"{percent(second)} of {n[1]:,} of the other ({points(first - second, low, high, unit='points')}). No word, "
        "column or difficulty tells them apart: look at what differs in their pictures."
    )
