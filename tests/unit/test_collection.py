"""What to gather: needs from the audit's figures, and sorts of pictures that meet them, on hand-made cases."""

from __future__ import annotations

import csv
import io
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from picture_audit import write_picture_audit
from small_audit import make_run
from typer.testing import CliRunner

from auditor.cli import app
from auditor.collection import Collection, Kinship, Need, Sort, cover, needs_of
from auditor.concept_records import Counterexample, UnboundedGap
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database
from reports.written.collection import collection_csv, collection_text

NO_KIN = Kinship({}, {})


def need(class_name, concept, n, *, present=False, by_others=False, kind="scene"):
    return Need(class_name, concept.replace(" = ", "-"), concept, kind, present, by_others, n)


def test_one_picture_lacks_many_concepts():
    found = cover([need("cat", "rug", 30), need("cat", "sofa", 50), need("dog", "rug", 10)], ["cat", "dog"], NO_KIN)
    assert found.sorts == (
        Sort(30, "cat", (), (), ("rug", "sofa"), ("cat: rug", "cat: sofa")),
        Sort(20, "cat", (), (), ("sofa",), ("cat: sofa",)),
        Sort(10, "dog", (), (), ("rug",), ("dog: rug",)),
    )
    assert (found.n_pictures, found.n_separate, found.n_settled, found.n_pairs) == (60, 90, 3, 3)


def test_two_concepts_of_a_kind_or_values_of_a_column_are_not_in_one_picture():
    of_kind = [need("cat", "snow", 5, present=True), need("cat", "sand", 5, present=True)]
    assert [sort.with_concepts for sort in cover(of_kind, ["cat"], NO_KIN).sorts] == [("sand",), ("snow",)]
    columns = [need("cat", name, 5, present=True, kind="attribute") for name in ("site = a", "site = b", "hour = 1")]
    sorts = cover(columns, ["cat"], NO_KIN).sorts
    assert [sort.with_concepts for sort in sorts] == [("hour = 1", "site = a"), ("site = b",)]


def test_pictures_of_other_classes_serve_every_class_but_their_own():
    needs = [need("cat", "tag", 8, present=True, by_others=True), need("dog", "sofa", 8)]
    found = cover(needs, ["cat", "dog"], NO_KIN)
    assert found.sorts == (Sort(8, "dog", (), ("tag",), ("sofa",), ("cat: tag", "dog: sofa")),)
    alone = cover(needs[:1], ["cat", "dog"], NO_KIN)
    assert alone.sorts == (Sort(8, None, ("cat",), ("tag",), (), ("cat: tag",)),)
    nobody = cover(needs[:1], ["cat"], NO_KIN)
    assert (nobody.sorts, nobody.n_settled, nobody.n_pairs) == ((), 0, 1)


def test_a_twin_or_a_member_is_not_asked_for_against_its_like():
    twins = [need("cat", "snow", 5, present=True), need("cat", "scene = snow", 5, kind="attribute")]
    sorts = cover(twins, ["cat"], Kinship({"scene-snow": "snow"}, {})).sorts
    assert not [sort for sort in sorts if sort.with_concepts and sort.without_concepts]
    family = [need("cat", "lake", 9, present=True), need("cat", "water", 5)]
    sorts = cover(family, ["cat"], Kinship({}, {"lake": "water"})).sorts
    assert [(sort.n, sort.with_concepts, sort.without_concepts) for sort in sorts] == [
        (9, ("lake",), ()),
        (5, (), ("water",)),
    ]


