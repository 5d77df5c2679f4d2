"""``streamlit run streamlit_app.py -- DIR``: a checkout serves the guarded dashboard on this machine alone."""

import runpy
import tomllib
from pathlib import Path

from streamlit.web.server.app_discovery import discover_asgi_app

from reports.dashboard.guard import Guard
from reports.dashboard.launch import PAGE

ROOT = Path(__file__).parents[2]
FILE = ROOT / "streamlit_app.py"


def test_streamlit_finds_the_guarded_page_in_it():
    assert discover_asgi_app(FILE).app_name == "app"
    app = runpy.run_path(str(FILE))["app"]
    assert app.script_path == PAGE
    (guard,) = app._user_middleware
    assert (guard.cls, guard.kwargs) == (Guard, {"names": ["localhost"]})
    assert len(FILE.read_text().splitlines()) <= 20


def test_it_is_served_on_this_machine_alone():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["address"] == "127.0.0.1"
