"""Maps of pictures that a finished audit drew none of, as it drew those that it holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from auditor.audited_model import check_model_was_run, load_audited_model
from auditor.errors import InputError
from auditor.extraction.picture_maps import maps_for_concept, seen_crop
from auditor.inputs.images import read_image
from auditor.inputs.picture_bytes import is_there
from auditor.inputs.remote.again import picture_root
from auditor.models.classifier import Classifier
from auditor.models.map_choice import drawing_with
from auditor.records import ChannelWords, SaliencyMap
from auditor.store.model_words import find_picture, read_channel_words, read_members, read_run_settings
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.audit import Connection
from auditor.wording import quote


@dataclass(frozen=True, slots=True, eq=False)
class MapDrawer:
    """The audited model with what puts its maps into words; ``root`` is where the pictures lie."""

    folder: Path
    root: Path
    classifier: Classifier
    words: ChannelWords

    def draw(self, image_id: str, class_idx: int, concept_id: str | None) -> tuple[SaliencyMap, ...]:
        """Map of a picture for a class and, where its phrases hold the concept, for that; of a family, the sum.

        Raises:
            InputError: no such picture, its file is gone or cannot be read, or holds another picture than was audited.
        """
        with open_audit_database(self.folder) as connection:
            image = picture_again(connection, self.root, image_id, self.classifier.input_size)
            members = read_members(connection, concept_id) if concept_id is not None else ()
        crop = seen_crop(self.classifier, image.size)
        return maps_for_concept(self.classifier, image, image_id, class_idx, concept_id, members, self.words, crop)


def picture_again(connection: Connection, root: Path, image_id: str, min_side: int) -> Image.Image:
    """An audited picture, read from its file once more, upright RGB.

    Raises:
        InputError: no such picture, its file is gone or cannot be read, or holds another picture than was audited.
    """
    picture = find_picture(connection, image_id)
    if picture is None:
        raise InputError(f"no picture {quote(image_id)} in this audit")
    path = root / picture.path
    if not is_there(str(path)):
        raise InputError(f"{quote(str(path))} is not there any more; `auditor explain --data` says where it is")
    read = read_image(path, min_side=min_side)
    if read.content_digest != picture.content_digest:
        raise InputError(f"{quote(picture.path)} is not the picture that was audited: the file holds another now")
    return read.image


def load_map_drawer(folder: Path, *, trust_code: bool = False) -> MapDrawer:
    """The model of an audit, to draw with.

    Args:
        folder: The audit.
        trust_code: Whether a factory's code may run and the files that the audit names may be read.

    Raises:
        StoreError: no finished audit there.
        ModelError: no model was run, it cannot be loaded, or is another one.
        InputError: the audit names files and there is no trust, or its pictures are gone.
    """
    with open_audit_database(folder) as connection:
        settings = read_run_settings(connection)
        check_model_was_run(settings)
        words = read_channel_words(connection)
    root = picture_root(settings.data_path, None, cache=settings.cache)
    if not root.is_dir():
        raise InputError(f"the pictures are not in {quote(str(root))} any more; `auditor explain --data` says where")
    classifier = load_audited_model(folder, settings, trust_code=trust_code)
    return MapDrawer(folder, root, drawing_with(classifier, settings.map_method), words)
