"""The comparison of architectures: agreement by hand, and a run in the small that goes on where it was."""

from __future__ import annotations

from benchmarks import consistency


def audit_of(verdict, leading, shares, concept=None):
    one = {"class": "bird", "verdict": verdict, "concept": concept, "leading": leading, "shares": shares}
    return {"accuracy": [1.0], "classes": [one]}


def test_agreement_by_hand():
    audits = {
        "cnn": audit_of("flagged", "water", [0.5, 0.2, 0.1], "water"),
        "vit-class": audit_of("flagged", "water", [0.6, 0.3, 0.2], "water"),
        "vit-mean": audit_of("clean", "duck", [0.1, 0.2, 0.5]),
    }
    found = [{"seed": 1, "planted": [[0, "background", "water"]], "audits": audits}]
    pairs = {one["pair"]: one for one in consistency.compare(found)}
    assert [round(one["correlation"], 3) for one in pairs.values()] == [1.0, -1.0, -1.0]
    assert [one["leading"] for one in pairs.values()] == [True, False, False]
    assert [one["flagged"] for one in pairs.values()] == [True, False, False]
    assert [one["concept"] for one in pairs.values()] == [True, None, None]
    table = consistency.report(found).splitlines()
    assert table[2].startswith("| cnn, vit-class | 1 planted | 1 of 1 (3% to 100%) | – | 1 of 1")
    assert "| all pairs | 3 planted | 1 of 3 (1% to 91%) | -0.33 (" in table[-1]


def test_it_runs_and_reads_what_it_kept(tmp_path, monkeypatch):
    found = consistency.run([1], "toy", tmp_path)
    (scenario,) = found
    assert set(scenario["audits"]) == {"cnn", "vit-class", "vit-mean"}
    assert len(consistency.compare(found)) == 3 * len(scenario["classes"])
    monkeypatch.setattr(consistency, "examine", lambda *_: 1 / 0)
    assert consistency.run([1], "toy", tmp_path) == found
