"""Text of an audit inside our own HTML, and in the labels that Streamlit reads as Markdown."""

from __future__ import annotations

import html
from typing import Any

import streamlit as st

from reports.dashboard.explanations import READING
from reports.display import VERDICT_SHAPES, VERDICT_WORDS, plain
from reports.page.templates import environment

#: No name of a class or a picture needs more; a report of 10,000 letters would only hide the others.
_LONGEST = 200


def text(name: object, limit: int = _LONGEST) -> str:
    """A name as one line of visible characters, escaped for HTML text and attributes."""
    return html.escape(plain(str(name), limit))


def label(name: object, limit: int = 80) -> str:
    """A name for a widget's label, option or help, where Markdown, ``$x$``, ``:red[x]`` and ``:cat:`` would count.

    Colons and arrows are told from Streamlit's own by an invisible joiner after the character.
    """
    shown = plain(str(name), limit)
    return "".join(
        character if character.isalnum() or character in " " or not character.isascii() else f"&#{ord(character)};"
        for character in shown.replace(":", ":\u2060").replace("-", "-\u2060").replace("<", "<\u2060")
    )


def link(url: str, inner: str, **attributes: str) -> str:
    """A link inside the dashboard; ``inner`` is HTML."""
    more = "".join(f' {name.rstrip("_")}="{html.escape(value)}"' for name, value in attributes.items())
    return f'<a href="{html.escape(url)}" target="_self"{more}>{inner}</a>'


def verdict_tag(verdict: str) -> str:
    """Shape and word of a verdict, in its colour."""
    return f'<span class="tag {text(verdict)}">{VERDICT_SHAPES[verdict]} {text(VERDICT_WORDS[verdict])}</span>'


def show(markup: str) -> None:
    """Draw our own HTML; Streamlit removes what could run."""
    st.html(f'<div class="au">{markup}</div>')


def draw(template: str, **values: Any) -> None:
    """Draw a template of ``reports/templates/dashboard``, which escapes every value."""
    given = {"shapes": VERDICT_SHAPES, "words": VERDICT_WORDS, "reading": READING, **values}
    show(environment().get_template(f"dashboard/{template}.html.j2").render(given))
