"""The blocks of docs/python.md and of the README run, in their order, as a reader would run them."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

import auditor

ROOT = Path(__file__).parents[2]


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def run_page(tmp_path_factory):
    """The page's own names and folder after all of its blocks have run, and what they printed."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        names: dict[str, object] = {}
        for block in blocks("docs/python.md"):
            exec(compile(block, "docs/python.md", "exec"), names)
    return folder, names


def test_every_block_of_the_page_runs(run_page):
    folder, names = run_page
    audit = names["audit"]
    assert (folder / "audits/release-7/audit.json").is_file()
    assert set(audit.verdicts.class_name) == set(names["names"])
    assert len(names["breaking"]) + len(names["carrying"]) == 60
    assert not names["breaking"].correct.iloc[0]  # mistakes first
    assert names["explanation"].predicted_name == "waterbird"
    assert names["decision"].exit_code in (0, 1)
    notice = audit.sql("SELECT unnest(notices) AS notice FROM runs").notice
    assert notice.str.contains("live:SmallResNet was a module in memory").sum() == 1


def test_the_network_is_as_it_was_and_known_again(run_page):
    folder, names = run_page
    made = (folder / "audits/release-7/audit.json").read_bytes()
    again = auditor.run_audit(
        data=names["pictures"], model=names["network"], transform=names["transform"], class_names=names["names"],
        out=folder / "audits/release-7", encoder="sample", max_images_per_class=60, n_extreme=30,
        cache=folder / "cache/auditor", resume=True,
    )  # fmt: skip
    assert (folder / "audits/release-7/audit.json").read_bytes() == made
    assert again.explain(names["breaking"].path[0], model=names["network"], transform=names["transform"])._repr_png_()[
        :4
    ] == (b"\x89PNG")


def test_the_block_of_the_readme_runs(run_page, monkeypatch):
    folder, names = run_page
    monkeypatch.chdir(folder)
    # the audit of the page, which the readme's arguments do not describe: no hub for the default encoder here
    same = functools.partial(
        auditor.run_audit, encoder="sample", max_images_per_class=60, n_extreme=30, class_names=names["names"],
        resume=True, cache=folder / "cache/auditor",
    )  # fmt: skip
    monkeypatch.setattr(
        auditor, "run_audit", lambda **given: same(**{**given, "data": names["pictures"]}), raising=False
    )
    (block,) = blocks("README.md")
    exec(compile(block, "README.md", "exec"), {"network": names["network"], "transform": names["transform"]})
