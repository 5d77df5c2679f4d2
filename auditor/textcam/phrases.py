"""A vector of the encoder's space said in a few words: sparse non-negative combinations of concept embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from auditor.errors import InputError
from auditor.records import FloatArray, IntArray, Phrases

#: λ1 as a fraction of the match of the best concept, see `solve_phrases` (docs/decisions/0004-phrase-solver.md).
DEFAULT_L1 = 0.1
#: λ2, see `solve_phrases`: of near-synonyms one is said, without preferring weaker words to the best ones.
DEFAULT_L2 = 0.05
#: More words than this nobody reads.
DEFAULT_MAX_PHRASES = 10

#: Concepts closer than this (1 - cosine, after centring) are one concept, and weights between them would be arbitrary.
_SAME = 1e-6
#: Added to the diagonal: centred concepts are linearly dependent, and V > D ones too. Makes the answer unique.
_RIDGE = 1e-9
_BLOCK = 256  # rows solved at a time
_DESCENT_STEPS = (60, 240, 960)  # of the start; more only for rows whose exact solution is not found from there
_EXCHANGES = 10  # block exchanges before single ones, which always end

_Doubles = NDArray[np.float64]


def concept_matrix(prompt_embeddings: Sequence[FloatArray], terms: Sequence[str] | None = None) -> FloatArray:
    """Give each concept one row: its prompts averaged, centred by the vocabulary's mean, of unit norm.

    Without centring one generic word wins everywhere: all texts share a large common part.

    Args:
        prompt_embeddings: For each concept the (p_v, D) embeddings of its prompts.
        terms: Names of the concepts, for errors.

    Returns:
        (V, D) float32.

    Raises:
        InputError: fewer than two concepts, a concept without prompts, or two concepts with the same embedding.
    """

    def name(concept_idx: int) -> str:
        return f"concept {concept_idx}" if terms is None else f"'{terms[concept_idx]}'"

    if len(prompt_embeddings) < 2:
        raise InputError(f"a vocabulary of {len(prompt_embeddings)} concepts found, expected at least 2: add concepts")
    for concept_idx, prompts in enumerate(prompt_embeddings):
        if not len(prompts) or not np.isfinite(prompts).all():
            raise InputError(f"{name(concept_idx)} has no usable text embedding: drop it from the vocabulary")
    rows = _unit_rows(np.stack([prompts.mean(axis=0, dtype=np.float64) for prompts in prompt_embeddings]))
    rows = _unit_rows(rows - rows.mean(axis=0))
    nothing = ~rows.any(axis=1)  # at the vocabulary's mean: one such concept is never said, two are the same
    same = np.argwhere(np.triu((rows @ rows.T > 1 - _SAME) | np.logical_and.outer(nothing, nothing), 1))
    if len(same):
        first, second = same[0]
        raise InputError(
            f"{name(first)} and {name(second)} have the same text embedding: merge them as synonyms of one concept"
        )
    return rows.astype(np.float32)


def _unit_rows(rows: _Doubles) -> _Doubles:
    """Rows of unit norm; rows of (nearly) nothing become zero."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(length > 1e-12, rows / np.maximum(length, 1e-12), 0.0)


