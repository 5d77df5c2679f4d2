"""A small hand-made audit for the tests of store and reports: every number in it is set here."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from auditor.concept_records import Attribute, AttributeConcept, CoreConcept, Counterexample
from auditor.gate.decision import GateDecision, GateItem
from auditor.records import (
    ActivationStats,
    ChannelGroups,
    ClassChannelGroup,
    ClassConcept,
    Concept,
    Failure,
    Finding,
    ImageItem,
    Phrases,
    SaliencyMap,
    Subgroup,
    Verdict,
    fingerprint,
)
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.run_record import Run

CLASSES = ("waterbird", "landbird", "vehicle", "cat", "boat")
CONCEPTS = (
    Concept("water", "water", "scene", ("lake", "sea")),
    Concept("beak", "beak", "part"),
    Concept("watermark", "watermark", "artifact"),
)
IMAGE_IDS = tuple(f"{number:016x}" for number in range(6))
PREDICTED = np.array([0, 0, 1, 2, 3, 0])
LABELS = np.array([0, 0, 1, 2, 3, 1])
CONCEPT_ROWS = np.array([[0.5, 0.25], [1, 0], [0, -1]], np.float32)
DIRECTIONS = np.array([[1, 0], [0, 1], [0.5, 0.5], [0, 0]], np.float32)
STATS = ActivationStats(np.array([1, 2, 3, 4], np.float32), np.array([0.5, 0.25, 0.125, 0], np.float32))
PRESENCE = np.array(
    [[0.9, 0.2, 0.0], [0.1, 0.8, 0.0], [0.0, 0.7, 0.0], [0.2, 0, 1], [0, 0, 0], [0.8, 0.1, 0]], np.float32
)
ATLAS = {
    "encoder": np.array([[-1, 0], [-0.5, 0], [0, 0], [0.5, 0], [1, 0], [0, 1]], np.float32),
    "model": np.array([[-0.9, 0.9], [-0.8, 0.9], [0.5, 0.5], [0.6, -0.5], [0.9, -0.9], [-0.8, 0.8]], np.float32),
}


def call_its_folder(connection, name):
    """Have the commands of reports name this folder, whatever the audit lies in."""
    opened: Any = connection
    opened.audit_file = Path(name) / "audit.duckdb"


def make_run(**changes):
    values = {
        "run_id": "run-1",
        "created_at": "2025-01-02T03:04:05Z",
        "data_path": "val",
        "data_digest": "d" * 64,
        "model_spec": "sample:planted",
        "model_digest": "m" * 64,
        "encoder_spec": "sample",
        "encoder_digest": "e" * 64,
        "vocabulary_digest": "v" * 64,
        "config": {"seed": 0, "n_extreme": 60},
        "config_digest": "c" * 64,
        "versions": {"auditor": "0.1.0", "numpy": "2.0.0"},
        "counts": {"images": 6, "failures": 1, "classes": 5},
        "seed": 0,
        "class_names": CLASSES,
        "notices": ("The sample encoder knows its rendered scenes and nothing else.",),
    }
    return Run(**{**values, **changes})


def verdicts():
    rows = [
        Verdict(0, "waterbird", "flagged", "high", "water", "water", "scene", "Relies on water (scene).", 3,
                0.41, 0.65, 0.58, 0.71, None, "E4-recall", 0.65, 0.58, 0.71),
        Verdict(1, "landbird", "suspect", "medium", "water", "water", "scene", "Could not be excluded.", 1,
                0.2, 0.1, -0.05, 0.25, 0.3, "E4-recall", 0.1, -0.05, 0.25),
        Verdict(2, "vehicle", "flagged", "high", "watermark", "watermark", "artifact", "Relies on watermark.", 1,
                0.3, None, None, None, None, "E5", 0.4, 0.3, 0.5),
        Verdict(3, "cat", "clean", "none", None, None, None, "No concept passes the screen.", 1,
                detectable_effect=0.06),
        Verdict(4, "boat", "not_analysed", "none", None, None, None, "Too few pictures: 0 of 10.", 0),
    ]  # fmt: skip
    return [replace(row, claim=row.sentence) for row in rows]


def class_concepts():
    return [
        ClassConcept(0, "waterbird", "water", "water", "scene", 0.41, 0.38, 0.44, 0.03, 0.41 / 0.03, 3),
        ClassConcept(0, "waterbird", "beak", "beak", "part", 0.11, 0.1, 0.12, 0.0, float("inf"), 3),
        ClassConcept(1, "landbird", "beak", "beak", "part", 0.3, 0.2, 0.4, 0.1, 3.0, 1),
    ]


def subgroups():
    return [
        Subgroup(0, "waterbird", "water", "water", True, 3410, 3274),
        Subgroup(0, "waterbird", "water", "water", False, 212, 66),
    ]


def findings():
    return [
        Finding(0, "waterbird", "water", "water", "scene", "E4-recall", 0.65, 0.58, 0.71, 1e-9, 1e-8, 3622,
                IMAGE_IDS[:2]),
        Finding(1, "landbird", "beak", "beak", "part", "erasure", float("nan"), float("nan"), float("nan"), None, None,
                1, (), "not_identified"),
    ]  # fmt: skip


def counterexamples():
    return [
        Counterexample(0, "waterbird", "water", "water", "scene", "proven", True, 3410, 3274, 0.96, 0.95, 0.97, 0,
                       900, 200, 0, IMAGE_IDS[5:]),
        Counterexample(0, "waterbird", "water", "water", "scene", "proven", False, 212, 66, 0.31, 0.25, 0.38, 180,
                       5000, 20, 0, IMAGE_IDS[1:2]),
    ]  # fmt: skip


ATTRIBUTES = [
    Attribute("scene", "examined", 5, 6, "5 values"),
    Attribute("serial", "many_values", 6, 6, "6 values in 6 pictures"),
]
ATTRIBUTE_CONCEPTS = [AttributeConcept("scene-s0-3f", "scene = s0", "scene", 2, 6, "water", 0.875)]
CORE_CONCEPTS = [CoreConcept(3, "cat", "water", "water", "scene", "settings", True, False, "cats swim here", "Ann")]
FAILURES = [Failure("f" * 16, "cat/broken.jpg", "decode", "truncated")]


def phrases():
    weights = np.zeros((6, 3), np.float32)
    weights[0, 0], weights[0, 1], weights[1, 1] = 0.5, 0.25, 0.75
    return Phrases(weights, weights / 2, np.linspace(0.5, 1, 6).astype(np.float32))


def decision():
    """What a gate might say of the audit: every level, and an entry of the baseline that matches nothing."""

    rules = {row.class_name: row.rule_id for row in verdicts()}

    def item(name, concept, kind, verdict, severity, state, level, reason):
        key, rule_id = (fingerprint(name, concept), rules[name]) if concept else (None, None)
        return GateItem(name, concept, concept, kind, verdict, severity, key, state, level, reason, rule_id)

    return GateDecision(
        1,
        "fails: 1 new, 1 not analysed (5 classes)",
        (
            item("vehicle", "watermark", "artifact", "flagged", "high", "accepted", "note",
                 "by ann until 2026-01-31: stock photos"),
            item("waterbird", "water", "scene", "flagged", "high", "new", "error",
                 "flagged, severity high; mend it or accept it"),
            item("landbird", "water", "scene", "suspect", "medium", "tolerated", "note", "suspect passes"),
            item("cat", None, None, None, "none", "stale", "warning", "nothing matches it any more; remove it"),
            item("boat", None, None, "not_analysed", "none", "not_analysed", "error",
                 "too few pictures; name it in may_skip"),
        ),
        "policy.toml",
        "baseline.toml",
    )  # fmt: skip


def fill(database, run=None, *, backwards=False):
    """Write the whole audit; ``backwards`` writes rows in another order."""
    run = run or make_run()
    step = -1 if backwards else 1
    items = [
        ImageItem(image_id, f"{CLASSES[label]}/{image_id}.png", CLASSES[label], attributes={"scene": f"s{label}"})
        for image_id, label in zip(IMAGE_IDS, LABELS, strict=True)
    ]
    database.add_run(run)
    thumbnails = [b"jpeg" + bytes([number]) for number in range(5)] + [None]
    digests = [f"{number:064x}" for number in range(6)]
    database.add_images(items[:4], [(128, 96)] * 4, digests[:4], thumbnails[:4])
    database.add_images(items[4:], [(128, 96)] * 2, digests[4:], thumbnails[4:])
    confidence = np.array([0.99, 0.6, 0.9, 0.8, 0.7, 0.88], np.float32)
    database.add_predictions(IMAGE_IDS[::step], PREDICTED[::step], LABELS[::step], confidence[::step], CLASSES)
    database.add_concepts(CONCEPTS, CONCEPT_ROWS)
    groups = ChannelGroups(np.array([0, 1, 0, -1]), np.eye(2, 3, dtype=np.float32))
    database.add_channels(
        np.array([3, 2, 1, 0], np.float32),
        ["water", "beak", "lake", ""],
        groups,
        ["water", "beak"],
        directions=DIRECTIONS,
        stats=STATS,
    )
    p = phrases()
    p = Phrases(p.weights[::step], p.shares[::step], p.residuals[::step])
    database.add_attributions(IMAGE_IDS[::step], PREDICTED[::step], p, class_names=CLASSES, concepts=CONCEPTS)
    database.add_concept_presence(IMAGE_IDS, [concept.concept_id for concept in CONCEPTS], PRESENCE)
    for space, places in ATLAS.items():
        database.add_atlas(IMAGE_IDS, space, places)
    database.add_class_concepts(class_concepts()[::step])
    database.add_subgroups(subgroups()[::step])
    database.add_findings(findings()[::step])
    database.add_verdicts(verdicts()[::step])
    database.add_attributes(ATTRIBUTES[::step], ATTRIBUTE_CONCEPTS)
    database.add_core_concepts(CORE_CONCEPTS)
    database.add_counterexamples(counterexamples()[::step])
    database.add_failures(FAILURES)
    database.add_saliency(
        [SaliencyMap(IMAGE_IDS[0], 0, None, np.arange(6, dtype=np.uint8).reshape(2, 3), 1.5, (0.125, 0.0, 0.875, 1.0))],
        CLASSES,
    )
    database.add_class_channel_groups([ClassChannelGroup(0, "waterbird", 1, 0.75, 3, IMAGE_IDS[:1])])


def write_small_audit(folder, run=None, *, backwards=False):
    """A complete audit on disk; returns its folder."""
    run = run or make_run()
    with AuditDatabase(folder) as database:
        fill(database, run, backwards=backwards)
    write_manifest(folder, run)
    return folder


def unbound(folder):
    """Take the digests out of ``audit.json``, as an older auditor wrote it; for tests that change the database."""
    path = folder / "audit.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in manifest.items() if key not in ("files", "digest")}))
    return folder
