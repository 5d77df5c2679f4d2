"""The model card of the sample encoder, written from what was measured."""

from __future__ import annotations

import json
from pathlib import Path

from sample_data.encoder import BATCH, IMAGE_SIZE, N_HELD_OUT, N_TRAIN, PATCH_DROPOUT, STEPS, WHOLE_SHARE

_ASKED = {
    "object": "object (12)",
    "class": "group of objects (6: landbird, vehicle, waterbird, balloon, boat, cat)",
    "scene": "scene (8)",
    "artifact": "artifact (4 and none)",
    "colour": "colour cast (3 and none)",
    "light": "light and fog (3 and daylight)",
    "quality": "sharp or blurred",
}


def model_card(folder: Path) -> str:
    """Text of the card for the encoder in this folder."""
    described = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    figures = described["held_out"]
    rows = "\n".join(f"| {text} | {figures[name]:.1%} |" for name, text in _ASKED.items())
    megabytes = (folder / described["weights"]).stat().st_size / 1e6
    return f"""# Sample encoder

A small CLIP (open_clip architecture: vision transformer of 4 layers, width 128, patches of 8 on {IMAGE_SIZE} x
{IMAGE_SIZE} pixels; text transformer of 2 layers, width 96; 128-dimensional joint space), {megabytes:.1f} MB.

**It knows the scenes that `sample_data` renders and nothing else.** On photographs, drawings or any other picture
its words mean nothing, and it knows no word outside `vocabulary.toml`: the program says so when it is used on
anything else.

## Training
`python -m sample_data.build --retrain`, from random weights, on {N_TRAIN:,} rendered scenes with captions made by
`sample_data/captions.py` (no picture or text from anywhere else), {STEPS:,} batches of {BATCH}, AdamW, one cycle. The
loss is the contrast of pictures and captions within a batch, plus one contest for each kind of word: the picture
against short prompts for every value (objects, scenes, artifacts, casts, lights, sharpness), in random forms and
synonyms. For the first {1 - WHOLE_SHARE:.0%} of the steps {PATCH_DROPOUT:.0%} of the patches are left out. Training
pictures, held-out pictures and audit sets have separate seeds.

## Held out
Zero-shot on {N_HELD_OUT:,} scenes with seeds of their own, one prompt a value (first form, canonical word),
nearest wins:

| what is asked | right |
|---|---|
{rows}

## Limits
Zero-shot figures are for scenes of the same renderer. Presence of a concept should be scored against the prompts
under `[absent]` in `vocabulary.toml`, where its kind has some.

Weights, pictures and captions: Apache-2.0, as the rest of the project.
"""


def write_model_card(folder: Path) -> None:
    """Write `MODEL_CARD.md` beside the weights."""
    (folder / "MODEL_CARD.md").write_text(model_card(folder), encoding="utf-8")
