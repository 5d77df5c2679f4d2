"""The planted set in a vocabulary that has several words for one thing: told by the family, and judged again alike."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from auditor.models.bundled import bundled_path
from auditor.pipeline import run_audit
from auditor.rejudge import rejudge_audit
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from auditor.store.queries.concepts import concept, concept_terms
from reports.page.html_report import html_parts
from reports.written.json import json_report
from sample_data.vocabulary import vocabulary_toml


def in_single_words(*, families: bool) -> str:
    """The sample's vocabulary with each word for a scene or mark as a concept of its own."""
    given = tomllib.loads(vocabulary_toml())
    lines = [vocabulary_toml().partition("[[concept]]")[0]]
    together = []
    for one in given["concept"]:
        words = [one["term"], *one.get("synonyms", [])]
        split = one["kind"] in ("scene", "artifact") and len(words) > 1
        for term in words if split else words[:1]:
            lines += ["[[concept]]", f"term = {json.dumps(term)}", f"kind = {json.dumps(one['kind'])}"]
        if split:
            together += ["[[family]]", f"term = {json.dumps(words[0])}", f"kind = {json.dumps(one['kind'])}"]
            together.append(f"members = {json.dumps(words)}")
        else:
            lines.append(f"synonyms = {json.dumps(words[1:])}")
    return "\n".join(lines + together * families)


@pytest.fixture(scope="module")
def audits(small_config, planted_features, tmp_path_factory) -> dict[bool, Path]:
    """With families and without; columns of the manifest, which name the shortcuts themselves, are left out."""
    folder, made = tmp_path_factory.mktemp("families"), {}
    for families in (True, False):
        words, out = folder / f"{families}.toml", folder / str(families)
        words.write_text(in_single_words(families=families))
        alone = small_config.attributes.model_copy(update={"exclude": ("artifact", "object", "scene")})
        changes = {
            "data": bundled_path("planted", "manifest.csv"),
            "out": out,
            "vocabulary": words,
            "attributes": alone,
        }
        shutil.copytree(planted_features, out / "features")
        made[families] = run_audit(small_config.model_copy(update=changes), resume=True)
    return made


def verdicts(folder: Path):
    with open_audit_database(folder) as connection:
        return {verdict.class_name: verdict for verdict in queries.verdicts(connection)}


def test_the_family_is_told_where_its_words_hide_each_other(audits):
    hidden, found = verdicts(audits[False]), verdicts(audits[True])
    assert hidden["landbird"].verdict != "flagged"
    assert (found["landbird"].verdict, found["landbird"].concept_id) == ("flagged", "family-forest")
    assert "Without forest (scene: trees, woods) the model" in found["landbird"].sentence
    assert {found[name].verdict for name in ("balloon", "cat")} <= {"clean", "suspect"}


def test_tables_and_reports_name_the_family(audits):
    with open_audit_database(audits[True]) as connection:
        families = {one.concept_id: one for one in queries.concept_families(connection)}
        assert families["family-forest"].members == ("forest", "trees", "woods")
        assert families["family-forest"].kappa > 0.9
        assert queries.family_of(connection)["woods"] == "family-forest"
        assert concept_terms(connection, ["family-forest", "woods"]) == {"family-forest": "forest", "woods": "woods"}
        assert concept(connection, "family-forest").synonyms == ("forest", "trees", "woods")
        leading = {one.concept_id for one in queries.class_concepts(connection, limit=5)}
        assert not leading & set(queries.family_of(connection))  # a family stands for its members
        assert leading & set(families)
        maps = connection.execute("SELECT count(*) FROM saliency WHERE concept_id = 'family-forest'").fetchall()
        assert maps[0][0] > 0
        assert "family-forest" in json.dumps(json_report(connection))
        assert "forest (scene" in "".join(html_parts(connection))


def test_judged_again_it_is_the_same(audits, tmp_path):
    out = rejudge_audit(audits[True], tmp_path / "again")
    assert verdicts(out) == verdicts(audits[True])
