"""Audit, policy and baseline brought together: the decision, the pytest helper, and accepting what was found."""

from __future__ import annotations

import datetime
import json
import logging
import re
import shutil
import subprocess
from dataclasses import replace

import duckdb
import pytest
from gate_world import TODAY, evidence_of, verdict_on
from release_diffs import every_change
from small_audit import make_run, unbound, write_small_audit

from auditor.errors import InputError, StoreError
from auditor.gate.baseline import Entry, load_baseline
from auditor.gate.policy import Policy, Rule
from auditor.records import fingerprint
from auditor.release.check import ReleaseCheck, accept_findings, assert_no_shortcuts, check_release, git_user, today_utc
from auditor.store.migrations import MIGRATIONS

#: Of small_audit: boat is not analysed.
SKIP = 'may_skip = ["boat"]\n'


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("small"))


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "policy.toml").write_text(SKIP)
    return tmp_path / "policy.toml"


def items_of(decision):
    return {(item.class_name, item.concept): item.state for item in decision.items}


def test_a_class_that_was_not_analysed_is_undecided(audit):
    decision = check_release(audit)
    assert decision.exit_code == 2
    assert items_of(decision) == {
        ("waterbird", "water"): "new", ("vehicle", "watermark"): "new", ("landbird", "water"): "tolerated",
        ("boat", None): "not_analysed", ("cat", "water"): "core",
    }  # fmt: skip
    assert (decision.policy_path, decision.baseline_path) == (None, None)


def test_policy_and_baseline_are_used_and_named(audit, policy, tmp_path):
    decision = check_release(str(audit), policy=str(policy))
    assert (decision.exit_code, decision.policy_path) == (1, str(policy))
    accept_findings(decision, tmp_path / "b.toml", who="Ada", today=TODAY)
    decision = check_release(audit, policy=policy, baseline=tmp_path / "b.toml", today=TODAY)
    assert (decision.exit_code, decision.baseline_path) == (0, str(tmp_path / "b.toml"))
    after = TODAY + datetime.timedelta(days=91)
    assert check_release(audit, policy=policy, baseline=tmp_path / "b.toml", today=after).exit_code == 1


def test_strict_fails_on_a_stale_entry(audit, policy, tmp_path):
    decision = check_release(audit, policy=policy)
    accept_findings(decision, tmp_path / "b.toml")
    text = (tmp_path / "b.toml").read_text()
    stale = text[text.index("[[accepted]]") :].split("\n\n")[0]
    stale = re.sub("[0-9a-f]{64}", "0" * 64, stale)
    (tmp_path / "b.toml").write_text(f"{text}\n{stale}\n")
    assert check_release(audit, policy=policy, baseline=tmp_path / "b.toml").exit_code == 0
    assert check_release(audit, policy=policy, baseline=tmp_path / "b.toml", strict=True).exit_code == 1


def test_shares_are_limited_by_what_the_audit_measured(audit, tmp_path):
    (tmp_path / "p.toml").write_text(SKIP + "fail_on = []\nmax_gap = 0.6\nmax_share = 0.1\n")
    decision = check_release(audit, policy=tmp_path / "p.toml")
    assert items_of(decision) == {
        ("waterbird", "water"): "tolerated", ("vehicle", "watermark"): "tolerated", ("landbird", "water"): "tolerated",
        ("boat", None): "skipped", ("cat", "water"): "core",
    }  # fmt: skip


def test_rules_for_no_class_are_told(audit, tmp_path, caplog):
    (tmp_path / "p.toml").write_text(SKIP + '[[rule]]\nclasses = ["waterbrid"]\nfail_on = []\n')
    with caplog.at_level(logging.WARNING):
        check_release(audit, policy=tmp_path / "p.toml")
    assert caplog.messages == ["the policy names classes that the audit does not have: 'waterbrid'"]


