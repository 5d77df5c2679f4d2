"""An audit judged again: the same rules say the same to the digit, others something else, and ``diff`` says why."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from auditor import cli, pipeline, rejudge, rules
from auditor.config import AuditConfig
from auditor.errors import InputError, StoreError
from auditor.evidence.effects import swaps
from auditor.evidence.verdicts import class_verdict, swap_pairs
from auditor.extraction import extract
from auditor.extraction.kept_inputs import KEPT_NAME
from auditor.gate.release_diff import compare_releases
from auditor.pipeline import run_audit
from auditor.rejudge import rejudge_audit, rejudge_with_model
from auditor.release.facts import release_facts
from auditor.rules_in_force import rules_digest, thresholds
from auditor.store.manifest import DATABASE_NAME, MANIFEST_NAME, read_audit_json
from auditor.store.migrations import MIGRATIONS
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.diff.markdown import render_diff_markdown
from reports.diff.text import render_diff_text
from reports.page.html_report import html_parts
from reports.written.json import json_report
from reports.written.text import render_text


def contents(folder: Path) -> dict[str, list[str]]:
    """Every row of every table but ``runs``."""
    with open_audit_database(folder) as connection:
        names = connection.execute("SELECT table_name FROM duckdb_tables() WHERE table_name <> 'runs'").fetchall()
        return {name: sorted(map(repr, connection.execute(f"FROM {name}").fetchall())) for (name,) in names}


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_severities_are_those_of_deployment_where_that_is_set(small_audit, tmp_path, monkeypatch):
    """The small audit flags nothing, so a verdict is put there: 60 points over water, which is everywhere later."""

    def judged(*given, **more):
        found = judge(*given, **more)
        bird = next(one for one in found.verdicts if one.class_name == "waterbird")
        told = {"verdict": "flagged", "severity": "high", "concept": "water", "rule_id": "E4-recall"}
        row = next(one for one in found.subgroups if one.class_idx == bird.class_idx and one.concept == "water")
        flagged = replace(bird, **told, concept_id=row.concept_id, gap=0.6, gap_low=0.5, gap_high=0.7)
        return replace(found, verdicts=tuple(flagged if one is bird else one for one in found.verdicts))

    def held(folder):
        kept = held_audit(folder)
        return replace(kept, config=kept.config.model_copy(update=settings))

    judge, held_audit = rejudge.judge, rejudge.held_audit
    monkeypatch.setattr(rejudge, "judge", judged)
    monkeypatch.setattr(rejudge, "held_audit", held)
    found = {}
    for follows in (False, True):
        settings = {"exposure": {"water": 1.0}, "severity_by_exposure": follows}
        with open_audit_database(rejudge_audit(small_audit, tmp_path / str(follows))) as connection:
            verdicts = {one.class_name: one.severity for one in queries.verdicts(connection)}
        found[follows] = verdicts["waterbird"]
    assert found == {False: "high", True: "low"}


def run_of(folder: Path):
    with open_audit_database(folder) as connection:
        return queries.run(connection)


def diff_of(old: Path, new: Path):
    both = []
    for folder in (old, new):
        with open_audit_database(folder) as connection:
            both.append(release_facts(connection))
    return compare_releases(*both)


@pytest.fixture
def copy(small_audit: Path, tmp_path: Path) -> Path:
    return shutil.copytree(small_audit, tmp_path / "audit")


def unbound(folder: Path) -> Path:
    """Without digests of its files, for a change of the database that is no damage."""
    manifest = json.loads((folder / MANIFEST_NAME).read_text())
    kept = {key: value for key, value in manifest.items() if key not in ("files", "digest")}
    (folder / MANIFEST_NAME).write_text(json.dumps(kept))
    return folder


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither model nor encoder nor picture is there."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing is loaded")

    for name in ("classifier_of", "load_encoder", "load_dataset"):
        monkeypatch.setattr(pipeline, name, never)


@pytest.fixture(scope="module")
def rejudged(small_audit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rejudge_audit(small_audit, tmp_path_factory.mktemp("again") / "rejudged")


def test_the_same_rules_say_the_same_to_the_digit(small_audit, no_models, tmp_path):
    before = files(small_audit)
    out = rejudge_audit(small_audit, tmp_path / "rejudged")
    assert contents(out) == contents(small_audit)
    assert files(small_audit) == before
    assert sorted(files(out)) == sorted(before)
    for name in before:
        if name not in (DATABASE_NAME, MANIFEST_NAME):
            assert files(out)[name] == before[name]
    statuses = {one.status for one in _findings(out) if one.rule_id == "E5"}
    assert "measured" in statuses  # interventions were carried out for the audit, and count as they came out
    assert [path.name for path in tmp_path.iterdir()] == ["rejudged"]


def _findings(folder: Path):
    with open_audit_database(folder) as connection:
        return queries.findings(connection)


def test_the_run_says_from_which_by_which_rules(small_audit, rejudged):
    old, new = run_of(small_audit), run_of(rejudged)
    assert (old.rejudged_from, old.rules_digest, old.thresholds) == (None, rules_digest(), thresholds())
    assert new.rules_digest == rules_digest()
    assert new.run_id != old.run_id
    assert new.rejudged_from is not None
    assert (new.rejudged_from.run_id, new.rejudged_from.extracted_run_id) == (old.run_id, old.run_id)
    assert new.rejudged_from.rules_digest == old.rules_digest
    assert read_audit_json(rejudged)["rejudged_from"] == old.run_id
    assert read_audit_json(rejudged)["rules_digest"] == rules_digest()
    assert read_audit_json(rejudged)["digests"] == read_audit_json(small_audit)["digests"]
    assert (new.counts, new.class_names, new.seed) == (old.counts, old.class_names, old.seed)
    assert new.notices[1:] == old.notices
    assert new.notices[0].startswith(f"rejudged from the audit of {old.created_at[:10]} (run {old.run_id[:8]}, auditor")


def test_every_report_says_so(rejudged):
    with open_audit_database(rejudged) as connection:
        run = queries.run(connection)
        document = json_report(connection)["run"]
        text, page = " ".join(render_text(connection).split()), "".join(html_parts(connection)).replace("\u00a0", " ")
    assert run.rejudged_from is not None
    told = f"rejudged from the audit of {run.rejudged_from.created_at[:10]} (run {run.rejudged_from.run_id[:8]}"
    assert told in text
    assert told in page
    assert f"rejudged from run <code>{run.rejudged_from.run_id}</code>" in page
    assert document["rejudged_from"]["run_id"] == run.rejudged_from.run_id
    assert (document["rules_digest"], document["thresholds"]["DELTA"]) == (rules_digest(), 0.05)


def test_rejudged_again_it_remembers_who_extracted(small_audit, rejudged, tmp_path):
    again = run_of(rejudge_audit(rejudged, tmp_path / "again"))
    assert again.rejudged_from is not None
    assert again.rejudged_from.run_id == run_of(rejudged).run_id
    assert again.rejudged_from.extracted_run_id == run_of(small_audit).run_id
    assert contents(tmp_path / "again") == contents(small_audit)


def test_the_diff_of_both_says_that_nothing_differs(small_audit, rejudged):
    diff = diff_of(small_audit, rejudged)
    assert diff.rules_note is None
    assert diff.differences == (
        "both audits are of the same model",
        "the new audit is the old one rejudged by the same rules",
    )


@pytest.fixture
def stricter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class needs so many pictures that none is analysed."""
    monkeypatch.setattr(rules, "MIN_CLASS", 10_000)
    monkeypatch.setattr(class_verdict, "MIN_CLASS", 10_000)


