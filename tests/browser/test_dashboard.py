"""The dashboard in a browser, as a reviewer goes: every view by its address, by keyboard, and to a gate that passes."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest

pytest.importorskip("playwright.sync_api")

from auditor.models.encoders.load import load_encoder
from auditor.store.embedding_index import write_embedding_index
from benchmarks import big_audit, big_world
from benchmarks.big_audit import write_big_audit
from benchmarks.dashboard_speed import Wire

WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
N_IMAGES, N_CLASSES, N_CONCEPTS = 1500, 10, 40
#: For a machine that does something else as well.
PATIENCE = 60_000
#: Streamlit says so when a run of the page is done, and nothing is drawn any more.
IDLE = """() => document.querySelector("[data-testid=stApp]")?.getAttribute("data-test-script-state") === "notRunning"
    && !document.querySelector("[data-testid=stSkeleton]")"""
#: The first flagged class, its concept, and one of its pictures.
NAME = "class 0000"


@dataclass(frozen=True)
class Dashboard:
    """A running one: where it is served, the folder that it was started in, and the two audits."""

    address: str
    folder: Path
    audits: Path
    concept: str
    picture: str
    long_picture: str

    def url(self, **params: object) -> str:
        return f"{self.address}/?{urlencode({name.rstrip('_'): value for name, value in params.items()})}"

    def gate(self) -> int:
        command = [sys.executable, "-m", "auditor.cli", "gate", str(self.audits / "release-0")]
        return subprocess.run(command, cwd=self.folder, capture_output=True, timeout=120, check=False).returncode


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    """Two releases on the same pictures, searchable with the sample encoder."""
    folder, encoder = tmp_path_factory.mktemp("audits"), load_encoder("sample")
    make_run = big_audit._run
    # What a picture shows is what its row in the index says: every second one water, the others grass.
    rows = encoder.encode_texts(["water", "grass"])[[0, 1] * (N_IMAGES // 2)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(big_audit, "N_CHANNELS", 32)
        patched.setattr(big_world, "CHUNK", 1000)
        searchable = {"encoder_spec": "sample", "encoder_digest": encoder.digest}
        patched.setattr(big_audit, "_run", lambda world, n: replace(make_run(world, n), **searchable))
        for release in (0, 1):
            audit = folder / f"release-{release}"
            write_big_audit(audit, n_images=N_IMAGES, n_classes=N_CLASSES, n_concepts=N_CONCEPTS, release=release)
            write_embedding_index(audit, rows)
        make_world = big_audit.make_world

        def long_world(*given):
            world = make_world(*given)
            return replace(world, class_names=tuple(long_name(c) for c in range(len(world.class_names))))

        patched.setattr(big_audit, "make_world", long_world)
        write_big_audit(folder / "long", n_images=300, n_classes=N_CLASSES, n_concepts=N_CONCEPTS)
    return folder


def long_name(c):
    """Three hundred letters, every second name without a blank."""
    return f"{c} " + ("of many words " * 30 if c % 2 else "x" * 300)[: 300 - len(f"{c} ")].strip()


@pytest.fixture(scope="module")
def dashboard(audits, tmp_path_factory):
    """``auditor dashboard`` in a folder of its own; ended by its own id."""
    from auditor.store.open_audit import open_audit_database

    with open_audit_database(audits / "release-0") as connection:
        concept = connection.execute("SELECT concept_id FROM verdicts WHERE class_name = ?", [NAME]).fetchone()[0]
        picture = connection.execute("SELECT image_id FROM images WHERE image_idx = 0").fetchone()[0]
    with open_audit_database(audits / "long") as connection:
        long_picture = connection.execute("SELECT image_id FROM images WHERE image_idx = 0").fetchone()[0]
    folder = tmp_path_factory.mktemp("started-in")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "auditor.cli", "dashboard", str(audits), "--port", str(port)]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "LOGNAME": "ada"}
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", process)
            yield Dashboard(f"http://127.0.0.1:{port}", folder, audits, concept, picture, long_picture)
        finally:
            process.terminate()
            process.wait(30)


def wait_until_healthy(address, process):
    end = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            with urlopen(f"{address}/_stcore/health", timeout=1):
                return
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.fixture(scope="module")
def page(browser, dashboard):
    """One tab for all tests; what it asked for is in its list."""
    context = browser.new_context(viewport=WIDE)
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    opened.asked, opened.troubles = [], []
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.on("websocket", lambda socket: opened.asked.append(socket.url))
    opened.on("pageerror", lambda error: opened.troubles.append(str(error)))
    opened.goto("about:blank")
    opened.wire = Wire()
    opened.wire.watch(opened)
    yield opened
    context.close()


def view(page, url):
    """Open an address anew and wait until all of it is drawn; what its own parts say."""
    page.goto(url)
    page.wait_for_selector(".au h1")
    page.wait_for_function(IDLE)
    return said(page)


def said(page):
    return "\n".join(page.locator(".au").all_inner_texts())


def click(page, locator):
    after(page, locator.click)


def after(page, act):
    """Act, and wait until the page has become what the server makes of it."""
    since = page.wire.asked
    act()
    page.wire.wait(page, since)
    page.wait_for_function(IDLE)


VIEWS: dict[str, tuple[str, dict[str, Any]]] = {
    "audits": ("release-0", {}),
    "overview": (NAME, {}),
    "matrix": ("pictures with it", {"class_": NAME, "concept": "CONCEPT", "among": "without"}),
    "confusion": (NAME, {}),
    "atlas": ("drawn around", {"area": "0.0.500.0.500.500.0.500", "among": "area"}),
    "class": (NAME, {"class_": NAME}),
    "concept": (NAME, {"concept": "CONCEPT"}),
    "pictures": (
        "the evidence of this class",
        {"class_": NAME, "concept": "CONCEPT", "size": 200, "order": "presence", "column": "site", "value": "site 0"},
    ),
    "basket": ("Nothing is in it", {}),
    "groups": ("Group and shares", {}),
    "group": ("2 channels", {"view": "groups", "group": 3}),
    "picture": ("class 0000/0000000.jpg", {"picture": "PICTURE", "class_": NAME, "concept": "CONCEPT"}),
    "search": ("like", {"text": "water"}),
    "compare": ("fixed", {"other": "release-1"}),
    "compared class": ("before", {"view": "compare", "other": "release-1", "class_": NAME}),
    "review": (f"{NAME} · ", {}),
    "teach": ("Which pictures show it", {}),
    "finding": ("look at the evidence", {"view": "review", "class_": NAME, "concept": "CONCEPT"}),
}


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_by_its_address_has_no_barrier_and_fits_a_telephone(page, dashboard, name):
    expected, params = VIEWS[name]
    known = {"CONCEPT": dashboard.concept, "PICTURE": dashboard.picture}
    params = {"audit": "release-0", "view": name, **{key: known.get(value, value) for key, value in params.items()}}
    page.set_viewport_size(WIDE)
    shown = view(page, dashboard.url(**params))
    assert expected in shown
    assert "Traceback" not in page.inner_text("body")
    assert page.locator("[data-testid=stException]").count() == 0
    assert "This cannot be shown" not in shown
    assert barriers(page) == []
    tables = "[...document.querySelectorAll('.au .scroll:not(.matrix-of)')]"
    moved = f"{tables}.filter((one) => one.scrollWidth > one.clientWidth).length"
    assert page.evaluate(moved) == 0  # no table but a matrix is moved sideways on a screen
    page.set_viewport_size(NARROW)
    page.wait_for_timeout(200)
    assert wider_than_the_telephone(page) <= 0
    rows = "new Set([...document.querySelectorAll('.au .views li')].map((one) => one.getBoundingClientRect().top)).size"
    assert page.evaluate(rows) == 1  # of the views' names, moved sideways
    if name == "atlas":  # of the plane something is on the first screen
        assert page.locator(".au .plane").bounding_box()["y"] < NARROW["height"] - 100


def wider_than_the_telephone(page):
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    return page.evaluate(
        "document.querySelector('[data-testid=stMain]').scrollWidth - document.documentElement.clientWidth"
    )


@pytest.mark.parametrize("name", ["overview", "confusion", "class", "concept", "pictures", "picture", "finding"])
def test_names_of_three_hundred_letters_fit_a_telephone(page, dashboard, name):
    _, params = VIEWS[name]
    known = {"CONCEPT": dashboard.concept, "PICTURE": dashboard.picture, NAME: long_name(0)}
    given = {key: known.get(value, value) for key, value in params.items() if key != "picture"}
    if name == "picture":
        given["picture"] = dashboard.long_picture
    page.set_viewport_size(NARROW)
    shown = view(page, dashboard.url(**{"audit": "long", "view": name, **given}))
    assert "This cannot be shown" not in shown
    assert long_name(0)[:20] in shown
    unlike = """[...document.querySelectorAll('.au :is(h1, h2, h3) bdi > span[aria-hidden]')].filter((one) =>
        getComputedStyle(one).font !== getComputedStyle(one.parentElement).font).length"""
    assert page.evaluate(unlike) == 0  # a name that is cut looks like one that is not
    page.evaluate("document.querySelectorAll('.au details').forEach((one) => { one.open = true; })")
    assert wider_than_the_telephone(page) <= 0


@pytest.mark.parametrize("name", VIEWS)
def test_no_barrier_in_the_dark_on_a_telephone(page, dashboard, name):
    _, params = VIEWS[name]
    known = {"CONCEPT": dashboard.concept, "PICTURE": dashboard.picture}
    page.set_viewport_size(NARROW)
    params = {"audit": "release-0", "view": name, **{key: known.get(value, value) for key, value in params.items()}}
    page.emulate_media(color_scheme="dark")
    try:
        view(page, dashboard.url(**params))
        assert barriers(page) == []
    finally:
        page.emulate_media(color_scheme="light")


def barriers(page):
    """What axe finds serious in what is ours: Streamlit draws the frame and the widgets; inside .au all is ours."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page).response["violations"]
    return [
        (one["id"], node["html"][:200])
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
        if page.evaluate("(path) => !!document.querySelector(path)?.closest('.au')", node["target"][0])
    ]


