import pytest

from auditor.wording import first_of, inert, plain, quote_list


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", "a b c"), ("\x00\x07x\x1b[31m", "x[31m"), ("\u202egnp.exe", "gnp.exe"),
        ("a\u2028b", "a b"), ("\ufeffé水", "é水"), ("क\u094d\u200dष", "क\u094d\u200dष"), ("", ""), ("  ", ""),
    ],
)  # fmt: skip
def test_plain(text, shown):
    assert plain(text) == shown


def test_plain_cuts():
    assert plain("watermark", 9) == "watermark"
    assert plain("watermark", 6) == "water…"
    assert plain("a waterbird", 3) == "a…"


def test_inert_is_no_command_to_a_ci():
    assert inert("a\n::error::x ##[group] ##vso[task]") == "a : :error: :x # #[group] # #vso[task]"
    assert inert("watermark", 6) == "water…"


def test_the_first_entries_and_how_many_more():
    assert first_of(["a", "b"], 2) == "a, b"
    assert first_of([], 2) == ""
    assert first_of(["a", "b", *["c"] * 1_204], 2, between="; ") == "a; b and 1,204 more"
    assert quote_list(["a", "b", "c"], 2) == "'a', 'b' and 1 more"
    assert quote_list([]) == "none"