def solve_phrases(
    targets: FloatArray,
    concepts: FloatArray,
    *,
    l1: float = DEFAULT_L1,
    l2: float = DEFAULT_L2,
    max_phrases: int | None = DEFAULT_MAX_PHRASES,
) -> Phrases:
    """Describe each target by few concepts: z = argmin_{z ≥ 0} |T − Dᵀz|² + λ1 |z|₁ + λ2 zᵀ|G − I|z.

    The rows of D are the concepts and G = DDᵀ. λ1 = 2 l1 max_v(d_v·T), so that l1 = 1 leaves nothing and T may be of
    any scale; λ2 = l2. For λ2 = 0 the answer is exact and unique. |G − I| is indefinite: for λ2 > 0 it is a local
    minimum next to the answer for λ2 = 0, found by exchanges that do not depend on the order of the concepts.

    Args:
        targets: (B, D) attribution vectors.
        concepts: (V, D) rows of `concept_matrix`.
        l1: Sparsity, in [0, 1].
        l2: Penalty on concepts that resemble each other, at least 0.
        max_phrases: Keep that many concepts a row, those with the largest positive shares, and solve again among them;
            λ2 chooses among twice as many, those with the largest shares in the answer for λ2 = 0. None keeps all
            (shares may then be negative, where a concept only corrects others).

    Returns:
        Weights, shares z_v d_v·T / |T|² (with l1 = l2 = 0 they sum to 1 − residual) and residuals.

    Raises:
        InputError: shapes that do not fit, values that are not finite, or parameters out of range.

    Reference:
        TextCAM, arXiv:2510.01004 (reconstructed, see docs/method.md).
        Kim and Park, "Fast nonnegative matrix factorization", SIAM J. Sci. Comput. 2011 (block exchanges).
    """
    if targets.ndim != 2 or concepts.ndim != 2 or targets.shape[1] != concepts.shape[1]:
        raise InputError(f"targets {targets.shape} and concepts {concepts.shape} found, expected (B, D) and (V, D)")
    if not (0 <= l1 <= 1 and l2 >= 0 and (max_phrases is None or max_phrases >= 1)):
        raise InputError(f"l1 {l1}, l2 {l2}, max_phrases {max_phrases} found, expected 0 <= l1 <= 1, l2 >= 0, >= 1")
    if not (np.isfinite(targets).all() and np.isfinite(concepts).all()):
        raise InputError("targets or concepts that are not finite found, expected numbers")
    rows = concepts.astype(np.float64)
    gram = rows @ rows.T
    convex = gram + _RIDGE * np.eye(len(gram))
    penalised = convex + l2 * np.abs(gram - np.eye(len(gram)))
    length = np.linalg.norm(targets.astype(np.float64), axis=1)
    units = targets / np.where(length > 0, length, 1.0)[:, None]
    match = units @ rows.T  # (B, V)
    linear = match - l1 * match.max(axis=1, keepdims=True, initial=0.0)
    weights = np.zeros_like(match)
    with _blas_libraries().limit(limits=1, user_api="blas"):  # small systems, see channel_semantics
        for start in range(0, len(match), _BLOCK):
            block = slice(start, start + _BLOCK)
            weights[block] = _solve_block(
                convex, penalised if l2 > 0 else None, match[block], linear[block], max_phrases
            )
    residuals = ((units - weights @ rows) ** 2).sum(axis=1)
    residuals[length == 0] = 1.0
    return Phrases(
        weights=(weights * length[:, None]).astype(np.float32),
        shares=(weights * match).astype(np.float32),
        residuals=residuals.astype(np.float32),
    )


@cache
def _blas_libraries() -> ThreadpoolController:
    """Found once: looking for them takes longer than the phrases of one picture."""
    return ThreadpoolController()


def _solve_block(
    convex: _Doubles, penalised: _Doubles | None, match: _Doubles, linear: _Doubles, max_phrases: int | None
) -> _Doubles:
    """Weights (b, V) of a block of rows: all concepts first, then the ``max_phrases`` that contribute most."""
    weights = _convex_minimum(convex, linear)
    for row, c in enumerate(linear):
        if penalised is not None and max_phrases is None:
            weights[row] = _local_minimum(penalised, c, weights[row])
        elif penalised is not None and max_phrases is not None:  # the indefinite problem is costly: few concepts
            _keep_among(weights[row], penalised, c, match[row], 2 * max_phrases)
        if max_phrases is not None:
            _keep_among(weights[row], convex if penalised is None else penalised, c, match[row], max_phrases)
    return weights


def _keep_among(weights: _Doubles, quadratic: _Doubles, linear: _Doubles, match: _Doubles, n: int) -> None:
    """Solve one row again, in place, among the ``n`` concepts that contribute most."""
    contribution = weights * match
    kept = np.argsort(-contribution, kind="stable")[:n]
    kept = kept[contribution[kept] > 0]
    start, weights[:] = weights[kept], 0.0
    weights[kept] = _local_minimum(quadratic[np.ix_(kept, kept)], linear[kept], start)


def _convex_minimum(quadratic: _Doubles, linear: _Doubles) -> _Doubles:
    """Exact minima of ½zᵀQz − cᵀz over z ≥ 0 for the rows c and positive definite Q: a near start, then exchanges."""
    weights = np.zeros_like(linear)
    step = 1 / float(np.linalg.eigvalsh(quadratic)[-1])
    pending = np.arange(len(linear))
    for n_steps in _DESCENT_STEPS:
        if not pending.size:
            break
        weights[pending] = _descend(quadratic, linear[pending], weights[pending], step, n_steps)
        missed = []
        for row in pending:
            exact = _exchange(quadratic, linear[row], weights[row] > 0)
            if exact is None:
                missed.append(row)
            else:
                weights[row] = exact
        pending = np.array(missed, dtype=np.int64)
    for row in pending:
        weights[row] = _active_set(quadratic, linear[row], weights[row])
    return weights


