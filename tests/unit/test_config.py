import datetime
from pathlib import Path

import pytest
import typer

from auditor.cli import app
from auditor.config import AuditConfig, CoreEntry, find_settings_file, flag_of, make_config, settings_named
from auditor.errors import InputError

RUN = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]  # a group
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


def test_examples_are_relative_to_the_file_and_their_place_is_no_setting(tmp_path):
    file = tmp_path / "auditor.toml"
    text = 'data = "val"\nmodel = "timm:x"\nout = "/a"\n'
    file.write_text(text + '[concepts.snow]\nyes = "snow"\nno = "~/other"\n')
    config = make_config({}, file)
    assert (config.concepts["snow"].yes, config.concepts["snow"].no) == (tmp_path / "snow", Path.home() / "other")
    file.write_text(text)
    assert config.digest() == make_config({}, file).digest()


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
        ("tolerance = 0", "setting 'tolerance' = '0': input should be greater than 0"),
        ("tolerance = 20", "setting 'tolerance' = '20': input should be less than 1"),
        ('tolerance = "20 %"', "setting 'tolerance' = '20 %': input should be a valid number"),
        ('[attributes]\nexlude = ["a"]', "unknown setting 'attributes.exlude'; did you mean 'exclude'?"),
        ('[attributes]\nexclude = "a"', "setting 'attributes.exclude' = 'a': input should be a valid tuple"),
        ("[concepts.snow]\nyes = 'a'", r"^\[concepts.snow\]: no is missing; expected folder or list of pictures that"),
        ("[concepts.snow]\nyes = 'a'\nnoo = 'b'", r"\[concepts.snow\]: unknown key 'noo'; did you mean 'no'\?"),
        ("[concepts.snow]\nyes = 3\nno = 'b'", r"\[concepts.snow\]: yes = 3; expected folder of pictures that show it"),
        (
            "[concepts.snow]\nyes = 'a'\nno = 'b'\nkind = 'wether'",
            r"\[concepts.snow\]: unknown kind 'wether'; nearest is 'weather'; expected one of object, part, scene",
        ),
        ("concepts = 'x'", r"^\[concepts.NAME\] = 'x'; expected a table with yes = \"folder\" and no = \"folder\"$"),
        ("[concepts]\nsnow = 'x'", r"^\[concepts.snow\] = 'x'; expected a table with yes"),
        ('core = "x"', r"'core' = 'x' gives no reason; write under \[core.CLASS\] a line for each concept: CONCEPT = "),
        (
            '[core]\nduck = ["water", "ice"]',
            r"^'core.duck' = \['water', 'ice'\] gives no reason; write under \[core.duck\] a line for each concept: "
            r'water = "why the class may rest on it", or water = {reason = "…", who = "…", expires = 2030-01-31}$',
        ),
        (
            '[core]\n"polar bear" = "ice"',
            r"'core.polar bear' = 'ice' gives no reason; write under \[core.'polar bear'\]",
        ),
        ('[core.duck]\nwater = " "', r"\[core.duck\] water: reason = ' '; expected why the class may rest on it"),
        ("[core.duck]\nwater = true", r"\[core.duck\] water = True is no reason; write under"),
        ('[core.duck]\nwater = {who = "Ann"}', r"\[core.duck\] water gives no reason; write under"),
        ('[core.duck]\nwater = {reson = "x"}', r"\[core.duck\] water: unknown key 'reson'; did you mean 'reason'\?"),
        ('[core.duck]\nwater = {reason = "x", who = ""}', r"\[core.duck\] water: who = ''; expected who says so"),
        ('[core.duck]\nwater = {reason = "x", expires = 0}', r"expires = 0; expected a date like 2030-01-31"),
        ('[core.duck]\nwater = {reason = "x", expires = "soon"}', r"expires = 'soon'; expected a date like 2030-01-31"),
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
    with pytest.raises(
        InputError, match=r"^1 setting is missing: --model \(torchvision:NAME, .*; give it as a flag, or"
    ):
        make_config({"data": Path("d"), "out": Path("o")})


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    file = tmp_path / "auditor.toml"
    file.write_text('data = "d"\nout = "o"\nseed = -1\n[core]\nduck = "water"\n')
    with pytest.raises(InputError) as caught:
        make_config({"tolerance": 20.0}, file)
    missing, core, seed, tolerance = str(caught.value).split("; besides, ")
    assert missing.startswith("1 setting is missing: --model (")
    assert core.startswith("'core.duck' = 'water' gives no reason")
    assert seed == f"setting 'seed' = '-1': input should be greater than or equal to 0 (set in {file})"
    assert tolerance == "setting 'tolerance' = '20.0': input should be less than 1 (set by --tolerance)"
    file.write_text("modle = 1\nsede = 2\nzzz = 3\n")
    with pytest.raises(InputError) as caught:
        make_config({}, file)
    assert str(caught.value) == (
        f"unknown settings 'modle', 'sede', 'zzz' in {file}; did you mean 'model'? did you mean 'seed'?"
    )


