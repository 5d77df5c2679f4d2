"""ImageNet (ILSVRC 2012), and ImageNet-9 (Xiao et al. 2020) with its swapped backgrounds.

ImageNet: ``train/nXXXXXXXX/`` and ``val/nXXXXXXXX/`` as https://github.com/pytorch/vision
(torchvision/datasets/imagenet.py) makes and reads them, or ``ILSVRC/Data/CLS-LOC/`` of the Kaggle download. Where
val/ is flat, labels come from Kaggle's ``LOC_val_solution.csv`` (ImageId, PredictionString: synset and box) or from
the development kit's ``ILSVRC2012_validation_ground_truth.txt`` (a number a line, in the order of the file names;
numbers are those of ``meta.mat``). Words come from ``LOC_synset_mapping.txt`` (synset, words) or from ``meta.mat``.
Output k of a model is synset k in sorted order.

ImageNet-9: ``original/val/00_dog`` ... ``08_fish`` and the same for ``mixed_same``, ``mixed_rand`` and
``mixed_next``, as released by https://github.com/MadryLab/backgrounds_challenge: the background is of the picture,
of a picture of the same class, of any, or of the next class.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from auditor.errors import InputError
from auditor.inputs.picture_formats import PICTURE_SUFFIXES
from auditor.inputs.public_sets.layout import (
    Listing,
    PublicSet,
    find_path,
    folders_in,
    read_lines,
    read_pairs,
    required_path,
)
from auditor.inputs.tables import read_table
from auditor.records import ImageItem
from auditor.wording import quote, quote_path

WHAT = "imagenet"
_SYNSET = re.compile(r"n\d{8}")
_DEVKIT = ("ILSVRC2012_devkit_t12/data/", "data/", "")
_BASES = ("", "ILSVRC/Data/CLS-LOC/")
_BACKGROUNDS = {"original": "own", "mixed_same": "same class", "mixed_rand": "any class", "mixed_next": "next class"}
_NINE_CLASS = re.compile(r"0(\d)_(.+)")


def read_imagenet(root: Path) -> PublicSet:
    """Read either of the two, by what lies in the folder; they have no masks, and ImageNet has no attributes.

    Raises:
        InputError: neither layout, no words for the synsets, or no labels for a flat val/.
    """
    for above in ("", "bg_challenge/"):
        if any((root / above / variant / "val" / "00_dog").is_dir() for variant in _BACKGROUNDS):
            return _read_imagenet9(root, above)
    base = next((b for b in _BASES if (root / b / "val").is_dir() or (root / b / "train").is_dir()), None)
    if base is None:
        raise InputError(
            f"{WHAT}: no train/ or val/ with synset folders in {quote_path(root)}, nor original/val/00_dog of "
            "ImageNet-9; give the set's own top folder as ROOT"
        )
    words = _words(root)
    listing = Listing(root)
    found = [(f"{base}{split}", split, synset) for split in ("train", "val") for synset in _synsets(root, base, split)]
    items = [
        ImageItem(image_id="", path=path, label=_label(words, synset), split=split)
        for folder, split, synset in found
        for path in _pictures(listing, f"{folder}/{synset}")
    ]
    flat = _pictures(listing, f"{base}val")
    if flat:
        synset_of = _flat_labels(root, flat)
        items += [ImageItem(image_id="", path=path, label=_label(words, synset_of[path]), split="val") for path in flat]
    if not items:
        raise InputError(f"{WHAT}: no pictures in {quote_path(root / base)}train/ and val/; unpack them there")
    return PublicSet(tuple(items), tuple(words[synset] for synset in sorted(words)))


def _synsets(root: Path, base: str, split: str) -> list[str]:
    return [name for name in folders_in(root / f"{base}{split}") if _SYNSET.fullmatch(name)]


def _pictures(listing: Listing, folder: str) -> list[str]:
    return sorted(f"{folder}/{name}" for name in listing.names(folder) if name.lower().endswith(PICTURE_SUFFIXES))


def _label(words: dict[str, str], synset: str) -> str:
    if synset not in words:
        raise InputError(
            f"{WHAT}: synset {quote(synset)} has no words; expected a line for it in LOC_synset_mapping.txt"
        )
    return words[synset]


def _words(root: Path) -> dict[str, str]:
    """First word of every synset, with a second one, or the synset, where several share the first."""
    path = find_path(root, ("LOC_synset_mapping.txt", "ILSVRC/LOC_synset_mapping.txt"))
    if path is None and find_path(root, [f"{folder}meta.mat" for folder in _DEVKIT]):
        lemmas = {synset: text for _, synset, text in _meta(root)}
    else:
        path = path or required_path(root, ("LOC_synset_mapping.txt", "ILSVRC2012_devkit_t12/data/meta.mat"), WHAT)
        lemmas = {synset: text for _, synset, text in read_pairs(path, WHAT, "a synset and its words")}
    listed = {synset: [word.strip() for word in text.split(",") if word.strip()] for synset, text in lemmas.items()}
    counts = Counter(lemma[0] for lemma in listed.values())
    names = {s: lemma[0] if counts[lemma[0]] == 1 else ", ".join(lemma[:2]) for s, lemma in listed.items()}
    again = Counter(names.values())
    return {s: name if again[name] == 1 else f"{name} ({s})" for s, name in names.items()}


def _meta(root: Path) -> list[tuple[int, str, str]]:
    """(number, synset, words) of the 1,000 synsets without children of the development kit's meta.mat."""
    import scipy.io  # type: ignore[import-untyped, unused-ignore]

    path = required_path(root, [f"{folder}meta.mat" for folder in _DEVKIT], WHAT)
    try:
        table = scipy.io.loadmat(path, squeeze_me=True)["synsets"]
        rows = [(int(r["ILSVRC2012_ID"]), str(r["WNID"]), str(r["words"]), int(r["num_children"])) for r in table]
    except Exception as error:  # a foreign file fails in any way it likes
        raise InputError(
            f"{WHAT}: {path.name} is not the development kit's table of synsets ({quote(error)}); take it from "
            "ILSVRC2012_devkit_t12.tar.gz"
        ) from error
    return [(number, synset, words) for number, synset, words, children in rows if children == 0]


