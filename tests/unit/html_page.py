"""Reads the HTML report as a browser would, roughly: its tags, what it says, and whether it is whole."""

import html.parser

from small_audit import make_run

from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database
from reports.page.html_report import render_html

VOID = {"meta", "img", "input", "br", "line", "path"}


class Page(html.parser.HTMLParser):
    """Tags with their attributes and the text outside of style and script; fails where tags do not close in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def says(self, words, start=0):
        """Where the page says so, -1 if it does not; the space between elements is the style's affair."""
        return "".join(self.text.split()).find("".join(words.split()), start)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(folder, **options):
    """The page as one reads it: blanks that do not break (test_kept_together.py) are blanks."""
    with open_audit_database(folder) as connection:
        return render_html(connection, **options).replace("\u00a0", " ")


def audit_of(folder, rows, **changes):
    run = make_run(**{"notices": (), **changes})
    with AuditDatabase(folder) as database:
        database.add_run(run)
        database.add_verdicts(rows)
    write_manifest(folder, run)
    return folder
