import datetime
from pathlib import Path

import pytest

from auditor.config import AuditConfig, CoreEntry, find_settings_file, make_config
from auditor.errors import InputError

BASE = {"data": Path("d"), "model": "m", "out": Path("o")}


def test_a_flag_wins_over_the_file_and_the_file_over_the_default(tmp_path):
    file = tmp_path / "auditor.toml"
    file.write_text('data = "val"\nmodel = "timm:x"\nout = "/a"\nseed = 3\nn_extreme = 9\n')
    config = make_config({"seed": 5, "n_extreme": None}, file)
    assert (config.seed, config.n_extreme, config.batch_size) == (5, 9, 32)


def test_paths_of_the_file_are_relative_to_the_file(tmp_path):
    file = tmp_path / "auditor.toml"
    file.write_text('data = "val"\nmodel = "timm:x"\nout = "/a"\n')
    config = make_config({}, file)
    assert config.data == tmp_path / "val"
    file.write_text('data = "~/val"\nmodel = "timm:x"\nout = "/a"\n')
    assert make_config({}, file).data == Path.home() / "val"
    assert config.out == Path("/a")


def test_table_of_pyproject(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.auditor]\nmodel = "timm:y"\n')
    file = find_settings_file(tmp_path)
    assert file is not None
    assert make_config({"data": Path("d"), "out": Path("o")}, file).model == "timm:y"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('modle = "x"', "unknown setting 'modle' in .*; did you mean 'model'?"),
        ("n_extreme = 1", "setting 'n_extreme' = '1': input should be greater than or equal to 2"),
        ("seed = ", "is not valid TOML"),
        ('[attributes]\nexlude = ["a"]', "unknown setting 'attributes.exlude'; did you mean 'exclude'?"),
        ('[attributes]\nexclude = "a"', "setting 'attributes.exclude' = 'a': input should be a valid tuple"),
        (
            '[core]\nduck = "water"',
            r"but not why; write a table, \[core.\"duck\"\] with \"water\" = ",
        ),
        ('[core]\nduck = ["water", "ice"]', r"\[core\] says of 'duck' that it may rest on 'water', but not why"),
        ('[core.duck]\nwater = " "', "setting 'core.duck.water.reason' = ' ': string should match"),
        ('[core.duck]\nwater = {who = "Ann"}', "setting 'core.duck.water.reason' is missing"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, text, message):
    file = tmp_path / "auditor.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        make_config(BASE, file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["true", "false", '"yes"'])
@pytest.mark.parametrize(("name", "table"), [("auditor.toml", ""), ("pyproject.toml", "[tool.auditor]\n")])
def test_no_file_says_that_code_may_run(tmp_path, name, table, value):
    file = tmp_path / name
    file.write_text(f"{table}trust_code = {value}\n")
    with pytest.raises(
        InputError, match=r"sets trust_code, which no file may: .* give the flag --trust-code"
    ) as caught:
        make_config({**BASE, "trust_code": True}, file)
    assert "\n" not in str(caught.value)
    assert make_config({**BASE, "trust_code": True}).trust_code is True


def test_a_missing_setting_says_how_to_give_it():
    with pytest.raises(InputError, match="setting 'model' is missing: give --model"):
        make_config({"data": Path("d"), "out": Path("o")})


def test_the_digest_holds_what_changes_the_audit_and_nothing_else():
    config = AuditConfig(**BASE)
    assert config.digest() == AuditConfig(**{**BASE, "out": Path("elsewhere"), "jobs": 7, "batch_size": 1}).digest()
    assert config.digest() == AuditConfig(**{**BASE, "data": Path("elsewhere"), "weights": Path("w.pt")}).digest()
    assert config.digest() != AuditConfig(**BASE, seed=1).digest()
    cores = {"a": {"x": "why"}, "b": {"y": "why"}}, {"b": {"y": "why"}, "a": {"x": "why"}}
    assert len({AuditConfig(**BASE, core=core).digest() for core in cores}) == 1


def test_tables_of_core_concepts_and_attributes(tmp_path):
    file = tmp_path / "auditor.toml"
    file.write_text("""
[core.duck]
water = "it swims"
[core."polar bear"]
snow = {reason = "its home", who = "Ann", expires = 2030-01-31}
[attributes]
exclude = ["serial"]
""")
    config = make_config(BASE, file)
    assert config.core["duck"] == {"water": CoreEntry(reason="it swims")}
    snow = config.core["polar bear"]["snow"]
    assert (snow.reason, snow.who, snow.expires) == ("its home", "Ann", datetime.date(2030, 1, 31))
    assert not snow.expired(datetime.date(2030, 1, 31))
    assert snow.expired(datetime.date(2030, 2, 1))
    assert (config.attributes.include, config.attributes.exclude) == (None, ("serial",))
    assert config.digest() != AuditConfig(**BASE).digest()


def test_without_a_model():
    assert AuditConfig(**BASE).examines_model
    assert not AuditConfig(**{**BASE, "model": "none"}).examines_model
