"""Folders of examples that an audit names are read only by those who trust whoever made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.named_files import check_named_examples

NAMED = {"snow": (Path("/etc/ssl"), Path("no"))}


def test_no_folder_that_an_audit_names_is_read_unasked():
    with pytest.raises(InputError) as refused:
        check_named_examples(Path("audit"), NAMED, trust_code=False)
    assert str(refused.value) == (
        "the audit at audit names examples of 'snow' in '/etc/ssl', which whoever made it chose, so they are not read "
        "unasked: give --trust-code"
    )


def test_trust_and_nothing_to_trust_pass():
    check_named_examples(Path("audit"), NAMED, trust_code=True)
    check_named_examples(Path("audit"), {}, trust_code=False)
