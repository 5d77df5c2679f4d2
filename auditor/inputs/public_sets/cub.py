"""CUB-200-2011 (Wah et al. 2011): 200 species of birds with 312 attributes a picture and segmentations.

Layout, by the set's own README: ``images.txt`` (id, path below images/), ``image_class_labels.txt`` (id, class),
``classes.txt`` (class, name such as 001.Black_footed_Albatross), ``train_test_split.txt`` (id, 1 for training),
``bounding_boxes.txt`` (id, x, y, width, height), ``attributes/image_attribute_labels.txt`` (id, attribute, present,
certainty, seconds; certainty 1 is "not visible"; a few lines of the official file have a number too many before the
seconds) and ``attributes.txt`` (attribute, name such as has_bill_shape::curved), which the archive has beside
CUB_200_2011/. Segmentations are an archive of their own: ``segmentations/SPECIES/PICTURE.png``.
"""

from __future__ import annotations

from pathlib import Path

from auditor.errors import InputError
from auditor.inputs.public_sets.layout import (
    NO,
    YES,
    Listing,
    PublicSet,
    find_path,
    only_present,
    read_lines,
    read_pairs,
    required_path,
    spaced,
    wrong_line,
)
from auditor.records import ImageItem
from auditor.wording import quote

WHAT = "cub"
_NOT_VISIBLE = "1"
#: Code of an attribute in a picture: not known, absent, present.
_CODES = ("", NO, YES)


def read_cub(root: Path) -> PublicSet:
    """Read the set; the number before a species' name is left out of the label.

    Raises:
        InputError: a file is missing, or a line is not as it should be.
    """
    base = required_path(root, ("images.txt", "CUB_200_2011/images.txt"), WHAT).parent
    prefix = base.relative_to(root).as_posix() + "/" if base != root else ""
    pictures = {number: name for _, number, name in read_pairs(base / "images.txt", WHAT, "an id and a path")}
    names = {
        number: spaced(name.partition(".")[2] or name)
        for _, number, name in read_pairs(required_path(base, ("classes.txt",), WHAT), WHAT, "a number and a name")
    }
    class_of = _by_picture(base, "image_class_labels.txt", pictures)
    training = _by_picture(base, "train_test_split.txt", pictures)
    attributes, notes = _attributes(root, base, list(pictures))
    areas = _box_areas(base)
    masks = find_path(root, ("segmentations", f"{prefix}segmentations"))
    mask_folder = masks.relative_to(root).as_posix() if masks else None
    listing = Listing(root)
    items = []
    for number, name in pictures.items():
        mask = f"{mask_folder}/{name.rpartition('.')[0]}.png" if mask_folder else None
        items.append(
            ImageItem(
                image_id="",
                path=f"{prefix}images/{name}",
                label=_lookup(names, class_of[number], "classes.txt"),
                split="train" if training[number] == "1" else "test",
                mask_path=mask if mask and listing.holds(mask) else None,
                attributes={**attributes.get(number, {}), **({"box_area": areas[number]} if number in areas else {})},
            )
        )
    kept, missing = only_present(items, root, WHAT)
    if mask_folder is None:
        notes.append("no segmentations/ beside the pictures: no masks")
    return PublicSet(tuple(kept), tuple(names.values()), (*missing, *notes))


def _lookup(names: dict[str, str], number: str, file: str) -> str:
    if number not in names:
        raise InputError(f"{WHAT}: number {quote(number)} is not in {file}; expected one of its first column")
    return names[number]


def _by_picture(base: Path, name: str, pictures: dict[str, str]) -> dict[str, str]:
    """Second column of a file by id, which every picture has."""
    path = required_path(base, (name,), WHAT)
    found = {number: value for _, number, value in read_pairs(path, WHAT, "an id and a number")}
    for number, picture in pictures.items():
        if number not in found:
            raise InputError(
                f"{WHAT}: {name} has no line for picture {number} ({quote(picture)}); expected one a picture"
            )
    return found


def _box_areas(base: Path) -> dict[str, str]:
    """Area of the bird's box in pixels, where the file is there: how large the bird is shown."""
    path = base / "bounding_boxes.txt"
    if not path.is_file():
        return {}
    areas = {}
    for number, line in read_lines(path, WHAT):
        try:
            picture, _, _, width, height = line.split()
            areas[picture] = str(round(float(width) * float(height)))
        except (ValueError, OverflowError) as error:
            raise wrong_line(WHAT, path, number, line, "an id, x, y, width and height") from error
    return areas


def _attributes(root: Path, base: Path, pictures: list[str]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Yes or no for every attribute that is visible, by picture; none, with a note, without their files."""
    labels_path = find_path(base, ("attributes/image_attribute_labels.txt",))
    if labels_path is None:
        return {}, ["no attributes/image_attribute_labels.txt: no attributes of the birds"]
    names_path = find_path(base, ("attributes/attributes.txt", "attributes.txt"))
    names_path = names_path or required_path(root, ("attributes.txt",), WHAT)
    names = [name for _, _, name in read_pairs(names_path, WHAT, "a number and a name")]
    codes = {picture: bytearray(len(names)) for picture in pictures}
    for number, line in read_lines(labels_path, WHAT):
        picture, attribute, present, certainty = (line.split(maxsplit=4) + [""] * 4)[:4]
        position = int(attribute) - 1 if attribute.isascii() and attribute.isdigit() else -1
        if picture not in codes or not 0 <= position < len(names) or present not in ("0", "1"):
            form = f"an id of images.txt, an attribute of 1 to {len(names)}, 0 or 1, and a certainty"
            raise wrong_line(WHAT, labels_path, number, line, form)
        codes[picture][position] = 0 if certainty == _NOT_VISIBLE else 1 + int(present)
    return {
        picture: {name: _CODES[code] for name, code in zip(names, coded, strict=True) if code}
        for picture, coded in codes.items()
    }, []