def test_other_rules_give_other_verdicts_and_the_diff_says_why(small_audit, stricter, tmp_path):
    old = {verdict.class_name: verdict.verdict for verdict in _verdicts(small_audit)}
    assert "flagged" in old.values()
    out = rejudge_audit(small_audit, tmp_path / "rejudged")
    assert {verdict.verdict for verdict in _verdicts(out)} == {"not_analysed"}
    assert run_of(out).counts["flagged"] == 0
    diff = diff_of(small_audit, out)
    note = "model and data are the same, and the rules differ: what changed comes from the rules (MIN_CLASS 20 → 10000)"
    assert (diff.rules_note, diff.differences) == (note, ())
    first = render_diff_text(diff, width=200).splitlines()[:3]
    assert first[1].split(" · ")[-1].startswith("rejudged ")
    assert first[2] == f"{note[0].upper()}{note[1:]}."
    assert f"- **M{note[1:].replace('_', chr(92) + '_')}.**" in render_diff_markdown(diff).splitlines()[:6]


def _verdicts(folder: Path):
    with open_audit_database(folder) as connection:
        return queries.verdicts(connection)


def test_interventions_that_other_rules_ask_for_were_not_tried_again(small_audit, monkeypatch, tmp_path):
    monkeypatch.setattr(swap_pairs, "N_SWAPS", swap_pairs.N_SWAPS + 1)
    monkeypatch.setattr(swap_pairs, "_MOST_OF_ONE", 50)
    out = rejudge_audit(small_audit, tmp_path / "rejudged")
    again = [one for one in _findings(out) if one.status == "not_tried_again"]
    assert again
    assert {one.rule_id for one in again} == {"E5"}
    (told,) = [notice for notice in run_of(out).notices if "not tried again" in notice]
    assert f"for {len({(one.class_idx, one.concept_id) for one in again})} pair" in told
    assert "auditor rejudge --with-model" in told