class TestAccepting:
    def test_writes_what_is_new_with_who_why_and_90_days(self, audit, tmp_path):
        entries = accept_findings(check_release(audit), tmp_path / "b.toml", who="Ada", today=TODAY)
        assert load_baseline(tmp_path / "b.toml").accepted == tuple(entries)
        values = {
            "class": "waterbird", "concept": "water", "verdict": "flagged",
            "fingerprint": fingerprint("waterbird", "water"), "reason": "accepted", "who": "Ada",
            "expires": datetime.date(2030, 9, 13),
        }  # fmt: skip
        assert entries[0] == Entry.model_validate(values)

    def test_takes_reason_and_day(self, audit, tmp_path):
        day = today_utc()
        found = check_release(audit)
        (entry, _) = accept_findings(found, tmp_path / "b.toml", reason="ticket 3", who="Ada", expires=day)
        assert (entry.reason, entry.expires) == ("ticket 3", day)

    def test_refuses_a_day_that_is_past_and_a_blank_reason(self, audit, tmp_path):
        found = check_release(audit)
        with pytest.raises(InputError, match="expiry 2030-06-14 is past; expected today, 2030-06-15, or later"):
            accept_findings(found, tmp_path / "b.toml", expires=TODAY - datetime.timedelta(days=1), today=TODAY)
        with pytest.raises(InputError, match="the reason is blank"):
            accept_findings(found, tmp_path / "b.toml", reason=" ")
        assert not (tmp_path / "b.toml").exists()

    def test_nothing_new_leaves_the_file_alone(self, audit, policy, tmp_path):
        accept_findings(check_release(audit), tmp_path / "b.toml", who="Ada")
        text = (tmp_path / "b.toml").read_text()
        decision = check_release(audit, policy=policy, baseline=tmp_path / "b.toml")
        assert accept_findings(decision, tmp_path / "b.toml", who="Grace") == []
        assert (tmp_path / "b.toml").read_text() == text


