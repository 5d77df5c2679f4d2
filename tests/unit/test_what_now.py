from dataclasses import replace
from pathlib import Path

import pytest
from small_audit import make_run, write_small_audit

from auditor.gate.decision import GateDecision
from auditor.records import Verdict
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.leads import Lead
from reports.what_now import command_on, explain_command, folder_from_here, model_command, report_command, what_now


def flagged(name="duck", concept="water", rule_id="E4-recall"):
    return Verdict(0, name, "flagged", "high", concept, concept, "scene", "", 9, 0.4, 0.25, 0.2, 0.3, rule_id=rule_id)


def test_what_now():
    lead = Lead(0, None, 518, 32)
    wanted = 'more pictures of "duck" without water (32 of the 550 audited ones are)'
    assert what_now(flagged(), lead) == f"train with {wanted}; or accept it in the baseline, with a reason"
    assert what_now(flagged(rule_id="E4-pull"), lead).startswith(
        "train with more pictures of other classes with water; or"
    )
    for harmed in ("E4-harm", "E6-harm"):
        assert what_now(flagged(rule_id=harmed), lead).startswith('train with more pictures of "duck" with water; or')
    assert what_now(flagged(), None).startswith('train with more pictures of "duck" without water; or')
    suspect = Verdict(0, "duck", "suspect", "low", "water", "water", "scene", "", 9, rule_id="E4-recall")
    assert what_now(suspect, lead).startswith(
        'collect more pictures of "duck" without water (32 of the 550 audited ones are), then'
    )
    settled, pulled = Lead(0, None, 518, 32, 148, 1200), replace(suspect, rule_id="E4-pull")
    assert what_now(suspect, settled).startswith('collect 148 more pictures of "duck" without water (32 of the 550')
    assert what_now(pulled, settled).startswith("collect 1,200 more pictures of other classes with water, then")
    assert "148" not in what_now(flagged(), settled)  # what is missing for a proof is not what mends the model
    by_predictions = replace(settled, picture="a.png", not_run=True, no_head=True)
    assert what_now(suspect, by_predictions).startswith("audit the model itself (--model), or give the inputs of its")
    assert explain_command(suspect, by_predictions, "audits/7", make_run(model_spec="predictions")) is None
    assert "audit again" in what_now(Verdict(0, "duck", "not_analysed", "none", None, None, None, "", 0), None)
    assert what_now(Verdict(0, "duck", "clean", "none", None, None, None, "", 0), None) is None


def test_explain_command_is_given_only_where_it_can_be_pasted():
    def command(picture, name="duck"):
        return explain_command(flagged(name), Lead(0, picture, 1, 1), "audits/7", make_run())

    assert command("duck/1.jpg") == "auditor explain audits/7 duck/1.jpg --class duck"
    assert command("a b/$(x)'.jpg", "`x`; y") == "auditor explain audits/7 'a b/$(x)'\"'\"'.jpg' --class '`x`; y'"
    for picture in ("-rf.jpg", "a\nb.jpg", "a\u202eb.jpg", "x" * 400, None):
        assert command(picture) is None
    assert command("a.jpg", "a\x1b[31m") is None
    assert explain_command(flagged(), None, "audits/7", make_run()) is None


@pytest.mark.parametrize(
    ("run", "explain", "repair"),
    [
        ({"model_spec": "timm:resnet50", "config": {"weights": "best 7.pt"}}, "--weights 'best 7.pt'", ...),
        ({"model_spec": "net.py:build"}, "--model net.py:build --trust-code", ...),
        ({"model_spec": "hf:./mine"}, "--model hf:./mine", ...),
        (
            {"config": {"preprocess": "pre.toml", "class_map": "map.csv", "vocabulary": "words.toml"}},
            "--preprocess pre.toml",
            "--preprocess pre.toml --class-map map.csv --vocabulary words.toml",
        ),
        ({"encoder_spec": "open_clip:ViT-B-32@clip.pt"}, "", "--encoder open_clip:ViT-B-32@clip.pt"),
        ({"config": {"concepts": {"stamp": {"yes": "y", "no": "n"}}}}, "", "--trust-code"),  # no flag gives these again
        ({"model_spec": "live:Net"}, None, None),
        ({"model_spec": "none"}, None, None),
        ({"config": {"weights": "a\x1b[1m.pt"}}, None, None),
    ],
)
def test_commands_name_the_files_that_the_audit_names(run, explain, repair):
    run = make_run(**run)
    for command, words in (("explain", explain), ("repair", explain if repair is ... else repair)):
        whole = None if words is None else f"auditor {command} audits/7 {words}".strip()
        assert model_command(run, command, "audits/7") == whole


def test_a_folder_is_named_so_that_commands_find_it_from_here(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    named = {name: folder_from_here(Path(name)) for name in ("audits/7", "../7", "/elsewhere/7", "7\x1b[1m", "-rf")}
    assert list(named.values()) == ["audits/7", "../7", "/elsewhere/7", "DIR", "DIR"]
    assert folder_from_here(tmp_path / "here" / "audits" / "7") == "audits/7"


def test_commands_on_an_audit_can_be_pasted(tmp_path):
    folder = write_small_audit(tmp_path / "release 7")
    decided = GateDecision(1, "fails", (), policy_path="my policy.toml", baseline_path="b.toml")
    with open_audit_database(folder) as connection:
        assert command_on(connection, "calibrate") == f"auditor calibrate '{folder}'"
        assert report_command(connection, None) == f"auditor report '{folder}' --format json"
        assert report_command(connection, decided, "markdown") == (
            f"auditor gate '{folder}' --policy 'my policy.toml' --baseline b.toml --format markdown"
        )
