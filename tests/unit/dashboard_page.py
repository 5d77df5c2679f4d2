"""The dashboard's page without a browser: one run of the script on an audit, and what it shows as text."""

import html
import re

from streamlit.testing.v1 import AppTest


def _script(folders, read_only, baseline, trust_code):
    from pathlib import Path

    from reports.dashboard.app import main
    from reports.dashboard.options import Options

    main(Options(tuple(Path(folder) for folder in folders), read_only, Path(baseline), trust_code))


def open_page(*folders, read_only=False, baseline="baseline.toml", trust_code=False, **params):
    """Run the page at the place that the parameters of the URL name."""
    arguments = ([str(folder) for folder in folders], read_only, str(baseline), trust_code)
    page = AppTest.from_function(_script, args=arguments, default_timeout=300)
    for name, value in params.items():
        page.query_params[name.rstrip("_")] = value
    return page.run()


def markup(page):
    """Our own HTML on the page as one reads it, without style and script; of a view that did not fail."""
    bodies = [element.proto.body for element in page.get("html")]
    drawn = "\n".join(body for body in bodies if not body.startswith(("<style", "<script")))
    assert "This view failed" not in drawn
    return drawn.replace("\u00a0", " ")


def words(page):
    """What our own HTML says."""
    # where a line may break there is no blank
    read = re.sub(r'<wbr>|<span class="whole">([^<]*)</span>', r"\1", markup(page))
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", read)).split())


def links(page):
    """Targets of the links in our own HTML, in order."""
    return [html.unescape(url) for url in re.findall(r'<a href="([^"]*)"', markup(page))]