def test_needs_come_from_what_is_open_and_what_is_not_excluded(tmp_path):
    run = make_run(class_names=("cat", "dog"))
    arm = (0, "cat", "rug", "rug", "surface")
    tag, fog = (1, "dog", "tag", "tag", "artifact"), (1, "dog", "fog", "fog", "weather")
    with AuditDatabase(tmp_path) as database:
        database.add_run(run)
        database.add_counterexamples(
            [
                Counterexample(*arm, "open", True, 40, 39, 0.9, 0.8, 1.0, 0, 9, 1, 3, (), "E4-recall"),
                Counterexample(*arm, "open", False, 4, 2, 0.5, 0.1, 0.9, 70, 9, 1, 4, (), "E4-recall"),
                Counterexample(*tag, "open", True, 4, 2, 0.5, 0.1, 0.9, 7, 9, 1, 12, (), "E4-pull"),
                Counterexample(*tag, "open", False, 4, 2, 0.5, 0.1, 0.9, 7, 9, 1, 0, (), "E4-pull"),
                Counterexample(*fog, "proven", False, 4, 2, 0.5, 0.1, 0.9, 7, 9, 1, 5, (), "E4-recall"),
            ]
        )  # fmt: skip
        database.add_unbounded_gaps(
            [
                UnboundedGap(1, "dog", "sand", "sand", "scene", False, 0.3, 12, 88, 18, 0),
                UnboundedGap(1, "dog", "mud", "mud", "surface", True, 0.3, 12, 88, None, None),
                UnboundedGap(1, "dog", "dusk", "dusk", "light", True, 0.21, 50, 50, 0, 0),
            ]
        )
    write_manifest(tmp_path, run)
    with open_audit_database(tmp_path) as connection:
        needs, beyond = needs_of(connection)
    assert needs == [
        Need("cat", "rug", "rug", "surface", False, False, 70),
        Need("dog", "tag", "tag", "artifact", True, True, 12),
        Need("dog", "sand", "sand", "scene", True, False, 18),
    ]
    assert beyond == {("dog", "mud"), ("dog", "dusk")}


def test_text_and_csv_say_what_to_gather():
    sorts = (
        Sort(30, "cat", (), ("day", "rug"), ("fog",), ("cat: day", "cat: rug", "cat: fog", "dog: fog")),
        Sort(1200, None, ("cat", "dog"), ("=tag",), (), ("cat: =tag",)),
    )
    found = Collection(sorts, n_pairs=7, n_settled=5, n_separate=1900, n_beyond=1)
    assert collection_text(found).splitlines()[:5] == [
        "1,230 pictures of 2 sorts settle 5 of 7 concepts that are open or not excluded, class by class (one by one: "
        "1,900):",
        "     30 of cat with day and rug without fog  → cat: day; cat: rug; cat: fog and 1 more",
        "  1,200 of any class but cat or dog with =tag  → cat: =tag",
        "1 concept more would take further sorts.",
        "1 concept pictures do not settle: the encoder's errors hide them (a column or examples would tell them), or "
        "what was seen lies too near the tolerance.",
    ]
    rows = list(csv.DictReader(io.StringIO(collection_csv(found))))
    assert rows[1] == {
        "n": "1200",
        "class": "",
        "other_than": "cat; dog",
        "with": "'=tag",
        "without": "",
        "serves": "cat: =tag",
    }


def test_classes_that_pictures_do_not_help_are_named():
    nothing = Collection((), n_pairs=0, n_settled=0, n_separate=0, n_beyond=0, not_shown=("cat", "dog", "fox", "owl"))
    assert collection_text(nothing) == (
        "More pictures of cat, dog, fox and 1 more would not help, which could not be shown to be clean: "
        "`auditor report DIR` says what would."
    )


def test_the_command_says_where_nothing_is_missing(tmp_path):
    found = CliRunner().invoke(app, ["collect", str(write_picture_audit(tmp_path / "audit", 2))])
    assert (found.exit_code, found.stdout) == (
        0,
        "No concept is open, and no class is left that could not be shown to be clean: nothing to gather.\n",
    )


@given(
    st.lists(
        st.builds(
            need, st.sampled_from("abc"), st.sampled_from(["x", "y", "c = 1", "c = 2"]), st.integers(1, 9),
            present=st.booleans(), by_others=st.booleans(), kind=st.sampled_from(["scene", "attribute"]),
        ),
        max_size=8, unique_by=lambda one: (*one.pair, one.present, one.by_others, one.concept_kind),
    )
)  # fmt: skip
def test_every_need_is_met_and_never_by_more_than_one_by_one(needs):
    found = cover(needs, "abc", NO_KIN)
    assert found.n_settled == found.n_pairs
    assert found.n_pictures <= found.n_separate == sum(one.n for one in needs)
    served: Counter[str] = Counter()
    for sort in found.sorts:
        assert not set(sort.with_concepts) & set(sort.without_concepts)
        for name in sort.serves:
            served[name] += sort.n
    for one in needs:
        assert served[f"{one.class_name}: {one.concept}"] >= one.n
