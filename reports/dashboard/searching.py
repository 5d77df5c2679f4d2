"""Search in the encoder's space, for the views: index and encoder are loaded when first asked for, and shared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from auditor.errors import EncoderError, InputError
from auditor.models.hub import cache_only
from auditor.named_files import encoder_file
from auditor.records import FloatArray
from auditor.store.embedding_index import INDEX_NAME, EmbeddingIndex, read_embedding_index
from auditor.store.queries.audit import picture_count
from auditor.store.queries.pictures import index_row
from auditor.wording import quote
from reports.dashboard import neighbours
from reports.dashboard.session import Session

if TYPE_CHECKING:
    from auditor.models.encoders.encoder import Encoder

#: Indexes in memory: 200 MB each at 100,000 pictures and 512 dimensions, and read again in a third of a second.
_MOST_INDEXES = 1
#: Results that are kept, so that turning pages and stepping through them asks nothing twice.
_MOST_RESULTS = 64


def search(session: Session) -> list[tuple[str, float]]:
    """(image id, cosine) of what the place asks for by ``like`` or ``text``, the likest first; nothing if neither.

    Raises:
        AuditorError: no index, no such picture, no encoder, or words that it was never taught.
    """
    place, run = session.place, session.run
    if place.like is not None:
        return list(_like(session, place.like))
    text = " ".join(place.text.split())
    if not text:
        return []
    index = _index(session)
    if encoder_file(run.encoder_spec) and not session.trust_code:
        raise EncoderError(
            f"the audit names the file of its encoder, {quote(run.encoder_spec)}, which whoever made the audit chose: "
            "it is read where the dashboard was started with --trust-code; any picture can still be searched with"
        )
    vector = _words_vector(run.encoder_spec, run.encoder_digest, text)
    if len(vector) != index.d:
        raise EncoderError(
            f"the encoder {quote(run.encoder_spec)} gives {len(vector)} numbers a picture, the audit's index holds "
            f"{index.d}: files of two audits are mixed; take both from one audit"
        )
    key = (*_identity(session), "text", text)
    return list(_found(key, session.connection, index, vector, -1))


def ignored_words(session: Session) -> list[str]:
    """Words of the search that the encoder was never taught, and that are left out of it.

    Raises:
        EncoderError: there is no such encoder here.
    """
    return _known_words(_encoder(session.run.encoder_spec), " ".join(session.place.text.split()))[1]


def nearest(session: Session, image_id: str, n: int) -> list[tuple[str, float]]:
    """The ``n`` pictures most like one of the audit; needs no encoder.

    Raises:
        AuditorError: no index, or no such picture.
    """
    return list(_like(session, image_id))[:n]


def _like(session: Session, image_id: str) -> tuple[tuple[str, float], ...]:
    index = _index(session)
    place = index_row(session.connection, image_id)
    if place is None or not 0 <= place < index.ntotal:
        raise InputError(f"no picture {quote(image_id)} in this audit; open one and search from there")
    key = (*_identity(session), "like", image_id)
    return _found(key, session.connection, index, index.reconstruct(place), place)


@st.cache_data(max_entries=_MOST_RESULTS, show_spinner=False)
def _found(
    key: tuple[object, ...], _connection: Any, _index: EmbeddingIndex, _vector: FloatArray, _without: int
) -> tuple[tuple[str, float], ...]:
    return tuple(neighbours.most_like(_connection, _index, _vector, without=_without))


def _identity(session: Session) -> tuple[object, ...]:
    """What tells this audit's index from another's, also from one that takes its place."""
    try:
        status = (session.audit_dir / INDEX_NAME).stat()
    except OSError:
        return (str(session.audit_dir), session.run.run_id)
    return (str(session.audit_dir), session.run.run_id, status.st_mtime_ns, status.st_size)


def _index(session: Session) -> EmbeddingIndex:
    return _read_index(session.audit_dir, picture_count(session.connection), _identity(session))


@st.cache_resource(max_entries=16, show_spinner=False)
def _read_index(folder: Path, n_images: int, identity: tuple[object, ...]) -> EmbeddingIndex:
    return read_embedding_index(folder, n_images)


@st.cache_data(max_entries=_MOST_RESULTS, show_spinner=False)
def _words_vector(spec: str, digest: str, text: str) -> FloatArray:
    encoder = _encoder(spec)
    if encoder.digest != digest:
        raise EncoderError(
            f"the encoder {quote(spec)} of this machine is not the one of the audit (digest {encoder.digest[:12]}, the "
            f"audit's {digest[:12]}): its words mean other places; any picture can still be searched with"
        )
    known, _ = _known_words(encoder, text)
    if not known:
        raise InputError(f"the encoder {quote(spec)} was never taught {quote(text)}; try one of the words below")
    return neighbours.words_vector(encoder, known)


def _known_words(encoder: Encoder, text: str) -> tuple[str, list[str]]:
    """The text without the words that the encoder was never taught, and these."""
    if encoder.knows(text):
        return text, []
    ignored = [word for word in dict.fromkeys(text.split()) if not encoder.knows(word)]
    return " ".join(word for word in text.split() if word not in ignored), ignored


@st.cache_resource(max_entries=1, show_spinner=False)
def _encoder(spec: str) -> Encoder:
    # An audit may come from anybody, and a page is opened by a link: neither may make this machine fetch things.
    try:
        with cache_only():
            return load_encoder(spec)
    except EncoderError as error:
        raise EncoderError(
            f"the encoder of the audit cannot be used here: {error}. The dashboard fetches nothing itself; any picture "
            "can still be searched with"
        ) from error


def load_encoder(spec: str) -> Encoder:
    """The encoder; torch comes with it, which takes 190 MB and seconds, and which no other view needs."""
    from auditor.models.encoders import load

    return load.load_encoder(spec)
