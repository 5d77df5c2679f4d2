"""Summary, tables and plots of the planted benchmark, from outcomes made by hand."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET

import pytest

import auditor.textcam
from benchmarks.planted import document, protocol, report
from benchmarks.planted.__main__ import _seeds
from benchmarks.planted.ablations import ABLATIONS
from benchmarks.planted.peers import PEERS


def made_up(seed: int, *, flagged: bool, encoder: str = "own", correlation: float = 1.0):
    """One model: a class that relies on water by 60 points, and a clean one."""
    pair = {
        "class_idx": 0, "concept_id": "water", "alike": ["water"], "status": "relies", "pulls": False, "planted": True,
        "names": ["water"], "accuracy": 0.9, "harm": 0.0, "harmed": False, "n_with": 95, "n_without": 5,
        "effect": 0.6, "flagged": flagged, "score": 0.9, "slices": {"10": 1.0, "25": None}, "n_others_with": 30,
    }  # fmt: skip
    clean = {**pair, "class_idx": 1, "status": "clean", "planted": False, "effect": 0.0, "flagged": False, "score": 0.1}
    ranking = ["water", "sand"]
    verdicts = ("flagged" if flagged else "suspect", "clean")
    classes = [
        {
            "class_idx": c, "status": ("relies", "clean")[c], "verdict": verdicts[c], "lead": ("water", None)[c],
            "size": (0.6, 0.0)[c], "repelled": False, "ranking": ranking, "by_words": ranking,
            "n_images": 100, "truly_clean": c == 1,
        }
        for c in range(2)
    ]  # fmt: skip
    peers = {name: [{"lead": "water", "score": 0.5}, {"lead": "sand", "score": 0.2}] for name in PEERS}
    return {
        "scenario": {
            "sort": "scene", "control": None, "correlation": correlation, "architecture": "cnn", "tier": 2,
            "seed": seed, "encoder": encoder, "audit": "as training",
        },
        "accuracy": [0.9, 0.9], "classes": classes, "pairs": [pair, clean], "flags": ["a/water"] if flagged else [],
        "flags_of_other_seed": ["a/water"] if flagged else [], "peers": peers if encoder == "own" else {},
        "ablations": {name: ["water", None] for name in ABLATIONS} if encoder == "own" else {},
    }  # fmt: skip


@pytest.fixture
def result():
    outcomes = [made_up(k, flagged=k != 0) for k in range(4)] + [made_up(3, flagged=True, encoder="noise 1")]
    own = outcomes[:4]
    return {
        "grid": "full", "seeds": [0, 4], "command": "python -m benchmarks.planted", "protocol": protocol.state(),
        "summary": report.summarise(own), "groups": {"sort": report.by_group(own, "sort")},
        "sweep": report.by_encoder(outcomes), "outcomes": outcomes,
    }  # fmt: skip


def test_summary_has_the_figures_of_the_interface(result) -> None:
    summary = result["summary"]
    expected = {
        "n_models": 4, "n_clean_classes": 4, "precision": 1.0, "recall": 0.75, "f1": pytest.approx(6 / 7, abs=1e-4),
        "pair_precision": 1.0, "pair_recall": 0.75, "false_alarm_rate": 0.0, "concept_recall_1": 1.0,
        "concept_recall_5": 1.0,
    }  # fmt: skip
    assert {key: summary[key] for key in expected} == expected
    assert summary["false_alarm_upper"] == pytest.approx(0.6024, abs=1e-4)  # 1 - .025^(1/4)
    assert set(summary["peers"]) == set(PEERS)
    assert summary["peers"]["background_word_list"]["f1"] == 1.0
    assert summary["correlation_one"] == {"at least 20": {"flagged": 3, "suspect": 1}}
    assert list(result["sweep"]) == ["own", "noise 1"]
    assert result["sweep"]["own"]["n_models"] == 1


def test_summary_has_what_verdicts_claim(result) -> None:
    summary = result["summary"]
    assert summary["false_clean"]["verdicts"] == {"flagged": 3, "suspect": 1}
    assert (summary["false_clean"]["classes"], summary["false_clean"]["hits"]) == (4, 0)
    assert summary["truly_clean"]["share"] == 1.0
    assert summary["ablations"]["without E3, erasure"] == {
        "precision": 1.0, "recall": 1.0, "f1": 1.0, "false_alarm_rate": 0.0,
    }  # fmt: skip
    assert summary["left_out"]["classes"] == 0
    row = result["groups"]["sort"]["scene"]
    assert (row["truly_clean"], row["truly_clean_clean"], row["false_clean"]) == (4, 4, 0)


def test_what_too_few_pictures_tell_of_is_counted_apart(result) -> None:
    """Five of the class's pictures are without water: what nobody can see there is no miss of the second table."""
    summary = result["summary"]
    (row,) = summary["relying_by_arm"]
    best = row.pop("best_test")
    assert row == {"pictures": "≤ 9", "classes": 4, "verdicts": {"suspect": 1, "flagged": 3}}
    assert 0 < best["0.001"] < best["0.05"] <= 4
    assert (summary["intervals"]["recall_told"]["missed"], summary["intervals"]["recall_20"]["missed"]) == (0, 1)
    assert summary["told"]["auditor"]["f1"] == 1.0
    text = document.markdown(result)
    assert "Classes that rely on 20 points or more, by" in text
    assert "≤ 9: 4 (1 suspect, 3 flagged)" in text


