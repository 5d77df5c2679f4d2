"""Buttons that give a list of pictures as files: a table, or paths alone."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from auditor.errors import InputError
from auditor.figures import counted
from auditor.store.queries.picture_lists import GridPicture
from reports.dashboard import markup
from reports.dashboard.arranged import csv_file, file_name, path_file


def show_files(pictures: Sequence[GridPicture], *name: str | None, key: str) -> None:
    """Draw them.

    Args:
        pictures: all of the list.
        name: words that the files are called by.
        key: tells the buttons from others.
    """
    st.download_button(
        f"{counted(len(pictures), 'picture')} as CSV",
        csv_file(pictures),
        file_name(*name, ending="csv"),
        "text/csv",
        on_click="ignore",
        key=f"{key}-csv",
        disabled=not pictures,
        help="path, label, called, confidence, presence and share of the words, of all pages, in this order",
    )
    try:
        paths, told = path_file(pictures), "one path a line, from the folder of the data"
    except InputError as error:
        paths, told = "", markup.label(error, 200)
    st.download_button(
        "Paths",
        paths,
        file_name(*name, ending="txt"),
        "text/plain",
        on_click="ignore",
        key=f"{key}-paths",
        disabled=not pictures or not paths,
        help=told,
    )
