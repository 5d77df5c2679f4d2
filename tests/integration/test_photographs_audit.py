"""The photographs tier against the command line: the same pictures as files give the same verdicts; skipped without."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from photo_sets import FACTORY, NEEDED, PHOTOS
from PIL import Image
from typer.testing import CliRunner

from auditor.cli import app
from auditor.store.open_audit import open_audit_database
from benchmarks.photographs.bank import Bank, conse_encoder, network
from benchmarks.photographs.files import audit_files
from benchmarks.photographs.models import Made, make
from benchmarks.photographs.scenarios import Scenario
from benchmarks.planted.audit import Audited, picture_path

pytestmark = NEEDED
SIZES = {"n_train": 60, "penalty": 0.01}
#: The grid's seed 13 with a third of the pictures, and a head that learnt nothing of the same context.
PLANTED = Scenario(13, "open", "cats_dogs", "greyscale", None, (0,), 0.95, 0.5, 0.05, n_audit=100, noise=0.65, **SIZES)
CONTROL = Scenario(
    2, "open", "cats_dogs", "greyscale", "balanced", (0,), 0.5, 0.5, 0.5, n_audit=150, noise=0.3, **SIZES
)


@pytest.fixture(scope="module", params=[PLANTED, CONTROL], ids=["planted", "control"])
def both(request, tmp_path_factory) -> tuple[Made, Audited, Path]:
    """The tier's model and audit, and the folder of the audit that the command line made of the same pictures."""
    work = tmp_path_factory.mktemp("photographs")
    bank = Bank(PHOTOS, work / "features")
    made = make(request.param, bank)
    given = made.examined(bank, column=True, properties=False)
    ours, _ = audit_files(made, bank, given, conse_encoder(), work / "tier", cache=work / "cache", seed=0)
    rows = []
    for row, label_idx in enumerate(made.label_idx.tolist()):
        label = given.class_names[label_idx]
        rows.append({"path": picture_path(label, row), "label": label, "greyscale": given.attributes["greyscale"][row]})
    manifest = work / "tier" / "metadata.csv"
    with manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    torch.save(network(made.head).state_dict(), work / "weights.pt")
    result = CliRunner().invoke(
        app,
        ["run", "--data", str(manifest), "--model", FACTORY, "--trust-code", "--weights", str(work / "weights.pt"),
         "--encoder", "conse", "--out", str(work / "audit"), "--cache", str(work / "cache"),
         "--n-extreme", str(min(60, len(rows) // 2))],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return made, ours, work / "audit"


def test_verdicts_are_the_same(both):
    _, ours, folder = both
    with open_audit_database(folder) as connection:
        theirs = connection.execute(
            "SELECT class_name, verdict, concept_id FROM verdicts ORDER BY class_idx"
        ).fetchall()
    assert [(one.class_name, one.verdict, one.concept_id) for one in ours.evidence.verdicts] == theirs


def test_what_is_relied_on_is_flagged_by_its_column_and_a_control_is_not(both):
    made, ours, _ = both
    effects = [pair.effect for pair in made.truth]
    if made.scenario.control is None:
        assert max(effects) > 0.2
        assert [(one.verdict, one.concept) for one in ours.evidence.verdicts] == [
            ("flagged", "greyscale = yes"), ("flagged", "greyscale = no")
        ]  # fmt: skip
    else:
        assert max(effects) < 0.1
        assert "flagged" not in {one.verdict for one in ours.evidence.verdicts}


def test_pictures_are_what_the_tier_says(both):
    made, _, folder = both
    with Image.open(folder.parent / "tier" / picture_path("cat", 0)) as picture:
        assert picture.size == (256, 256)
        red, _, blue = picture.split()
        assert (red.tobytes() == blue.tobytes()) == bool(made.present[0])