def test_results_of_before_can_still_be_shown(result) -> None:
    old = json.loads(json.dumps(result))
    added = ("told", "clean_with_enough", "relying_by_arm", "harmed_by_arm")
    for name in ("ablations", "false_clean", "truly_clean", "harmed", "left_out", *added):
        del old["summary"][name]
    for row in old["groups"]["sort"].values():
        del row["left_out"], row["harmed"]
    for figure in old["summary"]["intervals"].values():
        del figure["seed_low"], figure["seed_high"], figure["seeds"]
    del old["protocol"]["code_as_fixed"]
    text = document.markdown(old)
    assert "thresholds as fixed beforehand. `" in text or "thresholds not fixed beforehand. `" in text
    assert "### Clean" not in text
    assert "| sort | scene | 4 | 3 of 4 | 3 of 4 | 0 | 0 of 4 | – | – | – | – | – | – |" in text


def test_page_keeps_what_stands_around_the_marks(result, tmp_path) -> None:
    page = tmp_path / "benchmark.md"
    page.write_text(
        "# Benchmark\n\nSpeed.\n\n<!-- planted benchmark, full grid: begin -->\nstale figures\n"
        "<!-- planted benchmark, full grid: end -->\n\n<!-- planted benchmark, small grid: begin -->\nstays\n"
        "<!-- planted benchmark, small grid: end -->\n\nScale.\n",
        encoding="utf-8",
    )
    document.write_document(result, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Benchmark\n\nSpeed.")
    assert text.endswith("\nstays\n<!-- planted benchmark, small grid: end -->\n\nScale.\n")
    assert "stale figures" not in text
    assert "| classes, recall at 10 points or more | 75.0 % |" in text
    assert "| as training | 76–200 | 60–100 | 4 | 3 | 1 | 0 | 0.0 % | 0.0 % … 60.2 % | – |" in text
    assert "| as training | 76–200 | 4 | 0 | 0 | 4 | 100.0 % |" in text
    assert "| without E3, erasure | 100.0 % | 100.0 % | 100.0 % | 0.0 % |" in text
    assert "| planted | 60–80 | 3 of 4 | 75.0 % | 19.4 % … 99.4 % |" in text
    for name in ("planted-full-recall.svg", "planted-full-peers.svg", "planted-full-alarms.svg"):
        assert ET.fromstring((tmp_path / "images" / name).read_text(encoding="utf-8")).tag.endswith("svg")
        assert name in text


def test_protocol_tells_a_changed_threshold(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(protocol, "FILE", tmp_path / "protocol.toml")
    assert protocol.state()["as_fixed"] is False
    protocol.write(protocol.FILE)
    assert protocol.state()["as_fixed"] is True
    assert protocol.thresholds()["rules.ALPHA"] == [0.05]
    assert protocol.state()["code_as_fixed"] is True
    monkeypatch.setattr("auditor.rules.ALPHA", 0.06)
    assert protocol.state()["as_fixed"] is False


def test_protocol_tells_changed_code(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(protocol, "FILE", tmp_path / "protocol.toml")
    protocol.write(protocol.FILE)
    copied = shutil.copytree(auditor.textcam.__path__[0], tmp_path / "textcam")
    monkeypatch.setattr(auditor.textcam, "__path__", [str(copied)])
    assert protocol.state()["code_as_fixed"] is True
    (copied / "phrases.py").write_text((copied / "phrases.py").read_text(encoding="utf-8") + "\n# other\n")
    state = protocol.state()
    assert (state["as_fixed"], state["code_as_fixed"]) == (True, False)
    monkeypatch.setattr("auditor.rules_in_force._source_digest", lambda: "other evidence")
    assert protocol.state()["code"] != state["code"]


@pytest.mark.parametrize("text", ["5", "3:3", "a:b", "-1:2", "4:1"])
def test_seeds_that_are_no_range_are_refused(text) -> None:
    with pytest.raises(Exception, match="is no range of seeds"):
        _seeds(text)


def test_outcomes_are_plain_data(result) -> None:
    assert json.loads(json.dumps(result))["summary"]["n_models"] == 4
