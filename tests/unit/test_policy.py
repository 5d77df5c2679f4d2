"""policy.toml: defaults, rules that replace them, and mistakes as one line that says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.gate.policy import Limits, Policy, Rule, load_policy, matches
from auditor.records import CONTEXT_KINDS

DEFAULT = Limits(("flagged",), "low", None, None, None)


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "policy.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(tmp_path: Path, text: str | bytes) -> str:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_policy(path)
    line = str(caught.value)
    assert line.startswith(f"policy '{path}'")
    assert "\n" not in line
    return line.removeprefix(f"policy '{path}'")


def test_without_a_file_a_flagged_class_fails_and_nothing_may_be_skipped():
    policy = load_policy(None)
    assert policy == Policy()
    assert policy.limits("cat", "scene") == DEFAULT
    assert (policy.may_skip, policy.min_images, policy.rule) == ((), 0, ())
    assert not policy.skips("cat")


def test_every_key_is_read(tmp_path):
    path = write(
        tmp_path,
        """
        fail_on = ["flagged", "suspect"]
        min_severity = "medium"
        min_images = 50
        may_skip = ["background", "misc-*"]
        max_share = 0.4
        max_gap = 1
        max_growth = 0.05
        """,
    )
    policy = load_policy(path)
    assert policy.limits("cat", "scene") == Limits(("flagged", "suspect"), "medium", 0.4, 1.0, 0.05)
    assert policy.min_images == 50
    assert [policy.skips(name) for name in ("background", "misc-3", "cat")] == [True, True, False]


def test_the_last_rule_that_matches_and_gives_a_key_decides(tmp_path):
    path = write(
        tmp_path,
        """
        max_gap = 0.3
        [[rule]]
        classes = ["tumour-*"]
        fail_on = ["flagged", "suspect"]
        max_gap = 0.1
        [[rule]]
        kinds = ["light", "quality"]
        fail_on = []
        [[rule]]
        classes = ["tumour-b"]
        kinds = ["light"]
        max_gap = 0.2
        """,
    )
    policy = load_policy(path)
    both = ("flagged", "suspect")
    assert policy.limits("cat", "scene") == Limits(("flagged",), "low", None, 0.3, None)
    assert policy.limits("cat", "light") == Limits((), "low", None, 0.3, None)
    assert policy.limits("tumour-a", "scene") == Limits(both, "low", None, 0.1, None)
    assert policy.limits("tumour-a", "light") == Limits((), "low", None, 0.1, None)
    assert policy.limits("tumour-b", "light") == Limits((), "low", None, 0.2, None)
    assert policy.limits("tumour-b", "unheard of") == Limits(both, "low", None, 0.1, None)


def test_a_rule_without_kinds_is_for_all_of_them():
    policy = Policy(rule=(Rule(max_gap=0.5),))
    assert {policy.limits("cat", kind).max_gap for kind in (*CONTEXT_KINDS, "unheard of")} == {0.5}


def test_shares_are_read_only_where_they_are_limited():
    assert not Policy(max_gap=0.1).limits_shares
    assert Policy(max_share=0.0).limits_shares
    assert Policy(rule=(Rule(), Rule(max_share=0.5))).limits_shares


def test_patterns_that_match_no_class_are_told():
    policy = Policy(may_skip=("cat", "msic"), rule=(Rule(classes=("tumor-*", "cat")), Rule(), Rule(classes=("dog",))))
    assert policy.idle_patterns(["tumour-a", "cat"]) == ["msic", "tumor-*", "dog"]


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("cat", "cat", True), ("cat", "c*", True), ("cat", "Cat", False), ("cat", "ca", False),
        ("c[a]t", "c[a]t", True), ("cat", "c[a]t", True), ("cat", "c?t", True), ("a\nb", "a*", True),
    ],
)  # fmt: skip
def test_patterns(name, pattern, expected):
    assert matches(name, (pattern,)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fail_on = 'flagged'", ", line 1: fail_on = 'flagged'; expected a list of \"flagged\", \"suspect\", \"harmed\" and \"not_shown\""),
        (
            "\nfail_on = ['flaged']",
            ", line 2: fail_on = 'flaged'; expected a list of \"flagged\", \"suspect\", \"harmed\" and \"not_shown\"; did you mean 'flagged'?",
        ),
        ("min_sevrity = 'low'", ", line 1: unknown key 'min_sevrity'; did you mean 'min_severity'?"),
        ("min_severity = 'severe'", ', line 1: min_severity = \'severe\'; expected "low", "medium" or "high"'),
        ("min_images = '5'", ", line 1: min_images = '5'; expected a whole number, at least 0"),
        ("min_images = -1", ", line 1: min_images = -1; expected a whole number, at least 0"),
        ("min_images = true", ", line 1: min_images = true; expected a whole number, at least 0"),
        ("allow_core = 'no'", ", line 1: allow_core = 'no'; expected true, false, or a list of class names"),
        ("allow_core = [1]", ", line 1: allow_core = [1]; expected true, false, or a list of class names"),
        ("max_gap = 20", ", line 1: max_gap = 20; expected a fraction from 0 to 1 (20 points are 0.2)"),
        ("max_gap = nan", ", line 1: max_gap = nan; expected a fraction from 0 to 1 (20 points are 0.2)"),
        ("rule = 3", ", line 1: rule = 3; expected tables [[rule]]"),
        ("[rule]\nclasses = []", ", line 1: rule = {'classes': []}; expected tables [[rule]]"),
        ("rule = [3]", ", [[rule]] 1: expected a table [[rule]], found '3'"),
        (
            "max_gap = 0.1\n[[rule]]\n[[rule]]\nmax_gap = 0.2\nclases = []",
            ", line 5: unknown key 'clases'; did you mean 'classes'?",
        ),
        ("[[rule]]\n\nclasses = [7]", ", line 3: classes = 7; expected a list of class names or patterns like"),
        ("[[rule]]\nclasses = []", ", line 2: classes = []; expected a list of class names or patterns like"),
        ("[[rule]]\nkinds = []", ", line 2: kinds = []; expected a list of scene, surface,"),
        ("[[rule]]\nkinds = ['scenes']", "; did you mean 'scene'?"),
        ("[[rule]]\nkinds = ['object']", ", line 2: kinds = 'object'; expected a list of scene, surface,"),
        ("[[rule]]\nmay_skip = []", ", line 2: unknown key 'may_skip'; known keys: classes, kinds, fail_on,"),
        ("max_gap = ", " is not valid TOML: Invalid value (at end of document)"),
        (b"max_gap = 0.1\n# caf\xe9", ", line 2: not UTF-8; save it as UTF-8"),
        ("x = " + "[" * 5000, " is not valid TOML:"),
    ],
)  # fmt: skip
def test_mistakes_say_where_what_and_what_was_expected(tmp_path, text, expected):
    assert expected in refusal(tmp_path, text)


def test_a_hostile_value_is_quoted_and_cut(tmp_path):
    line = refusal(tmp_path, f'fail_on = ["\\u001b[31m\\n::error::{"x" * 10_000}"]')
    assert "\x1b" not in line
    assert len(line) < 400


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"policy '.*none.toml' cannot be read: No such file or directory; expected"):
        load_policy(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        load_policy(tmp_path)
