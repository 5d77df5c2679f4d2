"""The HTML report in a browser: readable by all, by keyboard, in the dark, on paper, and without a network."""

from __future__ import annotations

import re

import duckdb
import pytest
from hostile_audit import decision, write_hostile_audit
from picture_audit import write_picture_audit
from small_audit import write_small_audit

from auditor.store.open_audit import open_audit_database
from reports.page.html_report import render_html

WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
N_CLASSES = 40
LONG = "x" * 300
PER_PAGE = 25


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """Files of the page of some audits, by name."""
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "pictures": (write_picture_audit(folder / "a", 3), None),
        "small": (write_small_audit(folder / "b"), None),
        "hostile": (write_hostile_audit(folder / "c"), decision()),
        "many": (write_picture_audit(folder / "d", N_CLASSES, thumbnails=False), None),
        "long": (long_names(write_picture_audit(folder / "e", 3)), None),
    }
    files = {}
    for name, (audit, decided) in made.items():
        with open_audit_database(audit) as connection:
            text = render_html(connection, decision=decided)
        files[name] = folder / f"{name}.html"
        files[name].write_bytes(text.encode("utf-8", "backslashreplace"))
    return files


def long_names(folder):
    """Three hundred letters without a blank behind every class and its concept."""
    with duckdb.connect(str(folder / "audit.duckdb")) as writer:
        for table in ("verdicts", "findings", "counterexamples", "class_concepts"):
            writer.execute(f"UPDATE {table} SET class_name = class_name || ?, concept = concept || ?", [LONG, LONG])
        writer.execute("UPDATE predictions SET label_name = label_name || ?", [LONG])
        writer.execute("UPDATE verdicts SET claim = replace(claim, left(class_name, 6), class_name)")
    return folder