def test_who_accepts_is_the_user_of_git(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (tmp_path / "gitconfig").write_text("[user]\n\tname = Ada Lovelace\n")
    assert git_user(tmp_path) == "Ada Lovelace"
    subprocess.run(["git", "init", "--quiet", tmp_path / "repo"], check=True)
    subprocess.run(["git", "-C", tmp_path / "repo", "config", "user.name", "Grace"], check=True)
    assert git_user(tmp_path / "repo") == "Grace"
    (tmp_path / "gitconfig").unlink()
    monkeypatch.setenv("LOGNAME", "joan")
    assert git_user(tmp_path) == "joan"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert git_user(tmp_path / "repo") == "joan"


class TestHelper:
    def test_passes_where_the_gate_passes(self, audit, policy, tmp_path):
        accept_findings(check_release(audit), tmp_path / "b.toml")
        assert_no_shortcuts(audit, policy, tmp_path / "b.toml")

    def test_its_message_is_the_report_of_what_failed(self, audit, policy):
        with pytest.raises(AssertionError) as caught:
            assert_no_shortcuts(audit, policy=policy)
        assert str(caught.value).splitlines() == [
            "✕ waterbird · water (scene) · new",
            "  flagged, severity high: mend the model, or accept it with --update-baseline",
            "  Relies on water (scene).",
            "",
            "✕ vehicle · watermark (artifact) · new",
            "  flagged, severity high: mend the model, or accept it with --update-baseline",
            "  Relies on watermark.",
            "",
            "audited 2025-01-02T03:04:05Z, data dddddddddddd",
            f"policy {policy}",
            "Gate fails: 2 new, 1 allowed as core, 1 tolerated by the policy, 1 skipped (5 classes) (exit code 1)",
        ]

    def test_fails_where_nothing_could_be_decided(self, audit):
        with pytest.raises(AssertionError, match=r"boat · not analysed(.|\n)*\(exit\s+code 2\)"):
            assert_no_shortcuts(audit)


class TestAudits:
    """That cannot be decided on."""

    @pytest.fixture
    def copy(self, audit, tmp_path):
        """Without digests, or every change of it would be told as damage."""
        return unbound(shutil.copytree(audit, tmp_path / "copy"))

    def refusal(self, folder):
        with pytest.raises(StoreError) as caught:
            check_release(folder)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_killed_before_the_end(self, copy):
        (copy / "audit.json").unlink()
        assert "is incomplete: it has no audit.json; finish it with the same `auditor run`" in self.refusal(copy)

    def test_empty_folder_or_none(self, tmp_path):
        (tmp_path / "empty").mkdir()
        assert "holds no audit" in self.refusal(tmp_path / "empty")
        assert "does not exist" in self.refusal(tmp_path / "none")

    def test_truncated(self, copy):
        data = (copy / "audit.duckdb").read_bytes()
        (copy / "audit.duckdb").write_bytes(data[: len(data) // 2])
        assert "cannot be read as an audit (IO Error" in self.refusal(copy)
        (copy / "audit.duckdb").write_bytes(data[:100])
        assert "is truncated, damaged or no DuckDB file" in self.refusal(copy)

    def test_of_a_newer_auditor(self, copy):
        manifest = json.loads((copy / "audit.json").read_text())
        manifest |= {"schema_version": len(MIGRATIONS) + 1, "versions": {"auditor": "9.1"}}
        (copy / "audit.json").write_text(json.dumps(manifest))
        assert "install auditor 9.1 or later to read it" in self.refusal(copy)

    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            ("DROP TABLE findings", "has other tables than an audit: no column findings.called_with of type BIGINT"),
            ("ALTER TABLE verdicts ALTER class_name TYPE BLOB", "no column verdicts.class_name of type VARCHAR"),
            (
                "UPDATE verdicts SET verdict = 'fine'",
                "the verdict 'fine' of severity 'high', which this auditor does not",
            ),
            ("UPDATE verdicts SET severity = 'dire'", "of severity 'dire'"),
            (
                "DELETE FROM verdicts WHERE class_name IN ('waterbird', 'vehicle')",
                "the audit has no verdict on the classes 'waterbird', 'vehicle'; make it again",
            ),
        ],
    )
    def test_with_other_tables_than_an_audit_has(self, copy, statement, expected):
        with duckdb.connect(str(copy / "audit.duckdb")) as connection:
            connection.execute(statement)
        assert expected in self.refusal(copy)

    def test_without_pictures(self, copy):
        with duckdb.connect(str(copy / "audit.duckdb")) as connection:
            connection.execute("DELETE FROM images")
        decision = check_release(copy)
        assert (decision.exit_code, decision.summary) == (2, "undecided: the audit holds no pictures or no classes")


class TestAgainst:
    """The release before: car has grown worse, cat is new, bird is fixed."""

    @pytest.fixture
    def decided(self):
        diff = every_change()
        (worse,) = (one for one in diff.changes if one.change == "worse")
        assert worse.difference_low is not None
        verdicts = [verdict_on(one.class_name, concept=(one.concept_id, one.concept, one.concept_kind))
                    for one in diff.changes if one.change in ("new", "worse")]  # fmt: skip
        evidence = evidence_of(*(replace(verdict, class_idx=idx) for idx, verdict in enumerate(verdicts)))

        def decide(tmp_path, *, limit, of_new=1.0):
            policy = Policy(max_growth=limit, rule=(Rule(classes=("cat",), max_growth=of_new),))
            check = ReleaseCheck(evidence=evidence, policy=policy, today=TODAY, diff=diff)
            accept_findings(check.decide(), tmp_path / "b.toml", who="Ada", today=TODAY)
            return check.decide(tmp_path / "b.toml")

        return decide, worse

    def test_what_surely_grew_by_more_than_the_limit_fails(self, decided, tmp_path):
        decide, worse = decided
        decision = decide(tmp_path, limit=round(worse.difference_low - 0.01, 4))
        assert items_of(decision) == {("car", worse.concept): "grown", ("cat", worse.concept): "accepted"}
        assert decision.exit_code == 1
        assert decision.summary.endswith("(2 classes); against 'old': 1 new, 1 fixed, 1 worse, 1 unclear")

    def test_what_is_new_has_grown_as_well(self, decided, tmp_path):
        decide, _ = decided
        items = items_of(decide(tmp_path, limit=0.0, of_new=0.0))
        assert set(items.values()) == {"grown"}
        assert len(items) == 2

    def test_what_may_have_grown_less_passes(self, decided, tmp_path):
        decide, worse = decided
        assert decide(tmp_path, limit=round(worse.difference_low + 0.01, 4)).exit_code == 0
        assert decide(tmp_path, limit=None).exit_code == 0

    def test_audits_are_compared_on_what_they_hold(self, audit, policy, tmp_path):
        before = write_small_audit(tmp_path / "before", make_run(run_id="run-0"))
        decision = check_release(audit, policy=policy, against=before)
        assert decision.summary.endswith("; against 'run-0': 3 unchanged; both audits are of the same model")

    def test_an_audit_is_not_compared_with_itself(self, audit, policy, tmp_path):
        renamed = shutil.copytree(audit, tmp_path / "release-8")
        with pytest.raises(
            InputError, match=r"are the same audit \(run 'run-1'\); give --against the folder of another"
        ):
            check_release(renamed, policy=policy, against=audit)

    def test_what_was_flagged_before_does_not_pass_for_want_of_a_word(self, audit, policy, tmp_path):
        folder = unbound(write_small_audit(tmp_path / "audit", make_run(run_id="run-2")))
        with duckdb.connect(str(folder / "audit.duckdb")) as connection:
            for table in ("concepts", "findings", "counterexamples", "class_concepts", "core_concepts"):
                connection.execute(f"DELETE FROM {table} WHERE concept_id = 'watermark'")
            connection.execute(
                "UPDATE verdicts SET verdict = 'clean', severity = 'none', concept_id = NULL, concept = NULL "
                "WHERE concept_id = 'watermark'"
            )
        with pytest.raises(InputError, match=r"no words for what .* was flagged for \('vehicle: watermark'\), so it"):
            check_release(folder, policy=policy, against=audit)
        allowed = check_release(folder, policy=policy, against=audit, allow_different_data=True)
        assert "vehicle" not in {item.class_name for item in allowed.items if item.level == "error"}

    def test_other_data_are_refused_unless_allowed(self, audit, policy, tmp_path):
        other = write_small_audit(tmp_path / "other", make_run(run_id="run-0", data_digest="f" * 64))
        with pytest.raises(InputError, match="the two audits cannot be compared: the data differ"):
            check_release(audit, policy=policy, against=other)
        decision = check_release(audit, policy=policy, against=other, allow_different_data=True)
        assert decision.exit_code == 1
        assert "; the data differ (val, digest ffffffff, then val, digest dddddddd); " in decision.summary
        with pytest.raises(InputError, match=r"--allow-different-data says how to compare .*; add --against DIR"):
            check_release(audit, policy=policy, allow_different_data=True)

    def test_two_audits_of_one_folder_name_are_told_apart(self, policy, tmp_path):
        for release in ("release-6", "release-7"):
            write_small_audit(
                tmp_path / release / "audit", make_run(run_id=release, config={"out": f"{release}/audit"})
            )
        old, new = tmp_path / "release-6" / "audit", tmp_path / "release-7" / "audit"
        assert "; against 'release-6/audit': 3 unchanged" in check_release(new, policy=policy, against=old).summary

    def test_a_limit_of_growth_without_a_release_to_compare_with_is_told(self, audit, tmp_path, caplog):
        (tmp_path / "p.toml").write_text("max_growth = 0.1\n")
        with caplog.at_level(logging.WARNING):
            decision = check_release(audit, policy=tmp_path / "p.toml")
        assert decision.summary.endswith("(5 classes); max_growth not tried: no release to compare with")
        assert caplog.messages == [
            "the policy limits growth, but no release is given to compare with: add --against DIR"
        ]


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        ("UPDATE findings SET low = 'nan' WHERE rule_id = 'E4-recall'", "max_gap = 0.1"),
        ("UPDATE class_concepts SET share_low = 'nan'", "max_share = 0.1"),
    ],
)
def test_a_limit_does_not_let_pass_what_is_no_number(tmp_path, change, limit):
    folder = unbound(write_small_audit(tmp_path / "audit"))
    with duckdb.connect(str(folder / "audit.duckdb")) as connection:
        connection.execute(change)
    (tmp_path / "p.toml").write_text(f"{limit}\n")
    with pytest.raises(StoreError, match="a gap or a share that is no number; make it again"):
        check_release(folder, policy=tmp_path / "p.toml")