def test_every_setting_has_its_flag_or_is_a_table(tmp_path):
    flags = {param.name: set(param.opts) for param in RUN.params}
    for key in AuditConfig.model_fields:
        name = flag_of(key)
        assert name is None or name in flags[key if key in flags else f"no_{key}"], key
    assert [key for key in AuditConfig.model_fields if flag_of(key) is None] == [
        "thresholds",
        "core",
        "attributes",
        "exposure",
        "concepts",
    ]


def test_the_help_of_run_shows_the_defaults_of_the_settings():
    shown = {param.name: param.show_default for param in RUN.params}
    for key, field in AuditConfig.model_fields.items():
        if isinstance(field.default, str | int | float) and not isinstance(field.default, bool) and key != "jobs":
            default = str(shown[key]).replace("open_clip's ", "open_clip:")  # one word would be cut at 80 columns
            assert default == str(field.default), key
    assert shown["jobs"] == "one per core"


@pytest.mark.parametrize(
    ("message", "keys"),
    [
        ("weights w.pt: no such file", ["weights"]),
        ("folder 'x' holds no pictures", ["data"]),
        ("give another --target-layer", ["target_layer"]),
        ("choose another --out, then add --resume", ["out"]),
        ("read it, then add --trust-code", []),
        ("the audit is damaged", []),
        ("labels unknown; say which is which with --class-map FILE, or --weights", ["weights", "class_map"]),
    ],
)
def test_settings_that_a_message_names(message, keys):
    assert settings_named(message) == keys


def test_the_digest_holds_what_changes_the_audit_and_nothing_else():
    config = AuditConfig(**BASE)
    assert config.digest() == AuditConfig(**{**BASE, "out": Path("elsewhere"), "jobs": 7, "batch_size": 1}).digest()
    assert config.digest() == AuditConfig(**{**BASE, "data": Path("elsewhere"), "weights": Path("w.pt")}).digest()
    assert config.digest() != AuditConfig(**BASE, seed=1).digest()
    assert config.digest() == AuditConfig(**BASE, tolerance=0.2).digest() != AuditConfig(**BASE, tolerance=0.1).digest()
    cores = {"a": {"x": "why"}, "b": {"y": "why"}}, {"b": {"y": "why"}, "a": {"x": "why"}}
    assert len({AuditConfig(**BASE, core=core).digest() for core in cores}) == 1


def test_tables_of_core_concepts_and_attributes(tmp_path):
    file = tmp_path / "auditor.toml"
    file.write_text("""
[core.duck]
water = "it swims"
[core."polar bear"]
snow = {reason = "its home", who = "Ann", expires = 2030-01-31}
ice = {reason = "its home", expires = "2030-01-31"}
[attributes]
exclude = ["serial"]
""")
    config = make_config(BASE, file)
    assert config.core["duck"] == {"water": CoreEntry(reason="it swims")}
    snow = config.core["polar bear"]["snow"]
    assert (snow.reason, snow.who, snow.expires) == ("its home", "Ann", datetime.date(2030, 1, 31))
    assert config.core["polar bear"]["ice"].expires == snow.expires
    assert AuditConfig.model_validate(config.model_dump(mode="json")) == config
    assert not snow.expired(datetime.date(2030, 1, 31))
    assert snow.expired(datetime.date(2030, 2, 1))
    assert (config.attributes.include, config.attributes.exclude) == (None, ("serial",))
    assert config.digest() != AuditConfig(**BASE).digest()


def test_without_a_model():
    assert AuditConfig(**BASE).examines_model
    assert not AuditConfig(**{**BASE, "model": "none"}).examines_model