def test_from_the_decision_to_why_to_the_breaking_pictures_and_to_an_accepted_finding(page, dashboard):
    """The evidence is one click away, the list as a file two, an accepted finding three."""
    page.set_viewport_size(WIDE)
    overview = dashboard.url(audit="release-0", view="overview")
    assert "Do not ship" in view(page, overview)
    assert "none accepted" in said(page)
    card = page.locator(".au .card").first
    names = page.locator(".au .findings-of h2").all()
    # the names stand on one line, whatever the captions above them
    assert len({round(one.bounding_box()["y"]) for one in names[:3]}) == 1
    name = card.locator("h2").inner_text()
    click(page, card.get_by_role("link", name="Evidence", exact=True))  # 1
    assert page.locator(f".au h1:has-text('{name}')").count()
    after(page, page.go_back)

    click(page, card.get_by_role("link", name="Pictures", exact=True))  # 1
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="as CSV").click()  # 2
    assert downloaded.value.suggested_filename.startswith("breaking-")
    rows = list(csv.DictReader(Path(downloaded.value.path()).read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["path", "label", "called", "confidence", "presence", "share"]
    assert {row["label"] for row in rows} == {name}
    assert all(float(row["presence"]) <= 0.5 for row in rows)

    ticks = page.locator(".au .grid button.tick")
    ticks.nth(0).click()
    after(page, lambda: ticks.nth(2).click(modifiers=["Shift"]))
    page.locator(".au .grid .tile a").nth(4).focus()
    after(page, lambda: page.keyboard.press("x"))
    page.get_by_role("link", name="Basket 4").wait_for()
    assert page.evaluate("document.activeElement.closest('.tile') !== null")  # a tick takes nobody's place away
    assert "tick=" not in page.url
    click(page, page.get_by_role("link", name="Basket 4"))
    assert page.locator(".au .grid .tile").count() == 4
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="4 pictures as CSV").click()
    picked = list(csv.DictReader(Path(downloaded.value.path()).read_text(encoding="utf-8").splitlines()))
    shown = [row["path"] for row in rows]
    assert [row["path"] for row in picked] == [shown[0], shown[1], shown[2], shown[4]]

    view(page, overview)
    click(page, card.get_by_role("link", name="Accept", exact=True))  # 1
    page.get_by_role("textbox", name="Why").fill("ships to zoos; ticket 7")
    click(page, page.get_by_role("button", name="Show the change"))  # 2
    assert "Once it is written:" in said(page)
    click(page, page.get_by_role("button", name="Write it"))  # 3
    assert f'class = "{name}"' in (dashboard.folder / "baseline.toml").read_text(encoding="utf-8")
    assert "1 more accepted" in view(page, overview)
    assert dashboard.gate() == 1  # there are others


def test_a_list_is_narrowed_by_what_the_manifest_says(page, dashboard):
    page.set_viewport_size(WIDE)
    here = {"audit": "release-0", "view": "pictures", "class_": NAME, "concept": dashboard.concept, "among": "all"}
    view(page, dashboard.url(**here))
    as_csv = page.get_by_test_id("stDownloadButton").first  # an open list of choices hides its role
    whole = as_csv.inner_text()
    assert page.locator(".au .bins").count() >= 2  # over every range
    page.get_by_role("combobox", name="Column").click()
    click(page, page.get_by_role("option", name="site"))
    page.get_by_role("combobox", name="Values").click()
    click(page, page.get_by_role("option", name="site 0"))
    assert "value=site" in page.url
    assert as_csv.inner_text() == whole  # all of this class are from there
    assert "No picture is left" in view(page, dashboard.url(**here, column="site", value="site 1"))
    after(page, page.get_by_role("link", name="all of the list").click)
    assert as_csv.inner_text() == whole
    assert "column=" not in page.url


def test_back_returns_to_the_place_on_the_page(page, dashboard):
    page.set_viewport_size(WIDE)
    view(page, dashboard.url(audit="release-0", view="pictures", class_=NAME, concept=dashboard.concept, among="with"))
    top = "document.querySelector('[data-testid=stMain]').scrollTop"
    picture = page.locator(".au .grid .tile a").nth(20)
    picture.hover()
    page.wait_for_timeout(300)
    left = page.evaluate(top)
    assert left > 0
    click(page, picture)
    assert page.evaluate(top) == 0
    after(page, page.go_back)
    page.wait_for_function(f"() => Math.abs({top} - {left}) < 2")
    assert page.title().startswith(f"{NAME} · Pictures · ")


def test_a_reviewer_s_way_to_a_gate_that_passes(page, dashboard):
    page.set_viewport_size(WIDE)
    assert dashboard.gate() == 1
    view(page, dashboard.url())
    click(page, page.get_by_role("link", name="release-0", exact=True))
    click(page, page.get_by_role("link", name=NAME, exact=True).first)
    assert page.locator(f".au h1:has-text('{NAME}')").count()
    of_class = page.url
    click(page, page.locator(".au .tile a, .au a:has(img)").first)
    assert "picture=" in page.url
    assert "site 0" in said(page)  # the manifest's column of this picture
    after(page, page.go_back)
    assert page.url == of_class
    assert page.locator(f".au h1:has-text('{NAME}')").count()
    click(page, page.get_by_role("link", name="Search", exact=True))
    page.get_by_label("Words", exact=True).fill("water")
    after(page, lambda: page.get_by_label("Words", exact=True).press("Enter"))
    assert "text=water" in page.url
    assert page.locator(".au .grid a").count() == 24
    click(page, page.get_by_role("link", name="Compare", exact=True))
    page.get_by_role("combobox", name="The release before").click()
    click(page, page.get_by_role("option", name="release-1"))
    assert "other=release-1" in page.url
    assert page.locator(".au .changes.new").count()
    click(page, page.get_by_role("link", name="Review", exact=True))
    while page.locator(".au .findings .error a").count():
        accept(page, page.locator(".au .findings .error a").first)
    assert "Gate passes" in said(page)
    assert dashboard.gate() == 0


def accept(page, link):
    click(page, link)
    page.get_by_role("textbox", name="Why").fill("ships to zoos; ticket 7")
    click(page, page.get_by_role("button", name="Show the change"))
    assert '+reason = "ships to zoos; ticket 7"' in page.locator("[data-testid=stCode]").inner_text()
    click(page, page.get_by_role("button", name="Write it"))
    assert page.locator(".au .says.done").count()


def test_arrow_keys_step_through_the_pictures_and_back_goes_back(page, dashboard):
    page.set_viewport_size(WIDE)
    view(page, dashboard.url(audit="release-0", view="search", text="water"))
    click(page, page.locator(".au .grid a").first)
    first = page.url
    after(page, lambda: page.keyboard.press("ArrowRight"))
    assert "picture=" in page.url
    assert page.url != first
    after(page, page.go_back)
    assert page.url == first


def test_what_is_drawn_around_in_the_atlas_is_listed(page, dashboard):
    page.set_viewport_size(WIDE)
    view(page, dashboard.url(audit="release-0", view="atlas"))
    plane = page.locator(".au .atlas canvas").bounding_box()
    mouse, (x, y) = page.mouse, (plane["x"], plane["y"])
    mouse.move(x + 0.84 * plane["width"], y + 0.4 * plane["height"])  # around the first class, in the ring's east
    mouse.down()
    for right, down in ((0.98, 0.4), (0.98, 0.6), (0.84, 0.6)):
        mouse.move(x + right * plane["width"], y + down * plane["height"], steps=4)
    after(page, mouse.up)
    assert "area=" in page.url
    assert "150 pictures drawn around" in said(page)
    page.locator(".au .atlas canvas").focus()
    page.keyboard.press("ArrowRight")
    after(page, lambda: page.keyboard.press("Enter"))
    assert "0 pictures drawn around" in said(page)  # the middle of the ring is empty


def test_nothing_is_asked_of_any_other_machine_and_nothing_goes_wrong(page, dashboard):
    """What all the tests above have asked for."""
    elsewhere = {url for url in page.asked if urlsplit(url).hostname not in ("127.0.0.1", None)}
    assert elsewhere == set()
    assert len(page.asked) > 20
    assert page.troubles == []