@pytest.fixture
def opened(browser, pages):
    """Opens a page; what it asked for, logged and did wrong is in its lists."""
    contexts = []

    def open_page(name, *, viewport=WIDE, **options):
        context = browser.new_context(viewport=viewport, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.stopped, page.troubles = [], [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("requestfailed", lambda request: page.stopped.append((request.url, request.failure)))
        page.on("console", lambda message: page.troubles.append(message.text))
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.goto(pages[name].as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


def visible_rows(page):
    return page.locator("table.classes tbody tr:visible th").all_inner_texts()


@pytest.mark.parametrize(
    ("name", "scheme", "viewport"),
    [
        ("pictures", "light", WIDE), ("pictures", "dark", WIDE), ("pictures", "light", NARROW),
        ("pictures", "dark", NARROW), ("small", "light", NARROW), ("small", "dark", WIDE),
        ("hostile", "light", WIDE), ("hostile", "dark", NARROW),
    ],
)  # fmt: skip
def test_axe_finds_nothing(opened, name, scheme, viewport):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = opened(name, color_scheme=scheme, viewport=viewport)
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    found = axe.Axe().run(page).response["violations"]
    told = [(one["id"], one["impact"], one["nodes"][0]["html"][:200]) for one in found]
    assert told == []


@pytest.mark.parametrize("name", ["pictures", "hostile"])
def test_nothing_is_asked_of_any_network_and_nothing_goes_wrong(opened, name, pages):
    page = opened(name)
    page.wait_for_load_state("networkidle")
    assert [url for url in page.asked if not url.startswith("data:")] == [pages[name].as_uri()]
    assert page.troubles == []
    assert page.locator("img").evaluate_all("all => all.every(one => one.complete && one.naturalWidth > 0)")


def test_the_policy_stops_scripts_and_addresses_that_are_not_the_page_s(opened):
    page = opened("small")
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.owned = true";
            const image = document.createElement("img");
            image.src = "https://example.org/x.png";
            document.body.append(script, image);
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.owned") is None
    assert page.stopped == [("https://example.org/x.png", "csp")]  # by the policy, before the network is asked
    assert sum("Content Security Policy" in trouble for trouble in page.troubles) == 2


def test_the_table_is_filtered_by_keyboard(opened):
    page = opened("many")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "filter":
            break
    page.keyboard.type("BIRD 3")
    assert visible_rows(page) == ["bird 3", *(f"bird {number}" for number in range(30, 40))]
    assert page.locator("#shown").inner_text() == f"11 of {N_CLASSES} classes"
    page.keyboard.type("9")
    assert visible_rows(page) == ["bird 39"]
    page.keyboard.press("Escape")
    assert len(visible_rows(page)) == PER_PAGE
    page.keyboard.type("no such class")
    assert visible_rows(page) == []


def test_the_verdicts_are_buttons(opened):
    page = opened("small")
    page.get_by_role("button", name="suspect").focus()
    page.keyboard.press("Enter")
    assert visible_rows(page) == ["landbird"]
    assert page.get_by_role("button", name="suspect", pressed=True).count() == 1
    page.keyboard.press("Space")
    assert len(visible_rows(page)) == 5


def test_the_table_is_sorted_by_keyboard_and_what_was_not_measured_stays_last(opened):
    page = opened("small")
    header = page.get_by_role("button", name="Gap")
    header.focus()
    page.keyboard.press("Enter")
    assert visible_rows(page)[:2] == ["waterbird", "landbird"]
    assert page.get_by_role("columnheader", name="Gap").get_attribute("aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert visible_rows(page)[:2] == ["landbird", "waterbird"]
    page.get_by_role("button", name="Class").click()
    assert visible_rows(page) == ["boat", "cat", "landbird", "vehicle", "waterbird"]
    page.get_by_role("button", name="Verdict").click()
    page.get_by_role("button", name="Verdict").click()
    assert visible_rows(page) == ["waterbird", "vehicle", "landbird", "boat", "cat"]


def test_a_long_table_pages(opened):
    page = opened("many")
    assert len(visible_rows(page)) == PER_PAGE
    page.get_by_role("button", name=f"Show the other {N_CLASSES - PER_PAGE}").press("Enter")
    assert len(visible_rows(page)) == N_CLASSES
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == PER_PAGE + 1


def test_without_scripts_all_is_there(opened):
    page = opened("many", java_script_enabled=False)
    assert len(visible_rows(page)) == N_CLASSES
    assert not page.locator("#tools").is_visible()
    assert page.locator("section.class h2").count() == N_CLASSES


@pytest.mark.parametrize(("viewport", "n_open"), [(NARROW, 0), ({"width": 1400, "height": 900}, 10)])
def test_a_page_of_many_stays_an_index_and_a_link_opens_its_class(opened, viewport, n_open):
    page = opened("many", viewport=viewport)
    shown = page.locator("section.class:visible")
    assert shown.count() == n_open
    folded = page.locator("details.folded:not([open]) section.class").first.get_attribute("id")
    page.evaluate("(id) => { location.hash = id; }", folded)
    page.locator(f"section.class[id='{folded}']").wait_for()
    assert shown.count() == n_open + 1


@pytest.mark.parametrize("name", ["pictures", "small", "hostile", "many", "long"])
def test_nothing_is_wider_than_a_telephone(opened, name):
    page = opened(name, viewport=NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    lines = "[...document.querySelectorAll('.classes .whole')].map((one) => one.getClientRects().length)"
    assert set(page.evaluate(lines)) <= {0, 1}  # an interval is on one line; 0: of a row that is not shown


@pytest.mark.parametrize("name", ["pictures", "hostile", "many", "long"])
@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_printed_it_is_one_page(opened, name, paper):
    assert n_pages(opened(name).pdf(format=paper)) == 1


def test_paper_is_white_and_holds_the_decision_the_worst_classes_and_how_it_was_made(opened):
    page = opened("many", color_scheme="dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(media="print", color_scheme="dark")
    assert dark != page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(visible_rows(page)) == 12
    assert page.get_by_text(f"The first 12 of {N_CLASSES} classes.").is_visible()
    for there in (".decision", ".card", "#made"):
        assert page.locator(there).first.is_visible(), there
    for absent in ("#tools", "section.class", "#matrix", "#limits"):
        assert not page.locator(absent).first.is_visible(), absent


def test_all_of_it_is_printed_where_that_is_asked_for(opened):
    page = opened("many")
    page.evaluate("window.print = () => {}")  # a browser without a window has no printer
    page.get_by_role("button", name="Print all of it").click()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(visible_rows(page)) == N_CLASSES
    assert page.locator("section.class:visible").count() == N_CLASSES
    assert n_pages(page.pdf()) > 1
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert n_pages(page.pdf()) == 1


def n_pages(pdf):
    return len(re.findall(rb"/Type /Page\b", pdf))


def test_links_go_to_the_class(opened):
    page = opened("pictures")
    page.locator("#class-rows").get_by_role("link", name="bird 2").press("Enter")
    assert page.url.endswith("#class-bird-2")
    top = page.locator("#class-bird-2").bounding_box()["y"]
    assert -1 <= top < WIDE["height"]


def test_from_the_first_screen_to_why_to_the_list_and_to_what_accepts_it(opened):
    """One click to the evidence; two to the breaking pictures as CSV, and two to the entry that accepts a finding."""
    page = opened("pictures")
    assert page.locator(".decision").inner_text().startswith("✕ Do not ship 3 findings, none accepted.")
    card = page.locator(".card").first
    card.get_by_role("link", name="Evidence").click()
    assert page.locator(".class:target h2").inner_text().startswith("bird 0")
    page.go_back()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    card.get_by_role("link", name="Pictures that decide it").click()
    table = page.locator("details:target")
    table.get_by_role("button", name="Copy").click()
    table.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("path,label,called,confidence,presence,share")
    card.get_by_text("Accept", exact=True).click()
    card.get_by_role("button", name="Copy for baseline.toml").click()
    card.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("[[accepted]]")
    assert page.troubles == []