def _descend(quadratic: _Doubles, linear: _Doubles, start: _Doubles, step: float, n_steps: int) -> _Doubles:
    """Accelerated projected gradient for many rows at once; float32, as it only has to come near."""
    q, c, z = (values.astype(np.float32) for values in (quadratic * step, linear * step, start))
    ahead, momentum = z, 1.0
    for _ in range(n_steps):
        following = np.maximum(ahead - ahead @ q + c, 0)
        next_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = following + np.float32((momentum - 1) / next_momentum) * (following - z)
        z, momentum = following, next_momentum
    return z.astype(np.float64)


def _exchange(quadratic: _Doubles, linear: _Doubles, inside: NDArray[np.bool_]) -> _Doubles | None:
    """Point where no concept is wrong, in or out, by exchanging all wrong ones at once; None when that goes round."""
    inside = inside.copy()
    tolerance = 1e-12 * np.abs(linear).max(initial=0.0)
    for _ in range(_EXCHANGES):
        support = np.flatnonzero(inside)
        part = quadratic[support]
        try:
            values = np.linalg.solve(part[:, support], linear[support])
        except np.linalg.LinAlgError:
            return None
        negative, missing = values <= 0, ~inside & (values @ part - linear < -tolerance)
        if not negative.any() and not missing.any():
            weights = np.zeros_like(linear)
            weights[support] = values
            return weights
        inside[support[negative]] = False
        inside[missing] = True
    return None


def _local_minimum(quadratic: _Doubles, linear: _Doubles, start: _Doubles) -> _Doubles:
    """Local minimum for one row near ``start`` by exchanges, where these end in one, else by descent."""
    found = _exchange(quadratic, linear, start > 0)
    if found is not None and _is_definite(quadratic[np.ix_(found > 0, found > 0)]):
        return found
    return _active_set(quadratic, linear, start)


def _is_definite(matrix: _Doubles) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _active_set(quadratic: _Doubles, linear: _Doubles, start: _Doubles) -> _Doubles:
    """Local minimum for one row, downhill from ``start`` one concept at a time; Q need not be definite."""
    tolerance = 1e-12 * np.abs(linear).max(initial=0.0)
    weights, inside, lowest = start, start > 0, float("inf")
    while True:
        settled = _settle(quadratic, linear, weights, inside)
        objective = float(settled @ (quadratic @ settled / 2 - linear))
        if not objective < lowest:  # rounding only: a concept came in and went out again
            return weights
        weights, lowest, inside = settled, objective, settled > 0
        gradient = np.where(inside, 0.0, quadratic @ weights - linear)
        entering = gradient.argmin()
        if gradient[entering] >= -tolerance:
            return weights
        inside[entering] = True


def _settle(quadratic: _Doubles, linear: _Doubles, weights: _Doubles, inside: NDArray[np.bool_]) -> _Doubles:
    """Go downhill among the concepts ``inside``, dropping each one that reaches zero."""
    weights = weights.copy()
    support = np.flatnonzero(inside)
    while support.size:
        part, values = quadratic[np.ix_(support, support)], weights[support]
        if _is_definite(part):
            direction, step = np.linalg.solve(part, linear[support]) - values, 1.0
        else:  # curved downwards: Q is copositive, so some weight reaches zero on the way
            direction, step = np.linalg.eigh(part)[1][:, 0], np.inf
            if direction @ (part @ values - linear[support]) > 0:
                direction = -direction
        falling = direction < 0
        reach = np.full(len(support), np.inf)
        reach[falling] = values[falling] / -direction[falling]
        step = min(step, float(reach.min()))
        if not np.isfinite(step):  # level in every direction
            break
        dropped = reach <= step
        weights[support] = np.where(dropped, 0.0, np.maximum(values + step * direction, 0.0))
        if not dropped.any():
            break
        support = support[~dropped]
    return weights


def assign_channels(
    evidence: FloatArray, directions: FloatArray, concepts: FloatArray, phrase_idx: Sequence[int]
) -> IntArray:
    """Give each channel of one picture to the phrase that its contribution serves best.

    Greedy: a channel serves phrase v by evidence_j (s_j · d_v), where the evidence has its sign (a low activation
    speaks with the far end of the direction), and goes to the largest positive one.

    Args:
        evidence: (K,) signed evidence, `auditor.textcam.attribution.channel_evidence` of the picture.
        directions: (K, D) channel directions.
        concepts: (V, D) rows of `concept_matrix`.
        phrase_idx: The P concepts of the picture.

    Returns:
        (K,) positions in ``phrase_idx``; -1 for channels without evidence or that serve none of the phrases.
    """
    if not len(phrase_idx):
        return np.full(len(evidence), -1, dtype=np.int64)
    service = evidence[:, None] * (directions @ concepts[np.asarray(phrase_idx, dtype=np.int64)].T)  # (K, P)
    return np.where(service.max(axis=1) > 0, service.argmax(axis=1), -1).astype(np.int64)
