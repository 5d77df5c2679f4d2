"""The vocabulary of the sample encoder, as TOML: every term, synonym and form was in its captions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sample_data.captions import (
    ARTIFACT_WORDS,
    CAST_WORDS,
    GROUP_WORDS,
    LIGHT_WORDS,
    OBJECT_WORDS,
    QUALITY_WORDS,
    SCENE_WORDS,
    TEMPLATES,
    prompt,
)

_HEAD = """# Vocabulary of the sample encoder: every word that it was taught.
# Made by `python -m sample_data.build`; edit sample_data/captions.py instead.
"""


def _concepts() -> list[tuple[str, Sequence[str]]]:
    """(kind, words) of every concept; neutral values are no concepts but appear under [absent]."""
    concepts: list[tuple[str, Sequence[str]]] = [("scene", words) for words in SCENE_WORDS.values()]
    concepts += [("artifact", words) for value, words in ARTIFACT_WORDS.items() if value != "none"]
    concepts += [("colour", words) for value, words in CAST_WORDS.items() if value != "none"]
    concepts += [
        ("light", LIGHT_WORDS["bright"]),
        ("light", LIGHT_WORDS["dim"]),
        ("weather", LIGHT_WORDS["fog"]),
    ]
    concepts.append(("quality", QUALITY_WORDS["blurred"]))
    concepts += [("object", words) for words in (*OBJECT_WORDS.values(), *GROUP_WORDS.values())]
    return concepts


def _absent() -> Mapping[str, list[str]]:
    """By kind, how a picture with nothing of that kind reads."""
    words = {
        "artifact": ARTIFACT_WORDS["none"],
        "colour": CAST_WORDS["none"],
        "light": LIGHT_WORDS["day"],
        "weather": LIGHT_WORDS["day"],
        "quality": QUALITY_WORDS["sharp"],
    }
    return {kind: [prompt(kind, word) for word in synonyms] for kind, synonyms in words.items()}


def vocabulary_toml() -> str:
    """The text of `vocabulary.toml`."""
    lines = [_HEAD, "[templates]"]
    lines += [f"{kind} = {json.dumps(list(forms))}" for kind, forms in TEMPLATES.items()]
    lines += ["", "[absent]"]
    lines += [f"{kind} = {json.dumps(prompts)}" for kind, prompts in _absent().items()]
    for kind, words in _concepts():
        lines += ["", "[[concept]]", f"term = {json.dumps(words[0])}", f"kind = {json.dumps(kind)}"]
        if len(words) > 1:
            lines.append(f"synonyms = {json.dumps(list(words[1:]))}")
    return "\n".join(lines) + "\n"


def write_vocabulary(folder: Path) -> None:
    """Write `vocabulary.toml` into the encoder's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocabulary.toml").write_text(vocabulary_toml(), encoding="utf-8")
