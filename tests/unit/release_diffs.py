"""Diffs to be rendered: one of every change, and one whose names try to break out of every format."""

from dataclasses import replace

import numpy as np
from hostile_audit import NAMES
from release_world import CLASSES, N, facts, gap, groups, verdict

from auditor.gate.release_diff import compare_releases
from auditor.records import Verdict


def fixed():
    """Bird was flagged for water and no longer is; water's channel group carries less, one of beaks is gone."""
    new = facts("new", {"bird": (59, 38)}, groups=groups(((1, 0), (0, -1)), (1, 1), ("water", "sky")))
    return compare_releases(facts("old", {"bird": (58, 8)}, {"bird": "flagged"}), new)


def unchanged():
    one = facts("old", {"bird": (58, 8)}, {"bird": "flagged"})
    return compare_releases(one, one)


def empty():
    return compare_releases(facts("old"), facts("new"))


def on_other_data():
    old = facts("old", {"bird": (58, 8)}, {"bird": "flagged", "cat": "suspect"})
    new = facts(
        "new", {"bird": (59, 38)}, {"cat": "not_analysed"}, keys=np.arange(N) + N, release_data_digest="f" * 64,
        release_data_path="test", release_n_images=400, settings={"seed": 1, "n_extreme": 60},
    )  # fmt: skip
    return compare_releases(old, new, allow_different_data=True)


def every_change():
    """Cat new, car worse, bird fixed; a ship that goes and a heron that comes."""
    old = facts("old", {"bird": (58, 8), "car": (60, 30)}, {"bird": "flagged", "car": "flagged"})
    new = facts("new", {"cat": (60, 5), "car": (60, 5)}, {"cat": "flagged", "car": "flagged"})
    ship = replace(verdict("car", "flagged"), class_name="ship")
    heron = replace(verdict("car", "clean"), class_name="heron")
    old = replace(old, verdicts=(*old.verdicts, ship))
    return compare_releases(old, replace(new, verdicts=(*new.verdicts, heron)))


def hostile():
    """Every hostile name as class, concept, kind, group, folder, model and path."""
    verdicts = tuple(Verdict(idx, name, "flagged", "high", name, name, name, name, 9) for idx, name in enumerate(NAMES))
    gaps = tuple(
        replace(gap("bird"), class_idx=idx, class_name=name, concept_id=name, concept=name, concept_kind=name)
        for idx, name in enumerate(NAMES)
    )
    made = [
        facts(
            name, verdicts=verdicts, gaps=gaps[half:], class_names=(*NAMES, *CLASSES), concept_ids=frozenset(NAMES),
            keys=np.arange(N) + half * N, groups=groups(np.eye(2), (1, half + 1), NAMES[half : half + 2]),
            release_model_spec=NAMES[14], release_data_path=NAMES[0], release_weights=NAMES[10],
            release_data_digest=name, release_created_at=NAMES[11], settings={NAMES[13]: name},
        )
        for name, half in ((NAMES[1], 0), (NAMES[2], 4))
    ]  # fmt: skip
    return compare_releases(*made, allow_different_data=True)


ALL = (fixed, unchanged, empty, on_other_data, every_change, hostile)
