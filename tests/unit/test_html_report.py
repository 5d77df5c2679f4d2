"""The HTML page: what it says, in which order, and that no name or picture can break it."""

import base64
import hashlib
import re
from dataclasses import replace

import duckdb
import pytest
from hostile_audit import NAMES, decision, write_hostile_audit
from html_page import Page, page_of
from picture_audit import image_id, write_picture_audit
from small_audit import verdicts

from auditor.records import Verdict
from auditor.rules import PLACE_TAKEN
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.page.html_report import FULL, html_parts
from reports.page.pictures import PictureBudget
from reports.page.sections import Sections, anchors
from reports.page.verdict_sentence import sentence_parts
from reports.written.text import render_text


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return page_of(write_picture_audit(tmp_path_factory.mktemp("audit"), 2))


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return page_of(write_hostile_audit(tmp_path_factory.mktemp("hostile")), decision=decision())


def test_the_story_comes_in_order(page):
    told = [
        "2 of 2 classes are flagged", "▲ 2 flagged ◆ 0 suspect ● 0 clean ○ 0 not analysed",
        "bird 0 ▲ flagged · severity high 65 pts [58, 71] of 3,622 pictures",
        'The model calls a picture "bird 0" largely because of water (scene).', "Evidence", "Accept",
        "with water: called bird 0, 75 %", "without water: ✕ called bird 1, 75 %",
        "Classes by severity", "bird 0 ▲ flagged", "where the evidence for the class lies, from nothing to most",
        'The model calls a picture "bird 0" largely because of water (scene). Without it 31 % [25, 38] of 212',
        "with water 96 % [95, 97] of 3,410 without water 31 % [25, 38] of 212", "bird 0 with water",
        "called bird 0, 75 %", "bird 0 without water · mistakes first · these decide the matter",
        "✕ called bird 1, 75 %", "Evidence", "What now", "With 180 more pictures of that sort",
        "auditor explain /", "What this does not show", "What the encoder calls water · 6 of 10 pictures",
        "the manifest’s scene = water agrees with kappa 0.88",
        "surely", "Channel groups that carry it", "water, lake · 46 % · 1 channel",
        "All numbers of bird 0", "FROM findings", "How this was made", "What this page does not show",
    ]  # fmt: skip
    position = 0
    for words in told:
        found = page.says(words, position)
        assert found >= 0, words
        position = found


def test_a_pull_is_told_by_the_other_classes_pictures(page):
    assert page.says("22 pts [14, 34] of 3,622 pictures") > 0
    assert page.says("another class, with water: ✕ bird 0 called bird 1, 75 %") > 0
    start = page.says("All numbers of bird 0")
    for words in (
        "Pictures of other classes that are called bird 1 with water 22 % [18, 26] of 400",
        "without water 1 % [0, 1] of 9,000",
        "others with water, called bird 1 · all wrong · these decide the matter",
        "✕ bird 0 called bird 1, 75 %",
        "bird 1 without water · mistakes first",
        "Shown above",  # what the encoder calls water stands once
    ):
        start = page.says(words, start)
        assert start > 0, words


@pytest.mark.parametrize(
    ("rule", "by_pull", "arms_of", "sides", "picture"),
    [
        ("E4-recall", False, "class", [("with", False), ("without", True)], "'bird 0/3.jpg'"),
        ("E4-pull", True, "others", [("with", False), ("pulled", True), ("without", False)], "'bird 1/9.jpg'"),
    ],
)
def test_two_equal_effects_are_told_apart_by_the_rule_that_decided(tmp_path, rule, by_pull, arms_of, sides, picture):
    """A gap of recall of 25 points, and a pull of 25 points that nothing confirms: the verdict says which it is."""
    write_picture_audit(tmp_path, 2)
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as writer:
        equal = "effect = 0.25, low = 0.15, high = 0.35"
        for name, q, number in (("E4-recall", 0.002, image_id(0, 3)), ("E4-pull", 0.9, image_id(1, 4))):
            of = f"WHERE class_idx = 0 AND rule_id = '{name}'"
            writer.execute(f"UPDATE findings SET {equal}, q = {q}, evidence_image_ids = ['{number}'] {of}")
        decided = f"rule_id = '{rule}', effect = 0.25, effect_low = 0.15, effect_high = 0.35"
        gap = "gap = 0.25, gap_low = 0.15, gap_high = 0.35"
        writer.execute(f"UPDATE verdicts SET {decided}, {gap} WHERE class_idx = 0")
    with open_audit_database(tmp_path) as connection:
        (verdict,) = [row for row in queries.verdicts(connection) if row.class_idx == 0]
        budget = PictureBudget(3_000_000, FULL.sizes)
        sections = Sections(connection, [verdict], anchors([verdict]), FULL, budget)
        card, section = sections.card(verdict), sections.section(verdict)
        text = render_text(connection)
    assert card.by_pull is by_pull
    assert section.arms_of == arms_of
    shown = [(group.side, group.decides) for group in section.tile_groups]
    assert [one for one in shown if one[0] != "words"] == sides
    assert section.command == f"auditor explain {tmp_path} {picture} --class 'bird 0'"
    assert section.command in text


def test_a_class_that_a_place_flags_has_its_effect_for_a_figure(tmp_path):
    write_picture_audit(tmp_path, 2)
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as writer:
        place = "concept_id = 'place-top', concept = 'top left corner', concept_kind = 'place', share = NULL"
        effect = f"rule_id = '{PLACE_TAKEN.rule_id}', effect = 0.73, effect_low = 0.6, effect_high = 0.81, gap = NULL"
        writer.execute(f"UPDATE verdicts SET {place}, {effect} WHERE class_idx = 0")
    first = page_of(tmp_path).split('class="big"')[1]
    assert first.startswith(">73 pts <small>[60, 81]</small></p>")


