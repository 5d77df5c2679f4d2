"""The class map of one picture by a model alone, without an audit: whether it looks where it should."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.special import softmax

from auditor.extraction.picture_maps import picture_as_seen
from auditor.figures import percent
from auditor.inputs.images import read_image
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.records import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ModelMap:
    """What a model calls a picture, and where the evidence for it lies."""

    image: Image.Image  # what the map covers, that is the crop that the model saw
    class_map: FloatArray  # (h, w); positive is for the class
    class_name: str
    probability: float

    def summary(self) -> str:
        """'called "cat" (93 %); a map of 7 x 7 places, the largest value in row 3, column 5'."""
        height, width = self.class_map.shape
        row, column = np.unravel_index(int(self.class_map.argmax()), (height, width))
        return (
            f'called "{self.class_name}" ({percent(self.probability)}); a map of {height} x {width} places, the '
            f"largest value in row {row + 1}, column {column + 1}"
        )


def map_of_file(classifier: Classifier, path: Path) -> ModelMap:
    """Draw where a model looks for what it calls a picture.

    Raises:
        InputError: the file is no picture, or too small.
        ModelError: no map can be drawn.
    """
    decoded = read_image(path, min_side=classifier.input_size).image
    batch = classifier.preprocess(decoded)[None]
    _, logits = cam.forward(classifier, batch)
    called = int(logits[0].argmax())
    maps = cam.response_maps(classifier, batch, classifier.head.weight[None, [called]])
    return ModelMap(
        image=picture_as_seen(classifier, decoded),
        class_map=maps[0, 0],
        class_name=classifier.class_names[called] if classifier.class_names else f"output {called}",
        probability=float(softmax(logits[0])[called]),
    )
