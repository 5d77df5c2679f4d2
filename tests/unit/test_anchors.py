import os
from dataclasses import replace

import pytest
from small_audit import decision, make_run

from auditor.records import fingerprint
from reports.written.anchors import Anchor, Anchors

NAMES = ("waterbird", "cat", "a,b")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "repo" / "data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repo")
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    return tmp_path / "repo"


def item(state, **changes):
    found = next(item for item in decision().items if item.state == "new")
    return replace(found, state=state, **changes)


def test_lines_of_a_manifest(checkout):
    manifest = checkout / "data" / "val.csv"
    manifest.write_text('path,note,label\n1.jpg,"two\nlines",cat\n2.jpg,,waterbird\n3.jpg,,cat\n4.jpg,,"a,b"\n')
    anchors = Anchors(make_run(data_path=str(manifest)), None, NAMES)
    assert [anchors.of_class(name) for name in (*NAMES, "gone")] == [
        Anchor("data/val.csv", line) for line in (4, 3, 6, 1)
    ]
    assert anchors.of_item(item("new")) == Anchor("data/val.csv", 4)


@pytest.mark.parametrize(
    "text", ["", "path,lable\n", "path,label\n\x00\n", 'path,label\n"', "\ufeffpath,label\n,cat\n"]
)
def test_odd_manifests_cost_the_line_only(checkout, text):
    manifest = checkout / "val.csv"
    manifest.write_text(text)
    anchor = Anchors(make_run(data_path=str(manifest)), None, NAMES).of_class("cat")
    assert anchor.path == "val.csv"
    assert anchor.line in (1, 2)


def test_nothing_outside_the_checkout_is_read(checkout, tmp_path, monkeypatch):
    outside = tmp_path / "secret.csv"
    outside.write_text("path,label\n\n\n1.jpg,cat\n")
    (checkout / "link.csv").symlink_to(outside)  # which would lead out
    for path in (outside, checkout / "link.csv", checkout / ".." / "secret.csv"):
        assert Anchors(make_run(data_path=str(path)), None, NAMES).of_class("cat").line is None
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))  # now it is inside
    assert Anchors(make_run(data_path=str(outside)), None, NAMES).of_class("cat") == Anchor("secret.csv", 4)


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_pipe_is_not_waited_for(checkout):
    os.mkfifo(checkout / "val.csv")
    assert Anchors(make_run(data_path=str(checkout / "val.csv")), None, NAMES).of_class("cat").line is None


@pytest.mark.parametrize("path", ["\x00", "", "a" * 5000, "\udcff.csv"])
def test_paths_that_are_none(checkout, path):
    anchor = Anchors(make_run(data_path=path), None, NAMES).of_class("cat")
    assert anchor.line is None
    assert anchor.uri.isascii()


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("s3://bucket/val/*.tar", "s3://bucket/val/%2A.tar"),
        ("hf:owner/set", "hf:owner/set"),
        ("https://host/a{0..1}.tar", "https://host/a%7B0..1%7D.tar"),
    ],
)
def test_data_elsewhere_are_pointed_at_by_their_address(address, uri, checkout):
    anchor = Anchors(make_run(data_path=address), None, NAMES).of_class("cat")
    assert anchor == Anchor(address, None)
    assert (anchor.uri, anchor.is_relative) == (uri, False)


def test_an_address_of_no_data_is_a_path(checkout):
    anchor = Anchors(make_run(data_path="javascript://x"), None, NAMES).of_class("cat")
    assert anchor.uri == "javascript%3A/x"  # of the checkout


def test_a_folder_has_no_line(checkout):
    assert Anchors(make_run(data_path=str(checkout / "data")), None, NAMES).of_class("cat") == Anchor("data", None)


def test_items_of_a_gate(checkout):
    (checkout / "policy.toml").write_text(
        'min_images = 3\nmay_skip = ["x"]\nmax_growth = 0.1\n[[rule]]\nfail_on = []\n'
    )
    key = fingerprint("cat", "sofa")
    (checkout / "base.toml").write_text(f"# ours\n\n[[accepted]]\nfingerprint = '{key}'\n")
    decided = replace(decision(), policy_path=str(checkout / "policy.toml"), baseline_path="base.toml")
    anchors = Anchors(make_run(), decided, NAMES)
    assert anchors.of_item(item("not_analysed", fingerprint=None)) == Anchor("policy.toml", 2)
    assert anchors.of_item(item("grown")) == Anchor("policy.toml", 3)
    assert anchors.of_item(item("new")) == Anchor("policy.toml", 5)
    assert anchors.of_item(item("new", reason="gap 30 points, max_gap 20 points")) == Anchor("policy.toml", 5)
    (checkout / "policy.toml").write_text("min_images = 3\nmax_gap = 0.2\n")
    again = Anchors(make_run(), decided, NAMES)
    assert again.of_item(item("new", reason="gap 30 points, max_gap 20 points")) == Anchor("policy.toml", 2)
    assert again.of_item(item("new")) == Anchor("policy.toml", 1)
    assert anchors.of_item(item("expired", fingerprint=key)) == Anchor("base.toml", 4)
    assert anchors.of_item(item("stale", fingerprint=None)) == Anchor("base.toml", 1)
    gone = Anchors(make_run(), replace(decided, policy_path="gone.toml", baseline_path=None), NAMES)
    assert gone.of_item(item("accepted")) == Anchor("gone.toml", 1)


def test_uris():
    assert Anchor("data/a b%.csv", 1).uri == "data/a%20b%25.csv"
    assert Anchor("/data/é.csv", 1).uri == "file:///data/%C3%A9.csv"