def test_an_audit_of_before_properties_were_measured_says_so(small_audit, monkeypatch, tmp_path):
    judged = rejudge._run

    def of_before(held, evidence, out):
        config = {name: value for name, value in held.run.config.items() if name != "properties"}
        return judged(replace(held, run=replace(held.run, config=config)), evidence, out)

    assert not [one for one in run_of(rejudge_audit(small_audit, tmp_path / "now")).notices if "properties" in one]
    monkeypatch.setattr(rejudge, "_run", of_before)
    (told,) = [
        one for one in run_of(rejudge_audit(small_audit, tmp_path / "before")).notices if one.startswith("properties")
    ]
    assert told.endswith("were not measured: the audit is of before; `auditor rejudge --with-model` measures them")


def test_interventions_of_another_procedure_do_not_count(small_audit, monkeypatch, tmp_path):
    monkeypatch.setattr(rejudge, "PROCEDURE", "another one")
    out = rejudge_audit(small_audit, tmp_path / "rejudged")
    statuses = {one.status for one in _findings(out) if one.rule_id == "E5"}
    assert "measured" not in statuses
    assert "not_tried_again" in statuses
    assert swaps.NOT_TRIED.status not in statuses


def test_with_its_model_and_pictures_it_comes_out_the_same(small_audit, small_config, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("features of this version are there")

    monkeypatch.setattr(extract, "cam", type("no", (), {"forward": staticmethod(never)}))
    out = rejudge_with_model(small_audit, tmp_path / "rejudged", {"data": small_config.data})
    assert contents(out) == contents(small_audit)
    old, new = run_of(small_audit), run_of(out)
    assert new.rejudged_from is not None
    assert new.rejudged_from.run_id == old.run_id
    assert new.notices[1:] == old.notices


def test_without_what_was_kept_the_model_is_needed_and_enough(copy, small_audit, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.rmtree(copy / "features")
    with pytest.raises(StoreError, match=r"kept_inputs\.npz is missing, .* make it again with `auditor run`, or add"):
        rejudge_audit(copy, tmp_path / "rejudged")
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["audit"]
    out = rejudge_with_model(copy, tmp_path / "rejudged", {})
    assert contents(out)["verdicts"] == contents(small_audit)["verdicts"]
    rejudge_audit(out, tmp_path / "again")  # what it keeps is enough now


def test_an_audit_of_before_says_from_when_on(copy, tmp_path):
    (copy / "features" / KEPT_NAME).unlink()
    manifest = json.loads((copy / MANIFEST_NAME).read_text())
    (copy / MANIFEST_NAME).write_text(json.dumps({**manifest, "schema_version": 10}))
    with duckdb.connect(str(unbound(copy) / DATABASE_NAME)) as connection:
        for migration in MIGRATIONS[10:]:
            connection.execute(f"DELETE FROM migrations WHERE name = '{migration.__name__}'")
        later = (
            "concept_families",
            "example_concepts",
            "concepts_seen",
            "fixed_places",
            "unnamed_leads",
            "dose_responses",
            "unbounded_gaps",
            "atlas",
            "repairs",
            "repair_figures",
            "repair_pictures",
            "repair_maps",
            "faithfulness",
            "encoder_fit",
        )
        for table in later:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE verdicts DROP COLUMN gap_bound")
        for column in ("rules_digest", "thresholds", "rejudged_from"):
            connection.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        for column in ("n_with", "called_with", "n_without", "called_without"):
            connection.execute(f"ALTER TABLE findings DROP COLUMN {column}")
    with pytest.raises(StoreError, match=r"has schema 10, and from schema 11 on audits keep the head .* --with-model"):
        rejudge_audit(copy, tmp_path / "rejudged")
    out = rejudge_with_model(copy, tmp_path / "rejudged", {})
    diff = diff_of(copy, out)
    assert diff.rules_note is not None
    assert diff.rules_note.endswith("comes from the rules (those of the old one, of auditor 0.1.0, are not recorded)")


def test_a_shard_that_is_missing_or_damaged(copy, tmp_path):
    shard = min((copy / "features").glob("*.parquet"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:100])
    with pytest.raises(StoreError, match=rf"is damaged \(features/{shard.name}: damaged.*--with-model"):
        rejudge_audit(copy, tmp_path / "rejudged")
    unbound(copy)
    with pytest.raises(StoreError, match=r"features of the audit at .* are damaged"):
        rejudge_audit(copy, tmp_path / "rejudged")
    shard.unlink()
    with pytest.raises(StoreError, match=rf"{shard.name} is missing"):
        rejudge_audit(copy, tmp_path / "rejudged")


def test_a_newer_schema_is_refused(copy, tmp_path):
    manifest = json.loads((copy / MANIFEST_NAME).read_text())
    (copy / MANIFEST_NAME).write_text(json.dumps({**manifest, "schema_version": 99}))
    run = CliRunner().invoke(cli.app, ["rejudge", str(copy), "--out", str(tmp_path / "rejudged")])
    assert (run.exit_code, run.stdout) == (2, "")
    assert run.stderr.splitlines() == [
        f"error: the audit at {copy} has schema 99; this auditor reads schemas up to {len(MIGRATIONS)}: install "
        f"auditor {manifest['versions']['auditor']} or later to read it"
    ]


def test_what_lies_at_out_stays_unless_asked(small_audit, copy, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("")
    before = files(copy)
    for out, said in (("file", "is a file"), ("other", "holds other files"), ("audit", "holds a finished audit")):
        for asked in (False, True):
            if (out, asked) != ("audit", True):
                with pytest.raises(InputError, match=said):
                    rejudge_audit(small_audit, tmp_path / out, replace_out=asked)
    assert files(copy) == before


def test_in_its_own_place_when_asked(copy, small_audit, no_models):
    (copy / "notes.txt").write_text("mine")
    old = run_of(copy)
    rejudge_audit(copy, copy, replace_out=True)
    new = run_of(copy)
    assert new.rejudged_from is not None
    assert new.rejudged_from.run_id == old.run_id
    assert contents(copy) == contents(small_audit)
    assert sorted(files(copy)) == sorted([*files(small_audit), "notes.txt"])
    assert [path.name for path in copy.parent.iterdir()] == ["audit"]


def test_an_empty_folder_will_do(small_audit, tmp_path):
    (tmp_path / "rejudged").mkdir()
    assert contents(rejudge_audit(small_audit, tmp_path / "rejudged")) == contents(small_audit)


@pytest.mark.parametrize("point", ["judge", "_link_features", "add_evidence", "write_manifest", "_take_place"])
@pytest.mark.parametrize("how", ["kill", "fail"])
def test_stopped_on_the_way_nothing_half_written_is_left(point, how, copy, tmp_path, monkeypatch):
    before, out = files(copy), tmp_path / "rejudged"
    if how == "kill":
        script = (
            "import os, signal, sys; from pathlib import Path; from auditor import rejudge\n"
            f"rejudge.{point} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
            "rejudge.rejudge_audit(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        )
        killed = subprocess.run([sys.executable, "-c", script, str(copy), str(out)], check=False)
        assert killed.returncode == -signal.SIGKILL
    else:
        with monkeypatch.context() as patch:
            patch.setattr(rejudge, point, lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
            with pytest.raises((StoreError, OSError)):
                rejudge_audit(copy, out)
        assert [path.name for path in tmp_path.iterdir()] == ["audit"]
    assert not out.exists()
    assert files(copy) == before
    rejudge_audit(copy, out)
    assert contents(out) == contents(copy)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit", "rejudged"]


def test_calibrations_stay_by_the_same_rules_and_go_with_others(copy, tmp_path, monkeypatch):
    with duckdb.connect(str(unbound(copy) / DATABASE_NAME)) as connection:
        connection.execute("INSERT INTO calibrations VALUES ('false_alarms', NULL, 60, 0, 0, 0.0, 0.06)")
    assert len(contents(rejudge_audit(copy, tmp_path / "same"))["calibrations"]) == 1
    monkeypatch.setattr(rules, "DELTA", 0.06)  # nobody who judges reads it again: the digest alone is another
    out = rejudge_audit(copy, tmp_path / "other")
    assert contents(out)["calibrations"] == []
    assert "what `auditor calibrate` counted under other rules is left out: calibrate again" in run_of(out).notices


def test_what_the_settings_allowed_ends_on_its_day(small_config, tmp_path, monkeypatch):
    core = {"waterbird": {"water": {"reason": "they swim", "expires": "2030-01-31"}}}
    config = AuditConfig.model_validate({**small_config.model_dump(), "core": core, "out": tmp_path / "audit"})
    run_audit(config)
    day_after = type(rejudge.today_utc())(2030, 2, 1)
    assert contents(rejudge_audit(config.out, tmp_path / "same")) == contents(config.out)
    monkeypatch.setattr(rejudge, "today_utc", lambda: day_after)
    out = rejudge_audit(config.out, tmp_path / "later")
    assert contents(config.out)["core_concepts"]
    assert contents(out)["core_concepts"] == []
    assert "[core] no longer allows 'waterbird' to rest on 'water': that ended on 2030-01-31" in run_of(out).notices


def test_data_alone_are_judged_again(small_config, tmp_path, no_models, monkeypatch):
    monkeypatch.undo()
    config = small_config.model_copy(update={"model": "none", "out": tmp_path / "audit"})
    run_audit(config)
    assert contents(rejudge_audit(config.out, tmp_path / "rejudged")) == contents(config.out)


def test_a_database_of_other_pictures_is_refused(copy, tmp_path):
    with duckdb.connect(str(unbound(copy) / DATABASE_NAME)) as connection:
        connection.execute("UPDATE images SET image_id = 'ffffffffffffffff' WHERE image_idx = 3")
    with pytest.raises(StoreError, match=r"holds does not fit together \(the features are of other pictures\)"):
        rejudge_audit(copy, tmp_path / "rejudged")


def test_the_command_prints_the_report_and_what_next(small_audit, tmp_path):
    out = tmp_path / "rejudged"
    run = CliRunner().invoke(cli.app, ["rejudge", str(small_audit), "--out", str(out), "--quiet"])
    assert run.exit_code == 0, run.output
    assert "Note: rejudged from the audit of" in " ".join(run.stdout.split())
    assert run.stderr.splitlines() == [
        f"digest of the audit: {read_audit_json(out)['digest']}",
        f"what that changed: auditor diff {small_audit} {out}",
    ]
    assert np.array_equal(*(np.fromfile(folder / "embeddings.faiss", np.uint8) for folder in (small_audit, out)))


def test_the_tolerance_of_the_settings_is_that_of_the_audit(copy, tmp_path):
    """60 pictures a class exclude no 20 points, and any that is under 99."""
    before = {verdict.class_name: verdict.verdict for verdict in _verdicts(copy)}
    assert "not_shown" in before.values()
    assert "clean" not in before.values()
    with duckdb.connect(str(unbound(copy) / DATABASE_NAME)) as connection:
        (config,) = connection.execute("SELECT config FROM runs").fetchone()
        connection.execute("UPDATE runs SET config = ?", [json.dumps({**json.loads(config), "tolerance": 0.99})])
    after = {verdict.class_name: verdict for verdict in _verdicts(rejudge_audit(copy, tmp_path / "lax"))}
    for name, verdict in before.items():
        if verdict == "not_shown":
            assert after[name].verdict == ("clean" if after[name].gap_bound < 0.99 else "not_shown")
    assert "clean" in {verdict.verdict for verdict in after.values()}
