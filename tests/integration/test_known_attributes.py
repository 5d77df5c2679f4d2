"""A manifest with every sort of column, settings from a file: states, concepts, core and one line a finding."""

from __future__ import annotations

import csv
import random
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditor import cli
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries

SETTINGS = """
model = "sample:planted"
encoder = "sample"
n_extreme = 30

[core.vehicle]
logo = "hauliers paint it on"

[attributes]
exclude = ["light"]
"""


@pytest.fixture(scope="module")
def folder(sample_manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures are the sample's; the manifest lies beside them under a new name."""
    target = tmp_path_factory.mktemp("attributes")
    (target / "auditor.toml").write_text(SETTINGS)
    draw = random.Random(0)
    with sample_manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for i, row in enumerate(rows):
        row |= {
            "age": str(20 + draw.random() * 60) if i % 5 else "",
            "serial": str(100_000 + i),
            "site": draw.choice(["north", "south", ""]),
            "constant": "x",
            "class_code": str(sorted({r["label"] for r in rows}).index(row["label"])),
            "note": f"words {i}",
        }
    manifest = sample_manifest.with_name("attributes.csv")
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return target


def run(folder: Path, data: Path, cache: Path, out: str, *more: object, exit_code: int = 0) -> str:
    flags = ["run", "--data", data, "--out", folder / out, "--cache", cache, "--config", folder / "auditor.toml", *more]
    result = CliRunner().invoke(cli.app, [str(flag) for flag in (*flags, "--quiet")])
    assert result.exit_code == exit_code, result.output
    return result.output


@pytest.fixture(scope="module")
def told(folder: Path, sample_manifest: Path, encoder_cache: Path) -> str:
    return " ".join(run(folder, sample_manifest.with_name("attributes.csv"), encoder_cache, "audit").split())


def test_states_of_all_columns(folder, told):
    with open_audit_database(folder / "audit") as connection:
        states = {column.attribute: column.state for column in queries.attributes(connection)}
        states = {name: state for name, state in states.items() if not name.startswith("property:")}
        concepts = {concept.concept: concept for concept in queries.attribute_concepts(connection)}
        presence = connection.execute(
            "SELECT count(*), count(DISTINCT presence) FROM concept_presence WHERE concept_id = ?",
            [concepts["scene = water"].concept_id],
        ).fetchone()
    assert states == {
        "age": "examined", "artifact": "examined", "cast": "examined", "class_code": "follows_label",
        "constant": "constant", "light": "excluded", "note": "many_values", "object": "core", "quality": "examined",
        "scene": "examined", "serial": "many_values", "site": "examined",
    }  # fmt: skip
    assert concepts["scene = water"].same_as == "water"
    assert concepts["scene = water"].agreement > 0.9
    ages = [concept for term, concept in concepts.items() if "age" in term]
    assert len(ages) == 4
    assert {concept.n_known for concept in ages} == {240}
    assert sum(concept.n_images for concept in ages) == 240
    assert presence == (300, 2)
    for column, state in (("class_code", "follows label"), ("serial", "many values"), ("constant", "constant")):
        assert f"column {column} was not examined as context ({state}): " in told


def test_a_code_of_the_class_leaves_no_class_clean(folder, told):
    """Whether it is a name of the class or the scanner that took its pictures, the data cannot tell; the note does."""
    with open_audit_database(folder / "audit") as connection:
        verdicts = {verdict.class_name: verdict for verdict in queries.verdicts(connection)}
    assert "clean" not in {verdict.verdict for verdict in verdicts.values()}
    assert verdicts["cat"].verdict == "not_shown"
    assert "[attributes] exclude" in told


def test_core_of_the_settings_is_not_flagged_and_listed(folder, told):
    with open_audit_database(folder / "audit") as connection:
        rows = queries.core_concepts(connection)
        vehicle = next(v for v in queries.verdicts(connection) if v.class_name == "vehicle")
        tested = {f.concept_id for f in queries.findings(connection) if f.class_name == "vehicle"}
    assert {(row.class_name, row.concept, row.reason, row.by_data) for row in rows} == {
        ("vehicle", "watermark", "settings", True), ("vehicle", "artifact = watermark", "settings", True),
    }  # fmt: skip
    assert vehicle.concept not in ("watermark", "artifact = watermark")
    assert not tested.intersection(row.concept_id for row in rows)
    assert (
        "vehicle may rest on watermark (your settings: hauliers paint it on); else it would be tested, for E1 and E2."
        in told
    )


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ('[core.vehicel]\nlogo = "why"', "[core] names unknown class 'vehicel'; did you mean 'vehicle'?"),
        ('[core.vehicle]\nwatermrak = "why"', "[core], class 'vehicle': unknown concept 'watermrak'; did you mean"),
        ('[attributes]\nexclude = ["ligth"]', "[attributes] names column 'ligth', which the data do not have; did you"),
    ],
)
def test_names_that_are_not_there_end_before_anything_is_written(
    folder, sample_manifest, encoder_cache, tmp_path, table, line
):
    (tmp_path / "auditor.toml").write_text(SETTINGS.partition("[core.")[0] + table)
    said = run(tmp_path, sample_manifest, encoder_cache, "never", exit_code=2)
    assert said.startswith(f"error: {line}")
    assert not (tmp_path / "never").exists()


def test_columns_asked_of_a_folder(sample_manifest, encoder_cache, tmp_path):
    data = tmp_path / "pictures"  # other tests put masks beside what is shared
    shutil.copytree(sample_manifest.parent, data, ignore=shutil.ignore_patterns("masks*"))
    (tmp_path / "auditor.toml").write_text(SETTINGS.partition("[core.")[0] + '[attributes]\ninclude = ["site"]')
    said = run(tmp_path, data, encoder_cache, "never", exit_code=2)
    assert "column 'site', which the data do not have; columns: none" in said
