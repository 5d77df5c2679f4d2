"""``streamlit run streamlit_app.py -- DIR``: the file at the top of a checkout shows the dashboard."""

import sys
from pathlib import Path

from small_audit import write_small_audit
from streamlit.testing.v1 import AppTest

FILE = Path(__file__).parents[2] / "streamlit_app.py"


def test_it_shows_the_audit_of_its_arguments(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(FILE), str(write_small_audit(tmp_path / "audit"))])
    page = AppTest.from_file(str(FILE), default_timeout=300).run()
    assert not page.exception
    assert any("Classes by severity" in element.proto.body for element in page.get("html"))
    assert len(FILE.read_text().splitlines()) <= 20
