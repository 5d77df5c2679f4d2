from dataclasses import replace

from auditor.records import Verdict
from auditor.store.queries.leads import Lead
from reports.what_now import explain_command, what_now


def flagged(name="duck", concept="water", rule_id="E4-recall"):
    return Verdict(0, name, "flagged", "high", concept, concept, "scene", "", 9, 0.4, 0.25, 0.2, 0.3, rule_id=rule_id)


def test_what_now():
    lead = Lead(0, None, 518, 32)
    wanted = 'more pictures of "duck" without water (32 of 550 so far)'
    assert what_now(flagged(), lead) == f"train with {wanted}; or accept it in the baseline, with a reason"
    assert what_now(flagged(rule_id="E4-pull"), lead).startswith(
        "train with more pictures of other classes with water; or"
    )
    assert what_now(flagged(), None).startswith('train with more pictures of "duck" without water; or')
    suspect = Verdict(0, "duck", "suspect", "low", "water", "water", "scene", "", 9, rule_id="E4-recall")
    assert what_now(suspect, lead).startswith('collect more pictures of "duck" without water (32 of 550 so far), then')
    settled, pulled = Lead(0, None, 518, 32, 148, 1200), replace(suspect, rule_id="E4-pull")
    assert what_now(suspect, settled).startswith('collect 148 more pictures of "duck" without water (32 of 550')
    assert what_now(pulled, settled).startswith("collect 1,200 more pictures of other classes with water, then")
    assert "148" not in what_now(flagged(), settled)  # what is missing for a proof is not what mends the model
    assert "audit again" in what_now(Verdict(0, "duck", "not_analysed", "none", None, None, None, "", 0), None)
    assert what_now(Verdict(0, "duck", "clean", "none", None, None, None, "", 0), None) is None


def test_explain_command_is_given_only_where_it_can_be_pasted():
    def command(picture, name="duck"):
        return explain_command(flagged(name), Lead(0, picture, 1, 1))

    assert command("duck/1.jpg") == "auditor explain DIR duck/1.jpg --class duck"
    assert command("a b/$(x)'.jpg", "`x`; y") == "auditor explain DIR 'a b/$(x)'\"'\"'.jpg' --class '`x`; y'"
    for picture in ("-rf.jpg", "a\nb.jpg", "a\u202eb.jpg", "x" * 400, None):
        assert command(picture) is None
    assert command("a.jpg", "a\x1b[31m") is None
    assert explain_command(flagged(), None) is None
