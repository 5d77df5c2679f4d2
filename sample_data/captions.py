"""Words for scenes: the captions that the sample encoder learns from, and the forms it is asked in.

Every word of `data/encoder/vocabulary.toml` is listed here; a word that is not here was never taught.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sample_data.scene import Scene

# The first word is the canonical term, the others its synonyms.
OBJECT_WORDS: Mapping[str, tuple[str, ...]] = {
    "duck": ("duck", "mallard"),
    "swan": ("swan",),
    "heron": ("heron", "egret"),
    "owl": ("owl",),
    "rooster": ("rooster", "chicken"),
    "crow": ("crow", "raven"),
    "car": ("car", "automobile"),
    "truck": ("truck", "lorry"),
    "bus": ("bus", "coach"),
    "cat": ("cat", "kitten"),
    "balloon": ("balloon", "hot air balloon"),
    "boat": ("boat", "sailboat"),
}
GROUP_WORDS: Mapping[str, tuple[str, ...]] = {
    "waterbird": ("waterbird", "water bird", "waterfowl"),
    "landbird": ("landbird", "land bird"),
    "vehicle": ("vehicle", "motor vehicle"),
}
GROUP_OF: Mapping[str, str] = {
    "duck": "waterbird",
    "swan": "waterbird",
    "heron": "waterbird",
    "owl": "landbird",
    "rooster": "landbird",
    "crow": "landbird",
    "car": "vehicle",
    "truck": "vehicle",
    "bus": "vehicle",
}
SCENE_WORDS: Mapping[str, tuple[str, ...]] = {
    "water": ("water", "lake", "sea"),
    "forest": ("forest", "woods", "trees"),
    "sand": ("sand", "desert", "dunes"),
    "snow": ("snow", "winter", "ice"),
    "grass": ("grass", "meadow", "field"),
    "city": ("city", "street", "buildings"),
    "sky": ("sky", "clouds", "air"),
    "night": ("night", "stars", "moonlight"),
}
ARTIFACT_WORDS: Mapping[str, tuple[str, ...]] = {
    "none": ("no mark", "nothing"),
    "watermark": ("watermark", "logo", "text"),
    "ruler": ("ruler", "scale bar"),
    "sticker": ("sticker", "badge"),
    "border": ("border", "frame"),
}
CAST_WORDS: Mapping[str, tuple[str, ...]] = {
    "none": ("natural", "true"),
    "red": ("red", "reddish"),
    "blue": ("blue", "bluish"),
    "green": ("green", "greenish"),
}
LIGHT_WORDS: Mapping[str, tuple[str, ...]] = {
    "day": ("daylight", "normal light"),
    "bright": ("bright light", "glare"),
    "dim": ("dim light", "low light"),
    "fog": ("fog", "mist", "haze"),
}
QUALITY_WORDS: Mapping[str, tuple[str, ...]] = {
    "sharp": ("sharp", "crisp"),
    "blurred": ("blurred", "blurry", "out of focus"),
}

TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "object": ("a photo of a {}", "a picture of a {}", "a {}"),
    "scene": ("a picture taken at {}", "a {} scene", "a photo with {} in the background"),
    "artifact": ("a picture with {} over it", "a photo with {} added", "{} on the photo"),
    "colour": ("a picture with a {} tint", "a photo in {}", "{} colours everywhere"),
    "light": ("a picture taken in {}", "a photo in {}"),
    "weather": ("a picture taken in {}", "a photo in {}"),
    "quality": ("a {} picture", "a photo that is {}"),
}

# (factor of the scene, kind of its words, words by value)
WORDS_OF_FACTOR: tuple[tuple[str, str, Mapping[str, tuple[str, ...]]], ...] = (
    ("object", "object", OBJECT_WORDS),
    ("background", "scene", SCENE_WORDS),
    ("artifact", "artifact", ARTIFACT_WORDS),
    ("cast", "colour", CAST_WORDS),
    ("light", "light", LIGHT_WORDS),
    ("quality", "quality", QUALITY_WORDS),
)

_P_OBJECT, _P_SCENE, _P_PRESENT, _P_NEUTRAL = 0.95, 0.9, 0.95, 0.12
_OPENINGS = ("a photo of a {}", "a picture of a {}", "a {}")
_PLACES = (" at {}", " in front of {}", " with {} in the background", ", a {} scene")
_MARKS = (" with {} over it", ", {} added", ", {} on the photo")
_TINTS = (", {} tint", " in {} colours", ", {} colours everywhere")
_LIGHTS = (" in {}", ", taken in {}")
_SHARPNESS = (", {}", ", a {} picture")


def _pick(words: tuple[str, ...], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """One sentence about the scene: object and background nearly always, other factors where they show."""
    text = "a picture"
    if rng.random() < _P_OBJECT:
        words = OBJECT_WORDS[scene.object]
        if scene.object in GROUP_OF and rng.random() < 0.2:
            words = GROUP_WORDS[GROUP_OF[scene.object]]
        text = _pick(_OPENINGS, rng).format(_pick(words, rng))
    parts: list[str] = []
    if rng.random() < _P_SCENE:
        parts.append(_pick(_PLACES, rng).format(_pick(SCENE_WORDS[scene.background], rng)))
    for value, neutral, words_of, forms in (
        (scene.artifact, "none", ARTIFACT_WORDS, _MARKS),
        (scene.cast, "none", CAST_WORDS, _TINTS),
        (scene.light, "day", LIGHT_WORDS, _LIGHTS),
        (scene.quality, "sharp", QUALITY_WORDS, _SHARPNESS),
    ):
        if rng.random() < (_P_NEUTRAL if value == neutral else _P_PRESENT):
            parts.append(_pick(forms, rng).format(_pick(words_of[value], rng)))
    rng.shuffle(parts)
    return text + "".join(parts)


def prompt(kind: str, word: str, rng: np.random.Generator | None = None) -> str:
    """The word in a sentence of its kind: the first form, or one by chance."""
    forms = TEMPLATES[kind]
    return (forms[0] if rng is None else _pick(forms, rng)).format(word)


def every_text() -> list[str]:
    """Texts that between them hold every word the encoder is taught (for its table of tokens)."""
    texts = ["a picture"]
    for words in (*(table for _, _, table in WORDS_OF_FACTOR), GROUP_WORDS):
        for synonyms in words.values():
            for word in synonyms:
                for forms in (*TEMPLATES.values(), _OPENINGS, _PLACES, _MARKS, _TINTS, _LIGHTS, _SHARPNESS):
                    texts += [form.format(word) for form in forms]
    return texts
