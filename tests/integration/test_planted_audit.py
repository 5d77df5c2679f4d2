"""The planted benchmark audits as the product does: the same pictures as files give the same verdicts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from auditor.config import AuditConfig
from auditor.evidence.verdicts.judge import measurable
from auditor.models.encoders.load import load_encoder
from auditor.pipeline import run_audit
from auditor.records import LinearHead
from auditor.store.open_audit import open_audit_database
from benchmarks.planted.ablations import ABLATIONS, ablated_leads, flagged_leads, measure_again, sure_losses
from benchmarks.planted.audit import Asked, Audited, Examined, audit, copies_of, embed, picture_path
from benchmarks.planted.backbones import load_bundled
from benchmarks.planted.bank import Bank, BankSize
from benchmarks.planted.drawing import ClassOf, Mixture, Plant, draw_rows
from benchmarks.planted.networks import MEAN, STD, Classifier, features_of
from benchmarks.planted.worlds import FACTOR_VALUES, World

CLASSES = (ClassOf("boat", ("boat",)), ClassOf("cat", ("cat",)), ClassOf("owl", ("owl",)))
_FEW = {"object": ("owl", "cat", "boat"), "background": ("water", "sand", "snow"), "surface": ("none",)}
WORLD = World("three", tuple((factor, _FEW.get(factor, values)) for factor, values in FACTOR_VALUES.items()))
PER_CLASS = 60
FACTORY = """
from pathlib import Path
from safetensors.torch import load_file
from benchmarks.planted.networks import ARCHITECTURES, Classifier
def build():
    model = Classifier(ARCHITECTURES["cnn"](), 3)
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> tuple[Audited, Path]:
    """The benchmark's audit, and the folder of the product's."""
    work = tmp_path_factory.mktemp("planted")
    bank = Bank(work, BankSize((20, 20, 1), (20, 20, 1), (4, 4, 1)), WORLD, pool=0)
    rng = np.random.default_rng(5)
    labels = np.repeat(np.arange(3), PER_CLASS)
    mixture = Mixture((Plant(0, "background", "water", 0.85),))
    rows = draw_rows(CLASSES, mixture, labels, bank, "audit", rng)
    pixels = bank.pictures(rows)
    features = load_bundled("cnn", "weak").eval()
    x = features_of(features, pixels)
    centres = np.stack([x[labels == c].mean(axis=0) for c in range(3)])
    weight = (centres - centres.mean(axis=0)).astype(np.float32)
    head = LinearHead(weight, (-0.5 * (centres**2).sum(axis=1)).astype(np.float32))
    names = tuple(one.name for one in CLASSES)
    encoder = load_encoder("sample")
    none = np.zeros((len(labels), 4), np.float32)
    network = Classifier(features, len(CLASSES))
    network.head.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(head.bias)})
    given = Examined(names, head, x, embed(encoder, pixels), labels, rows, none)
    given = replace(given, copies=copies_of(given, pixels))  # of few objects some scenes are nearly equal
    ours = audit(given, encoder, seed=3, asked=Asked.of_pixels(network, pixels))

    for k, picture in enumerate(pixels):
        path = work / "pictures" / picture_path(names[labels[k]], k)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    state = {f"features.{key}": value.contiguous() for key, value in features.state_dict().items()}
    save_file(
        {**state, "head.weight": torch.from_numpy(weight), "head.bias": torch.from_numpy(head.bias)},
        work / "model.safetensors",
    )
    (work / "factory.py").write_text(FACTORY, encoding="utf-8")
    (work / "preprocess.toml").write_text(
        f"size = 64\ncrop = 64\ninterpolation = 'bicubic'\nmean = {list(MEAN)}\nstd = {list(STD)}\n", encoding="utf-8"
    )
    config = AuditConfig(
        data=work / "pictures", model=f"{work / 'factory.py'}:build", preprocess=work / "preprocess.toml",
        out=work / "audit", encoder="sample", cache=work / "cache", seed=3, trust_code=True,
        properties=False,
    )  # fmt: skip
    return ours, run_audit(config)


def test_verdicts_are_the_same(both) -> None:
    ours, folder = both
    with open_audit_database(folder) as connection:
        theirs = connection.execute(
            "SELECT class_name, verdict, concept_id FROM verdicts ORDER BY class_idx"
        ).fetchall()
    assert [(one.class_name, one.verdict, one.concept_id) for one in ours.evidence.verdicts] == theirs


def test_findings_are_the_same(both) -> None:
    ours, folder = both
    with open_audit_database(folder) as connection:
        theirs = connection.execute(
            # places are looked for by the product alone: the benchmark exchanges none
            "SELECT class_name, concept_id, rule_id, effect, p FROM findings WHERE concept_id NOT LIKE 'place-%'"
        ).fetchall()
    mine = {(one.class_name, one.concept_id, one.rule_id): one for one in ours.evidence.findings}
    assert len(theirs) == len(mine) > 10
    for class_name, concept_id, rule_id, effect, p in theirs:
        one = mine[class_name, concept_id, rule_id]
        assert one.effect == pytest.approx(effect, abs=2e-3)
        assert (one.p is None) == (p is None)
        if p is not None:
            assert one.p == pytest.approx(p, abs=0.02)


def test_with_nothing_taken_out_ablations_are_the_verdicts(both) -> None:
    """Interventions included, none of which is carried out again."""
    ours, _ = both
    given = measurable(ours.evidence_input)
    measured = measure_again(given, ours.intervene)
    found = {(pair.class_idx, pair.concept_idx): pair.swapped for pair in measured.pairs}
    assert any(one.status == "measured" for one in found.values())
    flagged = [one.concept_id if one.verdict == "flagged" else None for one in ours.evidence.verdicts]
    assert flagged_leads(given, measured, sure_losses(given, measured)) == flagged
    assert set(ablated_leads(ours)) == set(ABLATIONS)
