"""What must not change what is said: the encoder's axes, order of channels, images and concepts, batches, copies."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.records import LinearHead
from auditor.textcam.attribution import attribution_vectors, centred_weights, class_balanced_stats
from auditor.textcam.channel_semantics import extreme_images, fit_channel_directions
from auditor.textcam.phrases import concept_matrix, solve_phrases

TOLERANCE = 1e-4
N_EXTREME = 12


@dataclass(frozen=True)
class World:
    """A small audit: pictures show themes, the encoder sees them, channels and classes follow them."""

    activations: np.ndarray
    embeddings: np.ndarray
    keys: np.ndarray
    class_idx: np.ndarray
    head: LinearHead
    texts: np.ndarray


def _draw_world(seed, *, relu, n_classes, n_images=150, n_channels=24, dims=20, n_themes=6, n_concepts=30):
    rng = np.random.default_rng(seed)
    shown = rng.random((n_images, n_themes)) < 0.35
    themes = rng.standard_normal((n_themes, dims))
    embeddings = shown @ themes + 0.5 * rng.standard_normal((n_images, dims)) + 1
    activations = shown @ rng.standard_normal((n_themes, n_channels)) + 0.3 * rng.standard_normal(
        (n_images, n_channels)
    )
    texts = themes[rng.integers(0, n_themes, n_concepts)] + 0.6 * rng.standard_normal((n_concepts, dims)) - 1
    return World(
        activations=(np.maximum(activations, 0) if relu else activations).astype(np.float32),
        embeddings=(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32),
        keys=rng.permutation(10**6)[:n_images],
        class_idx=np.arange(n_images) % n_classes,
        head=LinearHead(
            rng.standard_normal((n_classes, n_channels)).astype(np.float32), np.zeros(n_classes, dtype=np.float32)
        ),
        texts=(texts / np.linalg.norm(texts, axis=1, keepdims=True)).astype(np.float32),
    )


def _shares(world, *, chunk=64, batch=None):
    """Shares (N, V) from start to end, the activations read ``chunk`` rows and described ``batch`` rows at a time."""

    def chunks():
        return (world.activations[start : start + chunk] for start in range(0, len(world.activations), chunk))

    directions = fit_channel_directions(extreme_images(chunks(), N_EXTREME, world.keys), world.embeddings)
    stats = class_balanced_stats(chunks, world.class_idx)
    concepts = concept_matrix(list(world.texts[:, None]))
    found = []
    batch = batch or len(world.activations)
    for start in range(0, len(world.activations), batch):
        rows = slice(start, start + batch)
        weights = centred_weights(world.head)
        targets = attribution_vectors(world.activations[rows], world.class_idx[rows], weights, stats, directions)
        found.append(solve_phrases(targets, concepts).shares)
    return np.concatenate(found)


worlds = st.builds(_draw_world, st.integers(0, 2**32 - 1), relu=st.booleans(), n_classes=st.sampled_from([2, 3, 5]))
checks = settings(max_examples=15, deadline=None, derandomize=True)


@checks
@given(worlds, st.integers(0, 2**32 - 1))
def test_rotation_of_the_encoder_space(world, seed):
    dims = world.embeddings.shape[1]
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((dims, dims)))[0]
    turned = replace(
        world,
        embeddings=(world.embeddings @ rotation).astype(np.float32),
        texts=(world.texts @ rotation).astype(np.float32),
    )
    np.testing.assert_allclose(_shares(turned), _shares(world), atol=TOLERANCE)


@checks
@given(worlds, st.integers(0, 2**32 - 1))
def test_permutation_of_channels(world, seed):
    order = np.random.default_rng(seed).permutation(world.activations.shape[1])
    head = LinearHead(world.head.weight[:, order], world.head.bias)
    permuted = replace(world, activations=world.activations[:, order], head=head)
    np.testing.assert_allclose(_shares(permuted), _shares(world), atol=TOLERANCE)


@checks
@given(worlds, st.integers(0, 2**32 - 1))
def test_order_of_images(world, seed):
    order = np.random.default_rng(seed).permutation(len(world.activations))
    shuffled = replace(
        world,
        activations=world.activations[order],
        embeddings=world.embeddings[order],
        keys=world.keys[order],
        class_idx=world.class_idx[order],
    )
    np.testing.assert_allclose(_shares(shuffled), _shares(world)[order], atol=TOLERANCE)


@checks
@given(worlds, st.integers(1, 40), st.integers(20, 149))
def test_chunks_and_batches(world, chunk, batch):
    np.testing.assert_allclose(_shares(world, chunk=chunk, batch=batch), _shares(world), atol=TOLERANCE)


@checks
@given(worlds, st.integers(2, 4))
def test_copies_of_images_leave_the_statistics(world, copies):
    plain = class_balanced_stats(lambda: [world.activations], world.class_idx)
    copied = class_balanced_stats(
        lambda: [np.repeat(world.activations, copies, axis=0)], np.repeat(world.class_idx, copies)
    )
    np.testing.assert_allclose(copied.mean, plain.mean, atol=1e-6)
    np.testing.assert_allclose(copied.mean_abs_deviation, plain.mean_abs_deviation, atol=1e-6)


@checks
@given(worlds, st.integers(0, 4), st.integers(2, 5))
def test_copies_of_one_class_leave_the_statistics(world, copied_class, copies):
    rows = np.concatenate([np.arange(150), *[np.flatnonzero(world.class_idx == copied_class)] * (copies - 1)])
    plain = class_balanced_stats(lambda: [world.activations], world.class_idx)
    copied = class_balanced_stats(lambda: [world.activations[rows]], world.class_idx[rows])
    np.testing.assert_allclose(copied.mean, plain.mean, atol=1e-5)
    np.testing.assert_allclose(copied.mean_abs_deviation, plain.mean_abs_deviation, atol=1e-5)


@checks
@given(worlds, st.integers(0, 2**32 - 1))
def test_order_of_concepts(world, seed):
    order = np.random.default_rng(seed).permutation(len(world.texts))
    np.testing.assert_allclose(
        _shares(replace(world, texts=world.texts[order])), _shares(world)[:, order], atol=TOLERANCE
    )


@pytest.mark.slow
@checks
@given(worlds, st.floats(1e-3, 1e3))
def test_scale_of_the_head_and_of_the_activations(world, scale):
    scaled_head = replace(world, head=LinearHead(world.head.weight * np.float32(scale), world.head.bias))
    np.testing.assert_allclose(_shares(scaled_head), _shares(world), atol=TOLERANCE)
    # a power of two keeps the order of the activations exactly
    power = np.float32(2.0 ** round(np.log2(scale)))
    scaled_channels = replace(world, activations=world.activations * power)
    np.testing.assert_allclose(_shares(scaled_channels), _shares(world), atol=TOLERANCE)


@checks
@given(worlds)
def test_shares_are_fractions_of_at_most_ten_words(world):
    shares = _shares(world)
    assert shares.min() >= 0
    assert shares.sum(axis=1).max() <= 1 + 1e-6
    assert (shares > 0).sum(axis=1).max() <= 10
