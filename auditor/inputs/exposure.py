"""The table ``[exposure]``: in which part of pictures a concept is where the model is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from auditor.errors import InputError
from auditor.records import Concept
from auditor.wording import nearest, quote


def check_exposure(exposure: Mapping[str, float], concepts: Iterable[Concept]) -> None:
    """Refuse a name that is neither the term nor the id of a concept of the audit: it would count for nothing.

    Raises:
        InputError: names it, and the nearest concept.
    """
    known = {name for concept in concepts for name in (concept.term, concept.concept_id)} if exposure else set()
    for name in exposure:
        if name not in known:
            close = nearest(name, sorted(known))
            hint = f"did you mean {quote(close)}?" if close else "expected a word of the vocabulary or 'column = value'"
            raise InputError(f"[exposure] names {quote(name)}, which is no concept of this audit; {hint}")
