"""The audit is given examples: photographs that the head was trained on, some with the context and others without."""

from __future__ import annotations

import numpy as np

from auditor.inputs.attributes import concept_id_of
from auditor.inputs.examples import BY_EXAMPLE, Example, ExampleSet, TaughtConcepts
from auditor.records import ATTRIBUTE_KIND, Concept
from auditor.taught_concepts import learn
from benchmarks.photographs.bank import Bank
from benchmarks.photographs.contexts import Context
from benchmarks.photographs.models import Made

#: Pictures of either side, shared out evenly among the classes; of few training photographs half.
N_EXAMPLES = 20


def example_concept(context: Context) -> Concept:
    """What the settings would call it: ``[concepts.watermark]``, ``[concepts.snow]``."""
    term = context.value if context.is_scene else context.name
    concept_id = concept_id_of(BY_EXAMPLE, term)
    return Concept(concept_id, f"{term} {BY_EXAMPLE}", ATTRIBUTE_KIND, column=term, by_example=True)


def taught(made: Made, bank: Bank, *, seed: int) -> TaughtConcepts:
    """What the audit learns of the context of a model; no photograph is an example twice, and none is audited."""
    rng, what, n_classes = np.random.default_rng((made.scenario.seed, 84)), made.scenario.context, len(made.trained_on)
    orders = [[own[i] for i in rng.permutation(len(own))] for own in made.trained_on]
    even = [N_EXAMPLES // n_classes + (c < N_EXAMPLES % n_classes) for c in range(n_classes)]
    shares = [min(n, len(own) // 2) for n, own in zip(even, orders, strict=True)]
    sides = [
        [photo for own, n in zip(orders, shares, strict=True) for photo in own[at * n : (at + 1) * n]] for at in (0, 1)
    ]
    examples = [
        Example(bank.root / photo.path, f"{photo.path} {shows}", photo.label, None)
        for side, shows in zip(sides, (True, False), strict=True)
        for photo in side
    ]
    yes = np.repeat([True, False], [len(side) for side in sides])
    given = ExampleSet(example_concept(what), None, tuple(examples), yes, 0)
    features = np.concatenate(
        [bank.example_features(side, what, shows) for side, shows in zip(sides, (True, False), strict=True)]
    )
    there, absent = (bank.example_features(made.photos, what, shows) for shows in (True, False))
    audited = np.where(made.present[:, None], there, absent)
    return learn([given], [features], audited, [photo.path for photo in made.photos], seed=seed)
