"""The trials of ``benchmarks/faults`` that an earlier run noted."""

from benchmarks.faults.tally import Tally


def test_a_run_that_was_stopped_goes_on_and_counts_nothing_twice(tmp_path):
    journal, ran = tmp_path / "inputs-0.jsonl", []

    def series(tally, trials):
        for what in ("policy", "baseline"):
            for number in range(trials):
                tally.trial(what, number, lambda what=what, number=number: ran.append((what, number)) or "silent: x")
        return tally

    series(Tally(journal=journal), 1)
    again = series(Tally(journal=journal), 2)
    assert ran == [("policy", 0), ("baseline", 0), ("policy", 1), ("baseline", 1)]
    assert again.counts == {"policy": {"silent": 2}, "baseline": {"silent": 2}}
    assert len(again.bad) == 4
    assert Tally(journal=journal).done == {0, 1}


def test_half_a_line_is_a_trial_that_is_made_again(tmp_path):
    """What a run leaves that was killed while it noted a trial."""
    journal = tmp_path / "inputs-0.jsonl"
    journal.write_text('["policy", 0, "found", []]\n["policy", 1, "fou')
    tally = Tally(journal=journal)
    assert (tally.done, tally.counts) == ({0}, {"policy": {"found": 1}})
    tally.trial("policy", 1, lambda: "harmless")
    assert Tally(journal=journal).counts == {"policy": {"found": 1, "harmless": 1}}