def _flat_labels(root: Path, flat: list[str]) -> dict[str, str]:
    """Synset of every picture of a val/ without synset folders."""
    solution = find_path(root, ("LOC_val_solution.csv", "ILSVRC/LOC_val_solution.csv"))
    if solution is not None:
        table = read_table(solution, f"{WHAT}: {solution.name}")
        table.require(("ImageId", "PredictionString"), f"{WHAT}: {solution.name}")
        predictions = (text.split(maxsplit=1)[:1] for text in table.columns["PredictionString"])
        by_stem = dict(zip(table.columns["ImageId"], predictions, strict=True))
        missing = [path for path in flat if not by_stem.get(Path(path).stem)]
        if missing:
            raise InputError(f"{WHAT}: {solution.name} has no label for {quote(missing[0])}; expected a line for it")
        return {path: by_stem[Path(path).stem][0] for path in flat}
    name = "ILSVRC2012_validation_ground_truth.txt"
    truth = find_path(root, [folder + name for folder in _DEVKIT])
    if truth is None:
        raise InputError(
            f"{WHAT}: val/ has no synset folders, and neither LOC_val_solution.csv nor {_DEVKIT[0]}{name} is in "
            f"{quote_path(root)}; add one of them"
        )
    synset_of = {str(number): synset for number, synset, _ in _meta(root)}
    numbers = [line for _, line in read_lines(truth, WHAT)]
    if len(numbers) != len(flat) or any(number not in synset_of for number in numbers):
        raise InputError(
            f"{WHAT}: {name} has {len(numbers)} lines for {len(flat)} pictures in val/; expected one number of "
            "meta.mat a picture, in the order of their names"
        )
    return {path: synset_of[number] for path, number in zip(flat, numbers, strict=True)}


def _read_imagenet9(root: Path, base: str) -> PublicSet:
    listing = Listing(root)
    order: dict[int, str] = {}
    items = []
    for variant, background in _BACKGROUNDS.items():
        for folder in folders_in(root / base / variant / "val"):
            named = _NINE_CLASS.fullmatch(folder)
            if named is None:
                continue
            order[int(named[1])] = named[2]
            for path in _pictures(listing, f"{base}{variant}/val/{folder}"):
                source = re.search(r"n\d{8}_\d+", path.rpartition("/")[2])
                items.append(
                    ImageItem(
                        image_id="",
                        path=path,
                        label=named[2],
                        split=variant,
                        group_id=source[0] if source else None,
                        attributes={"background": background},
                    )
                )
    return PublicSet(tuple(items), tuple(order[number] for number in sorted(order)))
