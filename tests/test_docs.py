"""What the documentation names is there, and what is there is documented."""

from __future__ import annotations

import importlib.resources
import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from auditor.config import AuditConfig, make_config
from auditor.rules import RULES

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate_cli = _load(ROOT / "docs" / "generate_cli.py")
COMMANDS = generate_cli.commands()


_HELP = {"--help", "-h"}
#: What the program itself takes, without a command.
_OF_ALL = {"--version", "--install-completion", "--show-completion", *_HELP}


def wrong_calls(text: str) -> list[str]:
    """Lines of fenced blocks that call an absent command or option of auditor, or an absent target of make."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    wrong = []
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in (
            block.replace("\\\n", " ").splitlines() if language in ("", "bash", "sh", "shell", "console") else ()
        ):
            if not re.match(r"(\$ )?(\S*/)?(auditor|make) ", line):
                continue
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[0] == "make":
                good = targets.issuperset(word for word in words[1:] if "=" not in word)
            else:
                name = next((name for name in COMMANDS if words[1 : 1 + len(name.split())] == name.split()), None)
                known = {opt for param in COMMANDS[name].params for opt in param.opts} | _HELP if name else set()
                given = [word.partition("=")[0] for word in words[1:] if word.startswith("-")]
                good = known.issuperset(given) if name else bool(given) and _OF_ALL.issuperset(words[1:])
            wrong += [] if good else [line]
    return wrong


def test_the_check_of_calls_finds_what_is_wrong():
    right = (
        "```bash\n$ auditor report DIR --format=json  # as JSON\n.venv/bin/auditor cache info\nmake demo OUT=x\n```\n"
    )
    assert wrong_calls(right) == []
    block = "```\nauditor audit\nauditor cache\nauditor report DIR \\\n  --formt json\nmake lunch\nls --all\n```\n"
    assert wrong_calls(block) == ["auditor audit", "auditor cache", "auditor report DIR    --formt json", "make lunch"]
    assert wrong_calls("```python\nauditor audit\n```\n") == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_call_only_what_exists_and_link_only_where_something_lies(page):
    text = page.read_text(encoding="utf-8")
    assert text.strip()
    assert wrong_calls(text) == []
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    relative = [link.partition("#") for link in links if not re.match(r"[a-z]+:", link)]
    missing = [path for path, _, _ in relative if path and not (page.parent / path).exists()]
    assert not missing
    for path, _, anchor in relative:
        if anchor:
            target = (page.parent / path if path else page).read_text(encoding="utf-8")
            assert anchor in _anchors(target), f"{path}#{anchor}"


def _anchors(text: str) -> set[str]:
    """Named anchors and those that headings make."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_argument_and_option_has_help(name):
    command = COMMANDS[name]
    assert command.help, name
    assert [param.name for param in command.params if not param.help] == []


def test_the_page_of_commands_is_current_and_whole():
    text = generate_cli.CLI_PAGE.read_text(encoding="utf-8")
    assert text == generate_cli.render_page(), "docs/cli.md is stale: run `python docs/generate_cli.py`"
    sections = dict(re.findall(r"^## auditor ([a-z ]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert sorted(sections) == sorted(COMMANDS)
    for name, section in sections.items():
        for param in COMMANDS[name].params:
            shown = param.opts[0] if param.opts[0].startswith("-") else (param.metavar or param.name).upper()
            assert re.search(rf"^- `(-\w, )?{re.escape(shown)}", section, re.MULTILINE), (name, shown)


def test_every_rule_has_its_page_and_anchor():
    for rule in (one.rule_id for one in RULES):
        page, _, anchor = rule.partition("-")
        text = (ROOT / "docs" / "rules" / f"{page}.md").read_text(encoding="utf-8")
        assert rule in text, rule
        assert not anchor or f'<a id="{anchor}">' in text, rule


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "rules").glob("E*.md")), ids=lambda page: page.stem)
def test_every_rule_says_what_a_reader_needs(page):
    text = page.read_text(encoding="utf-8")
    parts = ["What it measures.", "Why it matters.", "Example", "What makes it wrong.", "How to allow it."]
    places = [text.find(f"**{part}") for part in parts]
    assert -1 not in places, dict(zip(parts, places, strict=True))
    assert places == sorted(places)


def test_the_settings_template_names_every_setting_with_its_default(tmp_path):
    text = importlib.resources.files("auditor").joinpath("settings_template.toml").read_text(encoding="utf-8")
    as_it_is = tomllib.loads(text)
    assert set(as_it_is) == {"data", "model", "out"}
    everything = re.sub(r"^# (?=\w+ = |\[[\w.]+\]$)", "", text, flags=re.MULTILINE)
    values = tomllib.loads(everything)
    assert set(values) == set(AuditConfig.model_fields) - {"trust_code"}
    by_model = re.sub(r"^(?=(?:predictions|features) = )", "# ", everything, flags=re.MULTILINE)  # or by these
    (tmp_path / "auditor.toml").write_text(by_model, encoding="utf-8")
    config = make_config({}, tmp_path / "auditor.toml")
    for name in ("encoder", "max_failure_share", "thumbnails", "n_extreme", "seed", "jobs", "batch_size", "device"):
        assert getattr(config, name) == AuditConfig.model_fields[name].default, name


def test_the_map_of_the_code_names_what_is_there():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+\.(?:py|toml))`", text))
    assert len(named) > 50
    rooms = [ROOT, ROOT / "auditor", ROOT / "auditor" / "evidence"]
    assert [name for name in sorted(named) if not any((room / name).is_file() for room in rooms)] == []
