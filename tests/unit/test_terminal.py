"""What is printed is what was drawn, letter by letter."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from reports.written.terminal import print_on


def test_names_in_colons_and_brackets_stay_as_they_are():
    stream = io.StringIO()
    print_on(Console(file=stream, width=80), lambda _: Text("property:camera: of [red]cat[/red]"))
    assert stream.getvalue() == "property:camera: of [red]cat[/red]\n"
