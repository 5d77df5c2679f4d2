"""ISIC challenges 2017 to 2020: lesions of the skin with the patient's sex, age, and the place on the body.

Layout, as downloaded from https://challenge.isic-archive.com/data: tables named ...GroundTruth.csv and folders of
pictures named by ``ISIC_0000000`` at the top of ROOT or in a folder of it. 2018 (task 3) and 2019: ``image`` and a
column a diagnosis with 1.0 in one of them (ISIC2018_Task3_Training_GroundTruth.csv,
ISIC_2019_Training_GroundTruth.csv; the test tables add ``score_weight`` and ``validation_weight``), with
ISIC_2019_Training_Metadata.csv (image, age_approx, anatom_site_general, lesion_id, sex) or
ISIC2018_Task3_Training_LesionGroupings.csv (image, lesion_id, ...). 2020: ISIC_2020_Training_GroundTruth.csv
(image_name, patient_id, sex, age_approx, anatom_site_general_challenge, diagnosis, benign_malignant, target). 2017:
ISIC-2017_Training_Part3_GroundTruth.csv (image_id, melanoma, seborrheic_keratosis; neither is a nevus), and masks of
lesions, ISIC_0000000_segmentation.png.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from auditor.errors import InputError
from auditor.inputs.picture_formats import PICTURE_SUFFIXES
from auditor.inputs.public_sets.layout import PublicSet, spaced
from auditor.inputs.tables import Table, read_table
from auditor.records import ImageItem
from auditor.wording import quote_list, quote_path

WHAT = "isic"
_DIAGNOSES = {
    "MEL": "melanoma",
    "NV": "nevus",
    "BCC": "basal cell carcinoma",
    "AK": "actinic keratosis",
    "AKIEC": "actinic keratosis",
    "BKL": "benign keratosis",
    "DF": "dermatofibroma",
    "VASC": "vascular lesion",
    "SCC": "squamous cell carcinoma",
    "UNK": "unknown",
}
_ID_COLUMNS = ("image", "image_name", "image_id")
_PART3 = ("melanoma", "seborrheic_keratosis")
_MALIGNANCY = "benign_malignant"
_ATTRIBUTES = {
    "sex": "sex",
    "age_approx": "age",
    "age_approximate": "age",
    "anatom_site_general": "site",
    "anatom_site_general_challenge": "site",
}
_UNKNOWN = frozenset(["", "unknown", "na", "nan"])
_SPLITS = (("train", "train"), ("validation", "val"), ("test", "test"))
_MASK_ENDING = re.compile(r"_segmentation$", re.IGNORECASE)
#: Collections that ISIC 2019 is made of, as its lesion_id begins.
_SOURCE = re.compile(r"(HAM|BCN|MSK)")


def read_isic(root: Path) -> PublicSet:
    """Read every year that lies in the folder; pictures of one patient, or else of one lesion, are one group.

    Raises:
        InputError: no table of diagnoses, a table that is not as it should be, or no pictures.
    """
    pictures, masks, tables = _search(root)
    truths = [(name, table) for name, table in tables if _label_columns(table)]
    if not truths:
        found = quote_list([name for name, _ in tables])
        raise InputError(
            f"{WHAT}: no table of diagnoses in {quote_path(root)} (tables found: {found}); expected one such as "
            "ISIC_2019_Training_GroundTruth.csv, with image,MEL,NV,..., as downloaded"
        )
    facts = _facts(tables)
    order: dict[str, None] = {}
    items: dict[str, ImageItem] = {}  # years share pictures: the first table that names one counts
    named: set[str] = set()
    for name, table in truths:
        order.update(dict.fromkeys(_label_names(table)))
        split = next((split for word, split in _SPLITS if word in name.rpartition("/")[2].lower()), None)
        for image, label in _labels(name, table):
            named.add(image)
            path = pictures.get(image)
            if path is None or image in items:
                continue
            known = facts.get(image, {})
            group = known.get("patient_id") or known.get("lesion_id")
            items[image] = ImageItem(
                image_id="",
                path=path,
                label=label,
                split=split,
                group_id=group,
                mask_path=masks.get(image),
                attributes=_attributes(known),
            )
    if not items:
        raise InputError(
            f"{WHAT}: none of the {len(named)} pictures of {truths[0][0]} lies in {quote_path(root)}; unpack the "
            "pictures, such as ISIC_2019_Training_Input/, there"
        )
    missing = len(named) - len(items)
    notes = (f"{missing} of {len(named)} pictures of the tables are not on the disk: left out",) if missing else ()
    return PublicSet(tuple(items.values()), tuple(order), notes)


def _search(root: Path) -> tuple[dict[str, str], dict[str, str], list[tuple[str, Table]]]:
    """Pictures and masks by id, and tables by path, of the whole folder."""
    pictures: dict[str, str] = {}
    masks: dict[str, str] = {}
    tables = []
    for folder, below, names in os.walk(root):
        below.sort()
        relative = Path(folder).relative_to(root)
        for name in sorted(names):
            path = (relative / name).as_posix()
            stem, _, suffix = name.rpartition(".")
            if not stem.upper().startswith("ISIC"):
                continue
            if suffix.lower() == "csv":
                tables.append((path, read_table(root / path, f"{WHAT}: {path}")))
            elif f".{suffix.lower()}" in PICTURE_SUFFIXES:
                mask_of = _MASK_ENDING.sub("", stem)
                if mask_of != stem:
                    masks.setdefault(mask_of, path)
                elif "superpixels" not in stem:
                    pictures.setdefault(stem, path)
    return pictures, masks, tables


def _id_column(table: Table) -> str | None:
    return next((name for name in _ID_COLUMNS if name in table.columns), None)


def _label_columns(table: Table) -> list[str]:
    """Columns that tell the diagnosis; none where the table is of something else."""
    if _id_column(table) is None:
        return []
    if _MALIGNANCY in table.columns:
        return [_MALIGNANCY]
    if all(name in table.columns for name in _PART3):
        return list(_PART3)
    return [name for name in table.columns if name in _DIAGNOSES]


def _label_names(table: Table) -> list[str]:
    columns = _label_columns(table)
    if columns == [_MALIGNANCY]:
        return ["benign", "malignant"]
    if columns == list(_PART3):
        return ["melanoma", "seborrheic keratosis", "nevus"]
    return [_DIAGNOSES[name] for name in columns]


def _labels(name: str, table: Table) -> Iterator[tuple[str, str | None]]:
    """(id, label) of every row; a row without any 1 has no label, except in 2017, where it is a nevus."""
    columns = _label_columns(table)
    images = table.columns[_id_column(table) or ""]
    if columns == [_MALIGNANCY]:
        yield from ((image, _known(value)) for image, value in zip(images, table.columns[_MALIGNANCY], strict=True))
        return
    rest = "nevus" if columns == list(_PART3) else None
    rows = zip(table.places, images, *(table.columns[column] for column in columns), strict=True)
    for place, image, *values in rows:
        try:
            given = [column for column, value in zip(columns, values, strict=True) if float(value) == 1]
        except ValueError:
            given = columns
        if len(given) > 1:
            raise InputError(
                f"{WHAT}: {name}, {place}: {quote_list(values)}; expected 1.0 for one diagnosis and else 0.0"
            )
        yield image, _DIAGNOSES.get(given[0], spaced(given[0])) if given else rest


def _known(value: str) -> str | None:
    return None if value.strip().lower() in _UNKNOWN else value.strip()


def _facts(tables: list[tuple[str, Table]]) -> dict[str, dict[str, str]]:
    """What all tables together say of a picture, beside the diagnosis."""
    facts: dict[str, dict[str, str]] = {}
    wanted = (*_ATTRIBUTES, "patient_id", "lesion_id")
    for _, table in tables:
        column = _id_column(table)
        names = [name for name in wanted if name in table.columns]
        if column is None or not names:
            continue
        for image, *values in zip(table.columns[column], *(table.columns[name] for name in names), strict=True):
            known = {name: text for name, value in zip(names, values, strict=True) if (text := _known(value))}
            facts.setdefault(image, {}).update(known)
    return facts


def _attributes(known: dict[str, str]) -> dict[str, str]:
    attributes = {name: known[column] for column, name in _ATTRIBUTES.items() if column in known}
    if "age" in attributes:
        attributes["age"] = attributes["age"].removesuffix(".0")
    source = _SOURCE.match(known.get("lesion_id", ""))
    return {**attributes, **({"source": source[0]} if source else {})}
