"""Words for everything that the full grid draws: those of the bundled encoder, and those of what is held back."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from benchmarks.planted.bank import COLUMN, IntArray
from benchmarks.planted.worlds import CHANGED, FACTOR_VALUES
from sample_data import captions
from sample_data.captions import GROUP_OF, GROUP_WORDS, caption, prompt
from sample_data.scene import EXTRA, Scene
from sample_data.vocabulary import vocabulary_toml

_EXTRA_WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "object": {
        "fish": ("fish", "carp"),
        "turtle": ("turtle", "tortoise"),
        "mushroom": ("mushroom", "toadstool"),
        "tent": ("tent",),
        "bicycle": ("bicycle", "bike"),
        "airplane": ("airplane", "plane"),
    },
    "background": {
        "canyon": ("canyon", "gorge", "cliffs"),
        "room": ("room", "indoors", "interior"),
        "bricks": ("brick wall", "bricks", "masonry"),
    },
    "surface": {
        "none": ("bare ground", "plain ground"),
        "planks": ("planks", "wooden floor", "boards"),
        "tiles": ("tiles", "tiled floor"),
        "carpet": ("carpet", "rug"),
    },
}
_SURFACE_FORMS = ("a picture with {} on the ground", "a photo with {} under it", "standing on {}")
_KIND = {**{factor: kind for factor, kind, _ in captions.WORDS_OF_FACTOR}, "surface": "surface"}
_BUNDLED = {factor: words for factor, _, words in captions.WORDS_OF_FACTOR}
#: Words of every value of every factor, the term first, then its synonyms.
WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    factor: {value: {**_BUNDLED.get(factor, {}), **_EXTRA_WORDS.get(factor, {})}[value] for value in values}
    for factor, values in FACTOR_VALUES.items()
}
#: Term of the vocabulary for every value that is a concept.
TERM_OF: Mapping[tuple[str, str], str] = {
    (factor, value): WORDS[factor][value][0]
    for factor in CHANGED
    for value in FACTOR_VALUES[factor]
    if value != CHANGED[factor]
}


def forms(factor: str) -> tuple[str, ...]:
    """Prompts of a factor's words."""
    return _SURFACE_FORMS if factor == "surface" else captions.TEMPLATES[_KIND[factor]]


def contests() -> list[tuple[str, list[tuple[str, ...]]]]:
    """(factor, words by value) of each contest that a picture takes part in; the last is that of groups of objects."""
    found = [(factor, list(values.values())) for factor, values in WORDS.items()]
    names = sorted({GROUP_OF.get(name, name) for name in FACTOR_VALUES["object"]})
    return [*found, ("object", [GROUP_WORDS.get(name) or WORDS["object"][name] for name in names])]


def targets(rows: IntArray) -> IntArray:
    """(n, contests) position of the right answer of each contest."""
    names = sorted({GROUP_OF.get(name, name) for name in FACTOR_VALUES["object"]})
    group = np.array([names.index(GROUP_OF.get(name, name)) for name in FACTOR_VALUES["object"]])
    columns = [rows[:, COLUMN[factor]] for factor in WORDS]
    return np.stack([*columns, group[rows[:, COLUMN["object"]]]], axis=1)


def caption_of(row: IntArray, rng: np.random.Generator) -> str:
    """One sentence about a picture: as the bundled encoder's, with words put in for what that does not know."""
    value = {factor: values[row[COLUMN[factor]]] for factor, values in FACTOR_VALUES.items()}
    stand_in = {factor: "boat" if factor == "object" else "sand" for factor in EXTRA if value[factor] in EXTRA[factor]}
    scene = Scene(**{factor: stand_in.get(factor, one) for factor, one in value.items() if factor != "surface"})
    text = f" {caption(scene, rng)} ".replace(",", " ,")
    for factor, other in stand_in.items():
        words = WORDS[factor][value[factor]]
        for old in WORDS[factor][other]:
            text = text.replace(f" {old} ", f" {words[int(rng.integers(len(words)))]} ")
    text = text.strip().replace(" ,", ",")
    if value["surface"] != "none" or rng.random() < 0.12:
        words = WORDS["surface"][value["surface"]]
        text += (", on {}", " with {} under it")[int(rng.integers(2))].format(words[int(rng.integers(len(words)))])
    return text


def every_text() -> list[str]:
    """Texts that between them hold every word, for the table of tokens."""
    new = [word for values in _EXTRA_WORDS.values() for words in values.values() for word in words]
    joined = [form.format(word) for word in new for form in (*_SURFACE_FORMS, *captions.TEMPLATES["scene"], "a {}")]
    return [*captions.every_text(), *joined, *(f", on {word} with {word} under it" for word in new), "a picture ,"]


def vocabulary() -> str:
    """The bundled encoder's vocabulary with the new words, as TOML."""
    text = vocabulary_toml().replace("[absent]", f"surface = {json.dumps(list(_SURFACE_FORMS))}\n\n[absent]")
    absent = [_SURFACE_FORMS[0].format(word) for word in WORDS["surface"]["none"]]
    text = text.replace("[absent]\n", f"[absent]\nsurface = {json.dumps(absent)}\n")
    for factor, values in _EXTRA_WORDS.items():
        for value, words in values.items():
            if value == CHANGED.get(factor, ""):
                continue
            text += f"\n[[concept]]\nterm = {json.dumps(words[0])}\nkind = {json.dumps(_KIND[factor])}\n"
            if len(words) > 1:
                text += f"synonyms = {json.dumps(list(words[1:]))}\n"
    return text


def asked(factor: str, words: tuple[str, ...], rng: np.random.Generator | None) -> str:
    """A word in a form of its kind: the first of both, or one of each by chance."""
    if rng is None:
        return forms(factor)[0].format(words[0])
    word = words[int(rng.integers(len(words)))]
    if factor != "surface":
        return prompt(_KIND[factor], word, rng)
    return _SURFACE_FORMS[int(rng.integers(len(_SURFACE_FORMS)))].format(word)