def test_charts_carry_the_numbers_for_screen_readers(page):
    labels = [attributes["aria-label"] for attributes in page.all("svg")]
    told = (
        "Evidence with 95 % intervals: Recall gap 65 pts [58, 71] · n 3,622",
        "False calls gap 22 pts [14, 34] · n 3,622",
        "Erased from recall too few pictures",
        "Share of the words 41 % [38, 44] · n 3,622",
    )
    assert labels[0] == "; ".join(told)
    shares = (
        "Shares of the words: water (scene) 41 % · others 3 %",
        "beak (part) 11 % · others 0 %",
        "other words 23 %",
        "no word fits 25 %",
    )
    assert labels[1] == "; ".join(shares)


def test_every_picture_is_in_the_page_and_says_what_it_is(page):
    pictures = page.all("img")
    assert len(pictures) > 20
    assert all(one["src"].startswith("data:image/webp;base64,") for one in pictures)
    alts = [one["alt"] for one in pictures]
    assert "bird 0/3.jpg, labelled bird 0, called bird 1, 75 %" in alts
    assert "where the evidence for bird 0 lies" in alts
    assert any(one.startswith("bird 0/") and one.endswith(", where it reads as water") for one in alts)
    assert all(alts)


def test_nothing_is_loaded_and_only_the_page_s_own_script_may_run(source, page):
    (policy,) = [attributes["content"] for attributes in page.all("meta") if "http-equiv" in attributes]
    script = re.search(r"<script>(.*?)</script>", source, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    addresses = [value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")]
    assert all(address.startswith(("#", "data:image/webp;base64,")) for address in addresses)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", source)


def test_the_style_is_whole(source):
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)[1]
    assert style.count("{") == style.count("}") > 100


def test_links_lead_somewhere_and_ids_are_unlike(page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    linked = {attributes["href"][1:] for attributes in page.all("a")}
    assert linked <= set(ids)
    assert {"class-bird-0", "class-bird-1", "main"} <= linked


def test_the_sql_gives_the_figures(tmp_path, page):
    statements = re.findall(r"SELECT [^;]*?;", page.text)
    assert len(statements) == 10
    with open_audit_database(write_picture_audit(tmp_path, 2)) as connection:
        counts = [len(connection.execute(statement).fetchall()) for statement in statements]
    assert counts == [4, 2, 2, 2, 2] * 2


def test_names_are_text(hostile):
    page = Page(hostile)
    assert len(page.all("script")) == 1
    assert "<script>alert(1)</script>" in page.text
    assert "gnp.exe" in page.text
    assert not set(hostile) & set("\x00\x08\x1b\u202e\u2066\u2028\x7f")
    tags = {tag for tag, _ in page.tags}
    assert tags <= {
        "html", "head", "meta", "title", "style", "body", "a", "div", "header", "p", "b", "h1", "i", "ul", "li", "span",
        "main", "section", "ol", "h2", "small", "bdi", "table", "thead", "tbody", "tr", "th", "td", "label", "input",
        "fieldset", "legend", "button", "caption", "code", "h3", "h4", "u", "figure", "figcaption", "svg", "g", "path",
        "line", "text", "strong", "pre", "details", "summary", "dl", "dt", "dd", "br", "footer", "script",
    }  # fmt: skip
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert max(map(len, page.text.split())) <= 1_000  # of 10,000
    assert "{{7*7}}" in page.text  # no template runs twice


def test_hostile_names_keep_their_anchors_apart(hostile):
    page = Page(hostile)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in ids)


def test_anchors_are_names_where_they_can_be():
    rows = [
        Verdict(idx, name, "clean", "none", None, None, None, "", 1)
        for idx, name in enumerate(("waterbird", "Water bird", "water bird", "水", "x" * 500))
    ]
    found = anchors(rows)
    assert found[0] == "class-waterbird"
    assert re.fullmatch(r"class-water-bird-[0-9a-f]{8}", found[1])
    assert re.fullmatch(r"class-[0-9a-f]{8}", found[3])
    assert len(set(found.values())) == 5
    assert anchors(rows[1:])[1] == found[1]  # the same whatever else is there


def test_the_sentence_is_shown_whole_in_two_sizes():
    row = replace(verdicts()[0], claim="Relies on water (scene).", numbers="Without it 3 %.", advice="Collect some.")
    assert sentence_parts(row) == ("Relies on water (scene).", "Without it 3 %.\nCollect some.")
    name = "x" * 10_000
    long = replace(row, class_name=name, claim=f'It calls "{name}" so because of w (scene).', advice="")
    claim, numbers = sentence_parts(long)
    assert claim.startswith('It calls "xxx')
    assert claim.endswith('…" so because of w (scene).')
    assert numbers == "Without it 3 %."


def test_the_page_is_made_class_by_class(tmp_path):
    with open_audit_database(write_picture_audit(tmp_path, 3)) as connection:
        parts = list(html_parts(connection))
    assert len(parts) == 6
    assert [part.count('<section class="class"') for part in parts] == [0, 0, 1, 1, 1, 0]


def test_names_of_the_hostile_audit_are_all_there(hostile):
    text = Page(hostile).text
    for name in NAMES:
        if name.isascii() and name.isprintable() and len(name) < 40:
            assert " ".join(name.split()) in text
